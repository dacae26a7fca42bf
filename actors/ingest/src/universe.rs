//! Who may be traded, and each member's sector: two CSV files coming in, `universe.json` kept beside
//! the prices.

use crate::import::ImportError;
use crate::lock::Lock;
use crate::manifest::{Companions, Mapped, companion, read_optional, replace};
use crate::sectors::{self, Sectors};
use crate::store::StoreError;
use crate::symbols::{present, spelling};
use crate::table::Table;
use messages::{Date, Member, Symbol, sha256_hex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
    let _lock = Lock::of(path)?;
    replace(path, &json(universe))
}

pub(crate) fn json(universe: &Universe) -> Vec<u8> {
    serde_json::to_vec_pretty(universe).expect("a universe is plain data")
}

/// The universe that the prices at `prices` were written with.
///
/// # Errors
/// As [`read_universe`]; it is another one.
pub fn universe_of(prices: &Path) -> Result<Universe, StoreError> {
    let path = universe_path(prices);
    match companion(prices, &path, Companions::universe)? {
        Some(bytes) => parse(&path, &bytes),
        None => Err(StoreError::Absent { path }),
    }
}

/// # Errors
/// Absent; not a universe; not the one that was written.
pub fn read_universe(path: &Path) -> Result<Universe, StoreError> {
    match read_optional(path)? {
        Some(bytes) => parse(path, &bytes),
        None => Err(StoreError::Absent { path: path.to_owned() }),
    }
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Universe, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let universe: Universe =
        serde_json::from_slice(bytes).map_err(|error| corrupt(error.to_string()))?;
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

/// The symbols of a universe file of the day `on`, ascending by present name, each with its label there;
/// the column `symbol`, the others are of no concern here.
///
/// # Errors
/// No such file or column, an empty cell, a symbol twice (also under two names), no symbol at all.
pub fn read(path: &Path, on: Date) -> Result<Vec<(Symbol, String)>, ImportError> {
    let table = Table::read(path)?;
    let mut symbols: BTreeMap<Symbol, String> = BTreeMap::new();
    for (row, label) in table.texts("symbol")?.into_iter().enumerate() {
        let symbol = present(&label, on);
        if symbols.insert(symbol.clone(), label).is_some() {
            let (path, place) = (table.path().to_owned(), table.place(row));
            return Err(ImportError::Repeated { path, place, symbol });
        }
    }
    if symbols.is_empty() {
        return Err(ImportError::Empty { path: path.to_owned() });
    }
    Ok(symbols.into_iter().collect())
}

/// The members of the universe file at `path`, with their sectors from `sectors` (by default the same
/// file), and what their labels were taken for where they differ. `as_of`: the day the files speak for;
/// by default what the sectors say.
///
/// # Errors
/// As [`read`]; a member has no sector; nobody says which day is meant.
pub fn read_members(
    path: &Path,
    sectors: Option<&Path>,
    as_of: Option<Date>,
) -> Result<(Universe, Vec<Mapped>), ImportError> {
    let from = sectors.unwrap_or(path);
    let Sectors { sector, as_of: said } = sectors::read(from)?;
    let as_of = as_of.or(said);
    let as_of = as_of.ok_or_else(|| ImportError::NoSectorDate { path: from.to_owned() })?;
    let (mut members, mut mapped, mut lacking) = (Vec::new(), Vec::new(), Vec::new());
    for (symbol, label) in read(path, as_of)? {
        match sector.get(&spelling(&label)).or_else(|| sector.get(&symbol)) {
            Some(sector) => members.push(Member { symbol: symbol.clone(), sector: sector.clone() }),
            None => lacking.push(symbol.clone()),
        }
        if symbol.as_str() != label {
            mapped.push(Mapped { from: label, to: symbol });
        }
    }
    if !lacking.is_empty() {
        return Err(ImportError::NoSector { path: from.to_owned(), symbols: lacking });
    }
    Ok((Universe::new(members, as_of), mapped))
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
