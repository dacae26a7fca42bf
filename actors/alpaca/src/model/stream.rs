//! The trading websocket: one object per frame, each way.

use super::{Amount, Order, Stamp};
use crate::codec::{Codec, CodecError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;

/// What a client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum StreamRequest {
    Authenticate {
        data: KeyPair,
    },
    /// The market data stream's form, taken here too.
    Auth {
        key: String,
        secret: Secret,
    },
    /// The full list of wished streams; an empty one stops all.
    Listen {
        data: Streams,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPair {
    pub key_id: String,
    pub secret_key: Secret,
}

/// Text that goes over the wire and into no log.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Streams {
    pub streams: Vec<String>,
}

/// What the server says. Streams that we did not ask for are no error: see [`StreamMessage::decode`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stream", content = "data", rename_all = "snake_case")]
pub enum StreamMessage {
    Authorization(Authorization),
    /// Names that are not available are left out.
    Listening(Streams),
    TradeUpdates(Box<TradeUpdate>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Authorization {
    /// `authorized` or `unauthorized`.
    pub status: String,
    /// What it answers: `authenticate` or `listen`.
    pub action: String,
}

/// Something happened to an order; `order` is its state after it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TradeUpdate {
    pub event: Event,
    pub timestamp: Stamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<String>,
    /// Of this execution, as is `qty`; both only with fills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qty: Option<Amount>,
    /// Signed, after the execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_qty: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<Stamp>,
    pub order: Order,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    New,
    Accepted,
    PendingNew,
    Fill,
    PartialFill,
    Canceled,
    Expired,
    DoneForDay,
    Rejected,
    Replaced,
    Stopped,
    PendingCancel,
    PendingReplace,
    Calculated,
    Suspended,
    OrderReplaceRejected,
    OrderCancelRejected,
    Restated,
    Held,
    #[serde(untagged)]
    Other(String),
}

impl StreamRequest {
    /// From a frame, JSON or MessagePack by its content.
    pub fn decode(bytes: &[u8]) -> Result<Self, CodecError> {
        Codec::of(bytes).read(bytes)
    }

    pub fn encode(&self, codec: Codec) -> Vec<u8> {
        codec.write(self)
    }
}

impl StreamMessage {
    /// From a frame, JSON or MessagePack by its content; `None` if it is of a stream that we know
    /// nothing of.
    pub fn decode(bytes: &[u8]) -> Result<Option<Self>, CodecError> {
        let message = Codec::of(bytes).decode(bytes)?;
        match message.get("stream").and_then(Value::as_str) {
            Some("authorization" | "listening" | "trade_updates") => {
                Ok(Some(serde_json::from_value(message)?))
            }
            Some(_) => Ok(None),
            None => Err(CodecError::new("a message without the name of its stream")),
        }
    }

    pub fn encode(&self, codec: Codec) -> Vec<u8> {
        codec.write(self)
    }
}

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself: for the wire only.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}
