//! Who may be traded, and each member's sector: two CSV files coming in, `universe.json` kept beside
//! the prices.

use crate::import::ImportError;
use crate::manifest::{read_optional, replace};
use crate::store::StoreError;
use crate::symbols::spelling;
use crate::table::Table;
use messages::{Date, Member, Symbol, sha256_hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The members of a universe with one sector snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Universe {
    /// The day the sectors speak for: one snapshot, not a history.
    pub sectors_as_of: Date,
    /// Of `members` and `sectors_as_of`: what `SessionOpened` vouches for.
    pub sha256: String,
    /// Ascending by symbol.
    pub members: Vec<Member>,
}

impl Universe {
    /// Members in any order, each once.
    pub fn new(mut members: Vec<Member>, sectors_as_of: Date) -> Self {
        members.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        let sha256 = snapshot_sha256(&members, sectors_as_of);
        Self { sectors_as_of, sha256, members }
    }
}

fn snapshot_sha256(members: &[Member], as_of: Date) -> String {
    let line = |Member { symbol, sector }: &Member| format!("{symbol}\t{sector}\n");
    let lines: String = members.iter().map(line).collect();
    sha256_hex(format!("{as_of}\n{lines}").as_bytes())
}

/// `prices.parquet` → `universe.json` in the same folder.
pub fn universe_path(prices: &Path) -> PathBuf {
    prices.with_file_name("universe.json")
}

pub fn write_universe(path: &Path, universe: &Universe) -> Result<(), StoreError> {
    replace(path, &serde_json::to_vec_pretty(universe).expect("a universe is plain data"))
}

/// # Errors
/// Absent; not a universe; not the one that was written.
pub fn read_universe(path: &Path) -> Result<Universe, StoreError> {
    let Some(bytes) = read_optional(path)? else {
        return Err(StoreError::Absent { path: path.to_owned() });
    };
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let universe: Universe =
        serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if universe.members.is_empty() {
        return Err(corrupt("it has no members".into()));
    }
    if !universe.members.windows(2).all(|pair| pair[0].symbol < pair[1].symbol) {
        return Err(corrupt("its members are not ascending, each once".into()));
    }
    let sha256 = snapshot_sha256(&universe.members, universe.sectors_as_of);
    if sha256 != universe.sha256 {
        return Err(corrupt(format!("its content has sha256 {sha256}, not {}", universe.sha256)));
    }
    Ok(universe)
}

/// The symbols of a universe file, ascending: its column `symbol`; the others are of no concern here.
///
/// # Errors
/// No such file or column, an empty cell, a symbol twice, no symbol at all.
pub fn read(path: &Path) -> Result<Vec<Symbol>, ImportError> {
    let mut symbols = unique_symbols(&Table::read(path)?)?;
    if symbols.is_empty() {
        return Err(ImportError::Empty { path: path.to_owned() });
    }
    symbols.sort();
    Ok(symbols)
}

/// The column `symbol` in our spelling, in the file's order.
pub(crate) fn unique_symbols(table: &Table) -> Result<Vec<Symbol>, ImportError> {
    let symbols: Vec<_> = table.texts("symbol")?.iter().map(|label| spelling(label)).collect();
    let mut seen = BTreeSet::new();
    match symbols.iter().position(|symbol| !seen.insert(symbol)) {
        None => Ok(symbols),
        Some(row) => Err(ImportError::Repeated {
            path: table.path().to_owned(),
            place: table.place(row),
            symbol: symbols[row].clone(),
        }),
    }
}
