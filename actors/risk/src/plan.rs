//! Which way to the wished book: the optimum, the closed form where there is none, or out.

use crate::exposures::{Bounds, Totals};
use crate::optimum::{ic_used, optimum};
use crate::portfolio::Portfolio;
use crate::program::Unsolved;
use crate::views::{View, views};
use crate::wish::{flat, wish};
use messages::{Edge, RiskRules};

/// A book as one would like it, before it is rounded, and what there is to say of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Micro-dollars, a row per name.
    pub(crate) values: Vec<f64>,
    pub(crate) notes: Vec<String>,
}

/// `Err`: why everything stays as it is. The turnover limit of `portfolio` is what it is relaxed to.
pub(crate) fn plan(portfolio: &mut Portfolio) -> Result<Plan, String> {
    let flat_scores = || "SCORES_FLAT".to_owned();
    let Some(rules) = portfolio.rules.clone() else {
        let views = views(portfolio).ok_or_else(flat_scores)?;
        return Ok(Plan { values: wish(portfolio, &views), notes: Vec::new() });
    };
    let edge = portfolio.edge.clone().filter(|edge| ic_used(edge.oof_ic) > 0.0);
    let Some(edge) = edge else {
        let ic = portfolio.edge.as_ref().map(|edge| format!("{:.4}", edge.oof_ic));
        let note = format!("NO_EDGE {}", ic.as_deref().unwrap_or("unknown"));
        return Ok(Plan { values: flat(portfolio), notes: vec![note] });
    };
    let views = views(portfolio).ok_or_else(flat_scores)?;
    Ok(solved(portfolio, &rules, &edge, &views).unwrap_or_else(|Unsolved(why)| {
        let note = format!("FALLBACK {why}");
        Plan { values: wish(portfolio, &views), notes: vec![note] }
    }))
}

fn solved(
    portfolio: &mut Portfolio,
    rules: &RiskRules,
    edge: &Edge,
    views: &[View],
) -> Result<Plan, Unsolved> {
    let factors = portfolio.factors.clone().ok_or(Unsolved("NO_FACTORS".to_owned()))?;
    let trust = (ic_used(edge.oof_ic), edge.horizon);
    let optimum = optimum(portfolio, rules, &factors, views, trust)?;
    let totals = Totals::of(portfolio, &optimum.values);
    let notes = Bounds::limits(portfolio).reached(portfolio, &totals);
    portfolio.turnover_max += optimum.extra_turnover;
    Ok(Plan { values: optimum.values, notes })
}
