use crate::card::Card;
use messages::ModelRef;
use scoring::Predictor;
use xgb::{Booster, DMatrix, PredictConfig, PredictType};

/// A model from the registry, its file checked against its hash. A pure function, once loaded.
pub struct Model {
    pub(crate) reference: ModelRef,
    pub(crate) card: Card,
    /// Of the card's columns.
    pub(crate) names: Vec<String>,
    pub(crate) booster: Booster,
}

impl Model {
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// # Panics
    /// If the values are not `rows` rows of the model's columns: the library would not notice.
    fn ask(&self, values: &[f32], rows: usize, what: PredictType) -> Vec<f32> {
        assert_eq!(values.len(), rows * self.names.len(), "rows of the model's columns");
        if rows == 0 {
            return Vec::new();
        }
        let matrix = DMatrix::from_dense(values, rows).expect("a well-formed matrix is accepted");
        let config = PredictConfig { _type: what, ..PredictConfig::default() };
        let answer = self.booster.predict_matrix(&matrix, &config.as_json());
        answer.expect("a checked model predicts a well-formed matrix").0
    }
}

impl Predictor for Model {
    fn id(&self) -> &str {
        &self.reference.id
    }

    fn sha256(&self) -> &str {
        &self.reference.sha256
    }

    fn whitelist_sha256(&self) -> &str {
        &self.card.whitelist_sha256
    }

    fn names(&self) -> &[String] {
        &self.names
    }

    fn predict(&self, values: &[f32], rows: usize) -> Vec<f32> {
        self.ask(values, rows, PredictType::Normal)
    }

    fn contributions(&self, values: &[f32], rows: usize) -> Vec<f32> {
        self.ask(values, rows, PredictType::PredictContribitions)
    }

    fn trees(&self) -> usize {
        self.card.trees
    }

    fn typical_sd(&self) -> f64 {
        self.card.typical_sd
    }
}
