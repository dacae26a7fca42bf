//! A CSV or Parquet file of somebody else's, by column; errors name file, line or row, and column.

use crate::csv;
use crate::foreign::{self, Header};
use crate::frame;
use crate::import::ImportError;
use jiff::civil::{DateTime, Weekday};
use jiff::{Timestamp, tz::TimeZone};
use messages::Date;
use polars::prelude::*;
use std::path::{Path, PathBuf};

pub(crate) struct Table {
    path: PathBuf,
    /// All columns of the file, in their order.
    headers: Vec<Header>,
    /// The columns that are wanted and can be read.
    frame: DataFrame,
    is_text: bool,
}

impl Table {
    pub(crate) fn read(path: &Path) -> Result<Self, ImportError> {
        Self::parse(path, &bytes_of(path)?)
    }

    /// Of a Parquet file only these columns, whatever else is in it.
    pub(crate) fn read_columns(path: &Path, wanted: &[&str]) -> Result<Self, ImportError> {
        Self::new(path, &bytes_of(path)?, |name| wanted.contains(&name))
    }

    pub(crate) fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ImportError> {
        Self::new(path, bytes, |_| true)
    }

    /// By content: Parquet says so in its first bytes, anything else must be a CSV with a header.
    fn new(path: &Path, bytes: &[u8], wanted: impl Fn(&str) -> bool) -> Result<Self, ImportError> {
        let is_text = !bytes.starts_with(b"PAR1");
        let read = if is_text { csv::read(bytes) } else { foreign::read(bytes, wanted) };
        let unreadable = |detail| ImportError::Unreadable { path: path.to_owned(), detail };
        let (headers, frame) = read.map_err(unreadable)?;
        Ok(Self { path: path.to_owned(), headers, frame, is_text })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn has(&self, column: &str) -> bool {
        self.names().any(|name| name == column)
    }

    /// Of all columns, in their order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|header| header.name.as_str())
    }

    /// The one of `names` that is there, to be read as `kind`.
    fn column(&self, names: &[&str], kind: &'static str) -> Result<&Column, ImportError> {
        let there: Vec<&Header> =
            self.headers.iter().filter(|header| names.contains(&header.name.as_str())).collect();
        let path = || self.path.clone();
        match there[..] {
            [] => {
                let (column, found) = (names.join(" or "), self.names().collect::<Vec<_>>());
                let found = found.join(", ");
                Err(ImportError::MissingColumn { path: path(), column, found })
            }
            [Header { name, unreadable: Some(found) }] => {
                let (column, found) = (name.clone(), found.clone());
                Err(ImportError::Mistyped { path: path(), column, found, kind })
            }
            [Header { name, .. }] => self.frame.column(name).map_err(|error| {
                ImportError::Unreadable { path: path(), detail: error.to_string() }
            }),
            _ => {
                let columns: Vec<&str> = there.iter().map(|header| header.name.as_str()).collect();
                Err(ImportError::Ambiguous { path: path(), columns: columns.join(" and ") })
            }
        }
    }

    /// Text cells, none of them empty.
    pub(crate) fn texts(&self, name: &str) -> Result<Vec<String>, ImportError> {
        let column = self.column(&[name], TEXT)?;
        let text = column.cast(&DataType::String).map_err(|_| self.mistyped(column, TEXT))?;
        let text = text.str().map_err(|_| self.mistyped(column, TEXT))?;
        let cell = |(row, cell): (usize, Option<&str>)| match cell.map(str::trim) {
            Some(cell) if !cell.is_empty() => Ok(cell.to_owned()),
            _ => Err(self.bad_cell(row, name, "", "is empty: fill it in or delete the row")),
        };
        text.iter().enumerate().map(cell).collect()
    }

    /// Text cells of a column that may be absent, or empty in any row.
    pub(crate) fn texts_or_empty(&self, name: &str) -> Result<Vec<String>, ImportError> {
        if !self.has(name) {
            return Ok(vec![String::new(); self.frame.height()]);
        }
        let column = self.column(&[name], TEXT)?;
        let text = column.cast(&DataType::String).map_err(|_| self.mistyped(column, TEXT))?;
        let text = text.str().map_err(|_| self.mistyped(column, TEXT))?;
        Ok(text.iter().map(|cell| cell.unwrap_or_default().trim().to_owned()).collect())
    }

