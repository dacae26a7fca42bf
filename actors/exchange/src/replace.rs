//! Replacing an open order by another one.

use super::admission::{Admitted, worst_price};
use super::exchange::Exchange;
use super::lifecycle::Due;
use super::order::{ClassName, Event, OrderState, Status};
use super::orders::Pending;
use super::refusal::Refusal;
use super::request::{NewOrder, OrderClass, OrderKind, ReplaceOrder, Size, TimeInForce, Trail};
use rust_decimal::Decimal;
use std::sync::Arc;

impl Exchange {
    /// Replaces an open order by a new one with an id of its own; the answer is the new order.
    ///
    /// The new order is for what the old one lacks. `quantity` is of both together, so that a fill on
    /// the way does not make it more: 10 where 4 have filled leaves 6. Until the replacement arrives
    /// (see [`Exchange::set_lag`]) the old order may fill; if it fills whole, the new one is rejected.
    pub fn replace(&mut self, id: &str, change: &ReplaceOrder) -> Result<OrderState, Refusal> {
        let unknown = || Refusal::not_found(format!("order not found for {id}"));
        let old = self.orders.place(id).ok_or_else(unknown)?;
        self.check_replaceable(old, change)?;
        let (order, whole) = self.replacement(old, change)?;
        self.check_replacement(old, &order)?;
        let waits = self.orders.get(old).state.status == Status::Held;
        let status = if waits { Status::Held } else { Status::PendingNew };
        let parent = self.orders.get(old).parent;
        let new = self.add(order, status, parent);
        self.link(old, new);
        if self.config.lag == 0 || waits {
            self.carry_out_replacement(old, new, whole);
        } else {
            self.tell(old, Event::PendingReplace);
            self.queue(Due::Replace { old, new, whole });
        }
        Ok(self.snapshot(new))
    }

    fn check_replaceable(&self, at: usize, change: &ReplaceOrder) -> Result<(), Refusal> {
        let entry = self.orders.get(at);
        let refuse = |message: String| Err(Refusal::invalid(message));
        let status = match entry.pending {
            Some(Pending::Cancel) => Status::PendingCancel,
            Some(Pending::ReplaceBy(_)) => Status::PendingReplace,
            None => entry.state.status,
        };
        match status {
            Status::Accepted | Status::PendingNew => {
                return refuse("unable to replace order, order isn't sent to exchange yet".into());
            }
            Status::New | Status::PartiallyFilled | Status::Held => {}
            status if status.is_terminal() => {
                return refuse(format!("order is already in \"{status}\" state"));
            }
            status => return refuse(format!("unable to replace order in \"{status}\" state")),
        }
        if entry.state.notional.is_some() {
            return refuse("notional orders can't be replaced".into());
        }
        if entry.state.status == Status::Held && change.quantity.is_some() {
            return refuse("qty of a leg that waits is its order's".into());
        }
        let Some(quantity) = change.quantity.filter(|_| !entry.state.crypto) else {
            return Ok(());
        };
        if !quantity.fract().is_zero() || !entry.state.quantity.fract().is_zero() {
            return refuse("qty of a replacement must be whole shares".into());
        }
        Ok(())
    }

    /// What the order becomes, and how much both together are to fill.
    fn replacement(
        &self,
        old: usize,
        change: &ReplaceOrder,
    ) -> Result<(Admitted, Decimal), Refusal> {
        let state = &self.orders.get(old).state;
        let kind = changed(state.kind, change)?;
        let whole = change.quantity.unwrap_or(state.quantity);
        let time_in_force = change.time_in_force.unwrap_or(state.time_in_force);
        let same = kind == state.kind
            && whole == state.quantity
            && time_in_force == state.time_in_force
            && change.client_order_id.is_none();
        if same {
            return Err(Refusal::invalid("order parameters are not changed"));
        }
        if whole <= Decimal::ZERO {
            return Err(Refusal::malformed("qty must be > 0"));
        }
        if whole <= state.filled {
            return Err(Refusal::invalid("qty must be > filled_qty"));
        }
        let order = Admitted {
            asset: state.asset,
            client_order_id: change.client_order_id.clone(),
            side: state.side,
            notional: None,
            quantity: whole - state.filled,
            kind,
            time_in_force,
            extended_hours: state.extended_hours,
            class: state.class,
            exits: Vec::new(),
            intent: state.intent,
            worst: worst_price(state.side, kind, self.mark_of(state.asset)),
        };
        Ok((order, whole))
    }

    /// As a new order of its kind is checked, what the old one holds given back to it.
    fn check_replacement(&self, old: usize, order: &Admitted) -> Result<(), Refusal> {
        let market = Arc::clone(&self.market);
        let info = &market.assets()[order.asset];
        let state = &self.orders.get(old).state;
        super::terms::check_terms(
            info,
            &NewOrder {
                client_order_id: None,
                symbol: state.symbol.clone(),
                side: state.side,
                size: Size::Quantity(order.quantity),
                kind: order.kind,
                time_in_force: order.time_in_force,
                class: OrderClass::Simple,
                extended_hours: order.extended_hours,
                position_intent: None,
            },
        )?;
        let lasting = matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
        if order.class != ClassName::Simple && !lasting {
            let class = order.class;
            return Err(Refusal::invalid(format!("{class} orders must be DAY or GTC orders")));
        }
        self.check_client_order_id(order.client_order_id.as_deref())?;
        self.check_auction_hours(info, order.time_in_force)?;
        let released = self.orders.hold(old);
        if state.status == Status::Held {
            Ok(())
        } else if state.opens() {
            self.check_crossing(order)?;
            self.check_buying_power(info, order.worst * order.quantity, released.cash)
        } else {
            self.check_crossing(order)?;
            let free = self.free_quantity(order.asset, released.quantity);
            self.check_available(info, order.quantity, free)
        }
    }

