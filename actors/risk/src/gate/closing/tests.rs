use crate::Risk;
use crate::testing::{opened, rules};
use kernel::{Actor, Outbox};
use messages::{
    ActorId, Alarm, DenyReason, Envelope, ExecutionRules, Holding, Kill, KillLevel, Message,
    MessageId, Order, Price, Resume, Shares, Side, Style, Symbol, Time, TimeInForce, Usd,
};

const DOLLAR: i64 = 1_000_000;

/// Holds +100 A and -100 B at $100; nothing is known of volumes, so a slice is $5,000 (the largest order).
fn desk(restricted: &[&str]) -> Risk {
    let mark = Price(100 * DOLLAR);
    let holding = |(symbol, quantity): (&str, i64)| Holding {
        symbol: symbol.into(),
        quantity: Shares(quantity),
        average: mark,
        mark,
        rounding: Usd(0),
    };
    let mut opened = opened();
    opened.positions = [("A", 100), ("B", -100)].map(holding).to_vec();
    let mut rules = rules();
    rules.order_max_usd = 5_000;
    rules.restricted = restricted.iter().map(|symbol| Symbol::from(*symbol)).collect();
    opened.rules = Some(rules);
    opened.execution = Some(ExecutionRules {
        style: Style::Auction,
        collar: 0.05,
        flatten_share: 0.05,
        participation: None,
    });
    let mut risk = Risk::new();
    tell(&mut risk, Message::SessionOpened(Box::new(opened)));
    risk
}

fn tell(risk: &mut Risk, body: Message) -> Vec<Message> {
    let mut out = Outbox::default();
    let id = MessageId::event(ActorId::Control, "x");
    risk.handle(1, &Envelope { id, at: Time(0), body }, &mut out);
    out.messages().to_vec()
}

fn kill(risk: &mut Risk, level: KillLevel) {
    tell(risk, Message::Kill(Kill { level, ..Kill::default() }));
}

fn order(symbol: &str, change: i64, attempt: u32) -> Order {
    let side = if change > 0 { Side::Buy } else { Side::Sell };
    Order {
        client_order_id: format!("au-20240103-{symbol}-2-{attempt}"),
        symbol: symbol.into(),
        side,
        quantity: Shares(change.abs()),
        time_in_force: TimeInForce::Ioc,
        leg: Order::CLOSING,
        reference: Price(100 * DOLLAR),
        limit: Some(Price((100 + 5 * side.sign()) * DOLLAR)),
    }
}

/// `Ok`, or the code of the refusal.
fn judge(risk: &mut Risk, order: &Order) -> Result<(), String> {
    match &tell(risk, Message::SubmitOrder(order.clone()))[..] {
        [Message::OrderApproved(_)] => Ok(()),
        [Message::OrderDenied(denied)] => {
            let text = denied.reason.to_string();
            Err(text.split_whitespace().next().unwrap_or_default().to_owned())
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn only_a_kill_of_level_flatten_lets_it_pass_and_no_other_halt_stops_it() {
    let mut risk = desk(&[]);
    assert_eq!(judge(&mut risk, &order("A", -10, 0)).unwrap_err(), "NOT_IN_TARGETS");
    kill(&mut risk, KillLevel::Cancel);
    assert_eq!(judge(&mut risk, &order("A", -10, 1)).unwrap_err(), "HALTED");
    kill(&mut risk, KillLevel::Flatten);
    kill(&mut risk, KillLevel::Halt);
    let alarm = Alarm { code: "X".to_owned(), detail: String::new(), symbol: None };
    tell(&mut risk, Message::Alarm(alarm));
    assert_eq!(judge(&mut risk, &order("A", -10, 2)), Ok(()));
    let planned = Order { leg: 0, client_order_id: "p".to_owned(), ..order("A", -10, 0) };
    assert_eq!(judge(&mut risk, &planned).unwrap_err(), "HALTED");
    tell(&mut risk, Message::Resume(Resume::default()));
    assert_eq!(judge(&mut risk, &order("A", -10, 3)).unwrap_err(), "HALTED", "the alarm stays");
}

#[test]
fn it_goes_to_flat_and_no_further_with_all_that_is_open() {
    let mut risk = desk(&[]);
    kill(&mut risk, KillLevel::Flatten);
    assert_eq!(judge(&mut risk, &order("A", 10, 0)).unwrap_err(), "NOT_IN_TARGETS", "it opens");
    assert_eq!(judge(&mut risk, &order("C", 10, 0)).unwrap_err(), "NOT_IN_TARGETS", "not held");
    assert_eq!(judge(&mut risk, &order("A", -50, 1)), Ok(()));
    assert_eq!(judge(&mut risk, &order("A", -50, 2)), Ok(()));
    assert_eq!(judge(&mut risk, &order("A", -1, 3)).unwrap_err(), "NOT_IN_TARGETS");
    assert_eq!(judge(&mut risk, &order("B", 50, 0)), Ok(()), "a short is bought back");
    assert_eq!(judge(&mut risk, &order("B", 50, 0)).unwrap_err(), "DUPLICATE");
}

#[test]
fn a_slice_has_a_size_a_price_and_a_limit() {
    let mut risk = desk(&["B"]);
    kill(&mut risk, KillLevel::Flatten);
    assert_eq!(judge(&mut risk, &order("B", 10, 0)).unwrap_err(), "RESTRICTED");
    assert_eq!(judge(&mut risk, &order("A", -51, 0)).unwrap_err(), "ADV_SHARE");
    let bare = Order { limit: None, ..order("A", -50, 1) };
    assert_eq!(judge(&mut risk, &bare).unwrap_err(), "NO_PRICE");
    let far = Order { limit: Some(Price(95 * DOLLAR - 1)), ..order("A", -50, 2) };
    assert_eq!(judge(&mut risk, &far).unwrap_err(), "COLLAR");
    let other = Order { reference: Price(101 * DOLLAR), ..order("A", -50, 3) };
    assert_eq!(judge(&mut risk, &other).unwrap_err(), "NO_REFERENCE");
    let auction = Order { time_in_force: TimeInForce::Opg, limit: None, ..order("A", -50, 4) };
    assert_eq!(judge(&mut risk, &auction), Ok(()), "the auction makes a price of its own");
    let denied = DenyReason::NotInTargets.to_string();
    assert_eq!(judge(&mut risk, &order("A", -51, 5)).unwrap_err(), denied);
}
