//! Daily returns from close to close, the sessions that break them, and money that is no return.

mod common;

use common::{Desk, bars, dollars, features, holding, opened, order, statement, stopped, traded};
use kernel::Observer;
use messages::{
    ActorId, Booked, BookedKind, Env, Envelope, Holding, Message, MessageId, Time, Usd,
};
use reporting::{Performance, RunFolder};

type Journal = Vec<(u64, Envelope)>;

const DAYS: [&str; 4] = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"];

fn book(mark: f64) -> Vec<Holding> {
    vec![holding("AAA", 100, 50.0, mark)]
}

/// A session that holds 100 AAA: `cash` and its mark in the morning and at the close.
fn day(day: usize, cash: f64, morning: f64, close: f64) -> Journal {
    let mut desk = Desk::open(opened(Env::Paper, DAYS[day], dollars(cash), book(morning)));
    desk.say(ActorId::Features, features(DAYS[day], [1.0; 3]));
    let answers = desk.say(ActorId::Broker, statement(cash, cash + 100.0 * close, book(close)));
    assert!(matches!(answers[..], [Message::DayReported(_)]), "{answers:?}");
    desk.say(ActorId::Session, traded());
    desk.entries()
}

fn without_account(number: usize, cash: f64, morning: f64) -> Journal {
    let mut desk = Desk::open(opened(Env::Paper, DAYS[number], dollars(cash), book(morning)));
    desk.say(ActorId::Session, stopped("killed: drill"));
    desk.entries()
}

fn booked(kind: BookedKind, amount: f64, before_open: bool) -> (u64, Envelope) {
    let body = Message::Booked(Booked {
        activity: format!("{kind:?}"),
        date: common::date(DAYS[0]),
        kind,
        symbol: None,
        amount: dollars(amount),
        description: "as the venue says".to_owned(),
        shares: messages::Shares(0),
        before_open,
    });
    (1, Envelope { id: MessageId::event(ActorId::Broker, "booked"), at: Time(1), body })
}

fn performance(journals: &[Journal]) -> (Performance, String) {
    let dir = tempfile::tempdir().expect("dir");
    let mut folder = RunFolder::open(dir.path()).expect("a folder");
    for (position, entry) in journals.iter().flatten() {
        folder.see(*position, entry).expect("seen");
    }
    folder.finish().expect("written");
    let page = std::fs::read_to_string(folder.report_path()).expect("a page");
    (folder.performance().expect("sessions"), page)
}

#[track_caller]
fn close(got: Option<f64>, expected: f64) {
    let got = got.expect("a number");
    assert!((got - expected).abs() < 1e-12, "{got} is not {expected}");
}

#[test]
fn a_move_between_the_close_and_the_morning_is_in_the_return() {
    // 10,000 at the close, 11,000 in the morning, 10,500 at the next close: +5 %.
    let journals = [day(0, 5_000.0, 50.0, 50.0), day(1, 5_000.0, 60.0, 55.0)];
    let (performance, _) = performance(&journals);
    close(performance.total_return, 0.05);
    close(performance.max_drawdown, 0.0);
    assert_eq!((performance.unreported_change, performance.breaks.len()), (Usd(0), 0));
}

#[test]
fn a_session_without_an_account_breaks_the_chain_where_all_can_see_it() {
    let journals = [
        day(0, 5_000.0, 50.0, 50.0),
        without_account(1, 5_000.0, 50.0),
        day(2, 5_000.0, 40.0, 44.0),
        day(3, 5_000.0, 44.0, 44.0),
    ];
    let (performance, page) = performance(&journals);
    // 10,000 → 9,000 over the break, then 9,400: the account lost 6 %, and its days show +4.4 %.
    close(performance.total_return, -0.06);
    close(performance.max_drawdown, -0.1);
    let gap = &performance.breaks[0];
    assert_eq!((gap.after, gap.before), (common::date(DAYS[0]), common::date(DAYS[2])));
    assert_eq!(gap.sessions, [common::date(DAYS[1])]);
    close(Some(gap.change), -0.1);
    close(performance.hit_rate, 1.0 / 3.0);
    let words = "no account between 2024-01-02 and 2024-01-04: -10.00 % of NAV in no daily return";
    assert!(performance.table().contains(words) && page.contains(words), "{}", performance.table());
}

