//! The desk without a network: what it says to what the venue says.

mod closing;
mod doubt;
mod exhaustive;
mod expiry;
mod place;
mod prior_art;

use super::desk::Desk;
use alpaca::model::{self, Activity, TradeUpdate};
use messages::{
    ActorId, Alarm, Envelope, Kill, KillLevel, Message, MessageId, Order, Phase, PhaseBegan, Price,
    Resume, Shares, Side, Time, TimeInForce,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const ID: &str = "au-20240103-AAPL-0-0";
const APPROVED: Time = Time(7);

/// A session that begins with this, and holds these activities of the venue already.
pub(crate) fn opened_with(
    cash: messages::Usd,
    positions: Vec<messages::Holding>,
    activities: &[&str],
) -> Message {
    let Message::SessionOpened(opened) = expiry::opened() else { unreachable!("it opens") };
    let activities = activities.iter().map(|id| (*id).to_owned()).collect();
    let overnight = messages::Overnight { activities, ..messages::Overnight::default() };
    let overnight = Some(Box::new(overnight));
    Message::SessionOpened(Box::new(messages::SessionOpened {
        cash,
        positions,
        overnight,
        ..*opened
    }))
}

fn entry(at: Time, body: Message) -> Envelope {
    Envelope { id: MessageId::event(ActorId::Control, "test"), at, body }
}

fn order(symbol: &str) -> Order {
    Order {
        client_order_id: format!("au-20240103-{symbol}-0-0"),
        symbol: symbol.into(),
        side: Side::Buy,
        quantity: Shares(100),
        time_in_force: TimeInForce::Opg,
        leg: 0,
        reference: Price(185_000_000),
        limit: None,
    }
}

/// With one approved order of AAPL.
fn desk() -> Desk {
    let mut desk = Desk::default();
    desk.on_entry(&entry(APPROVED, Message::OrderApproved(order("AAPL"))));
    desk
}

fn kill(level: KillLevel) -> Message {
    Message::Kill(Kill { level, reason: "smoke".into(), operator: "ann".into() })
}

fn body(status: &str, filled: i64) -> Value {
    let ended = |name: &str| (status == name).then_some("2024-01-03T14:31:00Z");
    json!({"id": "v-1", "client_order_id": ID, "symbol": "AAPL", "qty": "100", "type": "market",
        "filled_qty": filled.to_string(), "side": "buy", "time_in_force": "opg", "status": status,
        "created_at": "2024-01-03T13:00:00Z", "updated_at": "2024-01-03T14:31:00Z",
        "canceled_at": ended("canceled"), "expired_at": ended("expired"),
        "failed_at": ended("rejected"), "replaced_at": ended("replaced")})
}

fn venue(status: &str, filled: i64) -> model::Order {
    serde_json::from_value(body(status, filled)).unwrap()
}

/// `quantity` filled at $185.50 by an event after which `filled` are.
fn update(event: &str, status: &str, quantity: i64, filled: i64) -> TradeUpdate {
    let mut update = json!({"event": event, "timestamp": "2024-01-03T14:30:00Z",
        "order": body(status, filled)});
    if quantity > 0 {
        update["qty"] = json!(quantity.to_string());
        update["price"] = json!("185.5");
    }
    serde_json::from_value(update).unwrap()
}

fn activity(quantity: i64, filled: i64) -> Activity {
    serde_json::from_value(json!({"id": "a", "activity_type": "FILL", "order_id": "v-1",
        "qty": quantity.to_string(), "cum_qty": filled.to_string(), "price": "185.5",
        "transaction_time": "2024-01-03T14:30:00Z", "side": "buy", "symbol": "AAPL"}))
    .unwrap()
}

/// `key at: text` of each message, without what all of them share.
fn lines(said: &[Envelope]) -> Vec<String> {
    let line = |said: &Envelope| {
        let id = said.id.to_string().replace("broker:", "").replace(ID, "ID");
        let text = said.body.to_string().replace(ID, "ID");
        let at =
            if said.at.0 < 1_000_000 { said.at.0.to_string() } else { alpaca::time::utc(said.at) };
        format!("{id} {}: {text}", at.trim_start_matches("2024-01-03T"))
    };
    said.iter().map(line).collect()
}

const ACCEPTED: &str = "ID.accepted 13:00:00Z: ID accepted";
const FILL_40: &str = "fill.ID.40 14:30:00Z: ID buy 40 AAPL @ 185.50 total 40";
const FILL_100: &str = "fill.ID.100 14:30:00Z: ID buy 60 AAPL @ 185.50 total 100";

/// What is said to a stream event that misses nothing.
fn hears(desk: &mut Desk, update: &TradeUpdate) -> Vec<String> {
    let told = desk.on_trade_update(update).unwrap();
    assert!(!told.fills_missing, "{update:?}");
    lines(&told.say)
}

#[test]
fn an_order_from_acceptance_to_its_last_share() {
    let mut desk = desk();
    assert_eq!(lines(&desk.on_venue_order(&venue("accepted", 0)).unwrap().say), [ACCEPTED]);
    assert!(desk.next_waiting().is_none(), "it is with the venue");
    assert!(hears(&mut desk, &update("new", "new", 0, 0)).is_empty());
    assert_eq!(hears(&mut desk, &update("partial_fill", "partially_filled", 40, 40)), [FILL_40]);
    assert_eq!(desk.open().len(), 1);
    let told = desk.on_trade_update(&update("fill", "filled", 60, 100)).unwrap();
    assert_eq!(lines(&told.say), [FILL_100]);
    assert!(matches!(&told.say[0].body, Message::Filled(fill) if fill.complete));
    assert!(desk.open().is_empty());
}

#[test]
fn hearing_it_twice_says_it_once() {
    let mut desk = desk();
    let updates =
        [update("partial_fill", "partially_filled", 40, 40), update("canceled", "canceled", 0, 40)];
    let once: Vec<String> = updates.iter().flat_map(|update| hears(&mut desk, update)).collect();
    assert_eq!(once, [ACCEPTED, FILL_40, "ID.canceled 14:31:00Z: ID canceled"]);
    for update in &updates {
        assert!(hears(&mut desk, update).is_empty(), "{update:?}");
    }
    assert!(desk.on_activities(&[activity(40, 40)]).unwrap().is_empty());
    assert!(desk.on_venue_order(&venue("canceled", 40)).unwrap().say.is_empty());
}

#[test]
fn a_fill_that_comes_before_the_answer_to_the_order() {
    let mut desk = desk();
    let filled = hears(&mut desk, &update("fill", "filled", 100, 100));
    assert_eq!(filled[0], ACCEPTED);
    assert_eq!(filled[1], "fill.ID.100 14:30:00Z: ID buy 100 AAPL @ 185.50 total 100");
    assert!(desk.on_venue_order(&venue("pending_new", 0)).unwrap().say.is_empty());
}

#[test]
fn a_fill_that_was_missed_is_asked_for_not_guessed() {
    let mut desk = desk();
    let told = desk.on_trade_update(&update("fill", "filled", 60, 100)).unwrap();
    assert!(told.fills_missing);
    assert_eq!(lines(&told.say), [ACCEPTED]);
    // Of one moment, in the wrong order, with a stranger's between them.
    let mut stranger = activity(5, 5);
    stranger.order_id = Some("v-2".into());
    let fills = [activity(60, 100), stranger, activity(40, 40)];
    assert_eq!(lines(&desk.on_activities(&fills).unwrap()), [FILL_40, FILL_100]);
    let told = desk.on_venue_order(&venue("filled", 100)).unwrap();
    assert!(told.say.is_empty() && !told.fills_missing);
}

#[test]
fn the_end_waits_for_the_fills() {
    let mut desk = desk();
    for _ in 0..2 {
        let told = desk.on_trade_update(&update("canceled", "canceled", 0, 40)).unwrap();
        assert!(told.fills_missing && told.say.len() <= 1);
    }
    assert_eq!(lines(&desk.on_activities(&[activity(40, 40)]).unwrap()), [FILL_40]);
    let told = desk.on_venue_order(&venue("canceled", 40)).unwrap();
    assert_eq!(lines(&told.say), ["ID.canceled 14:31:00Z: ID canceled"]);
}

#[test]
fn a_fill_after_the_cancel_still_counts() {
    let mut desk = desk();
    hears(&mut desk, &update("canceled", "canceled", 0, 0));
    assert_eq!(hears(&mut desk, &update("partial_fill", "canceled", 40, 40)), [FILL_40]);
}

#[test]
fn other_ends() {
    for status in ["expired", "rejected"] {
        let mut desk = desk();
        let told = desk.on_venue_order(&venue(status, 0)).unwrap();
        let last = lines(&told.say).pop().unwrap();
        assert!(last.starts_with(&format!("ID.{status} 14:31:00Z: ID {status}")), "{last}");
        assert!(desk.open().is_empty());
    }
    let mut desk = desk();
    let refused = desk.next_waiting().unwrap().on_refused("insufficient buying power", Time(9));
    assert_eq!(lines(&[refused]), ["ID.rejected 9: ID rejected: insufficient buying power"]);
    assert!(desk.next_waiting().is_none());
}

#[test]
fn orders_of_others_are_left_alone() {
    let mut desk = Desk::default();
    assert!(hears(&mut desk, &update("fill", "filled", 100, 100)).is_empty());
}

#[test]
fn another_order_under_our_id_is_a_conflict() {
    for (key, value) in [("symbol", "MSFT"), ("side", "sell"), ("qty", "99")] {
        let mut theirs = body("new", 0);
        theirs[key] = json!(value);
        let theirs: model::Order = serde_json::from_value(theirs).unwrap();
        let error = desk().on_venue_order(&theirs).unwrap_err().to_string();
        assert!(error.contains("CONFLICT") && error.contains(value), "{error}");
    }
    let mut desk = desk();
    desk.on_venue_order(&venue("new", 0)).unwrap();
    let other = model::Order { id: "v-9".into(), ..venue("new", 0) };
    assert!(desk.on_venue_order(&other).is_err());
}

#[test]
fn a_fill_without_price_or_whole_shares_is_an_error() {
    let mut update = update("fill", "filled", 100, 100);
    update.price = None;
    let error = desk().on_trade_update(&update).unwrap_err().to_string();
    assert!(error.contains("price of a fill of au-20240103-AAPL"), "{error}");
    update.price = Some("185.1234567".parse::<rust_decimal::Decimal>().unwrap().into());
    assert!(desk().on_trade_update(&update).unwrap_err().to_string().contains("185.1234567"));
    update.price = Some(185.into());
    update.qty = Some("0.5".parse::<rust_decimal::Decimal>().unwrap().into());
    assert!(desk().on_trade_update(&update).is_err());
}

#[test]
fn a_kill_gives_up_what_waits_and_a_resume_does_not_bring_it_back() {
    let mut desk = desk();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Halt)));
    desk.on_entry(&entry(Time(25), Message::OrderApproved(order("MSFT"))));
    desk.on_entry(&entry(Time(30), Message::Resume(Resume::default())));
    desk.on_entry(&entry(Time(35), Message::OrderApproved(order("NVDA"))));
    let mut said = Vec::new();
    while let Some(tracked) = desk.next_waiting().filter(|tracked| tracked.is_withheld()) {
        said.push(tracked.on_withheld());
    }
    assert_eq!(
        lines(&said),
        [
            "ID.canceled 20: ID canceled: KILLED smoke",
            "au-20240103-MSFT-0-0.canceled 25: au-20240103-MSFT-0-0 canceled: KILLED smoke"
        ]
    );
    assert_eq!(desk.next_waiting().unwrap().order.symbol.as_str(), "NVDA");
}

