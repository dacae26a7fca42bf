//! Between bars and polars: the only file that knows the columns of `prices.parquet`.

use crate::inspection::Inspection;
use crate::series::Series;
use jiff::{ToSpan, civil::date};
use messages::{Bars, Date, Symbol};
use polars::prelude::*;
use std::io::Cursor;

/// Days from 1970-01-01, as Parquet stores a date.
pub(crate) fn day_of(date: Date) -> i32 {
    let since = date.since(self::date(1970, 1, 1)).expect("days between two dates");
    since.get_days()
}

/// The inverse of [`day_of`]; `None` outside the years a date can have.
pub(crate) fn date_of(day: i32) -> Option<Date> {
    date(1970, 1, 1).checked_add(day.days()).ok()
}

/// Where the file itself says what the gate said of it (JSON of `Option<Inspection>`), so that the hash of
/// its bytes covers that too.
const GATE: &str = "aurora.gate";

/// What [`to_parquet`] was told; `None` of a file that says nothing.
#[expect(clippy::option_option, reason = "nothing said, and said that no gate was passed, differ")]
pub(crate) fn gate(bytes: &[u8]) -> Result<Option<Option<Inspection>>, String> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let metadata = reader.get_metadata().map_err(|error| error.to_string())?;
    let entries = metadata.key_value_metadata().iter().flatten();
    let said = entries.filter(|entry| entry.key == GATE).find_map(|entry| entry.value.as_deref());
    said.map(|json| serde_json::from_str(json).map_err(|error| format!("{GATE}: {error}")))
        .transpose()
}

pub(crate) fn to_parquet(history: &[Bars], gate: Option<&Inspection>) -> PolarsResult<Vec<u8>> {
    let rows: usize = history.iter().map(|bars| bars.symbols.len()).sum();
    let symbols = StringChunked::from_iter_values(
        "symbol".into(),
        history.iter().flat_map(|bars| bars.symbols.iter().map(Symbol::as_str)),
    );
    let days = history
        .iter()
        .flat_map(|bars| std::iter::repeat_n(day_of(bars.session), bars.symbols.len()));
    let sessions = Int32Chunked::from_vec("session".into(), days.collect()).into_date();
    let mut columns = vec![symbols.into_column(), sessions.into_column()];
    for (index, name) in FIELDS.into_iter().enumerate() {
        let mut values = Vec::with_capacity(rows);
        for bars in history {
            values.extend_from_slice(crate::store::columns(bars)[index].1);
        }
        columns.push(Column::new(name.into(), values));
    }
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new(rows, columns)?;
    let json = serde_json::to_string(&gate).expect("an inspection is plain data");
    let said = KeyValueMetadata::from_static(vec![(GATE.to_owned(), json)]);
    ParquetWriter::new(&mut bytes).with_key_value_metadata(Some(said)).finish(&mut frame)?;
    Ok(bytes)
}

pub(crate) fn series_to_parquet(series: &Series) -> PolarsResult<Vec<u8>> {
    let rows = series.time.len();
    let names = series.symbol.iter().map(|at| series.symbols[*at as usize].as_str());
    let symbols = StringChunked::from_iter_values("symbol".into(), names);
    let times = Int64Chunked::from_vec("time".into(), series.time.clone());
    let times = times.into_datetime(TimeUnit::Nanoseconds, Some(TimeZone::UTC));
    let days = series.session.iter().map(|session| day_of(*session)).collect();
    let sessions = Int32Chunked::from_vec("session".into(), days).into_date();
    let mut columns = vec![symbols.into_column(), times.into_column(), sessions.into_column()];
    for (name, values) in FIELDS.into_iter().zip(&series.values) {
        columns.push(Column::new(name.into(), values));
    }
    let mut bytes = Vec::new();
    let mut frame = DataFrame::new(rows, columns)?;
    ParquetWriter::new(&mut bytes).finish(&mut frame)?;
    Ok(bytes)
}

const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "raw_close"];

/// Rows as they stand, a new cross-section wherever the session changes; whether that is a history
/// is for the caller to check.
pub(crate) fn from_parquet(bytes: Vec<u8>) -> Result<Vec<Bars>, String> {
    let mut frame = ParquetReader::new(Cursor::new(bytes)).finish().map_err(|e| e.to_string())?;
    frame.rechunk_mut();
    let column = |name: &str| frame.column(name).map_err(|_| format!("column {name} is missing"));
    for name in ["symbol", "session"].into_iter().chain(FIELDS) {
        match column(name)?.null_count() {
            0 => {}
            count => return Err(format!("column {name} has {count} nulls")),
        }
    }
    let mistyped = |error: PolarsError| error.to_string();
    let symbols = column("symbol")?.str().map_err(mistyped)?;
    let days = column("session")?.date().map_err(mistyped)?.physical();
    let days = days.cont_slice().map_err(mistyped)?;
    let mut fields: [&[f64]; 6] = [&[]; 6];
    for (field, name) in fields.iter_mut().zip(FIELDS) {
        *field = column(name)?.f64().and_then(|c| c.cont_slice()).map_err(mistyped)?;
    }
    let mut symbols = symbols.no_null_iter();
    let mut from = 0;
    let mut history = Vec::new();
    for run in days.chunk_by(|a, b| a == b) {
        let rows = from..from + run.len();
        let [open, high, low, close, volume, raw_close] =
            fields.map(|field| field[rows.clone()].to_vec().into());
        history.push(Bars {
            session: date_of(run[0]).ok_or_else(|| format!("session {} is no date", run[0]))?,
            symbols: symbols.by_ref().take(run.len()).map(Symbol::from).collect(),
            open,
            high,
            low,
            close,
            volume,
            raw_close,
        });
        from = rows.end;
    }
    Ok(history)
}
