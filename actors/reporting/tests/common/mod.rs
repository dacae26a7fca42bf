//! A small world to report on: three names, one order a message, statements computed the slow way.
#![allow(dead_code, reason = "each test file uses a part")]

use kernel::Simulation;
use messages::{
    AccountReported, ActorId, Bars, Date, Env, Envelope, Exposures, Features, Filled, HistoryRef,
    Holding, Limits, Member, Message, MessageId, ModelRef, Order, Outcome, Price, Scores,
    SessionClosed, SessionOpened, Shares, Side, Symbol, Target, Targets, Time, TimeInForce, Usd,
};
use reporting::Reporting;
use std::collections::BTreeMap;

pub(crate) const NAMES: [&str; 3] = ["AAA", "BBB", "CCC"];

pub(crate) fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

pub(crate) fn dollars(amount: f64) -> Usd {
    Usd::from_f64(amount).expect("an amount")
}

pub(crate) fn price(amount: f64) -> Price {
    Price::from_f64(amount).expect("a price")
}

/// One session with the reporting actor in it.
pub(crate) struct Desk {
    simulation: Simulation,
    events: u32,
    seen: usize,
}

impl Desk {
    pub(crate) fn open(opened: SessionOpened) -> Self {
        let actors: Vec<Box<dyn kernel::Actor>> = vec![Box::new(Reporting::new())];
        let mut desk = Self { simulation: Simulation::new(actors), events: 0, seen: 0 };
        desk.say(ActorId::Session, Message::SessionOpened(Box::new(opened)));
        desk
    }

    /// Posts it and returns what reporting answers.
    pub(crate) fn say(&mut self, author: ActorId, body: Message) -> Vec<Message> {
        self.events += 1;
        let id = MessageId::event(author, self.events.to_string());
        self.simulation.post(Envelope { id, at: Time(i64::from(self.events)), body });
        let answers = self.simulation.since(self.seen).skip(1).map(|e| e.body.clone()).collect();
        self.seen = self.simulation.journal().len();
        answers
    }

    /// Submits an order and fills it whole, at `at` dollars.
    pub(crate) fn trade(&mut self, order: &Order, at: f64) {
        self.say(ActorId::Execution, Message::SubmitOrder(order.clone()));
        self.say(
            ActorId::Broker,
            Message::Filled(fill(order, order.quantity.0, at, order.quantity.0)),
        );
    }

    pub(crate) fn entries(&self) -> Vec<(u64, Envelope)> {
        (1..).zip(self.simulation.since(0).cloned()).collect()
    }
}

pub(crate) fn opened(env: Env, session: &str, cash: Usd, positions: Vec<Holding>) -> SessionOpened {
    let held: Usd = positions.iter().map(|held| held.mark.times(held.quantity)).sum();
    let member =
        |name: &&str| Member { symbol: (*name).into(), sector: format!("Sector <{}>", &name[..1]) };
    SessionOpened {
        run_id: "demo & test".to_owned(),
        source: "a test".to_owned(),
        universe: NAMES.iter().map(member).collect(),
        sectors_sha256: "s".to_owned(),
        sectors_as_of: date("2024-01-01"),
        config_sha256: "c".to_owned(),
        whitelist_sha256: "w".to_owned(),
        model: Some(ModelRef { id: "xgb-1".to_owned(), sha256: "m".to_owned() }),
        history: HistoryRef { through: date("2024-01-01"), sessions: 1, sha256: "h".to_owned() },
        equity: cash + held,
        positions,
        cash,
        ..SessionOpened::new(
            env,
            date(session),
            date(session).yesterday().expect("a day before"),
            Limits {
                gross: 1.0,
                gross_max: 1.1,
                name_max: 0.1,
                net_max: 0.1,
                beta_max: 0.1,
                sector_net_max: 0.1,
                adv_share_max: 0.1,
                order_max: 0.1,
            },
        )
    }
}

pub(crate) fn bars(session: &str) -> Message {
    let mut bars = Bars::empty(date(session));
    for name in NAMES {
        bars.push(name.into(), [100.0, 101.0, 99.0, 100.0, 1e6, 100.0]);
    }
    Message::Bars(bars)
}

pub(crate) fn features(session: &str, betas: [f64; 3]) -> Message {
    let nothing = || vec![0.0; 3].into();
    Message::Features(Features {
        session: date(session),
        symbols: NAMES.map(Symbol::from).to_vec(),
        names: Vec::new(),
        whitelist_sha256: "w".to_owned(),
        values: Vec::new().into(),
        raw: Vec::new().into(),
        eligible: vec![true; 3],
        exposures: Exposures {
            beta: betas.to_vec().into(),
            sigma_daily: nothing(),
            idio_daily: nothing(),
            adv: nothing(),
            close: nothing(),
            factors: None,
        },
        guards: Vec::new(),
    })
}

pub(crate) fn scores(session: &str) -> Message {
    Message::Scores(Scores {
        session: date(session),
        symbols: NAMES.map(Symbol::from).to_vec(),
        scores: vec![0.012, -0.004, 0.001].into(),
        model_id: "xgb-1".to_owned(),
        model_sha256: "m".to_owned(),
        whitelist_sha256: "w".to_owned(),
        names: ["resmom", "ret_5", "vol", "size", "bias"].map(str::to_owned).to_vec(),
        contributions: vec![
            0.002, -0.005, 0.013, 0.001, 0.001, //
            -0.001, -0.001, -0.001, -0.002, 0.001, //
            0.0, 0.0, 0.0, 0.0, 0.001,
        ]
        .into(),
        undecided: Vec::new(),
    })
}

