//! Every sequence of up to six things that can happen around a kill: what may leave, and that nothing is closed twice.
//! Sequences that lead to the same state go on together.

use crate::market::rules;
use execution::Execution;
use kernel::Host;
use messages::{
    ActorId, Alarm, Date, Env, Envelope, ExecutionRules, Exposures, F32s, Features, Filled,
    Holding, Kill, KillLevel, Limits, Message, MessageId, ModelRef, Order, OrderStatus,
    OrderUpdated, Phase, PhaseBegan, Price, Resume, RiskRules, Scores, SessionOpened, Shares, Side,
    Style, Symbol, Tick, Time, Usd,
};
use risk::Risk;
use std::collections::BTreeMap;

const DEPTH: usize = 6;
const HELD: i64 = 100;
/// 5 % of a minute's volume at $100: see `features`.
const SLICE: i64 = 40;
const MINUTE: i64 = 60_000_000_000;
const ALPHABET: [Step; 11] = [
    Step::Accept,
    Step::Fill(30),
    Step::Fill(HELD),
    Step::Cancel,
    Step::Kill(KillLevel::Halt),
    Step::Kill(KillLevel::Flatten),
    Step::Resume,
    Step::Alarm,
    Step::Open,
    Step::Tick,
    Step::Close,
];

#[derive(Copy, Clone, Debug, PartialEq)]
enum Step {
    /// Of the oldest order that is open at the venue.
    Accept,
    Fill(i64),
    Cancel,
    Kill(KillLevel),
    Resume,
    Alarm,
    Open,
    Tick,
    Close,
}

/// Risk and execution, the venue, and what must be true.
#[derive(Clone, Debug)]
struct World {
    risk: Host<Risk>,
    execution: Host<Execution>,
    position: u64,
    at: i64,
    /// Approved and not ended, with what is filled of them.
    open: Vec<(Order, i64)>,
    held: i64,
    kill: Option<KillLevel>,
    alarmed: bool,
    phase: Option<Phase>,
    /// When the last slice left.
    sliced: Option<i64>,
}

#[test]
fn every_sequence_of_six_around_a_kill_lets_out_what_it_should() {
    let mut layer = vec![(World::morning(), Vec::new())];
    let mut states = 0;
    for _ in 0..DEPTH {
        let mut next = BTreeMap::new();
        for (world, path) in &layer {
            for step in ALPHABET {
                let mut path: Vec<Step> = path.clone();
                path.push(step);
                let mut world: World = world.clone();
                if world.take(step, &path) {
                    next.entry(world.key()).or_insert((world, path));
                }
            }
        }
        states += next.len();
        layer = next.into_values().collect();
    }
    assert!(states > 1_000, "only {states} states");
}

impl World {
    /// 100 shares are held and shall be sold in the opening auction: the order is approved.
    fn morning() -> Self {
        let mut world = Self {
            risk: Host::new(Risk::new()),
            execution: Host::new(Execution::new()),
            position: 0,
            at: 0,
            open: Vec::new(),
            held: HELD,
            kill: None,
            alarmed: false,
            phase: None,
            sliced: None,
        };
        let (opened, features, scores) = (opened(), features(), scores());
        for message in [opened, features, scores] {
            world.say(message, &[]);
        }
        let [(order, 0)] = &world.open[..] else { panic!("{:?}", world.open) };
        assert_eq!((order.side, order.quantity, order.leg), (Side::Sell, Shares(HELD), 0));
        world
    }

    /// False where it can't happen.
    fn take(&mut self, step: Step, path: &[Step]) -> bool {
        let first = self.open.first().map(|(order, filled)| (order.clone(), *filled));
        let message = match (step, first) {
            (Step::Accept, Some((order, _))) => updated(&order, OrderStatus::Accepted),
            (Step::Cancel, Some((order, _))) => {
                self.open.remove(0);
                updated(&order, OrderStatus::Canceled)
            }
            (Step::Fill(most), Some((order, filled))) => {
                let quantity = most.min(order.quantity.0 - filled);
                self.open[0].1 += quantity;
                self.held += order.side.sign() * quantity;
                if filled + quantity == order.quantity.0 {
                    self.open.remove(0);
                }
                fill(&order, quantity, filled + quantity)
            }
            (Step::Kill(level), _) => {
                self.kill = self.kill.max(Some(level));
                Message::Kill(Kill { level, ..Kill::default() })
            }
            (Step::Resume, _) => {
                self.kill = None;
                Message::Resume(Resume { operator: "ada".into(), reason: "ok".into() })
            }
            (Step::Alarm, _) => {
                self.alarmed = true;
                Message::Alarm(Alarm { code: "X".into(), detail: String::new(), symbol: None })
            }
            (Step::Open, _) if self.phase.is_none() => self.begin(Phase::Open),
            (Step::Close, _) if self.phase == Some(Phase::Open) => self.begin(Phase::Close),
            (Step::Tick, _) if self.phase == Some(Phase::Open) => {
                self.at += MINUTE;
                Message::Tick(Tick { minute: (self.at / MINUTE) as u32 })
            }
            (Step::Accept | Step::Cancel | Step::Fill(_), None)
            | (Step::Open | Step::Close | Step::Tick, _) => return false,
        };
        let left = step == Step::Close && self.flattens() && self.held != 0;
        let answers = self.say(message, path);
        let said = answers.iter().any(|answer| is_alarm(answer, "FLATTEN_INCOMPLETE"));
        assert_eq!(said, left, "{path:?}");
        assert!(self.held >= 0, "sold what is not there: {path:?}");
        self.is_flat_in_time(step, path);
        true
    }

