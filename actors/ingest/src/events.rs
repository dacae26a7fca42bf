//! What is known of a name that its bars alone would not say, or make look wrong: when it was listed, when it was
//! halted, that a large move was real, what it paid. People say so, one line each, in a CSV with the columns `symbol`,
//! `kind`, `from`, `through`, `note`, `amount`; it stands beside the prices as `events.csv`.
//!
//! ```text
//! symbol,kind,from,through,note,amount
//! AMCR,listed,2019-06-11,,"Bemis merger; earlier rows are a flat fill",
//! KDP,move,2018-07-10,,special dividend,
//! KDP,dividend,2018-07-10,,special,103.75
//! XYZ,halt,2024-02-01,2024-02-05,news pending,
//! ```
//!
//! A name is the one of that day or the present one.

use crate::import::ImportError;
use crate::lock::Lock;
use crate::manifest::{Companions, companion, read_optional, replace};
use crate::store::StoreError;
use crate::symbols::present;
use crate::table::Table;
use crate::universe::Universe;
use messages::{Date, Listed, Price, Symbol, sha256_hex};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// There are no bars before `from`.
    Listed,
    /// There are no bars from `from` on.
    Delisted,
    /// There are no bars from `from` to `through`, both included.
    Halt,
    /// The move into session `from` is real, however large.
    Move,
    /// Who held it before session `from`, the ex-date, gets [`Event::amount`] a share.
    Dividend,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    pub symbol: Symbol,
    pub kind: Kind,
    pub from: Date,
    /// `from` where the file says nothing.
    pub through: Date,
    /// Why; never empty.
    pub note: String,
    /// Of a dividend: dollars a share as it was paid, whatever was split since.
    pub amount: Option<Price>,
}

/// Events, ascending by symbol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    said: Vec<Event>,
    /// Of the file's bytes; empty without one.
    sha256: String,
    /// Of a dated universe: who was a member when, ascending by symbol.
    listed: Vec<Listed>,
}

/// `prices.parquet` → `events.csv` in the same folder.
pub fn events_path(prices: &Path) -> PathBuf {
    prices.with_file_name("events.csv")
}

/// The events that the history at `prices` was checked with; none if there is no such file.
///
/// # Errors
/// The file is there and can't be read, or a cell of it is not what its column says; it is another one.
pub fn read_events(prices: &Path) -> Result<Events, ImportError> {
    let path = events_path(prices);
    let bytes = companion(prices, &path, Companions::events)?;
    bytes.map_or_else(|| Ok(Events::default()), |bytes| Events::parse(&path, &bytes))
}

/// Puts the file at `source`, which has been read, beside `prices`.
pub fn keep_events(prices: &Path, source: &Path) -> Result<(), StoreError> {
    let _lock = Lock::of(prices)?;
    match read_optional(source)? {
        Some(bytes) => replace(&events_path(prices), &bytes),
        None => Err(StoreError::Absent { path: source.to_owned() }),
    }
}

impl Events {
    pub fn new(mut said: Vec<Event>) -> Self {
        said.sort();
        Self { said, sha256: String::new(), listed: Vec::new() }
    }

    /// Bars of a name are expected only while it is a member, by a dated universe.
    #[must_use]
    pub fn of_members(self, universe: &Universe) -> Self {
        Self { listed: universe.listed.clone(), ..self }
    }

