//! Who may be traded, and each member's sector: a list of one day in two CSV files, or one of every day in one
//! ([`crate::dated`]); `universe.json` is kept beside the prices.

use crate::dated;
use crate::import::ImportError;
use crate::lock::Lock;
use crate::manifest::{Companions, Mapped, companion, read_optional, replace};
use crate::sectors::{self, Sectors};
use crate::store::StoreError;
use crate::symbols::{present, spelling};
use crate::table::Table;
use messages::{Bars, Date, Listed, Member, Symbol, sha256_hex};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The members of a universe: with one sector snapshot, or with dates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Universe {
    /// The day the sectors speak for; of a dated universe the last on which one changed or a name joined.
    pub sectors_as_of: Date,
    /// Of all else here.
    pub sha256: String,
    /// Ascending by symbol; of a dated universe everybody who ever was one, in the latest sector.
    pub members: Vec<Member>,
    /// Who was a member when, ascending by symbol and day; empty: `members`, and nobody says since when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
}

impl Universe {
    /// Members in any order, each once.
    pub fn new(mut members: Vec<Member>, sectors_as_of: Date) -> Self {
        members.sort_by(|a, b| a.symbol.cmp(&b.symbol));
        let sha256 = content_sha256(&members, sectors_as_of, &[]);
        Self { sectors_as_of, sha256, members, listed: Vec::new() }
    }

    /// `listed` ascends by symbol and day, nobody twice at a time.
    pub fn dated(listed: Vec<Listed>) -> Self {
        let last = |row: &Listed| (row.symbol.clone(), row.sector.clone());
        let sectors: BTreeMap<Symbol, String> = listed.iter().map(last).collect();
        let member = |(symbol, sector)| Member { symbol, sector };
        let members: Vec<Member> = sectors.into_iter().map(member).collect();
        let as_of = listed.iter().map(|row| row.from).max().unwrap_or(Date::MIN);
        let sha256 = content_sha256(&members, as_of, &listed);
        Self { sectors_as_of: as_of, sha256, members, listed }
    }

    /// The members of a day in their sectors of that day, and since when these are known; of a list without dates the
    /// list.
    pub fn on(&self, day: Date) -> (Vec<Member>, Date) {
        if self.listed.is_empty() {
            return (self.members.clone(), self.sectors_as_of);
        }
        let held = self.listed.iter().filter(|row| row.holds(day));
        let member =
            |row: &Listed| Member { symbol: row.symbol.clone(), sector: row.sector.clone() };
        let known = self.listed.iter().map(|row| row.from).filter(|from| *from <= day).max();
        (held.map(member).collect(), known.unwrap_or(Date::MIN))
    }

    /// The rows that a session whose history begins on `first` has to know.
    pub fn listed_since(&self, first: Date) -> Vec<Listed> {
        self.listed.iter().filter(|row| row.wants(first)).cloned().collect()
    }
}

/// Takes out the bars of names long after they left, which nobody wants any more (see [`Listed::wants`]), and says
/// how many. Of a list without dates nobody has left.
pub(crate) fn forget_leavers(listed: &[Listed], history: &mut Vec<Bars>) -> u64 {
    if listed.is_empty() {
        return 0;
    }
    // Rows ascend: the last of a name stays.
    let last: BTreeMap<&Symbol, &Listed> = listed.iter().map(|row| (&row.symbol, row)).collect();
    let mut forgotten = 0;
    for bars in history.iter_mut() {
        let unwanted =
            |symbol: &Symbol| last.get(symbol).is_some_and(|row| !row.wants(bars.session));
        let mut rest = Bars::empty(bars.session);
        for (at, symbol) in bars.symbols.iter().enumerate() {
            if !unwanted(symbol) {
                rest.push(symbol.clone(), crate::defect::row(bars, at));
            }
        }
        forgotten += (bars.symbols.len() - rest.symbols.len()) as u64;
        *bars = rest;
    }
    history.retain(|bars| !bars.symbols.is_empty());
    forgotten
}

fn content_sha256(members: &[Member], as_of: Date, listed: &[Listed]) -> String {
    let line = |Member { symbol, sector }: &Member| format!("{symbol}\t{sector}\n");
    let lines: String = members.iter().map(line).collect();
    let row = |Listed { symbol, from, through, sector }: &Listed| {
        let through = through.map_or(String::new(), |through| through.to_string());
        format!("{symbol}\t{from}\t{through}\t{sector}\n")
    };
    let rows: String = listed.iter().map(row).collect();
    sha256_hex(format!("{as_of}\n{lines}{rows}").as_bytes())
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
    let Universe { sectors_as_of, members, listed, .. } = &universe;
    let sha256 = content_sha256(members, *sectors_as_of, listed);
    if sha256 != universe.sha256 {
        return Err(corrupt(format!("its content has sha256 {sha256}, not {}", universe.sha256)));
    }
    if !listed.is_sorted() || (!listed.is_empty() && universe != Universe::dated(listed.clone())) {
        return Err(corrupt("its members are not those of its dates".into()));
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
/// by default what the sectors say. Of a file with dates of membership (see [`crate::dated`]) neither is of any concern.
///
/// # Errors
/// As [`read`]; a member has no sector; nobody says which day is meant.
pub fn read_members(
    path: &Path,
    sectors: Option<&Path>,
    as_of: Option<Date>,
) -> Result<(Universe, Vec<Mapped>), ImportError> {
    if dated::is_dated(path)? {
        let (listed, mapped) = dated::read(path)?;
        return Ok((Universe::dated(listed), mapped));
    }
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
