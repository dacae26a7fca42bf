//! What a night brings is counted as what it is: split shares at their own price, transfers as no loss, and a difference
//! though a kill is in force already.

use crate::installation::Installation;
use crate::support::text;
use crate::{journal, micros};
use messages::{Message, SessionOpened, Symbol};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn slow_bars(at: &Installation, ms: u32) {
    let late =
        json!({"kind": "latency", "ms": ms, "count": 1, "match": {"path": "/v2/stocks/bars"}});
    at.control("POST", "/aurora/v1/faults", &json!({ "rules": [late] }));
}

fn books(at: &Installation, kind: &str, dollars: &str) {
    let body = json!({"activity_type": kind, "net_amount": dollars});
    at.control("POST", "/aurora/v1/activities", &body);
}

/// What the targets ask for adds up, at the opening's marks, to what they say, and to no more than the limits.
pub(crate) async fn targets_add_up_at_the_openings_marks(at: &Installation, session: usize) {
    let (mut opened, mut features, mut targets) = (None, None, None);
    for message in at.journal(session).await {
        match message {
            Message::SessionOpened(said) => opened = Some(*said),
            Message::Features(said) => features = Some(said),
            Message::Targets(said) => targets = Some(said),
            _ => {}
        }
    }
    let (opened, features) = (opened.expect("an opening"), features.expect("features"));
    let targets = targets.expect("targets");
    let held = opened.positions.iter().map(|held| (held.symbol.clone(), held.mark.to_f64()));
    let marks: BTreeMap<Symbol, f64> = held.collect();
    let (mut gross, mut net, mut beta) = (0.0, 0.0, 0.0);
    for target in &targets.targets {
        let row = features.symbols.iter().position(|name| *name == target.symbol).expect("a row");
        let close = features.exposures.close[row];
        let mark = marks.get(&target.symbol).copied().unwrap_or(close);
        let weight = target.quantity.0 as f64 * mark / opened.equity.to_f64();
        gross += weight.abs();
        net += weight;
        beta += weight * features.exposures.beta[row];
    }
    let (said, limits) = (&targets.exposures, &opened.limits);
    let same = |ours: f64, theirs: f64| (ours - theirs).abs() < 1e-5;
    assert!(same(gross, said.gross) && same(net, said.net), "{gross} {net} {said:?}");
    assert!(same(beta, said.beta.expect("known")), "{beta} {said:?}");
    assert!(gross <= limits.gross_max && net.abs() <= limits.net_max, "{gross} {net}");
    assert!(beta.abs() <= limits.beta_max, "{beta} {:?}", targets.binding);
}

/// The fraction that is lost from the peak.
fn drawdown(opened: &SessionOpened) -> f64 {
    1.0 - opened.equity.to_f64() / opened.peak_equity.expect("a peak").to_f64()
}

/// A tenth overnight, a ninth while the session is open, and some of it back: each of it once more than the breakers bear.
#[tokio::test(flavor = "multi_thread")]
async fn money_that_is_taken_out_or_put_in_is_no_loss_and_hides_none() {
    let at = Installation::new(3, 3).await;
    at.up_well().await;
    let close = micros(&at.record()["day"]["nav_close"]) as f64 / 1e6;
    books(&at, "CSW", "-1000000");
    slow_bars(&at, 3_000);
    let child = at.start_up();
    at.opened(1).await;
    books(&at, "CSW", "-1000000");
    assert!(at.ended(child).await.success(), "{}", at.log());
    let record = at.record();
    assert_eq!((&record["alarms"], at.latched().await), (&json!([]), None), "{record}");

    let (opened, booked) = journal(&at, 1).await;
    let before_open: Vec<bool> = booked.iter().map(|booked| booked.before_open).collect();
    assert_eq!(before_open, [true, false], "{booked:?}");
    let peak = close.max(at.cash.to_f64());
    assert!((drawdown(&opened) - (1.0 - close / peak)).abs() < 1e-7, "{close} {opened:?}");

    // Without what was taken out; then a deposit.
    let close = micros(&record["day"]["nav_close"]) as f64 / 1e6 + 1e6;
    let peak = close.max(opened.peak_equity.expect("a peak").to_f64());
    books(&at, "CSD", "4000000");
    at.up_well().await;
    let (opened, _) = journal(&at, 2).await;
    assert!((drawdown(&opened) - (1.0 - close / peak)).abs() < 1e-7, "{close} {opened:?}");
    assert!(opened.equity.to_f64() > 11e6, "{}", opened.equity);
    assert_eq!(at.record()["alarms"], json!([]));
}

/// Somebody killed; then cash went that nothing explains. The morning says so, and who resumes before it is explained or
/// adopted is refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_in_force_hides_no_difference_and_a_resume_looks() {
    let at = Installation::new(2, 2).await;
    at.up_well().await;
    at.run(&["kill", "--operator", "ada", "--reason", "the weekend"]).await;
    let lost = json!({"activity_type": "JNLC", "net_amount": "-1234.56", "unlisted": true});
    at.control("POST", "/aurora/v1/activities", &lost);
    slow_bars(&at, 8_000);
    let child = at.start_up();
    at.opened(1).await;
    let latched = at.latched().await.expect("a kill is in force");
    let why = &latched.reason;
    assert!(why.contains("OVERNIGHT: cash ours") && why.contains("the weekend"), "{latched:?}");

    let resume = ["resume", "--operator", "ada", "--reason", "it is Monday"];
    let refused = at.run(&resume).await;
    let said = text(&refused.stderr);
    assert!(!refused.status.success(), "{}", text(&refused.stdout));
    assert!(said.contains("NOT RESUMED") && said.contains("cash ours"), "{said}");
    assert_eq!(at.latched().await, Some(latched));

    assert!(!at.ended(child).await.success(), "{}", at.log());
    let record = at.record();
    assert_eq!((&record["fills"], &record["orders"]), (&json!([]), &json!([])), "{record}");
    let open = at.control("GET", "/v2/orders?status=open", &Value::Null);
    assert_eq!(open, json!([]));
}
