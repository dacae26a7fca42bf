use crate::TrainError;
use crate::audit::OOF_SESSIONS_MIN;
use crate::panel::BEFORE;
use scoring::TREES_MIN;
use serde::{Deserialize, Serialize};

/// METHODS.md §3.
const EMBARGO_MIN: usize = 5;

/// How a model is trained. The defaults are those of METHODS.md §3. An unknown key is an error here:
/// XGBoost itself ignores a misspelt parameter without a word.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Sessions from entry to exit of the label, both at the open.
    pub horizon: usize,
    /// Sessions left out before a test part, beyond those whose labels reach into it.
    pub embargo: usize,
    /// Length of a fold's test part.
    pub test_sessions: usize,
    /// End of a fold's training part, where the number of trees is chosen.
    pub validation_sessions: usize,
    /// Dates that the first fold trains on, at least.
    pub train_sessions_min: usize,
    pub trees_min: usize,
    pub trees_max: usize,
    pub trees_step: usize,
    pub depth: u32,
    pub eta: f64,
    pub min_child_weight: f64,
    pub lambda: f64,
    pub max_bin: u32,
    pub seed: u32,
    /// Folds trained at once, each with one thread of the library; by default one per core. Has no
    /// influence on the model, so no card records it.
    #[serde(skip_serializing)]
    pub threads: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            horizon: 5,
            embargo: 5,
            test_sessions: 252,
            validation_sessions: 126,
            train_sessions_min: 504,
            trees_min: 20,
            trees_max: 200,
            trees_step: 10,
            depth: 4,
            eta: 0.05,
            min_child_weight: 200.0,
            lambda: 10.0,
            max_bin: 64,
            seed: 7,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl TrainConfig {
    /// Sessions from a signal to the first later one whose signal may be tested against it.
    pub fn purge(&self) -> usize {
        self.horizon + 1 + self.embargo
    }

    /// Sessions of history with which the walk-forward tests on enough dates for the audit to decide.
    pub fn sessions_needed(&self) -> usize {
        let dates = self.train_sessions_min + self.purge() + OOF_SESSIONS_MIN as usize;
        BEFORE + dates + self.horizon + 1
    }

    pub fn validate(&self) -> Result<(), TrainError> {
        let positive = |value: f64| value.is_finite() && value > 0.0;
        let rules = [
            ((1..=63).contains(&self.horizon), "horizon: 1 to 63 sessions"),
            ((EMBARGO_MIN..=252).contains(&self.embargo), "embargo: 5 to 252 sessions"),
            (self.test_sessions > 0, "test_sessions: at least 1"),
            (self.validation_sessions > 0, "validation_sessions: at least 1"),
            (
                self.train_sessions_min > self.validation_sessions + self.purge(),
                "train_sessions_min: more than validation_sessions + horizon + 1 + embargo",
            ),
            (
                (TREES_MIN..=self.trees_max).contains(&self.trees_min),
                "trees_min: at least 10 (scoring withholds with fewer), at most trees_max",
            ),
            (self.trees_max <= 10_000, "trees_max: at most 10000"),
            (self.trees_step > 0, "trees_step: at least 1"),
            ((1..=16).contains(&self.depth), "depth: 1 to 16"),
            (positive(self.eta) && self.eta <= 1.0, "eta: above 0, at most 1"),
            (
                self.min_child_weight.is_finite() && self.min_child_weight >= 0.0,
                "min_child_weight: 0 or more",
            ),
            (self.lambda.is_finite() && self.lambda >= 0.0, "lambda: 0 or more"),
            ((2..=65_535).contains(&self.max_bin), "max_bin: 2 to 65535"),
            ((1..=1024).contains(&self.threads), "threads: 1 to 1024"),
        ];
        match rules.iter().find(|(holds, _)| !holds) {
            Some((_, rule)) => Err(TrainError::Config(rule)),
            None => Ok(()),
        }
    }
}
