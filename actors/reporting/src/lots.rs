//! First in, first out: the shares of one name by when and at what cost they were opened.

use crate::average::Position;
use messages::{Price, Shares, Time, Usd};
use std::collections::VecDeque;

/// Shares that were opened together.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// `None`: held before the ledger was opened; nobody here knows since when.
    pub opened: Option<Time>,
    /// Never none: what the shares cost is price times quantity, until a split makes thirds of cents of it.
    pub held: Position,
}

impl Lot {
    pub(crate) fn new(opened: Option<Time>, quantity: Shares, price: Price) -> Self {
        Self { opened, held: Position { quantity, cost: price.times(quantity) } }
    }
}

/// The open lots of one name, the oldest first, all on the same side.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lots(VecDeque<Lot>);

impl Lots {
    pub fn iter(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    pub fn quantity(&self) -> Shares {
        self.0.iter().map(|lot| lot.held.quantity).sum()
    }

    /// What the open shares cost; negative for a short: what they brought in.
    pub fn cost(&self) -> Usd {
        self.0.iter().map(|lot| lot.held.cost).sum()
    }

    pub(crate) fn push(&mut self, lot: Lot) {
        if lot.held.quantity.0 != 0 {
            self.0.push_back(lot);
        }
    }

    /// Profit that a fill of `change` shares realises: against the oldest lots first; what is left of it opens
    /// a lot of its own.
    pub(crate) fn fill(&mut self, at: Time, change: Shares, price: Price) -> Usd {
        let (taken, left) = self.take(change);
        self.push(Lot::new(Some(at), left, price));
        taken.iter().map(|lot| price.times(lot.held.quantity) - lot.held.cost).sum()
    }

    /// The oldest shares that `change` closes, and what of it closes none.
    pub(crate) fn take(&mut self, mut change: Shares) -> (Self, Shares) {
        let mut taken = Self::default();
        while let Some(oldest) = self.0.front_mut() {
            let held = &mut oldest.held;
            if change.0 == 0 || held.quantity.0.signum() == change.0.signum() {
                break;
            }
            let size = held.quantity.0.abs().min(change.0.abs());
            let quantity = Shares(size * held.quantity.0.signum());
            let cost = held.share_of_cost(quantity);
            taken.push(Lot { held: Position { quantity, cost }, ..*oldest });
            change += quantity;
            held.quantity -= quantity;
            held.cost -= cost;
            if held.quantity.0 == 0 {
                self.0.pop_front();
            }
        }
        (taken, change)
    }

    /// So many shares instead, of the same cost and the same age; lots of less than a share go into the next one.
    pub(crate) fn rescale(&mut self, total: Shares) {
        let before = i128::from(self.quantity().0);
        let (mut seen, mut given, mut carried) = (0_i128, 0_i64, Usd(0));
        let mut scaled = Self::default();
        for lot in std::mem::take(&mut self.0) {
            seen += i128::from(lot.held.quantity.0);
            let upto = i64::try_from(seen * i128::from(total.0) / before)
                .expect("a part of the shares that there are");
            let quantity = Shares(upto - given);
            carried += lot.held.cost;
            if quantity.0 != 0 {
                let cost = std::mem::take(&mut carried);
                scaled.push(Lot { held: Position { quantity, cost }, ..lot });
                given = upto;
            }
        }
        *self = scaled;
    }

    /// The youngest lot, if it cost nothing.
    pub(crate) fn pop_free(&mut self) -> Option<Lot> {
        let free = self.0.back().is_some_and(|lot| lot.held.cost.0 == 0);
        if free { self.0.pop_back() } else { None }
    }

    /// Behind those that are here.
    pub(crate) fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }
}
