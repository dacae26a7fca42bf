//! Bars from a file of somebody else's, CSV or Parquet, restricted to a universe.
//!
//! Columns: `symbol`; `date`, `session` or `timestamp`; `open`, `high`, `low`, `close`, `volume`; and
//! `raw_close` if the source has it (else the close stands in, and [`Imported`] says so). Rows that
//! can't be used are counted and left out, never repaired; a file that contradicts itself is refused, and
//! so is a row of a day on which the exchange was closed or has not closed yet.

use crate::defect::defect;
use crate::frame;
use crate::left_out::LeftOut;
use crate::manifest::Mapped;
use crate::symbols;
use crate::table::Table;
use crate::universe::{self, Universe};
use exchange::calendar::{Calendar, is_xnys_session};
use messages::{Bars, Date, Member, Symbol, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Names of the column that holds the session.
const DAYS: [&str; 3] = ["session", "date", "timestamp"];
/// All columns that are of any concern here.
const COLUMNS: [&str; 10] = [
    "symbol",
    "session",
    "date",
    "timestamp",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "raw_close",
];
/// Years for which the exchange's calendar is right.
const CALENDAR: RangeInclusive<i16> = 1970..=2029;

/// The files to import from.
#[derive(Copy, Clone, Debug)]
pub struct Sources<'a> {
    pub prices: &'a Path,
    pub universe: &'a Path,
    /// `None`: the universe file has a column `sector`.
    pub sectors: Option<&'a Path>,
    /// The day the sectors speak for, where no file says it.
    pub sectors_as_of: Option<Date>,
    /// When it is imported: a session that has not closed by then has no bars.
    pub now: Time,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Ascending sessions.
    pub bars: Vec<Bars>,
    /// All sessions of the exchange's calendar from the file's first to its last, ascending: what the
    /// bars are held against, so that a day that is missing for every name is noticed.
    pub sessions: Vec<Date>,
    pub universe: Universe,
    /// Labels of the file that are not our symbols, and what they were taken for; ascending.
    pub mapped: Vec<Mapped>,
    /// Rows that were not imported, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
    /// Which of them, so that a bar that is missing can be found.
    pub left_out: LeftOut,
    /// The file has no `raw_close`; the close stands in.
    pub raw_close_is_close: bool,
}

/// What is wrong with a file, where, and what to do about it.
#[derive(Debug, Error)]
pub enum ImportError {
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    #[error("{}: can't be read", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("{}: neither a CSV with a header nor a Parquet file we can read: {detail}", path.display())]
    Unreadable { path: PathBuf, detail: String },
    #[error("{}: column {column} is missing (there are {found}): add it or rename one", path.display())]
    MissingColumn { path: PathBuf, column: String, found: String },
    #[error("{}: column {column} is of type {found}: write it as {kind}", path.display())]
    Mistyped { path: PathBuf, column: String, found: String, kind: &'static str },
    #[error("{}: {columns} are both there and each may hold the session: keep one", path.display())]
    Ambiguous { path: PathBuf, columns: String },
    #[error("{}, {place}, column {column}: {value:?} {problem}", path.display())]
    BadCell { path: PathBuf, place: String, column: String, value: String, problem: &'static str },
    #[error("{}: it has no rows: nothing can be imported from it", path.display())]
    Empty { path: PathBuf },
    #[error(
        "{}, {place}: {symbol} stands there twice: delete one, or, if these are lists of several days, name each row's \
         day in a column `snapshot`, or its first and last in `from` and `through`",
        path.display()
    )]
    Repeated { path: PathBuf, place: String, symbol: Symbol },
    #[error(
        "{}: {symbol} is a member in {first} and in {second} at the same time: mend their days or delete one",
        path.display()
    )]
    Overlap { path: PathBuf, symbol: Symbol, first: String, second: String },
    #[error(
        "{}, {place}, column sector: {sector:?} is {first:?} in {other}: write it in one way",
        path.display()
    )]
    TwoSpellings { path: PathBuf, place: String, sector: String, first: String, other: String },
    #[error(
        "{}: {columns} are both there: keep `from` (and `through`) for times of membership, or `snapshot` for whole \
         lists of a day",
        path.display()
    )]
    TwoForms { path: PathBuf, columns: String },
    #[error(
        "{}: it has dates of membership, each with its sector: leave out --sectors and --sectors-as-of",
        path.display()
    )]
    Dated { path: PathBuf },
    #[error("{}: {symbol} on {session} in {first} and in {second}: delete one", path.display())]
    Duplicate { path: PathBuf, symbol: Symbol, session: Date, first: String, second: String },
    #[error(
        "{}: no usable bar of {}{why}: correct the file, take them out of {}, or import a file that has them",
        path.display(), listed(symbols), universe.display()
    )]
    NoBars { path: PathBuf, symbols: Vec<Symbol>, why: String, universe: PathBuf },
    #[error("{}: no sector for {}: add a row for each", path.display(), listed(symbols))]
    NoSector { path: PathBuf, symbols: Vec<Symbol> },
    #[error(
        "{}: it does not say which day its sectors speak for: add a column as_of, or name the day \
         (--sectors-as-of YYYY-MM-DD)",
        path.display()
    )]
    NoSectorDate { path: PathBuf },
}

