//! Daily bars from Alpaca (or the simulated venue, which speaks the same API), whole or not at all.

use crate::decode::Columns;
use crate::error::IngestError;
use crate::pages::{Ask, Source, all};
use alpaca::Client;
use jiff::civil;
use messages::{Bars, Date, Symbol, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Hears how many symbols are done, and of how many (each counts twice where raw closes are asked
/// for as well).
pub type Progress = Arc<dyn Fn(usize, usize) + Send + Sync>;

#[derive(Clone)]
pub struct FetchOptions {
    /// `sip`, `iex`.
    pub feed: String,
    /// `split`, `raw`, `all`.
    pub adjustment: String,
    /// The day whose names are meant; `None`: today's.
    pub asof: Option<Date>,
    /// Requests in flight.
    pub concurrency: usize,
    /// Symbols in a request.
    pub chunk: usize,
    pub progress: Option<Progress>,
}

impl FetchOptions {
    /// 50 symbols in a request, 4 requests in flight, today's names.
    pub fn new(feed: impl Into<String>, adjustment: impl Into<String>) -> Self {
        let (feed, adjustment) = (feed.into(), adjustment.into());
        Self { feed, adjustment, asof: None, concurrency: 4, chunk: 50, progress: None }
    }
}

impl fmt::Debug for FetchOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { feed, adjustment, concurrency, chunk, .. } = self;
        write!(f, "feed={feed} adjustment={adjustment} concurrency={concurrency} chunk={chunk}")
    }
}

/// The bars of `symbols` in the sessions `from` to `through`, both inclusive, as the service has
/// them: a symbol without a bar is absent, a session without any is too. The raw close comes from a
/// second request, unless the prices are raw anyway.
///
/// # Errors
/// Any answer that is missing, ambiguous or contradicts itself; then there are no bars at all.
pub async fn fetch_bars(
    client: &Client,
    symbols: &[Symbol],
    from: Date,
    through: Date,
    options: &FetchOptions,
) -> Result<Vec<Bars>, IngestError> {
    if from > through {
        return Err(IngestError::Backwards { from, through });
    }
    let unique: BTreeSet<&Symbol> = symbols.iter().collect();
    let symbols: Vec<Symbol> = unique.into_iter().cloned().collect();
    let mut asks = vec![daily(from, through, options, &options.adjustment)];
    if options.adjustment != "raw" {
        asks.push(Ask { only_close: true, ..daily(from, through, options, "raw") });
    }
    let mut found = all(client, &symbols, &asks, options).await?.into_iter();
    let adjusted = found.next().unwrap_or_default();
    let raw = found.next();
    if let Some(raw) = &raw {
        same_sessions(&symbols, &adjusted, raw)?;
    }
    let sessions = sessions(&symbols, &adjusted)?;
    Ok(assemble(&symbols, &sessions, &adjusted, raw.as_deref()))
}

/// A daily bar's time is midnight in New York and both bounds are inclusive, so the end is the last
/// session's own midnight: not in the future even on the day itself, which the free plan would refuse.
fn daily(from: Date, through: Date, options: &FetchOptions, adjustment: &str) -> Ask {
    Ask {
        source: Source::Stocks {
            feed: options.feed.clone(),
            adjustment: adjustment.to_owned(),
            asof: options.asof,
        },
        timeframe: "1Day".to_owned(),
        start: midnight(from),
        end: midnight(through),
        only_close: false,
    }
}

fn midnight(session: Date) -> Time {
    alpaca::time::session_time(session, civil::Time::midnight())
}

/// The session of each time that occurs, ascending.
fn sessions(symbols: &[Symbol], columns: &[Columns]) -> Result<BTreeMap<i64, Date>, IngestError> {
    let mut sessions = BTreeMap::new();
    let mut before: &[i64] = &[];
    for (symbol, columns) in symbols.iter().zip(columns) {
        // Most have bars of the same days.
        if columns.time == before {
            continue;
        }
        before = &columns.time;
        for time in before {
            if sessions.contains_key(time) {
                continue;
            }
            let session = alpaca::time::session_date(Time(*time));
            if midnight(session).0 != *time {
                let at = alpaca::time::utc(Time(*time));
                return Err(IngestError::NotDaily { symbol: symbol.clone(), at });
            }
            sessions.insert(*time, session);
        }
    }
    Ok(sessions)
}

/// Adjusted and raw prices must be of the same sessions.
fn same_sessions(
    symbols: &[Symbol],
    adjusted: &[Columns],
    raw: &[Columns],
) -> Result<(), IngestError> {
    for ((symbol, adjusted), raw) in symbols.iter().zip(adjusted).zip(raw) {
        if adjusted.time == raw.time {
            continue;
        }
        let [here, there]: [BTreeSet<i64>; 2] =
            [adjusted, raw].map(|columns| columns.time.iter().copied().collect());
        let lone = here.symmetric_difference(&there).next().expect("they differ");
        let words = ("with adjusted prices", "with raw ones");
        let (present, absent) = if here.contains(lone) { words } else { (words.1, words.0) };
        let session = alpaca::time::session_date(Time(*lone));
        return Err(IngestError::RawMismatch { symbol: symbol.clone(), session, present, absent });
    }
    Ok(())
}

/// Cross-sections from columns, each row with its raw close.
fn assemble(
    symbols: &[Symbol],
    sessions: &BTreeMap<i64, Date>,
    adjusted: &[Columns],
    raw: Option<&[Columns]>,
) -> Vec<Bars> {
    let mut next = vec![0; symbols.len()];
    let mut history = Vec::with_capacity(sessions.len());
    for (time, session) in sessions {
        let mut bars = with_room(*session, symbols.len());
        for (at, columns) in adjusted.iter().enumerate() {
            let row = next[at];
            if columns.time.get(row) != Some(time) {
                continue;
            }
            next[at] += 1;
            let [open, high, low, close, volume] = columns.row(row);
            let raw_close = raw.map_or(close, |raw| raw[at].close[row]);
            bars.push(symbols[at].clone(), [open, high, low, close, volume, raw_close]);
        }
        history.push(bars);
    }
    history
}

/// Exact room: over thousands of sessions, doubling would cost as much again.
fn with_room(session: Date, symbols: usize) -> Bars {
    let room = || Vec::<f64>::with_capacity(symbols).into();
    Bars {
        session,
        symbols: Vec::with_capacity(symbols),
        open: room(),
        high: room(),
        low: room(),
        close: room(),
        volume: room(),
        raw_close: room(),
    }
}
