//! Numbers with their units. Money and quantities are integers: identical on every machine and in
//! every replay. Statistics are `f64` and live elsewhere.

use compact_str::CompactString;
use serde::{Deserialize, Serialize};
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
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Symbol(CompactString);

impl Symbol {
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl From<String> for Symbol {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl From<&str> for Symbol {
    fn from(text: &str) -> Self {
        Self(text.into())
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
