//! Turns targets into whole-share orders and follows each to its end.
//!
//! - Leg 0 (`opg`) goes from what is held to the target, or to flat where the position changes sign; leg 1
//!   (`ioc`) goes on from flat, and only once leg 0 has filled whole: the venue wants flat between.
//! - Reducers are submitted before openers, each in symbol order.
//! - With the style `limit` each order takes no price beyond the collar around the last that is known; what that does not
//!   reach expires in the auction, or at once.
//! - With the style `sliced` nothing goes into the auction: see [`plan`].
//! - `OrdersWorking` is said once, when no order of leg 0 waits for risk or the venue any more;
//!   `OrdersDone` once, after it, when no order is open. A plan without orders says both at once.
//! - A kill of level `flatten` closes what is held (see [`closing`]), in the auction and then slice by slice.
//! - While slices are to come, of a plan or of a flatten, `OrdersWorking` answers the open and each tick, and
//!   `OrdersDone` waits for the last. Both come again if a kill, or the resume after it, makes more to do.
//! - Any other halt stops second legs and slices, and the plan itself if it comes before it. Orders that are out are left
//!   to risk (which denies them) and the venue; their ends are still told.
//! - What the venue can't have said truly (more filled than was ordered, word of an order that is not ours) is
//!   answered with an alarm, once per order; the plan then goes on to its end without second legs.
//!
//! Absent: retries (a refused order of the plan stays refused until tomorrow, what a slice left is for the next).

mod closing;
#[cfg(test)]
mod exhaustive;
mod lifecycle;
mod plan;
mod slices;
#[cfg(test)]
mod testing;
mod tickets;

use closing::Closing;
use kernel::{Actor, Outbox};
use lifecycle::{Event, State};
use messages::{
    ActorId, Alarm, Date, Envelope, Filled, Kill, KillLevel, Message, Order, OrderDenied,
    OrderStatus, OrderUpdated, OrdersWorking, Phase, SessionOpened, Shares, Side, Style, Symbol,
    Target, Targets, Time, TimeInForce, Topic,
};
use plan::{Now, Plan, next_leg};
use slices::Slices;
use std::collections::{BTreeMap, BTreeSet};
use tickets::{Fill, Ticket, Tickets};

#[derive(Clone, Debug, Default)]
pub struct Execution {
    session: Option<Box<SessionOpened>>,
    phase: Option<Phase>,
    /// Shares held now, by fills.
    positions: BTreeMap<Symbol, Shares>,
    tickets: Tickets,
    /// Client order ids that we have not given, each alarmed of once.
    strangers: BTreeSet<String>,
    /// Still to come when the first leg of their symbol has filled whole.
    second_legs: BTreeMap<Symbol, Target>,
    slices: Slices,
    plan: Plan,
    closing: Closing,
    /// The strongest since the last resume.
    kill: Option<KillLevel>,
    alarmed: bool,
    progress: Progress,
    /// The open, the last tick or the last kill has been answered.
    answered: bool,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
enum Progress {
    #[default]
    NoPlan,
    Planned,
    Working,
    Done,
}

impl Actor for Execution {
    fn id(&self) -> ActorId {
        ActorId::Execution
    }

    fn listens(&self) -> &'static [Topic] {
        &[
            Topic::SessionOpened,
            Topic::CoverageFailed,
            Topic::Features,
            Topic::PhaseBegan,
            Topic::Tick,
            Topic::Targets,
            Topic::OrderApproved,
            Topic::OrderDenied,
            Topic::OrderUpdated,
            Topic::Filled,
            Topic::Marked,
            Topic::Kill,
            Topic::Resume,
            Topic::Alarm,
        ]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_session_opened(opened),
            Message::CoverageFailed(_) => self.on_coverage_failed(),
            Message::Features(features) => self.slices.on_features(features),
            Message::PhaseBegan(began) => self.on_phase(began.phase, out),
            Message::Tick(_) => self.answered = false,
            Message::Targets(targets) => self.on_targets(targets, input.at, out),
            Message::OrderApproved(order) => {
                self.tickets.on_event(&order.client_order_id, Event::Approved);
            }
            Message::OrderDenied(denied) => self.on_denied(denied),
            Message::OrderUpdated(updated) => self.on_order_updated(updated, out),
            Message::Filled(filled) => self.on_filled(filled, input.at, out),
            Message::Marked(marked) => self.slices.on_marked(marked),
            Message::Kill(kill) => self.on_kill(kill),
            Message::Resume(_) => self.on_resume(),
            // Lasts for the session: see `risk`.
            Message::Alarm(alarm) => self.on_alarm(alarm),
            _ => unreachable!("not listened to: {}", input.topic()),
        }
        self.close_positions(input.at, out);
        if matches!(input.body, Message::PhaseBegan(_) | Message::Tick(_)) {
            self.slice_plan(input.at, out);
        }
        self.report(out);
    }
}

