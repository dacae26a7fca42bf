//! Order statistics of a cross-section: median, distances from it, ranks, and whether values differ. Eight
//! columns are sorted side by side.

use crate::lanes::{Lanes, WIDTH};

/// Eight columns in order, each for itself. Scratch space that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Ordering {
    sorted: Vec<Lanes>,
    /// Where the values of the lane that was last asked for come from; none if it is not ranked.
    places: Vec<u32>,
    /// Bits of a ranked lane's values that hold their places while they are sorted.
    tags: [u64; WIDTH],
}

/// One of the columns, in order.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Column<'a> {
    sorted: &'a [Lanes],
    lane: usize,
    places: &'a [u32],
}

/// `x` within bounds that are no NaN.
#[inline(always)]
pub(crate) fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

impl Ordering {
    /// Sorts at least one row of finite values. Lanes that `are_ranked` can tell ranks.
    ///
    /// While they are sorted, ranked values carry their places in the last bits of their mantissas; what that does
    /// to the order of near neighbours is mended in [`Self::column`].
    #[inline(always)]
    pub(crate) fn sort(&mut self, values: &[Lanes], are_ranked: [bool; WIDTH]) {
        let tag = (values.len() + 1).next_power_of_two() as u64 - 1;
        self.tags = are_ranked.map(|is_ranked| if is_ranked { tag } else { 0 });
        self.sorted.clear();
        for (place, row) in (0..).zip(values) {
            let mut tagged = *row;
            for (x, tag) in tagged.0.iter_mut().zip(self.tags) {
                *x = f64::from_bits((x.to_bits() & !tag) | (place & tag));
            }
            self.sorted.push(tagged);
        }
        let whole = values.len().next_multiple_of(TOGETHER);
        self.sorted.resize(whole, Lanes::all(f64::INFINITY));
        sort(&mut self.sorted);
        self.sorted.truncate(values.len());
    }

    /// Lane `lane` of `values`, which were sorted. To be asked for once.
    #[inline(always)]
    pub(crate) fn column(&mut self, lane: usize, values: &[Lanes]) -> Column<'_> {
        self.places.clear();
        if self.tags[lane] > 0 {
            self.take_tags_off(lane, values);
        }
        Column { sorted: &self.sorted, lane, places: &self.places }
    }

    #[inline(always)]
    fn take_tags_off(&mut self, lane: usize, values: &[Lanes]) {
        let (tag, mut before, mut is_sorted) = (self.tags[lane], f64::NEG_INFINITY, true);
        self.places.resize(values.len(), 0);
        for (row, from) in self.sorted.iter_mut().zip(&mut self.places) {
            let place = row.0[lane].to_bits() & tag;
            let value = values[place as usize].0[lane];
            is_sorted &= before <= value;
            (row.0[lane], *from, before) = (value, place as u32, value);
        }
        if !is_sorted {
            self.sort_neighbours(lane);
        }
    }

    /// Values that differ where the tags were are not in order yet.
    #[cold]
    fn sort_neighbours(&mut self, lane: usize) {
        let values = self.sorted.iter().map(|row| row.0[lane]);
        let mut pairs: Vec<(f64, u32)> = values.zip(self.places.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        for ((value, from), (row, place)) in
            pairs.into_iter().zip(self.sorted.iter_mut().zip(&mut self.places))
        {
            (row.0[lane], *place) = (value, from);
        }
    }
}

