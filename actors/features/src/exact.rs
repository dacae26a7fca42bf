//! Sums over long windows that are neither scanned nor rounded.
//!
//! A value is rounded once, to a multiple of a fixed power of two, and from there on everything is whole
//! numbers: what enters a window is added, what leaves it is taken away, exactly. So a window costs two
//! additions however long it is, and depends on nothing outside it, which no running sum of
//! floating-point numbers can say.

use crate::lanes::{Lanes, WIDTH};
use crate::order::clamp;
use crate::window::Rows;

/// Whole numbers of eight names.
type Wholes<T> = [T; WIDTH];

/// Log prices and returns are multiples of 2⁻⁵⁰: about what the logarithm of a price is good for.
const LOG_UNIT: f64 = 1.0 / (1_u64 << 50) as f64;
/// And lie within ±16 (a factor of nine million), so that no product of sums below overflows.
const LOG_LARGEST: f64 = 16.0;

/// A log price or return in units of 2⁻⁵⁰; a NaN is zero.
#[inline(always)]
pub(crate) fn log_whole(x: f64) -> i64 {
    let x = clamp(x, -LOG_LARGEST, LOG_LARGEST) * (1.0 / LOG_UNIT);
    (x + 0.5_f64.copysign(x)) as i64
}

/// What [`log_whole`] took away.
#[inline(always)]
pub(crate) fn of_log_whole(whole: f64) -> f64 {
    whole * LOG_UNIT
}

#[inline(always)]
pub(crate) fn log_wholes(x: Lanes) -> Wholes<i64> {
    x.0.map(log_whole)
}

/// Sums of one quantity over trailing windows.
///
/// A value is three whole numbers of 45 bits, each in a double of its own: as many as 256 of them add up
/// without rounding.
#[derive(Debug)]
pub(crate) struct Sums {
    values: Rows<Lanes>,
    windows: Box<[(usize, Box<[Limbs]>)]>,
    /// Of one whole.
    unit: f64,
}

/// From the most to the least significant.
type Limbs = [Lanes; 3];

const TWO_45: f64 = (1_u64 << 45) as f64;
const TWO_90: f64 = TWO_45 * TWO_45;
/// Of what fits in three limbs.
const LIMBS_LARGEST: f64 = TWO_90 * (1_u64 << 44) as f64;

impl Sums {
    /// Over windows of these lengths, up to 256; values are multiples of 2^`exponent`, and not above
    /// 2^(134 + `exponent`).
    pub(crate) fn new(blocks: usize, lengths: &[usize], exponent: i32) -> Self {
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let window = |length| (length, vec![[Lanes::ZERO; 3]; blocks].into_boxed_slice());
        Self {
            values: Rows::new(blocks, longest + 1, Lanes::ZERO),
            windows: lengths.iter().copied().map(window).collect(),
            unit: 2.0_f64.powi(exponent),
        }
    }

    /// A NaN counts as zero.
    #[inline(always)]
    pub(crate) fn push(&mut self, block: usize, values: Lanes) {
        let values =
            (values.or(0.0) * (1.0 / self.unit)).map(|x| clamp(x, -LIMBS_LARGEST, LIMBS_LARGEST));
        self.values.push(block, values);
        let enters = limbs(values);
        for (length, sums) in &mut self.windows {
            let leaves = limbs(*self.values.ago(block, *length));
            let sums = &mut sums[block];
            for i in 0..3 {
                sums[i] += enters[i] - leaves[i];
            }
        }
    }

    /// Over the last `length` sessions, one of the lengths there are.
    #[inline(always)]
    pub(crate) fn sum(&self, block: usize, length: usize) -> Lanes {
        let window = self.windows.iter().find(|window| window.0 == length);
        let [high, middle, low] = window.expect("a window that was asked for").1[block];
        (high * TWO_90 + (middle * TWO_45 + low)) * self.unit
    }
}

/// What a value is made of, to the nearest whole number.
#[inline(always)]
fn limbs(x: Lanes) -> Limbs {
    const ROUND: f64 = 1.5 * (1_u64 << 52) as f64;
    let nearest = |x: Lanes| (x + Lanes::all(ROUND)) - Lanes::all(ROUND);
    let high = nearest(x * (1.0 / TWO_90));
    let rest = x - high * TWO_90;
    let middle = nearest(rest * (1.0 / TWO_45));
    [high, middle, nearest(rest - middle * TWO_45)]
}

const TWO_62: f64 = (1_u64 << 62) as f64;

/// Exact from zero to 2⁵³, otherwise to within 2⁹ wholes or an ulp.
#[inline(always)]
fn of_whole(x: i128) -> f64 {
    let (high, low) = ((x >> 62) as i64, (x as i64) & ((1 << 62) - 1));
    high as f64 * TWO_62 + low as f64
}

