//! Eight names side by side. All arithmetic on windows is done for eight names at once, operation by
//! operation and in a fixed order, so that the compiler can use vector instructions and a name's numbers
//! don't depend on which ones, nor on its neighbours.

use std::ops::{Add, AddAssign, Div, Mul, Neg, Sub};

/// Names in a block.
pub(crate) const WIDTH: usize = 8;

/// One number each for eight names; NaN is "no value".
#[derive(Copy, Clone, Debug, PartialEq)]
#[repr(align(64))]
pub(crate) struct Lanes(pub(crate) [f64; WIDTH]);

impl Lanes {
    pub(crate) const NAN: Self = Self([f64::NAN; WIDTH]);
    pub(crate) const ZERO: Self = Self([0.0; WIDTH]);

    #[inline(always)]
    pub(crate) fn all(x: f64) -> Self {
        Self([x; WIDTH])
    }

    #[inline(always)]
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        let mut out = self;
        for x in &mut out.0 {
            *x = f(*x);
        }
        out
    }

    #[inline(always)]
    pub(crate) fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let mut out = self;
        for (x, y) in out.0.iter_mut().zip(other.0) {
            *x = f(*x, y);
        }
        out
    }

    /// `other` where this is not larger, and where either is NaN.
    #[inline(always)]
    pub(crate) fn max(self, other: Self) -> Self {
        self.zip(other, |a, b| if a > b { a } else { b })
    }

    /// `other` where this is not smaller, and where either is NaN.
    #[inline(always)]
    pub(crate) fn min(self, other: Self) -> Self {
        self.zip(other, |a, b| if a < b { a } else { b })
    }

    #[inline(always)]
    pub(crate) fn abs(self) -> Self {
        self.map(f64::abs)
    }

    #[inline(always)]
    pub(crate) fn sqrt(self) -> Self {
        self.map(f64::sqrt)
    }

    #[inline(always)]
    pub(crate) fn squared(self) -> Self {
        self * self
    }

    #[inline(always)]
    pub(crate) fn ln(self) -> Self {
        self.map(ln)
    }

    #[inline(always)]
    pub(crate) fn exp(self) -> Self {
        self.map(exp)
    }

    /// NaN where it is not above zero.
    #[inline(always)]
    pub(crate) fn positive(self) -> Self {
        self.map(|x| if x > 0.0 { x } else { f64::NAN })
    }

    /// NaN where `other` is.
    #[inline(always)]
    pub(crate) fn where_known(self, other: Self) -> Self {
        self.zip(other, |x, y| if y.is_nan() { f64::NAN } else { x })
    }

    /// `x` where there is no value.
    #[inline(always)]
    pub(crate) fn or(self, x: f64) -> Self {
        self.map(|y| if y.is_nan() { x } else { y })
    }

    /// NaN where it is infinite.
    #[inline(always)]
    pub(crate) fn finite(self) -> Self {
        self.map(|x| if x.abs() < f64::INFINITY { x } else { f64::NAN })
    }
}

macro_rules! by_lane {
    ($($operation:ident $method:ident $sign:tt),*) => {$(
        impl $operation for Lanes {
            type Output = Self;
                        fn $method(self, other: Self) -> Self {
                self.zip(other, |a, b| a $sign b)
            }
        }
        impl $operation<f64> for Lanes {
            type Output = Self;
                        fn $method(self, x: f64) -> Self {
                self.map(|a| a $sign x)
            }
        }
    )*};
}
by_lane!(Add add +, Sub sub -, Mul mul *, Div div /);

impl AddAssign for Lanes {
    #[inline(always)]
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Neg for Lanes {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        self.map(|x| -x)
    }
}

/// ln 2, and what is left of it after its first 33 bits: multiples of the first part are exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// A double's mantissa holds whole numbers below this one.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// Of what [`ln`] takes: far from where doubles lose digits.
const SMALLEST: f64 = 1e-300;

