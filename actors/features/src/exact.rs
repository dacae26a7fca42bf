//! Sums over long windows that are neither scanned nor rounded.
//!
//! A value is rounded once, to a multiple of a fixed power of two, and from there on everything is whole
//! numbers: sums from the beginning of history (they may wrap), and the difference of two of them is
//! exactly the sum of the window between. So a window costs a subtraction however long it is, and depends
//! on nothing outside it, which no running sum of floating-point numbers can say.

use crate::lanes::{Lanes, WIDTH};
use crate::order::clamp;
use crate::window::Rows;
use std::array::from_fn;

/// Whole numbers of eight names.
type Wholes<T> = [T; WIDTH];

/// Log prices and returns are multiples of 2⁻⁵⁰: about what the logarithm of a price is good for.
const LOG_UNIT: f64 = 1.0 / (1_u64 << 50) as f64;
/// And lie within ±16 (a factor of nine million), so that no product of sums below overflows.
const LOG_LARGEST: f64 = 16.0;

/// A log price or return in units of 2⁻⁵⁰; a NaN is zero.
#[inline]
pub(crate) fn log_whole(x: f64) -> i64 {
    let x = clamp(x, -LOG_LARGEST, LOG_LARGEST) * (1.0 / LOG_UNIT);
    (x + 0.5_f64.copysign(x)) as i64
}

/// What [`log_whole`] took away.
pub(crate) fn of_log_whole(whole: f64) -> f64 {
    whole * LOG_UNIT
}

#[inline]
pub(crate) fn log_wholes(x: Lanes) -> Wholes<i64> {
    x.0.map(log_whole)
}

/// Sums of one quantity.
#[derive(Debug)]
pub(crate) struct Sums {
    upto: Rows<Wholes<i128>>,
    /// Of one whole.
    unit: f64,
}

impl Sums {
    /// For windows up to `longest` sessions; values are multiples of 2^`exponent`, and below
    /// 2^(119 + `exponent`).
    pub(crate) fn new(blocks: usize, longest: usize, exponent: i32) -> Self {
        Self { upto: Rows::new(blocks, longest + 1, [0; WIDTH]), unit: 2.0_f64.powi(exponent) }
    }

    /// A NaN counts as zero.
    #[inline]
    pub(crate) fn push(&mut self, block: usize, values: Lanes) {
        let before = self.upto.before(block);
        let wholes = (values * (1.0 / self.unit)).0.map(whole);
        self.upto.push(block, from_fn(|i| before[i].wrapping_add(wholes[i])));
    }

    /// Over the last `length` sessions.
    #[inline]
    pub(crate) fn sum(&self, block: usize, length: usize) -> Lanes {
        let (now, before) = (self.upto.ago(block, 0), self.upto.ago(block, length));
        Lanes(from_fn(|i| of_whole(now[i].wrapping_sub(before[i])))) * self.unit
    }
}

const TWO_60: f64 = (1_u64 << 60) as f64;
const TWO_62: f64 = (1_u64 << 62) as f64;

/// Towards zero, as a cast would, in two steps of 60 bits that the processor has instructions for.
#[inline]
fn whole(x: f64) -> i128 {
    let high = (x * (1.0 / TWO_60)) as i64;
    let low = (x - high as f64 * TWO_60) as i64;
    (i128::from(high) << 60).wrapping_add(i128::from(low))
}

/// Exact from zero to 2⁵³, otherwise to within 2⁹ wholes or an ulp.
#[inline]
fn of_whole(x: i128) -> f64 {
    let (high, low) = ((x >> 62) as i64, (x as i64) & ((1 << 62) - 1));
    high as f64 * TWO_62 + low as f64
}

/// Sums of pairs (x, y) over the sessions in which both are there: what means, variances and covariances
/// are made of.
#[derive(Debug)]
pub(crate) struct PairSums {
    upto: Rows<Upto>,
    x_unit: f64,
    y_unit: f64,
}

#[derive(Copy, Clone, Debug)]
struct Upto {
    n: Wholes<i64>,
    x: Wholes<i64>,
    y: Wholes<i64>,
    xx: Wholes<i128>,
    xy: Wholes<i128>,
    yy: Wholes<i128>,
}

impl PairSums {
    /// Both are log prices or returns.
    pub(crate) fn of_logs(blocks: usize, longest: usize) -> Self {
        let upto = Rows::new(blocks, longest + 1, Upto::ZERO);
        Self { upto, x_unit: LOG_UNIT, y_unit: LOG_UNIT }
    }

    /// x is, y counts sessions.
    pub(crate) fn of_logs_over_time(blocks: usize, longest: usize) -> Self {
        Self { y_unit: 1.0, ..Self::of_logs(blocks, longest) }
    }

