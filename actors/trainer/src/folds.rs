//! Purged, embargoed, expanding walk-forward folds (METHODS.md §3).
//!
//! A signal of session s enters at the open of s+1 and leaves at the open of s+1+h; its label is known
//! then. With τ the first test signal, training may use s ≤ τ−h−1−E: the last label is known E
//! sessions before τ. The same holds between the dates that trees are grown on and those that choose
//! their number.

use crate::panel::{BEFORE, Panel};
use crate::{TrainConfig, TrainError};
use std::ops::Range;

/// A shorter last block is tested together with the one before it.
const LAST_TEST_MIN: usize = 40;

/// Rows of a panel, as ascending ranges.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Rows(pub Vec<Range<usize>>);

impl From<Range<usize>> for Rows {
    fn from(rows: Range<usize>) -> Self {
        Self([rows].into())
    }
}

impl Rows {
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.0.iter().cloned().flatten()
    }

    pub fn len(&self) -> usize {
        self.0.iter().map(Range::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Positions of the days they belong to, ascending, each once.
    pub fn days(&self, panel: &Panel) -> Vec<usize> {
        let mut days: Vec<usize> = Vec::new();
        for range in self.0.iter().filter(|range| !range.is_empty()) {
            let (first, last) = (panel.day_of(range.start), panel.day_of(range.end - 1));
            let from = days.last().map_or(first, |seen| first.max(seen + 1));
            days.extend(from..=last);
        }
        days
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// What trees are grown on.
    pub fit: Rows,
    /// Where their number is chosen.
    pub validation: Rows,
    /// What neither has seen; empty for the model that is deployed.
    pub test: Rows,
}

/// The folds of a panel, ascending by test dates.
pub(crate) fn walk_forward(panel: &Panel, config: &TrainConfig) -> Result<Vec<Fold>, TrainError> {
    let indices = panel.indices();
    let blocks = test_blocks(&indices, config);
    if blocks.is_empty() {
        return Err(too_few(&indices, panel.source.sessions, config));
    }
    let fold = |test: Range<usize>| {
        let trained = purged_before(&indices, indices[test.start], config);
        Fold { test: panel.rows(test).into(), ..before(panel, &indices, trained, config) }
    };
    Ok(blocks.into_iter().map(fold).collect())
}

/// The fold of the model that is deployed: the same procedure, on every label there is.
pub(crate) fn last(panel: &Panel, config: &TrainConfig) -> Fold {
    let indices = panel.indices();
    before(panel, &indices, indices.len(), config)
}

/// Fit and validation within the first `trained` dates.
fn before(panel: &Panel, indices: &[usize], trained: usize, config: &TrainConfig) -> Fold {
    let validation = trained.saturating_sub(config.validation_sessions)..trained;
    let fit = 0..purged_before(indices, indices[validation.start], config);
    let rows = |days| panel.rows(days).into();
    Fold { fit: rows(fit), validation: rows(validation), test: Rows::default() }
}

/// Positions among the labelled dates.
fn test_blocks(indices: &[usize], config: &TrainConfig) -> Vec<Range<usize>> {
    let enough =
        |at: &usize| purged_before(indices, indices[*at], config) >= config.train_sessions_min;
    let Some(start) = (0..indices.len()).find(enough) else { return Vec::new() };
    let least = LAST_TEST_MIN.min(config.test_sessions);
    let mut blocks: Vec<Range<usize>> = Vec::new();
    for from in (start..indices.len()).step_by(config.test_sessions) {
        let block = from..(from + config.test_sessions).min(indices.len());
        match blocks.last_mut() {
            Some(before) if block.len() < least => before.end = block.end,
            _ => blocks.push(block),
        }
    }
    blocks.retain(|block| block.len() >= least);
    blocks
}

/// How many of the dates are far enough before session `first`.
fn purged_before(indices: &[usize], first: usize, config: &TrainConfig) -> usize {
    indices.partition_point(|s| s + config.purge() <= first)
}

fn too_few(indices: &[usize], sessions: usize, config: &TrainConfig) -> TrainError {
    let test = LAST_TEST_MIN.min(config.test_sessions);
    let needed = config.train_sessions_min + config.purge() - 1 + test;
    let warm_up = indices.first().copied().unwrap_or(BEFORE);
    let missing = (warm_up + needed + config.horizon + 1).saturating_sub(sessions).max(1);
    TrainError::TooFew {
        needed,
        got: indices.len(),
        train_min: config.train_sessions_min,
        sessions,
        missing,
    }
}
