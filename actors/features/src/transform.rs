//! One feature (or label) across the names of one session: clip, then z-score or rank, then take out
//! market and sector, then unit variance. Guards refuse a cross-section that says nothing: scaling it
//! up would turn rounding noise into a full-size book.

use crate::window::sums;

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
    let mut rows = Vec::with_capacity(raw.len());
    rows.extend((0..raw.len()).filter(|&i| eligible[i] && raw[i].is_finite()));
    let pick = |column: &[f64]| -> Vec<f64> { rows.iter().map(|&i| column[i]).collect() };
    let mut values = normalise(&pick(raw), norm)?;
    let exposures = Neutraliser::new(
        &pick(beta),
        &rows.iter().map(|&i| sectors[i]).collect::<Vec<_>>(),
        neutral,
    );
    exposures.neutralise(&mut values);
    let sd = sd(&values);
    if sd < 1e-6 {
        return Err(Guard::Residual);
    }
    for value in &mut values {
        *value /= sd;
    }
    if !exposures.is_neutral(&values) {
        return Err(Guard::Neutrality);
    }
    let mut out = vec![f64::NAN; raw.len()];
    for (&row, value) in rows.iter().zip(values) {
        out[row] = value.clamp(-CLIP, CLIP);
    }
    Ok(out)
}

/// Clips, then z-scores or ranks finite values.
fn normalise(values: &[f64], norm: Norm) -> Result<Vec<f64>, Guard> {
    let n = values.len();
    if n < MIN_NAMES {
        return Err(Guard::Names);
    }
    let mut sorted: Vec<(f64, usize)> = values.iter().copied().zip(0..).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let distinct = 1 + sorted.windows(2).filter(|pair| pair[0].0 != pair[1].0).count();
    if (distinct as f64) < f64::max(5.0, 0.1 * n as f64) {
        return Err(Guard::Distinct);
    }
    let (low, high) = clip_bounds(&sorted, values)?;
    for (value, _) in &mut sorted {
        *value = value.clamp(low, high);
    }
    Ok(match norm {
        Norm::Rank => ranks(&sorted),
        Norm::Z => {
            let clipped: Vec<f64> = values.iter().map(|v| v.clamp(low, high)).collect();
            let (mean, sd) = (mean(&clipped), sd(&clipped));
            clipped.iter().map(|v| (v - mean) / sd).collect()
        }
    })
}

fn clip_bounds(sorted: &[(f64, usize)], values: &[f64]) -> Result<(f64, f64), Guard> {
    let n = sorted.len();
    let median = f64::midpoint(sorted[(n - 1) / 2].0, sorted[n / 2].0);
    let floor = 1e-12 * median.abs().max(1.0);
    let mut scale = NORMAL_MAD * median_distance(sorted, median);
    if scale <= floor {
        scale = sd(values);
    }
    if scale <= floor {
        return Err(Guard::Scale);
    }
    Ok((median - WINSOR_MAD * scale, median + WINSOR_MAD * scale))
}

/// Median of |v − median|: merges the two sorted halves of distances, from the middle outwards.
fn median_distance(sorted: &[(f64, usize)], median: f64) -> f64 {
    let n = sorted.len();
    let (mut below, mut above) = (n.div_ceil(2), n.div_ceil(2));
    let mut taken = 0.0;
    let mut last_two = [0.0; 2];
    while taken <= n as f64 / 2.0 {
        let down = if below > 0 { median - sorted[below - 1].0 } else { f64::INFINITY };
        let up = if above < n { sorted[above].0 - median } else { f64::INFINITY };
        if down <= up {
            below -= 1;
        } else {
            above += 1;
        }
        last_two = [last_two[1], down.min(up)];
        taken += 1.0;
    }
    if n % 2 == 1 { last_two[1] } else { f64::midpoint(last_two[0], last_two[1]) }
}