#[test]
fn a_session_without_a_record_breaks_it_too() {
    let (performance, _) = performance(&[day(0, 5_000.0, 50.0, 50.0), day(2, 5_000.0, 50.0, 55.0)]);
    assert_eq!(performance.breaks.len(), 1);
    assert!(performance.breaks[0].to_string().ends_with("(sessions without a record)"));
    close(performance.total_return, 0.05);
}

#[test]
fn money_that_nobody_explains_is_in_no_return() {
    let (performance, _) =
        performance(&[day(0, 5_000.0, 50.0, 50.0), day(1, 15_000.0, 60.0, 60.0)]);
    assert_eq!(performance.unreported_change, dollars(10_000.0));
    close(performance.total_return, 0.05);
    assert!(performance.table().contains("Not accounted  $10,000.00 came between sessions"));
}

#[test]
fn a_split_between_sessions_is_no_profit_and_no_difference() {
    // 100 AAA at 50 become 200 at 25, which close at 26: +200 on 10,000.
    let halved = |mark| vec![holding("AAA", 200, 25.0, mark)];
    let mut desk = Desk::open(opened(Env::Paper, DAYS[1], dollars(5_000.0), halved(25.0)));
    desk.say(ActorId::Features, features(DAYS[1], [1.0; 3]));
    let (_, mut split) = booked(BookedKind::Split, 0.0, true);
    if let Message::Booked(booked) = &mut split.body {
        (booked.symbol, booked.shares) = (Some("AAA".into()), messages::Shares(100));
    }
    desk.say(ActorId::Broker, split.body);
    let answers = desk.say(ActorId::Broker, statement(5_000.0, 10_200.0, halved(26.0)));
    assert!(matches!(answers[..], [Message::DayReported(_)]), "{answers:?}");
    desk.say(ActorId::Session, traded());
    let (performance, page) = performance(&[day(0, 5_000.0, 50.0, 50.0), desk.entries()]);
    close(performance.total_return, 0.02);
    assert_eq!((performance.unreported_change, performance.profit.net), (Usd(0), dollars(200.0)));
    assert!(!page.contains("the venue has"), "nothing was adopted");
}

#[test]
fn an_adopted_difference_is_shown_as_such_and_is_no_profit() {
    let mut second = day(1, 15_000.0, 50.0, 50.0);
    let Message::SessionOpened(opened) = &mut second[0].1.body else { panic!("it opens") };
    let adopted = messages::Adoption { operator: "ada".into(), reason: "wired by hand".into() };
    opened.overnight =
        Some(Box::new(messages::Overnight { adopted: Some(adopted), ..Default::default() }));
    let (performance, page) = performance(&[day(0, 5_000.0, 50.0, 50.0), second]);
    close(performance.total_return, 0.0);
    assert_eq!(performance.unreported_change, dollars(10_000.0));
    assert_eq!(performance.profit.net, Usd(0));
    assert!(page.contains("cash differs from our books, adopted by ada: wired by hand"));
}

