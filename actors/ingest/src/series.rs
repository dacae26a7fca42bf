//! Bars of any timeframe, of stocks or of pairs of coins: for research, not for the daily line, which
//! reads `prices.parquet` alone.
//!
//! A file has the columns `symbol`, `time` (UTC, nanoseconds: the bar's left edge), `session` (the date
//! in New York; of pairs the date in UTC), `open`, `high`, `low`, `close`, `volume`; sorted by time, then
//! symbol. Beside it stands a manifest of the same kind as that of `prices.parquet`. A stored past is never
//! overwritten in silence, see [`write`].

use crate::decode::Columns;
use crate::defect::{Defect, defect};
use crate::error::IngestError;
use crate::fetch::FetchOptions;
use crate::frame;
use crate::lock::Lock;
use crate::manifest::{
    Manifest, Origin, Provenance, Restatement, SCHEMA_VERSION, Staged, file_and_manifests, hex,
    replace,
};
use crate::pages::{Ask, Source, all};
use crate::snapshots;
use crate::store::StoreError;
use crate::table::new_york;
use alpaca::Client;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};
use messages::{Date, Symbol, Time};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt::{self, Write};
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

/// The bars of `symbols` with a left edge from `start` to `end`, both inclusive, that are finished at
/// `now`: one that is still growing would be a number that nobody can fetch again.
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
    now: Time,
    options: &FetchOptions,
) -> Result<Series, IngestError> {
    let unique: BTreeSet<&Symbol> = symbols.iter().collect();
    let symbols: Vec<Symbol> = unique.into_iter().cloned().collect();
    let unknown = || IngestError::Timeframe { timeframe: timeframe.to_owned() };
    let length = length(timeframe).ok_or_else(unknown)?;
    let zone = match market {
        Market::Stocks => new_york(),
        Market::Crypto { .. } => TimeZone::UTC,
    };
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
    let mut columns = found.pop().unwrap_or_default();
    for bars in &mut columns {
        *bars = finished(bars, length, &zone, now);
    }
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

/// How long a bar is: `5Min`, `1Hour`, `1Day`, `1Week`, `3Month`, or with T, H, D, W, M.
fn length(timeframe: &str) -> Option<Span> {
    let digits = timeframe.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = timeframe.split_at(digits);
    let number: i64 = number.parse().ok().filter(|number| (1..=59).contains(number))?;
    Some(match unit {
        "Min" | "T" => number.minutes(),
        "Hour" | "H" => number.hours(),
        "Day" | "D" => number.days(),
        "Week" | "W" => number.weeks(),
        "Month" | "M" => number.months(),
        _ => return None,
    })
}

/// The bars whose right edge has come: days and longer end at midnight in `zone`, as a daily bar counts
/// trades after hours too.
fn finished(bars: &Columns, length: Span, zone: &TimeZone, now: Time) -> Columns {
    let mut kept = Columns::default();
    for at in 0..bars.len() {
        let start = timestamp(bars.time[at]).to_zoned(zone.clone());
        let end = start.checked_add(length).map(|end| end.timestamp());
        if end.is_ok_and(|end| end <= timestamp(now.0)) {
            kept.push(bars.time[at], bars.row(at));
        }
    }
    kept
}

fn timestamp(time: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time)).expect("every i64 is a timestamp")
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
    timestamp(time).to_zoned(TimeZone::UTC).date()
}

/// The file at `path`, ascending by time, then symbol.
///
/// # Errors
/// It is absent, not what its manifest vouches for, or no series.
pub fn read(path: &Path) -> Result<Series, StoreError> {
    Ok(stored(path)?.0)
}

fn stored(path: &Path) -> Result<(Series, Option<Manifest>), StoreError> {
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let (bytes, manifest) = file_and_manifests(path)?;
    let series = frame::series_from_parquet(&bytes).map_err(corrupt)?;
    let ascends = (1..series.time.len()).all(|row| series.key(row - 1) < series.key(row));
    if ascends { Ok((series, manifest)) } else { Err(corrupt("rows out of order".to_owned())) }
}

/// Replaces the file at `path` whole, and says what was written. What is stored must be in `series`, bit for
/// bit: a series may grow at both ends and by symbols, anything else is a changed past. A reason to
/// `restate` replaces it all the same: the old file goes into a snapshot, with a list of what changed.
///
/// # Errors
/// A stored bar is another one now or lacks; the file is from another source; the disk refuses. The old
/// file is then untouched.
pub fn write(
    path: &Path,
    series: &Series,
    origin: impl Into<Origin>,
    restate: Option<&str>,
) -> Result<Manifest, StoreError> {
    let mut origin = origin.into();
    let lock = Lock::of(path)?;
    if path.exists() {
        match (stored(path), restate) {
            (Ok((old, manifest)), None) => {
                unchanged(path, &old.changes(series), manifest.as_ref(), &origin)?;
                origin.restated = manifest.and_then(|known| known.origin.restated);
            }
            (Ok((old, _)), Some(reason)) => {
                let changes = old.changes(series);
                if let Some(place) = snapshots::keep(&lock, path)? {
                    replace(&place.join("differences.csv"), csv(&changes).as_bytes())?;
                }
                origin.restated = Some(Restatement {
                    reason: reason.to_owned(),
                    differences: changes.len() as u64,
                    replaced_sha256: content_sha256(&old),
                    damaged: None,
                });
            }
            (Err(error), Some(reason)) if error.is_damage() => {
                origin.restated = Some(snapshots::keep_damaged(&lock, path, reason, &error)?.1);
            }
            (Err(error), _) => return Err(error),
        }
    }
    let mut file = Staged::new(&lock, path)?;
    frame::series_to_parquet(series, &mut file)
        .map_err(|error| StoreError::Unfit(format!("parquet: {error}")))?;
    file.publish(&[], |file_sha256| Manifest {
        schema: SCHEMA_VERSION,
        origin,
        rows: series.time.len() as u64,
        sessions: series.session.chunk_by(|a, b| a == b).count() as u32,
        symbols: series.symbols.len() as u32,
        first_session: series.session.first().copied(),
        last_session: series.session.last().copied(),
        content_sha256: content_sha256(series),
        file_sha256,
    })
}

