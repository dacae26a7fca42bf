//! A sector snapshot: `symbol`, `sector`, and the day it speaks for in a column `as_of` or at the end
//! of `source` (`gics_sp500_2024-03-05`).

use crate::import::ImportError;
use crate::table::Table;
use crate::universe::unique_symbols;
use messages::{Date, Symbol};
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sectors {
    pub sector: BTreeMap<Symbol, String>,
    /// `None`: the file does not say.
    pub as_of: Option<Date>,
}

/// # Errors
/// No such file or column, an empty cell, a symbol twice.
pub fn read(path: &Path) -> Result<Sectors, ImportError> {
    let table = Table::read(path)?;
    let symbols = unique_symbols(&table)?;
    let sector = symbols.into_iter().zip(table.texts("sector")?).collect();
    Ok(Sectors { sector, as_of: as_of(&table)? })
}

/// The newest day that any row names: what a snapshot knows, it knew by then.
fn as_of(table: &Table) -> Result<Option<Date>, ImportError> {
    let Some(column) = ["as_of", "source"].into_iter().find(|column| table.has(column)) else {
        return Ok(None);
    };
    let last_ten = |text: &String| text.get(text.len().checked_sub(10)?..)?.parse().ok();
    Ok(table.texts(column)?.iter().filter_map(last_ten).max())
}
