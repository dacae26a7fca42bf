//! Trainer: history → features → purged walk-forward → audited model → registry.
//!
//! Training is a pure function of history, members and configuration: the same input gives the same
//! bytes, so a model's id is its content and a restarted training session publishes the same model.
//! Only the registry touches files and only the gateway hears messages.
//!
//! What goes wrong silently elsewhere is checked here: parameters by an effect test (XGBoost ignores
//! misspelt ones), columns by name (it accepts any 45), files by hash before it reads them (it crashes
//! on corrupt ones), and an out-of-fold IC too good to be true ends the training.

mod booster;
mod card;
mod config;
mod error;
mod gateway;
mod ic;
mod label;
mod model;
mod panel;
mod registry;
mod split;
mod train;

pub use card::{Card, CurvePoint, Oof, Part, SplitCard, YearIc};
pub use config::TrainConfig;
pub use error::TrainError;
pub use gateway::{Gateway, LoadHistory};
pub use ic::{IcSummary, lags, newey_west_t, spearman};
pub use model::Model;
pub use panel::{Day, Panel, Source};
pub use registry::{Registry, RegistryError};
pub use split::Split;
pub use train::{Progress, Stage, Trained, train, train_panel, train_until};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
