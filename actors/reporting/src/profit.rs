//! A run's profit, by name and in all: `ledger.json`, and the tables of the report. Money in dollars.
//!
//! Three things are kept apart: what trading made; what the account paid, as its venue reports it; and what a model
//! says that fees and borrow would have cost a real account. The last stands in for the second, it is never added
//! to it.

use crate::book::{Book, Trades};
use crate::ledger::{LedgerEntry, Name};
use crate::modelled::{Modelled, NameCosts};
use crate::performance::dollars;
use costs::{EASY_TO_BORROW, Fee};
use messages::{Price, Symbol, Usd};
use serde::Serialize;
use std::collections::BTreeMap;

/// The sums of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Profit {
    /// By average cost. FIFO's share between realised and unrealised differs, their sum does not.
    #[serde(serialize_with = "dollars")]
    pub realised: Usd,
    #[serde(serialize_with = "dollars")]
    pub unrealised: Usd,
    #[serde(serialize_with = "dollars")]
    pub realised_fifo: Usd,
    #[serde(serialize_with = "dollars")]
    pub unrealised_fifo: Usd,
    /// Reported by the venue.
    #[serde(serialize_with = "dollars")]
    pub dividends: Usd,
    #[serde(serialize_with = "dollars")]
    pub interest: Usd,
    /// Paid by the account, as the venue reports it; a paper account pays none.
    #[serde(serialize_with = "dollars")]
    pub fees_paid: Usd,
    #[serde(serialize_with = "dollars")]
    pub borrow_paid: Usd,
    /// What the account made: realised, unrealised, dividends and interest, less what it paid.
    #[serde(serialize_with = "dollars")]
    pub net: Usd,
    /// What a real account would have paid, by our model.
    #[serde(serialize_with = "dollars")]
    pub modelled_fees: Usd,
    #[serde(serialize_with = "dollars")]
    pub modelled_borrow: Usd,
    /// The same with the modelled costs in the place of those paid.
    #[serde(serialize_with = "dollars")]
    pub net_modelled: Usd,
    /// Held, and no account has given a mark yet: their unrealised profit is not known and counted as none.
    pub valued_at_cost: Vec<Symbol>,
}

impl Profit {
    pub fn of(book: &Book) -> Self {
        let mut sum = Self::default();
        for (symbol, name) in book.ledger.names() {
            sum.add(&Self::of_name(book, symbol, name));
        }
        // Of the account as a whole there is more than of its names: fees without a name, and the day's rounding.
        let booked = book.ledger.booked();
        Self {
            dividends: booked.dividends,
            interest: booked.interest,
            fees_paid: booked.fees,
            borrow_paid: booked.borrow,
            modelled_fees: book.modelled.fees_total(),
            modelled_borrow: book.modelled.borrow,
            ..sum
        }
        .netted()
    }

    fn of_name(book: &Book, symbol: &Symbol, name: &Name) -> Self {
        let costs = costs(book, symbol);
        let value = |cost| if name.is_flat() { cost } else { book.value(symbol).unwrap_or(cost) };
        let unmarked = !name.is_flat() && book.value(symbol).is_none();
        Self {
            realised: name.realised,
            unrealised: value(name.position.cost) - name.position.cost,
            realised_fifo: name.realised_fifo,
            unrealised_fifo: value(name.lots.cost()) - name.lots.cost(),
            dividends: name.booked.dividends,
            interest: name.booked.interest,
            fees_paid: name.booked.fees,
            borrow_paid: name.booked.borrow,
            modelled_fees: costs.fees,
            modelled_borrow: costs.borrow,
            valued_at_cost: if unmarked { vec![symbol.clone()] } else { Vec::new() },
            ..Self::default()
        }
        .netted()
    }

    fn netted(self) -> Self {
        let made = self.realised + self.unrealised + self.dividends + self.interest;
        Self {
            net: made - self.fees_paid - self.borrow_paid,
            net_modelled: made - self.modelled_fees - self.modelled_borrow,
            ..self
        }
    }

    fn add(&mut self, other: &Self) {
        self.realised += other.realised;
        self.unrealised += other.unrealised;
        self.realised_fifo += other.realised_fifo;
        self.unrealised_fifo += other.unrealised_fifo;
        self.valued_at_cost.extend(other.valued_at_cost.iter().cloned());
    }
}

fn costs(book: &Book, symbol: &Symbol) -> NameCosts {
    book.modelled.names.get(symbol).copied().unwrap_or_default()
}

/// `ledger.json`
#[derive(Debug, Serialize)]
pub(crate) struct LedgerFile<'a> {
    run_id: &'a str,
    through: Option<messages::Date>,
    balance: Balance,
    total: Profit,
    modelled: ModelledFile,
    names: Vec<NameRow<'a>>,
    /// What moved cash or positions and was no fill.
    entries: Vec<EntryRow<'a>>,
}

