//! How one session of one asset went: a daily bar turned into trades.
//!
//! # The rule
//! A trade can fall on every 15th second from the open on. The first is at the open's price, the last, 15
//! seconds before the close, at the close's. One of those between is the session's high, one its low; the
//! others are a random walk through these four, folded into the range and rounded to the tick grid. Sizes
//! add up to the bar's volume, heavier at both ends of an exchange's day, and are weighted so that the
//! volume-weighted average price is [`Shape::vwap`]. Names with little volume don't trade in every
//! 15 seconds; how often they do is [`Shape::trades`]. So a daily bar's trade count and average price are
//! known without walking its path.
//!
//! The walk is a function of symbol, date and bar alone. It uses nothing that could differ from
//! machine to machine.

use super::calendar::Session;
use super::random::Random;
use messages::Time;
use std::cmp::Ordering;
use std::ops::Range;

const SECOND: i64 = 1_000_000_000;
/// Between two places where a trade can fall.
pub(super) const SLOT: i64 = 15 * SECOND;
pub(super) const SLOTS_PER_MINUTE: u16 = 4;
/// Dollars that a trade has on average, where the volume allows no trade in every slot.
const DOLLARS_PER_TRADE: f64 = 5_000.0;
/// First and last trade of an exchange's day are its auctions: so many times the usual.
const AUCTION: f64 = 15.0;

/// A daily bar in whole numbers. Prices count `10^-price_scale` dollars, sizes `10^-size_scale` shares
/// or coins.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) open: i64,
    pub(super) high: i64,
    pub(super) low: i64,
    pub(super) close: i64,
    /// Positive.
    pub(super) volume: i64,
    pub(super) price_scale: u32,
    pub(super) size_scale: u32,
    pub(super) session: Session,
    /// Trades cluster at open and close.
    pub(super) auctions: bool,
}

/// One trade.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) price: i64,
    pub(super) size: i64,
    /// 15 seconds each, from the open.
    pub(super) slot: u16,
    /// The taker bought.
    pub(super) bought: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Path {
    pub(super) shape: Shape,
    points: Vec<Point>,
}

impl Shape {
    /// A given bar's open or close may lie outside of its high and low; the trades' range has all four.
    fn range(&self) -> (i64, i64) {
        let low = self.low.min(self.open).min(self.close);
        (low, self.high.max(self.open).max(self.close))
    }

    /// Volume-weighted average price of the session: the mean of open, high, low and close.
    pub(super) fn vwap(&self) -> i64 {
        let (low, high) = self.range();
        let sum = [self.open, high, low, self.close].map(i128::from).iter().sum::<i128>();
        // Prices lie below 9e15 and 1e18: the mean does, too.
        ((sum + 2) / 4) as i64
    }

    /// How many trades the session has: four at least, for the four prices of the bar.
    pub(super) fn trades(&self) -> usize {
        let unit = |scale: u32| 10_f64.powi(scale as i32);
        let price = self.close as f64 / unit(self.price_scale);
        let dollars = price * self.volume as f64 / unit(self.size_scale);
        let affordable = (dollars / DOLLARS_PER_TRADE).min(self.volume as f64);
        (affordable as usize).clamp(4, usize::from(self.slots()))
    }

    /// What prices between the bar's own are multiples of. A share has cents, and a hundredth of one
    /// below a dollar; a coin six or seven digits.
    pub(super) fn tick(&self) -> i64 {
        match self.price_scale {
            6 if self.range().0 >= 1_000_000 => 10_000,
            6 => 100,
            _ => 10_i64.pow((self.range().0 / 1_000_000).max(1).ilog10()),
        }
    }

    fn slots(&self) -> u16 {
        let length = self.session.close.0 - self.session.open.0;
        u16::try_from(length / SLOT).expect("a session has a day at most")
    }
}

