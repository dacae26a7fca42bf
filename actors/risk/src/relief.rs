//! When a broken limit bars the way to the wished book: risk-reducing trades only, back towards the limits.

use crate::exposures::{Bounds, Totals};
use crate::portfolio::Portfolio;

/// A position shrinks in so many steps.
const STEPS: i64 = 32;

/// Positions nearer to the limits than those held, by shrinking names one step at a time, whichever helps most,
/// until every limit holds or nothing helps. On no step does any limit get worse.
pub(crate) fn relieve(portfolio: &Portfolio, no_worse: &Bounds) -> Vec<i64> {
    let limits = Bounds::limits(portfolio);
    let mut shares: Vec<i64> = portfolio.names.iter().map(|name| name.held.0).collect();
    let mut barred = vec![false; shares.len()];
    // Every round takes a step of one name or bars one, so there is an end.
    loop {
        let totals = totals(portfolio, &shares);
        let Some((row, moved)) = best_step(portfolio, &limits, &totals, &shares, &barred) else {
            return shares;
        };
        let before = std::mem::replace(&mut shares[row], moved);
        if no_worse.excess(&self::totals(portfolio, &shares)) > 0.0 {
            shares[row] = before;
            barred[row] = true;
        }
    }
}

fn totals(portfolio: &Portfolio, shares: &[i64]) -> Totals {
    let values = portfolio.names.iter().zip(shares).map(|(name, &shares)| name.value(shares));
    Totals::of(portfolio, &values.collect::<Vec<f64>>())
}

/// The name to shrink that lowers what is over the limits most; the first in symbol order among equals.
fn best_step(
    portfolio: &Portfolio,
    limits: &Bounds,
    totals: &Totals,
    shares: &[i64],
    barred: &[bool],
) -> Option<(usize, i64)> {
    let mut best = None;
    let mut least = 0.0;
    for (row, name) in portfolio.names.iter().enumerate().filter(|(row, _)| !barred[*row]) {
        let now = shares[row];
        let step = (name.held.0.abs() / STEPS).max(1).min(now.abs());
        let moved = (now - now.signum() * step).clamp(name.lowest.shares, name.highest.shares);
        let values = (name.value(now), name.value(moved));
        let change = limits.excess_change(portfolio, totals, row, values);
        if moved != now && change < least {
            (best, least) = (Some((row, moved)), change);
        }
    }
    best
}
