//! Trailing windows of eight names, and what is computed over them.
//!
//! A value depends, to the last bit, on the numbers in its window and not on where history began: short
//! windows are scanned, oldest session first, and extremes don't round; for sums that must not be scanned
//! see [`crate::exact`].

use crate::lanes::{Lanes, WIDTH};

/// The last `capacity` values of a series, to be scanned: a block's sessions lie side by side.
///
/// Every value is stored twice, `capacity` apart, so that any window is one slice.
#[derive(Debug)]
pub(crate) struct Ring {
    values: Box<[Lanes]>,
    capacity: usize,
    now: usize,
}

impl Ring {
    /// `nothing` stands where history has not begun.
    pub(crate) fn new(blocks: usize, capacity: usize, nothing: Lanes) -> Self {
        let values = vec![nothing; 2 * capacity * blocks].into_boxed_slice();
        Self { values, capacity, now: capacity - 1 }
    }

    /// Blocks come in order; the first begins the session.
    #[inline(always)]
    pub(crate) fn push(&mut self, block: usize, value: Lanes) {
        if block == 0 {
            self.now = if self.now + 1 == self.capacity { 0 } else { self.now + 1 };
        }
        let place = 2 * block * self.capacity + self.now;
        self.values[place] = value;
        self.values[place + self.capacity] = value;
    }

    /// The last `length` sessions, oldest first.
    #[inline(always)]
    pub(crate) fn last(&self, block: usize, length: usize) -> &[Lanes] {
        let end = (2 * block + 1) * self.capacity + self.now + 1;
        &self.values[end - length..end]
    }

    #[inline(always)]
    pub(crate) fn today(&self, block: usize) -> Lanes {
        self.values[2 * block * self.capacity + self.now]
    }

    /// Sum over the last `length` sessions, in which what is missing must be zero.
    #[inline(always)]
    pub(crate) fn sum(&self, block: usize, length: usize) -> Lanes {
        sum(self.last(block, length))
    }
}

/// The last `capacity` values of a series, of which few are read: a session's blocks lie side by side, as
/// they are read.
#[derive(Debug)]
pub(crate) struct Rows<T> {
    values: Box<[T]>,
    blocks: usize,
    capacity: usize,
    now: usize,
}

impl<T: Copy> Rows<T> {
    /// `nothing` stands where history has not begun.
    pub(crate) fn new(blocks: usize, capacity: usize, nothing: T) -> Self {
        let values = vec![nothing; capacity * blocks].into_boxed_slice();
        Self { values, blocks, capacity, now: capacity - 1 }
    }

    /// Blocks come in order; the first begins the session.
    #[inline(always)]
    pub(crate) fn push(&mut self, block: usize, value: T) {
        if block == 0 {
            self.now = if self.now + 1 == self.capacity { 0 } else { self.now + 1 };
        }
        self.values[self.now * self.blocks + block] = value;
    }

    #[inline(always)]
    pub(crate) fn ago(&self, block: usize, sessions: usize) -> &T {
        let now = if self.now >= sessions { self.now } else { self.now + self.capacity };
        &self.values[(now - sessions) * self.blocks + block]
    }

    /// The value of the session before the one that `block` is about to be pushed for.
    #[inline(always)]
    pub(crate) fn before(&self, block: usize) -> &T {
        self.ago(block, usize::from(block > 0))
    }
}

/// How many sessions had a value, and so whether a window says enough.
#[derive(Debug)]
pub(crate) struct Counts {
    /// Values from the beginning of history on: differences are what matters, so it may wrap.
    upto: Rows<[u32; WIDTH]>,
    sessions: usize,
}

impl Counts {
    pub(crate) fn new(blocks: usize, longest: usize) -> Self {
        Self { upto: Rows::new(blocks, longest + 1, [0; WIDTH]), sessions: 0 }
    }

    /// Counts where there is a value.
    #[inline(always)]
    pub(crate) fn push(&mut self, block: usize, values: Lanes) {
        let before = self.upto.before(block);
        let there = |i: usize| u32::from(!values.0[i].is_nan());
        let upto = std::array::from_fn(|i| before[i].wrapping_add(there(i)));
        self.upto.push(block, upto);
        self.sessions += usize::from(block == 0);
    }

    /// Values in the last `length` sessions; NaN if they are too few, or history is shorter.
    #[inline(always)]
    pub(crate) fn enough(&self, block: usize, length: usize) -> Lanes {
        if self.sessions < length {
            return Lanes::NAN;
        }
        let (now, before) = (self.upto.ago(block, 0), self.upto.ago(block, length));
        let least = f64::from(enough(length));
        let count = |i: usize| f64::from(now[i].wrapping_sub(before[i]) as i32);
        Lanes(std::array::from_fn(count)).map(|count| if count >= least { count } else { f64::NAN })
    }
}

/// A window of this length says something if 90 % of its sessions do.
#[inline(always)]
pub(crate) fn enough(length: usize) -> u32 {
    (9 * length).div_ceil(10) as u32
}

#[inline(always)]
pub(crate) fn sum(window: &[Lanes]) -> Lanes {
    let mut sum = Lanes::ZERO;
    for x in window {
        sum += *x;
    }
    sum
}

/// Sum of squared distances from `centre`; a NaN is no value.
#[inline(always)]
pub(crate) fn squares_about(window: &[Lanes], centre: Lanes) -> Lanes {
    let mut sum = Lanes::ZERO;
    for x in window {
        sum += (*x - centre).squared().or(0.0);
    }
    sum
}

