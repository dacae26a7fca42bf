//! What the model thinks of the names it has a view on, against each other.

use crate::neutral::Neutral;
use crate::portfolio::{Portfolio, Stance};

const Z_MAX: f64 = 3.0;

#[derive(Copy, Clone, Debug)]
pub(crate) struct View {
    /// Of the name.
    pub(crate) row: usize,
    /// Its score among the others', in standard deviations, clipped at ±3.
    pub(crate) z: f64,
    /// Idiosyncratic, daily.
    pub(crate) variance: f64,
}

/// Of every name with a view; `None` if the scores don't tell names apart.
pub(crate) fn views(portfolio: &Portfolio) -> Option<Vec<View>> {
    let scored = portfolio.names.iter().enumerate().filter_map(|(row, name)| match name.stance {
        Stance::View { score, variance } => Some((row, score, variance)),
        Stance::Reduce(_) | Stance::Keep(_) => None,
    });
    let scored: Vec<(usize, f64, f64)> = scored.collect();
    let n = scored.len() as f64;
    let mean = scored.iter().map(|view| view.1).sum::<f64>() / n;
    let sd = (scored.iter().map(|view| (view.1 - mean).powi(2)).sum::<f64>() / n).sqrt();
    let view = |&(row, score, variance): &(usize, f64, f64)| {
        let z = ((score - mean) / sd).clamp(-Z_MAX, Z_MAX);
        View { row, z, variance }
    };
    let views: Vec<View> = scored.iter().map(view).collect();
    // No names or equal scores: sd is NaN, zero, or so small that it is rounding.
    let told_apart = sd > 1e-12 * mean.abs() && views.iter().any(|view| view.z != 0.0);
    told_apart.then_some(views)
}

/// The same without what they say of the market, of beta and of sectors, again with a standard deviation of 1;
/// `None` if that was all they said.
pub(crate) fn neutralised(portfolio: &Portfolio, views: &[View]) -> Option<Vec<View>> {
    let rows: Vec<usize> = views.iter().map(|view| view.row).collect();
    let mut all = vec![0.0; portfolio.names.len()];
    for view in views {
        all[view.row] = view.z;
    }
    Neutral::new(portfolio, &rows).project(&mut all);
    // The mean is zero now.
    let sd = (all.iter().map(|z| z * z).sum::<f64>() / views.len() as f64).sqrt();
    let neutral = |view: &View| View { z: (all[view.row] / sd).clamp(-Z_MAX, Z_MAX), ..*view };
    (sd > 1e-6).then(|| views.iter().map(neutral).collect())
}