pub(crate) fn targets(session: &str) -> Message {
    let target = |symbol: &str, quantity| Target {
        symbol: symbol.into(),
        weight: quantity as f64 / 1000.0,
        quantity: Shares(quantity),
        held: Shares(0),
        mark: price(100.0),
        cost_bp: 4.25,
    };
    Message::Targets(Targets {
        signal_session: date(session),
        nav: dollars(100_000.0),
        targets: vec![target("AAA", 40), target("BBB", -30)],
        exposures: messages::PortfolioExposures::default(),
        theta: 0.8,
        binding: ["ADV AAA 120000", "ADV BBB 90000", "TURNOVER 0.2"].map(str::to_owned).to_vec(),
    })
}

pub(crate) fn order(session: &str, symbol: &str, change: i64, reference: f64) -> Order {
    let day = session.replace('-', "");
    Order {
        client_order_id: format!("au-{day}-{symbol}-0-0"),
        symbol: symbol.into(),
        side: if change > 0 { Side::Buy } else { Side::Sell },
        quantity: Shares(change.abs()),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: price(reference),
        limit: None,
    }
}

pub(crate) fn fill(order: &Order, quantity: i64, at: f64, cumulative: i64) -> Filled {
    Filled {
        client_order_id: order.client_order_id.clone(),
        symbol: order.symbol.clone(),
        side: order.side,
        quantity: Shares(quantity),
        price: price(at),
        cumulative: Shares(cumulative),
        complete: cumulative == order.quantity.0,
        rounding: Usd(0),
    }
}

pub(crate) fn holding(symbol: &str, quantity: i64, average: f64, mark: f64) -> Holding {
    let (average, mark) = (price(average), price(mark));
    Holding { symbol: symbol.into(), quantity: Shares(quantity), average, mark, rounding: Usd(0) }
}

pub(crate) fn statement(cash: f64, equity: f64, positions: Vec<Holding>) -> Message {
    let (cash, equity) = (dollars(cash), dollars(equity));
    Message::AccountReported(AccountReported { cash, equity, positions })
}

pub(crate) fn traded() -> Message {
    Message::SessionClosed(SessionClosed { outcome: Outcome::Traded })
}

pub(crate) fn stopped(reason: &str) -> Message {
    let outcome = Outcome::Stopped { reason: reason.to_owned() };
    Message::SessionClosed(SessionClosed { outcome })
}

/// Journals of `sessions` sessions in which every name trades a little each day at pseudo-random
/// prices; the same on every call. The account is kept here, apart from the code under test.
pub(crate) fn run(env: Env, sessions: usize) -> Vec<Vec<(u64, Envelope)>> {
    let mut dice = 42_u64;
    let mut roll = move |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut cash: i64 = 100_000 * 1_000_000;
    let mut shares: BTreeMap<&str, i64> = BTreeMap::new();
    let mut marks: BTreeMap<&str, i64> = NAMES.map(|name| (name, 100_000_000)).into();
    let mut journals = Vec::new();
    for number in 0..sessions {
        let day =
            date("2024-01-02").checked_add(jiff::Span::new().days(number as i64)).expect("day");
        let (day, held) = (day.to_string(), holdings(&shares, &marks));
        let mut desk = Desk::open(opened(env, &day, Usd(cash), held));
        desk.say(ActorId::Ingest, bars(&day));
        desk.say(ActorId::Features, features(&day, [0.9, 1.1, 1.4]));
        for (i, name) in NAMES.into_iter().enumerate() {
            let aim = [1, -1, 1][i] * (120 + roll(60) as i64) / if i == 2 { 4 } else { 1 };
            let change = aim - shares.get(name).copied().unwrap_or(0);
            if change != 0 {
                let reference = marks[name] as f64 / 1e6;
                let at = marks[name] + roll(400_000) as i64 - 200_000;
                desk.trade(&order(&day, name, change, reference), at as f64 / 1e6);
                cash -= at * change;
                shares.insert(name, aim);
            }
            marks.insert(name, marks[name] + roll(3_000_000) as i64 - 1_500_000);
        }
        let held = holdings(&shares, &marks);
        let equity = cash + shares.iter().map(|(name, held)| held * marks[name]).sum::<i64>();
        let said = AccountReported { cash: Usd(cash), equity: Usd(equity), positions: held };
        desk.say(ActorId::Broker, Message::AccountReported(said));
        desk.say(ActorId::Session, traded());
        journals.push(desk.entries());
    }
    journals
}

fn holdings(shares: &BTreeMap<&str, i64>, marks: &BTreeMap<&str, i64>) -> Vec<Holding> {
    let held = shares.iter().filter(|(_, held)| **held != 0);
    held.map(|(name, held)| Holding {
        symbol: (*name).into(),
        quantity: Shares(*held),
        average: price(100.0),
        mark: Price(marks[name]),
        rounding: Usd(0),
    })
    .collect()
}
