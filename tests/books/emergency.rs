//! The kill switch on a real day: a flag works where nothing else does.

use crate::installation::Installation;
use crate::support::{last_json, wait_until};
use messages::KillLevel;
use serde_json::{Value, json};

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

/// Orders for the opening auction are at the venue when the server dies; then somebody puts the flag down. They are
/// cancelled though no journal can be written; and when the server is back, everybody is told and nothing is sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_flag_cancels_open_orders_while_nats_is_down_and_halts_when_it_is_back() {
    let mut at = Installation::new(1, 1).await;
    let hangs =
        json!({"kind": "half_open", "after": 3, "match": {"method": "POST", "path": "/v2/orders"}});
    at.control("POST", "/aurora/v1/faults", &rules(&[hangs]));
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
    assert!(!at.ended(child).await.success(), "a killed session is no success");
    let said = at.log();
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
