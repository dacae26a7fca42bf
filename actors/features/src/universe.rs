use crate::transform::UNKNOWN_SECTOR;
use messages::{Date, Listed, Member, Symbol, sha256_hex};
use std::collections::{BTreeMap, BTreeSet};
use thiserror::Error;

/// Who is a member when, and who is in which sector as far as was known then.
///
/// A sector is what the latest snapshot says that was effective on the day, never what a later one says and
/// never a guess: who is not in that snapshot has no sector, and is not eligible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Universe {
    /// Everybody who was ever a member, ascending.
    symbols: Vec<Symbol>,
    /// Of each of them, ascending and apart.
    spells: Vec<Vec<Spell>>,
    /// By the day from which on they hold.
    snapshots: BTreeMap<Date, BTreeMap<Symbol, String>>,
    /// Every sector of every snapshot; its code is its place.
    sectors: Vec<String>,
}

/// A time of membership.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spell {
    /// First session as a member.
    pub from: Date,
    /// First session as no member any more; `None`: still one.
    pub until: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UniverseError {
    #[error("{0} is a member twice at a time, or for no time at all: mend its dates")]
    Spells(Symbol),
    #[error(
        "the sector snapshot of {0} gives {1} no sector: leave the name out if nobody knows it"
    )]
    NoSector(Date, Symbol),
    #[error("there is no sector snapshot: without one nobody is eligible")]
    NoSnapshot,
}

/// The universe on one day, by the rows of [`Universe::symbols`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Composition {
    pub is_member: Vec<bool>,
    /// [`UNKNOWN_SECTOR`] where no sector is effective.
    pub sectors: Vec<usize>,
}

impl Universe {
    pub fn dated(
        spells: impl IntoIterator<Item = (Symbol, Spell)>,
        snapshots: BTreeMap<Date, BTreeMap<Symbol, String>>,
    ) -> Result<Self, UniverseError> {
        let mut by_symbol: BTreeMap<Symbol, Vec<Spell>> = BTreeMap::new();
        for (symbol, spell) in spells {
            by_symbol.entry(symbol).or_default().push(spell);
        }
        for (symbol, spells) in &mut by_symbol {
            spells.sort_unstable();
            let passes = spells.iter().all(|s| s.until.is_none_or(|until| s.from < until));
            let apart = |pair: &[Spell]| pair[0].until.is_some_and(|until| until <= pair[1].from);
            if !passes || !spells.windows(2).all(apart) {
                return Err(UniverseError::Spells(symbol.clone()));
            }
        }
        if snapshots.is_empty() {
            return Err(UniverseError::NoSnapshot);
        }
        for (date, snapshot) in &snapshots {
            if let Some((symbol, _)) = snapshot.iter().find(|(_, sector)| sector.is_empty()) {
                return Err(UniverseError::NoSector(*date, symbol.clone()));
            }
        }
        Ok(Self::new(by_symbol, snapshots))
    }

    /// Of a dated list: a sector is known from the day on on which a row says so, and no longer than the row holds.
    ///
    /// # Errors
    /// As [`Self::dated`].
    pub fn listed(rows: &[Listed]) -> Result<Self, UniverseError> {
        let until = |row: &Listed| row.through.map(|last| last.tomorrow().unwrap_or(Date::MAX));
        let spell = |row: &Listed| Spell { from: row.from, until: until(row) };
        let spells = rows.iter().map(|row| (row.symbol.clone(), spell(row)));
        let days: BTreeSet<Date> = rows.iter().map(|row| row.from).collect();
        let known = |day: Date| {
            let held = rows.iter().filter(|row| row.holds(day));
            (day, held.map(|row| (row.symbol.clone(), row.sector.clone())).collect())
        };
        Self::dated(spells, days.into_iter().map(known).collect())
    }

    /// One that does not change: a session's, as it was opened. A member whose sector is empty has none.
    ///
    /// # Panics
    /// If the symbols don't ascend.
    pub fn fixed(members: &[Member]) -> Self {
        let ascending = members.windows(2).all(|pair| pair[0].symbol < pair[1].symbol);
        assert!(ascending, "a universe ascends by symbol");
        let always = Spell { from: Date::MIN, until: None };
        let spells = members.iter().map(|m| (m.symbol.clone(), vec![always])).collect();
        let known = members.iter().filter(|m| !m.sector.is_empty());
        let snapshot = known.map(|m| (m.symbol.clone(), m.sector.clone())).collect();
        Self::new(spells, BTreeMap::from([(Date::MIN, snapshot)]))
    }

