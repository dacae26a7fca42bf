//! The kill switch on a real day: everything is closed within its limits, and a flag works where nothing else does.

use crate::installation::Installation;
use crate::support::{last_json, text, wait_until};
use messages::{KillLevel, Message, Order, Price, SessionOpened, Side, Symbol, TimeInForce};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

fn rules(rules: &[Value]) -> Value {
    json!({ "rules": rules })
}

fn until(what: &str, holds: impl FnMut() -> bool) {
    // The venue runs on these threads too.
    tokio::task::block_in_place(|| wait_until(what, holds));
}

fn open_orders(at: &Installation) -> usize {
    let open = at.control("GET", "/v2/orders?status=open&limit=500", &Value::Null);
    open.as_array().expect("a list").len()
}

fn all_orders(at: &Installation) -> Vec<Value> {
    let all = at.control("GET", "/v2/orders?status=all&limit=500&direction=asc", &Value::Null);
    all.as_array().expect("a list").clone()
}

/// Dollars that a day sees of each name, and what the session's orders that close positions were.
struct Closed {
    opened: SessionOpened,
    adv: BTreeMap<Symbol, f64>,
    orders: Vec<Order>,
    fills: BTreeMap<String, Vec<Price>>,
}

async fn closed(at: &Installation, session: usize) -> Closed {
    let (mut opened, mut adv, mut orders) = (None, BTreeMap::new(), Vec::new());
    let mut fills: BTreeMap<String, Vec<Price>> = BTreeMap::new();
    for message in at.journal(session).await {
        match message {
            Message::SessionOpened(said) => opened = Some(*said),
            Message::Features(said) => {
                adv = said.symbols.into_iter().zip(said.exposures.adv.iter().copied()).collect();
            }
            Message::OrderApproved(order) if order.is_closing() => orders.push(order),
            Message::Filled(fill) => {
                fills.entry(fill.client_order_id).or_default().push(fill.price);
            }
            _ => {}
        }
    }
    Closed { opened: opened.expect("an opening"), adv, orders, fills }
}

/// No slice is more than its share of a minute, none takes a price beyond its collar.
fn is_within_limits(Closed { opened, adv, orders, fills }: &Closed) {
    let rules = opened.execution.as_ref().expect("rules of execution");
    assert!(orders.len() > 10, "{orders:?}");
    for order in orders {
        assert_eq!(order.time_in_force, TimeInForce::Ioc, "the market was open: {order}");
        let dollars = order.quantity.0 as f64 * order.reference.0 as f64 / 1e6;
        let minute = adv[&order.symbol] * rules.flatten_share / 390.0;
        // Dollars are cut off at a millionth.
        let share = dollars / minute;
        assert!(share < 1.000_001 || order.quantity.0 == 1, "{order}: {share} of its share");
        let limit = order.limit.expect("a limit").0;
        let away = (limit - order.reference.0) * order.side.sign();
        // The limit is set by the last price we know, the order is sized by the same or by yesterday's close.
        assert!(away as f64 <= order.reference.0 as f64 * (2.0 * rules.collar), "{order}");
        for Price(paid) in fills.get(&order.client_order_id).into_iter().flatten() {
            let fair = if order.side == Side::Buy { *paid <= limit } else { *paid >= limit };
            assert!(fair, "{order} paid {paid}");
        }
    }
}

/// The market has just opened, and the gateway does not know of a single fill: the venue tells of none and takes its time
/// when asked. Then somebody kills, and everything is closed.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_of_level_flatten_closes_everything_within_collar_and_volume_cap() {
    // A book that a day's share of the volume can close.
    let at = Installation::with(2, 2, 200_000).await;
    at.up_well().await;
    let faults = rules(&[
        json!({"kind": "drop", "match": {"on": "messages", "path": "/stream", "contains": "\"fill\""}}),
        json!({"kind": "latency", "ms": 60_000, "count": 1,
            "match": {"method": "GET", "path": "/v2/orders", "contains": "status=all"}}),
    ]);
    at.control("POST", "/aurora/v1/faults", &faults);
    let mut child = at.start_up();
    let asks = || {
        assert!(child.try_wait().expect("child").is_none(), "it ended early: {}", at.log());
        at.control("GET", "/aurora/v1/faults", &Value::Null)["rules"][1]["fired"] == 1
    };
    until("the gateway asks what became of its orders", asks);
    assert_eq!(at.control("GET", "/aurora/v1/clock", &Value::Null)["is_open"], true);
    at.control("DELETE", "/aurora/v1/faults", &Value::Null);

    let words = ["--level", "flatten", "--operator", "ada", "--reason", "a drill"];
    let killed = at.run(&[&["kill"], &words[..]].concat()).await;
    let table = text(&killed.stdout);
    assert!(killed.status.success(), "{table}{}", text(&killed.stderr));
    let actors = ["ingest", "features", "scoring", "risk", "execution", "broker", "reporting"];
    for actor in actors {
        let row = table.lines().find(|line| line.contains(actor)).unwrap_or_default();
        assert!(row.contains('#'), "{actor}: {table}");
    }
    assert!(!table.contains("MISSING") && table.contains("positions closed"), "{table}");

    assert!(!at.ended(child).await.success(), "a killed session is no success");
    let said = at.log();
    assert!(said.contains("Stopped") && said.contains("a drill"), "{said}");
    let left = at.control("GET", "/v2/positions", &Value::Null);
    assert_eq!((left, open_orders(&at)), (json!([]), 0), "{said}");
    let closed = closed(&at, 1).await;
    is_within_limits(&closed);
    at.replays_and_explains(1).await;
}

