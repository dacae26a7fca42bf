//! Orders that the venue refuses one after the other: something is wrong that tomorrow does not mend by itself.

use crate::installation::Installation;
use messages::KillLevel;
use serde_json::json;

/// Nearly all of the money is taken out before the orders are sent, so the venue refuses them. Risk says so and halts the
/// session; the conductor hears of the same refusals and latches what outlasts it.
#[tokio::test(flavor = "multi_thread")]
async fn refusals_in_a_row_latch_a_kill_that_outlasts_the_session() {
    let at = Installation::new(1, 1).await;
    let late =
        json!({"kind": "latency", "ms": 3_000, "count": 1, "match": {"path": "/v2/stocks/bars"}});
    at.control("POST", "/aurora/v1/faults", &json!({ "rules": [late] }));
    let child = at.start_up();
    at.opened(0).await;
    let out = json!({"activity_type": "CSW", "net_amount": "-9999000"});
    at.control("POST", "/aurora/v1/activities", &out);
    assert!(!at.ended(child).await.success(), "a halted session is no success");
    let alarms = at.record()["alarms"].to_string();
    assert!(alarms.contains("BREAKER_CANCEL: REJECTS 3 in a row"), "{alarms}");
    let latched = at.latched().await.expect("a kill is in force");
    assert_eq!((latched.level, latched.operator.as_str()), (KillLevel::Cancel, "session"));
    assert!(latched.reason.contains("REJECTS 3 in a row"), "{latched:?}");
}
