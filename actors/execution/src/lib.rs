//! Turns targets into whole-share orders and follows each to its end.
//!
//! - Leg 0 (`opg`) goes from what is held to the target, or to flat where the position changes sign; leg 1
//!   (`ioc`) goes on from flat, and only once leg 0 has filled whole: the venue wants flat between.
//! - Reducers are submitted before openers, each in symbol order.
//! - With the style `limit` each order takes no price beyond the collar around the last that is known; what that does not
//!   reach expires in the auction, or at once.
//! - `OrdersWorking` is said once, when no order of leg 0 waits for risk or the venue any more;
//!   `OrdersDone` once, after it, when no order is open. A plan without orders says both at once.
//! - A kill of level `flatten` closes what is held (see [`closing`]), in the auction and then slice by slice; while
//!   slices are to come `OrdersWorking` answers the open and each tick, and `OrdersDone` waits for the last.
//! - Any other halt stops second legs, and the plan itself if it comes before it. Orders that are out are left to risk
//!   (which denies them) and the venue; their ends are still told.
//! - What the venue can't have said truly (more filled than was ordered, word of an order that is not ours) is
//!   answered with an alarm, once per order; the plan then goes on to its end without second legs.
//!
//! Absent: retries (a refused order of the plan stays refused until tomorrow, its `attempt` is 0).

mod closing;
#[cfg(test)]
mod exhaustive;
mod lifecycle;
#[cfg(test)]
mod testing;