impl Execution {
    pub fn new() -> Self {
        Self::default()
    }

    fn on_session_opened(&mut self, opened: &SessionOpened) {
        assert!(self.session.is_none(), "a core lives for one session");
        self.session = Some(Box::new(opened.clone()));
        self.kill = opened.halted.as_ref().map(|kill| kill.level);
        for holding in &opened.positions {
            self.positions.insert(holding.symbol.clone(), holding.quantity);
            self.slices.on_holding(holding);
        }
    }

    /// There will be no targets: what is to be closed is closed all the same.
    fn on_coverage_failed(&mut self) {
        if self.flattens() && self.progress == Progress::NoPlan {
            self.progress = Progress::Planned;
        }
    }

    fn on_phase(&mut self, phase: Phase, out: &mut Outbox) {
        (self.phase, self.answered) = (Some(phase), false);
        if phase == Phase::Close && self.flattens() {
            let left: Vec<String> =
                held(&self.positions).map(|(symbol, held)| format!("{symbol} {held}")).collect();
            if !left.is_empty() {
                let (code, detail) = ("FLATTEN_INCOMPLETE".to_owned(), left.join(", "));
                self.alarmed = true;
                out.send(Message::Alarm(Alarm { code, detail, symbol: None }));
            }
        }
    }

    /// A weaker kill takes nothing from a stronger one: only a resume does.
    fn on_kill(&mut self, kill: &Kill) {
        self.kill = self.kill.max(Some(kill.level));
        if self.flattens() {
            self.plan.end();
        }
        self.answered = false;
        self.reopen();
    }

    fn on_resume(&mut self) {
        self.kill = None;
        self.reopen();
    }

    /// What is over goes on, if something is to be closed after all, by a kill or because a fill came late, or if a
    /// resume lets slices out again.
    fn reopen(&mut self) {
        let over = self.progress == Progress::Done && self.phase != Some(Phase::Close);
        let closes = self.flattens() && held(&self.positions).next().is_some();
        if over && (closes || self.plan_goes_on()) {
            // Before the open that the plan is placed is said again: nobody is done any more.
            let placing = self.phase.is_none();
            self.progress = if placing { Progress::Planned } else { Progress::Working };
            self.answered = false;
        }
    }

    fn on_alarm(&mut self, alarm: &Alarm) {
        self.alarmed = true;
        self.closing.on_alarm(alarm);
    }

    fn on_denied(&mut self, OrderDenied { order, reason }: &OrderDenied) {
        self.tickets.on_event(&order.client_order_id, Event::Denied);
        if order.is_closing() {
            self.closing.on_denied(&order.symbol, reason);
        } else {
            let reduces = self.plan.reduces(self.now());
            let marked = self.opened().marked;
            self.plan.on_denied(&order.symbol, reason, reduces, marked);
        }
    }

    fn on_targets(&mut self, targets: &Targets, at: Time, out: &mut Outbox) {
        assert_eq!(self.progress, Progress::NoPlan, "targets came twice in one session");
        self.progress = Progress::Planned;
        self.slices.on_targets(targets);
        if self.is_halted() {
            return;
        }
        if self.opened().is_sliced() {
            return self.plan.start(targets);
        }
        let asks = targets.targets.iter().filter(|target| target.quantity != target.held);
        let first = asks.filter_map(|target| Some((target, next_leg(target, target.held)?.1)));
        let (reducers, openers): (Vec<_>, Vec<_>) = first
            .partition(|(target, change)| (target.held.0 + change.0).abs() < target.held.0.abs());
        for (target, change) in reducers.into_iter().chain(openers) {
            if target.held.0 + change.0 != target.quantity.0 {
                self.second_legs.insert(target.symbol.clone(), target.clone());
            }
            self.submit(target, 0, change, at, out);
        }
    }

