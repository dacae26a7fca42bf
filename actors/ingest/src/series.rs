//! Bars of any timeframe, of stocks or of pairs of coins: for research, not for the daily line, which
//! reads `prices.parquet` alone.
//!
//! A file has the columns `symbol`, `time` (UTC, nanoseconds: the bar's left edge), `session` (the date
//! in New York; of pairs the date in UTC), `open`, `high`, `low`, `close`, `volume`; sorted by time, then
//! symbol. Beside it stands a manifest of the same kind as that of `prices.parquet`.

use crate::decode::Columns;
use crate::defect::{Defect, defect};
use crate::error::IngestError;
use crate::fetch::FetchOptions;
use crate::frame;
use crate::manifest::{Manifest, Origin, SCHEMA_VERSION, write_both};
use crate::pages::{Ask, Source, all};
use crate::store::StoreError;
use alpaca::Client;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use messages::{Date, Symbol, Time, sha256_hex};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// Where bars come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Market {
    /// With feed and adjustment of [`FetchOptions`].
    Stocks,
    /// Symbols are pairs, `BTC/USD`. `us` is Alpaca's own exchange.
    Crypto { location: String },
}

/// Bars, ascending by time, then symbol.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    pub symbols: Vec<Symbol>,
    /// Index into `symbols`.
    pub symbol: Vec<u32>,
    pub time: Vec<i64>,
    pub session: Vec<Date>,
    /// Open, high, low, close, volume.
    pub values: [Vec<f64>; 5],
}

/// The bars of `symbols` with a left edge from `start` to `end`, both inclusive.
///
/// # Errors
/// Any answer that is missing, ambiguous or contradicts itself; a bar that can't be; a symbol without
/// any. Then there are no bars at all.
pub async fn fetch(
    client: &Client,
    market: &Market,
    symbols: &[Symbol],
    timeframe: &str,
    (start, end): (Time, Time),
    options: &FetchOptions,
) -> Result<Series, IngestError> {
    let unique: BTreeSet<&Symbol> = symbols.iter().collect();
    let symbols: Vec<Symbol> = unique.into_iter().cloned().collect();
    let source = match market {
        Market::Stocks => Source::Stocks {
            feed: options.feed.clone(),
            adjustment: options.adjustment.clone(),
            asof: options.asof,
        },
        Market::Crypto { location } => Source::Crypto { location: location.clone() },
    };
    let ask = Ask { source, timeframe: timeframe.to_owned(), start, end, only_close: false };
    let mut found = all(client, &symbols, &[ask], options).await?;
    let columns = found.pop().unwrap_or_default();
    let without = symbols.iter().zip(&columns).filter(|(_, bars)| bars.len() == 0);
    let without: Vec<String> = without.map(|(symbol, _)| symbol.to_string()).collect();
    if !without.is_empty() {
        let (from, through) = (alpaca::time::utc(start), alpaca::time::utc(end));
        return Err(IngestError::Nothing { symbols: without, from, through });
    }
    for (symbol, bars) in symbols.iter().zip(&columns) {
        sound(symbol, bars)?;
    }
    Ok(assemble(symbols, &columns, market))
}

/// A bar without volume is one that was built from quotes; anything else must hold.
fn sound(symbol: &Symbol, bars: &Columns) -> Result<(), IngestError> {
    for at in 0..bars.len() {
        let [open, high, low, close, volume] = bars.row(at);
        match defect([open, high, low, close, volume, close]) {
            None | Some(Defect::NoVolume(0.0)) => {}
            Some(defect) => {
                let at = alpaca::time::utc(Time(bars.time[at]));
                let detail = defect.to_string();
                return Err(IngestError::Unsound { symbol: symbol.clone(), at, detail });
            }
        }
    }
    Ok(())
}

fn assemble(symbols: Vec<Symbol>, columns: &[Columns], market: &Market) -> Series {
    let keys = |(symbol, bars): (usize, &Columns)| {
        let times = bars.time.iter().enumerate();
        times.map(move |(row, time)| (*time, symbol as u32, row as u32)).collect::<Vec<_>>()
    };
    let mut order: Vec<(i64, u32, u32)> = columns.iter().enumerate().flat_map(keys).collect();
    order.sort_unstable();
    let mut series = Series { symbols, ..Series::default() };
    for (time, symbol, row) in order {
        series.symbol.push(symbol);
        series.time.push(time);
        series.session.push(match market {
            Market::Stocks => alpaca::time::session_date(Time(time)),
            Market::Crypto { .. } => utc_date(time),
        });
        for (column, value) in
            series.values.iter_mut().zip(columns[symbol as usize].row(row as usize))
        {
            column.push(value);
        }
    }
    series
}

fn utc_date(time: i64) -> Date {
    let at = Timestamp::from_nanosecond(i128::from(time)).expect("every i64 is a timestamp");
    at.to_zoned(TimeZone::UTC).date()
}

/// Replaces the file at `path` whole, and says what was written.
///
/// # Errors
/// The disk refuses; the old file is then untouched.
pub fn write(
    path: &Path,
    series: &Series,
    origin: impl Into<Origin>,
) -> Result<Manifest, StoreError> {
    let bytes = frame::series_to_parquet(series)
        .map_err(|error| StoreError::Unfit(format!("parquet: {error}")))?;
    let manifest = Manifest {
        schema: SCHEMA_VERSION,
        origin: origin.into(),
        rows: series.time.len() as u64,
        sessions: series.session.chunk_by(|a, b| a == b).count() as u32,
        symbols: series.symbols.len() as u32,
        first_session: series.session.first().copied(),
        last_session: series.session.last().copied(),
        content_sha256: content_sha256(series),
        file_sha256: sha256_hex(&bytes),
    };
    write_both(path, &bytes, &manifest)?;
    Ok(manifest)
}

/// The same for the same numbers, whoever wrote the file.
fn content_sha256(series: &Series) -> String {
    let mut hash = Sha256::new();
    for row in 0..series.time.len() {
        hash.update(series.symbols[series.symbol[row] as usize].as_str());
        hash.update(series.time[row].to_le_bytes());
        for column in &series.values {
            hash.update(column[row].to_le_bytes());
        }
    }
    hash.finalize().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("into memory");
        text
    })
}
