//! The refusals. Each is a stable code with the numbers it was decided on.

use crate::Predictor;
use crate::rank::spearman;
use messages::{Features, ScoresBefore, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// Predictions with less than this share of their typical spread say nothing (METHODS.md §2).
const SD_SHARE_MIN: f64 = 0.05;
/// Fewer distinct values than this share of the names, and the order among names is mostly ties.
const DISTINCT_SHARE_MIN: f64 = 0.5;

/// The order of names may not be the one of the session before to so many places (METHODS.md §2).
const SPEARMAN_MAX: f64 = 0.9999;
/// Fewer names that were scored both times, or fewer sessions before, decide nothing (METHODS.md §3, §8).
const NAMES_MIN: usize = 30;
const SESSIONS_MIN: usize = 20;

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

/// Against what the same model said before. `Ok`: the guards that had too little to go by, and how much.
pub(crate) fn check_history(
    symbols: &[&Symbol],
    scores: &[f32],
    before: Option<&ScoresBefore>,
) -> Result<Vec<String>, String> {
    let mut undecided = Vec::new();
    let mut sds = before.map_or(Vec::new(), |before| before.sds.to_vec());
    if sds.len() < SESSIONS_MIN {
        undecided.push(format!("TRAILING_SD sessions={} min={SESSIONS_MIN}", sds.len()));
    } else {
        sds.sort_by(f64::total_cmp);
        let median = f64::midpoint(sds[(sds.len() - 1) / 2], sds[sds.len() / 2]);
        let sd = sd(scores);
        // Written so that a NaN withholds.
        let spread = sd >= SD_SHARE_MIN * median;
        if !spread {
            return Err(format!(
                "FLAT sd={sd:e} trailing_median={median:e} sessions={}",
                sds.len()
            ));
        }
    }
    let known: BTreeMap<&Symbol, f32> = before.map_or_else(BTreeMap::new, |before| {
        before.symbols.iter().zip(before.scores.iter().copied()).collect()
    });
    let pairs = symbols.iter().zip(scores);
    let pairs =
        pairs.filter_map(|(symbol, now)| Some((f64::from(*now), f64::from(*known.get(symbol)?))));
    let (now, then): (Vec<f64>, Vec<f64>) = pairs.unzip();
    match (now.len(), spearman(&now, &then)) {
        (NAMES_MIN.., Some(rho)) if rho > SPEARMAN_MAX => {
            let session = before.map_or(String::new(), |before| before.session.to_string());
            return Err(format!("SAME_ORDER spearman={rho:.6} as={session} names={}", now.len()));
        }
        (NAMES_MIN.., Some(_)) => {}
        (names, _) => undecided.push(format!("SAME_ORDER names={names} min={NAMES_MIN}")),
    }
    Ok(undecided)
}

/// A missing value is no news to a model; an infinite one is none that it was trained on.
pub(crate) fn check_values(features: &Features, rows: &[usize]) -> Result<(), String> {
    let columns = features.names.len();
    let infinite = |row: usize| {
        let values = &features.values[row * columns..(row + 1) * columns];
        values.iter().position(|value| value.is_infinite()).map(|column| (row, column))
    };
    match rows.iter().copied().find_map(infinite) {
        None => Ok(()),
        Some((row, column)) => Err(format!(
            "NOT_FINITE feature={} symbol={}",
            features.names[column], features.symbols[row]
        )),
    }
}

pub(crate) fn check_finite(what: &str, values: &[f32]) -> Result<(), String> {
    let bad = values.iter().filter(|value| !value.is_finite()).count();
    if bad == 0 { Ok(()) } else { Err(format!("NOT_FINITE {what}={bad} of={}", values.len())) }
}

/// Population standard deviation.
pub(crate) fn sd(values: &[f32]) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
    let squares = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>();
    (squares / n).sqrt()
}
