//! Trailing windows of one series and what is computed over them.
//!
//! Everything scans the window itself, oldest value first, and keeps nothing from session to session:
//! a value depends, to the last bit, on the numbers in its window and not on where history began.

/// Accumulators per sum. An observation's accumulator follows from its place in the window, so the
/// order of additions is fixed, and the compiler can do several at once.
const LANES: usize = 4;

/// The last `capacity` values of a series, one per session; NaN is "no value".
///
/// Every value is stored twice, `capacity` apart, so that any window is one slice.
#[derive(Debug)]
pub(crate) struct Ring {
    values: Box<[f64]>,
    capacity: usize,
    next: usize,
    seen: usize,
}

impl Ring {
    pub(crate) fn new(capacity: usize) -> Self {
        let values = vec![f64::NAN; 2 * capacity].into_boxed_slice();
        Self { values, capacity, next: 0, seen: 0 }
    }

    /// Infinities count as "no value" too.
    pub(crate) fn push(&mut self, value: f64) {
        let value = finite(value);
        self.values[self.next] = value;
        self.values[self.next + self.capacity] = value;
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
        self.seen = self.capacity.min(self.seen + 1);
    }

    /// The last `length` sessions, oldest first; `None` while history is shorter.
    pub(crate) fn last(&self, length: usize) -> Option<&[f64]> {
        debug_assert!(length <= self.capacity, "a window of {length} in {}", self.capacity);
        let end = self.next + self.capacity;
        (length <= self.seen).then(|| &self.values[end - length..end])
    }

    pub(crate) fn today(&self) -> f64 {
        self.ago(0)
    }

    pub(crate) fn ago(&self, sessions: usize) -> f64 {
        self.last(sessions + 1).map_or(f64::NAN, |window| window[0])
    }

    pub(crate) fn sum(&self, length: usize) -> f64 {
        self.last(length).map_or(f64::NAN, sum)
    }

    pub(crate) fn mean(&self, length: usize) -> f64 {
        self.last(length).map_or(f64::NAN, mean)
    }

    /// Sample standard deviation (ddof 1).
    pub(crate) fn sd(&self, length: usize) -> f64 {
        self.last(length).map_or(f64::NAN, sd)
    }

    pub(crate) fn max(&self, length: usize) -> f64 {
        self.last(length).map_or(f64::NAN, max)
    }

    pub(crate) fn min(&self, length: usize) -> f64 {
        self.last(length).map_or(f64::NAN, min)
    }
}

/// `x`, or NaN if it is infinite.
pub(crate) fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { f64::NAN }
}

/// `x`, or NaN if it is not above zero.
pub(crate) fn positive(x: f64) -> f64 {
    if x > 0.0 { x } else { f64::NAN }
}

/// A window of this length says something if 90 % of its sessions do.
pub(crate) fn is_enough(count: f64, length: usize) -> bool {
    count >= (9 * length).div_ceil(10) as f64
}

pub(crate) fn sum(window: &[f64]) -> f64 {
    let [count, sum] = sums(window, |x| [1.0, x]);
    if is_enough(count, window.len()) { sum } else { f64::NAN }
}

pub(crate) fn mean(window: &[f64]) -> f64 {
    let [count, sum] = sums(window, |x| [1.0, x]);
    if is_enough(count, window.len()) { sum / count } else { f64::NAN }
}

/// Sample standard deviation (ddof 1).
pub(crate) fn sd(window: &[f64]) -> f64 {
    let Some((count, mean)) = count_and_mean(window) else { return f64::NAN };
    let [squares] = sums(window, |x| [(x - mean) * (x - mean)]);
    (squares / (count - 1.0)).sqrt()
}

/// Mean, and the second, third and fourth central moment (ddof 0); NaN if too few.
pub(crate) fn moments(window: &[f64]) -> [f64; 4] {
    let Some((count, mean)) = count_and_mean(window) else { return [f64::NAN; 4] };
    let [m2, m3, m4] = sums(window, |x| {
        let d = x - mean;
        [d * d, d * d * d, d * d * d * d]
    });
    [mean, m2 / count, m3 / count, m4 / count]
}

/// The mean is taken from the first value on, so that a flat series has exactly that mean, and a
/// deviation of zero instead of rounding noise.
pub(crate) fn count_and_mean(window: &[f64]) -> Option<(f64, f64)> {
    let origin = *window.iter().find(|x| !x.is_nan())?;
    let [count, sum] = sums(window, |x| [1.0, x - origin]);
    is_enough(count, window.len()).then(|| (count, origin + sum / count))
}

pub(crate) fn max(window: &[f64]) -> f64 {
    -min_of(window, |x| -x)
}

pub(crate) fn min(window: &[f64]) -> f64 {
    min_of(window, |x| x)
}

