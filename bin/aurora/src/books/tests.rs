use super::*;
use messages::{
    ActorId, BookedKind, DayReported, Env, Filled, Holding, Limits, MessageId, PortfolioExposures,
    Price, Shares, Side, Time, Usd,
};

fn date(day: i8) -> Date {
    Date::constant(2024, 6, day)
}

fn held(symbol: &str, quantity: i64) -> Holding {
    let price = Price(10_000_000);
    Holding {
        symbol: symbol.into(),
        quantity: Shares(quantity),
        average: price,
        mark: price,
        rounding: Usd(0),
    }
}

fn statement(cash: i64, held: Vec<Holding>) -> AccountReported {
    AccountReported { cash: Usd(cash * 1_000_000), equity: Usd(0), positions: held }
}

fn entry(body: Message) -> Envelope {
    Envelope { id: MessageId::event(ActorId::Broker, "x"), at: Time(1), body }
}

fn opened(day: i8, cash: i64, positions: Vec<Holding>, overnight: Option<Overnight>) -> Envelope {
    let limits = Limits::each(1.0);
    entry(Message::SessionOpened(Box::new(SessionOpened {
        run_id: "test".into(),
        source: "test".into(),
        positions,
        cash: Usd(cash * 1_000_000),
        equity: Usd(cash * 1_000_000),
        overnight: overnight.map(Box::new),
        ..SessionOpened::new(Env::Paper, date(day), date(day - 1), limits)
    })))
}

fn bought(symbol: &str, quantity: i64, dollars: i64) -> Envelope {
    entry(Message::Filled(Filled {
        client_order_id: format!("au-{symbol}"),
        symbol: symbol.into(),
        side: Side::Buy,
        quantity: Shares(quantity),
        price: Price(dollars * 1_000_000),
        cumulative: Shares(quantity),
        complete: true,
        rounding: Usd(0),
    }))
}

fn agreed(day: i8) -> Envelope {
    entry(Message::DayReported(DayReported {
        session: date(day),
        nav_open: Usd(1),
        nav_close: Usd(1),
        cash: Usd(1),
        daily_return: 0.0,
        traded: Usd(0),
        slippage: Usd(0),
        exposures: PortfolioExposures::default(),
        expected: 0,
        covered: 0,
        orders: 0,
        fills: 0,
        rejects: 0,
        denied: 0,
        positions: Vec::new(),
    }))
}

fn booked(
    activity: &str,
    kind: BookedKind,
    symbol: Option<&str>,
    dollars: i64,
    shares: i64,
) -> Booked {
    Booked {
        activity: activity.to_owned(),
        date: date(4),
        kind,
        symbol: symbol.map(Into::into),
        amount: Usd(dollars * 1_000_000),
        shares: Shares(shares),
        description: String::new(),
        before_open: false,
    }
}

fn rows(compared: &Compared) -> Vec<String> {
    compared.mismatches.iter().map(ToString::to_string).collect()
}

#[test]
fn what_the_venue_booked_overnight_explains_what_it_moved_and_nothing_else() {
    // 1,000 in cash, 10 A bought at 10: 900 and 10 A. Overnight a dividend of 5, a fee of 1, and a split.
    let first = vec![opened(3, 1_000, vec![], None), bought("A", 10, 10), agreed(3)];
    assert!(agrees(&first));
    let listed = vec![
        booked("div", BookedKind::Dividend, Some("A"), 5, 0),
        booked("fee", BookedKind::Fee, None, -1, 0),
        booked("split", BookedKind::Split, Some("A"), 0, 30),
    ];
    let ours = || Ours::of(None, [&first]);
    let (same, _) = compared(ours(), statement(904, vec![held("A", 40)]), listed.clone());
    assert_eq!(rows(&same), [""; 0]);
    assert_eq!(same.overnight.booked.len(), 3);
    assert!(same.overnight.booked.iter().all(|booked| booked.before_open));
    let (off, _) = compared(ours(), statement(900, vec![held("A", 40), held("B", 1)]), listed);
    assert_eq!(rows(&off), ["B ours +0 venue +1 off -1", "cash ours 904.00 venue 900.00 off 4.00"]);
    assert_eq!(off.overnight.unexplained, rows(&off));
}

#[test]
fn a_booking_counts_once_whoever_says_it_and_however_often() {
    let dividend = booked("div", BookedKind::Dividend, Some("A"), 5, 0);
    let in_session = entry(Message::Booked(dividend.clone()));
    let before = booked("old", BookedKind::Transfer, None, 500, 0);
    let overnight = Overnight { activities: vec!["old".to_owned()], ..Overnight::default() };
    let first = vec![opened(3, 1_000, vec![], Some(overnight)), in_session, agreed(3)];
    let (now, _) =
        compared(Ours::of(None, [&first]), statement(1_005, vec![]), vec![before, dividend]);
    assert_eq!(rows(&now), [""; 0]);
    assert_eq!(now.overnight.booked, []);
}

#[test]
fn a_session_without_an_account_is_carried_on_by_its_fills() {
    let first = vec![opened(3, 1_000, vec![], None), agreed(3)];
    let second = vec![opened(4, 1_000, vec![], None), bought("A", 10, 10)];
    assert!(!agrees(&second));
    let ours = Ours::of(None, [&first, &second]).unwrap();
    assert_eq!((ours.through, ours.fills), (Some(date(4)), 1));
    let (now, _) = compared(Some(ours), statement(900, vec![held("A", 10)]), vec![]);
    assert_eq!(rows(&now), [""; 0]);
}

#[test]
fn what_nobody_explained_stays_different_until_a_human_adopts_it() {
    let first = vec![opened(3, 1_000, vec![], None), agreed(3)];
    let unexplained = Overnight { unexplained: vec!["cash".to_owned()], ..Overnight::default() };
    // It opened halted with what the venue said, and its day agreed with that: no proof of anything.
    let second = vec![opened(4, 700, vec![], Some(unexplained)), agreed(4)];
    assert!(!agrees(&second));
    let (now, _) = compared(Ours::of(None, [&first, &second]), statement(700, vec![]), vec![]);
    assert_eq!(rows(&now), ["cash ours 1000.00 venue 700.00 off 300.00"]);

    let adopted = Adopted {
        operator: "ada".into(),
        reason: "wired by hand".into(),
        through: Some(date(4)),
        statement: statement(700, vec![]),
        activities: vec!["wire".into()],
        differences: rows(&now),
    };
    let wire = booked("wire", BookedKind::Transfer, None, -300, 0);
    let nothing: [&Vec<Envelope>; 0] = [];
    let ours = Ours::of(Some(adopted.clone()), nothing);
    let (now, _) = compared(ours, statement(700, vec![]), vec![wire]);
    assert_eq!(rows(&now), [""; 0]);
    assert_eq!(now.overnight.adopted.unwrap().operator, "ada");
    // The session after it is a session like any other: nobody adopted its opening.
    let third = vec![opened(5, 700, vec![], None), bought("A", 10, 10)];
    let (now, _) =
        compared(Ours::of(Some(adopted), [&third]), statement(600, vec![held("A", 10)]), vec![]);
    assert_eq!((rows(&now).len(), now.overnight.adopted), (0, None));
}

#[test]
fn the_first_session_begins_with_what_there_is() {
    let old = booked("old", BookedKind::Transfer, None, 500, 0);
    let (now, ours) = compared(None, statement(500, vec![]), vec![old]);
    assert!(ours.is_none() && now.mismatches.is_empty() && now.overnight.booked.is_empty());
    assert_eq!(now.overnight.activities, ["old"]);
}