fn listed(symbols: &[Symbol]) -> String {
    symbols.iter().map(Symbol::as_str).collect::<Vec<_>>().join(", ")
}

/// # Errors
/// See [`ImportError`].
pub fn import(sources: &Sources) -> Result<Imported, ImportError> {
    let Sources { universe, sectors, sectors_as_of, .. } = *sources;
    let (universe, mut mapped) = universe::read_members(universe, sectors, sectors_as_of)?;
    if !universe.listed.is_empty() && (sectors.is_some() || sectors_as_of.is_some()) {
        return Err(ImportError::Dated { path: sources.universe.to_owned() });
    }
    let mut imported = read_bars(sources.prices, universe, sources.now)?;
    let unwanted = universe::forget_leavers(&imported.universe.listed, &mut imported.bars);
    if unwanted > 0 {
        imported.dropped.insert("long after it left the universe", unwanted);
    }
    let mut bare = without_bars(&imported.universe.members, &imported.bars);
    let days = imported.sessions.first().copied().zip(imported.sessions.last().copied());
    // Who was a member before the file begins or after it ends has no bars in it.
    let listed = &imported.universe.listed;
    bare.retain(|symbol| {
        let mut times = listed.iter().filter(|times| times.symbol == *symbol);
        listed.is_empty() || days.is_none_or(|(first, last)| times.any(|it| it.meets(first, last)))
    });
    if !bare.is_empty() {
        let (path, universe) = (sources.prices.to_owned(), sources.universe.to_owned());
        let why = imported.left_out.of_all(&bare);
        return Err(ImportError::NoBars { path, symbols: bare, why, universe });
    }
    mapped.extend(imported.mapped);
    mapped.sort();
    mapped.dedup();
    Ok(Imported { mapped, ..imported })
}

/// Of the file at `prices`, what there is of `universe`; some of it may have no bars at all.
///
/// # Errors
/// See [`ImportError`].
pub fn read_bars(prices: &Path, universe: Universe, now: Time) -> Result<Imported, ImportError> {
    let table = Table::read_columns(prices, &COLUMNS)?;
    let mut selected = select(&table, &universe.members)?;
    let sessions = sessions(&table, &selected.rows, now)?;
    let bars = assemble(&table, &universe.members, &mut selected)?;
    let Selected { mapped, dropped, left_out, .. } = selected;
    let raw_close_is_close = !table.has("raw_close");
    Ok(Imported { bars, sessions, universe, mapped, dropped, left_out, raw_close_is_close })
}

/// Rows of members, ascending by session and symbol.
struct Selected {
    rows: Vec<Row>,
    mapped: Vec<Mapped>,
    dropped: BTreeMap<&'static str, u64>,
    left_out: LeftOut,
}

/// Orders by session, then member (members ascend by symbol), then place in the file.
#[derive(Copy, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Row {
    day: i32,
    member: u32,
    at: u32,
}

