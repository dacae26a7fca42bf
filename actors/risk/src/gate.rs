//! The pre-trade gate: judges each order on the worst book that it and all open orders could lead to. The first
//! check that fails denies, with a stable code and its numbers; every decision is in the journal. In this order
//! (METHODS.md §6):
//!
//! | check | code |
//! |---|---|
//! | a kill, an alarm, a breaker of level 2 or 3 (see `halt`, `breakers`) | `HALTED` |
//! | a client order id that was judged before | `DUPLICATE` |
//! | restricted list, corporate action overnight | `RESTRICTED` |
//! | in the targets, sized with the close that they were made with | `NOT_IN_TARGETS`, `NO_REFERENCE` |
//! | a breaker of level 1: only what reduces a position | `BREAKER` |
//! | size of an order: share of NAV, dollars; share of ADV, of a sliced plan's minute too | `ORDER_TOO_LARGE`, `ADV_SHARE` |
//! | a limit within the collar of the last price (a fill's, or the venue's mark), or of the reference | `COLLAR` |
//! | outside of the opening auction: a last price of the symbol, or else a limit | `NO_PRICE` |
//! | the same: the last price within the collar of the reference | `COLLAR` |
//! | token bucket, by the time of messages | `TOO_MANY_ORDERS` |
//! | same symbol, side, quantity and leg within 60 s | `SAME_AGAIN` |
//! | an open order the other way | `WASH` |
//! | name and gross, open orders at their worst | `NAME_TOO_LARGE`, `GROSS_TOO_LARGE` |
//! | equity less maintenance margin, open orders at their worst | `BUYING_POWER` |
//! | short selling: allowed, of this name, with this equity | `SHORT` |
//! | orders (slices, of a plan that has them) and turnover of the day, as multiples of the plan's | `DAY_ORDERS`, `DAY_TURNOVER` |
//!
//! Orders that close positions while a kill of level `flatten` is in force are judged by [`closing`] instead.
//!
//! An order that does not raise a worst case always passes its limit, so a breach can be traded out of. Ids come first
//! because the second copy of an order would otherwise be told that it is not in the targets. The rows that need
//! [`messages::RiskRules`] are skipped in a session that has none.
//!
//! Net, beta and sectors are judged once, on the targets that every order must be on the way to: of a plan whose
//! orders are sent one after the other every beginning is lopsided, and "any of them may not fill" is half of the
//! plan's turnover on one side.
//!
//! Absent, because no journal of today holds what they need: the age of quotes, bars within the day and of the account's
//! snapshot (a session trades on one close and one statement, whose dates are checked instead); corporate actions
//! of the day; the venue's own buying power and intraday margin; `borrow_status` per symbol (the configuration's list
//! stands in for it); Rule 201, which needs the best bid.

mod closing;
mod pace;

use crate::portfolio::{Portfolio, order_limit, share_of, short_barred};
use messages::{
    DenyReason, Filled, Marked, Order, OrderUpdated, Price, SessionOpened, Shares, Symbol, Targets,
    Time, TimeInForce, Usd,
};
use pace::Pace;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub(crate) struct Gate {
    books: BTreeMap<Symbol, Book>,
    /// Every client order id that was ever judged on its merits: none comes twice.
    seen: BTreeSet<String>,
    /// Approved and not ended, by client order id.
    open: BTreeMap<String, Open>,
    pace: Pace,
    planned: Day,
    approved: Day,
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
    /// In this session: of the last fill, or the venue's mark since.
    last: Option<Price>,
    adv_limit: Usd,
    /// Of one order, where the plan is sliced.
    slice: Option<Shares>,
}

#[derive(Clone, Debug)]
struct Open {
    symbol: Symbol,
    /// Signed, of what is not filled yet.
    left: i64,
}

/// Orders and what they are worth.
#[derive(Copy, Clone, Debug, Default)]
struct Day {
    orders: u32,
    turnover: Usd,
}

/// An order, with its symbol's book before and after it is approved.
struct Case<'a> {
    order: &'a Order,
    opened: &'a SessionOpened,
    mark: Price,
    before: Book,
    after: Book,
}

impl Gate {
    pub(crate) fn open(&mut self, opened: &SessionOpened) {
        for holding in &opened.positions {
            let held = holding.quantity.0;
            let mark = Some(holding.mark);
            self.books.insert(
                holding.symbol.clone(),
                Book { held, target: held, mark, ..Book::default() },
            );
        }
    }

