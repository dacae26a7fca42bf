//! Numbers with their units. Money and quantities are integers: identical on every machine and in
//! every replay. Statistics are `f64` and live elsewhere.

use compact_str::CompactString;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

pub(crate) const MICRO: i64 = 1_000_000;

/// UTC nanoseconds since the Unix epoch. Stamped once, by the gateway that saw the event.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Time(pub i64);

/// Dollars per share in units of $0.000001. Alpaca quotes at most six decimals on an execution.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Price(pub i64);

/// Whole shares. As a position or a change: positive is long or bought, negative short or sold.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Shares(pub i64);

/// Dollars in units of $0.000001, so that price times shares is exact.
#[derive(
    Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Usd(pub i64);

/// Ticker as the exchange writes it, e.g. `BRK.B`; a pair as `BTC/USD`. Cheap to clone: up to 24 bytes stand in place.
/// Cheap to compare, too: every table of ours is ordered by them.
#[derive(Clone)]
pub struct Symbol {
    /// The first seven bytes, zeros after a shorter text, then its length, at most 8: as numbers these are ordered as the
    /// texts are, and up to seven bytes they are all there is.
    head: u64,
    text: CompactString,
}

impl Symbol {
    const IN_HEAD: usize = 7;

    fn new(text: CompactString) -> Self {
        let bytes = text.as_bytes();
        let first = bytes.iter().chain(std::iter::repeat(&0)).take(Self::IN_HEAD);
        let head = first.fold(0, |head, byte| (head << 8) | u64::from(*byte));
        Self { head: (head << 8) | bytes.len().min(Self::IN_HEAD + 1) as u64, text }
    }

    pub fn as_str(&self) -> &str {
        self.text.as_str()
    }

    fn is_all_head(&self) -> bool {
        self.head & 0xff <= Self::IN_HEAD as u64
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Self) -> Ordering {
        match self.head.cmp(&other.head) {
            Ordering::Equal if !self.is_all_head() => self.text.cmp(&other.text),
            decided => decided,
        }
    }
}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Symbol {}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Symbol").field(&self.text).finish()
    }
}

impl Serialize for Symbol {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Symbol {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        CompactString::deserialize(deserializer).map(Self::new)
    }
}

impl From<String> for Symbol {
    fn from(text: String) -> Self {
        Self::new(text.into())
    }
}

impl From<&str> for Symbol {
    fn from(text: &str) -> Self {
        Self::new(text.into())
    }
}

impl Price {
    /// The nearest representable price; `None` if it is not finite, not positive or too large.
    pub fn from_f64(dollars: f64) -> Option<Self> {
        let micros = (dollars * MICRO as f64).round();
        (micros > 0.0 && micros < 9e15).then_some(Self(micros as i64))
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / MICRO as f64
    }

    /// Signed value of `quantity` shares at this price.
    ///
    /// # Panics
    /// If it exceeds $9.2 trillion: corrupt input, not a state to trade in.
    pub fn times(self, quantity: Shares) -> Usd {
        Usd(self.0.checked_mul(quantity.0).expect("value overflows i64"))
    }
}

impl Shares {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_zero(&self) -> bool {
        self.0 == 0
    }

    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl Usd {
    /// Rounded to the nearest micro-dollar; `None` if not finite or too large.
    pub fn from_f64(dollars: f64) -> Option<Self> {
        let micros = (dollars * MICRO as f64).round();
        (micros.abs() < 9e18).then_some(Self(micros as i64))
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / MICRO as f64
    }

    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(crate) fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// Rounded half away from zero to whole cents, as an account statement shows it.
    pub fn cents(self) -> i64 {
        let half = if self.0 < 0 { -5_000 } else { 5_000 };
        (self.0 + half) / 10_000
    }
}

macro_rules! arithmetic {
    ($($unit:ident),*) => {$(
        impl Add for $unit {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0 + other.0)
            }
        }
        impl Sub for $unit {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0 - other.0)
            }
        }
        impl Neg for $unit {
            type Output = Self;
            fn neg(self) -> Self {
                Self(-self.0)
            }
        }
        impl AddAssign for $unit {
            fn add_assign(&mut self, other: Self) {
                self.0 += other.0;
            }
        }
        impl SubAssign for $unit {
            fn sub_assign(&mut self, other: Self) {
                self.0 -= other.0;
            }
        }
        impl Sum for $unit {
            fn sum<I: Iterator<Item = Self>>(items: I) -> Self {
                Self(items.map(|item| item.0).sum())
            }
        }
    )*};
}
arithmetic!(Shares, Usd);

#[cfg(test)]
mod tests {
    use super::Symbol;
    use proptest::prelude::*;

    proptest! {
        /// Short and long, the same beginnings, zeros among them.
        #[test]
        fn symbols_are_ordered_as_their_texts(a in "[\u{0}ABz./]{0,10}", b in "[\u{0}ABz./]{0,10}", c in ".{0,30}") {
            let texts = [a.clone(), b.clone(), c.clone(), a.clone() + &b, a + &c];
            for (x, y) in texts.iter().flat_map(|x| texts.iter().map(move |y| (x, y))) {
                let (one, other) = (Symbol::from(x.as_str()), Symbol::from(y.clone()));
                prop_assert_eq!(one.cmp(&other), x.cmp(y));
                prop_assert_eq!(one == other, x == y);
                prop_assert_eq!(one.as_str(), x);
            }
        }
    }
}
