//! Turns targets into whole-share orders and follows each to its end.
//!
//! - Leg 0 (`opg`) goes from what is held to the target, or to flat where the position changes sign; leg 1
//!   (`ioc`) goes on from flat, and only once leg 0 has filled whole: the venue wants flat between.
//! - Reducers are submitted before openers, each in symbol order.
//! - `OrdersWorking` is said once, when no order of leg 0 waits for risk or the venue any more;
//!   `OrdersDone` once, after it, when no order is open. A plan without orders says both at once.
//! - A halt stops second legs, and the plan itself if it comes before it. Orders that are out are left to risk
//!   (which denies them) and the venue; their ends are still told.
//! - What the venue can't have said truly (more filled than was ordered, word of an order that is not ours) is
//!   answered with an alarm, once per order; the plan then goes on to its end without second legs.
//!
//! Absent: retries (a refused order stays refused until tomorrow, `attempt` is 0), cancels, limit orders.

mod lifecycle;

use kernel::{Actor, Outbox};
use lifecycle::{Event, State};
use messages::{
    ActorId, Alarm, Date, Envelope, Filled, Message, Order, OrderStatus, OrderUpdated, OrdersDone,
    OrdersWorking, SessionOpened, Shares, Side, Symbol, Target, Targets, TimeInForce, Topic,
};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default)]
pub struct Execution {
    session: Option<Date>,
    /// Shares held now, by fills.
    positions: BTreeMap<Symbol, Shares>,
    /// By client order id.
    orders: BTreeMap<String, Ticket>,
    /// Client order ids that we have not given, each alarmed of once.
    strangers: BTreeSet<String>,
    /// Still to come when the first leg of their symbol has filled whole.
    second_legs: BTreeMap<Symbol, Target>,
    killed: bool,
    alarmed: bool,
    progress: Progress,
}

/// One order and where it stands.
#[derive(Debug)]
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
            Message::Targets(targets) => self.on_targets(targets, out),
            Message::OrderApproved(order) => self.on_event(&order.client_order_id, Event::Approved),
            Message::OrderDenied(denied) => {
                self.on_event(&denied.order.client_order_id, Event::Denied);
            }
            Message::OrderUpdated(updated) => self.on_order_updated(updated, out),
            Message::Filled(filled) => self.on_filled(filled, out),
            Message::Kill(_) => self.killed = true,
            Message::Resume(_) => self.killed = false,
            // Lasts for the session: see `risk`.
            Message::Alarm(_) => self.alarmed = true,
            _ => unreachable!("not listened to: {}", input.topic()),
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
        self.session = Some(opened.session);
        self.killed = opened.halted.is_some();
        let held = opened.positions.iter();
        self.positions = held.map(|holding| (holding.symbol.clone(), holding.quantity)).collect();
    }

    fn on_targets(&mut self, targets: &Targets, out: &mut Outbox) {
        assert_eq!(self.progress, Progress::NoPlan, "targets came twice in one session");
        self.progress = Progress::Planned;
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
            OrderStatus::Rejected => Event::Rejected,
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
        out.send(Message::Alarm(Alarm { code, detail, symbol }));
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

    fn submit(&mut self, target: &Target, leg: u8, change: Shares, out: &mut Outbox) {
        let session = self.session.expect("SessionOpened is the first entry of a journal");
        let Target { symbol, mark, .. } = target;
        let order = Order {
            client_order_id: format!("au-{}-{symbol}-{leg}-0", session.strftime("%Y%m%d")),
            symbol: symbol.clone(),
            side: if change.0 > 0 { Side::Buy } else { Side::Sell },
            quantity: change.abs(),
            time_in_force: if leg == 0 { TimeInForce::Opg } else { TimeInForce::Ioc },
            leg,
            reference: *mark,
        };
        assert!(order.quantity.0 > 0, "an order for nothing: {order}");
        let ticket = Ticket { order: order.clone(), state: State::Submitted, filled: Shares(0) };
        let known = self.orders.insert(order.client_order_id.clone(), ticket);
        assert!(known.is_none(), "ordered twice: {order}");
        out.send(Message::SubmitOrder(order));
    }

    fn on_event(&mut self, client_order_id: &str, event: Event) {
        if let Some(ticket) = self.orders.get_mut(client_order_id) {
            ticket.state = ticket.state.next(event);
        }
    }

    fn is_halted(&self) -> bool {
        self.killed || self.alarmed
    }

    /// Says how far the plan is, each step once.
    fn report(&mut self, out: &mut Outbox) {
        let first_legs = || self.orders.values().filter(|ticket| ticket.order.leg == 0);
        if self.progress == Progress::Planned && first_legs().all(|ticket| ticket.state.is_placed())
        {
            let refused = count(first_legs(), |ticket| ticket.state.is_refused());
            let working = count(first_legs(), |_| true) - refused;
            out.send(Message::OrdersWorking(OrdersWorking { working, refused }));
            self.progress = Progress::Working;
        }
        if self.progress == Progress::Working && self.orders.values().all(|t| t.state.is_terminal())
        {
            out.send(Message::OrdersDone(self.summary()));
            self.progress = Progress::Done;
        }
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

/// Where the first leg ends: at the target, or at flat if the position changes sign.
fn first_goal(target: &Target) -> Shares {
    let crosses = target.held.0.signum() * target.quantity.0.signum() < 0;
    if crosses { Shares(0) } else { target.quantity }
}

fn count<'a>(tickets: impl Iterator<Item = &'a Ticket>, keep: impl Fn(&Ticket) -> bool) -> u32 {
    tickets.filter(|ticket| keep(ticket)).count() as u32
}