impl Path {
    /// `seed` tells one symbol from another.
    pub(super) fn new(shape: Shape, seed: u64) -> Self {
        // Every session has a stream of its own, numbered by its day.
        let mut random = Random::new(seed, shape.day());
        let mut points = places(&shape, &mut random);
        let (top, bottom) = walk(&shape, &mut points, &mut random);
        share_out(&shape, &mut points, (top, bottom), &mut random);
        Self { shape, points }
    }

    pub(super) fn points(&self) -> &[Point] {
        &self.points
    }

    pub(super) fn at(&self, point: &Point) -> Time {
        Time(self.shape.session.open.0 + SLOT * i64::from(point.slot))
    }

    /// Ascending over all sessions of one asset.
    pub(super) fn id(&self, point: &Point) -> u64 {
        self.shape.day() * 10_000 + u64::from(point.slot) + 1
    }

    /// Which of the points lie in `from < at <= to`.
    pub(super) fn between(&self, from: Time, to: Time) -> Range<usize> {
        let until = |limit: Time| self.points.partition_point(|point| self.at(point) <= limit);
        let first = until(from);
        first..until(to).max(first)
    }
}

impl Shape {
    /// Since 1970, by the date's own midnight; positive.
    fn day(&self) -> u64 {
        self.session.midnight.0.div_euclid(86_400 * SECOND).unsigned_abs()
    }
}

/// When there are trades: in the first slot, in the last, and in a random choice of the others. Size is
/// the weight of each, still to be scaled.
fn places(shape: &Shape, random: &mut Random) -> Vec<Point> {
    let (slots, trades) = (shape.slots(), shape.trades());
    let last = slots - 1;
    let mut points = Vec::with_capacity(trades);
    let mut wanted = trades - 2;
    for slot in 0..slots {
        let inner = slot > 0 && slot < last;
        if inner {
            // Every choice of so many is as likely as any other (Knuth, algorithm S).
            let left = usize::from(last - slot);
            if wanted < left && random.coarse() * left as f64 >= wanted as f64 {
                continue;
            }
            wanted -= 1;
        }
        points.push(Point { price: 0, size: 0, slot, bought: false });
    }
    points
}

/// Gives every point its price; where the high and the low are.
fn walk(shape: &Shape, points: &mut [Point], random: &mut Random) -> (usize, usize) {
    let ((low, high), last) = (shape.range(), points.len() - 1);
    let top = extreme(high, shape, last, 0, random);
    // The high may stand where the low was to stand.
    let taken = if (1..last).contains(&top) { top } else { 0 };
    let bottom = extreme(low, shape, last, taken, random);
    let mut anchors = [(0, shape.open), (top, high), (bottom, low), (last, shape.close)];
    anchors.sort_unstable_by_key(|anchor| anchor.0);
    // The range of a walk of n steps is about 1.6 sqrt(n) steps; a uniform step in (-1/2, 1/2) has a
    // standard deviation of 1 / sqrt(12).
    let step = (high - low) as f64 * 12.0_f64.sqrt() / (1.6 * (points.len() as f64).sqrt());
    for pair in anchors.windows(2) {
        if pair[0].0 < pair[1].0 {
            bridge(shape, &mut points[pair[0].0..=pair[1].0], [pair[0].1, pair[1].1], step, random);
        }
    }
    (top, bottom)
}

/// Where a session that has `last + 1` trades is at `price`, its high or its low.
fn extreme(price: i64, shape: &Shape, last: usize, taken: usize, random: &mut Random) -> usize {
    if price == shape.open {
        return 0;
    }
    if price == shape.close {
        return last;
    }
    let inner = last - 1;
    let place = 1 + random.below(inner);
    if place == taken { 1 + place % inner } else { place }
}