/// Shown in an error; the rest is counted.
const SHOWN: usize = 20;

fn unchanged(
    path: &Path,
    changes: &[Change],
    manifest: Option<&Manifest>,
    now: &Origin,
) -> Result<(), StoreError> {
    let kind = |origin: &Origin| {
        let Provenance { source, feed, adjustment, .. } = &origin.provenance;
        let asof = origin.asof.map_or_else(String::new, |asof| format!(", names of {asof}"));
        format!("{source} (feed {feed:?}, adjustment {adjustment:?}{asof})")
    };
    if let Some(stored) = manifest.map(|manifest| kind(&manifest.origin))
        && stored != kind(now)
    {
        return Err(StoreError::OtherSource { path: path.to_owned(), stored, now: kind(now) });
    }
    if changes.is_empty() {
        return Ok(());
    }
    let mut listed: Vec<String> =
        changes.iter().take(SHOWN).map(|change| format!("  {change}")).collect();
    if changes.len() > SHOWN {
        listed.push(format!("  and {} more", changes.len() - SHOWN));
    }
    let (path, count) = (path.to_owned(), changes.len());
    Err(StoreError::SeriesChanged { path, count, listed: listed.join("\n") })
}

/// A stored number that is another one now.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    symbol: Symbol,
    time: i64,
    field: &'static str,
    stored: f64,
    /// `None`: there is no such bar any more.
    now: Option<f64>,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { symbol, time, field, stored, now } = self;
        let at = alpaca::time::utc(Time(*time));
        let now = now.map_or("absent".to_owned(), |now| now.to_string());
        write!(f, "{symbol} at {at}: {field} stored {stored}, now {now}")
    }
}

fn csv(changes: &[Change]) -> String {
    let mut text = "symbol,time,field,stored,now\n".to_owned();
    for Change { symbol, time, field, stored, now } in changes {
        let now = now.map_or(String::new(), |now| now.to_string());
        writeln!(text, "{symbol},{},{field},{stored},{now}", alpaca::time::utc(Time(*time)))
            .expect("into memory");
    }
    text
}

impl Series {
    /// What rows are sorted by; each is there once.
    fn key(&self, row: usize) -> (i64, &Symbol) {
        (self.time[row], &self.symbols[self.symbol[row] as usize])
    }

    /// What is stored here and otherwise in `now`; of a bar that is gone, its open.
    fn changes(&self, now: &Series) -> Vec<Change> {
        const FIELDS: [&str; 5] = ["open", "high", "low", "close", "volume"];
        let (mut found, mut there) = (Vec::new(), 0);
        for row in 0..self.time.len() {
            let (time, symbol) = self.key(row);
            while there < now.time.len() && now.key(there) < (time, symbol) {
                there += 1;
            }
            let held = there < now.time.len() && now.key(there) == (time, symbol);
            for (field, column) in FIELDS.iter().zip(0..) {
                let stored = self.values[column][row];
                let value = held.then(|| now.values[column][there]);
                if value.map(f64::to_bits) != Some(stored.to_bits()) {
                    found.push(Change { symbol: symbol.clone(), time, field, stored, now: value });
                }
                if !held {
                    break;
                }
            }
        }
        found
    }
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
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn only_finished_bars_are_kept() {
        let zone = new_york();
        let at = |day, hour, minute| {
            let time = date(2024, 3, day).at(hour, minute, 0, 0).to_zoned(new_york()).unwrap();
            i64::try_from(time.timestamp().as_nanosecond()).unwrap()
        };
        let kept = |timeframe: &str, start: i64, now: i64| {
            let mut bars = Columns::default();
            bars.push(start, [1.0; 5]);
            finished(&bars, length(timeframe).unwrap(), &zone, Time(now)).len() == 1
        };
        for (timeframe, start, end) in [
            ("5Min", at(8, 10, 30), at(8, 10, 35)),
            ("1Hour", at(8, 10, 0), at(8, 11, 0)),
            ("1Day", at(8, 0, 0), at(9, 0, 0)),
            // 23 hours: the clocks change.
            ("1Day", at(10, 0, 0), at(11, 0, 0)),
            ("1Week", at(4, 0, 0), at(11, 0, 0)),
            ("1M", at(1, 0, 0), at(31, 24 - 1, 60 - 1) + 60_000_000_000),
        ] {
            assert!(kept(timeframe, start, end), "{timeframe}");
            assert!(!kept(timeframe, start, end - 1), "{timeframe}");
        }
        for strange in ["", "Day", "0Min", "60Min", "1min", "1Year"] {
            assert!(length(strange).is_none(), "{strange}");
        }
    }
}
