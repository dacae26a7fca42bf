//! What other people call a symbol. Ours is the exchange's present name, share classes with a dot
//! (`BRK.B`); a source may write a hyphen, or a name of before a change.
//!
//! A ticker is freed when its owner changes it and may be given to somebody else, so a change of name
//! holds only for bars *before* its effective date: `FB` in 2021 is META, `FB` in 2025 is not.

use crate::manifest::Mapped;
use jiff::civil::date;
use messages::{Date, Symbol};

/// From the session `effective` on, `from` trades as `to`.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    pub from: &'static str,
    pub to: &'static str,
    pub effective: Date,
}

/// Every change of name we know, oldest first. The simulated venue plays them from this table too.
pub const RENAMES: [Rename; 4] = [
    Rename { from: "HCP", to: "PEAK", effective: date(2019, 11, 5) },
    Rename { from: "FB", to: "META", effective: date(2022, 6, 9) },
    Rename { from: "ANTM", to: "ELV", effective: date(2022, 6, 28) },
    Rename { from: "PEAK", to: "DOC", effective: date(2024, 3, 4) },
];

/// A name that a source's label may stand for, on bars before `before` (`None`: on all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub symbol: Symbol,
    pub before: Option<Date>,
}

/// As the exchange writes it: `BRK-B` is `BRK.B`, white space around it is nobody's.
pub fn spelling(label: &str) -> Symbol {
    Symbol::from(label.trim().replace('-', "."))
}

/// As Yahoo writes it; the inverse of [`spelling`] for any label without a dot.
pub fn yahoo(symbol: &Symbol) -> String {
    symbol.as_str().replace('.', "-")
}

/// All names for what a source labels `label`, oldest first: `HCP` is `HCP`, and on bars before
/// 2019-11-05 also `PEAK` and `DOC`.
pub fn names(label: &str) -> Vec<Name> {
    let mut names = vec![Name { symbol: spelling(label), before: None }];
    for rename in RENAMES {
        let last = &names[names.len() - 1];
        if last.symbol.as_str() == rename.from {
            let before = last.before.map_or(rename.effective, |other| other.min(rename.effective));
            names.push(Name { symbol: rename.to.into(), before: Some(before) });
        }
    }
    names
}

/// The present name of what was called `label` on `session`.
pub fn present(label: &str, session: Date) -> Symbol {
    let held = |name: &Name| name.before.is_none_or(|before| session < before);
    let name = names(label).into_iter().rfind(held);
    name.map_or_else(|| spelling(label), |name| name.symbol)
}

/// What `symbol`, a present name, was called on `session`: the inverse of [`present`].
pub fn name_on(symbol: &Symbol, session: Date) -> Symbol {
    let mut name = symbol.clone();
    for rename in RENAMES.iter().rev() {
        if name.as_str() == rename.to && session < rename.effective {
            name = rename.from.into();
        }
    }
    name
}

/// The names other than the present ones under which a source had bars, and what it took them for: of each of
/// `symbols`, from the session of its first bar on.
pub fn mapped(symbols: impl IntoIterator<Item = (Symbol, Date)>) -> Vec<Mapped> {
    let before = |(symbol, first): (Symbol, Date)| {
        let names = RENAMES.iter().filter(move |rename| {
            first < rename.effective && present(rename.from, first) == symbol
        });
        names.map(move |rename| Mapped {
            from: rename.from.to_owned(),
            to: present(rename.from, first),
        })
    };
    let mut mapped: Vec<Mapped> = symbols.into_iter().flat_map(before).collect();
    mapped.sort();
    mapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn share_classes_are_written_with_a_dot() {
        for (label, symbol) in [("BRK-B", "BRK.B"), ("BF-B", "BF.B"), (" AAPL ", "AAPL")] {
            assert_eq!(spelling(label), symbol.into());
            assert_eq!(yahoo(&spelling(label)), label.trim());
        }
    }

    #[test]
    fn a_change_of_name_holds_for_the_past_only() {
        assert_eq!(present("FB", date(2022, 6, 8)), "META".into());
        assert_eq!(present("FB", date(2022, 6, 9)), "FB".into(), "somebody else's by then");
        assert_eq!(present("ANTM", date(2020, 1, 2)), "ELV".into());
        assert_eq!(present("HCP", date(2019, 11, 4)), "DOC".into());
        assert_eq!(present("HCP", date(2019, 11, 5)), "HCP".into());
        assert_eq!(present("PEAK", date(2024, 3, 1)), "DOC".into());
        assert_eq!(present("META", date(2015, 1, 2)), "META".into());
    }

    #[test]
    fn changes_of_name_can_be_undone() {
        let mut days = vec![date(2014, 1, 2), date(2026, 1, 2)];
        for Rename { effective, .. } in RENAMES {
            days.extend([effective.yesterday().expect("a date"), effective]);
        }
        for symbol in ["DOC", "META", "ELV", "AAPL", "BRK.B"].map(Symbol::from) {
            for &day in &days {
                assert_eq!(present(name_on(&symbol, day).as_str(), day), symbol, "on {day}");
            }
        }
        assert_eq!(name_on(&"DOC".into(), date(2014, 1, 2)), "HCP".into());
        assert_eq!(name_on(&"DOC".into(), date(2020, 1, 2)), "PEAK".into());
    }

    #[test]
    fn a_history_is_mapped_from_the_names_it_reaches_back_to() {
        let symbols = ["AAPL", "DOC", "META"].map(Symbol::from);
        let from = |first| {
            let mapped = mapped(symbols.clone().map(|symbol| (symbol, first))).into_iter();
            mapped.map(|Mapped { from, to }| format!("{from} {to}")).collect::<Vec<_>>()
        };
        assert_eq!(from(date(2016, 1, 4)), ["FB META", "HCP DOC", "PEAK DOC"]);
        assert_eq!(from(date(2019, 11, 5)), ["FB META", "PEAK DOC"]);
        assert_eq!(from(date(2022, 6, 8)), ["FB META", "PEAK DOC"]);
        assert_eq!(from(date(2022, 6, 9)), ["PEAK DOC"]);
        assert!(from(date(2024, 3, 4)).is_empty());
        // Each from its own first bar on.
        let days = [date(2022, 5, 2), date(2022, 5, 2), date(2022, 6, 9)];
        let own = super::mapped(symbols.clone().into_iter().zip(days));
        assert_eq!(own, [Mapped { from: "PEAK".into(), to: "DOC".into() }], "META's are its own");
    }
}