#[test]
fn an_alarm_outlasts_a_resume() {
    let mut desk = Desk::default();
    let alarm = Alarm { code: "UNDECODABLE".into(), detail: "x".into(), symbol: None };
    desk.on_entry(&entry(Time(1), Message::Alarm(alarm)));
    desk.on_entry(&entry(Time(2), Message::Resume(Resume::default())));
    desk.on_entry(&entry(Time(3), Message::OrderApproved(order("AAPL"))));
    let said = desk.next_waiting().unwrap().on_withheld();
    assert_eq!(lines(&[said]), ["ID.canceled 3: ID canceled: ALARM UNDECODABLE x"]);
}

#[test]
fn only_a_cancel_wants_open_orders_back() {
    for (level, wanted) in [(KillLevel::Halt, 0), (KillLevel::Cancel, 1), (KillLevel::Flatten, 1)] {
        let mut desk = desk();
        desk.on_venue_order(&venue("new", 0)).unwrap();
        desk.on_entry(&entry(Time(20), kill(level)));
        assert_eq!(desk.unwanted().len(), wanted, "{level:?}");
    }
}

#[test]
fn an_order_given_up_that_was_there_after_all_still_fills() {
    let mut desk = desk();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Halt)));
    desk.next_waiting().unwrap().on_withheld();
    let filled = hears(&mut desk, &update("fill", "filled", 100, 100));
    assert_eq!(filled, ["fill.ID.100 14:30:00Z: ID buy 100 AAPL @ 185.50 total 100"]);
}