    pub(crate) fn on_targets(
        &mut self,
        targets: &Targets,
        portfolio: &Portfolio,
        opened: &SessionOpened,
    ) {
        for name in &portfolio.names {
            let book = self.books.entry(name.symbol.clone()).or_default();
            book.mark = Some(name.mark);
            book.adv_limit = name.adv_limit(&portfolio.limits);
            book.slice = opened.plan_slice(name.mark, name.adv);
        }
        for target in &targets.targets {
            let book = self.books.entry(target.symbol.clone()).or_default();
            book.target = target.quantity.0;
            self.planned.orders += book.orders_to(target.held.0);
            self.planned.turnover += target.mark.times((target.quantity - target.held).abs());
        }
    }

    /// The whole policy (after halts), top to bottom; the first reason wins. `reducing`: why nothing but what reduces
    /// a position is approved, if so.
    pub(crate) fn check(
        &mut self,
        order: &Order,
        opened: &SessionOpened,
        at: Time,
        reducing: Option<String>,
    ) -> Result<(), DenyReason> {
        if !self.seen.insert(order.client_order_id.clone()) {
            return Err(DenyReason::Duplicate);
        }
        let rules = opened.rules.as_ref();
        if rules.is_some_and(|rules| rules.restricted.contains(&order.symbol))
            || opened.was_reorganised(&order.symbol)
        {
            return Err(DenyReason::Restricted);
        }
        let case = self.case(order, opened)?;
        if let Some(reason) = reducing.filter(|_| case.raises()) {
            return Err(DenyReason::Breaker { reason });
        }
        case.size()?;
        if let Some(rules) = rules {
            case.collar(rules.collar)?;
            self.pace.check(order, at, rules.orders_per_minute)?;
            self.wash(order)?;
        }
        self.exposure(&case)?;
        if let Some(rules) = rules {
            self.margin(&case, rules.equity_left_min)?;
            case.short()?;
            self.day(&case, rules.plan_multiple)?;
        }
        Ok(())
    }

    fn case<'a>(
        &self,
        order: &'a Order,
        opened: &'a SessionOpened,
    ) -> Result<Case<'a>, DenyReason> {
        let before = self.books.get(&order.symbol).copied().unwrap_or_default();
        if !before.asks_for(order.change()) {
            return Err(DenyReason::NotInTargets);
        }
        // A quantity computed with another price than ours is not the quantity we checked.
        let mark = before.mark.filter(|mark| mark.0 > 0 && *mark == order.reference);
        let mark = mark.ok_or(DenyReason::NoReference)?;
        Ok(Case { order, opened, mark, before, after: before.with(order.change()) })
    }

    fn wash(&self, order: &Order) -> Result<(), DenyReason> {
        let change = order.change().0;
        let against =
            |open: &Open| open.symbol == order.symbol && open.left.signum() * change.signum() < 0;
        match self.open.iter().find(|(_, open)| against(open)) {
            Some((id, _)) => Err(DenyReason::Wash { open: id.clone() }),
            None => Ok(()),
        }
    }

    fn exposure(&self, case: &Case) -> Result<(), DenyReason> {
        let SessionOpened { limits, equity, .. } = case.opened;
        let (before, after) = (case.before.worst(), case.after.worst());
        let limit = share_of(*equity, limits.name_max);
        if after > limit && after > before {
            return Err(DenyReason::NameTooLarge { exposure: after, limit });
        }
        let now: Usd = self.books.values().map(|book| book.worst()).sum();
        let (gross, limit) = (now - before + after, share_of(*equity, limits.gross_max));
        if gross > limit && gross > now {
            return Err(DenyReason::GrossTooLarge { gross, limit });
        }
        Ok(())
    }

    fn margin(&self, case: &Case, left_min: f64) -> Result<(), DenyReason> {
        let now: Usd = self.books.values().map(|book| book.maintenance()).sum();
        let needed = now - case.before.maintenance() + case.after.maintenance();
        let equity = case.opened.equity;
        let (left, limit) = (equity - needed, share_of(equity, left_min));
        if left < limit && needed > now {
            return Err(DenyReason::BuyingPower { left, limit });
        }
        Ok(())
    }

    fn day(&self, case: &Case, multiple: f64) -> Result<(), DenyReason> {
        let orders = self.approved.orders + 1;
        let limit = (f64::from(self.planned.orders) * multiple) as u32;
        if orders > limit {
            return Err(DenyReason::DayOrders { orders, limit });
        }
        let turnover = self.approved.turnover + case.notional();
        let limit = share_of(self.planned.turnover, multiple);
        if turnover > limit {
            return Err(DenyReason::DayTurnover { turnover, limit });
        }
        Ok(())
    }

    pub(crate) fn reserve(&mut self, order: &Order, opened: &SessionOpened, at: Time) {
        let book = self.books.get_mut(&order.symbol).expect("checked");
        *book = book.with(order.change());
        self.approved.orders += 1;
        self.approved.turnover += order.reference.times(order.quantity);
        if let Some(rules) = &opened.rules {
            self.pace.take(order, at, rules.orders_per_minute);
        }
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
        book.last = Some(filled.price);
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

    pub(crate) fn on_marked(&mut self, marked: &Marked) {
        for (symbol, price) in &marked.prices {
            if let Some(book) = self.books.get_mut(symbol) {
                book.last = Some(*price);
            }
        }
    }

    /// Once: the order is gone after.
    fn release(&mut self, client_order_id: &str) {
        if let Some(Open { symbol, left }) = self.open.remove(client_order_id) {
            self.books.get_mut(&symbol).expect("reserved").free(left);
        }
    }
}

