//! Our books against the venue's statement: shares exactly, cash to the cent.

use crate::ledger::Ledger;
use messages::{AccountReported, Holding, Shares, Symbol, Usd};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A venue may state cash in cents where fills are finer: less than this apart is equal to the cent.
const CENT: Usd = Usd(10_000);

/// One row of the table that a halt shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// A symbol, `cash`, `equity`, `order …`.
    pub what: String,
    pub ours: String,
    pub venue: String,
    /// Ours less the venue's.
    pub off: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, ours, venue, off } = self;
        write!(f, "{what} ours {ours} venue {venue} off {off}")
    }
}

/// Every name whose shares differ, ascending, then cash.
pub fn compare(ledger: &Ledger, statement: &AccountReported) -> Vec<Mismatch> {
    let mut rows = quantities(ledger, &statement.positions);
    rows.extend(mismatch("cash", ledger.cash(), statement.cash));
    rows
}

/// Of one amount of money, if there is one to the cent.
pub fn mismatch(what: &str, ours: Usd, venue: Usd) -> Option<Mismatch> {
    let off = ours - venue;
    let row = || Mismatch {
        what: what.to_owned(),
        ours: ours.to_string(),
        venue: venue.to_string(),
        off: off.to_string(),
    };
    off.cents_differ().then(row)
}

fn quantities(ledger: &Ledger, stated: &[Holding]) -> Vec<Mismatch> {
    let mut venue: BTreeMap<&Symbol, Shares> = BTreeMap::new();
    for held in stated {
        *venue.entry(&held.symbol).or_default() += held.quantity;
    }
    let symbols: BTreeSet<&Symbol> =
        ledger.positions().map(|(symbol, _)| symbol).chain(venue.keys().copied()).collect();
    let row = |symbol: &Symbol| {
        let ours = ledger.quantity(symbol);
        let venue = venue.get(symbol).copied().unwrap_or_default();
        (ours != venue).then(|| Mismatch {
            what: symbol.to_string(),
            ours: ours.to_string(),
            venue: venue.to_string(),
            off: (ours - venue).to_string(),
        })
    };
    symbols.into_iter().filter_map(row).collect()
}

pub(crate) trait ToTheCent {
    fn cents_differ(self) -> bool;
}

impl ToTheCent for Usd {
    /// As a difference: is it one to the cent?
    fn cents_differ(self) -> bool {
        self.abs() >= CENT
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Price;

    fn held(symbol: &str, quantity: i64) -> Holding {
        let price = Price(1_000_000);
        Holding {
            symbol: symbol.into(),
            quantity: Shares(quantity),
            average: price,
            mark: price,
            rounding: Usd(0),
        }
    }

    #[test]
    fn every_difference_is_a_row() {
        let ledger = Ledger::new(Usd(1_004_999), &[held("A", 10), held("B", -5)]);
        let same = |cash: i64, positions: Vec<Holding>| {
            let statement = AccountReported { cash: Usd(cash), equity: Usd(0), positions };
            compare(&ledger, &statement).iter().map(ToString::to_string).collect::<Vec<_>>()
        };
        assert!(same(1_000_000, vec![held("B", -5), held("A", 10)]).is_empty());
        assert_eq!(
            same(3_000_000, vec![held("A", 10), held("C", 7)]),
            [
                "B ours -5 venue +0 off -5",
                "C ours +0 venue +7 off -7",
                "cash ours 1.004999 venue 3.00 off -1.995001"
            ]
        );
    }
}