#[test]
fn orders_wait_in_journal_order() {
    let mut desk = Desk::default();
    for symbol in ["MSFT", "AAPL", "NVDA"] {
        desk.on_entry(&entry(APPROVED, Message::OrderApproved(order(symbol))));
    }
    let mut sent = Vec::new();
    while let Some(tracked) = desk.next_waiting() {
        sent.push(tracked.order.symbol.to_string());
        tracked.on_refused("no", Time(9));
    }
    assert_eq!(sent, ["MSFT", "AAPL", "NVDA"]);
}

#[test]
fn the_account_is_due_once_after_the_close() {
    let mut desk = Desk::default();
    let began = |phase| entry(Time(1), Message::PhaseBegan(PhaseBegan { phase }));
    desk.on_entry(&began(Phase::Open));
    assert!(!desk.account_due);
    desk.on_entry(&began(Phase::Close));
    assert!(desk.account_due);
    let statement = messages::AccountReported {
        cash: messages::Usd(0),
        equity: messages::Usd(0),
        positions: Vec::new(),
    };
    desk.on_entry(&entry(Time(2), Message::AccountReported(statement)));
    assert!(!desk.account_due);
}

/// The whole life of an order that fills in pieces and is then cancelled, or fills whole.
fn life(pieces: &[i64]) -> Vec<TradeUpdate> {
    let mut filled = 0;
    let mut life = vec![update("new", "new", 0, 0)];
    for piece in pieces {
        filled += piece;
        let (event, status) =
            if filled == 100 { ("fill", "filled") } else { ("partial_fill", "partially_filled") };
        life.push(update(event, status, *piece, filled));
    }
    if filled < 100 {
        life.push(update("canceled", "canceled", 0, filled));
    }
    life
}