    /// # Errors
    /// No such file or column; a cell that is no date or kind; no note; `through` before `from`; a line twice.
    pub fn read(path: &Path) -> Result<Self, ImportError> {
        let io = |source| ImportError::Io { path: path.to_owned(), source };
        Self::parse(path, &std::fs::read(path).map_err(io)?)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ImportError> {
        let sha256 = sha256_hex(bytes);
        let table = Table::parse(path, bytes)?;
        let columns = ["symbol", "kind", "from", "note"].map(|name| table.texts(name));
        let [symbols, kinds, from, notes] = columns;
        let (symbols, kinds, from, notes) = (symbols?, kinds?, from?, notes?);
        let through = table.texts_or_empty("through")?;
        let amounts = table.texts_or_empty("amount")?;
        let mut events = BTreeSet::new();
        for row in 0..symbols.len() {
            let bad =
                |column, value: &str, problem| Err(table.bad_cell(row, column, value, problem));
            let Some(kind) = kind(&kinds[row]) else {
                return bad(
                    "kind",
                    &kinds[row],
                    "is none of listed, delisted, halt, move, dividend",
                );
            };
            let Ok(first) = from[row].parse::<Date>() else {
                return bad("from", &from[row], NO_DATE);
            };
            let last = if through[row].is_empty() { Ok(first) } else { through[row].parse() };
            let Ok(last) = last else {
                return bad("through", &through[row], NO_DATE);
            };
            if last < first {
                return bad("through", &through[row], "lies before `from`: correct one of them");
            }
            if kind != Kind::Halt && last != first {
                return bad("through", &through[row], "only a halt lasts: leave it empty");
            }
            let Ok(amount) = amount(&amounts[row]) else {
                return bad("amount", &amounts[row], "is no amount in dollars above 0");
            };
            if (kind == Kind::Dividend) != amount.is_some() {
                let problem = "belongs to a dividend, and nothing else has an amount";
                return bad("amount", &amounts[row], problem);
            }
            let (symbol, note) = (present(&symbols[row], first), notes[row].clone());
            let event = Event { symbol, kind, from: first, through: last, note, amount };
            if !events.insert(event) {
                let problem = "stands there already with the same kind, day, note and amount: delete one line";
                return bad("symbol", &symbols[row], problem);
            }
        }
        Ok(Self { said: events.into_iter().collect(), sha256, listed: Vec::new() })
    }

    /// Should there be a bar of `symbol` in `session`?
    pub fn expects(&self, symbol: &Symbol, session: Date) -> bool {
        self.is_member(symbol, session)
            && !self.of(symbol).any(|event| match event.kind {
                Kind::Listed => session < event.from,
                Kind::Delisted => session >= event.from,
                Kind::Halt => (event.from..=event.through).contains(&session),
                Kind::Move | Kind::Dividend => false,
            })
    }

    /// Has somebody said that the move of `symbol` into `session` is real?
    pub fn explains(&self, symbol: &Symbol, session: Date) -> bool {
        self.of(symbol).any(|event| event.kind == Kind::Move && event.from == session)
    }

    /// Is anything known of `symbol`?
    pub fn mentions(&self, symbol: &Symbol) -> bool {
        !self.listed.is_empty() || self.of(symbol).next().is_some()
    }

    fn is_member(&self, symbol: &Symbol, session: Date) -> bool {
        let from = self.listed.partition_point(|row| row.symbol < *symbol);
        let mut rows = self.listed[from..].iter().take_while(|row| row.symbol == *symbol);
        self.listed.is_empty() || rows.any(|row| row.holds(session))
    }

    /// Symbol, ex-date and dollars a share of every dividend on record.
    pub fn dividends(&self) -> impl Iterator<Item = (Symbol, Date, f64)> {
        let paid = |event: &Event| Some((event.symbol.clone(), event.from, event.amount?.to_f64()));
        self.said.iter().filter_map(paid)
    }

    pub fn is_empty(&self) -> bool {
        self.said.is_empty()
    }

    /// SHA-256 of the file they were read from; empty without one.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    fn of(&self, symbol: &Symbol) -> impl Iterator<Item = &Event> {
        let from = self.said.partition_point(|event| event.symbol < *symbol);
        self.said[from..].iter().take_while(move |event| event.symbol == *symbol)
    }
}

fn kind(text: &str) -> Option<Kind> {
    Some(match text {
        "listed" => Kind::Listed,
        "delisted" => Kind::Delisted,
        "halt" => Kind::Halt,
        "move" => Kind::Move,
        "dividend" => Kind::Dividend,
        _ => return None,
    })
}

/// Nothing of an empty cell; an error of what is no amount above zero.
fn amount(text: &str) -> Result<Option<Price>, ()> {
    if text.is_empty() {
        return Ok(None);
    }
    let price = text.parse().ok().and_then(Price::from_f64);
    price.map(Some).ok_or(())
}