/// Pearson correlation over the sessions in which both have a value.
pub(crate) fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let [count, sum_x, sum_y] = sums_of_pairs(x, y, |x, y| [1.0, x, y]);
    if !is_enough(count, x.len()) {
        return f64::NAN;
    }
    let (mean_x, mean_y) = (sum_x / count, sum_y / count);
    let [xx, yy, xy] = sums_of_pairs(x, y, |x, y| {
        let (dx, dy) = (x - mean_x, y - mean_y);
        [dx * dx, dy * dy, dx * dy]
    });
    if xx > 1e-18 && yy > 1e-18 { xy / (xx * yy).sqrt() } else { f64::NAN }
}

/// Sums of `terms` over the values there are.
#[inline]
pub(crate) fn sums<const K: usize>(x: &[f64], terms: impl Fn(f64) -> [f64; K]) -> [f64; K] {
    sums_of_pairs(x, x, |x, _| terms(x))
}

/// Sums of `terms` over the sessions in which both have a value.
#[inline]
pub(crate) fn sums_of_pairs<const K: usize>(
    x: &[f64],
    y: &[f64],
    terms: impl Fn(f64, f64) -> [f64; K],
) -> [f64; K] {
    let mut lanes = [[0.0; LANES]; K];
    let mut add = |lane: usize, x: f64, y: f64| {
        let there = !x.is_nan() && !y.is_nan();
        let terms = terms(x, y);
        for k in 0..K {
            lanes[k][lane] += if there { terms[k] } else { 0.0 };
        }
    };
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<LANES>(), y.as_chunks::<LANES>());
    for (x, y) in xs.iter().zip(ys) {
        for lane in 0..LANES {
            add(lane, x[lane], y[lane]);
        }
    }
    for (lane, (&x, &y)) in x_rest.iter().zip(y_rest).enumerate() {
        add(lane, x, y);
    }
    lanes.map(|lane| lane.iter().sum())
}

#[inline]
fn min_of(window: &[f64], key: impl Fn(f64) -> f64) -> f64 {
    let [mut counts, mut least] = [[0.0; LANES], [f64::INFINITY; LANES]];
    let mut see = |lane: usize, x: f64| {
        let x = key(x);
        counts[lane] += if x.is_nan() { 0.0 } else { 1.0 };
        least[lane] = if x < least[lane] { x } else { least[lane] };
    };
    let (chunks, rest) = window.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &x) in chunk.iter().enumerate() {
            see(lane, x);
        }
    }
    for (lane, &x) in rest.iter().enumerate() {
        see(lane, x);
    }
    let count: f64 = counts.iter().sum();
    let least = least.into_iter().fold(f64::INFINITY, f64::min);
    if is_enough(count, window.len()) { least } else { f64::NAN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_one_slice_wherever_the_ring_stands() {
        let mut ring = Ring::new(5);
        for i in 1..=23 {
            ring.push(f64::from(i));
            for length in 1..=5.min(i) {
                let expected: Vec<_> = (i - length + 1..=i).map(f64::from).collect();
                assert_eq!(ring.last(length as usize), Some(&expected[..]));
            }
            assert_eq!(ring.last(5).is_some(), i >= 5, "history of {i}");
        }
        assert_eq!(ring.ago(3), 20.0);
    }

    #[test]
    fn nine_in_ten_are_enough() {
        let mut window = [2.0; 20];
        window[..2].fill(f64::NAN);
        assert_eq!((sum(&window), mean(&window), sd(&window)), (36.0, 2.0, 0.0));
        window[2] = f64::NAN;
        assert!(sum(&window).is_nan() && min(&window).is_nan() && max(&window).is_nan());
        assert!(is_enough(227.0, 252) && !is_enough(226.0, 252));
        assert!(is_enough(9.0, 9) && !is_enough(8.0, 9));
    }

    #[test]
    fn moments_by_hand() {
        let x = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
        assert!((sd(&x) - (82.5_f64 / 9.0).sqrt()).abs() < 1e-14);
        let [mean, m2, m3, m4] = moments(&x);
        assert_eq!((mean, m3), (5.5, 0.0));
        assert!((m2 - 8.25).abs() < 1e-14 && (m4 - 120.8625).abs() < 1e-12);
        assert_eq!((min(&x), max(&x)), (1.0, 10.0));
        let y = x.map(|x| 3.0 - 2.0 * x);
        assert!((correlation(&x, &y) + 1.0).abs() < 1e-15);
        assert!(correlation(&x, &[7.0; 10]).is_nan());
    }

    #[test]
    fn a_flat_series_has_no_deviation_at_all() {
        assert_eq!(sd(&[0.1; 21]), 0.0);
        assert_eq!(moments(&[1e9 + 0.1; 63])[1], 0.0);
    }
}
