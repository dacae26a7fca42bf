//! The information coefficient: how well an order of names agrees with what came (METHODS.md §3).

use crate::folds::Rows;
use crate::panel::Panel;
use scoring::spearman;
use serde::{Deserialize, Serialize};

/// Fewer names than this say nothing about a day.
pub(crate) const NAMES_MIN: usize = 30;

/// A series that varies less is constant but for rounding.
const SD_MIN: f64 = 1e-12;

/// Of a series of daily rank correlations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IcSummary {
    pub mean: f64,
    /// Mean over standard deviation (ddof 1), per day.
    pub icir: f64,
    /// Of the mean, Newey-West: labels overlap, so daily values are not independent.
    pub t: f64,
    pub sessions: u32,
}

impl IcSummary {
    /// `None` if the series does not vary or is shorter than its lags.
    pub fn of(daily: &[f64], horizon: usize) -> Option<Self> {
        let n = daily.len();
        if n < 2 {
            return None;
        }
        let mean = daily.iter().sum::<f64>() / n as f64;
        let squares: f64 = daily.iter().map(|ic| (ic - mean).powi(2)).sum();
        let sd = (squares / (n - 1) as f64).sqrt();
        if sd < SD_MIN {
            return None;
        }
        let t = newey_west_t(daily, lags(n, horizon))?;
        Some(Self { mean, icir: mean / sd, t, sessions: n as u32 })
    }

    pub(crate) fn rounded(self) -> Self {
        let Self { mean, icir, t, sessions } = self;
        Self { mean: rounded(mean), icir: rounded(icir), t: rounded(t), sessions }
    }
}

/// To 12 significant digits: a figure of that many survives every JSON reader to the bit, so that a
/// card says the same before and after it was a file.
pub(crate) fn rounded(value: f64) -> f64 {
    format!("{value:.11e}").parse().expect("what was printed is a number")
}

/// L = max(h, ⌊4 (T/100)^(2/9)⌋).
pub fn lags(n: usize, horizon: usize) -> usize {
    let rule = 4.0 * (n as f64 / 100.0).powf(2.0 / 9.0);
    horizon.max(rule.floor() as usize)
}

/// t of the mean: v = γ0 + 2 Σ (1 − l/(L+1)) γ_l, t = mean / √(v/T). `None` where v is not positive.
pub fn newey_west_t(series: &[f64], lags: usize) -> Option<f64> {
    let n = series.len();
    let mean = series.iter().sum::<f64>() / n as f64;
    let errors: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let gamma = |lag: usize| {
        let later = errors.get(lag..).unwrap_or_default();
        later.iter().zip(&errors).map(|(a, b)| a * b).sum::<f64>() / n as f64
    };
    let weighted = |lag: usize| (1.0 - lag as f64 / (lags + 1) as f64) * gamma(lag);
    let v = gamma(0) + 2.0 * (1..=lags).map(weighted).sum::<f64>();
    (v > 0.0).then(|| mean / (v / n as f64).sqrt())
}

/// Rank correlation of `scores` with `outcome` (both per row of the panel) on each day of `rows`, as
/// (position of the day, IC). Days with too few names or without any order are left out.
pub(crate) fn daily_ic(
    panel: &Panel,
    rows: &Rows,
    scores: &[f32],
    outcome: impl Fn(usize) -> f64,
) -> Vec<(usize, f64)> {
    by_day(panel, rows)
        .into_iter()
        .filter_map(|(day, rows)| {
            let (mut ours, mut theirs) = (Vec::with_capacity(rows.len()), Vec::new());
            for row in rows {
                let (score, outcome) = (f64::from(scores[row]), outcome(row));
                if score.is_finite() && outcome.is_finite() {
                    ours.push(score);
                    theirs.push(outcome);
                }
            }
            let ic = (ours.len() >= NAMES_MIN).then(|| spearman(&ours, &theirs)).flatten();
            ic.map(|ic| (day, ic))
        })
        .collect()
}

/// Rows of each day, in order.
pub(crate) fn by_day(panel: &Panel, rows: &Rows) -> Vec<(usize, Vec<usize>)> {
    let mut days: Vec<(usize, Vec<usize>)> = Vec::new();
    for range in &rows.0 {
        let mut from = range.start;
        while from < range.end {
            let day = panel.day_of(from);
            let to = panel.days[day].rows.end.min(range.end);
            match days.last_mut() {
                Some((last, rows)) if *last == day => rows.extend(from..to),
                _ => days.push((day, (from..to).collect())),
            }
            from = to;
        }
    }
    days
}

pub(crate) fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len() as f64;
    values.sum::<f64>() / n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-12, "{a} is not {b}");
    }

    /// design/methods/vectors.json, `newey_west`: made with statsmodels' HAC.
    #[test]
    fn newey_west_agrees_with_statsmodels() {
        let ic = [
            0.02, 0.05, -0.01, 0.03, 0.0, 0.04, -0.03, 0.02, 0.01, 0.06, -0.02, 0.03, 0.02, -0.01,
            0.05, 0.0,
        ];
        close(newey_west_t(&ic, 0).unwrap(), 2.528_326_519_296_838_7);
        close(newey_west_t(&ic, 4).unwrap(), 5.424_323_568_946_738);
        // T = 16 gives ⌊4·0.16^(2/9)⌋ = 2, so the horizon decides.
        let summary = IcSummary::of(&ic, 4).unwrap();
        close(summary.t, 5.424_323_568_946_738);
        close(summary.mean, 0.01625);
        close(summary.icir, 0.612_010_406_438_201_4);
    }

    #[test]
    fn rounded_figures_survive_json() {
        for value in [0.018_382_846_903_126_33, -5.424_323_568_946_738, 1.0 / 3e5, 0.0, 1e3 / 7.0] {
            let text = serde_json::to_string(&rounded(value)).unwrap();
            let back: f64 = serde_json::from_str(&text).unwrap();
            assert_eq!(back.to_bits(), rounded(value).to_bits(), "{text}");
            assert!((back - value).abs() <= 1e-11 * value.abs());
        }
    }

    #[test]
    fn what_does_not_vary_has_no_ic() {
        assert_eq!(IcSummary::of(&[0.1, 0.1, 0.1], 5), None);
        assert_eq!(IcSummary::of(&[0.1], 5), None);
    }

    #[test]
    fn lags_grow_with_the_series() {
        assert_eq!((lags(100, 1), lags(1756, 5), lags(100_000, 5)), (4, 7, 18));
    }
}