impl Case<'_> {
    fn notional(&self) -> Usd {
        self.mark.times(self.order.quantity)
    }

    /// Could it make the position larger?
    fn raises(&self) -> bool {
        self.after.worst() > self.before.worst()
    }

    fn size(&self) -> Result<(), DenyReason> {
        let (notional, limit) = (self.notional(), order_limit(self.opened));
        if notional > limit {
            return Err(DenyReason::OrderTooLarge { notional, limit });
        }
        if let Some(most) = self.before.slice.filter(|most| self.order.quantity > *most) {
            return Err(DenyReason::AdvShare { notional, limit: self.mark.times(most) });
        }
        let (notional, limit) = (self.mark.times(self.after.turnover()), self.before.adv_limit);
        if notional > limit {
            return Err(DenyReason::AdvShare { notional, limit });
        }
        Ok(())
    }

    /// In the auction there is no price yet that the order could be compared with.
    fn collar(&self, collar: f64) -> Result<(), DenyReason> {
        if self.order.limit.is_some() {
            closing::within(self.order.limit, self.before.last.unwrap_or(self.mark), collar)?;
        }
        if self.order.time_in_force == TimeInForce::Opg {
            return Ok(());
        }
        let Some(last) = self.before.last else {
            // A limit is a price, and has been compared with the reference.
            return self.order.limit.map(|_| ()).ok_or(DenyReason::NoPrice);
        };
        let reference = self.mark;
        let moved = (last.0 - reference.0).abs() as f64;
        if moved > collar * reference.0 as f64 {
            Err(DenyReason::Collar { last, reference })
        } else {
            Ok(())
        }
    }

    fn short(&self) -> Result<(), DenyReason> {
        let lowest = |book: Book| (book.held - book.selling).min(0);
        if lowest(self.after) >= lowest(self.before) {
            return Ok(());
        }
        match short_barred(self.opened, &self.order.symbol) {
            Some(why) => Err(DenyReason::Short { why: why.to_owned() }),
            None => Ok(()),
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

    /// How many orders the way from `held` to the target takes, each leg on its own.
    fn orders_to(self, held: i64) -> u32 {
        let crosses = held.signum() * self.target.signum() < 0;
        let legs = if crosses { [held, self.target] } else { [self.target - held, 0] };
        let most = self.slice.map_or(u64::MAX, |slice| slice.0.unsigned_abs());
        legs.into_iter().map(|leg| leg.unsigned_abs().div_ceil(most) as u32).sum()
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

    /// Margin that the venue wants for the worst of it: three tenths of a long; of a short as much, or $5 a share
    /// ($2.50 or all of it below $5) if that is more.
    fn maintenance(self) -> Usd {
        let mark = self.mark.unwrap_or_default();
        let part = |shares: i64, percent: i64| Usd(mark.times(Shares(shares)).0 / 100 * percent);
        let long = part((self.held + self.buying).max(0), 30);
        let shares = (self.selling - self.held).max(0);
        let (percent, floor) = if mark < FIVE { (100, FIVE.0 / 2) } else { (30, FIVE.0) };
        let short = part(shares, percent).max(Price(floor).times(Shares(shares)));
        long.max(short)
    }
}

const FIVE: Price = Price(5_000_000);

#[cfg(test)]
mod exhaustive;
#[cfg(test)]
mod tests;