fn select(table: &Table, members: &[Member]) -> Result<Selected, ImportError> {
    let labels = table.texts("symbol")?;
    let days = table.days(&DAYS)?;
    if labels.is_empty() {
        return Err(ImportError::Empty { path: table.path().to_owned() });
    }
    let mut known: BTreeMap<&str, Vec<(u32, i32)>> = BTreeMap::new();
    let mut mapped = BTreeSet::new();
    let mut dropped = BTreeMap::new();
    let mut left_out = LeftOut::new(table.is_text());
    let mut rows = Vec::with_capacity(labels.len());
    for (at, (label, &day)) in labels.iter().zip(&days).enumerate() {
        let names = known.entry(label).or_insert_with(|| names_within(label, members));
        let Some(&(member, _)) = names.iter().rfind(|(_, before)| day < *before) else {
            *dropped.entry("not in the universe").or_default() += 1;
            left_out.add_stranger(at, label);
            continue;
        };
        let symbol = &members[member as usize].symbol;
        if symbol.as_str() != label && !mapped.contains(&(label.as_str(), symbol)) {
            mapped.insert((label.as_str(), symbol));
        }
        rows.push(Row { day, member, at: at as u32 });
    }
    rows.sort_unstable();
    for pair in rows.windows(2) {
        if (pair[0].day, pair[0].member) == (pair[1].day, pair[1].member) {
            return Err(duplicate(table, members, pair[0], pair[1]));
        }
    }
    let mapped = mapped
        .into_iter()
        .map(|(label, symbol)| Mapped { from: label.to_owned(), to: symbol.clone() });
    Ok(Selected { mapped: mapped.collect(), rows, dropped, left_out })
}

/// Members that `label` may stand for, each with the day before which it does.
fn names_within(label: &str, members: &[Member]) -> Vec<(u32, i32)> {
    let member = |name: symbols::Name| {
        let index = members.binary_search_by(|member| member.symbol.cmp(&name.symbol)).ok()?;
        Some((index as u32, name.before.map_or(i32::MAX, frame::day_of)))
    };
    symbols::names(label).into_iter().filter_map(member).collect()
}

/// The calendar's sessions from the first to the last of `rows`, each of which must be one that had
/// closed by `now`.
fn sessions(table: &Table, rows: &[Row], now: Time) -> Result<Vec<Date>, ImportError> {
    for day in rows.chunk_by(|a, b| a.day == b.day) {
        let session = date(day[0].day);
        let problem = if !CALENDAR.contains(&session.year()) {
            "lies outside the years whose sessions are known (1970 to 2029): delete the rows before or after"
        } else if !is_xnys_session(session) {
            "is no session, the New York Stock Exchange was closed: correct the date or delete its rows"
        } else if Calendar::new([session]).closed_by(now) == 0 {
            "is a session that has not closed yet: correct the date or delete its rows"
        } else {
            continue;
        };
        return Err(table.bad_day(day[0].at as usize, &DAYS, &session.to_string(), problem));
    }
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(Vec::new());
    };
    Ok((first.day..=last.day).map(date).filter(|day| is_xnys_session(*day)).collect())
}

fn duplicate(table: &Table, members: &[Member], first: Row, second: Row) -> ImportError {
    ImportError::Duplicate {
        path: table.path().to_owned(),
        symbol: members[first.member as usize].symbol.clone(),
        session: date(first.day),
        first: table.place(first.at as usize),
        second: table.place(second.at as usize),
    }
}

fn assemble(
    table: &Table,
    members: &[Member],
    Selected { rows, dropped, left_out, .. }: &mut Selected,
) -> Result<Vec<Bars>, ImportError> {
    let close = table.numbers("close")?;
    let raw_close =
        if table.has("raw_close") { table.numbers("raw_close")? } else { close.clone() };
    let open = table.numbers("open")?;
    let high = table.numbers("high")?;
    let low = table.numbers("low")?;
    let volume = table.numbers("volume")?;
    let mut history: Vec<Bars> = Vec::new();
    for day in rows.chunk_by(|a, b| a.day == b.day) {
        let mut bars = Bars::empty(date(day[0].day));
        for Row { member, at, .. } in day {
            let at = *at as usize;
            let row = [open[at], high[at], low[at], close[at], volume[at], raw_close[at]];
            let symbol = &members[*member as usize].symbol;
            match defect(row) {
                None => bars.push(symbol.clone(), row),
                Some(defect) => {
                    *dropped.entry(defect.kind()).or_default() += 1;
                    left_out.add(symbol, bars.session, at, defect.kind());
                }
            }
        }
        if !bars.symbols.is_empty() {
            history.push(bars);
        }
    }
    Ok(history)
}

fn date(day: i32) -> Date {
    frame::date_of(day).expect("days come from dates")
}

fn without_bars(members: &[Member], history: &[Bars]) -> Vec<Symbol> {
    let mut bare: BTreeSet<&Symbol> = members.iter().map(|member| &member.symbol).collect();
    for bars in history {
        if bare.is_empty() {
            break;
        }
        bars.symbols.iter().for_each(|symbol| {
            bare.remove(symbol);
        });
    }
    bare.into_iter().cloned().collect()
}
