//! Orders that close positions: they go where others don't, and nowhere else.

use super::*;
use crate::gateway::convert::new_order;
use alpaca::time::session_time;

fn closing(attempt: u32) -> Order {
    Order {
        client_order_id: format!("au-20240103-AAPL-2-{attempt}"),
        side: Side::Sell,
        time_in_force: TimeInForce::Ioc,
        leg: Order::CLOSING,
        limit: Some(Price(175_750_000)),
        ..order("AAPL")
    }
}

fn approved(desk: &mut Desk, order: &Order) {
    desk.on_entry(&entry(APPROVED, Message::OrderApproved(order.clone())));
}

/// The next order, if it may be sent.
fn next(desk: &mut Desk) -> Option<String> {
    let next = desk.next_waiting().filter(|tracked| !tracked.is_withheld());
    next.map(|tracked| tracked.order.client_order_id.clone())
}

fn alarm() -> Message {
    let (code, detail) = ("BREAKER_FLATTEN".to_owned(), String::new());
    Message::Alarm(Alarm { code, detail, symbol: None })
}

#[test]
fn it_leaves_while_a_kill_says_flatten_whatever_else_halts() {
    for level in [KillLevel::Halt, KillLevel::Cancel, KillLevel::Flatten] {
        let mut desk = Desk::default();
        desk.on_entry(&entry(Time(1), kill(level)));
        desk.on_entry(&entry(Time(2), alarm()));
        approved(&mut desk, &closing(0));
        let leaves = level == KillLevel::Flatten;
        assert_eq!(next(&mut desk).is_some(), leaves, "{level:?}");
    }
}

#[test]
fn nothing_else_leaves_then() {
    let mut desk = Desk::default();
    approved(&mut desk, &order("MSFT"));
    desk.on_entry(&entry(Time(1), kill(KillLevel::Flatten)));
    approved(&mut desk, &order("NVDA"));
    approved(&mut desk, &closing(0));
    for _ in 0..2 {
        assert_eq!(next(&mut desk), None);
        desk.next_waiting().unwrap().on_withheld();
    }
    assert_eq!(next(&mut desk).as_deref(), Some("au-20240103-AAPL-2-0"));
}

#[test]
fn a_resume_keeps_it_from_leaving() {
    let mut desk = Desk::default();
    desk.on_entry(&entry(Time(1), kill(KillLevel::Flatten)));
    approved(&mut desk, &closing(0));
    desk.on_entry(&entry(Time(2), Message::Resume(Resume::default())));
    assert_eq!(next(&mut desk), None);
    let said = desk.next_waiting().unwrap().on_withheld();
    assert!(said.to_string().contains("RESUMED"), "{said}");
}

/// The kill cancels what was open before it, not what serves it; a request that came to nothing is made again.
#[test]
fn what_serves_the_kill_is_not_cancelled_by_it() {
    let mut desk = desk();
    desk.on_venue_order(&venue("new", 0)).unwrap();
    desk.on_entry(&entry(Time(20), kill(KillLevel::Flatten)));
    approved(&mut desk, &Order { quantity: Shares(10), ..closing(0) });
    let theirs = json!({"id": "v-2", "client_order_id": "au-20240103-AAPL-2-0", "qty": "10",
        "side": "sell"});
    let mut body = body("new", 0);
    body.as_object_mut().unwrap().extend(theirs.as_object().unwrap().clone());
    desk.on_venue_order(&serde_json::from_value(body).unwrap()).unwrap();
    assert_eq!(desk.unwanted(), ["v-1"]);
    desk.on_asked_back("v-1");
    assert!(desk.unwanted().is_empty(), "once");
    desk.on_trade_update(&update("pending_cancel", "pending_cancel", 0, 0)).unwrap();
    assert!(desk.unwanted().is_empty());
    desk.on_trade_update(&update("order_cancel_rejected", "new", 0, 0)).unwrap();
    assert_eq!(desk.unwanted(), ["v-1"], "it is there still");
    desk.on_asked_back("v-1");
    desk.on_venue_order(&venue("new", 0)).unwrap();
    assert_eq!(desk.unwanted(), ["v-1"], "the request was lost");
}

#[test]
fn it_may_leave_until_the_close() {
    let (session, at) = ("2024-01-03".parse().unwrap(), |text: &str| text.parse().unwrap());
    let (until, _) = crate::gateway::expiry::expiry(&closing(0), session, false);
    assert_eq!(until, session_time(session, at("16:00")));
    let (until, _) =
        crate::gateway::expiry::expiry(&Order { leg: 1, ..closing(0) }, session, false);
    assert_eq!(until, session_time(session, at("10:00")));
    let (until, _) = crate::gateway::expiry::expiry(&Order { leg: 1, ..closing(0) }, session, true);
    assert_eq!(until, session_time(session, at("16:00")), "a slice of the plan");
}

#[test]
fn it_tells_the_venue_that_it_closes_and_its_limit() {
    let sent = serde_json::to_value(new_order(&closing(3))).unwrap();
    assert_eq!(sent["type"], "limit");
    assert_eq!(sent["limit_price"].to_string().trim_matches('"'), "175.75");
    assert_eq!(sent["position_intent"], "sell_to_close");
    let sent = serde_json::to_value(new_order(&order("AAPL"))).unwrap();
    assert_eq!(sent["type"], "market");
    assert!(sent.get("position_intent").is_none() && sent.get("limit_price").is_none());
}