    /// Numbers of any width; an empty cell is NaN.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<f64>, ImportError> {
        let column = self.column(&[name], NUMBER)?;
        if let Ok(text) = column.str() {
            let cell = |(row, cell): (usize, Option<&str>)| match cell.map_or("", str::trim) {
                "" => Ok(f64::NAN),
                cell => cell
                    .parse()
                    .map_err(|_| self.bad_cell(row, name, cell, "is not a number: correct it")),
            };
            return text.iter().enumerate().map(cell).collect();
        }
        if !column.dtype().is_primitive_numeric() {
            return Err(self.mistyped(column, NUMBER));
        }
        let numbers = column.cast(&DataType::Float64).map_err(|_| self.mistyped(column, NUMBER))?;
        let numbers = numbers.f64().map_err(|_| self.mistyped(column, NUMBER))?;
        Ok(numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect())
    }

    /// Sessions as days from 1970-01-01, from whichever of `names` is there.
    pub(crate) fn days(&self, names: &[&str]) -> Result<Vec<i32>, ImportError> {
        let column = self.column(names, DAY)?;
        let name = column.name().as_str();
        let absent = |row| self.bad_cell(row, name, "", "is empty: every row needs a session");
        if let Ok(dates) = column.date() {
            let known = frame::day_of(Date::MIN)..=frame::day_of(Date::MAX);
            let cell = |(row, day): (usize, Option<i32>)| match day {
                None => Err(absent(row)),
                Some(day) if known.contains(&day) => Ok(day),
                Some(day) => Err(self.bad_cell(row, name, &format!("day {day}"), NO_SESSION)),
            };
            return dates.physical().iter().enumerate().map(cell).collect();
        }
        if let DataType::Datetime(unit, zone) = column.dtype() {
            return self.instants(column, *unit, zone.is_some());
        }
        let text = column.str().map_err(|_| self.mistyped(column, DAY))?;
        let mut last: (&str, i32) = ("", 0);
        let cells = text.iter().enumerate().map(|(row, cell)| {
            let cell =
                cell.map(str::trim).filter(|cell| !cell.is_empty()).ok_or_else(|| absent(row))?;
            if last.0 != cell {
                let session =
                    session(cell).ok_or_else(|| self.bad_cell(row, name, cell, NO_SESSION))?;
                last = (cell, frame::day_of(session));
            }
            Ok(last.1)
        });
        cells.collect()
    }

    /// Timestamps of a Parquet file: instants if they have a zone, else wall times.
    fn instants(
        &self,
        column: &Column,
        unit: TimeUnit,
        zoned: bool,
    ) -> Result<Vec<i32>, ImportError> {
        let name = column.name().as_str();
        let nanos: i128 = match unit {
            TimeUnit::Nanoseconds => 1,
            TimeUnit::Microseconds => 1_000,
            TimeUnit::Milliseconds => 1_000_000,
        };
        let ticks = column.datetime().map_err(|_| self.mistyped(column, DAY))?;
        let mut last = (None, 0);
        let cells = ticks.physical().iter().enumerate().map(|(row, tick)| {
            if tick.is_none() || last.0 != tick {
                let at = tick.and_then(|t| Timestamp::from_nanosecond(i128::from(t) * nanos).ok());
                let session =
                    at.and_then(|at| if zoned { session_of(at) } else { wall_session(at) });
                let value = at.map_or(String::new(), |at| at.to_string());
                let session =
                    session.ok_or_else(|| self.bad_cell(row, name, &value, NO_SESSION))?;
                last = (tick, frame::day_of(session));
            }
            Ok(last.1)
        });
        cells.collect()
    }

    /// See [`place`].
    pub(crate) fn place(&self, row: usize) -> String {
        place(self.is_text, row)
    }

    /// A CSV file, with a header before its rows.
    pub(crate) fn is_text(&self) -> bool {
        self.is_text
    }

    pub(crate) fn bad_cell(
        &self,
        row: usize,
        column: &str,
        value: &str,
        problem: &'static str,
    ) -> ImportError {
        ImportError::BadCell {
            path: self.path.clone(),
            place: self.place(row),
            column: column.to_owned(),
            value: value.to_owned(),
            problem,
        }
    }

    /// As [`Table::bad_cell`], in whichever of the columns `names` is there.
    pub(crate) fn bad_day(
        &self,
        row: usize,
        names: &[&str],
        value: &str,
        problem: &'static str,
    ) -> ImportError {
        match self.column(names, DAY) {
            Ok(column) => self.bad_cell(row, column.name(), value, problem),
            Err(error) => error,
        }
    }

    fn mistyped(&self, column: &Column, kind: &'static str) -> ImportError {
        let (column, found) = (column.name().to_string(), column.dtype().to_string());
        ImportError::Mistyped { path: self.path.clone(), column, found, kind }
    }
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, ImportError> {
    std::fs::read(path).map_err(|source| ImportError::Io { path: path.to_owned(), source })
}

