//! From values to whole shares, every limit met on the shares.

use crate::exposures::{Bounds, Totals};
use crate::portfolio::{Name, Portfolio, share_of};
use crate::relief::relieve;
use messages::Usd;

const HALVINGS: usize = 48;
const RETREATS: u32 = 16;
/// A smaller step leads nowhere: see `relief`.
const THETA_MIN: f64 = 1e-3;

/// Positions, and how much of the way from the held to the wished book they are.
#[derive(Debug)]
pub(crate) struct Rounded {
    pub(crate) shares: Vec<i64>,
    /// Before rounding, micro-dollars.
    pub(crate) values: Vec<f64>,
    /// What the limits allow before rounding, and what is left of it after: nothing if risk was only reduced.
    pub(crate) theta_allowed: f64,
    pub(crate) theta: f64,
}

/// The book on the way from `held` to `wished` that is as near to `wished` as the limits allow, in shares.
pub(crate) fn round(portfolio: &Portfolio, bounds: &Bounds, wished: &[f64]) -> Rounded {
    let held = portfolio.held();
    let limits = Bounds::limits(portfolio);
    let at = |theta: f64| -> Vec<f64> {
        held.iter().zip(wished).map(|(from, to)| from + theta * (to - from)).collect()
    };
    let fits = |theta: f64| bounds.excess(&Totals::of(portfolio, &at(theta))) <= 0.0;
    let theta_allowed = largest(fits);
    // Rounding may break what values kept. Where single shares can't mend it, the step gets smaller.
    for retreat in 0..RETREATS {
        let theta = theta_allowed * f64::from(RETREATS - retreat) / f64::from(RETREATS);
        if theta < THETA_MIN {
            break;
        }
        let values = at(theta);
        // The limits themselves if they can be had, else no worse than what is held.
        let shares = whole_shares(portfolio, &limits, &values);
        let shares = shares.or_else(|| whole_shares(portfolio, bounds, &values));
        if let Some(shares) = shares {
            return Rounded { shares, values, theta_allowed, theta };
        }
    }
    Rounded { shares: relieve(portfolio, bounds), values: held, theta_allowed, theta: 0.0 }
}

/// The largest theta in [0, 1] that fits. Every limit is convex and met at 0, so those that fit are an interval.
fn largest(fits: impl Fn(f64) -> bool) -> f64 {
    if fits(1.0) {
        return 1.0;
    }
    let (mut fitting, mut failing) = (0.0, 1.0);
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(fitting, failing);
        *(if fits(middle) { &mut fitting } else { &mut failing }) = middle;
    }
    fitting
}

/// The nearest shares to `values`, then share by share whatever mends the broken limits fastest.
fn whole_shares(portfolio: &Portfolio, bounds: &Bounds, values: &[f64]) -> Option<Vec<i64>> {
    let names = &portfolio.names;
    let cap = share_of(Usd(portfolio.nav as i64), portfolio.limits.name_max);
    let nearest = |(name, value): (&Name, &f64)| {
        if name.lowest.shares == name.highest.shares {
            return name.held.0;
        }
        let shares = (value / name.mark.0 as f64).round() as i64;
        // What is wished within the cap is not rounded beyond it.
        let within = value.abs() <= cap.0 as f64 * (1.0 + 1e-9);
        let most = if within { cap.0 / name.mark.0 } else { i64::MAX };
        shares.clamp(-most, most).clamp(name.lowest.shares, name.highest.shares)
    };
    let mut shares: Vec<i64> = names.iter().zip(values).map(nearest).collect();
    for _ in 0..=4 * names.len() + 64 {
        let rounded: Vec<f64> = names.iter().zip(&shares).map(|(name, &n)| name.value(n)).collect();
        let totals = Totals::of(portfolio, &rounded);
        if bounds.excess(&totals) <= 0.0 {
            return Some(shares);
        }
        let (row, moved) = best_move(portfolio, bounds, &totals, &shares)?;
        shares[row] = moved;
    }
    None
}

/// The one share, bought or sold, that lowers the excess most; the first in symbol order among equals.
fn best_move(
    portfolio: &Portfolio,
    bounds: &Bounds,
    totals: &Totals,
    shares: &[i64],
) -> Option<(usize, i64)> {
    let mut best = None;
    let mut least = 0.0;
    for (row, name) in portfolio.names.iter().enumerate() {
        for moved in [shares[row] - 1, shares[row] + 1] {
            if moved < name.lowest.shares || moved > name.highest.shares {
                continue;
            }
            let step = (name.value(shares[row]), name.value(moved));
            let change = bounds.excess_change(portfolio, totals, row, step);
            if change < least {
                (best, least) = (Some((row, moved)), change);
            }
        }
    }
    best
}
