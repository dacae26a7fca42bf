//! Market data by REST, over loopback and byte by byte: every answer against the market that it is of.

#![expect(clippy::unwrap_used, reason = "tests")]

mod bars;
mod latest;
mod pages;
mod parameters;

use exchange::{AssetClass, ExchangeConfig, Market, SyntheticConfig};
use jiff::civil::date;
use messages::{Bars, Time, Usd};
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use venue::{Venue, VenueConfig};

const SECOND: i64 = 1_000_000_000;
const MINUTE: i64 = 60 * SECOND;

/// Twelve equities over 30 sessions from 2019-01-02 on, and the twelve pairs.
static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 3, symbols: 12, sessions: 30, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

struct Desk {
    venue: Venue,
    http: reqwest::Client,
}

impl Desk {
    /// At so many seconds after midnight of a session, in New York.
    async fn at(session: usize, hour: i64, minute: i64, second: i64) -> Self {
        Self::start(&MARKET, time(session, hour, minute, second)).await
    }

    async fn start(market: &Arc<Market>, now: Time) -> Self {
        // Already done by another test is done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let exchange = ExchangeConfig::new(Usd(1_000_000_000_000), 1, now);
        let config = VenueConfig::new(Arc::clone(market), exchange);
        Self { venue: Venue::start(config).await.unwrap(), http: reqwest::Client::new() }
    }

    /// Later.
    async fn step(&self, now: Time) {
        let url = format!("http://{}/aurora/v1/clock", self.venue.addr());
        let body = json!({"now": text(now)}).to_string();
        let answer = self.http.post(url).body(body).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    }

    async fn ask(&self, path: &str) -> (u16, Value) {
        let url = format!("http://{}{path}", self.venue.addr());
        let answer = self.http.get(url).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(path).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// All pages, joined: symbol and item in the order they came; and how many pages there were.
    async fn pages(&self, list: &str, path: &str) -> (Vec<(String, Value)>, usize) {
        let (mut all, mut token, mut count) = (Vec::new(), String::new(), 0);
        loop {
            let page = self.get(&format!("{path}&page_token={token}")).await;
            count += 1;
            for (symbol, items) in page[list].as_object().unwrap() {
                let items = items.as_array().unwrap();
                assert!(!items.is_empty(), "a symbol without data never appears");
                all.extend(items.iter().map(|item| (symbol.clone(), item.clone())));
            }
            match page["next_page_token"].as_str() {
                Some(next) => next.clone_into(&mut token),
                None => return (all, count),
            }
        }
    }
}

fn time(session: usize, hour: i64, minute: i64, second: i64) -> Time {
    let midnight = MARKET.calendar().sessions()[session].midnight;
    Time(midnight.0 + (hour * 3_600 + minute * 60 + second) * SECOND)
}

fn text(at: Time) -> String {
    alpaca::time::utc(at)
}

fn read(item: &Value) -> Time {
    alpaca::time::parse(item["t"].as_str().unwrap()).unwrap()
}

fn float(item: &Value, key: &str) -> f64 {
    item[key].as_f64().unwrap_or_else(|| panic!("{key} of {item}"))
}

fn items<'a>(answer: &'a Value, list: &str, symbol: &str) -> &'a Vec<Value> {
    answer[list][symbol].as_array().unwrap_or_else(|| panic!("no {symbol} in {answer}"))
}

fn keys(item: &Value) -> Vec<&str> {
    item.as_object().unwrap().keys().map(String::as_str).collect()
}

/// What one bar over several shows; without the average price.
fn together(bars: &[Value]) -> Value {
    let floats = |key| bars.iter().map(move |bar| float(bar, key));
    let mut bar = Map::new();
    bar.insert("o".into(), bars[0]["o"].clone());
    bar.insert("h".into(), json!(floats("h").fold(f64::MIN, f64::max)));
    bar.insert("l".into(), json!(floats("l").fold(f64::MAX, f64::min)));
    bar.insert("c".into(), bars[bars.len() - 1]["c"].clone());
    bar.insert("v".into(), json!((floats("v").sum::<f64>() * 1e6).round() / 1e6));
    bar.insert("n".into(), json!(floats("n").sum::<f64>()));
    Value::Object(bar)
}

/// Whether a bar shows that; numbers count, not how they are written.
fn shows(bar: &Value, expected: &Value) -> bool {
    expected.as_object().unwrap().iter().all(|(key, value)| {
        let (got, wanted) = (float(bar, key), value.as_f64().unwrap());
        (got - wanted).abs() <= 1e-9 * wanted.abs()
    })
}