/// `cash + cost = opening + realised + dividends + interest + transfers + adopted − fees − borrow`
#[derive(Debug, Serialize)]
struct Balance {
    #[serde(serialize_with = "dollars")]
    opening: Usd,
    #[serde(serialize_with = "dollars")]
    cash: Usd,
    /// Of the positions, by average cost.
    #[serde(serialize_with = "dollars")]
    cost: Usd,
    #[serde(serialize_with = "dollars")]
    transfers: Usd,
    #[serde(serialize_with = "dollars")]
    adopted: Usd,
}

#[derive(Debug, Serialize)]
struct ModelledFile {
    fees: BTreeMap<&'static str, f64>,
    /// Part of `fees` that no name bears: each day's sums are rounded up to the cent.
    #[serde(serialize_with = "dollars")]
    rounding: Usd,
    #[serde(serialize_with = "dollars")]
    borrow: Usd,
    /// A year, for every name.
    borrow_rate: f64,
    left_out: Vec<String>,
}

/// One name, with the fields of [`Profit`].
#[derive(Debug, Serialize)]
pub(crate) struct NameRow<'a> {
    pub(crate) symbol: &'a Symbol,
    pub(crate) quantity: i64,
    average: Option<f64>,
    mark: Option<f64>,
    fills: u32,
    #[serde(serialize_with = "dollars")]
    traded: Usd,
    #[serde(flatten)]
    pub(crate) profit: Profit,
    lots: Vec<LotRow>,
}

#[derive(Debug, Serialize)]
struct LotRow {
    /// UTC; `null` where it was held before the run.
    opened: Option<String>,
    quantity: i64,
    price: f64,
}

#[derive(Debug, Serialize)]
struct EntryRow<'a> {
    date: messages::Date,
    kind: &'a str,
    symbol: Option<&'a Symbol>,
    #[serde(serialize_with = "dollars")]
    amount: Usd,
    explanation: &'a str,
}

impl<'a> LedgerFile<'a> {
    pub(crate) fn of(run_id: &'a str, book: &'a Book) -> Self {
        let ledger = &book.ledger;
        let entry = |entry: &'a LedgerEntry| EntryRow {
            date: entry.date,
            kind: entry.kind,
            symbol: entry.symbol.as_ref(),
            amount: entry.amount,
            explanation: &entry.explanation,
        };
        Self {
            run_id,
            through: book.through,
            balance: Balance {
                opening: ledger.opening(),
                cash: ledger.cash(),
                cost: ledger.positions().map(|(_, held)| held.cost).sum(),
                transfers: ledger.booked().transfers,
                adopted: ledger.booked().adopted,
            },
            total: Profit::of(book),
            modelled: modelled(&book.modelled),
            names: rows(book),
            entries: ledger.entries().iter().map(entry).collect(),
        }
    }
}

/// Every name of the book, ascending.
pub(crate) fn rows(book: &Book) -> Vec<NameRow<'_>> {
    book.ledger.names().iter().map(|(symbol, name)| row(book, symbol, name)).collect()
}

fn row<'a>(book: &Book, symbol: &'a Symbol, name: &Name) -> NameRow<'a> {
    let Trades { fills, traded } = book.trades.get(symbol).copied().unwrap_or_default();
    let held = !name.is_flat();
    let lots = name.lots.iter().map(|lot| LotRow {
        opened: lot.opened.map(|time| utc(time.0)),
        quantity: lot.held.quantity.0,
        price: lot.held.average().to_f64(),
    });
    NameRow {
        symbol,
        quantity: name.position.quantity.0,
        average: held.then(|| name.position.average().to_f64()),
        mark: book.marks.get(symbol).filter(|_| held).copied().map(Price::to_f64),
        fills,
        traded,
        profit: Profit::of_name(book, symbol, name),
        lots: lots.collect(),
    }
}

fn modelled(modelled: &Modelled) -> ModelledFile {
    ModelledFile {
        fees: modelled.fees.iter().map(|(fee, owed)| (fee.name(), owed.to_f64())).collect(),
        rounding: modelled.rounding(),
        borrow: modelled.borrow,
        borrow_rate: EASY_TO_BORROW,
        left_out: left_out(modelled),
    }
}

/// One line for each fee that a part of the run could not be charged with.
pub(crate) fn left_out(modelled: &Modelled) -> Vec<String> {
    let line = |(fee, (from, to)): (&Fee, &(messages::Date, messages::Date))| {
        format!(
            "{}: its rate from {from} to {to} is not known, so it is not in the figure",
            fee.name()
        )
    };
    modelled.left_out.iter().map(line).collect()
}

fn utc(nanoseconds: i64) -> String {
    let time = jiff::Timestamp::from_nanosecond(i128::from(nanoseconds));
    time.expect("an i64 of nanoseconds is a time").to_string()
}
