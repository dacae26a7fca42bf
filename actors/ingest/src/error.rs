//! How bringing bars in from a data service goes wrong.

use crate::import::ImportError;
use crate::store::StoreError;
use alpaca::AlpacaError;
use messages::{Date, Symbol};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum IngestError {
    #[error("fetching {asked}")]
    Alpaca { asked: String, source: AlpacaError },
    #[error("asking for the time")]
    Clock(#[source] AlpacaError),
    #[error(
        "CLOCK: {said}, but {other}: which sessions are over can't be told, so nothing was fetched; {remedy}"
    )]
    WrongClock { said: String, other: String, remedy: &'static str },
    #[error(
        "{symbol} was not asked for: the service maps names we don't know; see the table in ingest::symbols"
    )]
    Unasked { symbol: String },
    #[error(
        "{symbol}: a bar at {at} was not asked for (from {start} to {end}): the service is at fault, try again"
    )]
    Outside { symbol: Symbol, at: String, start: String, end: String },
    #[error(
        "{symbol}: a bar at {at} is no daily bar (midnight in New York): check timeframe and service"
    )]
    NotDaily { symbol: Symbol, at: String },
    #[error(
        "{symbol}: {field} of the bar at {at} is missing or no finite number: the service is at fault, try again"
    )]
    NotFinite { symbol: Symbol, at: String, field: &'static str },
    #[error("{symbol}: {detail} in the bar at {at}: the service is at fault, try again")]
    Unsound { symbol: Symbol, at: String, detail: String },
    #[error("no bars of {} from {from} to {through}: check spelling and dates", symbols.join(", "))]
    Nothing { symbols: Vec<String>, from: String, through: String },
    #[error(
        "{symbol} on {session}: there is a bar {present} and none {absent}: the service is at fault, try again"
    )]
    RawMismatch { symbol: Symbol, session: Date, present: &'static str, absent: &'static str },
    #[error(
        "there is no latest trade and quote of {symbol}: check its spelling (pairs of coins have a slash)"
    )]
    NoLatest { symbol: Symbol },
    #[error("{timeframe:?} is no timeframe: 1Min to 59Min, 1Hour to 23Hour, 1Day, 1Week, 1Month")]
    Timeframe { timeframe: String },
    #[error("{from} is after {through}: nothing can be fetched")]
    Backwards { from: Date, through: Date },
    #[error(
        "RESTATED: {symbol} on {session}: {field} is stored as {stored} and is {now} now: the source has \
         changed its past (a split, a correction); look at it, then `aurora fetch --restate REASON`"
    )]
    Restated { symbol: Symbol, session: Date, field: &'static str, stored: f64, now: String },
    #[error(
        "PAST_CHANGED: {count} stored numbers are no longer what the source says, the first: {first}. A split, a \
         dividend or a correction? Nothing was written; `aurora fetch --restate REASON` takes the source's past \
         into a new snapshot and records every difference"
    )]
    PastChanged { count: usize, first: String },
    #[error(
        "NO_OVERLAP: {session} is stored, was asked for again and is not in the answer, so that nothing shows \
         whether the source has changed its past: the service is at fault, try again"
    )]
    NoOverlap { session: Date },
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("the thread that reads and writes prices has died")]
    Thread(#[source] tokio::task::JoinError),
}

impl IngestError {
    /// Asking again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            IngestError::Alpaca { source, .. } | IngestError::Clock(source) => {
                source.is_transient()
                    || matches!(source, AlpacaError::Malformed { .. } | AlpacaError::Pages { .. })
            }
            IngestError::Outside { .. }
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