fn activities(pieces: &[i64]) -> Vec<Activity> {
    let mut filled = 0;
    let mut add = |piece: &i64| {
        filled += piece;
        activity(*piece, filled)
    };
    pieces.iter().map(&mut add).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever the stream loses, repeats or shuffles, and wherever we die and start again: with the
    /// final comparison the journal holds what an undisturbed run holds, in the promised order.
    #[test]
    fn the_journal_comes_out_the_same(
        sizes in prop::collection::vec(1_i64..34, 0..4),
        whole in any::<bool>(),
        heard in prop::collection::vec(0_usize..8, 0..16),
        death in 0_usize..16,
    ) {
        let mut pieces = sizes;
        if whole {
            pieces.push(100 - pieces.iter().sum::<i64>());
        }
        let life = life(&pieces);
        let mut calm = desk();
        let expected: Vec<Envelope> =
            life.iter().flat_map(|update| calm.on_trade_update(update).unwrap().say).collect();

        let mut desk = desk();
        let mut journal = Vec::new();
        for (step, index) in heard.into_iter().enumerate() {
            if step == death {
                desk = self::desk();
                for said in &journal {
                    desk.on_entry(said);
                }
                desk.distrust();
            }
            if let Some(update) = life.get(index) {
                journal.extend(desk.on_trade_update(update).unwrap().say);
            }
        }
        let last = life.last().unwrap().order.clone();
        for order in [&last, &last] {
            journal.extend(desk.on_venue_order(order).unwrap().say);
            journal.extend(desk.on_activities(&activities(&pieces)).unwrap());
        }
        prop_assert_eq!(lines(&journal), lines(&expected));
    }
}
