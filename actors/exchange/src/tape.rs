//! The one tape that everything shown of the market is derived from: trades, quotes, minute bars.
//!
//! What happened by `now` is what has `at <= now`. See [`path`](super::path) for how a daily bar becomes
//! trades.

use super::market::Market;
use super::path::{Path, Point, SLOT, SLOTS_PER_MINUTE};
use super::scale::decimal;
use messages::{Side, Time};
use rust_decimal::Decimal;
use std::sync::Arc;

const MINUTE: i64 = 60_000_000_000;
/// Levels on each side of an order book.
const LEVELS: i64 = 10;

/// A trade. Prices and sizes have no trailing zeros; sizes of equities are whole shares, unless a bar
/// has fewer shares than prices.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Tick {
    pub at: Time,
    pub price: Decimal,
    pub size: Decimal,
    /// Ascending over all trades of one asset; positive.
    pub id: u64,
    /// Whether the taker bought or sold.
    pub taker: Side,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    pub at: Time,
    pub bid: Decimal,
    pub bid_size: Decimal,
    pub ask: Decimal,
    pub ask_size: Decimal,
}

/// An order book: price and size, best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Depth {
    pub at: Time,
    pub bids: Vec<(Decimal, Decimal)>,
    pub asks: Vec<(Decimal, Decimal)>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Left edge; midnight for a day.
    pub start: Time,
    pub open: Decimal,
    pub high: Decimal,
    pub low: Decimal,
    pub close: Decimal,
    pub volume: Decimal,
    pub trades: u64,
    pub vwap: Decimal,
}

impl Market {
    /// In `from < at <= to`, ascending, over any number of sessions; one session at a time is worked out.
    pub fn ticks(
        &self,
        asset: usize,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = Tick> + '_ {
        self.paths(asset, from, to).flat_map(move |(_, path)| {
            path.between(from, to).map(move |at| path.tick(&path.points()[at]))
        })
    }

    /// The last one at or before `now`.
    pub fn last_tick(&self, asset: usize, now: Time) -> Option<Tick> {
        let (path, _, at) = self.last(asset, now)?;
        Some(path.tick(&path.points()[at]))
    }

    /// The price of the last tick at or before `now`. At the open and after the close, this is known
    /// without working out the session.
    pub fn price(&self, asset: usize, now: Time) -> Option<Decimal> {
        let sessions = self.sessions(asset);
        let opened = sessions.opened_by(now);
        let shape = (0..opened).rev().find_map(|session| self.shape(asset, session))?;
        let price = |units| decimal(units, shape.price_scale);
        if now.0 < shape.session.open.0 + SLOT {
            return Some(price(shape.open));
        }
        if now.0 >= shape.session.close.0 - SLOT {
            return Some(price(shape.close));
        }
        self.last_tick(asset, now).map(|tick| tick.price)
    }

    /// Around the last tick, at its time: the cost model's half-spread away from it, half a price
    /// increment at least, rounded outwards.
    pub fn quote(&self, asset: usize, now: Time) -> Option<Quote> {
        let (path, session, at) = self.last(asset, now)?;
        Some(path.quote(&path.points()[at], self.half_spread_bp(asset, session, &path.shape)))
    }

    /// One for each tick in `from < at <= to`.
    pub fn quotes(
        &self,
        asset: usize,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = Quote> + '_ {
        self.paths(asset, from, to).flat_map(move |(session, path)| {
            let spread = self.half_spread_bp(asset, session, &path.shape);
            path.between(from, to).map(move |at| path.quote(&path.points()[at], spread))
        })
    }

    /// The order book around [`Market::quote`].
    pub fn depth(&self, asset: usize, now: Time) -> Option<Depth> {
        let (path, session, at) = self.last(asset, now)?;
        Some(path.depth(&path.points()[at], self.half_spread_bp(asset, session, &path.shape)))
    }

    /// Bars of whole minutes: begun at `from` or later, over by `to`. A minute without a trade has none.
    pub fn minutes(
        &self,
        asset: usize,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = Bar> + '_ {
        // What comes after `from - 1` is what begins at `from` or later.
        let before = Time(from.0.saturating_sub(1));
        self.paths(asset, before, to).flat_map(move |(_, path)| path.minutes(from, to))
    }

    /// The daily bar of `session` as far as it had come by `now`; `None` before its first trade.
    pub fn day_so_far(&self, asset: usize, session: usize, now: Time) -> Option<Bar> {
        let shape = self.shape(asset, session)?;
        if now < shape.session.close {
            let path = self.path(asset, session)?;
            let so_far = path.between(Time(i64::MIN), now);
            return path.bar(shape.session.midnight, &path.points()[so_far]);
        }
        let price = |units| decimal(units, shape.price_scale);
        Some(Bar {
            start: shape.session.midnight,
            open: price(shape.open),
            high: price(shape.high),
            low: price(shape.low),
            close: price(shape.close),
            volume: decimal(shape.volume, shape.size_scale),
            trades: shape.trades() as u64,
            vwap: price(shape.vwap()),
        })
    }

