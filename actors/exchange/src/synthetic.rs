//! A market that never was, for demonstrations and tests: seeded, reproducible, and with a small edge
//! in it that an honest model can find.
//!
//! # The process
//! A day has a night and a session, with 30 % and 70 % of its variance. In each, the log return of
//! a symbol is `beta * market + sector + own`, all fat-tailed (Student's t, 4 degrees). Volatility
//! clusters: the log volatility of the market and of each symbol are AR(1), and the market's reaches
//! into the symbols'. Open and close come from the two returns, high and low from the extremes of a
//! Brownian bridge between them. Dollar volume is log-normal, persistent, and rises with the size of the
//! day's move.
//!
//! # The edge
//! Let `u` be a symbol's own return in units of its volatility. Its own return of the next session has
//! a mean of `reversal * (-sum of u over 5 days / sqrt 5) + momentum * (sum of u over days 21..251 back
//! / sqrt 231)` volatilities. Both premia are themselves random from day to day with a small positive
//! mean, so that they lose money for months, as premia do. Nothing else is predictable.
//!
//! Crypto has a process of its own: see [`crypto`](super::crypto). It is always there, on every day from the
//! first session to the last.
//!
//! # Reproducibility
//! Each symbol draws from its own stream, in the order of time: more sessions or more symbols leave
//! the others as they were. Prices are rounded to cents and volumes to round lots, which hides the last
//! bits of `exp` and `ln`, the only functions here that may differ from machine to machine.

use super::asset::Asset;
use super::calendar::xnys_sessions;
use super::crypto::synthetic_coins;
use super::market::Market;
use super::random::Random;
use super::tickers::{exchange_of, tickers};
use messages::{Bars, Date, Symbol};
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntheticConfig {
    pub seed: u64,
    pub symbols: usize,
    pub sessions: usize,
    /// The first session is the first day from here on that XNYS opens.
    pub first: Date,
}

impl Default for SyntheticConfig {
    fn default() -> Self {
        Self { seed: 1, symbols: 130, sessions: 1_260, first: jiff::civil::date(2019, 1, 2) }
    }
}

const SECTORS: [&str; 11] = [
    "Communication Services",
    "Consumer Discretionary",
    "Consumer Staples",
    "Energy",
    "Financials",
    "Health Care",
    "Industrials",
    "Information Technology",
    "Materials",
    "Real Estate",
    "Utilities",
];

/// Days drawn before the first session, so that momentum has its year.
const BURN_IN: usize = 252;
/// Share of a day's variance that falls into the night.
const NIGHT: f64 = 0.3;
const MARKET_DRIFT: f64 = 0.0003;
const MARKET_VOLATILITY: f64 = 0.008;
const SECTOR_VOLATILITY: f64 = 0.0045;
/// Daily premia per unit of signal, in units of a symbol's own volatility: mean and deviation.
const REVERSAL: (f64, f64) = (0.017, 0.05);
const MOMENTUM: (f64, f64) = (0.009, 0.05);

impl Market {
    /// See the module for what is in it.
    ///
    /// # Panics
    /// If there is to be no symbol or no session.
    pub fn synthetic(config: &SyntheticConfig) -> Self {
        assert!(config.symbols > 0 && config.sessions > 0, "a market without symbols or sessions");
        let days = common_days(config);
        let listing: BTreeMap<Symbol, usize> =
            tickers(config.seed, config.symbols).into_iter().zip(0..).collect();
        let paths: Vec<Vec<[f64; 5]>> =
            listing.values().map(|number| path(config.seed, *number, &days)).collect();
        let dates = xnys_sessions(config.first, config.sessions);
        let (first, last) = (dates[0], dates[dates.len() - 1]);
        let bars = dates.into_iter().enumerate().map(|(session, date)| {
            let mut bars = Bars::empty(date);
            for (symbol, path) in listing.keys().zip(&paths) {
                let [open, high, low, close, volume] = path[session];
                bars.push(symbol.clone(), [open, high, low, close, volume, close]);
            }
            bars
        });
        let asset = |(symbol, number): (&Symbol, &usize)| {
            let sector = SECTORS[number % SECTORS.len()].to_owned();
            let name = format!("{symbol} (synthetic)");
            let asset = Asset::equity(symbol.clone(), name, sector, exchange_of(symbol.as_str()));
            // One in ten can only be had by the whole share, so that somebody meets that case.
            Asset { fractionable: number % 10 != 9, ..asset }
        };
        let (days, pairs) = synthetic_coins(config.seed, first, last);
        Self::assemble(bars.collect(), listing.iter().map(asset).collect()).join(days, pairs)
    }
}

/// What one day has in store for everybody.
struct Day {
    /// Night and session.
    market: [f64; 2],
    sectors: [[f64; 2]; SECTORS.len()],
    /// Log of how volatile the day is, against the average.
    heat: f64,
    reversal: f64,
    momentum: f64,
}

