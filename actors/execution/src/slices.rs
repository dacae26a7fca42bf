//! One order after the other towards what is missing of a name: numbered, spaced and priced here, for whoever has something
//! to reach: [`crate::plan`], [`crate::closing`].
//!
//! - In the open market: `ioc`, at a limit within the collar of the last price we know, one a minute for each leg of a name.
//! - In the opening auction: one, at the market.
//! - All together no more in a minute than risk's token bucket lets through.

use crate::client_order_id;
use messages::{
    DenyReason, Features, Holding, Marked, Order, Price, SessionOpened, Shares, Side, Symbol,
    Targets, Time, TimeInForce,
};
use std::collections::{BTreeMap, VecDeque};

const MINUTE: i64 = 60 * 1_000_000_000;
/// Prices below a dollar have four decimals, others two.
const DOLLAR: Price = Price(1_000_000);

#[derive(Clone, Debug, Default)]
pub(crate) struct Slices {
    names: BTreeMap<Symbol, Name>,
    /// When the orders of the last minute left, and maybe some before.
    sent: VecDeque<Time>,
}

/// What is known of a name.
#[derive(Clone, Debug, Default)]
struct Name {
    /// What risk values it at.
    mark: Option<Price>,
    /// Of the last fill, or the venue's mark since.
    last: Option<Price>,
    /// Dollars a day.
    adv: Option<f64>,
    legs: [Leg; 3],
}

#[derive(Copy, Clone, Debug, Default)]
struct Leg {
    attempts: u32,
    /// The last of them in the open market.
    sliced: Option<Time>,
}

/// What is missing of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) symbol: Symbol,
    pub(crate) leg: u8,
    /// Signed, not 0.
    pub(crate) missing: Shares,
    /// Of one order; at least 1.
    pub(crate) most: Shares,
}

impl Slices {
    pub(crate) fn on_holding(&mut self, Holding { symbol, mark, .. }: &Holding) {
        self.name(symbol).mark = Some(*mark);
    }

    pub(crate) fn on_features(&mut self, features: &Features) {
        for symbol in &features.symbols {
            self.name(symbol).adv = features.adv(symbol);
        }
    }

    pub(crate) fn on_targets(&mut self, targets: &Targets) {
        for target in &targets.targets {
            self.name(&target.symbol).mark = Some(target.mark);
        }
    }

    pub(crate) fn on_price(&mut self, symbol: &Symbol, price: Price) {
        let name = self.name(symbol);
        name.last = Some(price);
        name.mark.get_or_insert(price);
    }

    pub(crate) fn on_marked(&mut self, marked: &Marked) {
        for (symbol, price) in &marked.prices {
            self.on_price(symbol, *price);
        }
    }

    /// An order left, whoever made it.
    pub(crate) fn on_sent(&mut self, at: Time) {
        while self.sent.front().is_some_and(|before| at.0 - before.0 >= MINUTE) {
            self.sent.pop_front();
        }
        self.sent.push_back(at);
    }

    /// What risk values it at, and dollars a day.
    pub(crate) fn mark_and_adv(&self, symbol: &Symbol) -> Option<(Price, Option<f64>)> {
        let name = self.names.get(symbol)?;
        Some((name.mark?, name.adv))
    }

    /// The limit of an order outside of the opening auction, or in it if the plan has limits.
    pub(crate) fn limit(&self, symbol: &Symbol, side: Side, mark: Price, collar: f64) -> Price {
        let last = self.names.get(symbol).and_then(|name| name.last);
        limit(side, last.unwrap_or(mark), collar)
    }

    /// When its last slice left: those that have waited longest come first.
    pub(crate) fn sliced(&self, symbol: &Symbol, leg: u8) -> Option<Time> {
        self.names.get(symbol)?.legs[usize::from(leg)].sliced
    }

    /// The next order of a name without an open one; `None`: not now.
    pub(crate) fn order(
        &mut self,
        wish: &Wish,
        opened: &SessionOpened,
        auction: bool,
        at: Time,
    ) -> Option<Order> {
        let Wish { symbol, leg, missing, most } = wish;
        let reference = self.names.get(symbol)?.mark?;
        if self.is_full(opened, at) {
            return None;
        }
        let Leg { attempts, sliced } = &mut self.name(symbol).legs[usize::from(*leg)];
        let within_a_minute = |before: Time| at.0 - before.0 < MINUTE;
        let early = if auction { *attempts > 0 } else { sliced.is_some_and(within_a_minute) };
        if early {
            return None;
        }
        let client_order_id = client_order_id(opened.session, symbol, *leg, *attempts);
        *attempts += 1;
        *sliced = (!auction).then_some(at);
        let side = if missing.0 > 0 { Side::Buy } else { Side::Sell };
        let collar = opened.execution.as_ref().map_or(0.0, |rules| rules.collar);
        Some(Order {
            client_order_id,
            symbol: symbol.clone(),
            side,
            quantity: missing.abs().min(*most),
            time_in_force: if auction { TimeInForce::Opg } else { TimeInForce::Ioc },
            leg: *leg,
            reference,
            limit: (!auction).then(|| self.limit(symbol, side, reference, collar)),
        })
    }

    /// One more would be too many for risk.
    fn is_full(&self, opened: &SessionOpened, at: Time) -> bool {
        let sent = self.sent.iter().filter(|before| at.0 - before.0 < MINUTE).count();
        opened.rules.as_ref().is_some_and(|rules| sent >= rules.orders_per_minute as usize)
    }

    fn name(&mut self, symbol: &Symbol) -> &mut Name {
        self.names.entry(symbol.clone()).or_default()
    }
}

/// Whether the same may be asked again later.
pub(crate) fn passes(reason: &DenyReason) -> bool {
    matches!(
        reason,
        DenyReason::TooManyOrders { .. }
            | DenyReason::SameAgain { .. }
            | DenyReason::Wash { .. }
            | DenyReason::Halted { .. }
    )
}

/// As far from `last` as the collar allows, on a price that can be quoted, never beyond.
fn limit(side: Side, Price(last): Price, collar: f64) -> Price {
    let worst = last + side.sign() * (last as f64 * collar) as i64;
    let tick = if Price(worst) < DOLLAR { 100 } else { 10_000 };
    let below = worst.div_euclid(tick) * tick;
    let within = if side == Side::Sell && below < worst { below + tick } else { below };
    // No price is less than a tick.
    Price(within.max(tick))
}