#[inline(always)]
pub(crate) fn max(window: &[Lanes]) -> Lanes {
    let mut max = Lanes::all(f64::NEG_INFINITY);
    for x in window {
        max = x.max(max);
    }
    max
}

#[inline(always)]
pub(crate) fn min(window: &[Lanes]) -> Lanes {
    let mut min = Lanes::all(f64::INFINITY);
    for x in window {
        min = x.min(min);
    }
    min
}

/// Largest value of the last `length` sessions at the price of three comparisons a session.
///
/// History is cut into stretches of `length` (van Herk 1992): a window is the end of one stretch, whose
/// maxima were worked out when it was full, and the beginning of the next. A maximum doesn't round, so it does
/// not matter where the cuts are.
#[derive(Debug)]
pub(crate) struct Maximum {
    /// Rows up to `next` are values of the stretch that grows; from there on maxima to the end of the one
    /// before. In a row, block beside block.
    rows: Box<[Lanes]>,
    /// Of the stretch that grows.
    growing: Box<[Lanes]>,
    next: usize,
}

impl Maximum {
    const NONE: Lanes = Lanes([f64::NEG_INFINITY; WIDTH]);

    pub(crate) fn new(blocks: usize, length: usize) -> Self {
        let rows = vec![Self::NONE; length * blocks].into_boxed_slice();
        Self { rows, growing: vec![Self::NONE; blocks].into_boxed_slice(), next: 0 }
    }

    /// A NaN is no value. Blocks come in order; the first begins the session.
    #[inline(always)]
    pub(crate) fn push(&mut self, block: usize, values: Lanes) {
        let blocks = self.growing.len();
        if block == 0 {
            if self.next * blocks == self.rows.len() {
                self.begin_stretch();
            }
            self.next += 1;
        }
        let values = values.or(f64::NEG_INFINITY);
        self.rows[(self.next - 1) * blocks + block] = values;
        self.growing[block] = self.growing[block].max(values);
    }

    fn begin_stretch(&mut self) {
        let blocks = self.growing.len();
        for i in (blocks..self.rows.len()).rev() {
            self.rows[i - blocks] = self.rows[i - blocks].max(self.rows[i]);
        }
        self.growing.fill(Self::NONE);
        self.next = 0;
    }

    /// −∞ if the window is empty.
    #[inline(always)]
    pub(crate) fn value(&self, block: usize) -> Lanes {
        let rest = self.rows.get(self.next * self.growing.len() + block).unwrap_or(&Self::NONE);
        self.growing[block].max(*rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn windows_are_their_sessions_wherever_a_ring_stands() {
        let (mut ring, mut rows) = (Ring::new(2, 5, Lanes::NAN), Rows::new(2, 5, 0));
        for i in 1..=23 {
            for (block, value) in [i, -i].into_iter().enumerate() {
                ring.push(block, Lanes::all(f64::from(value)));
                rows.push(block, value);
            }
            assert_eq!(*rows.before(0), i, "block 0 has not begun the next session");
            for length in 1..=5.min(i) {
                let expected: Vec<_> =
                    (i - length + 1..=i).map(|i| Lanes::all(f64::from(-i))).collect();
                assert_eq!(ring.last(1, length as usize), &expected[..]);
                assert_eq!(*rows.ago(1, length as usize - 1), length - 1 - i);
            }
            assert_eq!(ring.today(0), Lanes::all(f64::from(i)));
        }
    }

    #[test]
    fn nine_in_ten_are_enough() {
        let mut counts = Counts::new(2, 20);
        for t in 0..25 {
            let missing = |i| if t % 10 < i { f64::NAN } else { 1.0 };
            counts.push(0, Lanes::NAN);
            counts.push(1, Lanes(std::array::from_fn(missing)));
            assert_eq!(counts.enough(1, 20).0[0].is_nan(), t < 19, "history of {}", t + 1);
        }
        let [all, most, too_few, ..] = counts.enough(1, 20).0;
        assert_eq!((all, most), (20.0, 18.0));
        assert!(too_few.is_nan() && counts.enough(0, 20).0[0].is_nan());
        assert_eq!((enough(252), enough(9), enough(14)), (227, 9, 13));
    }

    #[test]
    fn sums_and_squares_by_hand() {
        let window: Vec<_> = [1.0, 2.0, 4.0].map(Lanes::all).into();
        assert_eq!(sum(&window), Lanes::all(7.0));
        assert_eq!(squares_about(&[window[0], Lanes::NAN, window[2]], window[1]), Lanes::all(5.0));
        assert_eq!((max(&window), min(&window)), (window[2], window[0]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn maxima_are_those_of_a_scan(
            values in prop::collection::vec(prop_oneof![9 => -9.0..9.0_f64, 1 => Just(f64::NAN)], 1..60),
            length in 1..20_usize,
        ) {
            let mut maximum = Maximum::new(2, length);
            for (t, x) in values.iter().enumerate() {
                maximum.push(0, Lanes::all(9.5));
                maximum.push(1, Lanes::all(*x));
                let window = &values[(t + 1).saturating_sub(length)..=t];
                let scanned = window.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                prop_assert_eq!(maximum.value(1), Lanes::all(scanned));
            }
        }
    }
}
