//! One feature (or label) across the names of one session: clip, then z-score or rank, then take out
//! market and sector, then unit variance. Guards refuse a cross-section that says nothing: scaling it
//! up would turn rounding noise into a full-size book.

use crate::columns::Columns;
use crate::lanes::{Lanes, WIDTH};
use crate::order::{self, Ordering};

/// Names needed for a cross-section.
pub const MIN_NAMES: usize = 30;
/// Smaller sectors are pooled, together with the names whose sector is unknown.
pub const MIN_SECTOR: usize = 3;
/// Values are clipped at the median ± this many (normal-consistent) median absolute deviations.
pub const WINSOR_MAD: f64 = 5.0;
/// And at the end at ± this many standard deviations.
pub const CLIP: f64 = 4.0;
/// Sector code of a name whose sector nobody knows.
pub const UNKNOWN_SECTOR: usize = usize::MAX;

/// Median absolute deviation of a normal distribution times this is its standard deviation.
const NORMAL_MAD: f64 = 1.4826;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Norm {
    /// Mean 0, standard deviation 1 (ddof 0).
    Z,
    /// Ranks, ties averaged, spread evenly over ±√3: variance 1.
    Rank,
}

/// What is taken out.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Neutral {
    MarketSector,
    Sector,
    /// The mean only.
    None,
}

impl Norm {
    pub fn code(self) -> &'static str {
        match self {
            Norm::Z => "z",
            Norm::Rank => "rank",
        }
    }
}

impl Neutral {
    pub fn code(self) -> &'static str {
        match self {
            Neutral::MarketSector => "ms",
            Neutral::Sector => "s",
            Neutral::None => "none",
        }
    }
}

/// Why a cross-section was refused (METHODS.md §2).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guard {
    /// Too few names.
    Names,
    /// Too few different values.
    Distinct,
    /// No scale: flat but for rounding.
    Scale,
    /// Nothing is left without market and sector.
    Residual,
    /// What is left still goes with market or sector.
    Neutrality,
}

impl Guard {
    pub fn code(self) -> &'static str {
        match self {
            Guard::Names => "names",
            Guard::Distinct => "distinct",
            Guard::Scale => "scale",
            Guard::Residual => "residual",
            Guard::Neutrality => "neutrality",
        }
    }
}

/// The transform over the names that are eligible and have a value; NaN for the others, and for all
/// if a guard refuses. Labels go through the same function: `Norm::Rank`, `Neutral::MarketSector`.
///
/// All slices have a row per name. `sectors` are codes from 0 up, or [`UNKNOWN_SECTOR`]. A missing
/// beta counts as the mean of the others.
pub fn cross_section(
    raw: &[f64],
    eligible: &[bool],
    beta: &[f64],
    sectors: &[usize],
    norm: Norm,
    neutral: Neutral,
) -> Vec<f64> {
    checked(raw, eligible, beta, sectors, norm, neutral)
        .unwrap_or_else(|_| vec![f64::NAN; raw.len()])
}

/// As [`cross_section`], and says which guard refused.
pub fn checked(
    raw: &[f64],
    eligible: &[bool],
    beta: &[f64],
    sectors: &[usize],
    norm: Norm,
    neutral: Neutral,
) -> Result<Vec<f64>, Guard> {
    let mut transform = Transform::new(eligible, beta, sectors);
    let mut out = Columns::new(raw.len(), 1);
    transform.column(0, raw, norm, neutral, &mut out);
    match transform.finish(&mut out).first() {
        Some((_, guard)) => Err(*guard),
        None => Ok(out[0].to_vec()),
    }
}

/// One session's names, for one feature after the other.
///
/// Features that the same names have are transformed eight side by side, as soon as there are eight.
#[derive(Debug)]
pub(crate) struct Transform<'a> {
    beta: &'a [f64],
    sectors: &'a [usize],
    /// All who are eligible, and then who had a value in features that not all have.
    populations: Vec<Population>,
    batches: Vec<Batch>,
    refused: Vec<(usize, Guard)>,
    ordering: Ordering,
}

/// Features of one population that wait for each other.
#[derive(Debug)]
struct Batch {
    population: usize,
    /// By sector; or only the mean of all is taken out.
    is_by_sector: bool,
    /// Where each lane goes.
    columns: Vec<(usize, Norm, Neutral)>,
    /// In the population's order.
    values: Vec<Lanes>,
}

impl<'a> Transform<'a> {
    pub(crate) fn new(eligible: &[bool], beta: &'a [f64], sectors: &'a [usize]) -> Self {
        let eligible: Vec<u32> =
            (0..eligible.len() as u32).filter(|&i| eligible[i as usize]).collect();
        Self {
            populations: vec![Population::new(&eligible, beta, sectors)],
            beta,
            sectors,
            batches: Vec::new(),
            refused: Vec::new(),
            ordering: Ordering::default(),
        }
    }

