//! Splits and reorganisations: shares come and go, what they cost stays.
//!
//! A venue may book one as a change of the holding, or as two halves: all old shares out, all new ones in, of the
//! same name or of another. The cost of shares that go without money waits for those that come on the same day, or
//! is given to those that came already: so the order of the halves does not matter. Halves of one name belong together;
//! those of different names do if, once all of a day is booked, only one went and only one came. The venue's word does
//! not tell more of them apart: then nothing is guessed, the cost of what went is lost, what came cost nothing, and an entry
//! says so.

use crate::average::Position;
use crate::ledger::{Ledger, LedgerEntry, Name};
use crate::lots::{Lot, Lots};
use messages::{Booked, BookedKind, Date, Price, Shares, Symbol, Usd};
use std::collections::BTreeSet;

/// One half of an exchange of shares that waits for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// Shares went; their cost, by average and by lots.
    Gone { date: Date, symbol: Symbol, cost: Usd, lots: Lots },
    /// Shares of this name came, and cost nothing so far.
    Come { date: Date, symbol: Symbol },
}

impl Half {
    fn date(&self) -> Date {
        match self {
            Self::Gone { date, .. } | Self::Come { date, .. } => *date,
        }
    }

    fn is_of(&self, day: Date, name: &Symbol) -> bool {
        match self {
            Self::Gone { date, symbol, .. } | Self::Come { date, symbol } => {
                (*date, symbol) == (day, name)
            }
        }
    }
}

impl Ledger {
    /// Moves the shares of a booking; its cash has been moved already.
    pub(crate) fn corporate_action(&mut self, booked: &Booked) {
        let Some(symbol) = &booked.symbol else { return };
        let (held, change) = (self.quantity(symbol), booked.shares);
        let total = held + change;
        let same_side = held.0.signum() == total.0.signum();
        if change.0 == 0 {
            self.realise(symbol, booked.amount, booked.amount);
        } else if booked.kind == BookedKind::Split && held.0 != 0 && same_side {
            let name = self.name(symbol);
            name.position.quantity = total;
            name.lots.rescale(total);
            self.realise(symbol, booked.amount, booked.amount);
        } else if held.0.signum() == -change.0.signum() {
            self.shares_go(booked.date, symbol, change, booked.amount);
        } else {
            self.shares_come(booked.date, symbol, change);
            self.realise(symbol, booked.amount, booked.amount);
        }
    }

    /// Exchanges of one name for another, as far as they can be told: for when all that a day has was booked.
    pub(crate) fn pair_halves(&mut self) {
        let dates: BTreeSet<Date> = self.halves.iter().map(Half::date).collect();
        for date in dates {
            let (of_day, others) =
                std::mem::take(&mut self.halves).into_iter().partition(|half| half.date() == date);
            self.halves = others;
            match <[Half; 2]>::try_from(of_day) {
                Ok(
                    [Half::Gone { cost, lots, .. }, Half::Come { symbol, .. }]
                    | [Half::Come { symbol, .. }, Half::Gone { cost, lots, .. }],
                ) => self.name(&symbol).take_over(cost, lots),
                Ok(alike) => self.halves.extend(alike),
                Err(of_day) => self.halves.extend(of_day),
            }
        }
    }

    /// What nothing was ever given for is lost, and where it can't be told what was given, too.
    pub(crate) fn settle_halves(&mut self) {
        self.pair_halves();
        let halves = std::mem::take(&mut self.halves);
        for half in &halves {
            let Half::Gone { date, symbol, cost, lots } = half else { continue };
            self.realise(symbol, -*cost, -lots.cost());
            let came = halves.iter().filter_map(|half| match half {
                Half::Come { date: came, symbol } if came == date => Some(symbol.to_string()),
                _ => None,
            });
            let came: Vec<String> = came.collect();
            if !came.is_empty() {
                self.say_unmatched(*date, symbol, *cost, &came.join(", "));
            }
        }
    }

    fn say_unmatched(&mut self, date: Date, symbol: &Symbol, cost: Usd, came: &str) {
        let explanation = format!(
            "shares of {symbol} went and shares of {came} came, and which for which is not told: the cost of {symbol}, \
             {cost}, is realised as lost and not handed on"
        );
        let (kind, symbol, amount) =
            (BookedKind::Reorganisation.name(), Some(symbol.clone()), Usd(0));
        self.entries.push(LedgerEntry { date, kind, symbol, amount, explanation });
    }

    fn realise(&mut self, symbol: &Symbol, average: Usd, fifo: Usd) {
        let name = self.name(symbol);
        name.realised += average;
        name.realised_fifo += fifo;
    }

    /// For money they are sold; for none they are exchanged, and their cost goes where the other half is.
    fn shares_go(&mut self, date: Date, symbol: &Symbol, change: Shares, amount: Usd) {
        let name = self.name(symbol);
        let before = name.position;
        let (lots, left) = name.lots.take(change);
        // What there is no share for goes short, at no price.
        let closed = left - change;
        let cost = before.share_of_cost(closed);
        name.position.quantity += change;
        name.position.cost -= cost;
        name.lots.push(Lot::new(None, left, Price(0)));
        if amount.0 != 0 {
            self.realise(symbol, amount - cost, amount - lots.cost());
            return;
        }
        let waits = |half: &Half| matches!(half, Half::Come { .. }) && half.is_of(date, symbol);
        match self.halves.iter().position(waits) {
            Some(at) => {
                self.halves.remove(at);
                self.name(symbol).take_over(cost, lots);
            }
            None => self.halves.push(Half::Gone { date, symbol: symbol.clone(), cost, lots }),
        }
    }

    fn shares_come(&mut self, date: Date, symbol: &Symbol, change: Shares) {
        let name = self.name(symbol);
        name.position.quantity += change;
        name.lots.push(Lot::new(None, change, Price(0)));
        let waits = |half: &Half| matches!(half, Half::Gone { .. }) && half.is_of(date, symbol);
        match self.halves.iter().position(waits) {
            Some(at) => {
                if let Half::Gone { cost, lots, .. } = self.halves.remove(at) {
                    self.name(symbol).take_over(cost, lots);
                }
            }
            None => self.halves.push(Half::Come { date, symbol: symbol.clone() }),
        }
    }
}

impl Name {
    /// The shares that came last, at no cost, get that of the ones they stand for, and their age.
    fn take_over(&mut self, cost: Usd, mut lots: Lots) {
        self.position.cost += cost;
        if let Some(came) = self.lots.pop_free() {
            let shares = came.held.quantity;
            if lots.quantity().0 == 0 {
                lots.push(Lot { held: Position { quantity: shares, cost: lots.cost() }, ..came });
            } else {
                lots.rescale(shares);
            }
            self.lots.append(lots);
        }
    }
}