    #[inline]
    pub(crate) fn push(
        &mut self,
        block: usize,
        both: [bool; WIDTH],
        x: Wholes<i64>,
        y: Wholes<i64>,
    ) {
        let mut upto = *self.upto.before(block);
        for i in 0..WIDTH {
            let (x, y) = if both[i] { (x[i], y[i]) } else { (0, 0) };
            let product = |a, b| i128::from(a).wrapping_mul(i128::from(b));
            upto.n[i] = upto.n[i].wrapping_add(i64::from(both[i]));
            upto.x[i] = upto.x[i].wrapping_add(x);
            upto.y[i] = upto.y[i].wrapping_add(y);
            upto.xx[i] = upto.xx[i].wrapping_add(product(x, x));
            upto.xy[i] = upto.xy[i].wrapping_add(product(x, y));
            upto.yy[i] = upto.yy[i].wrapping_add(product(y, y));
        }
        self.upto.push(block, upto);
    }

    /// The last `length` sessions without the last `skipped`.
    #[inline]
    pub(crate) fn window(&self, block: usize, length: usize, skipped: usize) -> Window<'_> {
        let (upto, before) = (self.upto.ago(block, skipped), self.upto.ago(block, length));
        Window { upto, before, x_unit: self.x_unit, y_unit: self.y_unit }
    }
}

impl Upto {
    const ZERO: Self = Self {
        n: [0; WIDTH],
        x: [0; WIDTH],
        y: [0; WIDTH],
        xx: [0; WIDTH],
        xy: [0; WIDTH],
        yy: [0; WIDTH],
    };
}

/// The pairs of some sessions. What is called a scatter is n times the sum of products of deviations from
/// the means, n·Σxy − Σx·Σy in whole numbers: of equal values exactly zero.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Window<'a> {
    upto: &'a Upto,
    before: &'a Upto,
    x_unit: f64,
    y_unit: f64,
}

impl Window<'_> {
    #[inline]
    pub(crate) fn n(&self) -> Lanes {
        Lanes(from_fn(|i| self.upto.n[i].wrapping_sub(self.before.n[i]) as f64))
    }

    #[inline]
    pub(crate) fn x(&self) -> Lanes {
        Lanes(difference(&self.upto.x, &self.before.x).map(|x| x as f64)) * self.x_unit
    }

    #[inline]
    pub(crate) fn y(&self) -> Lanes {
        Lanes(difference(&self.upto.y, &self.before.y).map(|y| y as f64)) * self.y_unit
    }

    #[inline]
    pub(crate) fn scatter_xx(&self) -> Lanes {
        let (x, xx) = (difference(&self.upto.x, &self.before.x), (&self.upto.xx, &self.before.xx));
        self.scatter(xx, &x, &x) * (self.x_unit * self.x_unit)
    }

    #[inline]
    pub(crate) fn scatter_yy(&self) -> Lanes {
        let (y, yy) = (difference(&self.upto.y, &self.before.y), (&self.upto.yy, &self.before.yy));
        self.scatter(yy, &y, &y) * (self.y_unit * self.y_unit)
    }

    #[inline]
    pub(crate) fn scatter_xy(&self) -> Lanes {
        let x = difference(&self.upto.x, &self.before.x);
        let y = difference(&self.upto.y, &self.before.y);
        self.scatter((&self.upto.xy, &self.before.xy), &x, &y) * (self.x_unit * self.y_unit)
    }

    /// Σx².
    #[inline]
    pub(crate) fn squares_x(&self) -> Lanes {
        let (upto, before) = (&self.upto.xx, &self.before.xx);
        let squares = Lanes(from_fn(|i| of_whole(upto[i].wrapping_sub(before[i]))));
        squares * (self.x_unit * self.x_unit)
    }

    /// Sample standard deviation of x (ddof 1), given how many there are.
    #[inline]
    pub(crate) fn sd_x(&self, n: Lanes) -> Lanes {
        (self.scatter_xx() / (n * (n - Lanes::all(1.0)))).sqrt()
    }

    #[inline]
    fn scatter(
        &self,
        (upto, before): (&Wholes<i128>, &Wholes<i128>),
        a: &Wholes<i64>,
        b: &Wholes<i64>,
    ) -> Lanes {
        Lanes(from_fn(|i| {
            let n = i128::from(self.upto.n[i].wrapping_sub(self.before.n[i]));
            let products = upto[i].wrapping_sub(before[i]);
            let means = i128::from(a[i]).wrapping_mul(i128::from(b[i]));
            of_whole(n.wrapping_mul(products).wrapping_sub(means))
        }))
    }
}

