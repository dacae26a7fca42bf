//! One feature (or label) across the names of one session: clip, then z-score or rank, then take out
//! market and sector, then unit variance. Guards refuse a cross-section that says nothing: scaling it
//! up would turn rounding noise into a full-size book.

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
    let mut out = vec![f64::NAN; raw.len()];
    Transform::new(eligible, beta, sectors).column(raw, norm, neutral, &mut out)?;
    Ok(out)
}

/// One session's names, for one feature after the other.
#[derive(Debug)]
pub(crate) struct Transform<'a> {
    beta: &'a [f64],
    sectors: &'a [usize],
    /// All who are eligible, and then who had a value in features that not all have.
    populations: Vec<Population>,
    values: Vec<f64>,
    ordering: Ordering,
}

impl<'a> Transform<'a> {
    pub(crate) fn new(eligible: &[bool], beta: &'a [f64], sectors: &'a [usize]) -> Self {
        let eligible: Vec<u32> =
            (0..eligible.len() as u32).filter(|&i| eligible[i as usize]).collect();
        Self {
            populations: vec![Population::new(&eligible, beta, sectors)],
            beta,
            sectors,
            values: Vec::new(),
            ordering: Ordering::default(),
        }
    }

    /// Writes the transformed `raw` into `out`, where there is a value; nothing if a guard refuses.
    pub(crate) fn column(
        &mut self,
        raw: &[f64],
        norm: Norm,
        neutral: Neutral,
        out: &mut [f64],
    ) -> Result<(), Guard> {
        let index = self.population(raw);
        let (values, population) = (&mut self.values, &self.populations[index]);
        if population.rows.len() < MIN_NAMES {
            return Err(Guard::Names);
        }
        values.clear();
        values.extend(population.order.iter().map(|&i| raw[i as usize]));
        normalise(values, norm, &mut self.ordering)?;
        population.neutralise(values, neutral);
        let sd = sd(values);
        if sd < 1e-6 {
            return Err(Guard::Residual);
        }
        let scale = 1.0 / sd;
        for value in values.iter_mut() {
            *value *= scale;
        }
        if !population.is_neutral(values, neutral) {
            return Err(Guard::Neutrality);
        }
        for (&row, value) in population.order.iter().zip(values) {
            out[row as usize] = value.clamp(-CLIP, CLIP);
        }
        Ok(())
    }

    /// Index of the eligible names that have a value.
    fn population(&mut self, raw: &[f64]) -> usize {
        let eligible = &self.populations[0].rows;
        let has_value = |i: &&u32| raw[**i as usize].is_finite();
        if eligible.iter().filter(has_value).count() == eligible.len() {
            return 0;
        }
        let rows: Vec<u32> = eligible.iter().filter(has_value).copied().collect();
        let known = self.populations.iter().position(|known| known.rows == rows);
        known.unwrap_or_else(|| {
            self.populations.push(Population::new(&rows, self.beta, self.sectors));
            self.populations.len() - 1
        })
    }
}

/// Clips, then z-scores or ranks finite values, in place.
fn normalise(values: &mut [f64], norm: Norm, ordering: &mut Ordering) -> Result<(), Guard> {
    let n = values.len();
    let spread = sd(values);
    ordering.sort(values, mean(values), spread);
    if !ordering.has_distinct(n.div_ceil(10).max(5)) {
        return Err(Guard::Distinct);
    }
    let median = ordering.median();
    let floor = 1e-12 * median.abs().max(1.0);
    let mut scale = NORMAL_MAD * ordering.median_distance(median);
    if scale <= floor {
        scale = spread;
    }
    if scale <= floor {
        return Err(Guard::Scale);
    }
    let (low, high) = (median - WINSOR_MAD * scale, median + WINSOR_MAD * scale);
    match norm {
        Norm::Z => {
            for value in values.iter_mut() {
                *value = order::clamp(*value, low, high);
            }
            let (mean, scale) = (mean(values), 1.0 / sd(values));
            for value in values.iter_mut() {
                *value = (*value - mean) * scale;
            }
        }
        Norm::Rank => {
            let (part, root) = (1.0 / n as f64, 12.0_f64.sqrt());
            ordering.ranks(low, high, |place, rank| {
                values[place] = root * ((rank - 0.5) * part - 0.5);
            });
        }
    }
    Ok(())
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

    fn groups(&self, neutral: Neutral) -> &[usize] {
        match neutral {
            Neutral::None => &self.ends[self.ends.len() - 1..],
            Neutral::Sector | Neutral::MarketSector => &self.ends,
        }
    }

    fn beta(&self, neutral: Neutral) -> Option<&(Vec<f64>, f64)> {
        self.beta.as_ref().filter(|_| neutral == Neutral::MarketSector)
    }

    fn neutralise(&self, values: &mut [f64], neutral: Neutral) {
        demean(values, self.groups(neutral));
        if let Some((beta, squares)) = self.beta(neutral) {
            let slope = dot(beta, values) / squares;
            values.iter_mut().zip(beta).for_each(|(v, b)| *v -= b * slope);
        }
    }

    fn is_neutral(&self, values: &[f64], neutral: Neutral) -> bool {
        let correlation = self.beta(neutral).map_or(0.0, |(beta, squares)| {
            dot(beta, values) / (squares * dot(values, values)).sqrt()
        });
        let mut start = 0;
        let means_vanish = self.groups(neutral).iter().all(|&end| {
            let group = &values[std::mem::replace(&mut start, end)..end];
            group.is_empty() || mean(group).abs() <= 1e-10
        });
        correlation.abs() <= 1e-8 && means_vanish
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

fn demean(values: &mut [f64], ends: &[usize]) {
    let mut start = 0;
    for &end in ends {
        let group = &mut values[start..end];
        let mean = mean(group);
        for v in group {
            *v -= mean;
        }
        start = end;
    }
}

/// Terms of a sum that are added side by side: a fixed order, and one the compiler can vectorise.
const ABREAST: usize = 8;

/// Sum of `term` over pairs.
#[inline]
fn sum_of(x: &[f64], y: &[f64], term: impl Fn(f64, f64) -> f64) -> f64 {
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<ABREAST>(), y.as_chunks::<ABREAST>());
    let mut sums = [0.0; ABREAST];
    for (x, y) in xs.iter().zip(ys) {
        for i in 0..ABREAST {
            sums[i] += term(x[i], y[i]);
        }
    }
    let rest: f64 = x_rest.iter().zip(y_rest).map(|(&x, &y)| term(x, y)).sum();
    sums.iter().sum::<f64>() + rest
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    sum_of(x, y, |x, y| x * y)
}

fn mean(values: &[f64]) -> f64 {
    sum_of(values, values, |v, _| v) / values.len() as f64
}

/// ddof 0.
fn sd(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares = sum_of(values, values, |v, _| (v - mean) * (v - mean));
    (squares / values.len() as f64).sqrt()
}