const NO_DATE: &str = "is no date: write it as 2024-03-08";

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn read(text: &str) -> Result<Events, String> {
        let folder = tempfile::TempDir::new().expect("folder");
        let path = folder.path().join("events.csv");
        std::fs::write(&path, text).expect("written");
        Events::read(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn listings_halts_and_moves() {
        let events = read(
            "symbol,kind,from,through,note\n\
             XYZ,halt,2024-02-01,2024-02-05,news pending\n\
             BRK-B,listed,1996-05-09,,class B\n\
             XYZ,delisted,2024-06-03,,bought\n\
             KDP,move,2018-07-10,,special dividend\n",
        )
        .unwrap();
        let expects = |symbol: &str, day| events.expects(&symbol.into(), day);
        assert!(expects("XYZ", date(2024, 1, 31)) && expects("XYZ", date(2024, 2, 6)));
        assert!(!expects("XYZ", date(2024, 2, 1)) && !expects("XYZ", date(2024, 2, 5)));
        assert!(expects("XYZ", date(2024, 5, 31)) && !expects("XYZ", date(2024, 6, 3)));
        assert!(!expects("BRK.B", date(1996, 5, 8)) && expects("BRK.B", date(1996, 5, 9)));
        assert!(events.explains(&"KDP".into(), date(2018, 7, 10)));
        assert!(!events.explains(&"KDP".into(), date(2018, 7, 11)), "one session, no more");
        assert!(!events.explains(&"BRK.B".into(), date(1996, 5, 9)));
        assert_eq!(events.sha256().len(), 64);
    }

    #[test]
    fn dividends_have_amounts_and_nothing_else_has() {
        let head = "symbol,kind,from,through,note,amount\n";
        let events =
            read(&format!("{head}B,dividend,2024-02-01,,quarterly,0.24\nA,move,2024-01-02,,x,\n"));
        let paid: Vec<_> = events.as_ref().unwrap().dividends().collect();
        assert_eq!(paid, [("B".into(), date(2024, 2, 1), 0.24)]);
        assert!(events.unwrap().expects(&"B".into(), date(2024, 2, 1)));
        for (row, expected) in [
            ("A,dividend,2024-01-02,,x,", "belongs to a dividend"),
            ("A,dividend,2024-01-02,,x,-1", "is no amount in dollars"),
            ("A,dividend,2024-01-02,,x,much", "is no amount in dollars"),
            ("A,move,2024-01-02,,x,1.0", "nothing else has an amount"),
        ] {
            let text = read(&format!("{head}{row}\n")).expect_err(row);
            assert!(text.contains("column amount") && text.contains(expected), "{text}");
        }
    }

    #[test]
    fn what_is_known_under_an_old_name_is_known_of_the_present_one() {
        let head = "symbol,kind,from,through,note,amount\n";
        let events = read(&format!(
            "{head}ANTM,dividend,2021-03-09,,quarterly,1.13\nFB,halt,2022-06-08,2022-06-10,x,\n\
             FB,dividend,2025-03-03,,somebody else,0.10\nELV,dividend,2021-06-09,,quarterly,1.13\n"
        ))
        .unwrap();
        let paid: Vec<_> = events.dividends().collect();
        let (elv, fb) = ("ELV".into(), "FB".into());
        assert_eq!(paid[0], (elv, date(2021, 3, 9), 1.13));
        assert_eq!(paid[2], (fb, date(2025, 3, 3), 0.10));
        assert!(!events.expects(&"META".into(), date(2022, 6, 9)));
        assert!(!events.mentions(&"ANTM".into()));
    }

    #[test]
    fn a_line_that_stands_twice_is_refused() {
        let head = "symbol,kind,from,through,note,amount\n";
        for second in [
            "ELV,dividend,2021-03-09,,quarterly,1.13",
            "ANTM,dividend,2021-03-09,2021-03-09,quarterly,1.130",
        ] {
            let rows = format!(
                "ELV,dividend,2021-03-09,,quarterly,1.13\nA,move,2021-03-09,,x,\n{second}\n"
            );
            let text = read(&format!("{head}{rows}")).expect_err(second);
            assert!(text.contains("line 4") && text.contains("stands there already"), "{text}");
        }
        let two = read(&format!(
            "{head}A,dividend,2021-03-09,,quarterly,1.13\nA,dividend,2021-03-09,,special,1.13\n"
        ));
        assert_eq!(two.unwrap().dividends().count(), 2, "two of one day are no repetition");
    }

    #[test]
    fn every_bad_cell_is_named() {
        let head = "symbol,kind,from,through,note\n";
        for (row, expected) in [
            ("A,holiday,2024-01-02,,x", "line 2, column kind: \"holiday\" is none of"),
            ("A,halt,02.01.2024,,x", "column from: \"02.01.2024\" is no date"),
            ("A,halt,2024-01-02,soon,x", "column through: \"soon\" is no date"),
            ("A,halt,2024-01-03,2024-01-02,x", "lies before `from`"),
            ("A,move,2024-01-02,2024-12-31,x", "only a halt lasts"),
            ("A,move,2024-01-02,,", "column note"),
            ("A,dividend,2024-01-02,,x", "belongs to a dividend"),
        ] {
            let text = read(&format!("{head}{row}\n")).expect_err(row);
            assert!(text.contains(expected), "{text}");
        }
    }
}
