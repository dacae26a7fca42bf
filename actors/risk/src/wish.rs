//! The book one would like to hold: the closed form of METHODS.md §4, "Fallback without solver".
//!
//! 1. z: scores standardised over the names with a view, clipped at ±3.
//! 2. w = z/σ², σ the idiosyncratic volatility.
//! 3. Up to 50 times: project out [1, β, sectors]; scale to the gross wanted; clip to what each name may hold.
//!
//! In the second half of the rounds gross is scaled down only. Where the caps can't hold the gross wanted, scaling up would
//! press every name against its cap and destroy neutrality; alternating projections alone converge to a book
//! that is both, of the gross that there is room for.

use crate::neutral::Neutral;
use crate::portfolio::{Name, Portfolio};
use crate::views::View;

const ROUNDS_UP: usize = 25;
const ROUNDS_DOWN: usize = 25;
const CONVERGED: f64 = 1e-12;

/// Wished value of each name in micro-dollars.
///
/// Names without a view go towards zero, or stay, as their bounds say; the others neutralise them.
pub(crate) fn wish(portfolio: &Portfolio, views: &[View]) -> Vec<f64> {
    let mut weights: Vec<f64> =
        portfolio.names.iter().map(|name| clip(portfolio, name, 0.0)).collect();
    for (row, weight) in scaled(views) {
        weights[row] = weight;
    }
    let free: Vec<usize> = views.iter().map(|view| view.row).collect();
    let neutral = Neutral::new(portfolio, &free);
    for (up, rounds) in [(true, ROUNDS_UP), (false, ROUNDS_DOWN)] {
        for _ in 0..rounds {
            let before = weights.clone();
            neutral.project(&mut weights);
            scale(portfolio.limits.gross, &free, &mut weights, up);
            for &row in &free {
                weights[row] = clip(portfolio, &portfolio.names[row], weights[row]);
            }
            if weights.iter().zip(&before).all(|(now, then)| (now - then).abs() < CONVERGED) {
                break;
            }
        }
    }
    weights.into_iter().map(|weight| weight * portfolio.nav).collect()
}

/// As near to nothing as one session comes.
pub(crate) fn flat(portfolio: &Portfolio) -> Vec<f64> {
    portfolio.names.iter().map(|name| clip(portfolio, name, 0.0) * portfolio.nav).collect()
}

/// Row and z/σ² of every view, scaled so that the largest is 1.
fn scaled(views: &[View]) -> Vec<(usize, f64)> {
    let raw = |view: &View| (view.row, view.z / view.variance);
    let raw: Vec<(usize, f64)> = views.iter().map(raw).collect();
    let largest = raw.iter().map(|(_, weight)| weight.abs()).fold(0.0, f64::max);
    let scale = |(row, weight)| (row, if largest > 0.0 { weight / largest } else { 0.0 });
    raw.into_iter().map(scale).collect()
}

/// To `gross` in all, what is not free included.
fn scale(gross: f64, free: &[usize], weights: &mut [f64], up: bool) {
    let all: f64 = weights.iter().map(|weight| weight.abs()).sum();
    let of_free: f64 = free.iter().map(|&row| weights[row].abs()).sum();
    if of_free <= 0.0 {
        return;
    }
    let factor = (gross - (all - of_free)).max(0.0) / of_free;
    let factor = if up { factor } else { factor.min(1.0) };
    for &row in free {
        weights[row] *= factor;
    }
}

/// The nearest weight that the name's cap and bounds allow.
pub(crate) fn clip(portfolio: &Portfolio, name: &Name, weight: f64) -> f64 {
    let Portfolio { nav, limits, .. } = portfolio;
    let weight = if weight.is_finite() { weight } else { 0.0 };
    let cap = limits.name_max.max(0.0);
    let (lowest, highest) = (name.value(name.lowest.shares), name.value(name.highest.shares));
    weight.clamp(-cap, cap).clamp(lowest / nav, highest / nav)
}
