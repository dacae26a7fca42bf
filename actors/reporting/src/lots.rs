//! First in, first out: the shares of one name by when and at what price they were opened.

use messages::{Price, Shares, Time, Usd};
use std::collections::VecDeque;

/// Shares that were opened together.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// `None`: held before the ledger was opened; nobody here knows since when.
    pub opened: Option<Time>,
    /// Signed: negative is short. Never zero.
    pub quantity: Shares,
    pub price: Price,
}

/// The open lots of one name, the oldest first, all on the same side. A lot's cost is price times quantity, so
/// nothing here is ever rounded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lots(VecDeque<Lot>);

impl Lots {
    pub fn iter(&self) -> impl Iterator<Item = &Lot> {
        self.0.iter()
    }

    pub fn quantity(&self) -> Shares {
        self.0.iter().map(|lot| lot.quantity).sum()
    }

    /// What the open shares cost; negative for a short: what they brought in.
    pub fn cost(&self) -> Usd {
        self.0.iter().map(|lot| lot.price.times(lot.quantity)).sum()
    }

    pub(crate) fn push(&mut self, lot: Lot) {
        if lot.quantity.0 != 0 {
            self.0.push_back(lot);
        }
    }

    /// Profit that a fill of `change` shares realises: against the oldest lots first; what is left of it opens
    /// a lot of its own.
    pub(crate) fn fill(&mut self, at: Time, mut change: Shares, price: Price) -> Usd {
        let mut realised = Usd(0);
        while let Some(oldest) = self.0.front_mut() {
            if change.0 == 0 || oldest.quantity.0.signum() == change.0.signum() {
                break;
            }
            let size = oldest.quantity.0.abs().min(change.0.abs());
            let closed = Shares(size * oldest.quantity.0.signum());
            realised += price.times(closed) - oldest.price.times(closed);
            change += closed;
            oldest.quantity -= closed;
            if oldest.quantity.0 == 0 {
                self.0.pop_front();
            }
        }
        self.push(Lot { opened: Some(at), quantity: change, price });
        realised
    }
}
