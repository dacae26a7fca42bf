//! The pre-trade gate: judges each order on the worst book that it and all open orders could lead to.
//!
//! An order that does not raise a worst case always passes its limit, so a breach can be traded out of.

use crate::portfolio::{Portfolio, share_of};
use messages::{
    DenyReason, Filled, Limits, Order, OrderUpdated, Price, SessionOpened, Shares, Symbol, Targets,
    Usd,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub(crate) struct Gate {
    nav: Usd,
    limits: Option<Limits>,
    books: BTreeMap<Symbol, Book>,
    /// Every client order id that was ever judged on its merits: none comes twice.
    seen: BTreeSet<String>,
    /// Approved and not ended, by client order id.
    open: BTreeMap<String, Open>,
}

/// Shares of one symbol. `buying` and `selling` are approved and not filled yet, both positive.
#[derive(Copy, Clone, Debug, Default)]
struct Book {
    held: i64,
    buying: i64,
    selling: i64,
    /// Bought and sold in this session, both positive.
    traded: i64,
    target: i64,
    mark: Option<Price>,
    adv_limit: Usd,
}

#[derive(Clone, Debug)]
struct Open {
    symbol: Symbol,
    /// Signed, of what is not filled yet.
    left: i64,
}

impl Gate {
    pub(crate) fn open(&mut self, opened: &SessionOpened) {
        self.nav = opened.equity;
        self.limits = Some(opened.limits.clone());
        for holding in &opened.positions {
            let held = holding.quantity.0;
            let mark = Some(holding.mark);
            self.books.insert(
                holding.symbol.clone(),
                Book { held, target: held, mark, ..Book::default() },
            );
        }
    }

    pub(crate) fn on_targets(&mut self, targets: &Targets, portfolio: &Portfolio) {
        for name in &portfolio.names {
            let book = self.books.entry(name.symbol.clone()).or_default();
            book.mark = Some(name.mark);
            book.adv_limit = name.adv_limit(&portfolio.limits);
        }
        for target in &targets.targets {
            self.books.entry(target.symbol.clone()).or_default().target = target.quantity.0;
        }
    }

    /// The whole policy (after halts), top to bottom; the first reason wins. Duplicates come first because the
    /// second copy of an order would otherwise be told that it is not in the targets.
    pub(crate) fn check(&mut self, order: &Order) -> Result<(), DenyReason> {
        if !self.seen.insert(order.client_order_id.clone()) {
            return Err(DenyReason::Duplicate);
        }
        let before = self.books.get(&order.symbol).copied().unwrap_or_default();
        if !before.asks_for(order.change()) {
            return Err(DenyReason::NotInTargets);
        }
        // A quantity computed with another price than ours is not the quantity we checked.
        let mark = before.mark.filter(|mark| mark.0 > 0 && *mark == order.reference);
        let mark = mark.ok_or(DenyReason::NoReference)?;
        let limits = self.limits.as_ref().ok_or(DenyReason::NoReference)?;
        let after = before.with(order.change());
        let (notional, limit) = (mark.times(order.quantity), share_of(self.nav, limits.order_max));
        if notional > limit {
            return Err(DenyReason::OrderTooLarge { notional, limit });
        }
        let (notional, limit) = (mark.times(after.turnover()), before.adv_limit);
        if notional > limit {
            return Err(DenyReason::AdvShare { notional, limit });
        }
        let (exposure, limit) = (after.worst(), share_of(self.nav, limits.name_max));
        if exposure > limit && exposure > before.worst() {
            return Err(DenyReason::NameTooLarge { exposure, limit });
        }
        let now: Usd = self.books.values().map(|book| book.worst()).sum();
        let (gross, limit) =
            (now - before.worst() + after.worst(), share_of(self.nav, limits.gross_max));
        if gross > limit && gross > now {
            return Err(DenyReason::GrossTooLarge { gross, limit });
        }
        Ok(())
    }

    pub(crate) fn reserve(&mut self, order: &Order) {
        let book = self.books.get_mut(&order.symbol).expect("checked");
        *book = book.with(order.change());
        let open = Open { symbol: order.symbol.clone(), left: order.change().0 };
        self.open.insert(order.client_order_id.clone(), open);
    }

    pub(crate) fn on_order_updated(&mut self, updated: &OrderUpdated) {
        if updated.status.is_terminal() {
            self.release(&updated.client_order_id);
        }
    }

    /// A fill of an order that has ended, or that we never saw, changes what is held all the same.
    pub(crate) fn on_filled(&mut self, filled: &Filled) {
        let Filled { client_order_id, symbol, quantity, .. } = filled;
        let book = self.books.entry(symbol.clone()).or_default();
        book.held += filled.change().0;
        book.traded += quantity.0;
        if book.mark.is_none() {
            book.mark = Some(filled.price);
        }
        if let Some(open) = self.open.get_mut(client_order_id) {
            let done = open.left.signum() * quantity.0.min(open.left.abs());
            open.left -= done;
            book.free(done);
        }
        if filled.complete {
            self.release(client_order_id);
        }
    }

    /// Once: the order is gone after.
    fn release(&mut self, client_order_id: &str) {
        if let Some(Open { symbol, left }) = self.open.remove(client_order_id) {
            self.books.get_mut(&symbol).expect("reserved").free(left);
        }
    }
}

impl Book {
    /// Whether `change`, after all that is open, stays on the way from held to target. A position that
    /// changes sign has two legs, and the first ends at flat.
    fn asks_for(self, Shares(change): Shares) -> bool {
        let goal = if self.held.signum() * self.target.signum() < 0 { 0 } else { self.target };
        let (missing, on_the_way) = if change > 0 {
            (goal - self.held, self.buying)
        } else {
            (self.held - goal, self.selling)
        };
        change != 0 && change.abs() + on_the_way <= missing
    }

    fn with(mut self, Shares(change): Shares) -> Self {
        self.buying += change.max(0);
        self.selling += (-change).max(0);
        self
    }

    fn free(&mut self, change: i64) {
        self.buying -= change.max(0);
        self.selling -= (-change).max(0);
        assert!(self.buying >= 0 && self.selling >= 0, "released more than was reserved: {self:?}");
    }

    /// Shares traded in this session if all that is open fills.
    fn turnover(self) -> Shares {
        Shares(self.traded + self.buying + self.selling)
    }

    /// Value of the largest position that the open orders could still lead to.
    fn worst(self) -> Usd {
        let worst = (self.held + self.buying).abs().max((self.held - self.selling).abs());
        self.mark.unwrap_or_default().times(Shares(worst))
    }
}

/// Targets never ask for what these limits forbid, so nothing else reaches them: that is why they are tested
/// here, with targets that nobody bounded.
#[cfg(test)]
mod tests {
    use super::{Book, Gate};
    use messages::{DenyReason, Limits, Order, Price, Shares, Side, Symbol, TimeInForce, Usd};

    const DOLLAR: i64 = 1_000_000;

    /// $100,000: orders up to $10,000, names to $20,000, gross to $50,000; $15,000 of each name a day.
    fn gate(books: &[(&str, i64, i64)]) -> Gate {
        let limits = Limits {
            gross: 0.5,
            gross_max: 0.5,
            name_max: 0.2,
            net_max: 0.01,
            beta_max: 0.01,
            sector_net_max: 0.01,
            adv_share_max: 0.02,
            order_max: 0.1,
        };
        let (mark, adv_limit) = (Some(Price(100 * DOLLAR)), Usd(15_000 * DOLLAR));
        let book = |&(symbol, held, target): &(&str, i64, i64)| {
            let book = Book { held, target, mark, adv_limit, ..Book::default() };
            (Symbol::from(symbol), book)
        };
        let books = books.iter().map(book).collect();
        Gate { nav: Usd(100_000 * DOLLAR), limits: Some(limits), books, ..Gate::default() }
    }

    fn order(symbol: &str, change: i64) -> Order {
        Order {
            client_order_id: format!("{symbol} {change}"),
            symbol: Symbol::from(symbol),
            side: if change > 0 { Side::Buy } else { Side::Sell },
            quantity: Shares(change.abs()),
            time_in_force: TimeInForce::Opg,
            leg: 0,
            reference: Price(100 * DOLLAR),
        }
    }

    fn judge(gate: &mut Gate, symbol: &str, change: i64) -> Result<(), DenyReason> {
        let order = order(symbol, change);
        gate.check(&order).inspect(|()| gate.reserve(&order))
    }

    #[test]
    fn one_order_has_a_size() {
        let mut gate = gate(&[("A", 0, 1_000)]);
        let (notional, limit) = (Usd(10_100 * DOLLAR), Usd(10_000 * DOLLAR));
        let denied = Err(DenyReason::OrderTooLarge { notional, limit });
        assert_eq!(judge(&mut gate, "A", 101), denied);
        assert_eq!(judge(&mut gate, "A", 100), Ok(()));
    }

    #[test]
    fn one_session_trades_so_much_of_a_name_whatever_the_side() {
        let mut gate = gate(&[("A", 0, 1_000)]);
        assert_eq!(judge(&mut gate, "A", 100), Ok(()));
        let (notional, limit) = (Usd(15_100 * DOLLAR), Usd(15_000 * DOLLAR));
        assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::AdvShare { notional, limit }));
        assert_eq!(judge(&mut gate, "A", 50), Ok(()));
    }

    #[test]
    fn a_name_may_not_grow_beyond_its_cap_but_may_shrink_from_above_it() {
        let mut gate = gate(&[("A", 150, 400), ("B", -300, 0)]);
        let (exposure, limit) = (Usd(20_100 * DOLLAR), Usd(20_000 * DOLLAR));
        assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::NameTooLarge { exposure, limit }));
        assert_eq!(judge(&mut gate, "A", 50), Ok(()));
        assert_eq!(judge(&mut gate, "B", 50), Ok(()));
    }

    /// The reducer of B is open and may not fill, so it makes no room for A.
    #[test]
    fn gross_counts_open_orders_at_their_worst() {
        let mut gate = gate(&[("A", 0, 100), ("B", 450, 0)]);
        assert_eq!(judge(&mut gate, "B", -100), Ok(()));
        let (gross, limit) = (Usd(50_100 * DOLLAR), Usd(50_000 * DOLLAR));
        assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::GrossTooLarge { gross, limit }));
        assert_eq!(judge(&mut gate, "A", 50), Ok(()));
    }
}