    /// Of the sessions that may have something in `from < at <= to`.
    fn paths(
        &self,
        asset: usize,
        from: Time,
        to: Time,
    ) -> impl DoubleEndedIterator<Item = (usize, Arc<Path>)> + '_ {
        let sessions = self.sessions(asset).between(from, to);
        sessions.filter_map(move |session| Some((session, self.path(asset, session)?)))
    }

    /// Where the last tick is: its session's path, that session, and its place in the path.
    fn last(&self, asset: usize, now: Time) -> Option<(Arc<Path>, usize, usize)> {
        let opened = self.sessions(asset).opened_by(now);
        // The first trade is at the open: a session that has opened and trades has one.
        let (session, path) =
            (0..opened).rev().find_map(|session| Some((session, self.path(asset, session)?)))?;
        let at = path.between(Time(i64::MIN), now).end.checked_sub(1)?;
        Some((path, session, at))
    }
}

impl Path {
    fn tick(&self, point: &Point) -> Tick {
        Tick {
            at: self.at(point),
            price: decimal(point.price, self.shape.price_scale),
            size: decimal(point.size, self.shape.size_scale),
            id: self.id(point),
            taker: if point.bought { Side::Buy } else { Side::Sell },
        }
    }

    fn quote(&self, point: &Point, half_spread_bp: f64) -> Quote {
        let (bid, ask) = self.spread(point, half_spread_bp);
        let [bid_size, ask_size] = self.quoted(point, 0);
        Quote {
            at: self.at(point),
            bid: decimal(bid, self.shape.price_scale),
            bid_size: decimal(bid_size, self.shape.size_scale),
            ask: decimal(ask, self.shape.price_scale),
            ask_size: decimal(ask_size, self.shape.size_scale),
        }
    }

    fn depth(&self, point: &Point, half_spread_bp: f64) -> Depth {
        let (bid, ask) = self.spread(point, half_spread_bp);
        let step = (ask - bid).max(self.shape.tick());
        let level = |price: i64, size: i64| {
            (decimal(price, self.shape.price_scale), decimal(size, self.shape.size_scale))
        };
        let sizes: Vec<[i64; 2]> = (0..LEVELS).map(|n| self.quoted(point, n)).collect();
        let prices = |best: i64, step: i64| (0..LEVELS).map(move |n| best + n * step);
        Depth {
            at: self.at(point),
            bids: prices(bid, -step)
                .zip(&sizes)
                .filter(|(price, _)| *price > 0)
                .map(|(price, sizes)| level(price, sizes[0]))
                .collect(),
            asks: prices(ask, step)
                .zip(&sizes)
                .map(|(price, sizes)| level(price, sizes[1]))
                .collect(),
        }
    }

    /// Bid and ask. Below one price increment, there is half of what there is.
    fn spread(&self, point: &Point, half_spread_bp: f64) -> (i64, i64) {
        let tick = self.shape.tick();
        let half = (point.price as f64 * half_spread_bp / 1e4).max(tick as f64 / 2.0) as i64;
        let bid = (point.price - half).div_euclid(tick) * tick;
        let ask = (point.price + half + tick - 1).div_euclid(tick) * tick;
        (if bid > 0 { bid } else { (point.price / 2).max(1) }, ask.max(point.price + 1))
    }

    /// What is quoted on both sides at a level: thousandths of the day's volume, in round lots of shares.
    fn quoted(&self, point: &Point, level: i64) -> [i64; 2] {
        // A multiplicative hash (Knuth): which sizes stand in the book has nothing to do with the walk.
        let hash = (self.id(point) + level as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let lot = if self.shape.auctions && self.shape.size_scale == 0 { 100 } else { 1 };
        [hash >> 60, (hash >> 56) & 15].map(|luck| {
            let size = self.shape.volume / 8_000 * (1 + luck as i64 + 2 * level);
            (size / lot * lot).max(lot)
        })
    }

    fn minutes(&self, from: Time, to: Time) -> std::vec::IntoIter<Bar> {
        let open = self.shape.session.open.0;
        let start = |minute: u16| Time(open + i64::from(minute) * MINUTE);
        let minutes =
            self.points().chunk_by(|a, b| a.slot / SLOTS_PER_MINUTE == b.slot / SLOTS_PER_MINUTE);
        let bars: Vec<Bar> = minutes
            .map(|points| (start(points[0].slot / SLOTS_PER_MINUTE), points))
            .filter(|(start, _)| *start >= from && start.0 + MINUTE <= to.0)
            .filter_map(|(start, points)| self.bar(start, points))
            .collect();
        bars.into_iter()
    }

    fn bar(&self, start: Time, points: &[Point]) -> Option<Bar> {
        let (first, last) = (points.first()?, points.last()?);
        let volume: i64 = points.iter().map(|point| point.size).sum();
        let value = |point: &Point| i128::from(point.price) * i128::from(point.size);
        let value: i128 = points.iter().map(value).sum();
        let vwap = (value + i128::from(volume / 2)) / i128::from(volume);
        let prices = points.iter().map(|point| point.price);
        let price = |units| decimal(units, self.shape.price_scale);
        Some(Bar {
            start,
            open: price(first.price),
            high: price(prices.clone().max()?),
            low: price(prices.min()?),
            close: price(last.price),
            volume: decimal(volume, self.shape.size_scale),
            trades: points.len() as u64,
            // A mean of prices is no larger than they are.
            vwap: price(vwap as i64),
        })
    }
}
