//! Market data: bars, trades, quotes, order books, snapshots, and the pages and envelopes they come
//! in. Prices in dollars. The websocket carries the same bodies; see [`super::feed`].

use super::Stamp;
use super::scalar::{number, or_empty, some_number};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Prices in dollars. `t` is the left edge: for a daily bar midnight in New York.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub t: Stamp,
    #[serde(serialize_with = "number")]
    pub o: f64,
    #[serde(serialize_with = "number")]
    pub h: f64,
    #[serde(serialize_with = "number")]
    pub l: f64,
    #[serde(serialize_with = "number")]
    pub c: f64,
    /// Shares, or coins; absent in one quoted body.
    #[serde(serialize_with = "some_number", skip_serializing_if = "Option::is_none")]
    pub v: Option<f64>,
    /// Trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(serialize_with = "some_number", skip_serializing_if = "Option::is_none")]
    pub vw: Option<f64>,
}

/// A page of `GET /v2/stocks/bars` or `/v1beta3/crypto/{loc}/bars`. A symbol without a bar is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarsPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub bars: BTreeMap<String, Vec<Bar>>,
    /// `None` is the only sign of the end.
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A page of `GET /v2/stocks/{symbol}/bars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolBarsPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub bars: Vec<Bar>,
    pub symbol: String,
    pub next_page_token: Option<String>,
}

/// An execution. Crypto has no exchange, conditions and tape, but a taker's side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trade {
    pub t: Stamp,
    /// Exchange.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub x: Option<String>,
    #[serde(serialize_with = "number")]
    pub p: f64,
    /// Shares, or coins.
    #[serde(serialize_with = "number")]
    pub s: f64,
    /// Conditions: `" "` or `"@"` for a regular sale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<Vec<String>>,
    /// Id; beyond 2^53 at times.
    pub i: u64,
    /// Tape.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z: Option<String>,
    /// Crypto: `B` or `S`, the taker's side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tks: Option<String>,
    /// `canceled`, `incorrect` or `corrected`, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub u: Option<String>,
}

/// The best bid and ask; a price of zero is no quote. Crypto has no exchanges, conditions and tape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub t: Stamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ax: Option<String>,
    #[serde(serialize_with = "number")]
    pub ap: f64,
    /// Shares since 2025-11-03, round lots before; coins.
    #[serde(rename = "as", serialize_with = "number")]
    pub r#as: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bx: Option<String>,
    #[serde(serialize_with = "number")]
    pub bp: f64,
    #[serde(serialize_with = "number")]
    pub bs: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub c: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z: Option<String>,
}

/// A crypto order book, best prices first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Orderbook {
    pub t: Stamp,
    /// Bids.
    pub b: Vec<Level>,
    /// Asks.
    pub a: Vec<Level>,
    /// On the stream: this is the whole book; otherwise only what changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub r: Option<bool>,
}

/// A price of an order book; in a change, a size of zero removes it.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    #[serde(serialize_with = "number")]
    pub p: f64,
    #[serde(serialize_with = "number")]
    pub s: f64,
}

/// A symbol at a glance. A member is `None` if there is no such thing (yet).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    pub latest_trade: Option<Trade>,
    pub latest_quote: Option<Quote>,
    pub minute_bar: Option<Bar>,
    pub daily_bar: Option<Bar>,
    pub prev_daily_bar: Option<Bar>,
}

/// `GET /v2/stocks/{symbol}/snapshot`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolSnapshot {
    pub symbol: String,
    #[serde(flatten)]
    pub snapshot: Snapshot,
}

/// `GET /v2/stocks/snapshots`: no envelope.
pub type Snapshots = BTreeMap<String, Snapshot>;

/// `GET /v1beta3/crypto/{loc}/snapshots`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CryptoSnapshots {
    #[serde(default, deserialize_with = "or_empty")]
    pub snapshots: Snapshots,
}

/// A page of `GET /v2/stocks/trades` or `/v1beta3/crypto/{loc}/trades`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TradesPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub trades: BTreeMap<String, Vec<Trade>>,
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A page of `GET /v2/stocks/{symbol}/trades`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolTradesPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub trades: Vec<Trade>,
    pub symbol: String,
    pub next_page_token: Option<String>,
}

/// A page of `GET /v2/stocks/quotes` or `/v1beta3/crypto/{loc}/quotes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QuotesPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub quotes: BTreeMap<String, Vec<Quote>>,
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A page of `GET /v2/stocks/{symbol}/quotes`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolQuotesPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub quotes: Vec<Quote>,
    pub symbol: String,
    pub next_page_token: Option<String>,
}

/// The newest of each symbol; symbols without one, and unknown ones, are left out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatestTrades {
    #[serde(default, deserialize_with = "or_empty")]
    pub trades: BTreeMap<String, Trade>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatestQuotes {
    #[serde(default, deserialize_with = "or_empty")]
    pub quotes: BTreeMap<String, Quote>,
}

/// Of minute bars.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatestBars {
    #[serde(default, deserialize_with = "or_empty")]
    pub bars: BTreeMap<String, Bar>,
}

/// `GET /v1beta3/crypto/{loc}/latest/orderbooks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LatestOrderbooks {
    #[serde(default, deserialize_with = "or_empty")]
    pub orderbooks: BTreeMap<String, Orderbook>,
}

/// `GET /v2/stocks/{symbol}/trades/latest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestTrade {
    pub symbol: String,
    pub trade: Trade,
}

/// `GET /v2/stocks/{symbol}/quotes/latest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestQuote {
    pub symbol: String,
    pub quote: Quote,
}

/// `GET /v2/stocks/{symbol}/bars/latest`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LatestBar {
    pub symbol: String,
    pub bar: Bar,
}
