//! Trainer: history → features → purged walk-forward → leakage audit → model and card → registry.
//!
//! Training is a pure function of history, members, configuration and the trials before it: the same input
//! gives the same bytes, so a model's id is its content and a restarted training session publishes the
//! same model. Only the registry and its trials touch files, and only the gateway hears messages.
//!
//! A map, in the order in which a training goes:
//! - [`Dataset`] is what it starts from, [`Pipeline`] the stages from bars to folds, [`Panel`] their
//!   rows, `folds` what is trained and tested on;
//! - `walk` trains the folds side by side, `booster` is XGBoost with every parameter set by us;
//! - `audit` is the gate: a named [`Detector`] per way of fooling oneself, and what it found;
//! - `evaluate` and [`stats`] say what the order of names was worth, and what is left of that after all
//!   [`Trials`];
//! - [`Card`] is everything known of a model, sealed into its file; `html` shows it to people;
//! - [`Registry`] keeps models by content and hands out only those that passed.
//!
//! What goes wrong silently elsewhere is checked here: parameters by an effect test (XGBoost ignores
//! misspelt ones), columns by name (it accepts any 45), files by hash before it reads them (it crashes
//! on corrupt ones).

mod audit;
mod booster;
mod card;
mod chance;
mod config;
mod dataset;
mod dividends;
mod error;
mod evaluate;
mod folds;
mod gateway;
mod html;
mod ic;
mod label;
mod model;
mod panel;
mod pipeline;
mod progress;
mod registry;
mod snapshot;
pub mod stats;
mod train;
mod trials;
mod walk;
mod workers;

pub use audit::{Detector, Finding, OOF_SESSIONS_MIN, Standing, Status};
pub use card::{
    Card, ColumnCard, CostSharpe, CurvePoint, DividendsCard, FoldCard, LabelsCard, Oof, Part,
    SpreadCard, TrialsCard, YearIc,
};
pub use config::TrainConfig;
pub use dataset::{Dataset, Members, Restated};
pub use dividends::Dividends;
pub use error::TrainError;
pub use folds::{Fold, Rows};
pub use gateway::{Gateway, LoadPast, Past};
pub use ic::{IcSummary, lags, newey_west_t};
pub use model::Model;
pub use panel::{At, Day, Moment, Panel, SIGNAL, Source, Timing};
pub use pipeline::{Pipeline, Standard};
pub use progress::{Progress, Stage, Watch};
pub use registry::{Action, Entry, Promotion, Registry, RegistryError};
pub use train::{Series, Trained, train, train_panel};
pub use trials::{Trial, Trials, TrialsError};
pub use walk::scores_out_of_fold;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