/// A random walk from the first price to the last, both ends included.
fn bridge(shape: &Shape, points: &mut [Point], ends: [i64; 2], step: f64, random: &mut Random) {
    let ((low, high), tick) = (shape.range(), shape.tick());
    let n = points.len() - 1;
    let mut noise = 0.0;
    let mut walked = Vec::with_capacity(n);
    for _ in 0..n {
        noise += (random.coarse() - 0.5) * step;
        walked.push(noise);
    }
    let drift = ((ends[1] - ends[0]) as f64 - noise) / n as f64;
    points[0].price = ends[0];
    let (bottom, top, tick) = (low as f64, high as f64, tick as f64);
    for ((point, noise), steps) in points[1..n].iter_mut().zip(walked).zip(1_u16..) {
        let free = ends[0] as f64 + noise + drift * f64::from(steps);
        // Reflected at the ends of the range; rounding may still lead out of it.
        let inside = if free > top { 2.0 * top - free } else { free.max(2.0 * bottom - free) };
        point.price = ((inside / tick + 0.5) as i64 * tick as i64).clamp(low, high);
    }
    points[n].price = ends[1];
}

/// Gives every point its size and its taker.
fn share_out(
    shape: &Shape,
    points: &mut [Point],
    (top, bottom): (usize, usize),
    random: &mut Random,
) {
    let weights = weights(shape, points, random);
    let total: f64 = weights.iter().sum();
    // One for each, so that none is empty; what is left by weight, rounded so that nothing is lost.
    let spare = shape.volume - points.len() as i64;
    let per_weight = spare as f64 / total;
    let (mut sum, mut given, mut before) = (0.0, 0, shape.open);
    for (point, weight) in points.iter_mut().zip(&weights) {
        sum += weight;
        let share = ((sum * per_weight) as i64).clamp(given, spare);
        point.size = 1 + share - given;
        given = share;
        point.bought = match point.price.cmp(&before) {
            Ordering::Greater => true,
            Ordering::Less => false,
            Ordering::Equal => random.coarse() < 0.5,
        };
        before = point.price;
    }
    points[points.len() - 1].size += spare - given;
    settle(shape, points, top, bottom);
}

/// Relative sizes, such that what trades above the average price and what trades below it balance.
fn weights(shape: &Shape, points: &[Point], random: &mut Random) -> Vec<f64> {
    let middle = f64::from(shape.slots() - 1) / 2.0;
    let (vwap, last) = (shape.vwap(), points.len() - 1);
    let (mut above, mut below) = (0.0, 0.0);
    let mut weights = Vec::with_capacity(points.len());
    for (at, point) in points.iter().enumerate() {
        let luck = random.coarse();
        let mut weight = 0.1 + luck * luck * 2.0;
        if shape.auctions {
            let edge = f64::from(point.slot) / middle - 1.0;
            weight *= 0.5 + 1.5 * edge * edge;
            weight *= if at == 0 || at == last { AUCTION } else { 1.0 };
        }
        let pull = weight * (point.price - vwap) as f64;
        *(if pull > 0.0 { &mut above } else { &mut below }) += pull.abs();
        weights.push(weight);
    }
    let tilt = if above > 0.0 && below > 0.0 { (below / above).sqrt() } else { 1.0 };
    for (weight, point) in weights.iter_mut().zip(points) {
        match point.price.cmp(&vwap) {
            Ordering::Greater => *weight *= tilt,
            Ordering::Less => *weight /= tilt,
            Ordering::Equal => {}
        }
    }
    weights
}

/// Whole shares don't balance to the last cent. What is off goes from trades that are too dear to the
/// lowest, or from those too cheap to the highest, each keeping something; it is a few shares.
fn settle(shape: &Shape, points: &mut [Point], top: usize, bottom: usize) {
    let value = |point: &Point| i128::from(point.price) * i128::from(point.size);
    let mut off = points.iter().map(value).sum::<i128>()
        - i128::from(shape.vwap()) * i128::from(shape.volume);
    for giver in [top, bottom].into_iter().chain(0..points.len()) {
        if off == 0 {
            break;
        }
        let taker = if off > 0 { bottom } else { top };
        let gain = i128::from(points[giver].price - points[taker].price);
        if gain.signum() != off.signum() {
            continue;
        }
        let wanted = (off + gain / 2) / gain;
        let moved = wanted.min(i128::from(points[giver].size - 1));
        points[giver].size -= moved as i64;
        points[taker].size += moved as i64;
        off -= moved * gain;
    }
}
