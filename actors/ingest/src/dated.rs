//! A universe with dates: who was a member from when to when, in which sector. A CSV or Parquet file in one of two forms:
//!
//! ```text
//! symbol,sector,from,through            symbol,sector,snapshot
//! META,Technology,2013-12-23,2018-09-27    AAPL,Technology,2016-01-04
//! META,Communication Services,2018-09-28,  AAPL,Technology,2017-01-03
//! ```
//!
//! On the left a row is a time of membership in one sector, both days included; without `through` it goes on. On the right
//! the rows of a day are the whole list of that day, which holds until the next: who is not on that one has left. Nothing
//! is known before the first day, and nothing is inferred. A name is the one of the row's first day, or the present one.

use crate::import::ImportError;
use crate::manifest::Mapped;
use crate::symbols::present;
use crate::table::Table;
use messages::{Date, Listed, Symbol};
use std::collections::BTreeMap;
use std::path::Path;

/// The column that makes a universe a dated one, by form.
const FORMS: [&str; 2] = ["from", "snapshot"];
/// What people write where they know no sector.
const NO_SECTOR: [&str; 8] = ["unknown", "n/a", "na", "nan", "none", "null", "-", "?"];

/// Does the file at `path` have dates of membership?
pub fn is_dated(path: &Path) -> Result<bool, ImportError> {
    let table = Table::read(path)?;
    Ok(FORMS.iter().any(|column| table.has(column)))
}

/// A row of the file, by its place in it.
struct Row {
    at: usize,
    listed: Listed,
}

/// Rows ascending by symbol and day, and the labels that are not our symbols.
///
/// # Errors
/// A column or cell is missing, a day is none, `through` lies before `from`, a sector is none or written in two ways, a
/// name is a member twice at a time: by line, with what to do.
pub(crate) fn read(path: &Path) -> Result<(Vec<Listed>, Vec<Mapped>), ImportError> {
    let table = Table::read(path)?;
    if FORMS.iter().all(|column| table.has(column)) {
        let columns = FORMS.join(" and ");
        return Err(ImportError::TwoForms { path: path.to_owned(), columns });
    }
    let labels = table.texts("symbol")?;
    if labels.is_empty() {
        return Err(ImportError::Empty { path: path.to_owned() });
    }
    let sectors = sectors(&table)?;
    let spells = if table.has("snapshot") { snapshots(&table, &labels)? } else { spells(&table)? };
    let (mut rows, mut mapped) = (Vec::with_capacity(labels.len()), Vec::new());
    for (at, (label, sector)) in labels.into_iter().zip(sectors).enumerate() {
        let (from, through) = spells[at];
        let symbol = present(&label, from);
        if symbol.as_str() != label {
            mapped.push(Mapped { from: label, to: symbol.clone() });
        }
        rows.push(Row { at, listed: Listed { symbol, from, through, sector } });
    }
    rows.sort_by(|a, b| a.listed.cmp(&b.listed));
    apart(&table, &rows)?;
    mapped.sort();
    mapped.dedup();
    Ok((joined(rows), mapped))
}

/// Of each row; one way of writing for each.
fn sectors(table: &Table) -> Result<Vec<String>, ImportError> {
    let sectors = table.texts("sector")?;
    let mut known: BTreeMap<String, (&String, usize)> = BTreeMap::new();
    for (row, sector) in sectors.iter().enumerate() {
        if NO_SECTOR.contains(&sector.to_lowercase().as_str()) {
            let problem =
                "is no sector: find it, or delete the row of a name whose sector nobody knows";
            return Err(table.bad_cell(row, "sector", sector, problem));
        }
        let plain = sector.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
        let (first, at) = *known.entry(plain.to_lowercase()).or_insert((sector, row));
        if first != sector {
            return Err(ImportError::TwoSpellings {
                path: table.path().to_owned(),
                place: table.place(row),
                sector: sector.clone(),
                first: first.clone(),
                other: table.place(at),
            });
        }
    }
    Ok(sectors)
}

type Days = (Date, Option<Date>);

fn spells(table: &Table) -> Result<Vec<Days>, ImportError> {
    let from = days(table, "from")?;
    let through = table.texts_or_empty("through")?;
    let spell = |(row, (from, through)): (usize, (Date, String))| {
        let last =
            if through.is_empty() { None } else { Some(day(table, row, "through", &through)?) };
        match last {
            Some(last) if last < from => {
                let problem = "lies before `from`: correct one of them";
                Err(table.bad_cell(row, "through", &through, problem))
            }
            last => Ok((from, last)),
        }
    };
    from.into_iter().zip(through).enumerate().map(spell).collect()
}

/// From the list's day to the eve of the next list.
fn snapshots(table: &Table, labels: &[String]) -> Result<Vec<Days>, ImportError> {
    let days = days(table, "snapshot")?;
    let mut lists: BTreeMap<Date, BTreeMap<Symbol, usize>> = BTreeMap::new();
    for (row, (day, label)) in days.iter().zip(labels).enumerate() {
        let list = lists.entry(*day).or_default();
        let symbol = present(label, *day);
        if let Some(first) = list.insert(symbol.clone(), row) {
            return Err(twice(table, symbol, first, row));
        }
    }
    let lists: Vec<Date> = lists.into_keys().collect();
    let eve = |day: &Date| {
        let next = lists.partition_point(|list| list <= day);
        lists.get(next).and_then(|next| next.yesterday().ok())
    };
    Ok(days.iter().map(|day| (*day, eve(day))).collect())
}

fn days(table: &Table, column: &str) -> Result<Vec<Date>, ImportError> {
    let cells = table.texts(column)?;
    cells.iter().enumerate().map(|(row, cell)| day(table, row, column, cell)).collect()
}

fn day(table: &Table, row: usize, column: &str, cell: &str) -> Result<Date, ImportError> {
    let problem = "is no date: write it as 2024-03-08";
    cell.parse().map_err(|_| table.bad_cell(row, column, cell, problem))
}

/// Nobody is a member twice at a time: neighbours are enough to see it, as rows ascend.
fn apart(table: &Table, rows: &[Row]) -> Result<(), ImportError> {
    for pair in rows.windows(2) {
        let (a, b) = (&pair[0].listed, &pair[1].listed);
        if a.symbol == b.symbol && a.through.is_none_or(|through| b.from <= through) {
            return Err(twice(table, a.symbol.clone(), pair[0].at, pair[1].at));
        }
    }
    Ok(())
}

fn twice(table: &Table, symbol: Symbol, a: usize, b: usize) -> ImportError {
    let (first, second) = (table.place(a.min(b)), table.place(a.max(b)));
    ImportError::Overlap { path: table.path().to_owned(), symbol, first, second }
}

/// What goes on in the same sector is one row.
fn joined(rows: Vec<Row>) -> Vec<Listed> {
    let mut joined: Vec<Listed> = Vec::with_capacity(rows.len());
    for Row { listed, .. } in rows {
        let goes_on = |last: &&mut Listed| {
            let next = last.through.and_then(|through| through.tomorrow().ok());
            last.symbol == listed.symbol
                && last.sector == listed.sector
                && next == Some(listed.from)
        };
        match joined.last_mut().filter(goes_on) {
            Some(last) => last.through = listed.through,
            None => joined.push(listed),
        }
    }
    joined
}
