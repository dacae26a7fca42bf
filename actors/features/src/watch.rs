//! What can only be seen in many sessions: guards that fire too often, and features that say the same.

use crate::WARM_UP;
use crate::lanes::{Lanes, WIDTH};
use crate::matrix::CrossSection;
use crate::transform::MIN_NAMES;
use crate::whitelist::{COUNT, SPECS};
use std::collections::VecDeque;

/// Sessions in which a feature that was refused on more than 2 % raises an alert.
pub(crate) const SESSIONS: u32 = 60;
const SHARE_MAX: f64 = 0.02;
/// A year, over which correlations of features are averaged.
const YEAR: usize = 252;
const WARN: f64 = 0.95;
const REJECT: f64 = 0.999;

/// How often guards refused each feature of late.
#[derive(Clone, Debug)]
pub struct GuardWatch {
    /// A bit per session, the last one lowest.
    refused: [u64; COUNT],
    seen: u32,
    /// Sessions of history before the first that is seen.
    before: usize,
}

/// A feature that guards refused on more than 2 % of the last 60 sessions.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct GuardAlert {
    pub feature: &'static str,
    pub refused: u32,
    pub sessions: u32,
}

impl GuardWatch {
    /// `history`: sessions that the builder had taken in before.
    pub fn new(history: usize) -> Self {
        Self { refused: [0; COUNT], seen: 0, before: history }
    }

    /// Takes the next session in and says what is wrong now.
    pub fn see(&mut self, today: &CrossSection<'_>) -> Vec<GuardAlert> {
        // Before that, guards fire by design.
        if self.before + 1 < WARM_UP {
            self.before += 1;
            return Vec::new();
        }
        self.seen = SESSIONS.min(self.seen + 1);
        for refused in &mut self.refused {
            *refused = (*refused << 1) & ((1 << SESSIONS) - 1);
        }
        for (feature, _) in today.refused {
            self.refused[*feature] |= 1;
        }
        let times = |feature: usize| self.refused[feature].count_ones();
        (0..COUNT)
            .filter(|&f| f64::from(times(f)) > SHARE_MAX * f64::from(SESSIONS))
            .map(|f| GuardAlert { feature: SPECS[f].name, refused: times(f), sessions: self.seen })
            .collect()
    }
}

/// Mean Spearman correlation of every two features over the last year of what it is given.
#[derive(Clone, Debug, Default)]
pub struct Redundancy {
    /// Per session, a correlation per pair (a, b), a < b, in order; NaN where unknown.
    sessions: VecDeque<Vec<f64>>,
}

/// Two features that say nearly the same.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Twins {
    pub features: [&'static str; 2],
    /// Mean of daily Spearman correlations.
    pub correlation: f64,
    /// Above .999 in absolute value: a model must not be trained on both. Above .95 is only a warning.
    pub rejected: bool,
}

impl Redundancy {
    /// Costs far more than the features themselves: for training and reviews, not for every session live.
    pub fn see(&mut self, today: &CrossSection<'_>) {
        let rows: Vec<usize> = (0..today.eligible.len()).filter(|&i| today.eligible[i]).collect();
        let columns: Vec<Vec<f64>> =
            (0..COUNT).map(|f| rows.iter().map(|&i| today.values[f][i]).collect()).collect();
        let whole: Vec<Option<Vec<f64>>> = columns.iter().map(|c| centred_ranks(c)).collect();
        let mut correlations = Vec::with_capacity(COUNT * (COUNT - 1) / 2);
        for a in 0..COUNT {
            for b in a + 1..COUNT {
                correlations.push(match (&whole[a], &whole[b]) {
                    (Some(a), Some(b)) => cosine(a, b),
                    _ => spearman(&columns[a], &columns[b]),
                });
            }
        }
        self.sessions.push_back(correlations);
        if self.sessions.len() > YEAR {
            self.sessions.pop_front();
        }
    }