fn common_days(config: &SyntheticConfig) -> Vec<Day> {
    let mut random = Random::new(config.seed, 0);
    let mut heat = 0.0;
    let day = |_| {
        heat = 0.97 * heat + 0.1 * random.normal();
        let market = MARKET_VOLATILITY * f64::exp(heat);
        let sector = SECTOR_VOLATILITY * f64::exp(0.5 * heat);
        let [night, session] = halves(&mut random, market);
        Day {
            market: [night, session + MARKET_DRIFT],
            sectors: [(); SECTORS.len()].map(|()| halves(&mut random, sector)),
            heat,
            reversal: REVERSAL.0 + REVERSAL.1 * random.normal(),
            momentum: MOMENTUM.0 + MOMENTUM.1 * random.normal(),
        }
    };
    (0..BURN_IN + config.sessions).map(day).collect()
}

/// A night's and a session's share of `volatility`.
fn halves(random: &mut Random, volatility: f64) -> [f64; 2] {
    [NIGHT, 1.0 - NIGHT].map(|share| volatility * share.sqrt() * random.fat())
}

/// What sets one symbol apart.
struct Character {
    sector: usize,
    beta: f64,
    /// Daily standard deviation of its own return on an average day.
    volatility: f64,
    /// Mean dollar volume.
    adv: f64,
    /// Logs of price and of volume against its mean.
    price: f64,
}

impl Character {
    /// Large names are calmer than small ones.
    fn draw(random: &mut Random, number: usize) -> Self {
        let adv = (2e8 * f64::exp(1.2 * random.normal())).clamp(2e7, 5e9);
        let size = (adv / 2e8).ln();
        Self {
            sector: number % SECTORS.len(),
            beta: (1.0 + 0.25 * random.normal()).clamp(0.4, 1.8),
            volatility: 0.0115 * f64::exp(0.2 * random.normal() - 0.08 * size),
            adv,
            price: f64::ln(30.0) + random.uniform() * f64::ln(8.0),
        }
    }
}

/// Open, high, low, close and volume of every session.
fn path(seed: u64, number: usize, days: &[Day]) -> Vec<[f64; 5]> {
    let mut random = Random::new(seed, 1 + number as u64);
    let character = Character::draw(&mut random, number);
    let mut price = character.price;
    let mut heat = 0.0;
    let mut crowd = 0.0;
    let mut own: Vec<f64> = Vec::with_capacity(days.len());
    let mut bars = Vec::with_capacity(days.len() - BURN_IN);
    for day in days {
        heat = 0.95 * heat + 0.1 * random.normal();
        let volatility = character.volatility * f64::exp(heat + 0.3 * day.heat);
        let edge = day.reversal * reversal(&own) + day.momentum * momentum(&own);
        let [night, mut session] = halves(&mut random, volatility);
        session += volatility * edge;
        own.push((night + session) / volatility);
        let sector = day.sectors[character.sector];
        let gap = character.beta * day.market[0] + sector[0] + night;
        let trend = character.beta * day.market[1] + sector[1] + session;
        let market = character.beta * MARKET_VOLATILITY * f64::exp(day.heat);
        let usual = (volatility * volatility + market * market).sqrt();
        let extremes = extremes(&mut random, trend, usual * (1.0 - NIGHT).sqrt());
        let excitement = ((gap + trend).abs() / usual).min(6.0) - 0.75;
        crowd = 0.6 * crowd + 0.22 * random.normal();
        if own.len() > BURN_IN {
            let dollars = character.adv * f64::exp(crowd + 0.25 * excitement - 0.07);
            bars.push(bar(price + gap, extremes, trend, dollars));
            price += gap + trend;
        }
    }
    bars
}

/// What came down over five days goes up: in standard deviations.
fn reversal(own: &[f64]) -> f64 {
    let week = &own[own.len().saturating_sub(5)..];
    -week.iter().sum::<f64>() / 5.0_f64.sqrt()
}

/// What went up over a year, the last month left out, goes on: in standard deviations.
fn momentum(own: &[f64]) -> f64 {
    match own.len() {
        n if n < BURN_IN => 0.0,
        n => own[n - 252..n - 21].iter().sum::<f64>() / 231.0_f64.sqrt(),
    }
}

/// Highest and lowest point of a Brownian bridge from 0 to `end`, each drawn from its exact
/// distribution.
pub(super) fn extremes(random: &mut Random, end: f64, deviation: f64) -> (f64, f64) {
    let mut reach = || (end * end - 2.0 * deviation * deviation * random.uniform().ln()).sqrt();
    (f64::midpoint(end, reach()), f64::midpoint(end, -reach()))
}

/// Logs into cents and round lots; a cent and a lot are the least there is.
fn bar(open: f64, (high, low): (f64, f64), trend: f64, dollars: f64) -> [f64; 5] {
    let cents = |log: f64| (log.exp() * 100.0).round().max(1.0) / 100.0;
    let (first, last) = (cents(open), cents(open + trend));
    let high = cents(open + high).max(first).max(last);
    let low = cents(open + low).min(first).min(last);
    let volume = (dollars / last / 100.0).round().max(1.0) * 100.0;
    [first, high, low, last, volume]
}
