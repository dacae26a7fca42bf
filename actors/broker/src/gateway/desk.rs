//! What is known of each order, and what to say. Pure: no socket, no clock.

use super::expiry::expiry;
use super::tracked::Tracked;
use messages::{
    Alarm, Date, Envelope, Filled, Kill, KillLevel, Message, Order, OrderStatus, OrderUpdated,
    Phase, Time,
};
use std::collections::{BTreeMap, VecDeque};

/// The session's orders, rebuilt from the journal at each start.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is what an entry said or did not")]
pub(super) struct Desk {
    session: Option<Date>,
    /// Its plan goes to the market minute by minute.
    sliced: bool,
    /// By client order id.
    pub(super) orders: BTreeMap<String, Tracked>,
    /// Approved and not known to be with the venue, in journal order.
    queue: VecDeque<String>,
    /// The strongest since the last resume: in force since, and why.
    kill: Option<(Time, Kill)>,
    /// Lasts for the session: no resume lifts it.
    alarm: Option<(Time, String)>,
    pub(super) account_due: bool,
    trades: bool,
    /// The account is marked while the market is open.
    marked: bool,
    phase: Option<Phase>,
}

impl Desk {
    /// A new journal entry, or one of those that a start begins with; our own words among them.
    pub(super) fn on_entry(&mut self, entry: &Envelope) {
        match &entry.body {
            Message::SessionOpened(opened) => {
                self.session = Some(opened.session);
                self.sliced = opened.is_sliced();
                self.trades = opened.model.is_some();
                self.marked = opened.marked;
                self.kill = opened.halted.clone().map(|kill| (entry.at, kill));
            }
            Message::OrderApproved(order) => self.on_order_approved(entry.at, order),
            Message::OrderUpdated(updated) => self.on_own_update(updated),
            Message::Filled(filled) => self.on_own_fill(filled),
            Message::PhaseBegan(began) => {
                self.phase = Some(began.phase);
                self.account_due |= began.phase == Phase::Close;
            }
            Message::AccountReported(_) => self.account_due = false,
            Message::Kill(kill) => self.on_kill(entry.at, kill),
            Message::Resume(_) => {
                self.kill = None;
                self.withhold();
            }
            Message::Alarm(alarm) => self.on_alarm(entry.at, alarm),
            _ => {}
        }
    }

    fn on_order_approved(&mut self, at: Time, order: &Order) {
        let withheld = self.bars(order).map(|(since, why)| (since.max(at), why));
        let tracked = Tracked::new(order, self.orders.len(), at, withheld);
        let id = order.client_order_id.clone();
        let known = self.orders.insert(id.clone(), tracked);
        assert!(known.is_none(), "risk approved {id} twice");
        self.queue.push_back(id);
    }

    /// A weaker kill takes nothing from a stronger one: only a resume does.
    pub(super) fn on_kill(&mut self, at: Time, kill: &Kill) {
        if self.kill().is_none_or(|current| current.level < kill.level) {
            self.kill = Some((at, kill.clone()));
        }
        self.withhold();
    }

    /// The venue's clock says `now`: what waits and is too late shall not be sent.
    pub(super) fn on_clock(&mut self, now: Time) {
        for id in &self.queue {
            let tracked = self.orders.get_mut(id).expect("the queue names orders");
            let session = self.session.expect("SessionOpened is the first entry of a journal");
            let (until, why) = expiry(&tracked.order, session, self.sliced);
            if now >= until && tracked.withheld.is_none() {
                tracked.withheld = Some((until, why));
            }
        }
    }

    pub(super) fn on_alarm(&mut self, at: Time, Alarm { code, detail, .. }: &Alarm) {
        self.alarm.get_or_insert_with(|| (at, format!("ALARM {code} {detail}")));
        self.withhold();
    }

    /// What waits now shall not be sent later, whoever resumes.
    fn withhold(&mut self) {
        for id in self.queue.clone() {
            let barred = self.bars(&self.orders[&id].order);
            let tracked = self.orders.get_mut(&id).expect("the queue names orders");
            tracked.withheld = tracked.withheld.take().or(barred);
        }
    }

    /// Since when, and why, this order may not be sent: what closes a position goes out while a kill of level `flatten` is
    /// in force, whatever else halts, and never without one.
    fn bars(&self, order: &Order) -> Option<(Time, String)> {
        if !order.is_closing() {
            return self.halted();
        }
        let resumed = || (Time(i64::MIN), "RESUMED positions are not closed any more".to_owned());
        (!self.flattens()).then(resumed)
    }

    /// Breakers and slices wait for what the account is worth.
    pub(super) fn wants_marks(&self) -> bool {
        self.marked && self.phase == Some(Phase::Open)
    }

    fn flattens(&self) -> bool {
        self.kill().is_some_and(|kill| kill.level == KillLevel::Flatten)
    }

    /// Since when, and why, nothing may be sent.
    fn halted(&self) -> Option<(Time, String)> {
        let killed = |(at, kill): &(Time, Kill)| (*at, format!("KILLED {}", kill.reason));
        self.alarm.clone().or_else(|| self.kill.as_ref().map(killed))
    }

    pub(super) fn kill(&self) -> Option<&Kill> {
        self.kill.as_ref().map(|(_, kill)| kill)
    }

    /// Venue ids of what shall not be open there: all that is, if a kill of level `cancel` or `flatten` is in force,
    /// but what serves the latter; in any case orders that we gave up and that had come through after all. What was asked
    /// back already is asked again only if that came to nothing.
    pub(super) fn unwanted(&self) -> Vec<String> {
        let all = self.kill().is_some_and(|kill| kill.level > KillLevel::Halt);
        let open = self.open().into_iter().filter(|tracked| !tracked.over);
        let serves = |tracked: &Tracked| self.flattens() && tracked.order.is_closing();
        let unwanted = open.filter(|tracked| {
            !tracked.asked_back && ((all && !serves(tracked)) || tracked.is_astray())
        });
        unwanted.filter_map(|tracked| tracked.venue_id.clone()).collect()
    }

    /// The venue was asked to cancel it.
    pub(super) fn on_asked_back(&mut self, venue_id: &str) {
        if let Some(tracked) = self.by_venue_id(venue_id) {
            tracked.asked_back = true;
        }
    }

    /// Open at the venue, or perhaps there, or with fills that we lack; in the order of approval.
    pub(super) fn open(&self) -> Vec<&Tracked> {
        let mut open: Vec<&Tracked> =
            self.orders.values().filter(|tracked| tracked.is_open()).collect();
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

    /// After a start nobody remembers what was under way: neither of what waits, nor of what was
    /// given up while it waited.
    pub(super) fn distrust(&mut self) {
        let unknown = self.orders.values_mut().filter(|tracked| tracked.venue_id.is_none());
        unknown.for_each(|tracked| tracked.maybe_sent = true);
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
        let venue_id = Some(updated.venue_order_id.clone()).filter(|id| !id.is_empty());
        if updated.status != OrderStatus::Accepted {
            tracked.ended = Some(updated.status);
            // Without the venue's id these are our words, not the venue's.
            tracked.over |= venue_id.is_some();
        }
        tracked.venue_id = venue_id.or(tracked.venue_id.take());
    }

    fn on_own_fill(&mut self, filled: &Filled) {
        let Some(tracked) = self.orders.get_mut(&filled.client_order_id) else { return };
        tracked.filled = tracked.filled.max(filled.cumulative);
        tracked.end_if_whole();
    }
}