    /// Every pair above .95, the closest first.
    pub fn twins(&self) -> Vec<Twins> {
        let pairs = (0..COUNT).flat_map(|a| (a + 1..COUNT).map(move |b| [a, b]));
        let mut twins: Vec<Twins> = pairs
            .enumerate()
            .map(|(pair, features)| {
                let known = self.sessions.iter().map(|s| s[pair]).filter(|r| !r.is_nan());
                let correlation = known.clone().sum::<f64>() / known.count() as f64;
                let features = features.map(|f| SPECS[f].name);
                Twins { features, correlation, rejected: correlation.abs() > REJECT }
            })
            .filter(|twins| twins.correlation.abs() > WARN)
            .collect();
        twins.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
        twins
    }
}

/// Over the names that have both; NaN for fewer than a cross-section.
fn spearman(x: &[f64], y: &[f64]) -> f64 {
    let both = || x.iter().zip(y).filter(|(x, y)| !x.is_nan() && !y.is_nan());
    let x: Vec<f64> = both().map(|(x, _)| *x).collect();
    let y: Vec<f64> = both().map(|(_, y)| *y).collect();
    match (centred_ranks(&x), centred_ranks(&y)) {
        (Some(x), Some(y)) => cosine(&x, &y),
        _ => f64::NAN,
    }
}

/// Mean ranks less their mean; `None` if a value is missing or they are too few.
fn centred_ranks(values: &[f64]) -> Option<Vec<f64>> {
    if values.len() < MIN_NAMES || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut ordering = crate::order::Ordering::default();
    let lanes: Vec<Lanes> = values.iter().copied().map(Lanes::all).collect();
    ordering.sort(&lanes, [true; WIDTH]);
    let mut ranks = vec![0.0; values.len()];
    let middle = f64::midpoint(1.0, values.len() as f64);
    ordering
        .column(0, &lanes)
        .ranks(f64::MIN, f64::MAX, |place, rank| ranks[place] = rank - middle);
    Some(ranks)
}

fn cosine(x: &[f64], y: &[f64]) -> f64 {
    let dot = |x: &[f64], y: &[f64]| -> f64 { x.iter().zip(y).map(|(x, y)| x * y).sum() };
    dot(x, y) / (dot(x, x) * dot(y, y)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twins_are_judged_by_the_mean_of_what_is_known() {
        let mut redundancy = Redundancy::default();
        for t in 0..4 {
            let mut session = vec![0.5; COUNT * (COUNT - 1) / 2];
            session[0] = 0.96;
            session[COUNT - 1] = if t == 0 { f64::NAN } else { -0.9995 };
            session[7] = if t < 2 { 1.0 } else { 0.8 };
            redundancy.sessions.push_back(session);
        }
        let twins = redundancy.twins();
        let names = |a: usize, b: usize| [SPECS[a].name, SPECS[b].name];
        let told: Vec<_> = twins.iter().map(|twins| (twins.features, twins.rejected)).collect();
        assert_eq!(told, [(names(1, 2), true), (names(0, 1), false)]);
    }

    #[test]
    fn spearman_is_pearson_of_mean_ranks() {
        let x: Vec<f64> = (0..40).map(|i| f64::from(i * 7 % 40)).collect();
        let cubes: Vec<f64> = x.iter().map(|x| -x.powi(3)).collect();
        assert!((spearman(&x, &cubes) + 1.0).abs() < 1e-12);
        // two pairs of neighbours swapped: 1 − 6·Σd²/(n(n²−1))
        let mut y = x.clone();
        for (a, b) in [(3.0, 4.0), (20.0, 21.0)] {
            let place = |v| x.iter().position(|x| *x == v).expect("there");
            y.swap(place(a), place(b));
        }
        assert!((spearman(&x, &y) - (1.0 - 6.0 * 4.0 / (40.0 * 1599.0))).abs() < 1e-12);
        y[5] = f64::NAN;
        assert!(spearman(&x, &y) > 0.99, "the others are enough");
        assert!(spearman(&x[..29], &x[..29]).is_nan(), "too few");
    }
}