#[inline]
fn difference(upto: &Wholes<i64>, before: &Wholes<i64>) -> Wholes<i64> {
    from_fn(|i| upto[i].wrapping_sub(before[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = Vec<(bool, f64, f64)>> {
        let log = prop_oneof![8 => -0.1..0.1_f64, 1 => -20.0..20.0_f64, 1 => Just(0.0)];
        prop::collection::vec((prop::bool::weighted(0.9), log.clone(), log), 30..90)
    }

    fn folded(pairs: &[(bool, f64, f64)]) -> PairSums {
        let mut sums = PairSums::of_logs(1, 25);
        for &(both, x, y) in pairs {
            sums.push(0, [both; WIDTH], [log_whole(x); WIDTH], [log_whole(y); WIDTH]);
        }
        sums
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Against two passes in floating point, and to the bit against a shorter history.
        #[test]
        fn a_window_is_its_own_sessions(pairs in pairs(), length in 2..=25_usize, skipped in 0..2_usize) {
            let sums = folded(&pairs);
            let window = sums.window(0, length, skipped);
            let end = pairs.len() - skipped;
            let inside = &pairs[pairs.len() - length..end];
            let there: Vec<_> = inside.iter().filter(|pair| pair.0).collect();
            let n = there.len() as f64;
            let of = |f: &dyn Fn(f64, f64) -> f64| -> f64 {
                there.iter().map(|(_, x, y)| f(x.clamp(-16.0, 16.0), y.clamp(-16.0, 16.0))).sum()
            };
            let (x, y) = (of(&|x, _| x), of(&|_, y| y));
            prop_assert_eq!(window.n().0[3], n);
            prop_assert!((window.x().0[3] - x).abs() < 1e-12 && (window.y().0[3] - y).abs() < 1e-12);
            let xy = n * of(&|a, b| (a - x / n) * (b - y / n));
            let scale = 1.0 + n * of(&|a, b| a * a + b * b);
            if n > 0.0 {
                prop_assert!((window.scatter_xy().0[3] - xy).abs() < 1e-12 * scale);
            }
            let short = folded(&pairs[pairs.len() - length..]);
            let again = short.window(0, length, skipped);
            for (a, b) in [
                (window.x(), again.x()),
                (window.scatter_xx(), again.scatter_xx()),
                (window.scatter_xy(), again.scatter_xy()),
                (window.scatter_yy(), again.scatter_yy()),
                (window.squares_x(), again.squares_x()),
            ] {
                prop_assert_eq!(a.0.map(f64::to_bits), b.0.map(f64::to_bits));
            }
        }
    }

    #[test]
    fn equal_values_do_not_deviate_at_all() {
        let flat = folded(&[(true, 0.1, -0.3); 40]);
        let window = flat.window(0, 21, 0);
        assert_eq!((window.scatter_xx(), window.scatter_xy()), (Lanes::ZERO, Lanes::ZERO));
        assert_eq!(window.sd_x(window.n()), Lanes::ZERO);
    }

    #[test]
    fn the_largest_values_fit() {
        let mut sums = PairSums::of_logs(1, 252);
        for t in 0..400 {
            let x = if t % 2 == 0 { 1e9 } else { -1e9 };
            sums.push(0, [true; WIDTH], [log_whole(x); WIDTH], [log_whole(1e9); WIDTH]);
        }
        let window = sums.window(0, 252, 0);
        assert_eq!(window.scatter_xx().0[0], 252.0 * 252.0 * 256.0);
        assert_eq!((window.scatter_yy().0[0], window.y().0[0]), (0.0, 252.0 * 16.0));
    }

    #[test]
    fn whole_numbers_stay_whole() {
        for x in [0, 1, 1_312_417, (1 << 53) - 1, 1 << 70, -(1 << 90), (1 << 124) - (1 << 80)] {
            assert_eq!(of_whole(x), x as f64, "{x}");
        }
        assert!((of_whole(-1) + 1.0).abs() <= 512.0);
        for x in [0.0, 3.9, -3.9, 1e15, -1e30, 1.5e35] {
            assert_eq!(whole(x), x as i128, "{x}");
        }
        // A session number more or less in a window of gaps: once lost in the last bit.
        let mut sums = PairSums::of_logs_over_time(1, 63);
        for t in 0..63 {
            sums.push(0, [t % 10 != 0; WIDTH], [log_whole(0.5); WIDTH], [t; WIDTH]);
        }
        let there = || (0..63).filter(|t| t % 10 != 0);
        let (n, sum) = (there().count() as i64, there().sum::<i64>());
        let expected = n * there().map(|t| t * t).sum::<i64>() - sum * sum;
        assert_eq!(sums.window(0, 63, 0).scatter_yy().0[0], expected as f64);
    }

    #[test]
    fn sums_of_a_quantity() {
        let mut sums = Sums::new(1, 3, -60);
        for t in 0..9 {
            let value = if t == 7 { f64::NAN } else { 0.1 + 1e9 * f64::from(t) };
            sums.push(0, Lanes::all(value));
        }
        assert_eq!(sums.sum(0, 1).0[0], 0.1 + 8e9);
        assert_eq!(sums.sum(0, 3).0[0], 0.1 + 8e9 + (0.1 + 6e9));
        assert_eq!(log_whole(f64::NAN), 0);
        assert_eq!(of_log_whole(log_whole(-0.25) as f64), -0.25);
    }
}
