//! How the exchange says no.

use serde::Serialize;
use thiserror::Error;

/// Why the exchange did not do as it was asked: Alpaca's HTTP status, code and words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{status} {code}: {message}")]
pub struct Refusal {
    pub status: u16,
    pub code: u32,
    pub message: String,
    /// Further fields of the error's body.
    pub extras: Vec<(&'static str, Extra)>,
}

/// Text, numbers as text too, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Extra {
    Text(String),
    List(Vec<String>),
}

impl Refusal {
    pub const NOT_FOUND: u32 = 40_410_000;
    pub const FORBIDDEN: u32 = 40_310_000;
    pub const INVALID: u32 = 42_210_000;
    pub const MALFORMED: u32 = 40_010_001;

    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), extras: Vec::new() }
    }

    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, Self::NOT_FOUND, message)
    }

    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(403, Self::FORBIDDEN, message)
    }

    /// A sound request for something that can't be had.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(422, Self::INVALID, message)
    }

    /// A request that is not well-formed.
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(422, Self::MALFORMED, message)
    }

    pub(super) fn with(mut self, field: &'static str, value: &impl ToString) -> Self {
        self.extras.push((field, Extra::Text(value.to_string())));
        self
    }

    pub(super) fn with_list(mut self, field: &'static str, values: Vec<String>) -> Self {
        self.extras.push((field, Extra::List(values)));
        self
    }
}
