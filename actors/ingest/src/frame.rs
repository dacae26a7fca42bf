//! Between bars and polars: the only file that knows the columns of `prices.parquet`.

use crate::foreign::guarded;
use crate::inspection::Inspection;
use crate::series::Series;
use jiff::{Span, civil::date};
use messages::{Bars, Date, Symbol};
use polars::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Write};

/// Days from 1970-01-01, as Parquet stores a date.
pub(crate) fn day_of(date: Date) -> i32 {
    let since = date.since(self::date(1970, 1, 1)).expect("days between two dates");
    since.get_days()
}

/// The inverse of [`day_of`]; `None` outside the years a date can have.
pub(crate) fn date_of(day: i32) -> Option<Date> {
    date(1970, 1, 1).checked_add(Span::new().try_days(day).ok()?).ok()
}

/// Where the file itself says what the gate said of it (JSON of `Option<Inspection>`), so that the hash of
/// its bytes covers that too.
const GATE: &str = "aurora.gate";

/// What [`to_parquet`] was told; `None` of a file that says nothing.
#[expect(clippy::option_option, reason = "nothing said, and said that no gate was passed, differ")]
pub(crate) fn gate(bytes: &[u8]) -> Result<Option<Option<Inspection>>, String> {
    let metadata = guarded(|| {
        let mut reader = ParquetReader::new(Cursor::new(bytes));
        reader.get_metadata().cloned().map_err(|error| error.to_string())
    })?;
    let entries = metadata.key_value_metadata().iter().flatten();
    let said = entries.filter(|entry| entry.key == GATE).find_map(|entry| entry.value.as_deref());
    said.map(|json| serde_json::from_str(json).map_err(|error| format!("{GATE}: {error}")))
        .transpose()
}

/// Rows of a row group, more or less: whole sessions of them. So small that a file is written and read
/// with little memory beside the history, so large that a group compresses as well as the whole.
const GROUP_ROWS: usize = 1 << 17;

/// Writes `history` row group by row group.
pub(crate) fn to_parquet(
    history: &[Bars],
    gate: Option<&Inspection>,
    out: impl Write,
) -> PolarsResult<()> {
    in_groups(history, gate, out, GROUP_ROWS)
}

fn in_groups(
    history: &[Bars],
    gate: Option<&Inspection>,
    out: impl Write,
    rows_max: usize,
) -> PolarsResult<()> {
    let json = serde_json::to_string(&gate).expect("an inspection is plain data");
    let said = KeyValueMetadata::from_static(vec![(GATE.to_owned(), json)]);
    let writer = writer(out)?.with_key_value_metadata(Some(said));
    let mut writer = writer.batched(rows(&[])?.schema())?;
    let mut left = history;
    while !left.is_empty() {
        let mut count = 0;
        let fits = |bars: &&Bars| {
            count += bars.symbols.len();
            count <= rows_max
        };
        // A session is never torn apart.
        let (group, rest) = left.split_at(left.iter().take_while(fits).count().max(1));
        writer.write_batch(&rows(group)?)?;
        left = rest;
    }
    writer.finish().map(drop)
}

/// The lowest level of zstd: prices hardly compress, and the higher ones take the time of a fetch.
fn writer<W: Write>(out: W) -> PolarsResult<ParquetWriter<W>> {
    let level = polars::polars_utils::compression::ZstdLevel::try_new(1)?;
    Ok(ParquetWriter::new(out).with_compression(ParquetCompression::Zstd(Some(level))))
}

/// A frame of some sessions.
fn rows(sessions: &[Bars]) -> PolarsResult<DataFrame> {
    let rows: usize = sessions.iter().map(|bars| bars.symbols.len()).sum();
    let symbols = StringChunked::from_iter_values(
        "symbol".into(),
        sessions.iter().flat_map(|bars| bars.symbols.iter().map(Symbol::as_str)),
    );
    let days = sessions
        .iter()
        .flat_map(|bars| std::iter::repeat_n(day_of(bars.session), bars.symbols.len()));
    let days = Int32Chunked::from_vec("session".into(), days.collect()).into_date();
    let mut columns = vec![symbols.into_column(), days.into_column()];
    for (index, name) in FIELDS.into_iter().enumerate() {
        let mut values = Vec::with_capacity(rows);
        for bars in sessions {
            values.extend_from_slice(crate::store::columns(bars)[index].1);
        }
        columns.push(Column::new(name.into(), values));
    }
    DataFrame::new(rows, columns)
}

