//! The market data websocket, each way. Every frame of the server is an array of messages; the
//! letter in `T` says what a message is, and the same key means other things under other letters.

use super::data::{Bar, Orderbook, Quote, Trade};
use super::scalar::number;
use super::{Secret, Stamp};
use crate::codec::{Codec, CodecError};
use serde::de::{self, DeserializeOwned};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum DataRequest {
    Auth {
        key: String,
        secret: Secret,
    },
    /// Adds to what is subscribed.
    Subscribe(Channels),
    /// Takes away from it.
    Unsubscribe(Channels),
}

/// Symbols by channel; `*` is all of them. `None`: the channel isn't mentioned, or isn't there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Channels {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trades: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quotes: Option<Vec<String>>,
    /// Of minutes that are over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bars: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_bars: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_bars: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statuses: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lulds: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub imbalances: Option<Vec<String>>,
    /// Come with trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrections: Option<Vec<String>>,
    /// Come with trades.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_errors: Option<Vec<String>>,
    /// Crypto.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orderbooks: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub news: Option<Vec<String>>,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "T")]
pub enum DataMessage {
    /// `connected`, `authenticated`.
    #[serde(rename = "success")]
    Success(Success),
    #[serde(rename = "error")]
    Error(DataError),
    /// All that is subscribed now.
    #[serde(rename = "subscription")]
    Subscription(Channels),
    #[serde(rename = "t")]
    Trade(Of<Trade>),
    #[serde(rename = "q")]
    Quote(Of<Quote>),
    #[serde(rename = "b")]
    Bar(Of<Bar>),
    /// Of the running day.
    #[serde(rename = "d")]
    DailyBar(Of<Bar>),
    /// A minute's again, since late trades changed it.
    #[serde(rename = "u")]
    UpdatedBar(Of<Bar>),
    #[serde(rename = "c")]
    Correction(Of<Correction>),
    #[serde(rename = "x")]
    CancelError(Of<CancelError>),
    #[serde(rename = "l")]
    Luld(Of<Luld>),
    #[serde(rename = "s")]
    Status(Of<TradingStatus>),
    #[serde(rename = "i")]
    Imbalance(Of<Imbalance>),
    #[serde(rename = "o")]
    Orderbook(Of<Orderbook>),
    #[serde(rename = "n")]
    News(Box<News>),
    /// Anything that we don't know, kept as it came.
    #[serde(untagged)]
    Other(Value),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Success {
    pub msg: String,
}

/// 400 invalid syntax, 401 not authenticated, 402 auth failed, 403 already authenticated, 404 auth
/// timeout, 405 symbol limit exceeded, 406 connection limit exceeded, 407 slow client, 409
/// insufficient subscription, 410 invalid subscribe action for this feed, 500 internal error, …
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataError {
    pub code: u16,
    pub msg: String,
}

/// Something, and the symbol it is of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Of<T> {
    #[serde(rename = "S")]
    pub symbol: String,
    #[serde(flatten)]
    pub data: T,
}

/// A trade was wrong: the original (`o…`), and what it should have been (`c…`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    pub t: Stamp,
    pub x: String,
    pub oi: u64,
    #[serde(serialize_with = "number")]
    pub op: f64,
    #[serde(serialize_with = "number")]
    pub os: f64,
    pub oc: Vec<String>,
    pub ci: u64,
    #[serde(serialize_with = "number")]
    pub cp: f64,
    #[serde(serialize_with = "number")]
    pub cs: f64,
    pub cc: Vec<String>,
    pub z: String,
}

/// A trade did not happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CancelError {
    pub t: Stamp,
    pub i: u64,
    pub x: String,
    #[serde(serialize_with = "number")]
    pub p: f64,
    #[serde(serialize_with = "number")]
    pub s: f64,
    /// `C` cancelled, `E` an error.
    pub a: String,
    pub z: String,
}

/// Limit up, limit down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Luld {
    pub t: Stamp,
    #[serde(serialize_with = "number")]
    pub u: f64,
    #[serde(serialize_with = "number")]
    pub d: f64,
    pub i: String,
    pub z: String,
}

/// Code and message of the status (halted, resumed), and of its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradingStatus {
    pub t: Stamp,
    pub sc: String,
    pub sm: String,
    pub rc: String,
    pub rm: String,
    pub z: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Imbalance {
    pub t: Stamp,
    #[serde(serialize_with = "number")]
    pub p: f64,
    pub z: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    pub id: u64,
    pub headline: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<Stamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    #[serde(default)]
    pub symbols: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl DataRequest {
    /// From a frame. Actions that we don't know are an error.
    pub fn decode(codec: Codec, bytes: &[u8]) -> Result<Self, CodecError> {
        codec.read(bytes)
    }

    pub fn encode(&self, codec: Codec) -> Vec<u8> {
        codec.write(self)
    }
}

impl DataMessage {
    /// The messages of a frame, JSON or MessagePack by its content.
    pub fn decode(bytes: &[u8]) -> Result<Vec<Self>, CodecError> {
        Codec::of(bytes).read(bytes)
    }

    /// A frame with these messages.
    pub fn encode(codec: Codec, messages: &[Self]) -> Vec<u8> {
        codec.write(&messages)
    }

    fn from_value(value: Value) -> Result<Self, serde_json::Error> {
        fn read<T: DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
            serde_json::from_value(value)
        }
        Ok(match value.get("T").and_then(Value::as_str) {
            Some("success") => Self::Success(read(value)?),
            Some("error") => Self::Error(read(value)?),
            Some("subscription") => Self::Subscription(read(value)?),
            Some("t") => Self::Trade(read(value)?),
            Some("q") => Self::Quote(read(value)?),
            Some("b") => Self::Bar(read(value)?),
            Some("d") => Self::DailyBar(read(value)?),
            Some("u") => Self::UpdatedBar(read(value)?),
            Some("c") => Self::Correction(read(value)?),
            Some("x") => Self::CancelError(read(value)?),
            Some("l") => Self::Luld(read(value)?),
            Some("s") => Self::Status(read(value)?),
            Some("i") => Self::Imbalance(read(value)?),
            Some("o") => Self::Orderbook(read(value)?),
            Some("n") => Self::News(read(value)?),
            Some(_) => Self::Other(value),
            None => return Err(de::Error::custom("a message without T")),
        })
    }
}

impl<'de> Deserialize<'de> for DataMessage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Self::from_value(value).map_err(de::Error::custom)
    }
}
