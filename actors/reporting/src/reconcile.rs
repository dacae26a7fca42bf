//! Our ledger against the venue's statement.

use crate::compare::{compare, mismatch};
use crate::ledger::Ledger;
use messages::{AccountReported, Holding, Price, Symbol, Usd};
use std::collections::BTreeMap;

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
    let mut rows: Vec<String> =
        compare(ledger, statement).iter().map(ToString::to_string).collect();
    rows.extend(unmarked(ledger, &marks));
    let rounding: Usd = statement.positions.iter().map(|held| held.rounding).sum();
    match ledger.equity(&marks).map(|equity| equity + rounding) {
        Some(equity) => {
            let off = mismatch("equity", equity, statement.equity);
            rows.extend(off.map(|row| row.to_string()));
            if rows.is_empty() {
                return Ok(Agreed { equity, positions: positions(ledger, statement) });
            }
        }
        None => rows.push(format!("equity ours unknown venue {}", statement.equity)),
    }
    Err(rows)
}

fn positions(ledger: &Ledger, statement: &AccountReported) -> Vec<Holding> {
    let stated: BTreeMap<&Symbol, &Holding> =
        statement.positions.iter().map(|held| (&held.symbol, held)).collect();
    let held = ledger.positions().map(|(symbol, held)| Holding {
        symbol: symbol.clone(),
        quantity: held.quantity,
        average: held.average(),
        mark: stated[symbol].mark,
        rounding: stated[symbol].rounding,
    });
    held.collect()
}

/// A position valued at nothing has no known value.
fn unmarked(ledger: &Ledger, marks: &BTreeMap<Symbol, Price>) -> Vec<String> {
    let bad = marks.iter().filter(|(symbol, mark)| mark.0 <= 0 && ledger.quantity(symbol).0 != 0);
    bad.map(|(symbol, mark)| format!("{symbol} mark {mark}")).collect()
}