/// √12·((rank−½)/n−½), in the places that the pairs name; equal values share their mean rank.
fn ranks(sorted: &[(f64, usize)]) -> Vec<f64> {
    let n = sorted.len() as f64;
    let mut out = vec![0.0; sorted.len()];
    let mut below = 0;
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let rank = below as f64 + f64::midpoint(1.0, ties.len() as f64);
        for &(_, place) in ties {
            out[place] = 12.0_f64.sqrt() * ((rank - 0.5) / n - 0.5);
        }
        below += ties.len();
    }
    out
}

/// Takes out sector means and, after them, beta: by Frisch-Waugh the residual of least squares on
/// sector dummies and beta, without a matrix to invert.
struct Neutraliser {
    /// Group of each name, of so many.
    groups: Vec<usize>,
    group_count: usize,
    /// Beta without its sector means; `None` if it is not asked for or the same everywhere.
    beta: Option<Vec<f64>>,
}

impl Neutraliser {
    fn new(beta: &[f64], sectors: &[usize], neutral: Neutral) -> Self {
        let (groups, group_count) = match neutral {
            Neutral::None => (vec![0; sectors.len()], 1),
            Neutral::Sector | Neutral::MarketSector => pooled(sectors),
        };
        let mut new = Self { groups, group_count, beta: None };
        if neutral == Neutral::MarketSector {
            let [known, sum] = sums(beta, |b| [1.0, b]);
            let mean = if known > 0.0 { sum / known } else { 1.0 };
            let mut beta: Vec<_> =
                beta.iter().map(|&b| if b.is_nan() { mean } else { b }).collect();
            new.demean(&mut beta);
            let [squares] = sums(&beta, |b| [b * b]);
            new.beta = (squares / beta.len() as f64 > 1e-6).then_some(beta);
        }
        new
    }

    fn neutralise(&self, values: &mut [f64]) {
        self.demean(values);
        if let Some(beta) = &self.beta {
            let slope = dot(beta, values) / dot(beta, beta);
            values.iter_mut().zip(beta).for_each(|(v, b)| *v -= b * slope);
        }
    }

    fn is_neutral(&self, values: &[f64]) -> bool {
        let correlation = self
            .beta
            .as_ref()
            .map_or(0.0, |beta| dot(beta, values) / (dot(beta, beta) * dot(values, values)).sqrt());
        correlation.abs() <= 1e-8 && self.means(values).iter().all(|mean| mean.abs() <= 1e-10)
    }

    fn demean(&self, values: &mut [f64]) {
        let means = self.means(values);
        values.iter_mut().zip(&self.groups).for_each(|(v, &group)| *v -= means[group]);
    }

    fn means(&self, values: &[f64]) -> Vec<f64> {
        let mut sums = vec![(0.0, 0.0); self.group_count];
        for (v, &group) in values.iter().zip(&self.groups) {
            sums[group].0 += 1.0;
            sums[group].1 += v;
        }
        sums.into_iter().map(|(n, sum)| if n > 0.0 { sum / n } else { 0.0 }).collect()
    }
}

/// Sectors of fewer than [`MIN_SECTOR`] names and unknown ones become one group, the last.
fn pooled(sectors: &[usize]) -> (Vec<usize>, usize) {
    let known = sectors.iter().filter(|&&s| s != UNKNOWN_SECTOR);
    let pool = known.clone().max().map_or(0, |&largest| largest + 1);
    let mut counts = vec![0; pool];
    known.for_each(|&s| counts[s] += 1);
    let group = |&s: &usize| if s == UNKNOWN_SECTOR || counts[s] < MIN_SECTOR { pool } else { s };
    (sectors.iter().map(group).collect(), pool + 1)
}

fn dot(x: &[f64], y: &[f64]) -> f64 {
    crate::window::sums_of_pairs(x, y, |x, y| [x * y])[0]
}

fn mean(values: &[f64]) -> f64 {
    sums(values, |v| [v])[0] / values.len() as f64
}

/// ddof 0.
fn sd(values: &[f64]) -> f64 {
    let mean = mean(values);
    let [squares] = sums(values, |v| [(v - mean) * (v - mean)]);
    (squares / values.len() as f64).sqrt()
}