    /// Takes `raw` in; sooner or later, [`Self::finish`] at last, its transform stands in column `f` of
    /// `out`, where there is a value; nothing if a guard refuses.
    #[inline(always)]
    pub(crate) fn column(
        &mut self,
        f: usize,
        raw: &[f64],
        norm: Norm,
        neutral: Neutral,
        out: &mut Columns,
    ) {
        let index = self.population(raw);
        let population = &self.populations[index];
        if population.rows.len() < MIN_NAMES {
            return self.refused.push((f, Guard::Names));
        }
        let b = self.batch(index, neutral != Neutral::None);
        let batch = &mut self.batches[b];
        let lane = batch.columns.len();
        for (row, &i) in batch.values.iter_mut().zip(&self.populations[index].order) {
            row.0[lane] = raw[i as usize];
        }
        batch.columns.push((f, norm, neutral));
        if lane + 1 == WIDTH {
            let population = &self.populations[index];
            population.transform(batch, &mut self.ordering, &mut self.refused, out);
        }
    }

    /// What was refused, by column.
    #[inline(always)]
    pub(crate) fn finish(mut self, out: &mut Columns) -> Vec<(usize, Guard)> {
        for batch in &mut self.batches {
            if !batch.columns.is_empty() {
                let population = &self.populations[batch.population];
                population.transform(batch, &mut self.ordering, &mut self.refused, out);
            }
        }
        self.refused.sort_unstable_by_key(|(f, _)| *f);
        self.refused
    }

    /// Index of those who have a value.
    #[inline(always)]
    fn population(&mut self, raw: &[f64]) -> usize {
        let everybody = &self.populations[0].rows;
        let is_there = |row: &&u32| raw[**row as usize].abs() < f64::INFINITY;
        let mut all_there = true;
        for row in everybody {
            all_there &= is_there(&row);
        }
        if all_there {
            return 0;
        }
        let rows: Vec<u32> = everybody.iter().filter(is_there).copied().collect();
        let known = self.populations.iter().position(|known| known.rows == rows);
        known.unwrap_or_else(|| {
            self.populations.push(Population::new(&rows, self.beta, self.sectors));
            self.populations.len() - 1
        })
    }

    /// Index of the batch that waits for such a feature.
    #[inline(always)]
    fn batch(&mut self, population: usize, is_by_sector: bool) -> usize {
        let is_it =
            |batch: &Batch| (batch.population, batch.is_by_sector) == (population, is_by_sector);
        self.batches.iter().position(is_it).unwrap_or_else(|| {
            let values = vec![Lanes::ZERO; self.populations[population].rows.len()];
            self.batches.push(Batch { population, is_by_sector, columns: Vec::new(), values });
            self.batches.len() - 1
        })
    }
}

/// Clips each column of `values`, or puts in ranks spread over ±√3; says what is to be refused.
#[inline(always)]
fn clip_or_rank(
    values: &mut [Lanes],
    columns: &[(usize, Norm, Neutral)],
    ordering: &mut Ordering,
) -> [Option<Guard>; WIDTH] {
    let mut are_ranked = [false; WIDTH];
    for (is_ranked, (_, norm, _)) in are_ranked.iter_mut().zip(columns) {
        *is_ranked = *norm == Norm::Rank;
    }
    ordering.sort(values, are_ranked);
    let (mut low, mut high) = (Lanes::all(f64::NEG_INFINITY), Lanes::all(f64::INFINITY));
    let mut refused = [None; WIDTH];
    let (part, root) = (1.0 / values.len() as f64, 12.0_f64.sqrt());
    for lane in 0..columns.len() {
        let column = ordering.column(lane, values);
        match bounds(&column, || sd(values).0[lane]) {
            Err(guard) => refused[lane] = Some(guard),
            Ok((low, high)) if are_ranked[lane] => column.ranks(low, high, |place, rank| {
                values[place].0[lane] = root * ((rank - 0.5) * part - 0.5);
            }),
            Ok(bounds) => (low.0[lane], high.0[lane]) = bounds,
        }
    }
    for v in values {
        *v = high.min(low.max(*v));
    }
    refused
}

/// Beyond which a column is clipped.
#[inline(always)]
fn bounds(column: &order::Column<'_>, spread: impl Fn() -> f64) -> Result<(f64, f64), Guard> {
    if !column.has_distinct(column.len().div_ceil(10).max(5)) {
        return Err(Guard::Distinct);
    }
    let median = column.median();
    let floor = 1e-12 * median.abs().max(1.0);
    let mut scale = NORMAL_MAD * column.median_distance(median);
    if scale <= floor {
        scale = spread();
    }
    if scale <= floor {
        return Err(Guard::Scale);
    }
    Ok((median - WINSOR_MAD * scale, median + WINSOR_MAD * scale))
}

