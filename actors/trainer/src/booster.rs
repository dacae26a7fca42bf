//! XGBoost, with every parameter set by us: the binding's typed defaults are not the library's, and
//! the library ignores a name it doesn't know.

use crate::error::failed;
use crate::panel::Panel;
use crate::{Progress, Stage, TrainConfig, TrainError};
use std::ops::{ControlFlow, Range};
use xgb::parameters::BoosterParameters;
use xgb::{Booster, DMatrix, PredictConfig, PredictType};

/// Rows of a range of days: (date, symbol) order, columns in whitelist order, NaN missing, every date
/// with the same total weight.
pub(crate) fn matrix(panel: &Panel, days: Range<usize>) -> Result<DMatrix, TrainError> {
    let rows = panel.rows(days.clone());
    let dates = days.len();
    let days = &panel.days[days];
    let values: Vec<f32> = days.iter().flat_map(|day| &day.values).copied().collect();
    let labels: Vec<f32> = days.iter().flat_map(|day| &day.labels).copied().collect();
    // 1/N_t, scaled to a mean of 1, so that `min_child_weight` counts rows.
    let mean_rows = rows as f64 / dates as f64;
    let weight = |count: usize| std::iter::repeat_n((mean_rows / count as f64) as f32, count);
    let weights: Vec<f32> = days.iter().flat_map(|day| weight(day.labels.len())).collect();
    let mut matrix = DMatrix::from_dense(&values, rows).map_err(failed("building a matrix"))?;
    matrix.set_labels(&labels).map_err(failed("setting labels"))?;
    matrix.set_weights(&weights).map_err(failed("setting weights"))?;
    Ok(matrix)
}

pub(crate) fn fit(
    matrix: &DMatrix,
    trees: usize,
    config: &TrainConfig,
    stage: Stage,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Booster, TrainError> {
    let mut booster = Booster::new_with_cached_dmats(&BoosterParameters::default(), &[matrix])
        .map_err(failed("creating a booster"))?;
    for (name, value) in parameters(config) {
        booster.set_param(name, &value).map_err(failed("setting a parameter"))?;
    }
    for tree in 0..trees {
        booster.update(matrix, tree as i32).map_err(failed("growing a tree"))?;
        if progress(Progress { stage, done: tree + 1, of: trees }).is_break() {
            return Err(TrainError::Stopped);
        }
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
        ("nthread", config.threads.to_string()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise_panel;

    fn bytes(config: &TrainConfig) -> Vec<u8> {
        let panel = noise_panel(60, 40, 4);
        let matrix = matrix(&panel, 0..60).unwrap();
        let mut quiet = |_| ControlFlow::Continue(());
        let booster = fit(&matrix, 5, config, Stage::Fit, &mut quiet).unwrap();
        booster.save_buffer(true).unwrap()
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

    #[test]
    fn threads_do_not_change_the_model() {
        let two = TrainConfig { threads: 2, ..TrainConfig::default() };
        assert!(bytes(&two) == bytes(&TrainConfig::default()));
    }

    /// A single leaf moves by eta times the mean label; the binding's own default would give 0.47.
    #[test]
    fn predictions_start_from_zero() {
        let panel = noise_panel(60, 40, 4);
        let matrix = matrix(&panel, 0..60).unwrap();
        let config = TrainConfig { min_child_weight: 1e9, ..TrainConfig::default() };
        let mut quiet = |_| ControlFlow::Continue(());
        let booster = fit(&matrix, 1, &config, Stage::Fit, &mut quiet).unwrap();
        let scores = predict(&booster, &matrix, 1).unwrap();
        assert!(scores.iter().all(|score| score.abs() < 0.01), "{:?}", &scores[..5]);
    }

    #[test]
    fn every_date_weighs_the_same() {
        let mut panel = noise_panel(2, 40, 1);
        let day = &mut panel.days[1];
        day.values.truncate(30);
        day.labels.truncate(30);
        let matrix = matrix(&panel, 0..2).unwrap();
        let weights = matrix.get_weights().unwrap();
        let total = |range: Range<usize>| weights[range].iter().sum::<f32>();
        assert!((total(0..40) - 35.0).abs() < 1e-4 && (total(40..70) - 35.0).abs() < 1e-4);
    }
}
