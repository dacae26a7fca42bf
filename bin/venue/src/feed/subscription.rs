//! What a client has asked to hear of.

use super::endpoint::Endpoint;
use alpaca::model::Channels;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Channel {
    Trades,
    Quotes,
    Bars,
    UpdatedBars,
    DailyBars,
    Statuses,
    Lulds,
    Imbalances,
    Orderbooks,
    News,
}

/// All symbols.
const STAR: &str = "*";

/// Symbols by channel, as the client wrote them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Subscription(BTreeMap<Channel, BTreeSet<String>>);

/// Why a subscription is refused, by Alpaca's code.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// 400
    Symbol,
    /// 405
    Limit,
    /// 410
    Channel,
}

impl Subscription {
    pub(super) fn wants(&self, channel: Channel, symbol: &str) -> bool {
        let symbols = self.0.get(&channel);
        symbols.is_some_and(|symbols| symbols.contains(symbol) || symbols.contains(STAR))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.values().all(BTreeSet::is_empty)
    }

    /// What it is with `asked` added. Nothing of it holds if any of it is wrong.
    pub(super) fn with(
        &self,
        asked: &Channels,
        endpoint: &Endpoint,
        limit: Option<usize>,
    ) -> Result<Self, Wrong> {
        let mut new = self.clone();
        for (channel, symbols) in channels(asked) {
            if !symbols.is_empty() && !endpoint.offers(channel) {
                return Err(Wrong::Channel);
            }
            if !symbols.iter().all(|symbol| endpoint.is_symbol(symbol)) {
                return Err(Wrong::Symbol);
            }
            new.0.entry(channel).or_default().extend(symbols.iter().cloned());
        }
        match limit {
            Some(limit) if endpoint.is_limited() && new.weight() > limit => Err(Wrong::Limit),
            _ => Ok(new),
        }
    }

    /// What it is with `asked` taken away.
    pub(super) fn without(&self, asked: &Channels, endpoint: &Endpoint) -> Result<Self, Wrong> {
        let mut new = self.clone();
        for (channel, symbols) in channels(asked) {
            if !symbols.is_empty() && !endpoint.offers(channel) {
                return Err(Wrong::Channel);
            }
            if let Some(held) = new.0.get_mut(&channel) {
                held.retain(|symbol| !symbols.contains(symbol));
            }
        }
        Ok(new)
    }

    /// What of a plan's limit it takes: trades and quotes count, and a star is more than any limit.
    fn weight(&self) -> usize {
        let weigh = |channel| {
            self.0.get(&channel).map_or(0, |symbols| {
                if symbols.contains(STAR) { usize::MAX / 2 } else { symbols.len() }
            })
        };
        weigh(Channel::Trades) + weigh(Channel::Quotes)
    }

    /// All of it, as the answer to a change has it: with each channel that the endpoint offers.
    pub(super) fn state(&self, endpoint: &Endpoint) -> Channels {
        let of = |channel| {
            let symbols = || self.0.get(&channel).into_iter().flatten().cloned().collect();
            endpoint.offers(channel).then(symbols)
        };
        let trades: Option<Vec<String>> = of(Channel::Trades);
        let repairs = trades.clone().filter(|_| endpoint.repairs_trades());
        Channels {
            trades,
            quotes: of(Channel::Quotes),
            bars: of(Channel::Bars),
            updated_bars: of(Channel::UpdatedBars),
            daily_bars: of(Channel::DailyBars),
            statuses: of(Channel::Statuses),
            lulds: of(Channel::Lulds),
            // Has to be asked for.
            imbalances: of(Channel::Imbalances).filter(|symbols| !symbols.is_empty()),
            corrections: repairs.clone(),
            cancel_errors: repairs,
            orderbooks: of(Channel::Orderbooks),
            news: of(Channel::News),
        }
    }
}

/// What is said of each channel. Corrections and cancellations come with trades and can't be had
/// without them, so that asking for them changes nothing.
fn channels(asked: &Channels) -> impl Iterator<Item = (Channel, &[String])> {
    let said = [
        (Channel::Trades, &asked.trades),
        (Channel::Quotes, &asked.quotes),
        (Channel::Bars, &asked.bars),
        (Channel::UpdatedBars, &asked.updated_bars),
        (Channel::DailyBars, &asked.daily_bars),
        (Channel::Statuses, &asked.statuses),
        (Channel::Lulds, &asked.lulds),
        (Channel::Imbalances, &asked.imbalances),
        (Channel::Orderbooks, &asked.orderbooks),
        (Channel::News, &asked.news),
    ];
    said.into_iter().filter_map(|(channel, symbols)| Some((channel, symbols.as_deref()?)))
}
