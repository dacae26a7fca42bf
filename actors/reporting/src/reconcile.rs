//! Our ledger against the venue's statement.

use crate::ledger::{Ledger, ToTheCent};
use messages::{AccountReported, Holding, Price, Shares, Symbol, Usd};
use std::collections::{BTreeMap, BTreeSet};

/// What a statement that agrees with the ledger says of the day's end.
#[derive(Debug)]
pub(crate) struct Agreed {
    pub(crate) equity: Usd,
    /// Our quantity and average entry, the statement's mark. Ascending by symbol.
    pub(crate) positions: Vec<Holding>,
}

/// The agreed end of the day, or every difference as one row of text.
pub(crate) fn reconcile(
    ledger: &Ledger,
    statement: &AccountReported,
) -> Result<Agreed, Vec<String>> {
    let marks = statement.positions.iter().map(|held| (held.symbol.clone(), held.mark)).collect();
    let mut rows = quantities(ledger, &statement.positions);
    rows.extend(amount("cash", ledger.cash(), statement.cash));
    rows.extend(unmarked(ledger, &marks));
    match ledger.equity(&marks) {
        Some(equity) => {
            rows.extend(amount("equity", equity, statement.equity));
            if rows.is_empty() {
                return Ok(Agreed { equity, positions: positions(ledger, &marks) });
            }
        }
        None => rows.push(format!("equity ours unknown venue {}", statement.equity)),
    }
    Err(rows)
}

fn positions(ledger: &Ledger, marks: &BTreeMap<Symbol, Price>) -> Vec<Holding> {
    let held = ledger.positions().map(|(symbol, held)| Holding {
        symbol: symbol.clone(),
        quantity: held.quantity,
        average: held.average(),
        mark: marks[symbol],
    });
    held.collect()
}

fn amount(what: &str, ours: Usd, venue: Usd) -> Option<String> {
    let off = ours - venue;
    off.cents_differ().then(|| format!("{what} ours {ours} venue {venue} off {off}"))
}

fn quantities(ledger: &Ledger, stated: &[Holding]) -> Vec<String> {
    let mut venue: BTreeMap<&Symbol, Shares> = BTreeMap::new();
    for held in stated {
        *venue.entry(&held.symbol).or_default() += held.quantity;
    }
    let symbols: BTreeSet<&Symbol> =
        ledger.positions().map(|(symbol, _)| symbol).chain(venue.keys().copied()).collect();
    let compare = |symbol: &Symbol| {
        let ours = ledger.quantity(symbol);
        let venue = venue.get(symbol).copied().unwrap_or_default();
        (ours != venue).then(|| format!("{symbol} ours {ours} venue {venue} off {}", ours - venue))
    };
    symbols.into_iter().filter_map(compare).collect()
}

/// A position valued at nothing has no known value.
fn unmarked(ledger: &Ledger, marks: &BTreeMap<Symbol, Price>) -> Vec<String> {
    let bad = marks.iter().filter(|(symbol, mark)| mark.0 <= 0 && ledger.quantity(symbol).0 != 0);
    bad.map(|(symbol, mark)| format!("{symbol} mark {mark}")).collect()
}
