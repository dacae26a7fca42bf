//! What the journal says is over and the venue has all the same; what the venue can't mean.

use super::*;

/// An order of AAPL that was perhaps sent, looked for in vain, and given up for a halt.
fn given_up() -> Desk {
    let mut desk = desk();
    desk.next_waiting().unwrap().maybe_sent = true;
    desk.on_entry(&entry(Time(20), kill(KillLevel::Halt)));
    desk.next_waiting().unwrap().on_withheld();
    desk
}

fn astray(mut desk: Desk) {
    assert_eq!(desk.open().len(), 1, "the venue is asked about it");
    assert!(desk.unwanted().is_empty(), "nobody knows its id there");
    assert!(desk.on_venue_order(&venue("new", 0)).unwrap().say.is_empty(), "it has ended");
    assert_eq!(desk.unwanted(), ["v-1"], "a halt is enough: it was given up");
    let told = desk.on_trade_update(&update("canceled", "canceled", 0, 40)).unwrap();
    assert!(told.fills_missing && told.say.is_empty());
    assert_eq!(desk.open().len(), 1, "asked for its executions");
    assert_eq!(lines(&desk.on_activities(&[activity(40, 40)]).unwrap()), [FILL_40]);
    assert!(desk.on_venue_order(&venue("canceled", 40)).unwrap().say.is_empty());
    assert!(desk.open().is_empty() && desk.unwanted().is_empty());
}

#[test]
fn an_order_given_up_that_was_perhaps_sent_is_watched() {
    astray(given_up());
}

#[test]
fn a_start_does_not_forget_it() {
    let mut first = desk();
    first.on_entry(&entry(Time(20), kill(KillLevel::Halt)));
    let said = first.next_waiting().unwrap().on_withheld();
    let mut desk = desk();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Halt)));
    desk.on_entry(&said);
    desk.distrust();
    astray(desk);
}

#[test]
fn an_order_that_never_left_is_not_asked_for() {
    let mut desk = desk();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Cancel)));
    desk.next_waiting().unwrap().on_withheld();
    assert!(desk.open().is_empty());
}

#[test]
fn missing_fills_of_an_order_that_has_ended_are_asked_for() {
    let mut desk = desk();
    hears(&mut desk, &update("canceled", "canceled", 0, 0));
    assert!(desk.open().is_empty());
    assert!(desk.on_trade_update(&update("fill", "canceled", 20, 40)).unwrap().fills_missing);
    assert_eq!(desk.open().len(), 1);
    assert!(desk.unwanted().is_empty(), "there is nothing to cancel");
    assert_eq!(lines(&desk.on_activities(&[activity(40, 40)]).unwrap()), [FILL_40]);
    desk.on_venue_order(&venue("canceled", 40)).unwrap();
    assert!(desk.open().is_empty());
}

const CLAIM: &str =
    "compare the account's activities with the journal before anything else is traded";

#[test]
fn more_than_was_ordered_is_an_alarm_and_no_fill() {
    let mut desk = desk();
    desk.on_entry(&entry(APPROVED, Message::OrderApproved(order("MSFT"))));
    let said = hears(&mut desk, &update("fill", "filled", 150, 150));
    let claim = "the venue claims 150 of 100 filled, 150 at 185.50";
    assert_eq!(
        said,
        [
            ACCEPTED.to_owned(),
            format!("impossible.ID.150 14:30:00Z: IMPOSSIBLE_FILL: ID: {claim}: {CLAIM}"),
            format!("ID.canceled 14:30:00Z: ID canceled: IMPOSSIBLE_FILL {claim}"),
        ]
    );
    assert!(desk.next_waiting().unwrap().is_withheld(), "nothing else leaves");
    // However it is heard again, nothing is said twice and nobody waits for it.
    assert!(hears(&mut desk, &update("fill", "filled", 150, 150)).is_empty());
    assert!(desk.on_activities(&[activity(150, 150)]).unwrap().is_empty());
    let told = desk.on_venue_order(&venue("filled", 150)).unwrap();
    assert!(told.say.is_empty() && !told.fills_missing);
}

#[test]
fn an_order_filled_beyond_itself_is_no_question_of_missing_fills() {
    let mut shown = body("filled", 150);
    shown["updated_at"] = json!("2024-01-03T14:30:02Z");
    let shown: model::Order = serde_json::from_value(shown).unwrap();
    let mut desk = desk();
    let told = desk.on_venue_order(&shown).unwrap();
    assert!(!told.fills_missing);
    assert!(lines(&told.say)[1].starts_with("impossible.ID.150 14:30:02Z: IMPOSSIBLE_FILL"));
    assert!(desk.open().is_empty());
}

#[test]
fn a_price_that_can_not_be_is_an_alarm_and_the_truth_is_still_heard() {
    for price in ["10000000000.000001", "79228162514264337593543950335"] {
        let mut desk = desk();
        let mut wrong = update("partial_fill", "partially_filled", 100, 100);
        wrong.price = Some(price.parse::<rust_decimal::Decimal>().unwrap().into());
        let said = hears(&mut desk, &wrong);
        assert!(said[1].starts_with("impossible.ID.100 "), "{said:?}");
        assert!(!said.iter().any(|line| line.starts_with("fill.")), "{said:?}");
        let fills = [activity(40, 40), activity(60, 100)];
        assert_eq!(lines(&desk.on_activities(&fills).unwrap()), [FILL_40, FILL_100]);
    }
}

#[test]
fn whatever_is_said_of_a_fill_the_journal_takes() {
    for (quantity, price) in [(1, "1000000000000"), (1, "1000000000000.1"), (100, "10000000000")] {
        let mut desk = desk();
        let mut update = update("partial_fill", "partially_filled", quantity, quantity);
        update.price = Some(price.parse::<rust_decimal::Decimal>().unwrap().into());
        for said in desk.on_trade_update(&update).unwrap().say {
            assert!(Envelope::decode(&said.encode()).is_ok(), "{said}");
        }
    }
}

#[test]
fn a_weaker_kill_takes_nothing_from_a_stronger_one() {
    let mut desk = desk();
    desk.on_venue_order(&venue("new", 0)).unwrap();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Cancel)));
    desk.on_entry(&entry(Time(21), kill(KillLevel::Halt)));
    assert_eq!(desk.kill().unwrap().level, KillLevel::Cancel);
    assert_eq!(desk.unwanted(), ["v-1"]);
    desk.on_entry(&entry(Time(22), kill(KillLevel::Flatten)));
    assert_eq!(desk.kill().unwrap().level, KillLevel::Flatten);
    desk.on_entry(&entry(Time(23), Message::Resume(Resume::default())));
    assert!(desk.kill().is_none());
    desk.on_entry(&entry(Time(24), kill(KillLevel::Halt)));
    assert_eq!(desk.kill().unwrap().level, KillLevel::Halt);
}