    fn begin(&mut self, phase: Phase) -> Message {
        self.phase = Some(phase);
        Message::PhaseBegan(PhaseBegan { phase })
    }

    fn flattens(&self) -> bool {
        self.kill == Some(KillLevel::Flatten)
    }

    /// A minute that nothing is open in is not lost while positions are to be closed.
    fn is_flat_in_time(&self, step: Step, path: &[Step]) {
        let due = self.flattens() && step == Step::Tick && self.held != 0;
        assert!(!due || !self.open.is_empty(), "nobody closes {}: {path:?}", self.held);
    }

    /// Both hear it, and each other, until nobody says more; what is approved is at the venue.
    fn say(&mut self, message: Message, path: &[Step]) -> Vec<Message> {
        let mut said = Vec::new();
        let id = MessageId::event(ActorId::Control, self.position.to_string());
        let mut journal = vec![Envelope { id, at: Time(self.at), body: message }];
        let mut next = 0;
        while next < journal.len() {
            self.position += 1;
            let entry = Ok(journal[next].clone());
            for answer in self.risk.handle(self.position, &entry) {
                if let Message::OrderApproved(order) = &answer.body {
                    self.on_approved(order, path);
                }
                journal.push(answer);
            }
            let answers: Vec<Envelope> = self.execution.handle(self.position, &entry);
            said.extend(answers.iter().map(|answer| answer.body.clone()));
            journal.extend(answers);
            next += 1;
        }
        said
    }

    fn on_approved(&mut self, order: &Order, path: &[Step]) {
        let halted = self.kill.is_some() || self.alarmed;
        assert_eq!(order.is_closing(), self.flattens(), "{order} {path:?}");
        assert!(order.is_closing() || !halted, "{order} left after a halt: {path:?}");
        assert!(self.phase != Some(Phase::Close), "{order} after the close: {path:?}");
        assert!(self.open.is_empty(), "{order} beside another: {path:?}");
        assert!(order.side == Side::Sell && order.quantity.0 <= self.held, "{order} {path:?}");
        if order.is_closing() && self.phase == Some(Phase::Open) {
            assert!(order.quantity.0 <= SLICE && order.limit.is_some(), "{order} {path:?}");
            let waited = self.sliced.is_none_or(|before| self.at - before >= MINUTE);
            assert!(waited, "{order} within a minute of another: {path:?}");
            self.sliced = Some(self.at);
        }
        self.open.push((order.clone(), 0));
    }

    /// What decides how it goes on: positions of the journal are numbers, not states.
    fn key(&self) -> String {
        let mut same = self.clone();
        same.position = 0;
        let text = format!("{same:?}");
        text.split("next: ").map(|part| part.trim_start_matches(char::is_numeric)).collect()
    }
}

fn is_alarm(message: &Message, code: &str) -> bool {
    matches!(message, Message::Alarm(alarm) if alarm.code == code)
}

fn updated(order: &Order, status: OrderStatus) -> Message {
    Message::OrderUpdated(OrderUpdated {
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        venue_order_id: "v".to_owned(),
        status,
        reason: None,
    })
}

fn fill(order: &Order, quantity: i64, cumulative: i64) -> Message {
    Message::Filled(Filled {
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        side: order.side,
        quantity: Shares(quantity),
        price: order.reference,
        cumulative: Shares(cumulative),
        complete: cumulative == order.quantity.0,
        rounding: Usd(0),
    })
}

const DAY: Date = Date::constant(2024, 1, 3);

/// Without an edge every position is wound down.
fn opened() -> Message {
    let mark = Price(100_000_000);
    let held = Holding {
        symbol: "A".into(),
        quantity: Shares(HELD),
        average: mark,
        mark,
        rounding: Usd(0),
    };
    Message::SessionOpened(Box::new(SessionOpened {
        universe: vec![messages::Member { symbol: "A".into(), sector: "x".into() }],
        model: Some(ModelRef { id: "m".into(), sha256: "m".into() }),
        positions: vec![held],
        cash: Usd(90_000_000_000),
        equity: Usd(100_000_000_000),
        rules: Some(RiskRules { plan_multiple: 100.0, ..rules() }),
        execution: Some(ExecutionRules {
            style: Style::Auction,
            collar: 0.05,
            flatten_share: 0.05,
            participation: None,
        }),
        ..SessionOpened::new(
            Env::Backtest,
            DAY,
            DAY,
            Limits {
                gross: 1.0,
                gross_max: 1.6,
                name_max: 0.2,
                net_max: 0.5,
                beta_max: 0.5,
                sector_net_max: 0.5,
                adv_share_max: 0.02,
                order_max: 0.5,
            },
        )
    }))
}

fn features() -> Message {
    let symbols: Vec<Symbol> = vec!["A".into()];
    Message::Features(Features {
        session: DAY,
        symbols,
        names: Vec::new(),
        whitelist_sha256: String::new(),
        values: F32s::default(),
        raw: Vec::new().into(),
        eligible: vec![true],
        exposures: Exposures {
            beta: vec![1.0].into(),
            sigma_daily: vec![0.02].into(),
            idio_daily: vec![0.02].into(),
            adv: vec![SLICE as f64 * 100.0 * 390.0 / 0.05 + 1.0].into(),
            close: vec![100.0].into(),
            factors: None,
        },
        guards: Vec::new(),
    })
}

fn scores() -> Message {
    Message::Scores(Scores {
        session: DAY,
        symbols: vec!["A".into()],
        scores: vec![1.0].into(),
        model_id: "m".into(),
        model_sha256: "m".into(),
        whitelist_sha256: String::new(),
        names: Vec::new(),
        contributions: F32s::default(),
        undecided: Vec::new(),
    })
}