/// Sums of pairs (x, y) over the sessions of trailing windows in which both are there: what means,
/// variances and covariances are made of.
#[derive(Debug)]
pub(crate) struct PairSums {
    pairs: Rows<Pair>,
    windows: Box<[(Stretch, Box<[Moments]>)]>,
    x_unit: f64,
    y_unit: f64,
}

/// The last so many sessions without the last `skipped`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) length: usize,
    pub(crate) skipped: usize,
}

/// Of one session; all zero where one of the two is missing.
#[derive(Copy, Clone, Debug)]
struct Pair {
    x: Wholes<i64>,
    y: Wholes<i64>,
    n: Wholes<i8>,
}

/// Sums over a window.
#[derive(Copy, Clone, Debug)]
struct Moments {
    n: Wholes<i64>,
    x: Wholes<i64>,
    y: Wholes<i64>,
    xx: Wholes<i128>,
    xy: Wholes<i128>,
    yy: Wholes<i128>,
}

impl Stretch {
    pub(crate) const fn last(length: usize) -> Self {
        Self { length, skipped: 0 }
    }
}

impl PairSums {
    /// Both are log prices or returns.
    pub(crate) fn of_logs(blocks: usize, windows: &[Stretch]) -> Self {
        let longest = windows.iter().map(|window| window.length).max().unwrap_or(0);
        let nothing = Pair { x: [0; WIDTH], y: [0; WIDTH], n: [0; WIDTH] };
        let window = |stretch| (stretch, vec![Moments::NONE; blocks].into_boxed_slice());
        Self {
            pairs: Rows::new(blocks, longest + 1, nothing),
            windows: windows.iter().copied().map(window).collect(),
            x_unit: LOG_UNIT,
            y_unit: LOG_UNIT,
        }
    }

    /// x is, y counts sessions.
    pub(crate) fn of_logs_over_time(blocks: usize, windows: &[Stretch]) -> Self {
        Self { y_unit: 1.0, ..Self::of_logs(blocks, windows) }
    }

    #[inline(always)]
    pub(crate) fn push(
        &mut self,
        block: usize,
        both: [bool; WIDTH],
        x: Wholes<i64>,
        y: Wholes<i64>,
    ) {
        let mut pair = Pair { x, y, n: [0; WIDTH] };
        for (i, both) in both.into_iter().enumerate() {
            pair.n[i] = i8::from(both);
            pair.x[i] &= -i64::from(both);
            pair.y[i] &= -i64::from(both);
        }
        self.pairs.push(block, pair);
        for (Stretch { length, skipped }, moments) in &mut self.windows {
            let enters = self.pairs.ago(block, *skipped);
            moments[block].slide(enters, self.pairs.ago(block, *length));
        }
    }

    /// One of the windows there are.
    #[inline(always)]
    pub(crate) fn window(&self, block: usize, stretch: Stretch) -> Window<'_> {
        let window = self.windows.iter().find(|window| window.0 == stretch);
        let sums = &window.expect("a window that was asked for").1[block];
        Window { sums, x_unit: self.x_unit, y_unit: self.y_unit }
    }
}

impl Moments {
    const NONE: Self = Self {
        n: [0; WIDTH],
        x: [0; WIDTH],
        y: [0; WIDTH],
        xx: [0; WIDTH],
        xy: [0; WIDTH],
        yy: [0; WIDTH],
    };

    #[inline(always)]
    fn slide(&mut self, enters: &Pair, leaves: &Pair) {
        let product = |a: i64, b: i64| i128::from(a).wrapping_mul(i128::from(b));
        // a² − b², with one product.
        let squares = |a: i64, b: i64| product(a.wrapping_add(b), a.wrapping_sub(b));
        for i in 0..WIDTH {
            self.n[i] = self.n[i].wrapping_add(i64::from(enters.n[i]) - i64::from(leaves.n[i]));
            self.x[i] = self.x[i].wrapping_add(enters.x[i].wrapping_sub(leaves.x[i]));
            self.y[i] = self.y[i].wrapping_add(enters.y[i].wrapping_sub(leaves.y[i]));
        }
        for i in 0..WIDTH {
            let (x, y, gone_x, gone_y) = (enters.x[i], enters.y[i], leaves.x[i], leaves.y[i]);
            let xy = product(x, y).wrapping_sub(product(gone_x, gone_y));
            self.xx[i] = self.xx[i].wrapping_add(squares(x, gone_x));
            self.xy[i] = self.xy[i].wrapping_add(xy);
            self.yy[i] = self.yy[i].wrapping_add(squares(y, gone_y));
        }
    }
}

/// The pairs of some sessions. What is called a scatter is n times the sum of products of deviations from
/// the means, n·Σxy − Σx·Σy in whole numbers: of equal values exactly zero.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Window<'a> {
    sums: &'a Moments,
    x_unit: f64,
    y_unit: f64,
}