/// Natural logarithm to within an ulp; NaN for what is not above [`SMALLEST`], or infinite. Unlike the
/// system's it is plain arithmetic: eight at once, and the same bits on every machine.
///
/// x = 2^k·(1+f) with 1+f in [√½, √2); ln(1+f) = 2·artanh(s), s = f/(2+f), by its power series in s².
#[inline(always)]
pub(crate) fn ln(x: f64) -> f64 {
    const SQRT_HALF: u64 = 0x3fe6_a09e_667f_3bcd;
    let shifted = x.to_bits().wrapping_add(1.0_f64.to_bits() - SQRT_HALF);
    let exponent = f64::from_bits(WHOLE.to_bits() | (shifted >> 52)) - (WHOLE + 1023.0);
    let mantissa = f64::from_bits((shifted & 0x000f_ffff_ffff_ffff) + SQRT_HALF);
    let f = mantissa - 1.0;
    let s = f / (2.0 + f);
    let z = s * s;
    let mut series = 2.0 / 23.0;
    for k in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        series = series * z + 2.0 / k;
    }
    let half_square = 0.5 * f * f;
    let low = s * (half_square + series * z) + exponent * LN_2_LOW;
    let result = exponent * LN_2_HIGH - ((half_square - low) - f);
    // Infinity times zero is no number; a second comparison would be done number by number.
    if x > SMALLEST { result + x * 0.0 } else { f64::NAN }
}

/// Exponential function to within an ulp or two, for arguments up to ±700; NaN beyond.
///
/// x = n·ln 2 + r with |r| ≤ ½ ln 2, and the power series of exp(r).
#[inline(always)]
pub(crate) fn exp(x: f64) -> f64 {
    const ROUND: f64 = 1.5 * WHOLE;
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN_2_HIGH) - n * LN_2_LOW;
    let mut series = 1.0;
    for k in [13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0] {
        series = 1.0 + r * series * (1.0 / k);
    }
    let power = f64::from_bits(shifted.to_bits().wrapping_add(1023) << 52);
    if x.abs() <= 700.0 { (1.0 + r * series) * power } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ulps(a: f64, b: f64) -> u64 {
        a.to_bits().abs_diff(b.to_bits())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn logarithms_are_the_systems(x in 1e-299..1e300_f64, near in 0.5..2.0_f64, e in -300..300_i32) {
            for x in [x, near, near.powi(9), near * 10.0_f64.powi(e.max(-299) + 1), 1.0 + (near - 1.0) * 1e-9] {
                prop_assert!(ulps(ln(x), x.ln()) <= 1, "{x:e}: {:e} {:e}", ln(x), x.ln());
            }
        }

        #[test]
        fn exponentials_are_the_systems(x in -700.0..700.0_f64, near in -1.0..1.0_f64) {
            for x in [x, near, near * 1e-6] {
                prop_assert!(ulps(exp(x), x.exp()) <= 3, "{x:e}: {:e} {:e}", exp(x), x.exp());
            }
        }

        /// A lane's logarithm doesn't depend on its neighbours.
        #[test]
        fn lanes_are_apart(x in prop::array::uniform8(0.01..100.0_f64)) {
            let together = Lanes(x).ln();
            for (i, x) in x.into_iter().enumerate() {
                prop_assert_eq!(together.0[i].to_bits(), ln(x).to_bits());
            }
        }
    }

    #[test]
    fn edges() {
        assert_eq!((ln(1.0), exp(0.0)), (0.0, 1.0));
        for x in [0.0, -1.0, f64::NAN, f64::INFINITY, SMALLEST] {
            assert!(ln(x).is_nan(), "{x}");
        }
        assert!(exp(f64::NAN).is_nan() && exp(701.0).is_nan() && exp(f64::INFINITY).is_nan());
        let some = Lanes([1.0, f64::NAN, -2.0, 0.0, f64::INFINITY, 5.0, -0.0, 7.0]);
        assert!(some.max(Lanes::all(3.0)).0 == [3.0, 3.0, 3.0, 3.0, f64::INFINITY, 5.0, 3.0, 7.0]);
        assert!(
            some.or(9.0).finite().0[..4] == [1.0, 9.0, -2.0, 0.0] && some.finite().0[4].is_nan()
        );
    }
}
