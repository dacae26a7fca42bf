//! What is known of each order, and what to say. Pure: no socket, no clock.

use messages::{
    ActorId, Alarm, Envelope, Filled, Kill, KillLevel, Message, MessageId, Order, OrderStatus,
    OrderUpdated, Phase, Shares, Time,
};
use std::collections::{BTreeMap, VecDeque};

/// The session's orders, rebuilt from the journal at each start.
#[derive(Debug, Default)]
pub(super) struct Desk {
    /// By client order id.
    pub(super) orders: BTreeMap<String, Tracked>,
    /// Approved and not known to be with the venue, in journal order.
    queue: VecDeque<String>,
    /// In force since, and why.
    kill: Option<(Time, Kill)>,
    /// Lasts for the session: no resume lifts it.
    alarm: Option<(Time, String)>,
    pub(super) account_due: bool,
    trades: bool,
}

#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) order: Order,
    /// The session's n-th.
    number: usize,
    approved: Time,
    /// Once the venue has told it.
    pub(super) venue_id: Option<String>,
    pub(super) filled: Shares,
    pub(super) ended: Option<OrderStatus>,
    /// Halted while it waited: when, and why. A resume does not bring it back.
    withheld: Option<(Time, String)>,
    /// Sent without an answer, perhaps by a predecessor: look it up first.
    pub(super) maybe_sent: bool,
}

impl Desk {
    /// A new journal entry, or one of those that a start begins with; our own words among them.
    pub(super) fn on_entry(&mut self, entry: &Envelope) {
        match &entry.body {
            Message::SessionOpened(opened) => {
                self.trades = opened.model.is_some();
                self.kill = opened.halted.clone().map(|kill| (entry.at, kill));
            }
            Message::OrderApproved(order) => self.on_order_approved(entry.at, order),
            Message::OrderUpdated(updated) => self.on_own_update(updated),
            Message::Filled(filled) => self.on_own_fill(filled),
            Message::PhaseBegan(began) => self.account_due |= began.phase == Phase::Close,
            Message::AccountReported(_) => self.account_due = false,
            Message::Kill(kill) => self.on_kill(entry.at, kill),
            Message::Resume(_) => self.kill = None,
            Message::Alarm(alarm) => self.on_alarm(entry.at, alarm),
            _ => {}
        }
    }

    fn on_order_approved(&mut self, at: Time, order: &Order) {
        let tracked = Tracked {
            order: order.clone(),
            number: self.orders.len(),
            approved: at,
            venue_id: None,
            filled: Shares(0),
            ended: None,
            withheld: self.halted().map(|(since, why)| (since.max(at), why)),
            maybe_sent: false,
        };
        let id = order.client_order_id.clone();
        let known = self.orders.insert(id.clone(), tracked);
        assert!(known.is_none(), "risk approved {id} twice");
        self.queue.push_back(id);
    }

    pub(super) fn on_kill(&mut self, at: Time, kill: &Kill) {
        self.kill = Some((at, kill.clone()));
        self.withhold();
    }

    fn on_alarm(&mut self, at: Time, Alarm { code, detail, .. }: &Alarm) {
        self.alarm.get_or_insert_with(|| (at, format!("ALARM {code} {detail}")));
        self.withhold();
    }

    /// What waits now shall not be sent later, whoever resumes.
    fn withhold(&mut self) {
        let halted = self.halted();
        for id in &self.queue {
            let tracked = self.orders.get_mut(id).expect("the queue names orders");
            if tracked.withheld.is_none() {
                tracked.withheld.clone_from(&halted);
            }
        }
    }

    /// Since when, and why, nothing may be sent.
    fn halted(&self) -> Option<(Time, String)> {
        let killed = |(at, kill): &(Time, Kill)| (*at, format!("KILLED {}", kill.reason));
        self.alarm.clone().or_else(|| self.kill.as_ref().map(killed))
    }

    pub(super) fn kill(&self) -> Option<&Kill> {
        self.kill.as_ref().map(|(_, kill)| kill)
    }

    /// Orders that a kill wants gone: those open at the venue.
    pub(super) fn unwanted(&self) -> Vec<String> {
        if self.kill().is_none_or(|kill| kill.level == KillLevel::Halt) {
            return Vec::new();
        }
        self.open().into_iter().filter_map(|tracked| tracked.venue_id.clone()).collect()
    }

    /// Open at the venue, or perhaps there; in the order they were approved.
    pub(super) fn open(&self) -> Vec<&Tracked> {
        let is_open = |tracked: &&Tracked| {
            tracked.ended.is_none() && (tracked.venue_id.is_some() || tracked.maybe_sent)
        };
        let mut open: Vec<&Tracked> = self.orders.values().filter(is_open).collect();
        open.sort_by_key(|tracked| tracked.number);
        open
    }

    /// This session sends orders, so the trade stream should be there.
    pub(super) fn trades(&self) -> bool {
        self.trades || !self.orders.is_empty()
    }

    /// The next order to deal with: sent if nothing forbids it.
    pub(super) fn next_waiting(&mut self) -> Option<&mut Tracked> {
        while let Some(id) = self.queue.front() {
            if self.orders[id].is_waiting() {
                break;
            }
            self.queue.pop_front();
        }
        self.orders.get_mut(self.queue.front()?)
    }

    /// After a start nobody remembers what was under way.
    pub(super) fn distrust(&mut self) {
        let waiting = self.orders.values_mut().filter(|tracked| tracked.is_waiting());
        waiting.for_each(|tracked| tracked.maybe_sent = true);
    }

    /// When the session's first order was approved.
    pub(super) fn first_approval(&self) -> Option<Time> {
        self.orders.values().map(|tracked| tracked.approved).min()
    }

    /// Activities know only the venue's id.
    pub(super) fn by_venue_id(&mut self, venue_id: &str) -> Option<&mut Tracked> {
        let ours = |tracked: &&mut Tracked| tracked.venue_id.as_deref() == Some(venue_id);
        self.orders.values_mut().find(ours)
    }

    fn on_own_update(&mut self, updated: &OrderUpdated) {
        let Some(tracked) = self.orders.get_mut(&updated.client_order_id) else { return };
        if updated.status == OrderStatus::Accepted {
            tracked.venue_id = Some(updated.venue_order_id.clone());
        } else {
            tracked.ended = Some(updated.status);
        }
    }

    fn on_own_fill(&mut self, filled: &Filled) {
        let Some(tracked) = self.orders.get_mut(&filled.client_order_id) else { return };
        tracked.filled = tracked.filled.max(filled.cumulative);
        tracked.end_if_whole();
    }
}

impl Tracked {
    pub(super) fn is_waiting(&self) -> bool {
        self.venue_id.is_none() && self.ended.is_none()
    }

    pub(super) fn is_withheld(&self) -> bool {
        self.withheld.is_some()
    }

    pub(super) fn end_if_whole(&mut self) {
        if self.filled >= self.order.quantity {
            self.ended.get_or_insert(OrderStatus::Filled);
        }
    }

    /// The venue will not have it.
    pub(super) fn on_refused(&mut self, words: &str, at: Time) -> Envelope {
        self.end(OrderStatus::Rejected, at, Some(words.to_owned()))
    }

    /// It was not sent and will not be.
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