/// The names that have a value, and what is taken out of it: sector means and, after them, beta. By
/// Frisch-Waugh the residual of least squares on sector dummies and beta, without a matrix to invert.
#[derive(Debug)]
struct Population {
    /// Ascending.
    rows: Vec<u32>,
    /// The same, group by group, and where each group ends: sums over a group are over a slice.
    order: Vec<u32>,
    ends: Vec<usize>,
    /// In that order and without its group means, with its sum of squares; `None` if it is the same
    /// everywhere.
    beta: Option<(Vec<f64>, f64)>,
}

impl Population {
    fn new(rows: &[u32], beta: &[f64], sectors: &[usize]) -> Self {
        let (order, ends) = grouped(rows, sectors);
        let known = || rows.iter().map(|&i| beta[i as usize]).filter(|b| !b.is_nan());
        let mean = known().sum::<f64>() / known().count() as f64;
        let mean = if mean.is_nan() { 1.0 } else { mean };
        let filled = |b: f64| if b.is_nan() { mean } else { b };
        let mut beta: Vec<f64> = order.iter().map(|&i| filled(beta[i as usize])).collect();
        demean(&mut beta, &ends);
        let squares = dot(&beta, &beta);
        let varies = squares / beta.len() as f64 > 1e-6;
        Self { rows: rows.to_vec(), order, ends, beta: varies.then_some((beta, squares)) }
    }

    /// Empties `batch` into `out`.
    #[inline(always)]
    fn transform(
        &self,
        batch: &mut Batch,
        ordering: &mut Ordering,
        refused: &mut Vec<(usize, Guard)>,
        out: &mut Columns,
    ) {
        let values = &mut batch.values[..];
        let early = clip_or_rank(values, &batch.columns, ordering);
        let ends = if batch.is_by_sector { &self.ends } else { &self.ends[self.ends.len() - 1..] };
        z_score(values, &batch.columns);
        demean(values, ends);
        let with_market = by_lane(&batch.columns, |_, neutral| neutral == Neutral::MarketSector);
        if let Some((beta, squares)) = &self.beta {
            let slope = dot(beta, values) / *squares;
            let slope = slope.zip(with_market, |slope, with| if with > 0.0 { slope } else { 0.0 });
            for (v, b) in values.iter_mut().zip(beta) {
                *v = *v - slope * *b;
            }
        }
        let sd = sd(values);
        let scale = Lanes::all(1.0) / sd;
        for v in &mut *values {
            *v = *v * scale;
        }
        let is_neutral = self.is_neutral(values, ends, with_market);
        for (lane, (f, ..)) in batch.columns.drain(..).enumerate() {
            if let Some(guard) = early[lane] {
                refused.push((f, guard));
            } else if sd.0[lane] < 1e-6 {
                refused.push((f, Guard::Residual));
            } else if !is_neutral[lane] {
                refused.push((f, Guard::Neutrality));
            } else {
                let out = out.column_mut(f);
                for (&row, value) in self.order.iter().zip(&*values) {
                    out[row as usize] = value.0[lane].clamp(-CLIP, CLIP);
                }
            }
        }
    }

    /// Whether nothing is left that goes with the market, where that was taken out, nor with a group.
    #[inline(always)]
    fn is_neutral(&self, values: &[Lanes], ends: &[usize], with_market: Lanes) -> [bool; WIDTH] {
        let mut correlation = Lanes::ZERO;
        if let Some((beta, squares)) = &self.beta {
            let all = dot(beta, values) / (dot(values, values) * *squares).sqrt();
            correlation = all.zip(with_market, |all, with| if with > 0.0 { all } else { 0.0 });
        }
        let mut means = Lanes::ZERO;
        let mut start = 0;
        for &end in ends {
            let group = &values[std::mem::replace(&mut start, end)..end];
            if !group.is_empty() {
                let mean = mean(group).abs();
                // A NaN stays.
                means = means.max(mean).where_known(means + mean);
            }
        }
        std::array::from_fn(|i| correlation.0[i].abs() <= 1e-8 && means.0[i] <= 1e-10)
    }
}

/// 1 in the lanes whose column `is` so, 0 in others.
#[inline(always)]
fn by_lane(columns: &[(usize, Norm, Neutral)], is: impl Fn(Norm, Neutral) -> bool) -> Lanes {
    let mut lanes = Lanes::ZERO;
    for (lane, (_, norm, neutral)) in lanes.0.iter_mut().zip(columns) {
        *lane = f64::from(is(*norm, *neutral));
    }
    lanes
}

