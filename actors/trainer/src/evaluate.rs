//! What an order of names would have been worth, and what it was made of.

use crate::folds::Rows;
use crate::ic::{by_day, mean};
use crate::panel::Panel;
use messages::Date;
use scoring::ranks;
use std::collections::BTreeMap;

/// Names needed for quintiles and deciles.
const NAMES_MIN: usize = 30;

/// One holding period: the best fifth of names against the worst, equal weights, 1 long and 1 short.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Spread {
    pub(crate) session: Date,
    /// Simple return before costs.
    pub(crate) gross: f64,
    /// Σ |change of weight|, of NAV.
    pub(crate) traded: f64,
}

impl Spread {
    /// After `bp` basis points on everything traded.
    pub(crate) fn net(&self, bp: f64) -> f64 {
        self.gross - self.traded * bp / 1e4
    }
}

/// Every `horizon`-th tested day, so that holding periods do not overlap.
pub(crate) fn spreads(panel: &Panel, tested: &Rows, scores: &[f32], horizon: usize) -> Vec<Spread> {
    let mut held: BTreeMap<u32, f64> = BTreeMap::new();
    let mut spreads = Vec::new();
    let mut next = 0;
    for (day, rows) in by_day(panel, tested) {
        let index = panel.days[day].index;
        let rows = usable(panel, &rows, scores);
        if index < next || rows.len() < NAMES_MIN {
            continue;
        }
        next = index + horizon;
        let weights = quintile_weights(panel, &rows, scores);
        let gross = rows
            .iter()
            .filter_map(|row| {
                let weight = weights.get(&panel.owners[*row])?;
                Some(weight * (panel.returns[*row].exp() - 1.0))
            })
            .sum();
        let before = |owner: &u32| held.get(owner).copied().unwrap_or(0.0);
        let changed = weights.iter().map(|(owner, weight)| (weight - before(owner)).abs());
        let left = held.iter().filter(|(owner, _)| !weights.contains_key(owner));
        let traded = changed.sum::<f64>() + left.map(|(_, weight)| weight.abs()).sum::<f64>();
        spreads.push(Spread { session: panel.days[day].session, gross, traded });
        held = weights;
    }
    spreads
}

fn usable(panel: &Panel, rows: &[usize], scores: &[f32]) -> Vec<usize> {
    let known = |row: &usize| scores[*row].is_finite() && panel.returns[*row].is_finite();
    rows.iter().copied().filter(known).collect()
}

fn score_ranks(rows: &[usize], scores: &[f32]) -> Vec<f64> {
    ranks(&rows.iter().map(|row| f64::from(scores[*row])).collect::<Vec<_>>())
}

fn quintile_weights(panel: &Panel, rows: &[usize], scores: &[f32]) -> BTreeMap<u32, f64> {
    let (ranks, n) = (score_ranks(rows, scores), rows.len() as f64);
    let is_long = |rank: f64| rank > 0.8 * n;
    let is_short = |rank: f64| rank <= 0.2 * n;
    let longs = ranks.iter().filter(|rank| is_long(**rank)).count() as f64;
    let shorts = ranks.iter().filter(|rank| is_short(**rank)).count() as f64;
    let weight = |(row, rank): (&usize, &f64)| {
        let owner = panel.owners[*row];
        if is_long(*rank) {
            Some((owner, 1.0 / longs))
        } else if is_short(*rank) {
            Some((owner, -1.0 / shorts))
        } else {
            None
        }
    };
    rows.iter().zip(&ranks).filter_map(weight).collect()
}

/// Mean return over the horizon by tenth of the scores, worst first, less the mean of the day; bp.
pub(crate) fn deciles(panel: &Panel, tested: &Rows, scores: &[f32]) -> [f64; 10] {
    let mut sums = [(0.0, 0_u64); 10];
    for (_, rows) in by_day(panel, tested) {
        let rows = usable(panel, &rows, scores);
        if rows.len() < NAMES_MIN {
            continue;
        }
        let simple = |row: &usize| panel.returns[*row].exp() - 1.0;
        let today = mean(rows.iter().map(simple));
        for (row, rank) in rows.iter().zip(score_ranks(&rows, scores)) {
            let tenth = ((rank - 0.5) / rows.len() as f64 * 10.0) as usize;
            let (sum, count) = &mut sums[tenth.min(9)];
            *sum += simple(row) - today;
            *count += 1;
        }
    }
    sums.map(|(sum, count)| if count == 0 { 0.0 } else { sum / count as f64 * 1e4 })
}

/// Population stability index per column: how far `recent` rows lie from the tenths of `before`
/// (METHODS.md §8: .2 is a warning, .3 an alarm).
pub(crate) fn drift(panel: &Panel, before: &Rows, recent: &Rows) -> Vec<f64> {
    let column = |rows: &Rows, column: usize| -> Vec<f32> {
        let values = rows.iter().map(|row| panel.row(row)[column]);
        values.filter(|value| value.is_finite()).collect()
    };
    (0..panel.names.len())
        .map(|at| stability_index(column(before, at), &column(recent, at)))
        .collect()
}

fn stability_index(mut before: Vec<f32>, recent: &[f32]) -> f64 {
    if before.is_empty() || recent.is_empty() {
        return 0.0;
    }
    before.sort_by(f32::total_cmp);
    let edges: Vec<f32> = (1..10).map(|tenth| before[before.len() * tenth / 10]).collect();
    let shares = |values: &[f32]| -> [f64; 10] {
        let mut counts = [0.0; 10];
        for value in values {
            counts[edges.partition_point(|edge| edge <= value)] += 1.0;
        }
        // An empty bin counts as one in ten thousand, or the logarithm would not exist.
        counts.map(|count: f64| (count / values.len() as f64).max(1e-4))
    };
    let (p, q) = (shares(&before), shares(recent));
    p.iter().zip(q).map(|(p, q)| (q - p) * (q / p).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_not_moved_has_no_drift() {
        let values: Vec<f32> = (0..1000_u16).map(|i| f32::from(i % 97)).collect();
        assert!(stability_index(values.clone(), &values) < 1e-9);
        let moved: Vec<f32> = values.iter().map(|v| v + 30.0).collect();
        assert!(stability_index(values, &moved) > 0.3);
    }
}
