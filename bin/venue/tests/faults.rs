//! Each kind of fault, as a client meets it.

#![expect(clippy::unwrap_used, reason = "tests")]

mod common;

use common::{Desk, KEYS, TODAY, at, desk, utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// A request as bytes, and a connection that it is written to.
async fn sent(desk: &Desk, method: &str, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(desk.venue.addr()).await.unwrap();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: venue\r\napca-api-key-id: {}\r\n\
         apca-api-secret-key: {}\r\ncontent-length: {}\r\n\r\n{body}",
        KEYS.0,
        KEYS.1,
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Everything until the connection ends.
async fn rest(mut stream: TcpStream) -> String {
    let mut bytes = Vec::new();
    // An end without notice is an end.
    let _ = stream.read_to_end(&mut bytes).await;
    String::from_utf8(bytes).unwrap()
}

fn rule(kind: &str, other: &Value) -> Value {
    let mut rule = json!({"kind": kind});
    rule.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    json!({"seed": 1, "rules": [rule]})
}

fn orders() -> Value {
    json!({"method": "POST", "path": "/v2/orders"})
}

async fn open_orders(desk: &Desk) -> usize {
    desk.get("/v2/orders").await.as_array().unwrap().len()
}

#[tokio::test]
async fn an_error_after_the_order_was_taken_and_one_before() {
    let desk = desk().await;
    for (when, status, taken) in [("after", 504, 1), ("after", 500, 2), ("before", 503, 2)] {
        let other = json!({"when": when, "status": status, "match": orders(), "count": 1});
        desk.faults(rule("error", &other)).await;
        let (got, body) = desk.try_order(json!({"symbol": "AAPL", "qty": 1})).await;
        assert_eq!(got, status);
        assert!(body["message"].is_string());
        assert_eq!(open_orders(&desk).await, taken, "{when}");
        assert_eq!(desk.fired().await, [1]);
    }
    // The count is used up.
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
}

#[tokio::test]
async fn bursts_of_429_with_and_without_headers() {
    let desk = desk().await;
    let other = json!({"after": 1, "count": 1, "burst": 2, "match": {"path": "/v2/account"}});
    desk.faults(rule("rate_limit", &other)).await;
    let mut statuses = Vec::new();
    for _ in 0..4 {
        let response = desk.raw("/v2/account").await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        assert_eq!(headers.contains_key("x-ratelimit-reset"), status == 429);
        statuses.push(status);
    }
    assert_eq!(statuses, [200, 429, 429, 200]);
    desk.faults(rule("rate_limit", &json!({"headers": false}))).await;
    let response = desk.raw("/v2/clock").await;
    assert_eq!(response.status(), 429);
    assert!(!response.headers().contains_key("x-ratelimit-limit"));
    assert!(response.json::<Value>().await.unwrap()["message"].is_string());
}

#[tokio::test]
async fn latency_and_events_that_come_before_the_answer() {
    let desk = desk().await;
    desk.faults(rule("latency", &json!({"ms": 60, "match": {"path": "/v2/clock"}}))).await;
    let begun = Instant::now();
    desk.get("/v2/clock").await;
    assert!(begun.elapsed() >= Duration::from_millis(60));
    let mut stream = desk.stream().await;
    let other = json!({"when": "after", "ms": 5_000, "match": orders()});
    desk.faults(rule("latency", &other)).await;
    let order = desk.order(json!({"symbol": "AAPL", "qty": 1}));
    // The order is not answered before its event has come.
    tokio::select! {
        event = stream.events(1) => assert_eq!(event, ["accepted"]),
        _ = order => panic!("the answer was to come five seconds later"),
    }
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    let desk = desk().await;
    desk.faults(rule("disconnect", &json!({"match": orders()}))).await;
    let body = r#"{"symbol":"AAPL","qty":1,"side":"buy","type":"market","time_in_force":"day"}"#;
    assert_eq!(rest(sent(&desk, "POST", "/v2/orders", body).await).await, "");
    assert_eq!(open_orders(&desk).await, 1, "it was taken");
    desk.faults(rule("disconnect", &json!({"match": orders(), "when": "before"}))).await;
    assert_eq!(rest(sent(&desk, "POST", "/v2/orders", body).await).await, "");
    assert_eq!(open_orders(&desk).await, 1);
}

#[tokio::test]
async fn a_half_open_connection_says_nothing_more() {
    let desk = desk().await;
    desk.faults(rule("half_open", &json!({"match": {"path": "/v2/account"}}))).await;
    let mut stream = sent(&desk, "GET", "/v2/account", "").await;
    let mut byte = [0; 1];
    let heard = timeout(Duration::from_millis(100), stream.read(&mut byte)).await;
    assert!(heard.is_err(), "neither an answer nor an end: {heard:?}");
    // The others are served, and the venue can end.
    desk.get("/v2/clock").await;
    desk.venue.stop().await;
    assert_eq!(rest(stream).await, "");
}

#[tokio::test]
async fn answers_come_slowly_or_only_in_part() {
    let desk = desk().await;
    let whole = desk.raw("/v2/assets").await.text().await.unwrap();
    desk.faults(rule("slow", &json!({"bytes": 1000, "ms": 10}))).await;
    let begun = Instant::now();
    assert_eq!(desk.raw("/v2/assets").await.text().await.unwrap(), whole);
    let pieces = whole.len().div_ceil(1000) as u64;
    assert!(pieces > 1 && begun.elapsed() >= Duration::from_millis(10 * pieces));
    desk.faults(rule("truncate", &json!({"bytes": 100}))).await;
    let cut = desk.raw("/v2/assets").await;
    assert_eq!(cut.status(), 200);
    assert_eq!(cut.text().await.unwrap(), whole[..100]);
    desk.faults(rule("truncate", &json!({"transport": true}))).await;
    let heard = rest(sent(&desk, "GET", "/v2/assets", "").await).await;
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    assert!(head.contains(&format!("content-length: {}", whole.len())), "{head}");
    assert_eq!(body.len(), whole.len() / 2);
}

/// All rows of a multi-page request as `symbol@time`, or how many pages it took to give up.
async fn rows(desk: &Desk, pages_max: usize) -> Result<Vec<String>, usize> {
    let start = utc(at(0, 0, 0));
    let path = format!("/v2/stocks/bars?symbols=AAPL,GOOGL&timeframe=1Day&limit=20&start={start}");
    let (mut rows, mut token) = (Vec::new(), String::new());
    for _ in 0..pages_max {
        let page = desk.get(&format!("{path}{token}")).await;
        for (symbol, bars) in page["bars"].as_object().unwrap() {
            let bars = bars.as_array().unwrap().iter();
            rows.extend(bars.map(|bar| format!("{symbol}@{}", bar["t"].as_str().unwrap())));
        }
        match page["next_page_token"].as_str() {
            Some(next) => token = format!("&page_token={next}"),
            None => return Ok(rows),
        }
    }
    Err(pages_max)
}

#[tokio::test]
async fn pages_repeat_or_are_empty_and_nothing_is_lost() {
    let desk = desk().await;
    let right = rows(&desk, 9).await.unwrap();
    assert_eq!(right.len(), 2 * TODAY);
    desk.faults(rule("empty_page", &json!({"after": 0, "count": 2}))).await;
    assert_eq!(rows(&desk, 9).await.unwrap(), right, "empty pages lead to the data");
    assert_eq!(desk.fired().await, [2]);
    desk.faults(rule("empty_page", &json!({"after": 1, "count": 1}))).await;
    assert_eq!(rows(&desk, 9).await.unwrap(), right);
    assert_eq!(desk.fired().await, [1]);
    desk.faults(rule("repeat_page", &json!({"count": 1}))).await;
    let doubled = rows(&desk, 9).await.unwrap();
    assert_eq!(doubled.len(), right.len() + 20);
    assert_eq!(doubled[20..40], doubled[40..60], "the second page came twice");
    desk.faults(rule("repeat_page", &json!({}))).await;
    assert_eq!(rows(&desk, 9).await, Err(9), "it repeats for ever");
}

#[tokio::test]
async fn the_clock_is_off() {
    let desk = desk().await;
    let right = desk.get("/v2/clock").await;
    desk.faults(rule("clock_skew", &json!({"ms": -90_000}))).await;
    let off = desk.get("/v2/clock").await;
    let time = |clock: &Value| {
        alpaca::time::parse(clock["timestamp"].as_str().unwrap()).unwrap().0 / 1_000_000
    };
    assert_eq!(time(&right) - time(&off), 90_000);
    assert!(off["timestamp"].as_str().unwrap().ends_with("-05:00"));
    assert_eq!(off["next_open"], right["next_open"]);
}

/// Symbols of the updates heard until there are no more for a while, in order.
async fn heard(desk: &Desk, plan: Value) -> Vec<String> {
    let mut stream = desk.stream().await;
    desk.faults(plan).await;
    for symbol in ["AAPL", "GOOGL", "PG", "XOM"] {
        desk.order(json!({"symbol": symbol, "qty": 1})).await;
    }
    let mut symbols = Vec::new();
    while let Ok(Some(update)) = timeout(Duration::from_millis(300), stream.next()).await {
        symbols.push(update["data"]["order"]["symbol"].as_str().unwrap().to_owned());
    }
    symbols
}

#[tokio::test]
async fn stream_messages_are_lost_doubled_and_swapped() {
    let desk = desk().await;
    let second = json!({"after": 1, "count": 1});
    let lost = heard(&desk, rule("drop", &second)).await;
    assert_eq!(lost, ["AAPL", "PG", "XOM"]);
    let doubled = heard(&desk, rule("duplicate", &second)).await;
    assert_eq!(doubled, ["AAPL", "GOOGL", "GOOGL", "PG", "XOM"]);
    let swapped = heard(&desk, rule("reorder", &second)).await;
    assert_eq!(swapped, ["AAPL", "PG", "GOOGL", "XOM"]);
    let only = json!({"match": {"contains": "\"XOM\"", "path": "/stream"}});
    assert_eq!(heard(&desk, rule("drop", &only)).await, ["AAPL", "GOOGL", "PG"]);
    // The last one has nothing behind it: it comes a little later, alone.
    assert_eq!(heard(&desk, rule("reorder", &only)).await, ["AAPL", "GOOGL", "PG", "XOM"]);
}

#[tokio::test]
async fn streams_end_fall_silent_and_lag() {
    let desk = desk().await;
    let messages = |kind: &str, other: Value| {
        let mut other = other;
        other["match"] = json!({"on": "messages", "path": "/stream"});
        rule(kind, &other)
    };
    let mut stream = desk.stream().await;
    desk.faults(messages("disconnect", json!({"after": 1, "count": 1}))).await;
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    assert_eq!(stream.events(1).await, ["accepted"]);
    assert!(stream.next().await.is_none(), "cut off");
    let mut stream = desk.stream().await;
    desk.faults(messages("half_open", json!({}))).await;
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let silence = timeout(Duration::from_millis(100), stream.next()).await;
    assert!(silence.is_err(), "neither a message nor an end");
    desk.ask(Method::DELETE, "/aurora/v1/faults", Value::Null).await;
    let mut stream = desk.stream().await;
    desk.faults(messages("slow", json!({"ms": 80}))).await;
    let begun = Instant::now();
    desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    assert_eq!(stream.events(1).await, ["accepted"]);
    assert!(begun.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn cancels_take_venue_time() {
    let desk = desk().await;
    let order = desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let path = format!("/v2/orders/{}", order["id"].as_str().unwrap());
    desk.faults(rule("lag", &json!({"ms": 2_000}))).await;
    assert_eq!(desk.ask(Method::DELETE, &path, Value::Null).await.0, 204);
    assert_eq!(desk.get(&path).await["status"], "pending_cancel");
    desk.step(TODAY, 8, 1).await;
    assert_eq!(desk.get(&path).await["status"], "canceled");
    desk.ask(Method::DELETE, "/aurora/v1/faults", Value::Null).await;
    let order = desk.order(json!({"symbol": "AAPL", "qty": 1})).await;
    let path = format!("/v2/orders/{}", order["id"].as_str().unwrap());
    desk.ask(Method::DELETE, &path, Value::Null).await;
    assert_eq!(desk.get(&path).await["status"], "canceled", "at once again");
}

#[tokio::test]
async fn the_same_seed_and_requests_give_the_same_faults() {
    let mut runs = Vec::new();
    for seed in [7, 7, 8] {
        let desk = desk().await;
        let some = json!({"kind": "error", "share": 0.3, "when": "before"});
        let others = json!({"kind": "rate_limit", "share": 0.2});
        desk.faults(json!({"seed": seed, "rules": [others, some]})).await;
        let mut statuses = Vec::new();
        for _ in 0..40 {
            statuses.push(desk.raw("/v2/clock").await.status().as_u16());
        }
        let counts = [429, 503].map(|wanted| statuses.iter().filter(|s| **s == wanted).count());
        assert!(counts.iter().all(|count| (1..25).contains(count)), "{statuses:?}");
        runs.push(statuses);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn plans_are_checked_shown_and_cleared() {
    let desk = desk().await;
    let plan = desk.faults(rule("slow", &json!({"match": {"path": "/v2"}}))).await;
    assert_eq!((&plan["seed"], &plan["rules"][0]["fired"]), (&json!(1), &json!(0)));
    for wrong in [
        json!({"rules": [{"kind": "explosion"}]}),
        json!({"rules": [{"kind": "drop", "ms": 5}]}),
        json!({"rules": [{"kind": "drop", "match": {"on": "requests"}}]}),
        json!({"rules": [{"kind": "error", "status": 200}]}),
        json!({"rules": [{"kind": "error", "share": 1.5}]}),
        json!({"rules": [{"kind": "latency", "ms": -1}]}),
        json!({"rules": [{"kind": "error", "often": true}]}),
        json!({"seed": 1}),
        json!([]),
    ] {
        let (status, body) = desk.ask(Method::POST, "/aurora/v1/faults", wrong.clone()).await;
        assert_eq!(status, 422, "{wrong}");
        assert!(body["message"].as_str().unwrap().len() > 10, "{body}");
    }
    assert_eq!(desk.get("/aurora/v1/faults").await["rules"].as_array().unwrap().len(), 1);
    let (_, none) = desk.ask(Method::DELETE, "/aurora/v1/faults", Value::Null).await;
    assert_eq!(none["rules"], json!([]));
}
