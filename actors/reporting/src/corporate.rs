//! Splits and reorganisations: shares come and go, what they cost stays.
//!
//! A venue may book one as a change of the holding, or as two halves: all old shares out, all new ones in, of the
//! same name or of another. The cost of shares that go without money waits for those that come on the same day, or
//! is given to those that came already: so the order of the halves does not matter.

use crate::average::Position;
use crate::ledger::{Ledger, Name};
use crate::lots::{Lot, Lots};
use messages::{Booked, BookedKind, Date, Price, Shares, Symbol, Usd};

/// One half of an exchange of shares that waits for the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Half {
    /// Shares went; their cost, by average and by lots.
    Gone { date: Date, symbol: Symbol, cost: Usd, lots: Lots },
    /// Shares of this name came, and cost nothing so far.
    Come { date: Date, symbol: Symbol },
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

    /// What nothing was ever given for is lost: said when the books are compared next.
    pub(crate) fn settle_halves(&mut self) {
        for half in std::mem::take(&mut self.halves) {
            if let Half::Gone { symbol, cost, lots, .. } = half {
                self.realise(&symbol, -cost, -lots.cost());
            }
        }
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
        let waits = |half: &Half| matches!(half, Half::Come { date: came, .. } if *came == date);
        match self.halves.iter().position(waits) {
            Some(at) => {
                if let Half::Come { symbol, .. } = self.halves.remove(at) {
                    self.name(&symbol).take_over(cost, lots);
                }
            }
            None => self.halves.push(Half::Gone { date, symbol: symbol.clone(), cost, lots }),
        }
    }

    fn shares_come(&mut self, date: Date, symbol: &Symbol, change: Shares) {
        let name = self.name(symbol);
        name.position.quantity += change;
        name.lots.push(Lot::new(None, change, Price(0)));
        let waits = |half: &Half| matches!(half, Half::Gone { date: gone, .. } if *gone == date);
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