impl Window<'_> {
    #[inline(always)]
    pub(crate) fn n(&self) -> Lanes {
        Lanes(self.sums.n.map(|n| f64::from(n as i32)))
    }

    #[inline(always)]
    pub(crate) fn x(&self) -> Lanes {
        Lanes(self.sums.x.map(|x| x as f64)) * self.x_unit
    }

    #[inline(always)]
    pub(crate) fn y(&self) -> Lanes {
        Lanes(self.sums.y.map(|y| y as f64)) * self.y_unit
    }

    #[inline(always)]
    pub(crate) fn scatter_xx(&self) -> Lanes {
        self.scatter(&self.sums.xx, &self.sums.x, &self.sums.x) * (self.x_unit * self.x_unit)
    }

    #[inline(always)]
    pub(crate) fn scatter_yy(&self) -> Lanes {
        self.scatter(&self.sums.yy, &self.sums.y, &self.sums.y) * (self.y_unit * self.y_unit)
    }

    #[inline(always)]
    pub(crate) fn scatter_xy(&self) -> Lanes {
        self.scatter(&self.sums.xy, &self.sums.x, &self.sums.y) * (self.x_unit * self.y_unit)
    }

    /// Σx².
    #[inline(always)]
    pub(crate) fn squares_x(&self) -> Lanes {
        Lanes(self.sums.xx.map(of_whole)) * (self.x_unit * self.x_unit)
    }

    /// Sample standard deviation of x (ddof 1), given how many there are.
    #[inline(always)]
    pub(crate) fn sd_x(&self, n: Lanes) -> Lanes {
        (self.scatter_xx() / (n * (n - Lanes::all(1.0)))).sqrt()
    }

    #[inline(always)]
    fn scatter(&self, products: &Wholes<i128>, a: &Wholes<i64>, b: &Wholes<i64>) -> Lanes {
        let mut out = Lanes::ZERO;
        for i in 0..WIDTH {
            let means = i128::from(a[i]).wrapping_mul(i128::from(b[i]));
            let n = i128::from(self.sums.n[i]);
            out.0[i] = of_whole(n.wrapping_mul(products[i]).wrapping_sub(means));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pairs() -> impl Strategy<Value = Vec<(bool, f64, f64)>> {
        let log = prop_oneof![8 => -0.1..0.1_f64, 1 => -20.0..20.0_f64, 1 => Just(0.0)];
        prop::collection::vec((prop::bool::weighted(0.9), log.clone(), log), 30..90)
    }

    fn folded(pairs: &[(bool, f64, f64)], windows: &[Stretch]) -> PairSums {
        let mut sums = PairSums::of_logs(1, windows);
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
            let stretch = Stretch { length, skipped };
            let sums = folded(&pairs, &[Stretch::last(25), stretch]);
            let window = sums.window(0, stretch);
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
            let short = folded(&pairs[pairs.len() - length..], &[stretch]);
            let again = short.window(0, stretch);
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
        let flat = folded(&[(true, 0.1, -0.3); 40], &[Stretch::last(21)]);
        let window = flat.window(0, Stretch::last(21));
        assert_eq!((window.scatter_xx(), window.scatter_xy()), (Lanes::ZERO, Lanes::ZERO));
        assert_eq!(window.sd_x(window.n()), Lanes::ZERO);
    }

    #[test]
    fn the_largest_values_fit() {
        let mut sums = PairSums::of_logs(1, &[Stretch::last(252)]);
        for t in 0..400 {
            let x = if t % 2 == 0 { 1e9 } else { -1e9 };
            sums.push(0, [true; WIDTH], [log_whole(x); WIDTH], [log_whole(1e9); WIDTH]);
        }
        let window = sums.window(0, Stretch::last(252));
        assert_eq!(window.scatter_xx().0[0], 252.0 * 252.0 * 256.0);
        assert_eq!((window.scatter_yy().0[0], window.y().0[0]), (0.0, 252.0 * 16.0));
    }

    #[test]
    fn whole_numbers_stay_whole() {
        for x in [0, 1, 1_312_417, (1 << 53) - 1, 1 << 70, -(1 << 90), (1 << 124) - (1 << 80)] {
            assert_eq!(of_whole(x), x as f64, "{x}");
        }
        assert!((of_whole(-1) + 1.0).abs() <= 512.0);
        // A session number more or less in a window of gaps: once lost in the last bit.
        let mut sums = PairSums::of_logs_over_time(1, &[Stretch::last(63)]);
        for t in 0..63 {
            sums.push(0, [t % 10 != 0; WIDTH], [log_whole(0.5); WIDTH], [t; WIDTH]);
        }
        let there = || (0..63).filter(|t| t % 10 != 0);
        let (n, sum) = (there().count() as i64, there().sum::<i64>());
        let expected = n * there().map(|t| t * t).sum::<i64>() - sum * sum;
        assert_eq!(sums.window(0, Stretch::last(63)).scatter_yy().0[0], expected as f64);
    }

    #[test]
    fn sums_of_a_quantity() {
        let mut sums = Sums::new(1, &[1, 3], -60);
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