fn hanging_after(orders: u32) -> Value {
    let posts = json!({"method": "POST", "path": "/v2/orders"});
    rules(&[json!({"kind": "half_open", "after": orders, "match": posts})])
}

/// The server copies kills into the journal, and takes its time after it was restarted. A session that is through
/// before the copy is there waits for it: it was killed, whatever its journal says so far.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_end_well_while_a_kill_is_on_its_way_into_the_journal() {
    let at = Installation::new(1, 1).await;
    at.control("POST", "/aurora/v1/faults", &hanging_after(3));
    let mut child = at.start_up();
    let there = || {
        assert!(child.try_wait().expect("child").is_none(), "it ended early: {}", at.log());
        open_orders(&at) > 3
    };
    until("orders are at the venue", there);
    at.copies_kills(0, false).await;
    at.put_down_flag(&json!({"level": "cancel", "reason": "smoke", "operator": "ada"}));
    until("no order is open", || open_orders(&at) == 0);
    at.control("DELETE", "/aurora/v1/faults", &Value::Null);
    let reported = |entry: &Message| matches!(entry, Message::DayReported(_));
    while !at.journal(0).await.iter().any(reported) {
        assert!(child.try_wait().expect("child").is_none(), "it ended early: {}", at.log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    at.copies_kills(0, true).await;
    assert!(!at.ended(child).await.success(), "a killed session is no success: {}", at.log());
    let said = at.log();
    assert!(said.contains("Stopped") && said.contains("smoke"), "{said}");
    let kills = at.journal(0).await.into_iter().filter(|entry| matches!(entry, Message::Kill(_)));
    assert_eq!(kills.count(), 1);
}

/// Orders for the opening auction are at the venue when the server dies; then somebody puts the flag down. They are
/// cancelled though no journal can be written; and when the server is back, everybody is told and nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_flag_cancels_open_orders_while_nats_is_down_and_halts_when_it_is_back() {
    let mut at = Installation::new(1, 1).await;
    at.control("POST", "/aurora/v1/faults", &hanging_after(3));
    let mut child = at.start_up();
    let there = || {
        assert!(child.try_wait().expect("child").is_none(), "it ended early: {}", at.log());
        open_orders(&at) > 3
    };
    until("orders are at the venue", there);
    at.server_dies();
    at.put_down_flag(&json!({"level": "cancel", "reason": "smoke", "operator": "ada"}));
    until("no order is open", || open_orders(&at) == 0);
    let sent = all_orders(&at);
    assert!(sent.iter().all(|order| order["status"] == "canceled"), "{sent:?}");

    at.control("DELETE", "/aurora/v1/faults", &Value::Null);
    at.server_is_back();
    let ended = at.ended(child).await;
    let said = at.log();
    assert!(!ended.success(), "a killed session is no success: {said}");
    assert!(said.contains("Stopped") && said.contains("smoke"), "{said}");
    assert_eq!(all_orders(&at).len(), sent.len(), "nothing is sent any more: {said}");
    assert_eq!(at.control("GET", "/v2/positions", &Value::Null), json!([]));
    let latched = at.latched().await.expect("a kill is in force");
    assert!(latched.level == KillLevel::Cancel && latched.reason.contains("smoke"), "{latched:?}");
    let status = last_json(&at.run(&["status", "--json"]).await);
    assert!(
        status["halted"]["reason"].as_str().is_some_and(|why| why.contains("smoke")),
        "{status}"
    );
}