pub(crate) fn series_to_parquet(series: &Series, out: impl Write) -> PolarsResult<()> {
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
    let mut frame = DataFrame::new(rows, columns)?;
    writer(out)?.finish(&mut frame).map(drop)
}

/// The inverse of [`series_to_parquet`]; whether the rows ascend is for the caller to check.
pub(crate) fn series_from_parquet(bytes: &[u8]) -> Result<Series, String> {
    let mut frame = guarded(|| {
        ParquetReader::new(Cursor::new(bytes)).finish().map_err(|error| error.to_string())
    })?;
    frame.rechunk_mut();
    let values = &FIELDS[..5];
    let names = || ["symbol", "time", "session"].into_iter().chain(values.iter().copied());
    let columns = Columns::of(&frame, names())?;
    let labels: Vec<&str> = columns.get("symbol").str().map_err(mistyped)?.no_null_iter().collect();
    let known: BTreeSet<&str> = labels.iter().copied().collect();
    let places: BTreeMap<&str, u32> = known.into_iter().zip(0..).collect();
    let times = columns.get("time").datetime().map_err(mistyped)?.physical();
    let days = columns.get("session").date().map_err(mistyped)?.physical();
    let day = |day| date_of(day).ok_or_else(|| format!("session {day} is no date"));
    let mut series = Series {
        symbols: places.keys().copied().map(Symbol::from).collect(),
        symbol: labels.iter().map(|label| places[label]).collect(),
        time: times.no_null_iter().collect(),
        session: days.no_null_iter().map(day).collect::<Result<_, _>>()?,
        values: Default::default(),
    };
    for (held, name) in series.values.iter_mut().zip(values) {
        *held = columns.get(name).f64().map_err(mistyped)?.no_null_iter().collect();
    }
    Ok(series)
}

const FIELDS: [&str; 6] = ["open", "high", "low", "close", "volume", "raw_close"];
/// Of `prices.parquet`.
const COLUMNS: [&str; 8] =
    ["symbol", "session", "open", "high", "low", "close", "volume", "raw_close"];

/// Rows as they stand, a new cross-section wherever the session changes; whether that is a history
/// is for the caller to check. A row group at a time, wherever they end.
pub(crate) fn from_parquet(bytes: &[u8]) -> Result<Vec<Bars>, String> {
    let text = |error: PolarsError| error.to_string();
    let (metadata, columns) = guarded(|| {
        let mut whole = ParquetReader::new(Cursor::new(bytes));
        let columns = whole.schema().map_err(text)?;
        let ours = |name: &&PlSmallStr| COLUMNS.contains(&name.as_str());
        let columns: Vec<_> = columns.iter_names().filter(ours).map(ToString::to_string).collect();
        Ok((whole.get_metadata().map_err(text)?.clone(), columns))
    })?;
    let mut history = Vec::new();
    let mut read = |from, rows| {
        let mut frame = guarded(|| {
            let mut reader = ParquetReader::new(Cursor::new(bytes)).with_slice(Some((from, rows)));
            reader.set_metadata(metadata.clone());
            reader.with_columns(Some(columns.clone())).finish().map_err(text)
        })?;
        frame.rechunk_mut();
        append(&mut history, &frame)
    };
    // Without a row the columns must be there all the same.
    read(0, 0)?;
    let mut from = 0;
    for group in &metadata.row_groups {
        read(from, group.num_rows())?;
        from += group.num_rows();
    }
    Ok(history)
}

