use crate::dataset::Dataset;
use crate::folds::{self, Fold};
use crate::panel::Panel;
use crate::progress::Watch;
use crate::{TrainConfig, TrainError, label};
use messages::Features;

/// What happens between bars and trees, in the stages that the audit runs again: on histories that
/// were cut, rescaled or permuted. A stage that knows more than it may would answer differently.
///
/// The defaults are what Aurora trains and trades with. Research replaces a stage; the audit's own
/// tests replace each by one that leaks.
pub trait Pipeline: Sync {
    /// Bars to features and labels.
    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        Panel::build(data, config.horizon, watch)
    }

    /// What is learnt, per row of a day's features, from the returns that followed. The audit makes the
    /// labels of a panel again with it, from bars that it cut itself.
    fn label(&self, features: &Features, sectors: &[usize], returns: &[f64]) -> Vec<f64> {
        label::neutral(features, sectors, returns)
    }

    /// What is done to the features by looking at labels, outside the folds: nothing.
    fn supervised(&self, panel: Panel) -> Panel {
        panel
    }

    /// What is trained on, and what is tested on.
    fn folds(&self, panel: &Panel, config: &TrainConfig) -> Result<Vec<Fold>, TrainError> {
        folds::walk_forward(panel, config)
    }
}

/// The pipeline with nothing replaced.
#[derive(Copy, Clone, Debug, Default)]
pub struct Standard;

impl Pipeline for Standard {}
