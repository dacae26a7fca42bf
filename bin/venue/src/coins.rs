//! Daily bars of coins from a CSV.

use messages::{Bars, Date, Symbol};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

const COLUMNS: [&str; 7] = ["symbol", "date", "open", "high", "low", "close", "volume"];

#[derive(Debug, Error)]
pub(crate) enum CoinsError {
    #[error("reading {path}: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("{path} has no column {column}: it needs {COLUMNS:?}")]
    NoColumn { path: PathBuf, column: &'static str },
    #[error("{path} line {line}: {text:?} is no {what}")]
    BadValue { path: PathBuf, line: usize, what: &'static str, text: String },
    #[error("{path}: {symbol} has two bars on {date}; keep one")]
    Twice { path: PathBuf, symbol: Symbol, date: Date },
}

/// One entry per day, ascending; the columns in any order, others beside them.
pub(crate) fn read(path: &Path) -> Result<Vec<Bars>, CoinsError> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|source| CoinsError::Io { path: path.to_owned(), source })?;
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let mut places = [0; COLUMNS.len()];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let found = names.iter().position(|name| *name == column);
        let missing = || CoinsError::NoColumn { path: path.to_owned(), column };
        *place = found.ok_or_else(missing)?;
    }
    let mut days: BTreeMap<Date, BTreeMap<Symbol, [f64; 6]>> = BTreeMap::new();
    for (number, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let (symbol, date, values) = row(line, places).map_err(|(what, text)| {
            CoinsError::BadValue { path: path.to_owned(), line: number + 2, what, text }
        })?;
        if days.entry(date).or_default().insert(symbol.clone(), values).is_some() {
            return Err(CoinsError::Twice { path: path.to_owned(), symbol, date });
        }
    }
    let bars = days.into_iter().map(|(date, rows)| {
        let mut bars = Bars::empty(date);
        for (symbol, values) in rows {
            bars.push(symbol, values);
        }
        bars
    });
    Ok(bars.collect())
}

type Row = (Symbol, Date, [f64; 6]);

/// Or what could not be read, and its text.
fn row(line: &str, places: [usize; 7]) -> Result<Row, (&'static str, String)> {
    let cells: Vec<&str> = line.split(',').map(str::trim).collect();
    let cell = |at: usize| cells.get(places[at]).copied().unwrap_or_default();
    let wrong = |at: usize, what| (what, cell(at).to_owned());
    let number = |at: usize| {
        let value: Option<f64> = cell(at).parse().ok().filter(|value: &f64| value.is_finite());
        value.ok_or_else(|| wrong(at, "number"))
    };
    let pair = cell(0).split_once('/').filter(|(base, quote)| !base.is_empty() && *quote == "USD");
    pair.ok_or_else(|| wrong(0, "pair with the dollar, like BTC/USD"))?;
    let date = cell(1).parse().map_err(|_| wrong(1, "date"))?;
    let close = number(5)?;
    let values = [number(2)?, number(3)?, number(4)?, close, number(6)?, close];
    Ok((Symbol::from(cell(0)), date, values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn of(text: &str) -> Result<Vec<Bars>, CoinsError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        read(file.path())
    }

    #[test]
    fn days_ascend_whatever_the_order_of_the_lines() {
        let days = of("date,symbol,open,high,low,close,volume,src\n\
             2024-01-02,ETH/USD,2300,2400,2250,2380,12.5,0\n\
             2024-01-01,BTC/USD,42000,43000,41000,42500,1.25,0\n\
             2024-01-02,BTC/USD,42500,44000,42400,43900,2,0\n");
        let days = days.unwrap();
        assert_eq!(days.len(), 2);
        assert_eq!(days[1].symbols, [Symbol::from("BTC/USD"), Symbol::from("ETH/USD")]);
        assert_eq!((days[1].close[1], days[1].volume[1]), (2380.0, 12.5));
    }

    #[test]
    fn what_is_no_bar_is_named() {
        let head = "symbol,date,open,high,low,close,volume\n";
        let refused = |rows: &str| of(&format!("{head}{rows}")).unwrap_err().to_string();
        assert!(refused("BTCUSDT,2024-01-01,1,1,1,1,1\n").contains("\"BTCUSDT\" is no pair"));
        assert!(refused("BTC/USD,yesterday,1,1,1,1,1\n").contains("line 2"));
        assert!(refused("BTC/USD,2024-01-01,1,1,1,nan,1\n").contains("\"nan\" is no number"));
        let twice = "BTC/USD,2024-01-01,1,1,1,1,1\n".repeat(2);
        assert!(refused(&twice).contains("two bars on 2024-01-01"));
        assert!(of("symbol,date\n").unwrap_err().to_string().contains("no column open"));
    }
}
