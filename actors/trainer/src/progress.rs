use crate::TrainError;
use std::fmt;
use std::ops::ControlFlow;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Sessions folded into features.
    Features,
    /// Trees of the walk-forward's folds, of its controls, and of the model.
    Folds,
    /// Checks of the leakage audit.
    Audit,
}

/// `done` of `of` steps of a stage.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    pub stage: Stage,
    pub done: usize,
    pub of: usize,
}

/// `folds 120/840`.
impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stage = match self.stage {
            Stage::Features => "features",
            Stage::Folds => "folds",
            Stage::Audit => "audit",
        };
        write!(f, "{stage} {}/{}", self.done, self.of)
    }
}

/// Hears of every step, from several threads, and may break the training off.
#[derive(Copy, Clone)]
pub struct Watch<'a>(&'a (dyn Fn(Progress) -> ControlFlow<()> + Sync));

impl<'a> Watch<'a> {
    pub fn new(watch: &'a (dyn Fn(Progress) -> ControlFlow<()> + Sync)) -> Self {
        Self(watch)
    }

    /// # Errors
    /// [`TrainError::Stopped`], if the training is broken off.
    pub fn step(self, stage: Stage, done: usize, of: usize) -> Result<(), TrainError> {
        match (self.0)(Progress { stage, done, of }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(TrainError::Stopped),
        }
    }
}