    fn link(&mut self, old: usize, new: usize) {
        let state = &self.orders.get(old).state;
        let (id, created, mark) = (state.id.clone(), state.created_at, state.high_water_mark);
        self.orders.change(new, |entry| {
            entry.awaits = Some(old);
            entry.state.replaces = Some(id);
            entry.state.created_at = created;
            entry.state.high_water_mark = mark;
        });
        self.orders.change(old, |entry| entry.pending = Some(Pending::ReplaceBy(new)));
    }

    /// When the request arrives: the new order takes over, or the old one was faster.
    pub(super) fn carry_out_replacement(&mut self, old: usize, new: usize, whole: Decimal) {
        let left = whole - self.orders.get(old).state.filled;
        let possible = self.orders.is_open(old) && self.orders.is_open(new) && left > Decimal::ZERO;
        if !possible {
            self.orders.change(new, |entry| entry.awaits = None);
            self.orders.change(old, |entry| entry.pending = None);
            self.tell(old, Event::OrderReplaceRejected);
            if self.orders.is_open(new) {
                self.tell(new, Event::Rejected);
            }
            return;
        }
        let id = self.orders.get(new).state.id.clone();
        let waits = self.orders.get(old).state.status == Status::Held;
        let was_working = self.orders.get(old).working;
        self.orders.change(old, |entry| entry.state.replaced_by = Some(id));
        self.tell(old, Event::Replaced);
        self.inherit(old, new);
        self.fit(new, left, whole);
        self.orders.change(old, |entry| entry.pending = None);
        if was_working && !waits {
            self.arrive(new);
        }
    }

    /// The new order takes the old one's place among those that belong together.
    fn inherit(&mut self, old: usize, new: usize) {
        let legs = self.orders.change(old, |entry| std::mem::take(&mut entry.legs));
        for leg in &legs {
            self.orders.change(*leg, |entry| entry.parent = Some(new));
        }
        if let Some(parent) = self.orders.get(old).parent {
            self.orders.change(parent, |entry| {
                entry.legs.iter_mut().filter(|leg| **leg == old).for_each(|leg| *leg = new);
            });
        }
        let triggered = self.orders.get(old).triggered;
        self.orders.change(new, |entry| {
            entry.awaits = None;
            entry.legs = legs;
            entry.triggered = triggered;
        });
    }

    /// The order is for what is left; exits that wait are for all that their entry is for, or for what
    /// the other exit is for.
    fn fit(&mut self, at: usize, left: Decimal, whole: Decimal) {
        self.orders.change(at, |entry| entry.state.quantity = left.normalize());
        let exits = match self.orders.sibling(at) {
            Some(sibling) => vec![(sibling, left)],
            None => self.orders.get(at).legs.iter().map(|leg| (*leg, whole)).collect(),
        };
        for (exit, quantity) in exits {
            if self.orders.get(exit).state.status == Status::Held {
                self.orders.change(exit, |entry| entry.state.quantity = quantity.normalize());
            }
        }
    }
}

fn changed(kind: OrderKind, change: &ReplaceOrder) -> Result<OrderKind, Refusal> {
    let refuse = |message: &str| Err(Refusal::malformed(message));
    let ReplaceOrder { limit: new_limit, stop: new_stop, trail: new_trail, .. } = change;
    match kind {
        OrderKind::Market if new_limit.is_some() || new_stop.is_some() => {
            return refuse("market orders require no stop or limit price");
        }
        OrderKind::Limit { .. } if new_stop.is_some() => {
            return refuse("limit orders require no stop price");
        }
        OrderKind::Stop { .. } if new_limit.is_some() => {
            return refuse("stop orders require no limit price");
        }
        OrderKind::TrailingStop { .. } if new_limit.is_some() || new_stop.is_some() => {
            return refuse("trailing stop orders require no stop or limit price");
        }
        OrderKind::TrailingStop { .. } => {}
        _ if new_trail.is_some() => return refuse("only trailing stop orders have a trail"),
        _ => {}
    }
    Ok(match kind {
        OrderKind::Market => OrderKind::Market,
        OrderKind::Limit { limit } => OrderKind::Limit { limit: new_limit.unwrap_or(limit) },
        OrderKind::Stop { stop } => OrderKind::Stop { stop: new_stop.unwrap_or(stop) },
        OrderKind::StopLimit { stop, limit } => OrderKind::StopLimit {
            stop: new_stop.unwrap_or(stop),
            limit: new_limit.unwrap_or(limit),
        },
        OrderKind::TrailingStop { trail } => OrderKind::TrailingStop {
            trail: match (trail, new_trail) {
                (trail, None) => trail,
                (Trail::Price(_), Some(new)) => Trail::Price(*new),
                (Trail::Percent(_), Some(new)) => Trail::Percent(*new),
            },
        },
    })
}
