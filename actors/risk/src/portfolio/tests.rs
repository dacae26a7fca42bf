//! What a book is worth on the morning after a split: the shares are new ones, the last close was one of the old.

use crate::Risk;
use crate::testing::{opened, rules};
use kernel::{Actor, Outbox};
use messages::{
    ActorId, Booked, BookedKind, DenyReason, Edge, Envelope, Exposures, Features, Holding, Member,
    Message, MessageId, ModelRef, Order, Overnight, Price, Scores, SessionOpened, Shares, Side,
    Symbol, Targets, Time, TimeInForce, Usd,
};

const NAMES: [&str; 5] = ["A", "B", "C", "D", "S"];
const DOLLAR: i64 = 1_000_000;

/// $100,000, of which 1,000 shares of S at $12.50: 100 of them at $125 before they were split overnight.
fn morning() -> SessionOpened {
    let split = Booked {
        activity: "1".to_owned(),
        date: opened().session,
        kind: BookedKind::Split,
        symbol: Some("S".into()),
        amount: Usd(0),
        shares: Shares(900),
        description: String::new(),
        before_open: true,
    };
    let member = |name: &&str| Member { symbol: (*name).into(), sector: "all".to_owned() };
    SessionOpened {
        universe: NAMES.iter().map(member).collect(),
        model: Some(ModelRef { id: "m".to_owned(), sha256: "m".to_owned() }),
        positions: vec![held("S", 1_000, 12_500_000), held("A", 50, 100 * DOLLAR)],
        overnight: Some(Box::new(Overnight { booked: vec![split], ..Overnight::default() })),
        rules: Some(rules()),
        edge: Some(Edge { oof_ic: 0.05, horizon: 5 }),
        ..opened()
    }
}

fn held(symbol: &str, quantity: i64, mark: i64) -> Holding {
    let mark = Price(mark);
    Holding {
        symbol: symbol.into(),
        quantity: Shares(quantity),
        average: mark,
        mark,
        rounding: Usd(0),
    }
}

fn features(opened: &SessionOpened) -> Features {
    let all = |value: f64| vec![value; NAMES.len()].into();
    Features {
        session: opened.signal_session,
        symbols: NAMES.map(Symbol::from).to_vec(),
        names: Vec::new(),
        whitelist_sha256: String::new(),
        values: Vec::new().into(),
        raw: Vec::new().into(),
        eligible: vec![true; NAMES.len()],
        exposures: Exposures {
            beta: all(1.0),
            sigma_daily: all(0.02),
            idio_daily: all(0.02),
            adv: all(50e6),
            close: vec![100.0, 100.0, 100.0, 100.0, 125.0].into(),
            factors: None,
        },
        guards: Vec::new(),
    }
}

fn scores(opened: &SessionOpened) -> Scores {
    Scores {
        session: opened.signal_session,
        symbols: NAMES.map(Symbol::from).to_vec(),
        scores: vec![0.02, 0.01, -0.01, -0.02, 0.03].into(),
        model_id: "m".to_owned(),
        model_sha256: "m".to_owned(),
        whitelist_sha256: String::new(),
        names: Vec::new(),
        contributions: Vec::new().into(),
        undecided: Vec::new(),
    }
}

fn tell(risk: &mut Risk, body: Message) -> Vec<Message> {
    let mut out = Outbox::default();
    let id = MessageId::event(ActorId::Session, "x");
    risk.handle(1, &Envelope { id, at: Time(0), body }, &mut out);
    out.messages().to_vec()
}

fn targets(risk: &mut Risk, opened: &SessionOpened) -> Targets {
    tell(risk, Message::SessionOpened(Box::new(opened.clone())));
    tell(risk, Message::Features(features(opened)));
    match tell(risk, Message::Scores(scores(opened))).remove(0) {
        Message::Targets(targets) => targets,
        other => panic!("{other}"),
    }
}

#[test]
fn a_split_makes_no_position_that_is_not_there() {
    let opened = morning();
    let mut risk = Risk::new();
    let targets = targets(&mut risk, &opened);
    let split = targets.targets.iter().find(|target| target.symbol.as_str() == "S").expect("held");
    assert_eq!((split.quantity, split.mark), (Shares(1_000), Price(12_500_000)), "kept as it is");
    // At the opening's marks, by hand.
    let value = |name: &str| {
        let of = targets.targets.iter().find(|target| target.symbol.as_str() == name);
        of.map_or(0.0, |of| {
            of.quantity.0 as f64 * if name == "S" { 12.5 } else { 100.0 } / 100_000.0
        })
    };
    let (gross, net) = NAMES
        .iter()
        .fold((0.0, 0.0), |(gross, net), name| (gross + value(name).abs(), net + value(name)));
    let said = &targets.exposures;
    assert!((said.gross - gross).abs() < 1e-9, "{said:?} {gross}");
    assert!((said.net - net).abs() < 1e-9 && (said.beta.expect("known") - net).abs() < 1e-9);
    // 17.5 % is held of 50 %: the book may grow, and does not hedge more than there is.
    let binding = targets.binding.join(", ");
    assert!(!binding.contains("GROSS_MAX") && !binding.contains("BROKEN"), "{binding}");
    assert!(gross <= opened.limits.gross && net.abs() <= 0.175, "{gross} {net}");
}

/// The gate counts it so, too: an order that the targets ask for is within the gross maximum.
#[test]
fn the_gate_counts_split_shares_at_their_own_price() {
    let opened = morning();
    let mut risk = Risk::new();
    let targets = targets(&mut risk, &opened);
    let of = targets.targets.iter().find(|of| of.held.0 == 0 && of.quantity.0 != 0);
    let of = of.expect("something is opened");
    let change = of.quantity - of.held;
    let order = Order {
        client_order_id: "x".to_owned(),
        symbol: of.symbol.clone(),
        side: if change.0 > 0 { Side::Buy } else { Side::Sell },
        quantity: change.abs(),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: of.mark,
        limit: None,
    };
    let said = tell(&mut risk, Message::SubmitOrder(order.clone()));
    assert_eq!(said, [Message::OrderApproved(order.clone())]);
    let split = Order { symbol: "S".into(), client_order_id: "y".to_owned(), ..order };
    match &tell(&mut risk, Message::SubmitOrder(split))[..] {
        [Message::OrderDenied(denied)] => assert_eq!(denied.reason, DenyReason::Restricted),
        other => panic!("{other:?}"),
    }
}