impl Column<'_> {
    #[inline(always)]
    fn at(&self, i: usize) -> f64 {
        self.sorted[i].0[self.lane]
    }

    pub(crate) fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are at least `least` different values.
    #[inline(always)]
    pub(crate) fn has_distinct(&self, least: usize) -> bool {
        let mut steps = (1..self.sorted.len()).filter(|&i| self.at(i - 1) != self.at(i));
        least < 2 || steps.nth(least - 2).is_some()
    }

    #[inline(always)]
    pub(crate) fn median(&self) -> f64 {
        let n = self.sorted.len();
        if n % 2 == 1 { self.at(n / 2) } else { f64::midpoint(self.at(n / 2 - 1), self.at(n / 2)) }
    }

    /// Median of the distances from the median.
    #[inline(always)]
    pub(crate) fn median_distance(&self, median: f64) -> f64 {
        let n = self.sorted.len();
        let upper = self.nearest_distance(median, n / 2);
        if n % 2 == 1 {
            upper
        } else {
            f64::midpoint(self.nearest_distance(median, n / 2 - 1), upper)
        }
    }

    /// The distance that so many are smaller than or equal to. Those nearest the median are neighbours in
    /// order: the stretch of k+1 is looked for whose farther end is nearest.
    #[inline(always)]
    fn nearest_distance(&self, median: f64, k: usize) -> f64 {
        let n = self.sorted.len();
        let below = |first: usize| median - self.at(first);
        let above = |first: usize| self.at(first + k) - median;
        // As the stretch moves up, its lower end comes nearer and its upper end goes away.
        let (mut low, mut high) = (0, n - 1 - k);
        while low < high {
            let middle = usize::midpoint(low, high);
            if above(middle) < below(middle) { low = middle + 1 } else { high = middle }
        }
        let farther = |first: usize| below(first).max(above(first));
        let here = farther(low);
        if low > 0 { here.min(farther(low - 1)) } else { here }
    }

    /// Gives `rank` each place of a ranked lane and its rank, from 1; equal values, and all that lie outside
    /// on one side, share their mean rank.
    #[inline(always)]
    pub(crate) fn ranks(&self, low: f64, high: f64, mut rank: impl FnMut(usize, f64)) {
        let mut first = 0;
        let clamped = |i: usize| clamp(self.at(i), low, high);
        while first < self.places.len() {
            let value = clamped(first);
            let mut end = first + 1;
            while end < self.places.len() && clamped(end) == value {
                end += 1;
            }
            let mean = f64::midpoint(first as f64 + 1.0, end as f64);
            for &place in &self.places[first..end] {
                rank(place as usize, mean);
            }
            first = end;
        }
    }
}

/// Rows that are sorted in registers.
const TOGETHER: usize = 8;

/// Batcher's bitonic sort (1968), of eight columns at once: which rows are compared doesn't depend on what is in
/// them. Whole eights of rows; where a stretch would go beyond the last, nothing is smaller there.
#[inline(always)]
fn sort(rows: &mut [Lanes]) {
    for eight in rows.as_chunks_mut::<TOGETHER>().0 {
        each_lane(eight, sort_eight);
    }
    let mut size = 2 * TOGETHER;
    while size < 2 * rows.len() {
        for stretch in rows.chunks_mut(size) {
            let (low, high) = halves(stretch, size / 2);
            for (low, high) in low.iter_mut().rev().zip(high) {
                exchange(low, high);
            }
            let mut distance = size / 4;
            while distance >= TOGETHER {
                for part in stretch.chunks_mut(2 * distance) {
                    let (low, high) = halves(part, distance);
                    for (low, high) in low.iter_mut().zip(high) {
                        exchange(low, high);
                    }
                }
                distance /= 2;
            }
            for eight in stretch.as_chunks_mut::<TOGETHER>().0 {
                each_lane(eight, merge_eight);
            }
        }
        size *= 2;
    }
}

#[inline(always)]
fn halves(rows: &mut [Lanes], half: usize) -> (&mut [Lanes], &mut [Lanes]) {
    rows.split_at_mut(half.min(rows.len()))
}

/// By the standard library's minimum: of a comparison of our own the compiler makes a store under a mask, which costs
/// some processors twenty times as much.
#[inline(always)]
fn exchange(low: &mut Lanes, high: &mut Lanes) {
    (*low, *high) = (low.zip(*high, f64::min), low.zip(*high, f64::max));
}

/// Lane by lane: a loop that the compiler turns into vectors of lanes.
#[inline(always)]
fn each_lane(rows: &mut [Lanes; TOGETHER], order: impl Fn([f64; TOGETHER]) -> [f64; TOGETHER]) {
    for lane in 0..WIDTH {
        let ordered = order(std::array::from_fn(|i| rows[i].0[lane]));
        for (row, x) in rows.iter_mut().zip(ordered) {
            row.0[lane] = x;
        }
    }
}

/// The smaller and the larger.
#[inline(always)]
fn pair(a: f64, b: f64) -> (f64, f64) {
    if a < b { (a, b) } else { (b, a) }
}

/// A network of nineteen, the fewest there can be.
#[inline(always)]
fn sort_eight([a, b, c, d, e, f, g, h]: [f64; 8]) -> [f64; 8] {
    let (a, c) = pair(a, c);
    let (b, d) = pair(b, d);
    let (e, g) = pair(e, g);
    let (f, h) = pair(f, h);
    let (a, e) = pair(a, e);
    let (b, f) = pair(b, f);
    let (c, g) = pair(c, g);
    let (d, h) = pair(d, h);
    let (a, b) = pair(a, b);
    let (c, d) = pair(c, d);
    let (e, f) = pair(e, f);
    let (g, h) = pair(g, h);
    let (c, e) = pair(c, e);
    let (d, f) = pair(d, f);
    let (b, e) = pair(b, e);
    let (d, g) = pair(d, g);
    let (b, c) = pair(b, c);
    let (d, e) = pair(d, e);
    let (f, g) = pair(f, g);
    [a, b, c, d, e, f, g, h]
}

