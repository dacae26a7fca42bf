//! The reporting actor: fills in, an account or an alarm out.

mod common;

use common::{
    Desk, bars, dollars, features, fill, holding, opened, order, price, statement, traded,
};
use expect_test::{Expect, expect};
use messages::{
    ActorId, Booked, BookedKind, DayReported, DenyReason, Env, Message, OrderDenied, OrderStatus,
    OrderUpdated, Shares, Usd,
};

const DAY: &str = "2024-01-03";

/// $100,000 in cash and 10 AAA short at 50, marked 60.
fn desk() -> Desk {
    let book = vec![holding("AAA", -10, 50.0, 60.0)];
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(100_600.0), book));
    assert!(desk.say(ActorId::Ingest, bars("2024-01-02")).is_empty());
    assert!(desk.say(ActorId::Features, features("2024-01-02", [0.5, 1.5, 1.0])).is_empty());
    desk
}

fn day(answers: &[Message]) -> &DayReported {
    match answers {
        [Message::DayReported(day)] => day,
        other => panic!("not one day: {other:?}"),
    }
}

#[track_caller]
fn check(answers: &[Message], expected: &Expect) {
    let lines: Vec<String> = answers.iter().map(ToString::to_string).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn a_day_that_agrees_is_reported_whole() {
    let mut desk = desk();
    let through_zero = order(DAY, "AAA", 30, 60.0);
    desk.say(ActorId::Execution, Message::SubmitOrder(through_zero.clone()));
    desk.say(ActorId::Broker, Message::Filled(fill(&through_zero, 25, 61.0, 25)));
    desk.say(ActorId::Broker, Message::Filled(fill(&through_zero, 5, 62.0, 30)));
    desk.trade(&order(DAY, "BBB", -100, 20.0), 19.5);
    let denied = order(DAY, "CCC", 5, 10.0);
    desk.say(ActorId::Execution, Message::SubmitOrder(denied.clone()));
    let refusal = OrderDenied { order: denied, reason: DenyReason::NoReference };
    desk.say(ActorId::Risk, Message::OrderDenied(refusal));
    for status in [OrderStatus::Accepted, OrderStatus::Rejected] {
        let updated = OrderUpdated {
            client_order_id: "au-20240103-CCC-0-1".to_owned(),
            symbol: "CCC".into(),
            venue_order_id: String::new(),
            status,
            reason: None,
        };
        desk.say(ActorId::Broker, Message::OrderUpdated(updated));
    }

    // 100,600 − 25·61 − 5·62 + 100·19.5 = 100,715; and 20·63 − 100·19 = −640 of positions.
    let book = vec![holding("AAA", 20, 1.0, 63.0), holding("BBB", -100, 1.0, 19.0)];
    let answers = desk.say(ActorId::Broker, statement(100_715.0, 100_075.0, book.clone()));
    let day = day(&answers);
    assert_eq!((day.nav_open, day.nav_close), (dollars(100_000.0), dollars(100_075.0)));
    assert_eq!((day.cash, day.daily_return), (dollars(100_715.0), 0.000_75));
    assert_eq!(day.traded, dollars(25.0 * 61.0 + 5.0 * 62.0 + 1950.0));
    assert_eq!(day.slippage, dollars(25.0 + 10.0 + 50.0));
    assert_eq!((day.expected, day.covered), (3, 3));
    assert_eq!((day.orders, day.fills, day.rejects, day.denied), (3, 3, 1, 1));
    // Ours is the average entry, the venue's is the mark. The long was opened by both fills.
    assert_eq!(day.positions.len(), 2);
    assert_eq!(day.positions[0].average, price((15.0 * 61.0 + 5.0 * 62.0) / 20.0));
    assert_eq!((day.positions[1].average, day.positions[1].mark), (price(19.5), price(19.0)));

    let close = |got: f64, expected: f64| assert!((got - expected).abs() < 1e-12, "{got}");
    close(day.exposures.gross, (1260.0 + 1900.0) / 100_075.0);
    close(day.exposures.net, (1260.0 - 1900.0) / 100_075.0);
    close(day.exposures.beta.expect("known"), (0.5 * 1260.0 - 1.5 * 1900.0) / 100_075.0);
    close(day.exposures.name_largest, 1900.0 / 100_075.0);
    let sectors: Vec<&str> = day.exposures.sectors.iter().map(|s| s.sector.as_str()).collect();
    assert_eq!(sectors, ["Sector <A>", "Sector <B>", "Sector <C>"]);
    close(day.exposures.sectors[2].net, 0.0);

    // A statement that comes again is not a second day.
    assert!(desk.say(ActorId::Broker, statement(100_715.0, 100_075.0, book)).is_empty());
    assert!(desk.say(ActorId::Session, traded()).is_empty());
}

#[test]
fn every_difference_is_told() {
    let mut desk = desk();
    desk.trade(&order(DAY, "BBB", 7, 20.0), 20.0);
    let book = vec![holding("AAA", -9, 50.0, 60.0), holding("CCC", 1, 5.0, 5.0)];
    let answers = desk.say(ActorId::Broker, statement(100_459.98, 99_925.0, book));
    check(
        &answers,
        &expect![
            "RECONCILIATION: AAA ours -10 venue -9 off -1; BBB ours +7 venue +0 off +7; \
             CCC ours +0 venue +1 off -1; cash ours 100460.00 venue 100459.98 off 0.02; \
             equity ours unknown venue 99925.00"
        ],
    );
    // A statement that agrees, later, is a day after all.
    let book = vec![holding("AAA", -10, 50.0, 60.0), holding("BBB", 7, 20.0, 20.0)];
    assert_eq!(desk.say(ActorId::Broker, statement(100_460.0, 100_000.0, book)).len(), 1);
}

#[test]
fn equal_means_to_the_cent() {
    let book = || vec![holding("AAA", -10, 50.0, 60.0)];
    let answers = desk().say(ActorId::Broker, statement(100_600.009_999, 99_999.990_001, book()));
    assert_eq!(day(&answers).cash, dollars(100_600.0), "ours, not the venue's rounding");
    let answers = desk().say(ActorId::Broker, statement(100_600.0, 100_000.01, book()));
    check(&answers, &expect!["RECONCILIATION: equity ours 100000.00 venue 100000.01 off -0.01"]);
}

#[test]
fn an_execution_counts_once_however_often_it_is_told() {
    let mut desk = desk();
    let order = order(DAY, "BBB", 10, 20.0);
    desk.trade(&order, 20.0);
    desk.say(ActorId::Broker, Message::Filled(fill(&order, 10, 20.0, 10)));
    let book = vec![holding("AAA", -10, 50.0, 60.0), holding("BBB", 10, 20.0, 20.0)];
    let answers = desk.say(ActorId::Broker, statement(100_400.0, 100_000.0, book));
    assert_eq!((day(&answers).fills, day(&answers).traded), (1, dollars(200.0)));
}

#[test]
fn a_fill_of_an_order_that_nobody_submitted_is_an_alarm_though_the_sums_agree() {
    let mut desk = desk();
    let order = order(DAY, "BBB", 10, 20.0);
    desk.say(ActorId::Broker, Message::Filled(fill(&order, 10, 20.0, 10)));
    let book = vec![holding("AAA", -10, 50.0, 60.0), holding("BBB", 10, 20.0, 20.0)];
    let answers = desk.say(ActorId::Broker, statement(100_400.0, 100_000.0, book));
    check(&answers, &expect!["RECONCILIATION: au-20240103-BBB-0-0 filled but never submitted"]);
}

#[test]
fn an_exposure_that_nobody_knows_is_not_made_up() {
    let book = || vec![holding("AAA", -10, 50.0, 60.0), holding("ZZZ", 1, 1.0, 1.0)];
    let mut desk = Desk::open(opened(Env::Paper, DAY, Usd(1_000_000_000), book()));
    desk.say(ActorId::Features, features("2024-01-02", [f64::NAN, 1.0, 1.0]));
    let answers = desk.say(ActorId::Broker, statement(1000.0, 401.0, book()));
    check(&answers, &expect!["EXPOSURE_UNKNOWN: AAA beta; ZZZ beta; ZZZ sector"]);
}

#[test]
fn without_equity_there_is_no_return() {
    let mut desk = Desk::open(opened(Env::Paper, DAY, Usd(0), Vec::new()));
    let answers = desk.say(ActorId::Broker, statement(0.0, 0.0, Vec::new()));
    check(&answers, &expect!["NO_EQUITY: open 0.00 close 0.00"]);
}

/// A withdrawal before the close is no loss of the day; what was lost beside it is. The prior session's is in the opening.
#[test]
fn a_transfer_is_no_return() {
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(500.0), Vec::new()));
    let moved = |activity: &str, kind, amount: f64, before_open| {
        Message::Booked(Booked {
            activity: activity.to_owned(),
            date: DAY.parse().expect("a date"),
            kind,
            symbol: None,
            amount: dollars(amount),
            shares: Shares(0),
            description: String::new(),
            before_open,
        })
    };
    desk.say(ActorId::Broker, moved("1", BookedKind::Transfer, -200.0, true));
    desk.say(ActorId::Broker, moved("2", BookedKind::Transfer, -100.0, false));
    desk.say(ActorId::Broker, moved("2", BookedKind::Transfer, -100.0, false));
    desk.say(ActorId::Broker, moved("3", BookedKind::Fee, -5.0, false));
    let answers = desk.say(ActorId::Broker, statement(395.0, 395.0, Vec::new()));
    let day = day(&answers);
    assert_eq!((day.nav_close, day.daily_return), (dollars(395.0), -0.01));
}

#[test]
fn an_idle_day_is_a_day() {
    let mut desk = Desk::open(opened(Env::Paper, DAY, dollars(500.0), Vec::new()));
    let answers = desk.say(ActorId::Broker, statement(500.0, 500.0, Vec::new()));
    let day = day(&answers);
    assert_eq!((day.daily_return, day.orders, day.covered), (0.0, 0, 0));
    assert_eq!(day.positions.iter().map(|held| held.quantity).sum::<Shares>(), Shares(0));
}

#[test]
fn the_same_journal_gives_the_same_bytes() {
    let bytes = || {
        let journals = common::run(Env::Paper, 5);
        let entries = journals.iter().flatten();
        entries.map(|(_, entry)| entry.encode()).collect::<Vec<_>>()
    };
    assert_eq!(bytes(), bytes());
}
