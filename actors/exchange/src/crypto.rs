//! The crypto side of the synthetic market: a dozen pairs around the clock.
//!
//! The log price of a coin is a walk that opens where the day before closed, with fat-tailed, clustered
//! steps, a share of them common to all coins, and a slow pull back to where it began, so that a coin
//! keeps its scale over the years. Volumes are log-normal. Nothing is predictable but the pull, which takes
//! years. Each pair draws from its own stream.

use super::asset::Asset;
use super::random::Random;
use super::synthetic::extremes;
use messages::{Bars, Date, Symbol};
use rust_decimal::Decimal;

struct Coin {
    symbol: &'static str,
    name: &'static str,
    /// Dollars about which its price moves.
    price: f64,
    /// Daily standard deviation of its log return.
    volatility: f64,
    /// Mean dollar volume of a day.
    dollars: f64,
    /// Decimals of its prices and of its daily volumes.
    decimals: [i32; 2],
}

/// Ascending.
const COINS: [Coin; 12] = [
    coin("AAVE/USD", "Aave", 150.0, 0.048, 1.5e6, [3, 6]),
    coin("AVAX/USD", "Avalanche", 30.0, 0.05, 3e6, [3, 6]),
    coin("BCH/USD", "Bitcoin Cash", 350.0, 0.042, 3e6, [2, 6]),
    coin("BTC/USD", "Bitcoin", 45_000.0, 0.028, 6e7, [2, 8]),
    coin("DOGE/USD", "Dogecoin", 0.12, 0.052, 5e6, [5, 3]),
    coin("DOT/USD", "Polkadot", 6.5, 0.045, 1.2e6, [4, 4]),
    coin("ETH/USD", "Ethereum", 2_500.0, 0.036, 3e7, [2, 7]),
    coin("LINK/USD", "Chainlink", 14.0, 0.047, 2e6, [4, 4]),
    coin("LTC/USD", "Litecoin", 85.0, 0.041, 2.5e6, [3, 5]),
    coin("SHIB/USD", "Shiba Inu", 0.000_018, 0.055, 1e6, [9, 0]),
    coin("SOL/USD", "Solana", 110.0, 0.05, 1e7, [3, 6]),
    coin("UNI/USD", "Uniswap", 8.0, 0.049, 1e6, [4, 4]),
];

/// Behind those of the equities, which count up from 0.
const STREAMS: u64 = 1 << 32;
/// Of a coin's variance, the part that all coins share.
const COMMON: f64 = 0.6;
/// Share of the way back to its mean that a log price goes in a day.
const PULL: f64 = 0.002;

const fn coin(
    symbol: &'static str,
    name: &'static str,
    price: f64,
    volatility: f64,
    dollars: f64,
    decimals: [i32; 2],
) -> Coin {
    Coin { symbol, name, price, volatility, dollars, decimals }
}

/// Every day from the first to the last date, both included.
pub(super) fn synthetic_coins(seed: u64, first: Date, last: Date) -> (Vec<Bars>, Vec<Asset>) {
    let dates: Vec<Date> =
        first.series(jiff::Span::new().days(1)).take_while(|date| *date <= last).collect();
    let common = common(seed, dates.len());
    let paths: Vec<Vec<[f64; 5]>> =
        COINS.iter().zip(1..).map(|(coin, n)| path(coin, seed, STREAMS + n, &common)).collect();
    let bars = dates.into_iter().enumerate().map(|(day, date)| {
        let mut bars = Bars::empty(date);
        for (coin, path) in COINS.iter().zip(&paths) {
            let [open, high, low, close, volume] = path[day];
            bars.push(Symbol::from(coin.symbol), [open, high, low, close, volume, close]);
        }
        bars
    });
    let asset = |coin: &Coin| {
        let price = Decimal::try_from(coin.price).expect("a price of the table");
        Asset::pair(Symbol::from(coin.symbol), format!("{} / US Dollar", coin.name), price)
    };
    (bars.collect(), COINS.iter().map(asset).collect())
}

/// Of each day: log of how volatile it is, and what moves all coins.
fn common(seed: u64, days: usize) -> Vec<[f64; 2]> {
    let mut random = Random::new(seed, STREAMS);
    let mut heat = 0.0;
    let day = |_| {
        heat = 0.95 * heat + 0.12 * random.normal();
        [heat, random.fat()]
    };
    (0..days).map(day).collect()
}

/// Open, high, low, close and volume of every day.
fn path(coin: &Coin, seed: u64, stream: u64, common: &[[f64; 2]]) -> Vec<[f64; 5]> {
    let mut random = Random::new(seed, stream);
    let (mut away, mut crowd) = (0.4 * random.normal(), 0.0);
    let mut open = coin.rounded(away);
    let mut bars = Vec::with_capacity(common.len());
    for [heat, shared] in common {
        let volatility = coin.volatility * heat.exp();
        let own = random.fat();
        let shock = COMMON.sqrt() * shared + (1.0 - COMMON).sqrt() * own;
        let change = volatility * shock - PULL * away;
        let (up, down) = extremes(&mut random, change, volatility);
        let close = coin.rounded(away + change);
        let high = coin.rounded(away + up).max(open).max(close);
        let low = coin.rounded(away + down).min(open).min(close);
        crowd = 0.7 * crowd + 0.3 * random.normal();
        let dollars = coin.dollars * f64::exp(crowd + 0.3 * (shock.abs() - 0.75));
        let unit = 10_f64.powi(coin.decimals[1]);
        let volume = (dollars / close * unit).round().max(4.0) / unit;
        bars.push([open, high, low, close, volume]);
        away += change;
        open = close;
    }
    bars
}

impl Coin {
    /// The price that is so far from the mean, in logs.
    fn rounded(&self, away: f64) -> f64 {
        let unit = 10_f64.powi(self.decimals[0]);
        (self.price * away.exp() * unit).round().max(1.0) / unit
    }
}