/// Adds the rows of `frame`; its first ones may belong to the last session so far.
fn append(history: &mut Vec<Bars>, frame: &DataFrame) -> Result<(), String> {
    let columns = Columns::of(frame, COLUMNS)?;
    let symbols = columns.get("symbol").str().map_err(mistyped)?;
    let days = columns.get("session").date().map_err(mistyped)?.physical();
    let days = days.cont_slice().map_err(mistyped)?;
    let mut fields: [&[f64]; 6] = [&[]; 6];
    for (field, name) in fields.iter_mut().zip(FIELDS) {
        *field = columns.get(name).f64().and_then(|c| c.cont_slice()).map_err(mistyped)?;
    }
    let mut symbols = symbols.no_null_iter();
    let mut from = 0;
    for run in days.chunk_by(|a, b| a == b) {
        let session = date_of(run[0]).ok_or_else(|| format!("session {} is no date", run[0]))?;
        if history.last().is_none_or(|last: &Bars| last.session != session) {
            history.push(Bars::empty(session));
        }
        let bars = history.last_mut().expect("one was pushed");
        let rows = from..from + run.len();
        bars.symbols.reserve_exact(run.len());
        bars.symbols.extend(symbols.by_ref().take(run.len()).map(Symbol::from));
        let [open, high, low, close, volume, raw_close] = fields.map(|field| &field[rows.clone()]);
        for (column, values) in [
            (&mut bars.open, open),
            (&mut bars.high, high),
            (&mut bars.low, low),
            (&mut bars.close, close),
            (&mut bars.volume, volume),
            (&mut bars.raw_close, raw_close),
        ] {
            column.reserve_exact(values.len());
            column.extend_from_slice(values);
        }
        from = rows.end;
    }
    Ok(())
}

/// Columns that are there and have no nulls.
struct Columns<'a>(&'a DataFrame);

impl<'a> Columns<'a> {
    fn of(
        frame: &'a DataFrame,
        names: impl IntoIterator<Item = &'static str>,
    ) -> Result<Self, String> {
        for name in names {
            let column = frame.column(name).map_err(|_| format!("column {name} is missing"))?;
            match column.null_count() {
                0 => {}
                count => return Err(format!("column {name} has {count} nulls")),
            }
        }
        Ok(Self(frame))
    }

    fn get(&self, name: &str) -> &'a Column {
        self.0.column(name).expect("looked up by `of`")
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn mistyped(error: PolarsError) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;
    use proptest::prelude::*;

    /// Some sessions, each with one to eight of the names.
    fn histories() -> impl Strategy<Value = Vec<Bars>> {
        let session = proptest::collection::vec(1.0..500.0_f64, 1..9);
        proptest::collection::vec(session, 0..12).prop_map(|sessions| {
            let day = |(at, prices): (i64, Vec<f64>)| {
                let mut bars = Bars::empty(date(2024, 1, 2) + at.days());
                for (name, price) in ["A", "B", "BRK.B", "C", "D", "E", "F", "G"].iter().zip(prices)
                {
                    bars.push((*name).into(), [1.0, 1.5, 0.5, 0.25, 1e6, 4.0].map(|f| f * price));
                }
                bars
            };
            (0..).zip(sessions).map(day).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

        /// What is read, and its hash, are the same however the rows are grouped.
        #[test]
        fn row_groups_are_nobodys_business(history in histories(), rows_max in 1..40_usize) {
            let mut bytes = Vec::new();
            in_groups(&history, None, &mut bytes, rows_max).unwrap();
            let mut reader = ParquetReader::new(Cursor::new(&bytes));
            let groups = reader.get_metadata().unwrap().row_groups.len();
            let rows: usize = history.iter().map(|bars| bars.symbols.len()).sum();
            prop_assert!(groups >= rows.div_ceil(rows_max.max(8)) && groups <= history.len());
            let read = from_parquet(&bytes).unwrap();
            prop_assert_eq!(messages::history_sha256(&read), messages::history_sha256(&history));
            prop_assert_eq!(read, history);
            prop_assert_eq!(gate(&bytes), Ok(Some(None)));
        }

        /// Other people's files tear sessions apart.
        #[test]
        fn a_session_may_lie_in_two_row_groups(history in histories(), size in 1..6_usize) {
            let mut bytes = Vec::new();
            let writer = ParquetWriter::new(&mut bytes).with_row_group_size(Some(size));
            writer.finish(&mut rows(&history).unwrap()).unwrap();
            prop_assert_eq!(from_parquet(&bytes).unwrap(), history);
        }
    }

    #[test]
    fn a_file_without_rows_must_have_the_columns() {
        let mut bytes = Vec::new();
        let mut frame = rows(&[]).unwrap();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        assert_eq!(from_parquet(&bytes), Ok(Vec::new()));
        frame.drop_in_place("volume").unwrap();
        bytes.clear();
        ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
        assert_eq!(from_parquet(&bytes), Err("column volume is missing".to_owned()));
    }
}