/// `line 7` or `row 7`: a person finds line 7 of a CSV and row 7 of a Parquet file.
pub(crate) fn place(is_text: bool, row: usize) -> String {
    if is_text { format!("line {}", row + 2) } else { format!("row {}", row + 1) }
}

const TEXT: &str = "text";
const NUMBER: &str = "an integer or a 64-bit float";
const DAY: &str = "a date, a timestamp or text";
const NO_SESSION: &str =
    "is no session: write a weekday's date (2024-03-08), or its midnight in New York as RFC 3339";

/// The session a daily bar's time speaks of: a date, a date at midnight, or an instant that is
/// midnight in New York. Any other instant is ambiguous (midnight UTC is the evening before there).
pub(crate) fn session(text: &str) -> Option<Date> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return session_of(instant);
    }
    weekday(text.parse().ok()?)
}

/// The date of an instant that is midnight in New York.
pub(crate) fn session_of(instant: Timestamp) -> Option<Date> {
    weekday(instant.to_zoned(new_york()).datetime())
}

/// The date of a wall time (kept as if it were UTC) that is midnight.
fn wall_session(time: Timestamp) -> Option<Date> {
    weekday(time.to_zoned(TimeZone::UTC).datetime())
}

/// The date of midnight on a day on which an exchange can be open.
fn weekday(time: DateTime) -> Option<Date> {
    let weekend = matches!(time.weekday(), Weekday::Saturday | Weekday::Sunday);
    (time.time() == jiff::civil::Time::midnight() && !weekend).then(|| time.date())
}

/// The exchange's zone, from the database compiled in: the same everywhere.
pub(crate) fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").expect("bundled with jiff")
}

#[cfg(test)]
mod tests {
    use super::{Table, session};
    use jiff::civil::date;
    use std::path::Path;

    /// Which of the two would count?
    #[test]
    fn a_column_that_is_there_twice_is_refused() {
        let error = |text: &str| match Table::parse(Path::new("bars.csv"), text.as_bytes()) {
            Ok(_) => panic!("{text} was read"),
            Err(error) => error.to_string(),
        };
        for text in [
            "symbol,date,close,volume,close\nA,2024-01-02,10,1,11\n",
            "\"close\",symbol,close\n1,A,2\n",
            "symbol,close, close \r\nA,1,2\r\n",
            "\u{feff}close,close\n1,2\n",
            "close,close",
        ] {
            let said = error(text);
            assert!(said.contains("bars.csv") && said.contains("\"close\" twice"), "{said}");
        }
        let table = Table::parse(Path::new("b"), b"close,close_duplicated_0,a,,\n1,2,3,,\n");
        assert_eq!(table.unwrap().numbers("close_duplicated_0").unwrap(), [2.0]);
    }

    #[test]
    fn sessions_are_new_york_dates() {
        let day = Some(date(2024, 3, 8));
        assert_eq!(session("2024-03-08"), day);
        assert_eq!(session("2024-03-08 00:00:00"), day);
        assert_eq!(session("2024-03-08T05:00:00Z"), day, "winter");
        assert_eq!(session("2024-03-08 00:00:00-05:00"), day);
        assert_eq!(session("2024-07-08T04:00:00Z"), Some(date(2024, 7, 8)), "summer");
        for ambiguous in ["2024-03-08T00:00:00Z", "2024-07-08T05:00:00Z", "2024-03-08T16:00:00"] {
            assert_eq!(session(ambiguous), None, "{ambiguous}");
        }
        for nonsense in ["", "2024-03-09", "08/03/2024", "2024-02-30", "yesterday"] {
            assert_eq!(session(nonsense), None, "{nonsense}");
        }
    }
}
