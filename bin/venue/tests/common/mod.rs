//! A venue and a client that sends what it is told and shows what comes back.

#![allow(dead_code, reason = "each test file uses its part")]

use exchange::{ExchangeConfig, Market, SyntheticConfig};
use futures::{SinkExt, StreamExt};
use jiff::civil::Time as Clock;
use messages::{Time, Usd};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use venue::{Venue, VenueConfig};

pub(crate) const KEYS: (&str, &str) = ("PKTEST", "secret-for-tests");
/// The session on whose morning the clock starts.
pub(crate) const TODAY: usize = 29;

static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 5, symbols: 8, sessions: 40, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

pub(crate) fn market() -> Arc<Market> {
    Arc::clone(&MARKET)
}

/// A million dollars, 08:00 of the thirtieth of forty sessions of eight symbols.
pub(crate) fn config() -> VenueConfig {
    let start = at(TODAY, 8, 0);
    let exchange = ExchangeConfig::new(Usd(1_000_000_000_000), 1, start);
    let mut config = VenueConfig::new(market(), exchange);
    config.keys = Some((KEYS.0.to_owned(), KEYS.1.to_owned()));
    config
}

pub(crate) fn at(session: usize, hour: i8, minute: i8) -> Time {
    let date = market().calendar().sessions()[session].date;
    market().calendar().instant(date, Clock::constant(hour, minute, 0, 0))
}

pub(crate) fn utc(at: Time) -> String {
    alpaca::time::utc(at)
}

pub(crate) struct Desk {
    pub(crate) venue: Venue,
    pub(crate) http: reqwest::Client,
}

pub(crate) async fn desk() -> Desk {
    desk_with(config()).await
}

pub(crate) async fn desk_with(config: VenueConfig) -> Desk {
    // reqwest asks for a provider even where nothing is encrypted; the second test finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Desk { venue: Venue::start(config).await.unwrap(), http: client() }
}

/// Shows answers as they came.
fn client() -> reqwest::Client {
    reqwest::Client::builder().no_gzip().build().unwrap()
}

impl Desk {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.venue.addr())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, self.url(path));
        request.header("APCA-API-KEY-ID", KEYS.0).header("APCA-API-SECRET-KEY", KEYS.1)
    }

    pub(crate) async fn raw(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// Status and body as JSON (null if it is none).
    pub(crate) async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let mut request = self.request(method, path);
        if !body.is_null() {
            request = request.body(body.to_string());
        }
        let response = request.send().await.unwrap();
        let status = response.status();
        (status, serde_json::from_str(&response.text().await.unwrap()).unwrap_or_default())
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Status of a GET and its message.
    pub(crate) async fn refused(&self, path: &str) -> (u16, String) {
        let (status, body) = self.ask(Method::GET, path, Value::Null).await;
        (status.as_u16(), body["message"].as_str().unwrap_or_default().to_owned())
    }

    pub(crate) async fn step(&self, session: usize, hour: i8, minute: i8) {
        self.step_to(at(session, hour, minute)).await;
    }

    pub(crate) async fn step_to(&self, to: Time) {
        let body = json!({"now": utc(to)});
        let (status, body) = self.ask(Method::POST, "/aurora/v1/clock", body).await;
        assert_eq!(status, 200, "{body}");
    }

    pub(crate) async fn order(&self, fields: Value) -> Value {
        let (status, body) = self.try_order(fields).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// A market order for the day, but for what `fields` say.
    pub(crate) async fn try_order(&self, fields: Value) -> (StatusCode, Value) {
        let mut body = json!({"side": "buy", "type": "market", "time_in_force": "day"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        self.ask(Method::POST, "/v2/orders", body).await
    }

    pub(crate) async fn faults(&self, plan: Value) -> Value {
        let (status, body) = self.ask(Method::POST, "/aurora/v1/faults", plan).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// How often each rule has fired.
    pub(crate) async fn fired(&self) -> Vec<u64> {
        let plan = self.get("/aurora/v1/faults").await;
        plan["rules"].as_array().unwrap().iter().map(|r| r["fired"].as_u64().unwrap()).collect()
    }

    /// A trading stream that listens.
    pub(crate) async fn stream(&self) -> Socket {
        let mut socket = Socket::connect(&format!("ws://{}/stream", self.venue.addr())).await;
        let keys = json!({"key_id": KEYS.0, "secret_key": KEYS.1});
        socket.send(json!({"action": "authenticate", "data": keys})).await;
        assert_eq!(socket.next().await.unwrap()["data"]["status"], "authorized");
        socket.send(json!({"action": "listen", "data": {"streams": ["trade_updates"]}})).await;
        assert_eq!(socket.next().await.unwrap()["stream"], "listening");
        socket
    }
}

pub(crate) struct Socket(pub(crate) WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Socket {
    pub(crate) async fn connect(url: &str) -> Self {
        Self(connect_async(url).await.unwrap().0)
    }

    pub(crate) async fn send(&mut self, body: Value) {
        self.0.send(Message::text(body.to_string())).await.unwrap();
    }

    /// `None` when the connection has ended, however.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
                Ok(Message::Binary(bytes)) => return serde_json::from_slice(&bytes).ok(),
                Ok(Message::Close(_)) | Err(_) => return None,
                Ok(_) => {}
            }
        }
    }

    /// The events of the next `count` updates.
    pub(crate) async fn events(&mut self, count: usize) -> Vec<String> {
        let mut events = Vec::new();
        for _ in 0..count {
            let message = self.next().await.expect("an update");
            events.push(message["data"]["event"].as_str().unwrap().to_owned());
        }
        events
    }
}
