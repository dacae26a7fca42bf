//! Folds trained side by side, each with one thread of the library: how many work at once has no
//! influence on what comes out.

use crate::booster;
use crate::card::CurvePoint;
use crate::error::failed;
use crate::folds::{Fold, Rows};
use crate::ic::{daily_ic, mean, rounded};
use crate::panel::Panel;
use crate::pipeline::Pipeline;
use crate::progress::{Stage, Watch};
use crate::workers::side_by_side;
use crate::{TrainConfig, TrainError};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use xgb::Booster;

/// A fold to train.
#[derive(Copy, Clone)]
pub(crate) struct Job<'a> {
    pub(crate) panel: &'a Panel,
    pub(crate) fold: &'a Fold,
}

/// What came of it.
pub(crate) struct Fitted {
    /// Cut to `trees`.
    pub(crate) booster: Booster,
    pub(crate) trees: usize,
    /// Mean daily rank IC on the validation dates, by number of trees.
    pub(crate) curve: Vec<CurvePoint>,
    /// Per row of the fold's test.
    pub(crate) scores: Vec<f32>,
}

/// The jobs' results, in the order of the jobs.
pub(crate) fn train(
    jobs: &[Job<'_>],
    config: &TrainConfig,
    watch: Watch<'_>,
) -> Result<Vec<Fitted>, TrainError> {
    let trees = Trees { grown: AtomicUsize::new(0), of: jobs.len() * config.trees_max, watch };
    side_by_side(config.threads, jobs.len(), |at| fit(jobs[at], config, &trees))
}

/// Counts trees over all jobs.
struct Trees<'a> {
    grown: AtomicUsize,
    of: usize,
    watch: Watch<'a>,
}

impl Trees<'_> {
    fn grew(&self) -> Result<(), TrainError> {
        let grown = self.grown.fetch_add(1, Relaxed) + 1;
        self.watch.step(Stage::Folds, grown, self.of)
    }
}

/// Grows the most trees; the number with the best mean daily rank IC on the validation dates wins, the
/// smaller of equals. Never by squared error: with this label that stops at the first tree as often
/// as not (METHODS.md §2).
fn fit(job: Job<'_>, config: &TrainConfig, trees: &Trees<'_>) -> Result<Fitted, TrainError> {
    let Job { panel, fold } = job;
    let matrix = booster::labelled(panel, &fold.fit)?;
    let grown = booster::grow(&matrix, config, &mut || trees.grew())?;
    drop(matrix);
    let curve = curve(panel, &fold.validation, &grown, config)?;
    let mut best: Option<&CurvePoint> = None;
    for point in &curve {
        if best.is_none_or(|best| point.ic > best.ic) {
            best = Some(point);
        }
    }
    let flat = TrainError::Flat("no number of trees tells the validation names apart");
    let trees = best.ok_or(flat)?.trees;
    let scores = if fold.test.is_empty() {
        Vec::new()
    } else {
        booster::predict(&grown, &booster::features(panel, &fold.test)?, trees)?
    };
    let booster = grown.slice(0, trees as i32).map_err(failed("cutting the trees"))?;
    Ok(Fitted { booster, trees, curve, scores })
}

fn curve(
    panel: &Panel,
    validation: &Rows,
    booster: &Booster,
    config: &TrainConfig,
) -> Result<Vec<CurvePoint>, TrainError> {
    let matrix = booster::features(panel, validation)?;
    let mut scores = vec![f32::NAN; panel.labels.len()];
    let mut curve = Vec::new();
    for trees in (config.trees_min..=config.trees_max).step_by(config.trees_step) {
        let predicted = booster::predict(booster, &matrix, trees)?;
        for (row, score) in validation.iter().zip(predicted) {
            scores[row] = score;
        }
        let daily = daily_ic(panel, validation, &scores, |row| f64::from(panel.labels[row]));
        if !daily.is_empty() {
            curve.push(CurvePoint { trees, ic: rounded(mean(daily.iter().map(|(_, ic)| *ic))) });
        }
    }
    Ok(curve)
}

/// The walk-forward alone, without controls, audit or card: every tested row's score from the fold that tested
/// it, NaN for the others. For research and benchmarks.
pub fn scores_out_of_fold(
    pipeline: &dyn Pipeline,
    panel: &Panel,
    config: &TrainConfig,
    watch: Watch<'_>,
) -> Result<Vec<f32>, TrainError> {
    let folds = pipeline.folds(panel, config)?;
    let jobs: Vec<Job<'_>> = folds.iter().map(|fold| Job { panel, fold }).collect();
    let fitted = train(&jobs, config, watch)?;
    Ok(out_of_fold(panel, &folds, &fitted))
}

/// Every tested row's score from the fold that tested it; NaN for the others.
pub(crate) fn out_of_fold(panel: &Panel, folds: &[Fold], fitted: &[Fitted]) -> Vec<f32> {
    let mut scores = vec![f32::NAN; panel.labels.len()];
    for (fold, fitted) in folds.iter().zip(fitted) {
        for (row, score) in fold.test.iter().zip(&fitted.scores) {
            scores[row] = *score;
        }
    }
    scores
}

/// Every tested row, ascending.
pub(crate) fn tested(folds: &[Fold]) -> Rows {
    let mut ranges: Vec<_> = folds.iter().flat_map(|fold| fold.test.0.clone()).collect();
    ranges.sort_by_key(|range| range.start);
    Rows(ranges)
}