/// Ranks have mean 0 and variance 1 already.
#[inline(always)]
fn z_score(values: &mut [Lanes], columns: &[(usize, Norm, Neutral)]) {
    let is_z = by_lane(columns, |norm, _| norm == Norm::Z);
    let centre = mean(values).zip(is_z, |mean, is_z| if is_z > 0.0 { mean } else { 0.0 });
    let scale = Lanes::all(1.0) / sd(values);
    let scale = scale.zip(is_z, |scale, is_z| if is_z > 0.0 { scale } else { 1.0 });
    for v in values {
        *v = (*v - centre) * scale;
    }
}

/// `rows` by sector, ascending in each, and where each group ends. Sectors of fewer than [`MIN_SECTOR`]
/// names and unknown ones become one group, the last.
fn grouped(rows: &[u32], sectors: &[usize]) -> (Vec<u32>, Vec<usize>) {
    let sectors = || rows.iter().map(|&i| sectors[i as usize]);
    let pool = sectors().filter(|&s| s != UNKNOWN_SECTOR).max().map_or(0, |largest| largest + 1);
    let mut counts = vec![0; pool + 1];
    sectors().for_each(|sector| counts[sector.min(pool)] += 1);
    let is_pooled = |counts: &[usize], sector: usize| sector >= pool || counts[sector] < MIN_SECTOR;
    let group: Vec<usize> =
        sectors().map(|s| if is_pooled(&counts, s) { pool } else { s }).collect();
    counts.fill(0);
    for &group in &group {
        counts[group] += 1;
    }
    let ends: Vec<usize> = counts
        .iter()
        .scan(0, |sum, n| {
            *sum += n;
            Some(*sum)
        })
        .collect();
    let mut next: Vec<usize> = ends.iter().zip(&counts).map(|(end, n)| end - n).collect();
    let mut order = vec![0; rows.len()];
    for (&row, group) in rows.iter().zip(group) {
        order[next[group]] = row;
        next[group] += 1;
    }
    (order, ends)
}

/// One number, or eight.
trait Number:
    Copy
    + std::ops::Add<Output = Self>
    + std::ops::Sub<Output = Self>
    + std::ops::Mul<Output = Self>
    + std::ops::Div<f64, Output = Self>
{
    /// What added to any number leaves it as it is.
    const NOTHING: Self;
    fn sqrt(self) -> Self;
}

impl Number for f64 {
    const NOTHING: Self = -0.0;
    #[inline(always)]
    fn sqrt(self) -> Self {
        f64::sqrt(self)
    }
}

impl Number for Lanes {
    const NOTHING: Self = Lanes([-0.0; WIDTH]);
    #[inline(always)]
    fn sqrt(self) -> Self {
        Lanes::sqrt(self)
    }
}

#[inline(always)]
fn demean<T: Number>(values: &mut [T], ends: &[usize]) {
    let mut start = 0;
    for &end in ends {
        let group = &mut values[start..end];
        let mean = mean(group);
        for v in group {
            *v = *v - mean;
        }
        start = end;
    }
}

/// Terms of a sum that are added side by side: a fixed order, and one the compiler can vectorise.
const ABREAST: usize = 8;

/// Sum of `term` over pairs.
#[inline(always)]
fn sum_of<X: Copy, T: Number>(x: &[X], y: &[T], term: impl Fn(X, T) -> T) -> T {
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<ABREAST>(), y.as_chunks::<ABREAST>());
    let mut sums = [T::NOTHING; ABREAST];
    for (x, y) in xs.iter().zip(ys) {
        for i in 0..ABREAST {
            sums[i] = sums[i] + term(x[i], y[i]);
        }
    }
    let mut rest = T::NOTHING;
    for (x, y) in x_rest.iter().zip(y_rest) {
        rest = rest + term(*x, *y);
    }
    let [a, b, c, d, e, f, g, h] = sums;
    ((((((a + b) + c) + d) + e) + f) + g) + h + rest
}

#[inline(always)]
fn dot<X: Copy, T: Number + std::ops::Mul<X, Output = T>>(x: &[X], y: &[T]) -> T {
    sum_of(x, y, |x, y| y * x)
}

#[inline(always)]
fn mean<T: Number>(values: &[T]) -> T {
    sum_of(values, values, |v, _| v) / values.len() as f64
}

/// ddof 0.
#[inline(always)]
fn sd<T: Number>(values: &[T]) -> T {
    let mean = mean(values);
    let squares = sum_of(values, values, |v, _| (v - mean) * (v - mean));
    (squares / values.len() as f64).sqrt()
}
