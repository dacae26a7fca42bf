//! The orders of a session, and where each stands.

use crate::lifecycle::{Event, State};
use messages::{Filled, Order, OrdersDone, Shares, Symbol, TimeInForce};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets {
    /// By client order id.
    tickets: BTreeMap<String, Ticket>,
    /// Ids of those that have not ended.
    open: BTreeSet<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Ticket {
    pub(crate) order: Order,
    pub(crate) state: State,
    pub(crate) filled: Shares,
}

/// What a fill made of its order.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fill {
    Part,
    Whole,
    /// More than was ordered, for the first time.
    Beyond,
}

impl Tickets {
    pub(crate) fn add(&mut self, order: &Order) {
        let id = order.client_order_id.clone();
        let ticket = Ticket { order: order.clone(), state: State::Submitted, filled: Shares(0) };
        let known = self.tickets.insert(id.clone(), ticket);
        assert!(known.is_none(), "ordered twice: {order}");
        self.open.insert(id);
    }

    pub(crate) fn get(&self, client_order_id: &str) -> Option<&Ticket> {
        self.tickets.get(client_order_id)
    }

    /// Of an order that is not ours nothing is known.
    pub(crate) fn on_event(&mut self, client_order_id: &str, event: Event) {
        if let Some(ticket) = self.tickets.get_mut(client_order_id) {
            ticket.state = ticket.state.next(event);
            if ticket.state.is_terminal() {
                self.open.remove(client_order_id);
            }
        }
    }

    /// `None`: the order is not ours.
    pub(crate) fn on_filled(&mut self, filled: &Filled) -> Option<Fill> {
        let ticket = self.tickets.get_mut(&filled.client_order_id)?;
        let was_sound = ticket.filled <= ticket.order.quantity;
        ticket.filled.0 = ticket.filled.0.saturating_add(filled.quantity.0);
        let (whole, beyond) = (ticket.is_whole(), ticket.filled > ticket.order.quantity);
        let event = if whole || filled.complete { Event::Filled } else { Event::PartlyFilled };
        self.on_event(&filled.client_order_id, event);
        Some(if beyond && was_sound {
            Fill::Beyond
        } else if whole {
            Fill::Whole
        } else {
            Fill::Part
        })
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Ticket> {
        self.open.iter().map(|id| &self.tickets[id])
    }

    /// Names that an order is open in.
    pub(crate) fn busy(&self) -> BTreeSet<Symbol> {
        self.open().map(|ticket| ticket.order.symbol.clone()).collect()
    }

    /// What was ordered for the opening auction.
    pub(crate) fn auction(&self) -> impl Iterator<Item = &Ticket> {
        self.tickets.values().filter(|ticket| ticket.order.time_in_force == TimeInForce::Opg)
    }

    pub(crate) fn summary(&self, unreached: BTreeMap<Symbol, Shares>) -> OrdersDone {
        let ended =
            |state| self.tickets.values().filter(|ticket| ticket.outcome() == state).count() as u32;
        OrdersDone {
            orders: self.tickets.len() as u32,
            filled: ended(State::Filled),
            unfilled: ended(State::Unfilled),
            denied: ended(State::Denied),
            rejected: ended(State::Rejected),
            unreached,
        }
    }
}

/// Of an id that we have given.
impl Index<&str> for Tickets {
    type Output = Ticket;

    fn index(&self, client_order_id: &str) -> &Ticket {
        &self.tickets[client_order_id]
    }
}

impl Ticket {
    fn is_whole(&self) -> bool {
        self.filled >= self.order.quantity
    }

    /// Signed, of what may still fill.
    pub(crate) fn left(&self) -> Shares {
        Shares(self.order.side.sign() * (self.order.quantity - self.filled).0.max(0))
    }

    /// A cancelled order that late fills made whole counts as filled.
    fn outcome(&self) -> State {
        if self.is_whole() { State::Filled } else { self.state }
    }
}
