//! XGBoost, with every parameter set by us: the binding's typed defaults are not the library's, and
//! the library ignores a name it doesn't know.

use crate::error::failed;
use crate::folds::Rows;
use crate::panel::Panel;
use crate::{TrainConfig, TrainError};
use std::borrow::Cow;
use xgb::parameters::BoosterParameters;
use xgb::{Booster, DMatrix, PredictConfig, PredictType};

/// Rows whose label is known: (date, symbol) order, columns in whitelist order, NaN missing, every
/// date with the same total weight.
pub(crate) fn labelled(panel: &Panel, rows: &Rows) -> Result<DMatrix, TrainError> {
    let known: Vec<usize> = rows.iter().filter(|row| panel.labels[*row].is_finite()).collect();
    let labels: Vec<f32> = known.iter().map(|row| panel.labels[*row]).collect();
    let values: Cow<'_, [f32]> = match rows.0.as_slice() {
        [range] if range.len() == known.len() => Cow::Borrowed(stretch(panel, range)),
        _ => known.iter().flat_map(|row| panel.row(*row)).copied().collect(),
    };
    let mut matrix = dense(&values, known.len())?;
    matrix.set_labels(&labels).map_err(failed("setting labels"))?;
    matrix.set_weights(&weights(panel, &known)).map_err(failed("setting weights"))?;
    Ok(matrix)
}

/// Rows to predict, with or without a label.
pub(crate) fn features(panel: &Panel, rows: &Rows) -> Result<DMatrix, TrainError> {
    if let [range] = rows.0.as_slice() {
        return dense(stretch(panel, range), range.len());
    }
    let values: Vec<f32> = rows.iter().flat_map(|row| panel.row(row)).copied().collect();
    dense(&values, rows.len())
}

fn stretch<'a>(panel: &'a Panel, rows: &std::ops::Range<usize>) -> &'a [f32] {
    let columns = panel.names.len();
    &panel.values[rows.start * columns..rows.end * columns]
}

fn dense(values: &[f32], rows: usize) -> Result<DMatrix, TrainError> {
    if rows == 0 {
        return Err(TrainError::Flat("a part of the history has no labelled row"));
    }
    DMatrix::from_dense(values, rows).map_err(failed("building a matrix"))
}

/// 1/N_t, scaled to a mean of 1, so that `min_child_weight` counts rows.
fn weights(panel: &Panel, rows: &[usize]) -> Vec<f32> {
    let days: Vec<&[usize]> = rows.chunk_by(|a, b| panel.day_of(*a) == panel.day_of(*b)).collect();
    let mean = rows.len() as f64 / days.len() as f64;
    let weight = |day: &&[usize]| std::iter::repeat_n((mean / day.len() as f64) as f32, day.len());
    days.iter().flat_map(weight).collect()
}

/// `config.trees_max` trees; `grew` hears of each and may break it off.
pub(crate) fn grow(
    matrix: &DMatrix,
    config: &TrainConfig,
    grew: &mut dyn FnMut() -> Result<(), TrainError>,
) -> Result<Booster, TrainError> {
    let mut booster = Booster::new_with_cached_dmats(&BoosterParameters::default(), &[matrix])
        .map_err(failed("creating a booster"))?;
    for (name, value) in parameters(config) {
        booster.set_param(name, &value).map_err(failed("setting a parameter"))?;
    }
    for tree in 0..config.trees_max {
        booster.update(matrix, tree as i32).map_err(failed("growing a tree"))?;
        grew()?;
    }
    Ok(booster)
}