    fn new(
        spells: BTreeMap<Symbol, Vec<Spell>>,
        snapshots: BTreeMap<Date, BTreeMap<Symbol, String>>,
    ) -> Self {
        let sectors: BTreeSet<&String> = snapshots.values().flat_map(BTreeMap::values).collect();
        let sectors = sectors.into_iter().cloned().collect();
        let (symbols, spells) = spells.into_iter().unzip();
        Self { symbols, spells, snapshots, sectors }
    }

    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// Names of the sectors by their codes.
    pub fn sectors(&self) -> &[String] {
        &self.sectors
    }

    pub fn at(&self, session: Date) -> Composition {
        let within = |s: &Spell| s.from <= session && s.until.is_none_or(|until| session < until);
        let snapshot = self.snapshots.range(..=session).next_back().map(|(_, snapshot)| snapshot);
        let code = |symbol| {
            let sector = snapshot.and_then(|snapshot| snapshot.get(symbol));
            let code = sector.and_then(|sector| self.sectors.binary_search(sector).ok());
            code.unwrap_or(UNKNOWN_SECTOR)
        };
        Composition {
            is_member: self.spells.iter().map(|spells| spells.iter().any(within)).collect(),
            sectors: self.symbols.iter().map(code).collect(),
        }
    }

    /// Who was in which sector, by the day from which on it was known.
    pub fn snapshots(&self) -> &BTreeMap<Date, BTreeMap<Symbol, String>> {
        &self.snapshots
    }

    /// The first on which anybody is a member.
    pub fn first_day(&self) -> Date {
        self.spells.iter().flatten().map(|spell| spell.from).min().unwrap_or(Date::MAX)
    }

    /// The day of the snapshot that holds on `session`, and its SHA-256 (hex, over `symbol TAB sector`
    /// lines).
    pub fn snapshot(&self, session: Date) -> Option<(Date, String)> {
        let (date, snapshot) = self.snapshots.range(..=session).next_back()?;
        Some((*date, sha256_hex(lines(snapshot).as_bytes())))
    }

    /// SHA-256 (hex) of all of it: equal if and only if membership and sectors are.
    pub fn sha256(&self) -> String {
        let spell = |symbol: &Symbol, Spell { from, until }: &Spell| {
            let until = until.map_or(String::new(), |until| until.to_string());
            format!("{symbol}\t{from}\t{until}\n")
        };
        let members = self.symbols.iter().zip(&self.spells);
        let spells = members.flat_map(|(symbol, spells)| spells.iter().map(|s| spell(symbol, s)));
        let snapshots = self.snapshots.iter().map(|(date, s)| format!("\n{date}\n{}", lines(s)));
        let text: String = spells.chain(snapshots).collect();
        sha256_hex(text.as_bytes())
    }

    /// The first day after `session` on which something changes.
    pub(crate) fn next_change(&self, session: Date) -> Option<Date> {
        let edges = self.spells.iter().flatten().flat_map(|s| [Some(s.from), s.until]).flatten();
        edges.chain(self.snapshots.keys().copied()).filter(|date| *date > session).min()
    }
}

fn lines(snapshot: &BTreeMap<Symbol, String>) -> String {
    snapshot.iter().map(|(symbol, sector)| format!("{symbol}\t{sector}\n")).collect()
}

/// Codes from 0 up in the alphabetical order of the members' sectors; a sector without a name is
/// [`UNKNOWN_SECTOR`].
pub fn sector_codes(members: &[Member]) -> Vec<usize> {
    let names: BTreeSet<&str> =
        members.iter().map(|m| m.sector.as_str()).filter(|s| !s.is_empty()).collect();
    let codes: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
    members
        .iter()
        .map(|member| codes.get(member.sector.as_str()).copied().unwrap_or(UNKNOWN_SECTOR))
        .collect()
}
