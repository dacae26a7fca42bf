//! A small market behind HTTP on loopback, and what it ought to give.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    dead_code,
    unreachable_pub,
    reason = "a module of several test programs, each with its own needs"
)]

use alpaca::{Client, Credentials, Endpoints, Patience};
use axum::Router;
use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use ingest::{FetchOptions, Provenance};
use jiff::civil::date;
use messages::{Bars, Date, Member, Symbol};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub type Asked = BTreeMap<String, String>;

/// Sessions of two weeks that begin in winter time and end in summer time.
pub fn sessions() -> Vec<Date> {
    [4, 5, 6, 7, 8, 11, 12, 13, 14, 15].map(|day| date(2024, 3, day)).into()
}

pub fn symbols(count: usize) -> Vec<Symbol> {
    (0..count).map(|index| Symbol::from(format!("S{index:03}"))).collect()
}

pub fn members(count: usize) -> Vec<Member> {
    symbols(count).into_iter().map(|symbol| Member { symbol, sector: "S".into() }).collect()
}

/// Open, high, low, close, volume, with all the digits a 32-bit price has in 64 bits; a split of 4:1
/// lies behind us.
pub fn row(symbol: &str, day: Date, raw: bool) -> [f64; 5] {
    let seed = symbol.bytes().map(f32::from).sum::<f32>() + f32::from(day.day()) / 3.0;
    let factor = if raw { 4.0 } else { 1.0 };
    let [open, close] = [seed / 7.0, seed / 6.9].map(|price| f64::from(price) * factor);
    [open, open.max(close) * 1.01, open.min(close) * 0.99, close, 1e6 + f64::from(day.day())]
}

/// What a fetch of `days` must give.
pub fn expected(symbols: &[Symbol], days: &[Date]) -> Vec<Bars> {
    let day = |day: &Date| {
        let mut bars = Bars::empty(*day);
        for symbol in symbols {
            let [open, high, low, close, volume] = row(symbol.as_str(), *day, false);
            let raw_close = row(symbol.as_str(), *day, true)[3];
            bars.push(symbol.clone(), [open, high, low, close, volume, raw_close]);
        }
        bars
    };
    days.iter().map(day).collect()
}

pub fn midnight(day: Date) -> String {
    alpaca::time::utc(alpaca::time::session_time(day, jiff::civil::Time::midnight()))
}

/// A page as Alpaca gives it: by symbol, then time, `size` bars at most.
pub fn page(asked: &Asked, days: &[Date], size: usize) -> Rows {
    let within = |day: &Date| {
        let t = midnight(*day);
        asked["start"].as_str() <= t.as_str() && t.as_str() <= asked["end"].as_str()
    };
    let days: Vec<Date> = days.iter().copied().filter(within).collect();
    let names = asked["symbols"].split(',');
    let all: Vec<(String, Date)> =
        names.flat_map(|symbol| days.iter().map(move |day| (symbol.to_owned(), *day))).collect();
    let from: usize = asked.get("page_token").map_or(0, |token| token.parse().unwrap());
    let end = all.len().min(from + size);
    Rows {
        bars: all[from..end].to_vec(),
        raw: asked["adjustment"] == "raw",
        token: (end < all.len()).then(|| end.to_string()),
    }
}

#[derive(Clone)]
pub struct Rows {
    pub bars: Vec<(String, Date)>,
    pub raw: bool,
    pub token: Option<String>,
}

impl Rows {
    pub fn json(&self) -> String {
        let mut body = String::from(r#"{"bars":{"#);
        for (index, part) in self.bars.chunk_by(|a, b| a.0 == b.0).enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(body, r#"{comma}"{}":["#, part[0].0).unwrap();
            for (index, (symbol, day)) in part.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                let [o, h, l, c, v] = row(symbol, *day, self.raw);
                let t = midnight(*day);
                write!(
                    body,
                    r#"{comma}{{"t":"{t}","o":{o},"h":{h},"l":{l},"c":{c},"v":{v},"n":7,"vw":{o}}}"#
                )
                .unwrap();
            }
            body.push(']');
        }
        let token = self.token.as_ref().map_or("null".to_owned(), |token| format!("{token:?}"));
        write!(body, r#"}},"next_page_token":{token}}}"#).unwrap();
        body
    }
}

/// How a request is answered: status, what is announced as the body's length beyond its own, body.
pub struct Answer {
    pub status: u16,
    pub body: String,
    /// The connection breaks before the body is whole.
    pub cut: bool,
    pub delay: Duration,
}

impl Answer {
    pub fn ok(body: String) -> Self {
        Self { status: 200, body, cut: false, delay: Duration::ZERO }
    }
}

pub struct Server {
    pub client: Client,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

type Shared = (Arc<dyn Fn(usize, &Asked) -> Answer + Send + Sync>, Arc<Mutex<Vec<Asked>>>);

/// Answers `/v2/stocks/bars`; `answer` hears the number of the request and its query.
pub async fn serve(answer: impl Fn(usize, &Asked) -> Answer + Send + Sync + 'static) -> Server {
    async fn bars(State((answer, asked)): State<Shared>, Query(query): Query<Asked>) -> Response {
        let number = {
            let mut asked = asked.lock().unwrap();
            asked.push(query.clone());
            asked.len() - 1
        };
        let Answer { status, body, cut, delay } = answer(number, &query);
        tokio::time::sleep(delay).await;
        let response =
            Response::builder().status(status).header("content-type", "application/json");
        if !cut {
            return response.body(Body::from(body)).unwrap();
        }
        let half = body.into_bytes()[..].to_vec();
        let half = half[..half.len() / 2].to_vec();
        let broken = std::io::Error::other("the server goes away");
        let parts = futures::stream::iter([Ok(half), Err(broken)]);
        response.body(Body::from_stream(parts)).unwrap()
    }
    let asked = Arc::new(Mutex::new(Vec::new()));
    let shared: Shared = (Arc::new(answer), asked.clone());
    let router = Router::new().route("/v2/stocks/bars", get(bars)).with_state(shared);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoints = Endpoints::local(&listener.local_addr().unwrap().to_string());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let client = Client::new(endpoints, Credentials::new("key", "secret")).unwrap();
    let patience = Patience { attempts_max: 2, ..Patience::default() };
    Server { client: client.patient(patience), asked }
}

/// A server without faults, in pages of 7 bars.
pub async fn sound(days: Vec<Date>) -> Server {
    serve(move |_, asked| Answer::ok(page(asked, &days, 7).json())).await
}

pub fn options() -> FetchOptions {
    FetchOptions::new("sip", "split")
}

pub fn provenance(at: &str) -> Provenance {
    Provenance {
        source: "test".into(),
        request: "everything".into(),
        at: at.into(),
        feed: "sip".into(),
        adjustment: "split".into(),
        raw_close: "raw_close".into(),
    }
}
