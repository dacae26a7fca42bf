//! One order and what is known of it.

use messages::{
    ActorId, Envelope, Message, MessageId, Order, OrderStatus, OrderUpdated, Shares, Time,
};
use std::collections::BTreeSet;

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "facts that are independent of one another")]
pub(super) struct Tracked {
    pub(super) order: Order,
    /// The session's n-th.
    pub(super) number: usize,
    pub(super) approved: Time,
    /// Once the venue has told it.
    pub(super) venue_id: Option<String>,
    pub(super) filled: Shares,
    /// What the journal says of its end.
    pub(super) ended: Option<OrderStatus>,
    /// The venue says that nothing more happens to it. An end that we said ourselves, of an order
    /// that was perhaps sent, is not that: the venue is asked about it until the session's end.
    pub(super) over: bool,
    /// The venue has filled more than we have heard of.
    pub(super) lacks_fills: bool,
    /// Cumulative quantities of executions that can't be true, each said once.
    pub(super) impossible: BTreeSet<Shares>,
    /// Executions that the venue took back, each said once.
    pub(super) undone: BTreeSet<String>,
    /// Its cancellation was asked for, and nothing says that it came to nothing.
    pub(super) asked_back: bool,
    /// Halted, or too late, while it waited: since when, and why. A resume does not bring it back.
    pub(super) withheld: Option<(Time, String)>,
    /// Sent without an answer, perhaps by a predecessor: look it up first.
    pub(super) maybe_sent: bool,
}

impl Tracked {
    pub(super) fn new(
        order: &Order,
        number: usize,
        approved: Time,
        withheld: Option<(Time, String)>,
    ) -> Self {
        Self {
            order: order.clone(),
            number,
            approved,
            venue_id: None,
            filled: Shares(0),
            ended: None,
            over: false,
            lacks_fills: false,
            impossible: BTreeSet::new(),
            undone: BTreeSet::new(),
            asked_back: false,
            withheld,
            maybe_sent: false,
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.venue_id.is_none() && self.ended.is_none()
    }

    pub(super) fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    /// The venue has something to tell of it, or may have.
    pub(super) fn is_open(&self) -> bool {
        self.lacks_fills || (!self.over && (self.venue_id.is_some() || self.maybe_sent))
    }

    /// The journal says that it has ended, the venue has it still.
    pub(super) fn is_astray(&self) -> bool {
        self.ended.is_some() && !self.over && self.venue_id.is_some()
    }

    pub(super) fn end_if_whole(&mut self) {
        if self.filled >= self.order.quantity {
            self.ended.get_or_insert(OrderStatus::Filled);
            self.over = true;
        }
    }

    /// The venue will not have it.
    pub(super) fn on_refused(&mut self, words: &str, at: Time) -> Envelope {
        self.end(OrderStatus::Rejected, at, Some(words.to_owned()))
    }

    /// It was not sent, as far as anybody knows, and will not be.
    pub(super) fn on_withheld(&mut self) -> Envelope {
        let (since, why) = self.withheld.clone().expect("only withheld orders are given up");
        self.end(OrderStatus::Canceled, since.max(self.approved), Some(why))
    }

    pub(super) fn end(
        &mut self,
        status: OrderStatus,
        at: Time,
        reason: Option<String>,
    ) -> Envelope {
        self.ended = Some(status);
        self.updated(status, at, reason)
    }

    pub(super) fn updated(
        &self,
        status: OrderStatus,
        at: Time,
        reason: Option<String>,
    ) -> Envelope {
        let Order { client_order_id, symbol, .. } = self.order.clone();
        let id = MessageId::event(ActorId::Broker, format!("{client_order_id}.{status}"));
        let venue_order_id = self.venue_id.clone().unwrap_or_default();
        let body = OrderUpdated { client_order_id, symbol, venue_order_id, status, reason };
        Envelope { id, at, body: Message::OrderUpdated(body) }
    }
}