#[test]
fn a_deposit_is_no_return_and_a_fee_is_one() {
    let mut second = day(1, 14_900.0, 50.0, 50.0);
    second.insert(1, booked(BookedKind::Transfer, 10_000.0, true));
    second.insert(2, booked(BookedKind::Fee, -100.0, true));
    // The venue tells it again on the next day: it is the same activity.
    let mut third = day(2, 14_900.0, 50.0, 50.0);
    third.insert(1, booked(BookedKind::Fee, -100.0, true));
    let (performance, page) = performance(&[day(0, 5_000.0, 50.0, 50.0), second, third]);
    assert_eq!(performance.transfers, dollars(10_000.0));
    assert_eq!(performance.unreported_change, Usd(0));
    close(performance.total_return, 19_900.0 / 20_000.0 - 1.0);
    assert_eq!(performance.profit.fees_paid, dollars(100.0));
    assert_eq!(performance.profit.net, dollars(-100.0));
    assert!(page.contains("as the venue says (venue&#39;s Fee)"));
}

#[test]
fn a_deposit_in_the_session_is_no_return_either() {
    let mut desk = Desk::open(opened(Env::Paper, DAYS[0], dollars(10_000.0), Vec::new()));
    let (_, deposit) = booked(BookedKind::Transfer, 500.0, false);
    desk.say(ActorId::Broker, deposit.body.clone());
    desk.say(ActorId::Broker, deposit.body);
    let answers = desk.say(ActorId::Broker, statement(10_500.0, 10_500.0, Vec::new()));
    assert!(matches!(answers[..], [Message::DayReported(_)]), "in the books: {answers:?}");
    let (performance, _) = performance(&[desk.entries()]);
    close(performance.total_return, 0.0);
    assert_eq!(performance.transfers, dollars(500.0));
}

#[test]
fn fees_and_borrow_of_a_model_stand_beside_what_was_paid() {
    const FRIDAY: &str = "2026-06-05";
    let mut desk = Desk::open(opened(Env::Paper, FRIDAY, dollars(100_000.0), Vec::new()));
    desk.say(ActorId::Ingest, bars("2026-06-04"));
    desk.say(ActorId::Features, features("2026-06-04", [1.0; 3]));
    desk.trade(&order(FRIDAY, "AAA", -1_000, 50.0), 50.0);
    let short = vec![holding("AAA", -1_000, 50.0, 50.0)];
    desk.say(ActorId::Broker, statement(150_000.0, 100_000.0, short.clone()));
    let monday = Desk::open(opened(Env::Paper, "2026-06-08", dollars(150_000.0), short)).entries();
    let mut closed = monday.clone();
    closed.push((
        9,
        Envelope {
            id: MessageId::event(ActorId::Session, "closed"),
            at: Time(1),
            body: stopped("drill"),
        },
    ));
    let (performance, page) = performance(&[desk.entries(), closed]);
    let profit = &performance.profit;
    assert_eq!((profit.fees_paid, profit.borrow_paid, profit.net), (Usd(0), Usd(0), Usd(0)));
    // METHODS.md §5: 1.03 + 0.20 + 0.01; and 50,000 at 0.5 % a year over three days of 360.
    assert_eq!(profit.modelled_fees, dollars(1.24));
    assert_eq!(profit.modelled_borrow, dollars(2.09));
    assert_eq!(profit.net_modelled, dollars(-3.33));
    assert!(page.contains("The venue reported no fee and no borrow, so the account paid none."));
    assert!(page.contains("each day's fees rounded up to the cent"));
}

#[test]
fn a_fee_whose_rate_is_not_known_is_named_and_not_guessed() {
    let mut desk = Desk::open(opened(Env::Paper, DAYS[0], dollars(100_000.0), Vec::new()));
    desk.say(ActorId::Features, features("2024-01-01", [1.0; 3]));
    desk.trade(&order(DAYS[0], "AAA", -1_000, 50.0), 50.0);
    let short = vec![holding("AAA", -1_000, 50.0, 50.0)];
    desk.say(ActorId::Broker, statement(150_000.0, 100_000.0, short));
    let (performance, page) = performance(&[desk.entries()]);
    assert_eq!(performance.profit.modelled_fees, dollars(0.40 + 0.17), "Section 31 and TAF");
    assert!(page.contains("CAT: its rate from 2024-01-02 to 2024-01-02 is not known"));
}
