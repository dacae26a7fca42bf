//! The book from fills and the venue's bookings alone. Every number is an integer, so nothing depends on the order
//! in which different names fill, and nothing is ever off by a rounding.

use crate::average::Position;
use crate::compare::ToTheCent;
use crate::corporate::Half;
use crate::lots::{Lot, Lots};
use crate::record::Execution;
use messages::{Booked, BookedKind, Date, Filled, Holding, Price, Shares, Symbol, Time, Usd};
use std::collections::BTreeMap;

/// Cash, positions and profit of one account, by average cost and by FIFO side by side.
///
/// Always true, for either method: `cash + cost of the positions = opening cash + opening cost + realised +
/// dividends + interest + transfers + adopted − fees − borrow`; but for the cost of shares that were exchanged and whose
/// other half has not come yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    opening: Usd,
    cash: Usd,
    /// Every name that was ever held or booked.
    names: BTreeMap<Symbol, Name>,
    booked: Cashflows,
    /// What moved cash or positions and was no fill, in the order it came.
    pub(crate) entries: Vec<LedgerEntry>,
    /// Corporate actions of which only one half has come.
    pub(crate) halves: Vec<Half>,
}

/// What differs from our books and nothing explains; and the same once a human has taken the venue's word.
const UNEXPLAINED: &str = "unexplained";
const ADOPTED: &str = "adopted";

/// One name's part of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Name {
    pub position: Position,
    /// By average cost.
    pub realised: Usd,
    pub lots: Lots,
    pub realised_fifo: Usd,
    /// Those that the venue reports for this name; fees of the whole account are in no name.
    pub booked: Cashflows,
}

/// What the venue reported to have moved, and what was adopted from it. `fees` and `borrow` are what the account
/// paid: positive is a cost. The others are positive into the account.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Cashflows {
    pub fees: Usd,
    pub borrow: Usd,
    pub dividends: Usd,
    pub interest: Usd,
    pub transfers: Usd,
    /// Differences between our books and the venue's at a session's start that no fill and no booking explains.
    pub adopted: Usd,
}

/// Why cash or cost changed without a fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerEntry {
    pub date: Date,
    /// [`BookedKind::name`], or `unexplained`, until a human has `adopted` it.
    pub kind: &'static str,
    pub symbol: Option<Symbol>,
    /// Into the account.
    pub amount: Usd,
    pub explanation: String,
}

impl Name {
    pub fn is_flat(&self) -> bool {
        self.position.quantity.0 == 0
    }

    fn hold(held: &Holding) -> (Position, Lots) {
        let mut lots = Lots::default();
        lots.push(Lot::new(None, held.quantity, held.average));
        (Position { quantity: held.quantity, cost: held.average.times(held.quantity) }, lots)
    }
}

impl Cashflows {
    /// Of all of them together on the account.
    pub fn net(&self) -> Usd {
        self.dividends + self.interest + self.transfers + self.adopted - self.fees - self.borrow
    }

    fn add(&mut self, kind: BookedKind, amount: Usd) {
        match kind {
            BookedKind::Fee => self.fees -= amount,
            BookedKind::Borrow => self.borrow -= amount,
            BookedKind::Dividend => self.dividends += amount,
            BookedKind::Interest => self.interest += amount,
            BookedKind::Transfer => self.transfers += amount,
            // What a corporate action pays is realised on its shares.
            BookedKind::Split | BookedKind::Reorganisation => {}
        }
    }
}

impl Ledger {
    /// What is held already is one lot a name, at the venue's average entry.
    pub fn new(cash: Usd, holdings: &[Holding]) -> Self {
        let name = |held: &Holding| {
            let (position, lots) = Name::hold(held);
            (held.symbol.clone(), Name { position, lots, ..Name::default() })
        };
        let names: BTreeMap<Symbol, Name> =
            holdings.iter().filter(|held| held.quantity.0 != 0).map(name).collect();
        let cost: Usd = names.values().map(|name| name.position.cost).sum();
        let (booked, entries, halves) = (Cashflows::default(), Vec::new(), Vec::new());
        Self { opening: cash + cost, cash, names, booked, entries, halves }
    }

    pub fn fill(&mut self, at: Time, fill: &Filled) {
        let (change, price) = (fill.change(), fill.price);
        self.exchange(at, &fill.symbol, change, price, Usd(fill.side.sign() * fill.rounding.0));
    }

    /// As [`Ledger::fill`], from a session's record.
    pub fn trade(&mut self, fill: &Execution) {
        let Execution { at, symbol, change, price, .. } = fill;
        self.exchange(*at, symbol, *change, *price, fill.value() - price.times(*change));
    }

    /// `change` shares at `price`: positive is bought. `rest` is what was paid beyond that, a fraction of a cent: it
    /// is in no cost, but realised at once.
    fn exchange(&mut self, at: Time, symbol: &Symbol, change: Shares, price: Price, rest: Usd) {
        self.cash -= price.times(change) + rest;
        let name = self.name(symbol);
        name.realised += name.position.fill(change, price) - rest;
        name.realised_fifo += name.lots.fill(at, change, price) - rest;
    }

