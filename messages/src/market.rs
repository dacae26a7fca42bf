//! What is known of the market at a session's close, and what the model makes of it.

use crate::{Date, F32s, F64s, Symbol};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One session's daily bars, a column per field, a row per symbol, ascending by symbol.
///
/// Prices in dollars, split-adjusted; volume in shares, split-adjusted. A symbol without a bar is
/// absent; nothing is filled. `session` is the date in New York.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bars {
    pub session: Date,
    pub symbols: Vec<Symbol>,
    pub open: F64s,
    pub high: F64s,
    pub low: F64s,
    pub close: F64s,
    pub volume: F64s,
    /// Dollars as traded on that day, not adjusted for anything that came later.
    pub raw_close: F64s,
}

impl Bars {
    pub fn empty(session: Date) -> Self {
        Self {
            session,
            symbols: Vec::new(),
            open: F64s::default(),
            high: F64s::default(),
            low: F64s::default(),
            close: F64s::default(),
            volume: F64s::default(),
            raw_close: F64s::default(),
        }
    }

    /// Appends a row: open, high, low, close, volume, raw close. Rows must come in symbol order.
    pub fn push(&mut self, symbol: Symbol, row: [f64; 6]) {
        debug_assert!(self.symbols.last().is_none_or(|last| *last < symbol), "unsorted: {symbol}");
        self.symbols.push(symbol);
        let columns = [
            &mut self.open,
            &mut self.high,
            &mut self.low,
            &mut self.close,
            &mut self.volume,
            &mut self.raw_close,
        ];
        for (column, value) in columns.into_iter().zip(row) {
            column.push(value);
        }
    }

    /// Row of `symbol`, if it has a bar.
    pub fn row(&self, symbol: &Symbol) -> Option<usize> {
        self.symbols.binary_search(symbol).ok()
    }

    /// Every column has a value per symbol, and the symbols ascend without repeats.
    pub fn is_well_formed(&self) -> bool {
        let n = self.symbols.len();
        let columns =
            [&self.open, &self.high, &self.low, &self.close, &self.volume, &self.raw_close];
        columns.iter().all(|column| column.len() == n)
            && self.symbols.windows(2).all(|pair| pair[0] < pair[1])
    }
}

/// SHA-256 (hex) of a stretch of history: what `SessionOpened` vouches for.
pub fn history_sha256<'a>(history: impl IntoIterator<Item = &'a Bars>) -> String {
    let mut hash = Sha256::new();
    for bars in history {
        hash.update(rmp_serde::to_vec_named(bars).expect("bars are plain data"));
    }
    hex(&hash.finalize())
}

impl Features {
    /// Mean daily volume in dollars, if there is one.
    pub fn adv(&self, symbol: &Symbol) -> Option<f64> {
        let row = self.symbols.iter().position(|listed| listed == symbol)?;
        let adv = self.exposures.adv.get(row).copied();
        adv.filter(|adv| adv.is_finite() && *adv > 0.0)
    }
}

/// SHA-256 (hex) of the rows a model is trained on, whoever holds them: columns, the session and symbol of each
/// row, and to the bit their values (row-major), labels and returns; every NaN is the same.
pub fn matrix_sha256(
    names: &[String],
    (sessions, symbols): (&[Date], &[Symbol]),
    values: &[f32],
    labels: &[f32],
    returns: &[f64],
) -> String {
    let mut hash = Sha256::new();
    let single = |value: &f32| if value.is_nan() { f32::NAN } else { *value }.to_le_bytes();
    for name in names {
        hash.update(format!("{name}\n"));
    }
    for (session, symbol) in sessions.iter().zip(symbols) {
        hash.update(format!("{session}\t{symbol}\n"));
    }
    for column in [values, labels] {
        hash.update((column.len() as u64).to_le_bytes());
        for value in column {
            hash.update(single(value));
        }
    }
    for value in returns {
        hash.update(if value.is_nan() { f64::NAN } else { *value }.to_le_bytes());
    }
    hex(&hash.finalize())
}

/// SHA-256 (hex) of a file's or a text's bytes.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The gate is 100 % of the universe; this says what it lacked. Ends the day before any order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageFailed {
    pub session: Date,
    pub expected: u32,
    pub got: u32,
    pub missing: Vec<Symbol>,
    /// Bars that are there and can't be used, one line each: `AAPL: high 9.1 below close 9.3`.
    pub unusable: Vec<String>,
}

/// The features of one session: a row per symbol, a column per name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Features {
    pub session: Date,
    pub symbols: Vec<Symbol>,
    pub names: Vec<String>,
    pub whitelist_sha256: String,
    /// Transformed (METHODS.md §1), row-major, NaN where missing: exactly what the model reads.
    pub values: F32s,
    /// Before the cross-sectional transform, same shape.
    pub raw: F64s,
    /// May be traded today: a member with a valid bar, price, liquidity and history.
    pub eligible: Vec<bool>,
    pub exposures: Exposures,
    /// How often each guard fired today: `("dispersion", 2)`.
    pub guards: Vec<(String, u32)>,
}

/// What risk needs to know of each symbol, in the rows of [`Features`]; NaN where unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exposures {
    /// Vasicek beta to the equal-weighted eligible market, 252 sessions.
    pub beta: F64s,
    /// Standard deviation of daily log returns, 21 sessions.
    pub sigma_daily: F64s,
    /// Standard deviation of daily returns net of beta times market, 63 sessions.
    pub idio_daily: F64s,
    /// Mean dollar volume, 21 sessions through today.
    pub adv: F64s,
    /// Close in dollars: the price that weights are turned into shares with.
    pub close: F64s,
    /// `None` where there is too little history, and in journals from before it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factors: Option<FactorCovariance>,
}

/// Daily covariance of the returns of the factors that names are exposed to: the market (by beta), then each
/// sector (by membership).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FactorCovariance {
    /// Names of the sectors, in the order of the rows after the first.
    pub sectors: Vec<String>,
    /// Square, by rows; the first row is the market's.
    pub covariance: F64s,
    /// Of Ledoit and Wolf: 0 is the sample's covariance.
    pub shrinkage: f64,
    /// Factor returns that it is from.
    pub sessions: u32,
}

/// The model's view, a row per scored symbol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    pub session: Date,
    pub symbols: Vec<Symbol>,
    /// Expected neutral return over the horizon, in the model's units: only the order and the
    /// relative size mean something.
    pub scores: F32s,
    pub model_id: String,
    pub model_sha256: String,
    pub whitelist_sha256: String,
    /// Names of the columns of `contributions`, the bias last.
    pub names: Vec<String>,
    /// How much each feature adds to a score (SHAP), row-major; a row sums to the score.
    pub contributions: F32s,
    /// Guards that had too little history to decide, with their numbers: `TRAILING_SD sessions=3 min=20`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undecided: Vec<String>,
}

/// What a model said in the sessions before: handed on from journal to journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoresBefore {
    pub model_sha256: String,
    /// The last session that it scored, and how.
    pub session: Date,
    pub symbols: Vec<Symbol>,
    pub scores: F32s,
    /// Standard deviation over the names of that session and of those before it, oldest first, at most 60.
    pub sds: F64s,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ScoresWithheld {
    pub session: Date,
    /// Stable code and numbers: `FLAT sd=1e-9 median=2e-3`.
    pub reason: String,
}