/// By the library's names. `every_parameter_is_heard` would find a misspelt one.
fn parameters(config: &TrainConfig) -> [(&'static str, String); 11] {
    [
        ("objective", "reg:squarederror".to_owned()),
        ("tree_method", "hist".to_owned()),
        // The label is centred on every date.
        ("base_score", "0".to_owned()),
        ("max_depth", config.depth.to_string()),
        ("eta", config.eta.to_string()),
        ("min_child_weight", config.min_child_weight.to_string()),
        ("lambda", config.lambda.to_string()),
        ("max_bin", config.max_bin.to_string()),
        ("seed", config.seed.to_string()),
        // Folds run side by side instead.
        ("nthread", "1".to_owned()),
        ("verbosity", "0".to_owned()),
    ]
}

/// A prediction per row, from the first `trees` trees.
pub(crate) fn predict(
    booster: &Booster,
    matrix: &DMatrix,
    trees: usize,
) -> Result<Vec<f32>, TrainError> {
    let config = PredictConfig {
        _type: PredictType::Normal,
        training: false,
        iteration_begin: 0,
        iteration_end: trees as i64,
        strict_shape: false,
    };
    let (scores, _) =
        booster.predict_matrix(matrix, &config.as_json()).map_err(failed("predicting"))?;
    assert_eq!(scores.len(), matrix.num_rows(), "a prediction per row");
    Ok(scores)
}

/// Mean |SHAP value| per column over some rows.
pub(crate) fn importance(
    booster: &Booster,
    panel: &Panel,
    rows: &Rows,
) -> Result<Vec<f64>, TrainError> {
    let config = PredictConfig { _type: PredictType::PredictContribitions, ..Default::default() };
    let (values, _) = booster
        .predict_matrix(&features(panel, rows)?, &config.as_json())
        .map_err(failed("explaining predictions"))?;
    let columns = panel.names.len();
    let column =
        |at: usize| values.iter().skip(at).step_by(columns + 1).map(|v| f64::from(v.abs()));
    Ok((0..columns).map(|at| column(at).sum::<f64>() / rows.len() as f64).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Market, cheap_panel};

    fn rows(panel: &Panel) -> Rows {
        Rows::from(panel.rows(0..panel.labelled()))
    }

    fn grown(config: &TrainConfig, trees_max: usize) -> (Booster, Panel) {
        let panel = cheap_panel(&Market::new(378, 40, 1), 4);
        let config = TrainConfig { trees_max, ..config.clone() };
        let matrix = labelled(&panel, &rows(&panel)).unwrap();
        (grow(&matrix, &config, &mut || Ok(())).unwrap(), panel)
    }

    fn bytes(config: &TrainConfig) -> Vec<u8> {
        grown(config, 5).0.save_buffer(true).unwrap()
    }

    type Change = fn(&mut TrainConfig);

    /// A misspelt parameter would leave the model as it is.
    #[test]
    fn every_parameter_is_heard() {
        let base = TrainConfig { min_child_weight: 20.0, ..TrainConfig::default() };
        let changes: [(&str, Change); 5] = [
            ("max_depth", |config| config.depth = 2),
            ("eta", |config| config.eta = 0.3),
            ("min_child_weight", |config| config.min_child_weight = 200.0),
            ("lambda", |config| config.lambda = 500.0),
            ("max_bin", |config| config.max_bin = 4),
        ];
        let reference = bytes(&base);
        assert!(reference == bytes(&base), "the same input gives the same bytes");
        for (name, change) in changes {
            let mut config = base.clone();
            change(&mut config);
            assert!(bytes(&config) != reference, "{name} has no effect");
        }
    }

    /// A single leaf moves by eta times the mean label; the binding's own default would give 0.47.
    #[test]
    fn predictions_start_from_zero() {
        let config = TrainConfig { min_child_weight: 1e9, ..TrainConfig::default() };
        let (booster, panel) = grown(&config, 1);
        let scores = predict(&booster, &features(&panel, &rows(&panel)).unwrap(), 1).unwrap();
        assert!(scores.iter().all(|score| score.abs() < 0.02), "{:?}", &scores[..5]);
    }

    /// Dates with 36 names and dates with 40.
    #[test]
    fn prior_art_1_every_date_weighs_the_same() {
        let panel = cheap_panel(&Market::new(378, 40, 1), 1);
        let rows = rows(&panel);
        let matrix = labelled(&panel, &rows).unwrap();
        let weights = matrix.get_weights().unwrap();
        let known: Vec<usize> = rows.iter().filter(|row| panel.labels[*row].is_finite()).collect();
        let mut totals = vec![0.0; panel.days.len()];
        for (row, weight) in known.iter().zip(weights) {
            totals[panel.day_of(*row)] += f64::from(*weight);
        }
        let labelled = &totals[..panel.labelled()];
        assert!(labelled.iter().all(|total| (total - labelled[0]).abs() < 1e-3), "{labelled:?}");
        let mean = weights.iter().map(|w| f64::from(*w)).sum::<f64>() / known.len() as f64;
        assert!((mean - 1.0).abs() < 1e-5, "{mean}");
    }

    #[test]
    fn parts_of_several_stretches_are_put_together() {
        let panel = cheap_panel(&Market::new(378, 40, 1), 3);
        let (booster, _) =
            grown(&TrainConfig { min_child_weight: 1.0, ..TrainConfig::default() }, 3);
        let whole = Rows::from(0..100);
        let parts = Rows(vec![0..30, 30..31, 31..100]);
        let matrix = |rows| features(&panel, rows).unwrap();
        assert_eq!(matrix(&whole).shape(), matrix(&parts).shape());
        drop(booster);
    }
}