    /// A movement that the venue reports.
    pub fn book(&mut self, booked: &Booked) {
        self.cash += booked.amount;
        self.booked.add(booked.kind, booked.amount);
        if let Some(symbol) = &booked.symbol {
            self.name(symbol).booked.add(booked.kind, booked.amount);
        }
        if booked.kind.is_corporate_action() {
            self.corporate_action(booked);
        }
        let kind = booked.kind.name();
        let explanation = format!("{} (venue's {})", booked.description, booked.activity);
        let (date, symbol, amount) = (booked.date, booked.symbol.clone(), booked.amount);
        self.entries.push(LedgerEntry { date, kind, symbol, amount, explanation });
    }

    /// Takes the venue's word for cash and holdings where they differ from ours by a cent or a share; every
    /// difference becomes an entry, `unexplained` until a human says `why`; then those before it are `adopted` too. A name whose quantity differs starts again as one lot at the venue's average.
    pub fn adopt(&mut self, date: Date, cash: Usd, holdings: &[Holding], why: Option<&str>) {
        self.settle_halves();
        let off = cash - self.cash;
        if off.cents_differ() {
            self.cash = cash;
            self.adopted(date, None, off, "cash differs from our books".to_owned());
        }
        let gone = self.positions().map(|(symbol, _)| symbol.clone());
        let mut stated: BTreeMap<Symbol, Option<&Holding>> = gone.map(|s| (s, None)).collect();
        stated.extend(holdings.iter().map(|held| (held.symbol.clone(), Some(held))));
        for (symbol, held) in stated {
            self.adopt_name(date, symbol, held);
        }
        let Some(why) = why else { return };
        // The session that the difference halted opened with it, before a human looked.
        for entry in self.entries.iter_mut().filter(|entry| entry.kind == UNEXPLAINED) {
            entry.kind = ADOPTED;
            entry.explanation = format!("{}, {why}", entry.explanation);
        }
    }

    fn adopt_name(&mut self, date: Date, symbol: Symbol, held: Option<&Holding>) {
        let (position, lots) = held.map_or_else(Default::default, Name::hold);
        let before = self.quantity(&symbol);
        if before == position.quantity {
            return;
        }
        let name = self.name(&symbol);
        let off = position.cost - name.position.cost;
        // FIFO's lots may have cost something else: the difference is realised there, or the two would part.
        name.realised_fifo += lots.cost() - name.lots.cost() - off;
        (name.position, name.lots) = (position, lots);
        name.booked.adopted += off;
        let text = format!("holding was {before}, the venue has {}", position.quantity);
        self.adopted(date, Some(symbol), off, text);
    }

    fn adopted(&mut self, date: Date, symbol: Option<Symbol>, amount: Usd, explanation: String) {
        self.booked.adopted += amount;
        self.entries.push(LedgerEntry { date, kind: UNEXPLAINED, symbol, amount, explanation });
    }

    pub(crate) fn name(&mut self, symbol: &Symbol) -> &mut Name {
        if !self.names.contains_key(symbol) {
            self.names.insert(symbol.clone(), Name::default());
        }
        self.names.get_mut(symbol).expect("inserted above")
    }
}

impl Ledger {
    pub fn cash(&self) -> Usd {
        self.cash
    }

    /// Cash plus cost of what was held when the ledger was opened.
    pub fn opening(&self) -> Usd {
        self.opening
    }

    /// Since the ledger was opened, by average cost.
    pub fn realised(&self) -> Usd {
        self.names.values().map(|name| name.realised).sum()
    }

    pub fn realised_fifo(&self) -> Usd {
        self.names.values().map(|name| name.realised_fifo).sum()
    }

    pub fn booked(&self) -> Cashflows {
        self.booked
    }

    pub fn entries(&self) -> &[LedgerEntry] {
        &self.entries
    }

    /// Flat ones too, ascending.
    pub fn names(&self) -> &BTreeMap<Symbol, Name> {
        &self.names
    }

    /// Those that are not flat, ascending.
    pub fn positions(&self) -> impl Iterator<Item = (&Symbol, &Position)> {
        let held = self.names.iter().filter(|(_, name)| !name.is_flat());
        held.map(|(symbol, name)| (symbol, &name.position))
    }

    pub fn quantity(&self, symbol: &Symbol) -> Shares {
        self.names.get(symbol).map_or(Shares(0), |name| name.position.quantity)
    }

    /// Cash plus positions at `marks`; `None` if a position has no mark.
    pub fn equity(&self, marks: &BTreeMap<Symbol, Price>) -> Option<Usd> {
        let value =
            |(symbol, held): (&Symbol, &Position)| Some(marks.get(symbol)?.times(held.quantity));
        let values: Option<Usd> = self.positions().map(value).sum::<Option<Usd>>();
        Some(self.cash + values?)
    }
}