/// Of eight whose order is bitonic.
#[inline(always)]
fn merge_eight([a, b, c, d, e, f, g, h]: [f64; 8]) -> [f64; 8] {
    let (a, e) = pair(a, e);
    let (b, f) = pair(b, f);
    let (c, g) = pair(c, g);
    let (d, h) = pair(d, h);
    let (a, c) = pair(a, c);
    let (b, d) = pair(b, d);
    let (e, g) = pair(e, g);
    let (f, h) = pair(f, h);
    let (a, b) = pair(a, b);
    let (c, d) = pair(c, d);
    let (e, f) = pair(e, f);
    let (g, h) = pair(g, h);
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Some equal, some far out, some all in one corner.
    fn values() -> impl Strategy<Value = Vec<f64>> {
        let value = prop_oneof![
            3 => -1.0..1.0_f64,
            1 => (-3..3_i32).prop_map(f64::from),
            1 => 0.5..0.5001_f64,
            1 => -1e6..1e6_f64,
        ];
        prop_oneof![
            prop::collection::vec(value, 1..150),
            prop::collection::vec(0.5..0.5001_f64, 60..300).prop_map(|values| [
                &[-1e9, 1e9],
                &values[..]
            ]
            .concat()),
        ]
    }

    fn slow_median(mut values: Vec<f64>) -> f64 {
        values.sort_by(f64::total_cmp);
        let n = values.len();
        f64::midpoint(values[(n - 1) / 2], values[n / 2])
    }

    /// In lane 5, beside others.
    fn sorted(values: &[f64]) -> (Ordering, Vec<Lanes>) {
        let lanes = values.iter().map(|x| Lanes([-x, 0.0, *x, 1.0, x / 3.0, *x, 7.0, x * x]));
        let lanes: Vec<Lanes> = lanes.collect();
        let mut ordering = Ordering::default();
        ordering.sort(&[Lanes::all(3.0); 7], [false; WIDTH]);
        ordering.sort(&lanes, [true, false, false, false, false, true, false, false]);
        (ordering, lanes)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Of a ranked lane, which is sorted by tagged values, and of one that is not.
        #[test]
        fn medians_are_those_of_sorting(values in values(), lane in prop_oneof![Just(2_usize), Just(5)]) {
            let (mut ordering, lanes) = sorted(&values);
            let column = ordering.column(lane, &lanes);
            let mut slow = values.clone();
            slow.sort_by(f64::total_cmp);
            for (i, x) in slow.iter().enumerate() {
                prop_assert_eq!(column.at(i), *x);
            }
            let median = column.median();
            prop_assert_eq!(median, slow_median(values.clone()));
            let distances = values.iter().map(|x| (x - median).abs()).collect();
            prop_assert_eq!(column.median_distance(median), slow_median(distances));
        }

        /// A rank is one more than how many are smaller, and half a rank for each other equal one.
        #[test]
        fn ranks_are_those_of_counting(values in values(), bound in 0.1..1e6_f64) {
            let clipped: Vec<_> = values.iter().map(|x| clamp(*x, -bound, bound)).collect();
            let mut seen = 0;
            let (mut ordering, lanes) = sorted(&values);
            ordering.column(5, &lanes).ranks(-bound, bound, |place, rank| {
                let x = clipped[place];
                let smaller = clipped.iter().filter(|y| **y < x).count() as f64;
                let equal = clipped.iter().filter(|y| **y == x).count() as f64;
                assert_eq!(rank, smaller + f64::midpoint(1.0, equal));
                seen += 1;
            });
            prop_assert_eq!(seen, values.len());
        }

        /// Neighbours that differ in their last bits only, where the tags are while they are sorted.
        #[test]
        fn the_nearest_neighbours_are_told_apart(steps in prop::collection::vec(0..9_u64, 2..300)) {
            let values: Vec<f64> =
                steps.iter().map(|step| f64::from_bits((-0.25_f64).to_bits() + step)).collect();
            let (mut ordering, lanes) = sorted(&values);
            let column = ordering.column(5, &lanes);
            for i in 1..values.len() {
                prop_assert!(column.at(i - 1) <= column.at(i));
            }
            for (i, place) in column.places.iter().enumerate() {
                prop_assert_eq!(column.at(i), values[*place as usize]);
            }
        }

        #[test]
        fn distinct_values_are_counted(values in values(), least in 1..60_usize) {
            let (mut ordering, lanes) = sorted(&values);
            let has = ordering.column(5, &lanes).has_distinct(least);
            let mut sorted: Vec<_> = values.iter().map(|x| x + 0.0).collect();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            prop_assert_eq!(has, sorted.len() >= least);
        }
    }
}