use closing::{Closing, limit};
use kernel::{Actor, Outbox};
use lifecycle::{Event, State};
use messages::{
    ActorId, Alarm, Date, Envelope, Filled, Kill, KillLevel, Message, Order, OrderDenied,
    OrderStatus, OrderUpdated, OrdersDone, OrdersWorking, Phase, SessionOpened, Shares, Side,
    Style, Symbol, Target, Targets, Time, TimeInForce, Topic,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
pub struct Execution {
    session: Option<Box<SessionOpened>>,
    phase: Option<Phase>,
    /// Shares held now, by fills.
    positions: BTreeMap<Symbol, Shares>,
    /// By client order id.
    orders: BTreeMap<String, Ticket>,
    /// Client order ids that we have not given, each alarmed of once.
    strangers: BTreeSet<String>,
    /// Still to come when the first leg of their symbol has filled whole.
    second_legs: BTreeMap<Symbol, Target>,
    closing: Closing,
    /// The strongest since the last resume.
    kill: Option<KillLevel>,
    alarmed: bool,
    progress: Progress,
    /// The open, the last tick or the last kill has been answered.
    answered: bool,
}

/// One order and where it stands.
#[derive(Clone, Debug)]
struct Ticket {
    order: Order,
    state: State,
    filled: Shares,
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
            Topic::Kill,
            Topic::Resume,
            Topic::Alarm,
        ]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_session_opened(opened),
            Message::CoverageFailed(_) => self.on_coverage_failed(),
            Message::Features(features) => self.closing.on_features(features),
            Message::PhaseBegan(began) => self.on_phase(began.phase, out),
            Message::Tick(_) => self.answered = false,
            Message::Targets(targets) => self.on_targets(targets, out),
            Message::OrderApproved(order) => self.on_event(&order.client_order_id, Event::Approved),
            Message::OrderDenied(denied) => self.on_denied(denied),
            Message::OrderUpdated(updated) => self.on_order_updated(updated, out),
            Message::Filled(filled) => self.on_filled(filled, out),
            Message::Kill(kill) => self.on_kill(kill),
            Message::Resume(_) => self.kill = None,
            // Lasts for the session: see `risk`.
            Message::Alarm(alarm) => self.on_alarm(alarm),
            _ => unreachable!("not listened to: {}", input.topic()),
        }
        self.close_positions(input.at, out);
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
            self.closing.on_holding(holding);
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
        self.answered = false;
        self.reopen();
    }

    /// What is over goes on, if something is to be closed after all: by a kill, or by a fill that came late.
    fn reopen(&mut self) {
        let over = self.progress == Progress::Done && self.phase != Some(Phase::Close);
        if over && self.flattens() && held(&self.positions).next().is_some() {
            (self.progress, self.answered) = (Progress::Working, false);
        }
    }

    fn on_alarm(&mut self, alarm: &Alarm) {
        self.alarmed = true;
        self.closing.on_alarm(alarm);
    }

    fn on_denied(&mut self, OrderDenied { order, reason }: &OrderDenied) {
        self.on_event(&order.client_order_id, Event::Denied);
        if order.is_closing() {
            self.closing.on_denied(&order.symbol, reason);
        }
    }

    fn on_targets(&mut self, targets: &Targets, out: &mut Outbox) {
        assert_eq!(self.progress, Progress::NoPlan, "targets came twice in one session");
        self.progress = Progress::Planned;
        self.closing.on_targets(targets);
        if self.is_halted() {
            return;
        }
        let (reducers, openers): (Vec<&Target>, Vec<&Target>) = targets
            .targets
            .iter()
            .filter(|target| target.quantity != target.held)
            .partition(|target| first_goal(target).abs() < target.held.abs());
        for target in reducers.into_iter().chain(openers) {
            let goal = first_goal(target);
            if goal != target.quantity {
                self.second_legs.insert(target.symbol.clone(), target.clone());
            }
            self.submit(target, 0, goal - target.held, out);
        }
    }

    fn on_order_updated(&mut self, updated: &OrderUpdated, out: &mut Outbox) {
        let OrderUpdated { client_order_id, symbol, .. } = updated;
        if !self.orders.contains_key(client_order_id) {
            return self.on_stranger(client_order_id, symbol, out);
        }
        let event = match updated.status {
            OrderStatus::Accepted => Event::Accepted,
            OrderStatus::Rejected => {
                self.closing.on_rejected(symbol);
                Event::Rejected
            }
            OrderStatus::Canceled | OrderStatus::Expired => Event::Ended,
            // Fills say this, with quantity and price.
            OrderStatus::Filled => return,
        };
        self.on_event(client_order_id, event);
    }

    /// A fill changes what we hold, whoever ordered it.
    fn on_filled(&mut self, filled: &Filled, out: &mut Outbox) {
        let Filled { client_order_id, symbol, .. } = filled;
        let held = self.positions.entry(symbol.clone()).or_default();
        held.0 = held.0.saturating_add(filled.change().0);
        self.closing.on_price(symbol, filled.price);
        self.reopen();
        let Some(ticket) = self.orders.get_mut(client_order_id) else {
            return self.on_stranger(client_order_id, symbol, out);
        };
        let was_sound = ticket.filled <= ticket.order.quantity;
        ticket.filled.0 = ticket.filled.0.saturating_add(filled.quantity.0);
        let (total, ordered) = (ticket.filled, ticket.order.quantity);
        if was_sound && total > ordered {
            let detail = format!("{client_order_id}: {} filled of {} ordered", total.0, ordered.0);
            self.alarm("OVERFILL", detail, symbol, out);
        }
        let whole = total >= ordered;
        let event = if whole || filled.complete { Event::Filled } else { Event::PartlyFilled };
        self.on_event(client_order_id, event);
        if whole {
            self.second_leg(client_order_id, out);
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
    fn second_leg(&mut self, client_order_id: &str, out: &mut Outbox) {
        let Ticket { order, state, .. } = &self.orders[client_order_id];
        let flat = self.positions[&order.symbol] == Shares(0);
        if order.leg != 0 || *state != State::Filled || !flat || self.is_halted() {
            return;
        }
        if let Some(target) = self.second_legs.remove(&order.symbol.clone()) {
            self.submit(&target, 1, target.quantity, out);
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
            if let Some(order) = self.closing.slice(&symbol, held, &opened, auction, at) {
                self.send(order, out);
            }
        }
    }

    /// Held, without an open order, and not given up.
    fn closable(&self) -> Vec<(Symbol, Shares)> {
        let open = |symbol: &Symbol| {
            self.orders.values().any(|t| t.order.symbol == *symbol && !t.state.is_terminal())
        };
        held(&self.positions)
            .filter(|(symbol, _)| self.closing.goes_on(symbol) && !open(symbol))
            .map(|(symbol, held)| (symbol.clone(), *held))
            .collect()
    }

    /// Whether positions are to be closed; a session without rules for it closes none.
    fn flattens(&self) -> bool {
        let may = self.session.as_ref().is_some_and(|opened| opened.execution.is_some());
        may && self.kill == Some(KillLevel::Flatten)
    }

    fn submit(&mut self, target: &Target, leg: u8, change: Shares, out: &mut Outbox) {
        let opened = self.session.as_ref().expect(OPENED);
        let Target { symbol, mark, .. } = target;
        let side = if change.0 > 0 { Side::Buy } else { Side::Sell };
        let rules = opened.execution.as_ref().filter(|rules| rules.style == Style::Limit);
        let last = self.closing.last(symbol).unwrap_or(*mark);
        let order = Order {
            client_order_id: client_order_id(opened.session, symbol, leg, 0),
            symbol: symbol.clone(),
            side,
            quantity: change.abs(),
            time_in_force: if leg == 0 { TimeInForce::Opg } else { TimeInForce::Ioc },
            leg,
            reference: *mark,
            limit: rules.map(|rules| limit(side, last, rules.collar)),
        };
        self.send(order, out);
    }

    fn send(&mut self, order: Order, out: &mut Outbox) {
        assert!(order.quantity.0 > 0, "an order for nothing: {order}");
        let ticket = Ticket { order: order.clone(), state: State::Submitted, filled: Shares(0) };
        let known = self.orders.insert(order.client_order_id.clone(), ticket);
        assert!(known.is_none(), "ordered twice: {order}");
        if self.progress == Progress::Done {
            self.progress = Progress::Working;
        }
        out.send(Message::SubmitOrder(order));
    }

    fn on_event(&mut self, client_order_id: &str, event: Event) {
        if let Some(ticket) = self.orders.get_mut(client_order_id) {
            ticket.state = ticket.state.next(event);
        }
    }

    fn is_halted(&self) -> bool {
        self.kill.is_some() || self.alarmed
    }

    /// Says how far the plan is: that it is placed, that more will follow at the next tick, that it is over.
    fn report(&mut self, out: &mut Outbox) {
        if self.progress == Progress::Planned && self.auction().all(|t| t.state.is_placed()) {
            self.say_working(out);
            self.progress = Progress::Working;
        }
        let ended = || self.orders.values().all(|ticket| ticket.state.is_terminal());
        if self.progress != Progress::Working || !ended() {
            return;
        }
        if !self.goes_on() {
            out.send(Message::OrdersDone(self.summary()));
            self.progress = Progress::Done;
        } else if self.phase == Some(Phase::Open) && !self.answered {
            self.say_working(out);
        }
        self.answered = true;
    }

    fn say_working(&self, out: &mut Outbox) {
        let refused = count(self.auction(), |ticket| ticket.state.is_refused());
        let working = count(self.auction(), |_| true) - refused;
        out.send(Message::OrdersWorking(OrdersWorking { working, refused }));
    }

    /// What was ordered for the opening auction.
    fn auction(&self) -> impl Iterator<Item = &Ticket> {
        self.orders.values().filter(|ticket| ticket.order.time_in_force == TimeInForce::Opg)
    }

    /// More is to be closed before the close.
    fn goes_on(&self) -> bool {
        self.flattens() && self.phase != Some(Phase::Close) && !self.closable().is_empty()
    }

    fn summary(&self) -> OrdersDone {
        let ended = |state| count(self.orders.values(), |ticket| ticket.outcome() == state);
        OrdersDone {
            orders: self.orders.len() as u32,
            filled: ended(State::Filled),
            unfilled: ended(State::Unfilled),
            denied: ended(State::Denied),
            rejected: ended(State::Rejected),
        }
    }
}

impl Ticket {
    fn is_whole(&self) -> bool {
        self.filled >= self.order.quantity
    }

    /// A cancelled order that late fills made whole counts as filled.
    fn outcome(&self) -> State {
        if self.is_whole() { State::Filled } else { self.state }
    }
}

const OPENED: &str = "SessionOpened is the first entry of a journal";

/// A function of what it is for alone, so that nothing is ordered twice.
fn client_order_id(session: Date, symbol: &Symbol, leg: u8, attempt: u32) -> String {
    format!("au-{}-{symbol}-{leg}-{attempt}", session.strftime("%Y%m%d"))
}

fn held(positions: &BTreeMap<Symbol, Shares>) -> impl Iterator<Item = (&Symbol, &Shares)> {
    positions.iter().filter(|(_, held)| held.0 != 0)
}

/// Where the first leg ends: at the target, or at flat if the position changes sign.
fn first_goal(target: &Target) -> Shares {
    let crosses = target.held.0.signum() * target.quantity.0.signum() < 0;
    if crosses { Shares(0) } else { target.quantity }
}

fn count<'a>(tickets: impl Iterator<Item = &'a Ticket>, keep: impl Fn(&Ticket) -> bool) -> u32 {
    tickets.filter(|ticket| keep(ticket)).count() as u32
}
