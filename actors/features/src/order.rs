//! Order statistics of one cross-section: median, distances from it, ranks, and whether values differ.

/// The values of a cross-section in order. Scratch space that is used again and again.
#[derive(Debug, Default)]
pub(crate) struct Ordering {
    slices: Vec<u32>,
    ends: Vec<u32>,
    /// With the place each had.
    sorted: Vec<(f64, u32)>,
}

/// `x` within bounds that are no NaN.
#[inline(always)]
pub(crate) fn clamp(x: f64, low: f64, high: f64) -> f64 {
    let x = if x < low { low } else { x };
    if x > high { high } else { x }
}

impl Ordering {
    /// Sorts at least one finite value; `centre` and `scale` say about where they lie, and only make it
    /// faster.
    ///
    /// Values are dealt into twice as many slices as there are values, so that in a bell-shaped
    /// distribution hardly two share one, and what is left of disorder is sorted by insertion.
    #[inline(always)]
    pub(crate) fn sort(&mut self, values: &[f64], centre: f64, scale: f64) {
        let n = values.len();
        let (half, per_scale) = (n as f64, 1.0 / scale.max(f64::MIN_POSITIVE));
        self.slices.clear();
        self.slices.extend(values.iter().map(|&value| {
            let t = clamp((value - centre) * per_scale, -1e9, 1e9);
            // between 0 and 2n, to the nearest whole number
            nearest(half + half * (t / (1.0 + t.abs())))
        }));
        self.ends.clear();
        self.ends.resize(2 * n + 2, 0);
        for &slice in &self.slices {
            let count = &mut self.ends[slice as usize + 1];
            *count = count.wrapping_add(1);
        }
        let (mut sum, mut crowd) = (0_u32, 0);
        for end in &mut self.ends {
            crowd = crowd.max(*end);
            sum = sum.wrapping_add(*end);
            *end = sum;
        }
        self.sorted.clear();
        self.sorted.resize(n, (0.0, 0));
        for ((place, &value), &slice) in (0..).zip(values).zip(&self.slices) {
            let next = &mut self.ends[slice as usize];
            self.sorted[*next as usize] = (value, place);
            *next = next.wrapping_add(1);
        }
        if crowd <= MOST_TOGETHER {
            insertion_sort(&mut self.sorted);
        } else {
            self.sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        }
    }

    /// Whether there are at least `least` different values.
    #[inline(always)]
    pub(crate) fn has_distinct(&self, least: usize) -> bool {
        let mut steps = self.sorted.windows(2).filter(|pair| pair[0].0 != pair[1].0);
        least < 2 || steps.nth(least - 2).is_some()
    }

    #[inline(always)]
    pub(crate) fn median(&self) -> f64 {
        let n = self.sorted.len();
        if n % 2 == 1 {
            self.sorted[n / 2].0
        } else {
            f64::midpoint(self.sorted[n / 2 - 1].0, self.sorted[n / 2].0)
        }
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
        let below = |first: usize| median - self.sorted[first].0;
        let above = |first: usize| self.sorted[first + k].0 - median;
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

    /// Gives `rank` each place and its rank, from 1; equal values, and all that lie outside on one side,
    /// share their mean rank.
    #[inline(always)]
    pub(crate) fn ranks(&self, low: f64, high: f64, mut rank: impl FnMut(usize, f64)) {
        let mut first = 0;
        let clamped = |i: usize| clamp(self.sorted[i].0, low, high);
        while first < self.sorted.len() {
            let value = clamped(first);
            let mut end = first + 1;
            while end < self.sorted.len() && clamped(end) == value {
                end += 1;
            }
            let mean = f64::midpoint(first as f64 + 1.0, end as f64);
            self.sorted[first..end].iter().for_each(|&(_, place)| rank(place as usize, mean));
            first = end;
        }
    }
}

/// In one slice; above, insertion would take long.
const MOST_TOGETHER: u32 = 40;

/// A number from 0 to 2³¹ to the nearest whole one.
#[inline(always)]
fn nearest(x: f64) -> u32 {
    const WHOLE: f64 = 4_503_599_627_370_496.0;
    (x + WHOLE).to_bits() as u32
}

#[inline(always)]
fn insertion_sort(sorted: &mut [(f64, u32)]) {
    for i in 1..sorted.len() {
        let moved = sorted[i];
        let mut place = i;
        while place > 0 && sorted[place - 1].0 > moved.0 {
            sorted[place] = sorted[place - 1];
            place -= 1;
        }
        sorted[place] = moved;
    }
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

    fn sorted(values: &[f64], centre: f64, scale: f64) -> Ordering {
        let mut ordering = Ordering::default();
        ordering.sort(&[3.0; 7], 1.0, 1.0);
        ordering.sort(values, centre, scale);
        ordering
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn medians_are_those_of_sorting(values in values(), centre in -2.0..2.0_f64, scale in 0.0..2.0_f64) {
            let ordering = sorted(&values, centre, scale);
            prop_assert!(ordering.sorted.is_sorted_by(|a, b| a.0 <= b.0));
            let median = ordering.median();
            prop_assert_eq!(median, slow_median(values.clone()));
            let distances = values.iter().map(|x| (x - median).abs()).collect();
            prop_assert_eq!(ordering.median_distance(median), slow_median(distances));
        }

        /// A rank is one more than how many are smaller, and half a rank for each other equal one.
        #[test]
        fn ranks_are_those_of_counting(values in values(), bound in 0.1..1e6_f64) {
            let clipped: Vec<_> = values.iter().map(|x| clamp(*x, -bound, bound)).collect();
            let mut seen = 0;
            sorted(&values, 0.0, 1.0).ranks(-bound, bound, |place, rank| {
                let x = clipped[place];
                let smaller = clipped.iter().filter(|y| **y < x).count() as f64;
                let equal = clipped.iter().filter(|y| **y == x).count() as f64;
                assert_eq!(rank, smaller + f64::midpoint(1.0, equal));
                seen += 1;
            });
            prop_assert_eq!(seen, values.len());
        }

        #[test]
        fn distinct_values_are_counted(values in values(), least in 1..60_usize) {
            let has = sorted(&values, 0.0, 1.0).has_distinct(least);
            let mut sorted: Vec<_> = values.iter().map(|x| x + 0.0).collect();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            prop_assert_eq!(has, sorted.len() >= least);
        }
    }
}
