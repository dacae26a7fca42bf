//! Any sequence of the venue's own faults: a fetch gives exactly the right rows, or says what it asked for
//! and what to do.

use super::{Source, expected, options};
use exchange::{Market, SyntheticConfig};
use ingest::update::{Updated, Wanted, update};
use ingest::{Events, IngestError};
use messages::{Date, Member, Symbol};
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use tokio::runtime::Runtime;

/// Four names over so many sessions that each of the two questions takes two pages.
static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 9, symbols: 4, sessions: 2_700, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

fn session(at: usize) -> Date {
    MARKET.bars()[at].session
}

/// The last session but some, whose bars are all there.
fn through() -> Date {
    session(2_600)
}

fn symbols() -> Vec<Symbol> {
    MARKET.equities().iter().map(|asset| asset.symbol.clone()).collect()
}

/// What one rule does, on one or two of the first pages.
fn rules() -> impl Strategy<Value = Value> {
    let when = prop_oneof![Just("before"), Just("after")];
    let kind = prop_oneof![
        (1..40_u32).prop_map(|ms| json!({"kind": "latency", "ms": ms})),
        (1..3_u32)
            .prop_map(|burst| json!({"kind": "rate_limit", "headers": false, "burst": burst})),
        (prop_oneof![Just(500), Just(503), Just(504)], when.clone(), 1..3_u32)
            .prop_map(|(status, when, burst)| json!({
                "kind": "error", "status": status, "when": when, "burst": burst})),
        when.prop_map(|when| json!({"kind": "disconnect", "when": when})),
        Just(json!({"kind": "half_open"})),
        Just(json!({"kind": "slow", "bytes": 100_000, "ms": 2})),
        (0..200_000_u32, any::<bool>()).prop_map(
            |(bytes, transport)| json!({"kind": "truncate", "bytes": bytes, "transport": transport})
        ),
        Just(json!({"kind": "repeat_page"})),
        Just(json!({"kind": "empty_page"})),
    ];
    (kind, 0..4_u64, 1..3_u64).prop_map(|(mut rule, after, count)| {
        rule["match"] = json!({"path": "/v2/stocks/bars"});
        rule["after"] = json!(after);
        rule["count"] = json!(count);
        rule
    })
}

/// What comes of a fetch under some rules, and how often each of them fired.
async fn fetched(rules: &[Value]) -> (Result<Updated, IngestError>, Vec<u64>) {
    let source = Source::at(&MARKET, session(2_601), 8).await;
    let url = format!("http://{}/aurora/v1/faults", source.venue.addr());
    let http = reqwest::Client::new();
    let plan = json!({"seed": 1, "rules": rules}).to_string();
    let armed = http.post(&url).body(plan).send().await.unwrap();
    assert_eq!(armed.status(), 200, "{}", armed.text().await.unwrap());
    let member = |symbol| Member { symbol, sector: "S".into() };
    let members: Vec<Member> = symbols().into_iter().map(member).collect();
    let sessions: Vec<Date> =
        MARKET.bars().iter().map(|bars| bars.session).filter(|day| *day <= through()).collect();
    let (from, through) = (sessions[0], through());
    let wanted = Wanted::new(&members, from, through);
    let result = update(&source.client, &wanted, &sessions, &Events::default(), &options()).await;
    let plan: Value =
        serde_json::from_str(&http.get(url).send().await.unwrap().text().await.unwrap()).unwrap();
    let rules = plan["rules"].as_array().unwrap();
    (result, rules.iter().map(|rule| rule["fired"].as_u64().unwrap()).collect())
}

/// Right or refused; says which.
fn judge(rules: &[Value], result: Result<Updated, IngestError>) -> bool {
    match result {
        Ok(now) => {
            assert!(
                now.history == expected(&MARKET, &symbols(), through()),
                "{rules:?}: other rows"
            );
            true
        }
        Err(error) => {
            let text = error.chain();
            let request = format!("1Day bars (split) of {}", symbols()[0]);
            let raw = request.replace("split", "raw");
            assert!(text.contains(&request) || text.contains(&raw), "{rules:?}: {text}");
            let remedies = ["again", "check the network", "base URL"];
            assert!(remedies.iter().any(|word| text.contains(word)), "{rules:?}: {text}");
            false
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, ..ProptestConfig::default() })]

    /// Twelve sequences at a time: much of their time is pauses between attempts.
    #[test]
    fn any_sequence_of_the_venues_faults_gives_the_right_rows_or_a_reason(
        many in vec(vec(rules(), 1..5), 12)
    ) {
        let all = many.iter().map(|rules| fetched(rules));
        let results = Runtime::new().unwrap().block_on(futures::future::join_all(all));
        for (rules, (result, _)) in many.iter().zip(results) {
            judge(rules, result);
        }
    }
}

/// Each by itself, on the second answer: what is got over, and what can't be.
#[tokio::test]
async fn each_fault_alone() {
    let alone = [
        (json!({"kind": "latency", "ms": 30}), true),
        (json!({"kind": "rate_limit", "headers": false}), true),
        (json!({"kind": "error", "status": 500}), true),
        (json!({"kind": "error", "status": 503, "burst": 2}), true),
        (json!({"kind": "error", "status": 504, "burst": 9}), false),
        (json!({"kind": "disconnect"}), true),
        (json!({"kind": "half_open", "when": "before"}), true),
        (json!({"kind": "slow", "bytes": 100_000, "ms": 2}), true),
        (json!({"kind": "truncate"}), true),
        (json!({"kind": "truncate", "transport": true}), true),
        (json!({"kind": "empty_page"}), true),
        (json!({"kind": "repeat_page"}), false),
    ];
    let runs = alone.map(|(mut rule, fine)| async move {
        rule["match"] = json!({"path": "/v2/stocks/bars"});
        rule["count"] = json!(1);
        if rule["kind"] != "repeat_page" {
            rule["after"] = json!(1);
        }
        let (result, fired) = fetched(std::slice::from_ref(&rule)).await;
        assert!(fired[0] > 0, "{rule} was not met");
        assert_eq!(judge(std::slice::from_ref(&rule), result), fine, "{rule}");
    });
    futures::future::join_all(runs).await;
}