    fn on_order_updated(&mut self, updated: &OrderUpdated, out: &mut Outbox) {
        let OrderUpdated { client_order_id, symbol, .. } = updated;
        let Some(ticket) = self.tickets.get(client_order_id) else {
            return self.on_stranger(client_order_id, symbol, out);
        };
        let event = match updated.status {
            OrderStatus::Accepted => Event::Accepted,
            OrderStatus::Rejected => {
                self.closing.on_rejected(symbol);
                if !ticket.order.is_closing() {
                    self.plan.give_up(symbol);
                }
                Event::Rejected
            }
            OrderStatus::Canceled | OrderStatus::Expired => Event::Ended,
            // Fills say this, with quantity and price.
            OrderStatus::Filled => return,
        };
        self.tickets.on_event(client_order_id, event);
    }

    /// A fill changes what we hold, whoever ordered it.
    fn on_filled(&mut self, filled: &Filled, at: Time, out: &mut Outbox) {
        let Filled { client_order_id, symbol, .. } = filled;
        let held = self.positions.entry(symbol.clone()).or_default();
        held.0 = held.0.saturating_add(filled.change().0);
        self.slices.on_price(symbol, filled.price);
        self.reopen();
        let Some(fill) = self.tickets.on_filled(filled) else {
            return self.on_stranger(client_order_id, symbol, out);
        };
        if fill == Fill::Beyond {
            let Ticket { order, filled, .. } = &self.tickets[client_order_id.as_str()];
            let (total, ordered) = (filled.0, order.quantity.0);
            let detail = format!("{client_order_id}: {total} filled of {ordered} ordered");
            self.alarm("OVERFILL", detail, symbol, out);
        }
        if fill != Fill::Part {
            self.second_leg(client_order_id, at, out);
        }
    }

    /// The venue speaks of an order that this plan does not hold.
    fn on_stranger(&mut self, client_order_id: &str, symbol: &Symbol, out: &mut Outbox) {
        if self.strangers.insert(client_order_id.to_owned()) {
            let detail = format!("{client_order_id} is no order of this session");
            self.alarm("UNKNOWN_ORDER", detail, symbol, out);
        }
    }

    /// Counts at once, not only when the journal brings it back.
    fn alarm(&mut self, code: &str, detail: String, symbol: &Symbol, out: &mut Outbox) {
        self.alarmed = true;
        let (code, symbol) = (code.to_owned(), Some(symbol.clone()));
        let alarm = Alarm { code, detail, symbol };
        self.closing.on_alarm(&alarm);
        out.send(Message::Alarm(alarm));
    }

    /// Goes on from flat, if the order that filled whole was the first of two legs.
    fn second_leg(&mut self, client_order_id: &str, at: Time, out: &mut Outbox) {
        let Ticket { order, state, .. } = &self.tickets[client_order_id];
        let flat = self.positions[&order.symbol] == Shares(0);
        if order.leg != 0 || *state != State::Filled || !flat || self.is_halted() {
            return;
        }
        if let Some(target) = self.second_legs.remove(&order.symbol.clone()) {
            self.submit(&target, 1, target.quantity, at, out);
        }
    }

    /// One order for each name that is held and has none open, if it is the time for it.
    fn close_positions(&mut self, at: Time, out: &mut Outbox) {
        let auction = match self.phase {
            None if self.progress != Progress::NoPlan => true,
            Some(Phase::Open) if !self.answered => false,
            _ => return,
        };
        if !self.flattens() {
            return;
        }
        let opened = self.session.clone().expect(OPENED);
        for (symbol, held) in self.closable() {
            let wish = self.closing.wish(&symbol, held, &self.slices, &opened, auction);
            let order = wish.and_then(|wish| self.slices.order(&wish, &opened, auction, at));
            if let Some(order) = order {
                self.send(order, at, out);
            }
        }
    }

    /// Held, without an open order, and not given up; those first that have waited longest.
    fn closable(&self) -> Vec<(Symbol, Shares)> {
        let busy = self.tickets.busy();
        let mut closable: Vec<(Symbol, Shares)> = held(&self.positions)
            .filter(|(symbol, _)| self.closing.goes_on(symbol) && !busy.contains(*symbol))
            .map(|(symbol, held)| (symbol.clone(), *held))
            .collect();
        closable.sort_by_key(|(symbol, _)| self.slices.sliced(symbol, Order::CLOSING));
        closable
    }

    /// The moment's slices of the plan. Only now: what ends within the minute waits for the next, on every clock.
    fn slice_plan(&mut self, at: Time, out: &mut Outbox) {
        if self.phase != Some(Phase::Open) || self.is_halted() {
            return;
        }
        let opened = self.session.clone().expect(OPENED);
        for wish in self.plan.wishes(self.now()) {
            if let Some(order) = self.slices.order(&wish, &opened, false, at) {
                self.send(order, at, out);
            }
        }
    }

