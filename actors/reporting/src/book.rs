//! A run's account over all its sessions, from the records alone: the ledger carried from day to day, and beside it,
//! never mixed with it, what fees and borrow would have cost a real account.

use crate::ledger::Ledger;
use crate::modelled::Modelled;
use crate::record::SessionRecord;
use messages::{BookedKind, Date, Holding, Price, Shares, Symbol, Usd};
use std::collections::{BTreeMap, BTreeSet};

/// The ledger of a run. Lots keep the time they were opened at over sessions; what was held before the run has none.
#[derive(Debug)]
pub struct Book {
    pub ledger: Ledger,
    pub modelled: Modelled,
    pub trades: BTreeMap<Symbol, Trades>,
    /// The last session's that had an account.
    pub marks: BTreeMap<Symbol, Price>,
    /// Of those marks, where there are any: see [`Holding::rounding`].
    roundings: BTreeMap<Symbol, Usd>,
    pub through: Option<Date>,
    /// By session: money and shares that came or went and were no trade.
    pub(crate) flows: BTreeMap<Date, Flow>,
    activities: BTreeSet<String>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Trades {
    pub fills: u32,
    /// Sum of absolute traded value.
    pub traded: Usd,
}

/// What a day's return must not count.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flow {
    /// Deposits and withdrawals that the venue reported, between the close before and the opening.
    pub(crate) before: Usd,
    /// In the same time, and nobody reported why: cash, and value of shares.
    pub(crate) unexplained: Usd,
    /// Deposits and withdrawals in the session.
    pub(crate) during: Usd,
}

impl Book {
    /// Of records in order of time; sessions without an opening (lines of older versions) are left out.
    pub fn of<'a>(records: impl IntoIterator<Item = &'a SessionRecord>) -> Self {
        let mut book = Self {
            ledger: Ledger::new(Usd(0), &[]),
            modelled: Modelled::default(),
            trades: BTreeMap::new(),
            marks: BTreeMap::new(),
            roundings: BTreeMap::new(),
            through: None,
            flows: BTreeMap::new(),
            activities: BTreeSet::new(),
        };
        for record in records {
            book.add(record);
        }
        book
    }

    /// The next in order of time.
    pub(crate) fn add(&mut self, record: &SessionRecord) {
        let Some(opening) = &record.opening else { return };
        let date = record.session;
        let mut flow = Flow::default();
        match self.through {
            None => {
                self.ledger = Ledger::new(opening.cash, &opening.positions);
                // What this opening holds already is never booked.
                let held = record.booked.iter().filter(|booked| booked.before_open);
                self.activities.extend(held.map(|booked| booked.activity.clone()));
            }
            Some(before) => {
                self.modelled.borrow(&self.ledger, &self.marks, before, date);
                flow.before = self.book(record, true);
                let why = record.adopted.as_ref();
                let why = why.map(|by| format!("adopted by {}: {}", by.operator, by.reason));
                flow.unexplained =
                    self.adopt(date, opening.cash, &opening.positions, why.as_deref());
            }
        }
        self.through = Some(date);
        for fill in &record.fills {
            self.ledger.trade(fill);
            let trades = self.trades.entry(fill.symbol.clone()).or_default();
            trades.fills += 1;
            trades.traded += fill.value().abs();
        }
        flow.during = self.book(record, false);
        self.modelled.fees(date, &record.fills);
        if let Some(day) = &record.day {
            self.marks = marks(&day.positions);
            self.roundings = roundings(&day.positions);
        }
        self.flows.insert(date, flow);
    }

    /// At the last mark; `None` without one.
    pub(crate) fn value(&self, symbol: &Symbol) -> Option<Usd> {
        let rounding = self.roundings.get(symbol).copied().unwrap_or_default();
        Some(self.marks.get(symbol)?.times(self.ledger.quantity(symbol)) + rounding)
    }

    /// What the venue reported; returns the transfers among it.
    fn book(&mut self, record: &SessionRecord, before_open: bool) -> Usd {
        let mut transferred = Usd(0);
        for booked in record.booked.iter().filter(|booked| booked.before_open == before_open) {
            if self.activities.insert(booked.activity.clone()) {
                let before = booked.symbol.as_ref().map(|symbol| self.ledger.quantity(symbol));
                self.ledger.book(booked);
                if booked.kind == BookedKind::Split {
                    self.split_mark(booked.symbol.as_ref(), before.unwrap_or_default());
                }
                if booked.kind == BookedKind::Transfer {
                    transferred += booked.amount;
                }
            }
        }
        self.ledger.pair_halves();
        transferred
    }

    /// The last close was one of the old shares.
    fn split_mark(&mut self, symbol: Option<&Symbol>, before: Shares) {
        let Some(symbol) = symbol else { return };
        let after = self.ledger.quantity(symbol);
        let Some(mark) = self.marks.get_mut(symbol) else { return };
        if before.0 != 0 && after.0 != 0 {
            let value = i128::from(mark.0) * i128::from(before.0);
            *mark = Price(i64::try_from(value / i128::from(after.0)).unwrap_or(mark.0));
        }
    }

    /// The value, at the session's opening marks, of what nobody explains.
    fn adopt(&mut self, date: Date, cash: Usd, holdings: &[Holding], why: Option<&str>) -> Usd {
        let (cash_before, held_before) = (self.ledger.cash(), self.held());
        self.ledger.adopt(date, cash, holdings, why);
        let (held, now) = (self.held(), marks(holdings));
        if held == held_before {
            return self.ledger.cash() - cash_before;
        }
        let value = |held: &BTreeMap<Symbol, Shares>, symbol, marks: &BTreeMap<Symbol, Price>| {
            let quantity = held.get(symbol).copied().unwrap_or_default();
            marks.get(symbol).map_or(Usd(0), |mark| mark.times(quantity))
        };
        let names = self.ledger.names().keys();
        let moved = names.filter(|symbol| held.get(*symbol) != held_before.get(*symbol));
        let shares: Usd = moved
            .map(|symbol| value(&held, symbol, &now) - value(&held_before, symbol, &self.marks))
            .sum();
        self.ledger.cash() - cash_before + shares
    }

    fn held(&self) -> BTreeMap<Symbol, Shares> {
        self.ledger.positions().map(|(symbol, held)| (symbol.clone(), held.quantity)).collect()
    }
}

fn roundings(holdings: &[Holding]) -> BTreeMap<Symbol, Usd> {
    let rounded = holdings.iter().filter(|held| held.rounding != Usd(0));
    rounded.map(|held| (held.symbol.clone(), held.rounding)).collect()
}

fn marks(holdings: &[Holding]) -> BTreeMap<Symbol, Price> {
    holdings.iter().map(|held| (held.symbol.clone(), held.mark)).collect()
}
