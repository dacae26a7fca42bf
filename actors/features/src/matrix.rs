use crate::whitelist;
use messages::{Date, Exposures, Features, Symbol};

/// The features of one session in full precision: what [`Features`] is rounded from.
#[derive(Clone, Debug)]
pub struct Matrix {
    pub session: Date,
    /// One row each, ascending.
    pub symbols: Vec<Symbol>,
    /// Row-major, [`whitelist::COUNT`] columns; NaN where missing or not eligible.
    pub raw: Vec<f64>,
    /// After the cross-sectional transform, same shape.
    pub values: Vec<f64>,
    /// Member with a valid bar, price, liquidity and history: in the cross-section.
    pub eligible: Vec<bool>,
    /// Eligible, and with at least 80 % of its features.
    pub tradable: Vec<bool>,
    pub exposures: Exposures,
    /// How often each guard fired, none that did not.
    pub guards: Vec<(&'static str, u32)>,
}

/// The one place where features become `f32`, for training and serving alike. A row with less than
/// 80 % of its features keeps its values and is not eligible: it is neither trained on nor traded.
impl From<Matrix> for Features {
    fn from(matrix: Matrix) -> Self {
        let guards = matrix.guards.into_iter();
        Self {
            session: matrix.session,
            symbols: matrix.symbols,
            names: whitelist::names().map(str::to_owned).to_vec(),
            whitelist_sha256: whitelist::sha256(),
            values: matrix.values.iter().map(|&x| x as f32).collect::<Vec<_>>().into(),
            raw: matrix.raw.into(),
            eligible: matrix.tradable,
            exposures: matrix.exposures,
            guards: guards.map(|(guard, times)| (guard.to_owned(), times)).collect(),
        }
    }
}
