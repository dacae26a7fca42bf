//! What several tests read or make up.
#![allow(dead_code, reason = "each test uses its part")]

pub(crate) mod panel;

use messages::Member;

/// From lines `symbol,sector`.
pub(crate) fn members<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<Member> {
    let member = |line: &str| {
        let (symbol, sector) = line.split_once(',').expect("symbol,sector");
        Member { symbol: symbol.into(), sector: sector.to_owned() }
    };
    lines.map(member).collect()
}

/// From `open,high,low,close,volume`; nothing was adjusted, so the close is also the raw close.
pub(crate) fn bar_row(numbers: &str) -> [f64; 6] {
    let numbers: Vec<f64> =
        numbers.split(',').map(|text| text.parse().expect("a number")).collect();
    let &[open, high, low, close, volume] = &numbers[..] else { panic!("five numbers") };
    [open, high, low, close, volume, close]
}
