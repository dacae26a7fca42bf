//! How bringing bars in from a data service goes wrong.

use crate::store::StoreError;
use alpaca::AlpacaError;
use messages::{Date, Symbol};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum IngestError {
    #[error("fetching bars of {symbols}")]
    Alpaca { symbols: String, source: AlpacaError },
    #[error("asking for the time")]
    Clock(#[source] AlpacaError),
    #[error(
        "PAGES: {symbols}: page token {token:?} leads back to a page we had: the service is at fault, try again"
    )]
    PageRepeated { symbols: String, token: String },
    #[error(
        "PAGES: {symbols}: page {page} is empty and says that more follows: the service is at fault, try again"
    )]
    PageEmpty { symbols: String, page: usize },
    #[error(
        "{symbol} was not asked for: the service maps names we don't know; see the table in ingest::symbols"
    )]
    Unasked { symbol: String },
    #[error(
        "{symbol}: a bar at {t} is no daily bar of {from} to {through} (midnight in New York): check timeframe and service"
    )]
    NotDaily { symbol: Symbol, t: String, from: Date, through: Date },
    #[error("{symbol} on {session}: two bars: the service is at fault, try again")]
    Duplicate { symbol: Symbol, session: Date },
    #[error(
        "{symbol} on {session}: {field} is missing or no finite number: the service is at fault, try again"
    )]
    NotFinite { symbol: Symbol, session: Date, field: &'static str },
    #[error(
        "{symbol} on {session}: there is a bar {present} and none {absent}: the service is at fault, try again"
    )]
    RawMismatch { symbol: Symbol, session: Date, present: &'static str, absent: &'static str },
    #[error("{from} is after {through}: nothing can be fetched")]
    Backwards { from: Date, through: Date },
    #[error(
        "RESTATED: {symbol} on {session}: {field} is stored as {stored} and is {now} now: the source has \
         changed its past (a split, a correction); fetch the whole history again (aurora fetch)"
    )]
    Restated { symbol: Symbol, session: Date, field: &'static str, stored: f64, now: String },
    #[error(
        "NO_OVERLAP: {session} is stored, was asked for again and is not in the answer, so that nothing shows \
         whether the source has changed its past: the service is at fault, try again"
    )]
    NoOverlap { session: Date },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the thread that reads and writes prices has died")]
    Thread(#[source] tokio::task::JoinError),
}

impl IngestError {
    /// Asking again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            IngestError::Alpaca { source, .. } | IngestError::Clock(source) => {
                source.is_transient() || matches!(source, AlpacaError::Malformed { .. })
            }
            IngestError::PageRepeated { .. }
            | IngestError::PageEmpty { .. }
            | IngestError::Duplicate { .. }
            | IngestError::NotFinite { .. }
            | IngestError::NoOverlap { .. }
            | IngestError::RawMismatch { .. } => true,
            _ => false,
        }
    }

    /// With its causes, on one line.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text = format!("{text}: {error}");
            cause = error.source();
        }
        text
    }
}
