//! A venue on `--state` goes on from where it was, wherever it was.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Desk, TODAY, at, config, desk_with};
use exchange::{Market, SyntheticConfig};
use messages::Usd;
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use venue::{ClockMode, Venue, VenueConfig};

fn on(state: &Path) -> VenueConfig {
    let mut config = config();
    config.state = Some(state.to_owned());
    config
}

/// Everything that a client can read.
async fn everything(desk: &Desk) -> Vec<Value> {
    let mut answers = Vec::new();
    for path in [
        "/v2/clock",
        "/v2/account",
        "/v2/account/configurations",
        "/v2/orders?status=all&limit=500&nested=true",
        "/v2/positions",
        "/v2/account/activities",
        "/v2/account/portfolio/history?period=1M&timeframe=1D",
        "/v2/watchlists",
    ] {
        answers.push(desk.get(path).await);
    }
    answers
}

/// What a client does; whether it is accepted is up to the venue.
#[derive(Clone, Debug)]
enum Act {
    Order(Value),
    Cancel(usize),
    Replace(usize, u32),
    CancelAll,
    Close(&'static str),
    CloseAll,
    Step(u32),
    Settings(bool),
    Watch(u32),
    Lag(u32),
    Book(&'static str, u32),
}

fn act() -> impl Strategy<Value = Act> {
    let symbol = prop_oneof![Just("AAPL"), Just("GOOGL"), Just("XOM"), Just("BTC/USD")];
    let side = prop_oneof![Just("buy"), Just("sell")];
    let order = (symbol.clone(), side, 1..400_u32, 0..4_u32, any::<u8>());
    let order = order.prop_map(|(symbol, side, qty, kind, id)| {
        let force = if symbol == "BTC/USD" { "gtc" } else { "day" };
        let mut order =
            json!({"symbol": symbol, "side": side, "time_in_force": force, "type": "market"});
        order["qty"] = if symbol == "BTC/USD" { json!(f64::from(qty) / 1e3) } else { json!(qty) };
        match kind {
            0 => order["client_order_id"] = json!(format!("mine-{id}")),
            1 => {
                (order["type"], order["limit_price"]) = (json!("limit"), json!(20 + qty));
            }
            2 if force == "day" => {
                (order["type"], order["trail_percent"]) = (json!("trailing_stop"), json!(1));
            }
            _ => {}
        }
        order
    });
    prop_oneof![
        8 => order.prop_map(Act::Order),
        2 => (0..20_usize).prop_map(Act::Cancel),
        2 => ((0..20_usize), 1..500_u32).prop_map(|(which, qty)| Act::Replace(which, qty)),
        1 => Just(Act::CancelAll),
        2 => symbol.prop_map(|s| Act::Close(if s == "BTC/USD" { "BTCUSD" } else { s })),
        1 => Just(Act::CloseAll),
        6 => (1..500_u32).prop_map(Act::Step),
        1 => any::<bool>().prop_map(Act::Settings),
        1 => (0..3_u32).prop_map(Act::Watch),
        1 => (0..90_u32).prop_map(Act::Lag),
        1 => (prop_oneof![Just("DIV"), Just("SPLIT")], 1..90_u32).prop_map(|(kind, n)| Act::Book(kind, n)),
    ]
}

async fn perform(desk: &Desk, act: Act) {
    let ids = desk.get("/v2/orders?status=all&limit=500").await;
    let path = |which: usize| {
        let id = ids.as_array().unwrap().get(which).map(|order| order["id"].clone());
        format!("/v2/orders/{}", id.unwrap_or(json!("none")).as_str().unwrap())
    };
    let (method, path, body) = match act {
        Act::Order(order) => (Method::POST, "/v2/orders".to_owned(), order),
        Act::Cancel(which) => (Method::DELETE, path(which), Value::Null),
        Act::Replace(which, qty) => (Method::PATCH, path(which), json!({"qty": qty})),
        Act::CancelAll => (Method::DELETE, "/v2/orders".to_owned(), Value::Null),
        Act::Close(symbol) => (Method::DELETE, format!("/v2/positions/{symbol}"), Value::Null),
        Act::CloseAll => {
            (Method::DELETE, "/v2/positions?cancel_orders=true".to_owned(), Value::Null)
        }
        Act::Step(minutes) => {
            let now = desk.get("/v2/clock").await["timestamp"].as_str().unwrap().to_owned();
            let now = alpaca::time::parse(&now).unwrap();
            let to = messages::Time(now.0 + i64::from(minutes) * 60_000_000_000);
            (Method::POST, "/aurora/v1/clock".to_owned(), json!({"now": common::utc(to)}))
        }
        Act::Settings(no_shorting) => {
            let path = "/v2/account/configurations".to_owned();
            (Method::PATCH, path, json!({"no_shorting": no_shorting}))
        }
        Act::Watch(name) => {
            let body = json!({"name": format!("list {name}"), "symbols": ["AAPL"]});
            (Method::POST, "/v2/watchlists".to_owned(), body)
        }
        Act::Lag(seconds) => {
            let rule = json!({"kind": "lag", "ms": seconds * 1_000});
            (Method::POST, "/aurora/v1/faults".to_owned(), json!({"rules": [rule]}))
        }
        Act::Book(kind, n) => {
            let body = json!({"activity_type": kind, "symbol": "AAPL", "qty": n.to_string(),
                "net_amount": format!("-{n}.5")});
            (Method::POST, "/aurora/v1/activities".to_owned(), body)
        }
    };
    let (status, answer) = desk.ask(method, &path, body).await;
    assert!(!status.is_server_error(), "{path}: {answer}");
}

/// As if the process were killed: the files as they are, elsewhere.
fn killed(state: &Path) -> TempDir {
    let copy = TempDir::new().unwrap();
    fs::copy(state.join("log.jsonl"), copy.path().join("log.jsonl")).unwrap();
    copy
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 5, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_restart_at_any_point_changes_nothing(acts in prop::collection::vec(act(), 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let state = TempDir::new().unwrap();
            let desk = desk_with(on(state.path())).await;
            desk.step(TODAY, 9, 31).await;
            let every = 1 + acts.len() / 4;
            for (number, act) in acts.into_iter().enumerate() {
                perform(&desk, act).await;
                if number % every == 0 {
                    let copy = killed(state.path());
                    let again = desk_with(on(copy.path())).await;
                    assert_eq!(everything(&again).await, everything(&desk).await);
                }
            }
            // Whatever happens from here on happens to both.
            let copy = killed(state.path());
            let again = desk_with(on(copy.path())).await;
            for desk in [&desk, &again] {
                desk.step(TODAY + 3, 16, 30).await;
            }
            assert_eq!(everything(&again).await, everything(&desk).await);
        });
    }
}

#[tokio::test]
async fn client_order_ids_stay_taken() {
    let state = TempDir::new().unwrap();
    let desk = desk_with(on(state.path())).await;
    let order = json!({"symbol": "AAPL", "qty": 1, "client_order_id": "mine"});
    let taken = desk.order(order.clone()).await;
    desk.venue.stop().await;
    let desk = desk_with(on(state.path())).await;
    let (status, body) = desk.try_order(order).await;
    assert_eq!(
        (status.as_u16(), &body["message"]),
        (422, &json!("client_order_id must be unique"))
    );
    let found = desk.get("/v2/orders:by_client_order_id?client_order_id=mine").await;
    assert_eq!(found, taken);
}

async fn refused(config: VenueConfig) -> String {
    Venue::start(config).await.unwrap_err().to_string()
}

#[tokio::test]
async fn a_log_is_of_one_venue_and_one_market() {
    let state = TempDir::new().unwrap();
    let first = desk_with(on(state.path())).await;
    first.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let second = refused(on(state.path())).await;
    assert!(second.contains("in use by another venue"), "{second}");
    first.venue.stop().await;
    let mut poorer = on(state.path());
    poorer.exchange.cash = Usd(1_000_000);
    assert!(refused(poorer).await.contains("another cash"));
    let mut later = on(state.path());
    later.exchange.start = at(TODAY, 8, 1);
    assert!(refused(later).await.contains("another start"));
    let mut seeded = on(state.path());
    seeded.exchange.seed = 9;
    assert!(refused(seeded).await.contains("another seed"));
    let mut margin = on(state.path());
    margin.exchange.multiplier = 2;
    assert!(refused(margin).await.contains("another exchange"));
    let market = |seed, sessions| {
        let config = SyntheticConfig { seed, symbols: 8, sessions, ..SyntheticConfig::default() };
        let mut venue = on(state.path());
        venue.market = Arc::new(Market::synthetic(&config));
        venue
    };
    assert!(refused(market(6, 40)).await.contains("another market"));
    assert!(refused(market(5, 39)).await.contains("another number of sessions (40; now 39)"));
    // The same market that goes on longer is the same market.
    let longer = desk_with(market(5, 60)).await;
    assert_eq!(longer.get("/v2/orders").await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_torn_line_is_dropped_and_a_damaged_one_refused() {
    let state = TempDir::new().unwrap();
    let desk = desk_with(on(state.path())).await;
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let before = everything(&desk).await;
    desk.order(json!({"symbol": "AAPL", "qty": 2})).await;
    desk.venue.stop().await;
    let path = state.path().join("log.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 5]).unwrap();
    let desk = desk_with(on(state.path())).await;
    assert_eq!(everything(&desk).await, before);
    desk.order(json!({"symbol": "AAPL", "qty": 2})).await;
    desk.venue.stop().await;
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "written again where it was torn off");
    let lines: Vec<&str> = text.lines().collect();
    fs::write(&path, format!("{}\n{}\n{}\n", lines[0], "garbage", lines[2])).unwrap();
    assert!(refused(on(state.path())).await.contains("log.jsonl line 2"));
    // A cancel of an order that was never placed: of another version, or edited.
    let strange = lines[2].replace("\"submit\"", "\"cancel\"");
    fs::write(&path, format!("{}\n{strange}\n", lines[0])).unwrap();
    assert!(refused(on(state.path())).await.contains("log.jsonl line 2"));
}

#[tokio::test]
async fn an_accelerated_clock_goes_on_from_where_it_was() {
    let state = TempDir::new().unwrap();
    let accelerated = || {
        let mut config = on(state.path());
        config.clock = ClockMode::Accelerated { speed: 2_000.0 };
        config
    };
    let desk = desk_with(accelerated()).await;
    let mut stream = desk.stream().await;
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let mut heard = Vec::new();
    while heard.last().is_none_or(|event| event != "fill") {
        heard.extend(stream.events(1).await);
    }
    let fills = desk.get("/v2/account/activities").await;
    desk.venue.stop().await;
    let desk = desk_with(accelerated()).await;
    // What was told has happened, also when nothing was asked for since.
    assert_eq!(desk.get("/v2/account/activities").await, fills);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let clock = desk.get("/v2/clock").await;
    let filled = fills[0]["transaction_time"].as_str().unwrap();
    let time = |text: &str| alpaca::time::parse(text).unwrap();
    assert!(time(clock["timestamp"].as_str().unwrap()) > time(filled));
}

#[tokio::test]
async fn a_long_only_start_is_kept_and_can_be_undone() {
    let state = TempDir::new().unwrap();
    let start = |no_shorting| {
        let mut config = on(state.path());
        config.no_shorting = no_shorting;
        config
    };
    let settings = "/v2/account/configurations";
    let desk = desk_with(start(true)).await;
    assert_eq!(desk.get(settings).await["no_shorting"], json!(true));
    desk.venue.stop().await;
    let desk = desk_with(start(false)).await;
    assert_eq!(desk.get(settings).await["no_shorting"], json!(true), "the account is what it was");
    desk.ask(Method::PATCH, settings, json!({"no_shorting": false})).await;
    desk.venue.stop().await;
    let desk = desk_with(start(true)).await;
    assert_eq!(desk.get(settings).await["no_shorting"], json!(false));
}
