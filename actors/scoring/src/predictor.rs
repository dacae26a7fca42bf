/// A loaded model: a pure function of its input.
///
/// `Send`, so that an actor that owns one can move to its own thread.
pub trait Predictor: Send {
    /// As in the registry and in the journal's `ModelRef`.
    fn id(&self) -> &str;

    /// SHA-256 (hex) of the model file.
    fn sha256(&self) -> &str;

    /// Hash of the feature whitelist it was trained with.
    fn whitelist_sha256(&self) -> &str;

    /// Column names, in the order in which the model reads them.
    fn names(&self) -> &[String];

    /// A score per row. `values` is row-major, `rows` × `names().len()`, NaN where missing.
    fn predict(&self, values: &[f32], rows: usize) -> Vec<f32>;

    /// SHAP values, row-major, `rows` × (`names().len()` + 1), the bias last; a row sums to its score.
    fn contributions(&self, values: &[f32], rows: usize) -> Vec<f32>;

    /// Trees it adds up.
    fn trees(&self) -> usize;

    /// Median over the deployed model's validation sessions of the cross-sectional standard deviation of
    /// its predictions, in its units, from its card. Positive.
    fn typical_sd(&self) -> f64;
}
