//! The orders of a session, and where each stands.

use crate::lifecycle::{Event, State};
use messages::{ByOrder, Filled, Order, OrdersDone, Shares, Symbol, TimeInForce};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Index;

#[derive(Clone, Debug, Default)]
pub(crate) struct Tickets {
    tickets: ByOrder<Ticket>,
    /// Places of those that have not ended.
    open: BTreeSet<usize>,
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
        let before = self.tickets.values().len();
        let place = self.tickets.insert_with(&order.client_order_id, || Ticket {
            order: order.clone(),
            state: State::Submitted,
            filled: Shares(0),
        });
        assert_eq!(place, before, "ordered twice: {order}");
        self.open.insert(place);
    }

    pub(crate) fn get(&self, client_order_id: &str) -> Option<&Ticket> {
        self.tickets.get(client_order_id)
    }

    /// Of an order that is not ours nothing is known.
    pub(crate) fn on_event(&mut self, client_order_id: &str, event: Event) {
        if let Some(place) = self.tickets.find(client_order_id) {
            self.follow(place, event);
        }
    }

    fn follow(&mut self, place: usize, event: Event) {
        let ticket = self.tickets.at_mut(place);
        ticket.state = ticket.state.next(event);
        if ticket.state.is_terminal() {
            self.open.remove(&place);
        }
    }

    /// `None`: the order is not ours.
    pub(crate) fn on_filled(&mut self, filled: &Filled) -> Option<Fill> {
        let place = self.tickets.find(&filled.client_order_id)?;
        let ticket = self.tickets.at_mut(place);
        let was_sound = ticket.filled <= ticket.order.quantity;
        ticket.filled.0 = ticket.filled.0.saturating_add(filled.quantity.0);
        let (whole, beyond) = (ticket.is_whole(), ticket.filled > ticket.order.quantity);
        let event = if whole || filled.complete { Event::Filled } else { Event::PartlyFilled };
        self.follow(place, event);
        Some(if beyond && was_sound {
            Fill::Beyond
        } else if whole {
            Fill::Whole
        } else {
            Fill::Part
        })
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = &Ticket> {
        self.open.iter().map(|place| self.tickets.at(*place))
    }

    /// Names that an order is open in.
    pub(crate) fn busy(&self) -> BTreeSet<Symbol> {
        self.open().map(|ticket| ticket.order.symbol.clone()).collect()
    }

    /// What was ordered for the opening auction, in the order it was.
    pub(crate) fn auction(&self) -> impl DoubleEndedIterator<Item = &Ticket> {
        self.tickets.values().filter(|ticket| ticket.order.time_in_force == TimeInForce::Opg)
    }

    pub(crate) fn summary(&self, unreached: BTreeMap<Symbol, Shares>) -> OrdersDone {
        let ended =
            |state| self.tickets.values().filter(|ticket| ticket.outcome() == state).count() as u32;
        OrdersDone {
            orders: self.tickets.values().len() as u32,
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
        self.tickets.get(client_order_id).expect("an id that we have given")
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
