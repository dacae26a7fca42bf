//! The refusals. Each is a stable code with the numbers it was decided on.

use crate::Predictor;
use messages::Features;
use std::collections::BTreeSet;

/// Predictions with less than this share of their typical spread say nothing (METHODS.md §2).
const SD_SHARE_MIN: f64 = 0.05;
/// Fewer distinct values than this share of the names, and the order among names is mostly ties.
const DISTINCT_SHARE_MIN: f64 = 0.5;

/// A model that stopped before so many trees has hardly learnt anything (METHODS.md §2).
pub const TREES_MIN: usize = 10;

pub(crate) fn check_trees(trees: usize) -> Result<(), String> {
    if trees < TREES_MIN { Err(format!("FEW_TREES trees={trees} min={TREES_MIN}")) } else { Ok(()) }
}

/// Journal, features and model must speak of the same columns in the same order.
pub(crate) fn check_columns(
    features: &Features,
    journal_whitelist: &str,
    model: &dyn Predictor,
) -> Result<(), String> {
    let (served, trained) = (&features.whitelist_sha256, model.whitelist_sha256());
    if served != trained || served != journal_whitelist {
        return Err(format!(
            "WHITELIST_MISMATCH features={served} model={trained} journal={journal_whitelist}"
        ));
    }
    if features.names.len() != model.names().len() {
        return Err(format!(
            "WHITELIST_MISMATCH columns={} model_columns={}",
            features.names.len(),
            model.names().len()
        ));
    }
    let mut pairs = features.names.iter().zip(model.names()).enumerate();
    match pairs.find(|(_, (served, trained))| served != trained) {
        Some((column, (served, trained))) => {
            Err(format!("WHITELIST_MISMATCH column={column} name={served} model_name={trained}"))
        }
        None => Ok(()),
    }
}

/// Finite, spread out and mostly distinct, or not worth trading on.
pub(crate) fn check_predictions(scores: &[f32], typical_sd: f64) -> Result<(), String> {
    check_finite("scores", scores)?;
    let sd = sd(scores);
    // Written so that a NaN or a typical spread of zero withholds as well.
    let spread = typical_sd > 0.0 && sd >= SD_SHARE_MIN * typical_sd;
    if !spread {
        return Err(format!("FLAT sd={sd:e} median={typical_sd:e}"));
    }
    // -0 and +0 are one value.
    let distinct: BTreeSet<u32> = scores.iter().map(|score| (score + 0.0).to_bits()).collect();
    let share = distinct.len() as f64 / scores.len() as f64;
    if share < DISTINCT_SHARE_MIN {
        return Err(format!("FEW_DISTINCT share={share:.3} names={}", scores.len()));
    }
    Ok(())
}

pub(crate) fn check_finite(what: &str, values: &[f32]) -> Result<(), String> {
    let bad = values.iter().filter(|value| !value.is_finite()).count();
    if bad == 0 { Ok(()) } else { Err(format!("NOT_FINITE {what}={bad} of={}", values.len())) }
}

/// Population standard deviation.
fn sd(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
    let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
    (squares / n).sqrt()
}
