//! Every sequence of up to six things that can happen to a sliced plan after its open: what may leave, and that it says
//! the truth about the end. Sequences that lead to the same state go on together.

use crate::Execution;
use crate::testing::{holding, opened, rules};
use kernel::{Actor, Outbox};
use messages::{
    ActorId, Alarm, Date, DenyReason, Envelope, ExecutionRules, Filled, Kill, KillLevel, Message,
    MessageId, Order, OrderDenied, OrderStatus, OrderUpdated, OrdersDone, Phase, PhaseBegan,
    PortfolioExposures, Price, Resume, SessionOpened, Shares, Style, Symbol, Target, Targets, Tick,
    Time, TimeInForce, Usd,
};
use std::collections::{BTreeMap, BTreeSet};

const DEPTH: usize = 6;
const MINUTE: i64 = 60_000_000_000;
const MARK: Price = Price(1_000_000);
/// $60 at $1, the largest order: nothing is known of volumes.
const SLICE: i64 = 60;
/// Held and wished: A changes its sign, B is opened with what A brings. The gross stays as it is.
const PLAN: [(&str, i64, i64); 2] = [("A", 100, -20), ("B", 0, 80)];
const GROSS: i64 = 100;

/// What the venue says is said of the order that is open in a name; a late fill of the last one that ended with less.
const ALPHABET: [Said; 16] = [
    Said::Fill("A", SLICE),
    Said::Fill("A", 25),
    Said::End("A"),
    Said::Reject("A"),
    Said::Deny("A"),
    Said::Late("A"),
    Said::Fill("B", SLICE),
    Said::End("B"),
    Said::Deny("B"),
    Said::Kill(KillLevel::Halt),
    Said::Kill(KillLevel::Flatten),
    Said::Resume,
    Said::Alarm,
    Said::Tick,
    Said::Late("B"),
    Said::Close,
];

