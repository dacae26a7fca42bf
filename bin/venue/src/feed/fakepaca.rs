//! The test stream's only symbol. It ticks once a second on the machine's clock, also when every market
//! is closed; what it shows is a function of the second, so all who listen hear the same.

use super::subscription::Channel;
use alpaca::model::{Bar, DataMessage, Of, Quote, Stamp, Trade};
use messages::Time;

pub(super) const SYMBOL: &str = "FAKEPACA";
const NANOS: i64 = 1_000_000_000;

/// What happens at a second since 1970.
pub(super) fn at(second: i64) -> Vec<(Channel, DataMessage)> {
    let mut all = Vec::new();
    if second.rem_euclid(60) == 0 {
        all.push((Channel::Bars, DataMessage::Bar(of(minute(second - 60)))));
    }
    all.push((Channel::Trades, DataMessage::Trade(of(trade(second)))));
    all.push((Channel::Quotes, DataMessage::Quote(of(quote(second)))));
    all
}

fn of<T>(data: T) -> Of<T> {
    Of { symbol: SYMBOL.to_owned(), data }
}

/// Cents: up and down around $134 by a triangle of ten minutes, with a jitter.
fn price(second: i64) -> i64 {
    let phase = second.rem_euclid(600);
    let wave = if phase < 300 { phase } else { 600 - phase };
    13_250 + wave + noise(second) % 11
}

fn size(second: i64) -> i64 {
    1 + noise(second + 1) % 100
}

/// Even enough, and the same for everybody.
fn noise(second: i64) -> i64 {
    let mixed = (second as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)) >> 33) as i64
}

fn dollars(cents: i64) -> f64 {
    cents as f64 / 100.0
}

fn stamp(second: i64) -> Stamp {
    Stamp(Time(second.saturating_mul(NANOS)))
}

fn trade(second: i64) -> Trade {
    Trade {
        t: stamp(second),
        x: Some("V".to_owned()),
        p: dollars(price(second)),
        s: size(second) as f64,
        c: Some(vec!["@".to_owned()]),
        i: second.unsigned_abs(),
        z: Some("C".to_owned()),
        tks: None,
        u: None,
    }
}

fn quote(second: i64) -> Quote {
    Quote {
        t: stamp(second),
        ax: Some("V".to_owned()),
        ap: dollars(price(second) + 1),
        r#as: 100.0,
        bx: Some("V".to_owned()),
        bp: dollars(price(second) - 1),
        bs: 100.0,
        c: Some(vec!["R".to_owned()]),
        z: Some("C".to_owned()),
    }
}

/// Of the trades from second `start` on.
fn minute(start: i64) -> Bar {
    let seconds = start..start + 60;
    let volume: i64 = seconds.clone().map(size).sum();
    let value: i64 = seconds.clone().map(|second| price(second) * size(second)).sum();
    let prices = || seconds.clone().map(price);
    Bar {
        t: stamp(start),
        o: dollars(price(start)),
        h: dollars(prices().max().unwrap_or_default()),
        l: dollars(prices().min().unwrap_or_default()),
        c: dollars(price(start + 59)),
        v: Some(volume as f64),
        n: Some(60),
        vw: Some((value as f64 / volume as f64).round() / 100.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_of_its_trades() {
        let start = 1_700_000_040;
        let bar = minute(start);
        let trades: Vec<Trade> = (start..start + 60).map(trade).collect();
        assert_eq!(bar.v, Some(trades.iter().map(|trade| trade.s).sum()));
        assert!(trades.iter().all(|trade| bar.l <= trade.p && trade.p <= bar.h && trade.s >= 1.0));
        assert_eq!((bar.o, bar.c), (trades[0].p, trades[59].p));
        assert!(bar.vw.unwrap() >= bar.l && bar.vw.unwrap() <= bar.h && bar.h > bar.l);
        let kinds = |second| at(second).len();
        assert_eq!((kinds(start), kinds(start + 1)), (3, 2), "a bar after each minute");
    }
}
