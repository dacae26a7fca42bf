//! All orders there ever were: found by id, the open ones by asset, and what they hold back.

use super::order::{OrderState, Status};
use messages::Side;
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// An order with what only the exchange needs to know of it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) state: OrderState,
    /// It has been routed: whatever trades may fill it.
    pub(super) working: bool,
    /// Its stop was reached.
    pub(super) triggered: bool,
    /// It rests at its limit: the price that it last met had not crossed it.
    pub(super) passive: bool,
    /// Dollars that each share or coin of an opening order is counted at.
    pub(super) worst: Decimal,
    pub(super) parent: Option<usize>,
    /// Exits, the one that takes the profit first.
    pub(super) legs: Vec<usize>,
    /// What was asked of it and is not carried out yet.
    pub(super) pending: Option<Pending>,
    /// The order that it is to replace, until it does.
    pub(super) awaits: Option<usize>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    Cancel,
    ReplaceBy(usize),
}

impl Entry {
    /// What it holds back by itself.
    fn hold(&self) -> Hold {
        let waits = !self.state.is_open() || self.state.status == Status::Held;
        let open = if waits { Decimal::ZERO } else { self.state.remaining() };
        if self.state.opens() {
            Hold { cash: open * self.worst, quantity: Decimal::ZERO }
        } else {
            Hold { cash: Decimal::ZERO, quantity: open }
        }
    }
}

/// Held back for an open order: dollars of buying power if it opens a position, shares or coins of the
/// position if it reduces one.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) cash: Decimal,
    pub(super) quantity: Decimal,
}

impl Hold {
    fn beyond(self, other: Self) -> Self {
        let excess = |own: Decimal, theirs: Decimal| (own - theirs).max(Decimal::ZERO);
        Self {
            cash: excess(self.cash, other.cash),
            quantity: excess(self.quantity, other.quantity),
        }
    }
}

/// In the order they were placed; everything else holds places in that.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    all: Vec<Entry>,
    by_id: BTreeMap<String, usize>,
    by_client_id: BTreeMap<String, usize>,
    open: BTreeSet<usize>,
    of_asset: BTreeMap<usize, BTreeSet<usize>>,
    /// Dollars, for equities and for coins.
    held_cash: [Decimal; 2],
    /// By asset; never zero.
    held_quantity: BTreeMap<usize, Decimal>,
}

impl Orders {
    pub(super) fn add(&mut self, entry: Entry) -> usize {
        let at = self.all.len();
        let state = &entry.state;
        self.by_id.insert(state.id.clone(), at);
        self.by_client_id.insert(state.client_order_id.clone(), at);
        self.open.insert(at);
        self.of_asset.entry(state.asset).or_default().insert(at);
        self.all.push(entry);
        self.account(at, Hold::default());
        at
    }

    pub(super) fn get(&self, at: usize) -> &Entry {
        &self.all[at]
    }

    /// The only way to change an order: whatever becomes of it, what it holds back is right afterwards.
    pub(super) fn change<T>(&mut self, at: usize, change: impl FnOnce(&mut Entry) -> T) -> T {
        let replacement = match self.all[at].pending {
            Some(Pending::ReplaceBy(new)) => Some(new),
            _ => None,
        };
        let before = self.hold(at);
        let other = replacement.map(|new| (new, self.hold(new)));
        let result = change(&mut self.all[at]);
        self.account(at, before);
        if let Some((new, before)) = other {
            self.account(new, before);
        }
        let entry = &self.all[at];
        if !entry.state.is_open() && self.open.remove(&at) {
            let asset = entry.state.asset;
            let rest = self.of_asset.get_mut(&asset).expect("it was open");
            rest.remove(&at);
            if rest.is_empty() {
                self.of_asset.remove(&asset);
            }
        }
        result
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.by_id.get(id).copied()
    }

    pub(super) fn place_of_client_id(&self, id: &str) -> Option<usize> {
        self.by_client_id.get(id).copied()
    }

    pub(super) fn is_open(&self, at: usize) -> bool {
        self.open.contains(&at)
    }

    /// Oldest first.
    pub(super) fn open(&self) -> Vec<usize> {
        self.open.iter().copied().collect()
    }

    /// Open ones of the asset, oldest first.
    pub(super) fn open_of(&self, asset: usize) -> impl Iterator<Item = usize> + '_ {
        self.of_asset.get(&asset).into_iter().flatten().copied()
    }

    /// With an open order, ascending.
    pub(super) fn assets(&self) -> impl Iterator<Item = usize> + '_ {
        self.of_asset.keys().copied()
    }

    /// Ever placed.
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }

    /// Dollars held back for opening orders, of equities or of coins.
    pub(super) fn held_cash(&self, crypto: bool) -> Decimal {
        self.held_cash[usize::from(crypto)]
    }

    /// Shares or coins held back for orders that reduce the position.
    pub(super) fn held_quantity(&self, asset: usize) -> Decimal {
        self.held_quantity.get(&asset).copied().unwrap_or_default()
    }

    /// Dollars that `at` adds to what is held back.
    pub(super) fn hold(&self, at: usize) -> Hold {
        let entry = &self.all[at];
        match entry.awaits {
            // Until it is replaced, the larger of the two counts.
            Some(old) => entry.hold().beyond(self.all[old].hold()),
            None => entry.hold(),
        }
    }

    /// The other exit of a pair of which only one is to fill.
    pub(super) fn sibling(&self, at: usize) -> Option<usize> {
        use super::order::ClassName::{Bracket, Oco, Oto, Simple};
        let entry = &self.all[at];
        match (entry.state.class, entry.parent) {
            (Oco, Some(parent)) => Some(parent),
            (Oco, None) => entry.legs.first().copied(),
            (Bracket, Some(parent)) => self.all[parent].legs.iter().copied().find(|leg| *leg != at),
            (Bracket, None) | (Oto | Simple, _) => None,
        }
    }

    /// An open order on the other side that could trade with one on `side` at `limit`: always, unless
    /// both have limits that don't cross.
    pub(super) fn opposite(
        &self,
        asset: usize,
        side: Side,
        limit: Option<Decimal>,
    ) -> impl Iterator<Item = &OrderState> {
        let crosses = move |other: &OrderState| match (limit, other.kind.limit()) {
            (Some(ours), Some(theirs)) => match side {
                Side::Buy => ours >= theirs,
                Side::Sell => ours <= theirs,
            },
            _ => true,
        };
        self.open_of(asset)
            .map(|at| &self.all[at].state)
            .filter(move |other| other.side != side && other.status != Status::Held)
            .filter(move |other| crosses(other))
    }

    fn account(&mut self, at: usize, before: Hold) {
        let after = self.hold(at);
        let (asset, crypto) = (self.all[at].state.asset, self.all[at].state.crypto);
        self.held_cash[usize::from(crypto)] += after.cash - before.cash;
        let change = after.quantity - before.quantity;
        if !change.is_zero() {
            let held = self.held_quantity.entry(asset).or_default();
            *held += change;
            if held.is_zero() {
                self.held_quantity.remove(&asset);
            }
        }
    }
}