#[derive(Copy, Clone, Debug, PartialEq)]
enum Said {
    Fill(&'static str, i64),
    End(&'static str),
    Reject(&'static str),
    /// Risk will deny its next order.
    Deny(&'static str),
    Late(&'static str),
    Kill(KillLevel),
    Resume,
    Alarm,
    Tick,
    Close,
}

/// The core, and what must be true of a path.
#[derive(Clone, Debug)]
struct World {
    desk: Execution,
    at: i64,
    names: BTreeMap<Symbol, Name>,
    ids: BTreeSet<String>,
    kill: Option<KillLevel>,
    flattened: bool,
    alarmed: bool,
    closed: bool,
    /// The last word: more will follow, or it is over.
    done: Option<OrdersDone>,
}

#[derive(Clone, Debug, Default)]
struct Name {
    held: i64,
    open: Option<(Order, i64)>,
    /// Ended with less than was ordered.
    short: Option<(Order, i64)>,
    late: i64,
    denied: bool,
    given_up: bool,
}

#[test]
fn every_sequence_of_six_lets_out_what_it_should_and_ends() {
    let mut layer = vec![(World::open(), Vec::new())];
    let mut states = 0;
    for _ in 0..DEPTH {
        let mut next = BTreeMap::new();
        for (world, path) in &layer {
            for said in ALPHABET {
                let (mut world, mut path): (World, Vec<Said>) = (world.clone(), path.clone());
                path.push(said);
                if world.take(said, &path) {
                    next.entry(format!("{world:?}")).or_insert((world, path));
                }
            }
        }
        states += next.len();
        layer = next.into_values().collect();
    }
    assert!(states > 10_000, "only {states} states");
}

/// Word for word: the shortest way through the plan above.
#[test]
fn reducers_first_then_what_they_pay_for() {
    let mut world = World::open();
    let open = |world: &World| -> Vec<String> {
        let orders = world.names.values().filter_map(|name| Some(name.open.clone()?.0));
        orders.map(|order| order.to_string()).collect()
    };
    let a = |leg, attempt, quantity| {
        format!("au-20240103-A-{leg}-{attempt} sell {quantity} A ioc limit 0.95")
    };
    let b =
        |attempt, quantity| format!("au-20240103-B-0-{attempt} buy {quantity} B ioc limit 1.05");
    assert_eq!(open(&world), [a(0, 0, 60)]);
    world.walk(&[Said::Fill("A", 25), Said::End("A"), Said::Tick]);
    assert_eq!(open(&world), [a(0, 1, 60), b(0, 25)], "25 are paid for");
    world.walk(&[Said::Fill("A", SLICE), Said::Tick]);
    assert_eq!(open(&world), [a(0, 2, 15), b(0, 25)], "an open order counts as filled");
    world.walk(&[Said::Fill("B", SLICE), Said::Fill("A", SLICE), Said::Tick]);
    assert_eq!(open(&world), [a(1, 0, 20), b(1, 55)], "from flat on, as an opener");
    world.walk(&[Said::Fill("A", SLICE), Said::Fill("B", SLICE)]);
    let done = OrdersDone { orders: 6, filled: 5, unfilled: 1, ..OrdersDone::default() };
    assert_eq!(world.done, Some(done));
}

/// An order ends, the next one has the rest, and then the first fills after all.
#[test]
fn what_late_fills_brought_beyond_a_target_stays_there() {
    let mut world = World::open();
    world.walk(&[Said::End("A"), Said::Tick, Said::Fill("A", SLICE), Said::Tick]);
    world.walk(&[Said::Late("A"), Said::Fill("A", SLICE), Said::Tick]);
    let a = world.name("A").clone();
    assert_eq!((a.held, a.open), (-60, None), "40 beyond the target, and nobody buys them back");
    world.walk(&[Said::End("B"), Said::Close]);
    let unreached = [("A", 40), ("B", 80)].map(|(name, missing)| (name.into(), Shares(missing)));
    assert_eq!(world.done.expect("closed").unreached, BTreeMap::from(unreached));
}

impl World {
    /// The session is open, its first slices are approved.
    fn open() -> Self {
        let mut names: BTreeMap<Symbol, Name> = BTreeMap::new();
        for (symbol, held, _) in PLAN {
            names.insert(symbol.into(), Name { held, ..Name::default() });
        }
        let mut world = Self {
            desk: Execution::new(),
            at: 0,
            names,
            ids: BTreeSet::new(),
            kill: None,
            flattened: false,
            alarmed: false,
            closed: false,
            done: None,
        };
        world.tell(Message::SessionOpened(Box::new(session())), &[]);
        world.tell(Message::Targets(targets()), &[]);
        assert!(world.ids.is_empty(), "nothing goes into the auction");
        world.tell(Message::PhaseBegan(PhaseBegan { phase: Phase::Open }), &[]);
        world
    }

    fn walk(&mut self, path: &[Said]) {
        for said in path {
            assert!(self.take(*said, path), "{said:?}");
        }
    }

    /// False where it can't happen.
    fn take(&mut self, said: Said, path: &[Said]) -> bool {
        let message = match said {
            Said::Fill(symbol, most) => self.fill(symbol, most),
            Said::End(symbol) => self.end(symbol, OrderStatus::Canceled),
            Said::Reject(symbol) => self.end(symbol, OrderStatus::Rejected),
            Said::Deny(symbol) => {
                let name = self.name(symbol);
                return !std::mem::replace(&mut name.denied, true);
            }
            Said::Late(symbol) => self.late(symbol),
            Said::Kill(level) => {
                self.kill = self.kill.max(Some(level));
                self.flattened |= level == KillLevel::Flatten;
                Some(Message::Kill(Kill { level, ..Kill::default() }))
            }
            Said::Resume => {
                self.kill = None;
                Some(Message::Resume(Resume::default()))
            }
            Said::Alarm => {
                self.alarmed = true;
                let (code, detail) = ("X".to_owned(), String::new());
                Some(Message::Alarm(Alarm { code, detail, symbol: None }))
            }
            Said::Tick => {
                self.at += MINUTE;
                let minute = (self.at / MINUTE) as u32;
                (!self.closed).then_some(Message::Tick(Tick { minute }))
            }
            Said::Close => {
                let again = std::mem::replace(&mut self.closed, true);
                let began = PhaseBegan { phase: Phase::Close };
                (!again).then_some(Message::PhaseBegan(began))
            }
        };
        let Some(message) = message else { return false };
        self.tell(message, path);
        self.check(said, path);
        true
    }

    fn name(&mut self, symbol: &str) -> &mut Name {
        self.names.get_mut(&Symbol::from(symbol)).expect("planned")
    }

    fn fill(&mut self, symbol: &str, most: i64) -> Option<Message> {
        let name = self.name(symbol);
        let (order, filled) = name.open.clone()?;
        let quantity = most.min(order.quantity.0 - filled);
        name.held += order.side.sign() * quantity;
        let (total, whole) = (filled + quantity, filled + quantity == order.quantity.0);
        name.open = (!whole).then(|| (order.clone(), total));
        Some(filled_of(&order, quantity, total))
    }

    fn end(&mut self, symbol: &str, status: OrderStatus) -> Option<Message> {
        let name = self.name(symbol);
        let (order, filled) = name.open.take()?;
        name.given_up |= status == OrderStatus::Rejected && !order.is_closing();
        name.short = Some((order.clone(), filled));
        Some(Message::OrderUpdated(OrderUpdated {
            client_order_id: order.client_order_id,
            symbol: order.symbol,
            venue_order_id: "v".to_owned(),
            status,
            reason: None,
        }))
    }

    /// What was on its way when the order was cancelled.
    fn late(&mut self, symbol: &str) -> Option<Message> {
        let name = self.name(symbol);
        let (order, filled) = name.short.take()?;
        let quantity = order.quantity.0 - filled;
        name.held += order.side.sign() * quantity;
        name.late += quantity;
        Some(filled_of(&order, quantity, order.quantity.0))
    }

    fn halted(&self) -> bool {
        self.kill.is_some() || self.alarmed
    }

    /// What it orders is judged at once; approved, it is at the venue.
    fn tell(&mut self, body: Message, path: &[Said]) {
        let mut out = Outbox::default();
        let id = MessageId::event(ActorId::Control, "x");
        self.desk.handle(1, &Envelope { id, at: Time(self.at), body }, &mut out);
        let mut judged = Vec::new();
        for answer in out.messages() {
            match answer {
                Message::SubmitOrder(order) => {
                    self.submitted(order, path);
                    judged.push(self.judge(order));
                }
                Message::OrdersWorking(_) => self.done = None,
                Message::OrdersDone(done) => self.done = Some(done.clone()),
                Message::Alarm(alarm) if alarm.code == "FLATTEN_INCOMPLETE" => self.alarmed = true,
                other => panic!("unexpected: {other} {path:?}"),
            }
        }
        for judged in judged {
            self.tell(judged, path);
        }
    }

    fn judge(&mut self, order: &Order) -> Message {
        let order = order.clone();
        let name = self.name(order.symbol.as_str());
        if !name.denied || order.is_closing() {
            return Message::OrderApproved(order);
        }
        (name.open, name.given_up) = (None, true);
        Message::OrderDenied(OrderDenied { order, reason: DenyReason::NotInTargets })
    }

    fn submitted(&mut self, order: &Order, path: &[Said]) {
        assert!(self.ids.insert(order.client_order_id.clone()), "{order} twice: {path:?}");
        assert!(!self.closed, "{order} after the close: {path:?}");
        assert_eq!(order.is_closing(), self.kill == Some(KillLevel::Flatten), "{order} {path:?}");
        assert!(order.quantity.0 <= SLICE && order.limit.is_some(), "{order} {path:?}");
        assert_eq!(order.time_in_force, TimeInForce::Ioc, "{order} {path:?}");
        let halted = self.halted();
        let flattened = self.flattened;
        // What was over goes on: a kill makes orders after the end.
        self.done = None;
        let name = self.name(order.symbol.as_str());
        assert!(name.open.is_none(), "{order} beside another: {path:?}");
        name.open = Some((order.clone(), 0));
        if order.is_closing() {
            return;
        }
        assert!(!halted && !flattened, "{order} left after a halt: {path:?}");
        assert!(!name.given_up, "{order} was given up: {path:?}");
        let (_, from, goal) = PLAN[usize::from(order.symbol.as_str() == "B")];
        assert_eq!(order.change().0.signum(), (goal - from).signum(), "{order} back: {path:?}");
        let (held, change) = (name.held, order.change().0);
        let missing = goal - held;
        assert!(change * missing > 0 && change.abs() <= missing.abs(), "{order} {path:?}");
        assert!(held * (held + change) >= 0, "{order} goes through flat: {path:?}");
        let late: i64 = self.names.values().map(|name| name.late).sum();
        let opens = (held + change).abs() > held.abs();
        assert!(!opens || self.gross() <= GROSS + late, "{order} is not paid for: {path:?}");
    }

    /// With all that is open.
    fn gross(&self) -> i64 {
        let worst = |name: &Name| {
            let open = name
                .open
                .as_ref()
                .map_or(0, |(order, filled)| order.side.sign() * (order.quantity.0 - filled));
            name.held.abs().max((name.held + open).abs())
        };
        self.names.values().map(worst).sum()
    }

    fn check(&self, said: Said, path: &[Said]) {
        let open = self.names.values().any(|name| name.open.is_some());
        let missing = |(symbol, _, goal): (&str, i64, i64)| {
            (Symbol::from(symbol), Shares(goal - self.names[&Symbol::from(symbol)].held))
        };
        let missing: BTreeMap<Symbol, Shares> =
            PLAN.into_iter().map(missing).filter(|(_, missing)| missing.0 != 0).collect();
        let reducer = &self.names[&Symbol::from("A")];
        let waits = !self.halted() && !self.flattened && reducer.held > 0 && !reducer.given_up;
        if said == Said::Tick && waits {
            assert!(reducer.open.is_some(), "nobody reduces: {path:?}");
        }
        if let Some(done) = &self.done {
            assert!(!open, "done while something is open: {path:?}");
            assert!(!waits || self.closed, "done while a reducer is to come: {path:?}");
            let ended = done.filled + done.unfilled + done.denied + done.rejected;
            assert_eq!(done.orders, ended, "{path:?}");
        }
        // What is halted goes on if a kill is lifted; a late fill is told by nobody after the end.
        let over = self.closed && !open;
        assert!(!over || self.done.is_some(), "the end is not said: {path:?}");
        let told = matches!(said, Said::Close | Said::Fill(..) | Said::End(_) | Said::Reject(_));
        let late = self.names.values().any(|name| name.late > 0);
        if over && told && !late && !self.flattened {
            assert_eq!(self.done.as_ref().map(|done| &done.unreached), Some(&missing), "{path:?}");
        }
    }
}

fn filled_of(order: &Order, quantity: i64, cumulative: i64) -> Message {
    Message::Filled(Filled {
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        side: order.side,
        quantity: Shares(quantity),
        price: MARK,
        cumulative: Shares(cumulative),
        complete: cumulative == order.quantity.0,
        rounding: Usd(0),
    })
}

fn session() -> SessionOpened {
    let mut opened = opened();
    let held = PLAN.iter().filter(|(_, held, _)| *held != 0);
    opened.positions = held.map(|(symbol, held, _)| holding(symbol, *held)).collect();
    opened.rules = Some(rules(SLICE as u32));
    opened.execution = Some(ExecutionRules {
        style: Style::Sliced,
        collar: 0.05,
        flatten_share: 0.05,
        participation: Some(0.05),
    });
    opened
}

fn targets() -> Targets {
    let target = |(symbol, held, quantity): (&str, i64, i64)| Target {
        symbol: symbol.into(),
        weight: 0.0,
        quantity: Shares(quantity),
        held: Shares(held),
        mark: MARK,
        cost_bp: 0.0,
    };
    Targets {
        signal_session: Date::constant(2024, 1, 2),
        nav: Usd(0),
        targets: PLAN.map(target).to_vec(),
        exposures: PortfolioExposures::default(),
        theta: 1.0,
        binding: Vec::new(),
    }
}
