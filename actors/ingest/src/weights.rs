//! Target weights of somebody else's, CSV or Parquet: what a user's own signals want to hold, by date and symbol.
//!
//! *Wide*: a column `date` (or `session`, `timestamp`) and a column per symbol, a row per date, ascending. An empty
//! cell is refused: 0 says that nothing shall be held. *Long*: columns `date`, `symbol` and `weight`, rows in any
//! order; a date's rows are its whole book, a symbol that is absent there has weight 0. A file with columns `symbol`
//! and `weight` is long. Weights are signed fractions of the account's equity: 0.02 is 2 % long.
//!
//! Symbols are ours, or as Yahoo writes them (`BRK-B`). Whether they and the dates have bars is for the caller.

use crate::frame;
use crate::import::ImportError;
use crate::symbols::spelling;
use crate::table::Table;
use messages::{Date, Symbol, sha256_hex};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use thiserror::Error;

const DAYS: [&str; 3] = ["session", "date", "timestamp"];

/// A row per date, a column per symbol.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// Ascending.
    pub dates: Vec<Date>,
    /// Ascending.
    pub symbols: Vec<Symbol>,
    /// By rows; all finite.
    values: Vec<f64>,
    /// Of the file's bytes.
    pub sha256: String,
}

/// What is wrong with a file of weights, where, and what to do about it.
#[derive(Debug, Error)]
pub enum WeightsError {
    #[error(transparent)]
    File(#[from] ImportError),
    #[error(
        "{}: no column of weights: name a column per symbol (wide), or date, symbol and weight (long)",
        path.display()
    )]
    NoSymbols { path: PathBuf },
    #[error("{}: it has no rows: there is nothing to trade", path.display())]
    Empty { path: PathBuf },
    #[error("{}: {symbol} has two columns: delete one", path.display())]
    SymbolTwice { path: PathBuf, symbol: Symbol },
    #[error("{}, {place}: {date} stands there a second time: delete one of the two rows", path.display())]
    DateTwice { path: PathBuf, place: String, date: Date },
    #[error("{}, {place}: {symbol} on {date} stands there a second time: delete one", path.display())]
    CellTwice { path: PathBuf, place: String, symbol: Symbol, date: Date },
    #[error("{}, {place}: {date} comes after {before}: sort the rows by date", path.display())]
    Unsorted { path: PathBuf, place: String, date: Date, before: Date },
}

impl Weights {
    /// # Errors
    /// See [`WeightsError`].
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        let bytes = std::fs::read(path).map_err(io)?;
        let sha256 = sha256_hex(&bytes);
        let table = Table::parse(path, &bytes)?;
        let weights = if table.has("symbol") && table.has("weight") {
            long(&table, sha256)?
        } else {
            wide(&table, sha256)?
        };
        if weights.dates.is_empty() {
            return Err(WeightsError::Empty { path: path.to_owned() });
        }
        Ok(weights)
    }

    /// The weights of a date, in the order of `symbols`.
    pub fn row(&self, at: usize) -> &[f64] {
        let width = self.symbols.len();
        &self.values[at * width..(at + 1) * width]
    }

    /// Sum of absolute weights of a date.
    pub fn gross(&self, at: usize) -> f64 {
        self.row(at).iter().map(|weight| weight.abs()).sum()
    }
}

fn wide(table: &Table, sha256: String) -> Result<Weights, WeightsError> {
    let path = || table.path().to_owned();
    let dates = ascending(table)?;
    let day = DAYS.into_iter().find(|name| table.has(name));
    let mut columns: BTreeMap<Symbol, Vec<f64>> = BTreeMap::new();
    for name in table.names().filter(|name| Some(*name) != day) {
        let symbol = spelling(name);
        if columns.insert(symbol.clone(), weights(table, name)?).is_some() {
            return Err(WeightsError::SymbolTwice { path: path(), symbol });
        }
    }
    if columns.is_empty() {
        return Err(WeightsError::NoSymbols { path: path() });
    }
    let row = |at: usize| columns.values().map(move |column| column[at]);
    let values = (0..dates.len()).flat_map(row).collect();
    Ok(Weights { dates, values, symbols: columns.into_keys().collect(), sha256 })
}

fn ascending(table: &Table) -> Result<Vec<Date>, WeightsError> {
    let days = table.days(&DAYS)?;
    let (path, place) = (|| table.path().to_owned(), |row: usize| table.place(row));
    for (pair, row) in days.windows(2).zip(1..) {
        let (before, date) = (date(pair[0]), date(pair[1]));
        if before == date {
            return Err(WeightsError::DateTwice { path: path(), place: place(row), date });
        }
        if before > date {
            return Err(WeightsError::Unsorted { path: path(), place: place(row), date, before });
        }
    }
    Ok(days.into_iter().map(date).collect())
}

