//! When a bar can't be used: one rule for import, fetch and the gate.

use messages::Bars;
use std::fmt;

/// Sources keep prices in 32 bits: a high may lie that much (relative) below the close and be it.
pub const TOLERANCE: f64 = 1e-6;

/// No share has cost more than a tenth of this, no name traded more shares in a day: beyond it, units
/// or columns were mixed up.
const PRICE_MAX: f64 = 1e7;
const VOLUME_MAX: f64 = 1e12;

/// What to do about a bar that may be true.
const ACKNOWLEDGE: &str = "if it is real, say so with a `move` line in events.csv";

/// Why a bar is unusable; the first reason wins.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Defect {
    NotFinite(&'static str),
    NotPositive(&'static str, f64),
    Absurd(&'static str, f64),
    HighBelow {
        high: f64,
        name: &'static str,
        value: f64,
    },
    LowAbove {
        low: f64,
        name: &'static str,
        value: f64,
    },
    NoVolume(f64),
    /// Every number of the bar is that of the session before: the source repeats itself.
    Stale,
    /// The close moved further than any that isn't news: an error of units, or a move that a person
    /// must vouch for.
    Jump {
        from: f64,
        to: f64,
    },
    /// The price fell (or rose) by the factor of a split while the volume did the opposite.
    Split {
        from: f64,
        open: f64,
        factor: f64,
        volume: f64,
    },
    /// A high or low far beyond open and close.
    Range {
        name: &'static str,
        value: f64,
        open: f64,
        close: f64,
    },
    /// Raw and adjusted close moved apart, and by no split.
    RawJump {
        adjusted: f64,
        raw: f64,
    },
}

/// Of a row: open, high, low, close, volume, raw close.
pub fn defect(row: [f64; 6]) -> Option<Defect> {
    let names = ["open", "high", "low", "close", "volume", "raw close"];
    let cells = || names.into_iter().zip(row);
    if let Some((name, _)) = cells().find(|(_, value)| !value.is_finite()) {
        return Some(Defect::NotFinite(name));
    }
    if let Some((name, value)) = cells().find(|(name, value)| *value <= 0.0 && *name != "volume") {
        return Some(Defect::NotPositive(name, value));
    }
    let most = |name: &str| if name == "volume" { VOLUME_MAX } else { PRICE_MAX };
    if let Some((name, value)) = cells().find(|(name, value)| *value > most(name)) {
        return Some(Defect::Absurd(name, value));
    }
    let [open, high, low, close, volume, _] = row;
    let within = high * TOLERANCE;
    for (name, value) in [("open", open), ("close", close)] {
        if high < value - within {
            return Some(Defect::HighBelow { high, name, value });
        }
        if low > value + within {
            return Some(Defect::LowAbove { low, name, value });
        }
    }
    (volume <= 0.0).then_some(Defect::NoVolume(volume))
}

/// The row of `bars` at `index`.
pub(crate) fn row(bars: &Bars, index: usize) -> [f64; 6] {
    [
        bars.open[index],
        bars.high[index],
        bars.low[index],
        bars.close[index],
        bars.volume[index],
        bars.raw_close[index],
    ]
}

impl Defect {
    /// Without the numbers: what rows are counted by.
    pub fn kind(&self) -> &'static str {
        match self {
            Defect::NotFinite(_) => "not a finite number",
            Defect::NotPositive(..) => "price not positive",
            Defect::Absurd(..) => "price or volume absurdly large",
            Defect::HighBelow { .. } | Defect::LowAbove { .. } => "high, low and prices disagree",
            Defect::NoVolume(_) => "no volume",
            Defect::Stale => "copy of the session before",
            Defect::Jump { .. } | Defect::Range { .. } => "move too large to be taken unseen",
            Defect::Split { .. } => "split not adjusted for",
            Defect::RawJump { .. } => "raw and adjusted prices apart",
        }
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Defect::NotFinite(name) => write!(f, "{name} is not a finite number"),
            Defect::NotPositive(name, value) => write!(f, "{name} {value} is not positive"),
            Defect::Absurd(name, value) => write!(f, "{name} {value} is absurdly large"),
            Defect::HighBelow { high, name, value } => {
                write!(f, "high {high} below {name} {value}")
            }
            Defect::LowAbove { low, name, value } => write!(f, "low {low} above {name} {value}"),
            Defect::NoVolume(value) => write!(f, "volume {value}"),
            Defect::Stale => write!(f, "identical to the session before"),
            Defect::Jump { from, to } => {
                write!(f, "close {to} after {from} (\u{d7}{:.3}): {ACKNOWLEDGE}", to / from)
            }
            Defect::Split { from, open, factor, volume } => write!(
                f,
                "open {open} after a close of {from} with {volume:.1} times the volume: a split ({}) that is not \
                 adjusted for? {ACKNOWLEDGE}",
                if *factor > 1.0 { format!("{factor}:1") } else { format!("1:{}", 1.0 / factor) }
            ),
            Defect::Range { name, value, open, close } => {
                write!(f, "{name} {value} far from open {open} and close {close}: {ACKNOWLEDGE}")
            }
            Defect::RawJump { adjusted, raw } => write!(
                f,
                "the raw close moved \u{d7}{raw:.4}, the adjusted \u{d7}{adjusted:.4}, and no split explains it: \
                 {ACKNOWLEDGE}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixed_up_units_are_no_bar() {
        let bar = |price: f64, volume: f64| defect([price, price, price, price, volume, price]);
        assert_eq!(bar(600_000.0, 1e9), None);
        assert_eq!(bar(1e13, 1e6), Some(Defect::Absurd("open", 1e13)));
        assert_eq!(bar(100.0, 1e30), Some(Defect::Absurd("volume", 1e30)));
    }
}