    /// The plan has slices to come.
    fn plan_goes_on(&self) -> bool {
        !self.is_halted() && !self.plan.wishes(self.now()).is_empty()
    }

    fn now(&self) -> Now<'_> {
        let Self { positions, tickets, slices, .. } = self;
        Now { opened: self.opened(), positions, tickets, slices }
    }

    fn opened(&self) -> &SessionOpened {
        self.session.as_ref().expect(OPENED)
    }

    /// Whether positions are to be closed; a session without rules for it closes none.
    fn flattens(&self) -> bool {
        let may = self.session.as_ref().is_some_and(|opened| opened.execution.is_some());
        may && self.kill == Some(KillLevel::Flatten)
    }

    fn submit(&mut self, target: &Target, leg: u8, change: Shares, at: Time, out: &mut Outbox) {
        let opened = self.opened();
        let Target { symbol, mark, .. } = target;
        let side = if change.0 > 0 { Side::Buy } else { Side::Sell };
        let rules = opened.execution.as_ref().filter(|rules| rules.style == Style::Limit);
        let order = Order {
            client_order_id: client_order_id(opened.session, symbol, leg, 0),
            symbol: symbol.clone(),
            side,
            quantity: change.abs(),
            time_in_force: if leg == 0 { TimeInForce::Opg } else { TimeInForce::Ioc },
            leg,
            reference: *mark,
            limit: rules.map(|rules| self.slices.limit(symbol, side, *mark, rules.collar)),
        };
        self.send(order, at, out);
    }

    fn send(&mut self, order: Order, at: Time, out: &mut Outbox) {
        assert!(order.quantity.0 > 0, "an order for nothing: {order}");
        self.tickets.add(&order);
        self.slices.on_sent(at);
        if self.progress == Progress::Done {
            self.progress = Progress::Working;
        }
        out.send(Message::SubmitOrder(order));
    }

    fn is_halted(&self) -> bool {
        self.kill.is_some() || self.alarmed
    }

    /// Says how far the plan is: that it is placed, that more will follow at the next tick, that it is over.
    fn report(&mut self, out: &mut Outbox) {
        // What was ordered last is placed last.
        let placed = || self.tickets.auction().rev().all(|ticket| ticket.state.is_placed());
        if self.progress == Progress::Planned && placed() {
            self.say_working(out);
            self.progress = Progress::Working;
        }
        if self.progress != Progress::Working || self.tickets.open().next().is_some() {
            return;
        }
        if !self.goes_on() {
            let unreached = self.plan.unreached(&self.positions);
            out.send(Message::OrdersDone(self.tickets.summary(unreached)));
            self.progress = Progress::Done;
        } else if self.phase == Some(Phase::Open) && !self.answered {
            self.say_working(out);
        }
        self.answered = true;
    }

    fn say_working(&self, out: &mut Outbox) {
        let (working, refused) = if self.opened().is_sliced() {
            self.plan.count(self.now())
        } else {
            let refused = count(self.tickets.auction(), |ticket| ticket.state.is_refused());
            (count(self.tickets.auction(), |_| true) - refused, refused)
        };
        out.send(Message::OrdersWorking(OrdersWorking { working, refused }));
    }

    /// More is to be traded before the close.
    fn goes_on(&self) -> bool {
        let closes = self.flattens() && !self.closable().is_empty();
        self.phase != Some(Phase::Close) && (closes || self.plan_goes_on())
    }
}

const OPENED: &str = "SessionOpened is the first entry of a journal";

/// A function of what it is for alone, so that nothing is ordered twice.
fn client_order_id(session: Date, symbol: &Symbol, leg: u8, attempt: u32) -> String {
    let (year, month, day) = (session.year(), session.month(), session.day());
    format!("au-{year:04}{month:02}{day:02}-{symbol}-{leg}-{attempt}")
}

fn held(positions: &BTreeMap<Symbol, Shares>) -> impl Iterator<Item = (&Symbol, &Shares)> {
    positions.iter().filter(|(_, held)| held.0 != 0)
}

fn count<'a>(tickets: impl Iterator<Item = &'a Ticket>, keep: impl Fn(&Ticket) -> bool) -> u32 {
    tickets.filter(|ticket| keep(ticket)).count() as u32
}
