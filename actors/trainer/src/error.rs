use crate::trials::TrialsError;
use messages::Date;
use thiserror::Error;

/// Why there is no model. All but `Library`, `Trials` and `Stopped` depend on the input alone: trying again
/// gives the same.
#[derive(Debug, Error)]
pub enum TrainError {
    #[error("TRAIN_CONFIG: [train] {0}")]
    Config(&'static str),
    #[error("BAD_HISTORY: session {session}: {problem}")]
    History { session: Date, problem: &'static str },
    #[error("BAD_MEMBERS: the universe must ascend by symbol without repeats")]
    Members,
    #[error("BAD_UNIVERSE: {0}")]
    Universe(#[from] features::UniverseError),
    #[error("WHITELIST_MISMATCH: the journal names features {journal}, this program has {ours}")]
    Whitelist { journal: String, ours: String },
    #[error(
        "TOO_FEW_DATES: {needed} signal dates with labels are needed ({train_min} of them to train \
         on), the {sessions} sessions of history give {got}: fetch about {missing} sessions more"
    )]
    TooFew { needed: usize, got: usize, train_min: usize, sessions: usize, missing: usize },
    #[error(
        "BAD_COLUMN: feature matrix: {name} {problem}: mend the bars or the features it is made of"
    )]
    Column { name: String, problem: &'static str },
    #[error("FLAT_MODEL: {0}: the features explain nothing the model could rank by")]
    Flat(&'static str),
    #[error("XGBoost, {doing}: {source}")]
    Library { doing: &'static str, source: xgb::XGBError },
    #[error(transparent)]
    Trials(#[from] TrialsError),
    #[error("STOPPED: before the model was complete")]
    Stopped,
}

impl TrainError {
    /// The same input will fail the same way.
    pub fn is_final(&self) -> bool {
        !matches!(self, Self::Library { .. } | Self::Trials(_) | Self::Stopped)
    }
}

/// For `map_err`: says what we were doing.
pub(crate) fn failed(doing: &'static str) -> impl FnOnce(xgb::XGBError) -> TrainError {
    move |source| TrainError::Library { doing, source }
}
