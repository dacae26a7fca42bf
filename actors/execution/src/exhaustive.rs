//! Every sequence of up to six things that can happen to an order and around it. Sequences that lead to the same state
//! go on together, so each is covered without being walked.

use super::{Execution, State};
use kernel::{Actor, Outbox};
use messages::{
    ActorId, Alarm, Date, Envelope, Filled, Kill, Message, MessageId, OrderStatus, OrderUpdated,
    PortfolioExposures, Price, Resume, SessionOpened, Shares, Side, Symbol, Target, Targets, Time,
    Usd,
};
use std::collections::BTreeMap;

const DEPTH: usize = 6;
const FIRST: &str = "au-20240103-A-0-0";
const ORDERED: i64 = 100;

/// What the venue may say of the first order, whatever it has said before, and who else may speak.
const ALPHABET: [Said; 9] = [
    Said::Update(OrderStatus::Accepted),
    Said::Update(OrderStatus::Rejected),
    Said::Update(OrderStatus::Canceled),
    Said::Update(OrderStatus::Expired),
    Said::Fill(40),
    Said::Fill(ORDERED),
    Said::Kill,
    Said::Resume,
    Said::Alarm,
];

#[derive(Copy, Clone, Debug)]
enum Said {
    Update(OrderStatus),
    Fill(i64),
    Kill,
    Resume,
    Alarm,
}

/// What must be true of a path, kept beside the core.
#[derive(Clone, Debug, Default)]
struct Ledger {
    filled: i64,
    end: Option<State>,
    working: u32,
    done: u32,
    second_legs: u32,
    overfills: u32,
    killed: bool,
    alarmed: bool,
}

#[test]
fn every_sequence_of_six_keeps_the_books_and_ends_once() {
    let mut layer = vec![(desk(), Ledger::default(), Vec::new())];
    let mut states = 0;
    for _ in 0..DEPTH {
        let mut next = BTreeMap::new();
        for (desk, ledger, path) in &layer {
            for said in ALPHABET {
                let (mut desk, mut ledger, mut path) = (desk.clone(), ledger.clone(), path.clone());
                path.push(said);
                let was = desk.tickets[FIRST].state;
                let second_leg_allowed = !(ledger.killed || ledger.alarmed);
                let answers = tell(&mut desk, ledger.message(said));
                ledger.count(&answers);
                ledger.check(&desk, was, second_leg_allowed, &path);
                next.insert(format!("{ledger:?} {desk:?}"), (desk, ledger, path));
            }
        }
        states += next.len();
        layer = next.into_values().collect();
    }
    assert!(states > 1_000, "only {states} states");
}

impl Ledger {
    /// The words for it, as a venue with this history would say them.
    fn message(&mut self, said: Said) -> Message {
        match said {
            Said::Update(status) => Message::OrderUpdated(OrderUpdated {
                client_order_id: FIRST.to_owned(),
                symbol: "A".into(),
                venue_order_id: "v".to_owned(),
                status,
                reason: None,
            }),
            Said::Fill(quantity) => {
                self.filled += quantity;
                Message::Filled(Filled {
                    client_order_id: FIRST.to_owned(),
                    symbol: "A".into(),
                    side: Side::Buy,
                    quantity: Shares(quantity),
                    price: Price(1),
                    cumulative: Shares(self.filled),
                    complete: self.filled >= ORDERED,
                    rounding: Usd(0),
                })
            }
            Said::Kill => {
                self.killed = true;
                Message::Kill(Kill::default())
            }
            Said::Resume => {
                self.killed = false;
                Message::Resume(Resume::default())
            }
            Said::Alarm => {
                self.alarmed = true;
                let (code, detail) = ("X".to_owned(), String::new());
                Message::Alarm(Alarm { code, detail, symbol: None })
            }
        }
    }

    fn count(&mut self, answers: &[Message]) {
        for answer in answers {
            match answer {
                Message::OrdersWorking(_) => self.working += 1,
                Message::OrdersDone(_) => self.done += 1,
                Message::SubmitOrder(order) => {
                    assert_eq!((order.leg, order.quantity), (1, Shares(300)));
                    self.second_legs += 1;
                }
                Message::Alarm(alarm) if alarm.code == "OVERFILL" => {
                    self.overfills += 1;
                    self.alarmed = true;
                }
                other => panic!("unexpected: {other}"),
            }
        }
    }

    fn check(&mut self, desk: &Execution, was: State, second_leg_allowed: bool, path: &[Said]) {
        let ticket = &desk.tickets[FIRST];
        assert_eq!(ticket.filled, Shares(self.filled), "a fill was lost or doubled: {path:?}");
        let held = desk.positions[&Symbol::from("A")];
        assert_eq!(held, Shares(self.filled - ORDERED), "{path:?}");
        let over = u32::from(self.filled > ORDERED);
        assert_eq!(self.overfills, over, "more than was ordered, in silence: {path:?}");
        if was.is_terminal() {
            assert_eq!(ticket.state, was, "what has ended stays so: {path:?}");
        }
        let placed = u32::from(ticket.state.is_placed());
        assert_eq!(self.working, placed, "placed is said once: {path:?}");
        let second_open = desk.tickets.open().any(|t| t.order.leg == 1 && !t.state.is_terminal());
        let over = u32::from(ticket.state.is_terminal() && !second_open);
        assert_eq!(self.done, over, "the end is said once, and when it is true: {path:?}");
        let goes_on = ticket.state == State::Filled && was != State::Filled && second_leg_allowed;
        // An overfilled position is not flat, and no second leg starts from it.
        if goes_on && self.filled == ORDERED {
            self.end = Some(State::Filled);
        }
        assert_eq!(self.second_legs, u32::from(self.end.is_some()), "{path:?}");
    }
}

/// Short 100, to be long 300: an approved order to flat, and a leg that waits for it.
fn desk() -> Execution {
    let mut desk = Execution::new();
    let mut opened: SessionOpened = crate::testing::opened();
    opened.positions = vec![crate::testing::holding("A", -ORDERED)];
    tell(&mut desk, Message::SessionOpened(Box::new(opened)));
    let target = Target {
        symbol: "A".into(),
        weight: 0.0,
        quantity: Shares(300),
        held: Shares(-ORDERED),
        mark: Price(1_000_000),
        cost_bp: 0.0,
    };
    let targets = Targets {
        signal_session: Date::constant(2024, 1, 2),
        nav: Usd(0),
        targets: vec![target],
        exposures: PortfolioExposures::default(),
        theta: 1.0,
        binding: Vec::new(),
    };
    let submitted = tell(&mut desk, Message::Targets(targets));
    let [Message::SubmitOrder(order)] = &submitted[..] else { panic!("{submitted:?}") };
    assert_eq!(order.client_order_id, FIRST);
    tell(&mut desk, Message::OrderApproved(order.clone()));
    desk
}

fn tell(desk: &mut Execution, body: Message) -> Vec<Message> {
    let mut out = Outbox::default();
    let id = MessageId::event(ActorId::Control, "x");
    desk.handle(1, &Envelope { id, at: Time(0), body }, &mut out);
    out.messages().to_vec()
}
