//! What happened on the tape, in the order in which it is told: bars of the minute that is over first,
//! then what the new one begins with.

use super::convert;
use super::endpoint::Endpoint;
use super::subscription::Channel;
use alpaca::model::{DataMessage, Of};
use exchange::Market;
use messages::Time;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

const MINUTE: i64 = 60_000_000_000;
/// All times of the tape are multiples of this.
const GRID: i64 = 15_000_000_000;

/// Something to tell, and when.
pub(super) struct Event<'a> {
    pub(super) at: Time,
    pub(super) channel: Channel,
    pub(super) symbol: &'a str,
    /// An order book is whole here, whatever its listeners know already.
    pub(super) message: DataMessage,
}

type Told<'a> = Box<dyn Iterator<Item = Event<'a>> + 'a>;

/// Whether anything can have happened in (from, to].
pub(super) fn may_tell(from: Time, to: Time) -> bool {
    from.0.div_euclid(GRID) < to.0.div_euclid(GRID)
}

/// All that happened to `asset` in (from, to] on `channel`, ascending. There are no late trades, halts
/// and price bands on this market, so channels about these are silent.
pub(super) fn on<'a>(
    market: &'a Market,
    asset: usize,
    channel: Channel,
    endpoint: &Endpoint,
    (from, to): (Time, Time),
) -> Told<'a> {
    let iex = *endpoint == Endpoint::Iex;
    let what = &market.assets()[asset];
    let symbol = what.symbol.as_str();
    let event = move |at: Time, message: DataMessage| Event { at, channel, symbol, message };
    // A bar is told when it is over: those that are over after `from` began after the last full minute.
    let minutes = || market.minutes(asset, Time(from.0 - from.0.rem_euclid(MINUTE)), to);
    match channel {
        Channel::Trades => Box::new(market.ticks(asset, from, to).map(move |tick| {
            event(tick.at, DataMessage::Trade(of(symbol, convert::trade(what, &tick, iex))))
        })),
        Channel::Quotes => Box::new(market.quotes(asset, from, to).map(move |quote| {
            event(quote.at, DataMessage::Quote(of(symbol, convert::quote(what, &quote, iex))))
        })),
        Channel::Bars => Box::new(minutes().map(move |bar| {
            event(end(bar.start), DataMessage::Bar(of(symbol, convert::bar(&bar))))
        })),
        Channel::DailyBars => Box::new(minutes().filter_map(move |bar| {
            let session = market.session_of(asset, bar.start)?;
            // Without what the next minute begins with.
            let day = market.day_so_far(asset, session, Time(end(bar.start).0 - 1))?;
            Some(event(end(bar.start), DataMessage::DailyBar(of(symbol, convert::bar(&day)))))
        })),
        Channel::Orderbooks => Box::new(market.ticks(asset, from, to).filter_map(move |tick| {
            let depth = market.depth(asset, tick.at)?;
            Some(event(tick.at, DataMessage::Orderbook(of(symbol, convert::book(&depth)))))
        })),
        Channel::UpdatedBars
        | Channel::Statuses
        | Channel::Lulds
        | Channel::Imbalances
        | Channel::News => Box::new(std::iter::empty()),
    }
}

fn of<T>(symbol: &str, data: T) -> Of<T> {
    Of { symbol: symbol.to_owned(), data }
}

fn end(start: Time) -> Time {
    Time(start.0 + MINUTE)
}

/// Of many assets and channels, one after the other by time. At the same time: minute bars, daily bars,
/// trades, quotes, order books; then by symbol, as `sources` are.
pub(super) fn merged(sources: Vec<Told<'_>>) -> impl Iterator<Item = Event<'_>> {
    let mut sources: Vec<_> = sources.into_iter().map(Iterator::peekable).collect();
    let key = |event: &Event, index: usize| Reverse((event.at, rank(event.channel), index));
    let mut heap = BinaryHeap::new();
    for (index, source) in sources.iter_mut().enumerate() {
        heap.extend(source.peek().map(|event| key(event, index)));
    }
    std::iter::from_fn(move || {
        let Reverse((_, _, index)) = heap.pop()?;
        let event = sources[index].next();
        heap.extend(sources[index].peek().map(|event| key(event, index)));
        event
    })
}

fn rank(channel: Channel) -> u8 {
    match channel {
        Channel::Bars => 0,
        Channel::DailyBars => 1,
        Channel::Trades => 2,
        Channel::Quotes => 3,
        _ => 4,
    }
}