fn long(table: &Table, sha256: String) -> Result<Weights, WeightsError> {
    let days = table.days(&DAYS)?;
    let labels = table.texts("symbol")?;
    let cells = weights(table, "weight")?;
    let row_of = index(&days);
    let names: Vec<Symbol> = labels.iter().map(|label| spelling(label)).collect();
    let column_of = index(&names);
    let mut values = vec![f64::NAN; row_of.len() * column_of.len()];
    for (row, ((day, name), weight)) in days.iter().zip(&names).zip(&cells).enumerate() {
        let cell = &mut values[row_of[day] * column_of.len() + column_of[name]];
        if !cell.is_nan() {
            let (path, place) = (table.path().to_owned(), table.place(row));
            let (symbol, date) = (name.clone(), date(*day));
            return Err(WeightsError::CellTwice { path, place, symbol, date });
        }
        *cell = *weight;
    }
    values.iter_mut().filter(|weight| weight.is_nan()).for_each(|weight| *weight = 0.0);
    let dates = row_of.into_keys().map(|day| date(*day)).collect();
    Ok(Weights { dates, values, symbols: column_of.into_keys().cloned().collect(), sha256 })
}

/// Where each distinct item stands when they are sorted.
fn index<T: Ord>(items: &[T]) -> BTreeMap<&T, usize> {
    let mut places: BTreeMap<&T, usize> = items.iter().map(|item| (item, 0)).collect();
    places.values_mut().zip(0..).for_each(|(place, at)| *place = at);
    places
}

fn weights(table: &Table, name: &str) -> Result<Vec<f64>, WeightsError> {
    let cells = table.numbers(name)?;
    match cells.iter().position(|weight| !weight.is_finite()) {
        None => Ok(cells),
        Some(row) => {
            let problem = "is no weight: write 0 where nothing shall be held";
            Err(table.bad_cell(row, name, &cells[row].to_string(), problem).into())
        }
    }
}

fn date(day: i32) -> Date {
    frame::date_of(day).expect("days come from dates")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Weights, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.csv");
        std::fs::write(&path, text).unwrap();
        Weights::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn wide_and_long_say_the_same() {
        let wide = read("date,MSFT,BRK-B\n2024-03-07,0.5,-0.25\n2024-03-08,0,1e-3\n").unwrap();
        assert_eq!(wide.symbols, ["BRK.B".into(), "MSFT".into()]);
        assert_eq!((wide.row(0), wide.row(1)), (&[-0.25, 0.5][..], &[1e-3, 0.0][..]));
        assert_eq!(wide.gross(0), 0.75);
        let long = read(
            "symbol,weight,date\nBRK.B,0.001,2024-03-08\nMSFT,0.5,2024-03-07\nBRK.B,-0.25,2024-03-07\n",
        )
        .unwrap();
        assert_eq!(
            (long.dates, long.symbols, long.values),
            (wide.dates, wide.symbols, wide.values)
        );
        assert_ne!(long.sha256, wide.sha256);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_place_and_its_remedy() {
        for (text, said) in [
            ("date,A\n2024-03-07,\n", "line 2, column A: \"NaN\" is no weight: write 0"),
            ("date,A\n2024-03-07,nan\n", "is no weight"),
            ("date,A\n2024-03-07,inf\n", "\"inf\" is no weight"),
            ("date,A\n2024-03-07,x\n", "line 2, column A: \"x\" is not a number"),
            ("date,A\n2024-03-09,1\n", "\"2024-03-09\" is no session"),
            ("date,A\n2024-03-07,1\n2024-03-07,1\n", "line 3: 2024-03-07 stands there a second"),
            ("date,A\n2024-03-08,1\n2024-03-07,1\n", "line 3: 2024-03-07 comes after 2024-03-08"),
            ("date,BRK.B,BRK-B\n2024-03-08,1,1\n", "BRK.B has two columns"),
            ("date\n2024-03-08\n", "no column of weights"),
            ("date,A\n", "it has no rows"),
            ("day,A\n2024-03-08,1\n", "column session or date or timestamp is missing"),
            (
                "date,symbol,weight\n2024-03-08,A,1\n2024-03-08,A,1\n",
                "line 3: A on 2024-03-08 stands there a second time",
            ),
            ("date,symbol,weight\n2024-03-08,,1\n", "column symbol: \"\" is empty"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(said), "{text:?}: {error}");
        }
    }
}
