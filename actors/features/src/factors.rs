//! How the market and the sectors move together: the covariance F of METHODS.md §4.
//!
//! The factor returns of a session are what least squares on [β, sector dummies] makes of its log returns, with the
//! exposures of *today*: a book is exposed as it is now, whatever its names were then. By Frisch and Waugh, as in
//! [`crate::transform`]: β less its sector means gives the market's return, what is left of a sector's mean return
//! is the sector's own. Where β is the same within every sector it can't be told from them, and the market's
//! return is zero.
//!
//! A function of the last 253 closes and nothing else, in a fixed order: the same to the bit wherever history began.

use crate::covariance::ledoit_wolf;
use crate::lanes::WIDTH;
use crate::series::Series;
use crate::window::enough;
use messages::FactorCovariance;

/// Factor returns that the covariance is from.
const SESSIONS: usize = 252;

/// Names of today's cross-section, by sector.
struct Group {
    rows: Vec<usize>,
    betas: Vec<f64>,
}

/// `None` if fewer than nine in ten of the last 252 sessions have a return in every sector.
///
/// Over names that are `eligible` and have a `beta`; `sectors` are places in `names`. A sector without such a name
/// has no factor.
pub(crate) fn covariance(
    series: &Series,
    eligible: &[bool],
    beta: &[f64],
    sectors: &[usize],
    names: &[String],
) -> Option<FactorCovariance> {
    let known = |row: &usize| eligible[*row] && beta[*row].is_finite();
    let (factors, groups): (Vec<String>, Vec<Group>) = (names.iter().enumerate())
        .filter_map(|(sector, name)| {
            let rows = (0..eligible.len()).filter(|row| sectors[*row] == sector);
            let rows: Vec<usize> = rows.filter(known).collect();
            let betas = rows.iter().map(|row| beta[*row]).collect();
            (!rows.is_empty()).then(|| (name.clone(), Group { rows, betas }))
        })
        .unzip();
    let returns: Vec<Vec<f64>> = (0..SESSIONS)
        .rev()
        .filter_map(|ago| factor_returns(&groups, |row| log_return(series, row, ago)))
        .collect();
    if groups.is_empty() || returns.len() < enough(SESSIONS) as usize {
        return None;
    }
    let shrunk = ledoit_wolf(&returns, 1 + groups.len())?;
    Some(FactorCovariance {
        sectors: factors,
        covariance: shrunk.covariance.into(),
        shrinkage: shrunk.shrinkage,
        sessions: returns.len() as u32,
    })
}

/// `ago` sessions ago; NaN where one of its two closes is missing.
fn log_return(series: &Series, row: usize, ago: usize) -> f64 {
    let close = |ago| series.log_close.ago(row / WIDTH, ago).0[row % WIDTH];
    close(ago) - close(ago + 1)
}

/// The market's, then each group's; `None` if a group has no return at all.
fn factor_returns(groups: &[Group], log_return: impl Fn(usize) -> f64) -> Option<Vec<f64>> {
    let (mut slope, mut squares, mut size) = (0.0, 0.0, 0.0);
    let mut means = Vec::with_capacity(groups.len());
    for group in groups {
        let all = group.rows.iter().zip(&group.betas).map(|(row, beta)| (log_return(*row), *beta));
        let there: Vec<(f64, f64)> = all.filter(|(r, _)| r.is_finite()).collect();
        let n = there.len() as f64;
        let mean_return = there.iter().map(|(r, _)| r).sum::<f64>() / n;
        let mean_beta = there.iter().map(|(_, beta)| beta).sum::<f64>() / n;
        for (r, beta) in &there {
            slope += (beta - mean_beta) * (r - mean_return);
            squares += (beta - mean_beta) * (beta - mean_beta);
            size += beta * beta;
        }
        means.push((mean_return, mean_beta));
    }
    let market = if squares > 1e-9 * size { slope / squares } else { 0.0 };
    let sectors = means.iter().map(|(mean_return, beta)| mean_return - market * beta);
    let returns: Vec<f64> = [market].into_iter().chain(sectors).collect();
    returns.iter().all(|r| r.is_finite()).then_some(returns)
}

#[cfg(test)]
mod tests {
    use super::{Group, factor_returns};
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Returns made of factors come apart into them again.
    fn come_apart(groups: &[Vec<f64>], market: f64, own: &[f64]) -> Option<Vec<f64>> {
        let mut rows = 0_usize..;
        let mut returns = Vec::new();
        let groups: Vec<Group> = (groups.iter().zip(own))
            .map(|(betas, own)| {
                returns.extend(betas.iter().map(|beta| beta * market + own));
                let rows = betas.iter().map(|_| rows.next().expect("endless")).collect();
                Group { rows, betas: betas.clone() }
            })
            .collect();
        factor_returns(&groups, |row| returns[row])
    }

    #[test]
    fn constant_betas_leave_the_market_to_the_sectors() {
        let parts = come_apart(&[vec![1.0, 1.0], vec![1.0]], 0.01, &[0.02, -0.01]).unwrap();
        let expected = [0.0, 0.03, 0.0];
        assert!(parts.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-15), "{parts:?}");
    }

    #[test]
    fn a_sector_without_a_return_gives_no_factors() {
        let group = |row| Group { rows: vec![row], betas: vec![1.0] };
        let returns = [0.01, f64::NAN];
        assert_eq!(factor_returns(&[group(0), group(1)], |row| returns[row]), None);
    }

    proptest! {
        #[test]
        fn factors_are_found_again(
            groups in vec(vec(0.3..2.0_f64, 2..9), 1..6),
            market in -0.05..0.05_f64,
            own in vec(-0.05..0.05_f64, 6),
        ) {
            let parts = come_apart(&groups, market, &own).unwrap();
            let spread = groups.iter().flat_map(|g| g.iter().map(move |b| (b - g[0]).abs()));
            prop_assume!(spread.fold(0.0, f64::max) > 0.05);
            prop_assert!((parts[0] - market).abs() < 1e-9, "{parts:?}");
            for (part, own) in parts[1..].iter().zip(&own) {
                prop_assert!((part - own).abs() < 1e-9, "{parts:?} {own}");
            }
        }
    }
}
