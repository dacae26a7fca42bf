//! What every message travels in.

use crate::{ActorId, Message, Time, Topic};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Unique without randomness, so that a replay gives every message the id it had.
///
/// `risk-4711-0` is risk's first answer to journal entry 4711; `broker:fill.au-20240103-AAPL-0-0.100`
/// is what the broker gateway says of an outside event, however often it hears of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct MessageId {
    pub author: ActorId,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Answer `index` to the journal entry at `position`.
    Entry { position: u64, index: u32 },
    /// An event outside the journal.
    Event(String),
}

impl MessageId {
    pub fn answer(author: ActorId, position: u64, index: u32) -> Self {
        Self { author, cause: Cause::Entry { position, index } }
    }

    pub fn event(author: ActorId, key: impl Into<String>) -> Self {
        Self { author, cause: Cause::Event(key.into()) }
    }

    /// Journal position of the entry this answers.
    pub fn position(&self) -> Option<u64> {
        match self.cause {
            Cause::Entry { position, .. } => Some(position),
            Cause::Event(_) => None,
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Entry { position, index } => write!(f, "{}-{position}-{index}", self.author),
            Cause::Event(key) => write!(f, "{}:{key}", self.author),
        }
    }
}

impl FromStr for MessageId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((author, key)) = text.split_once(':') {
            return Ok(Self::event(author.parse()?, key));
        }
        let wrong = || format!("{text:?} is not a message id");
        let mut parts = text.split('-');
        let (Some(author), Some(position), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let position = position.parse().map_err(|_| wrong())?;
        let index = index.parse().map_err(|_| wrong())?;
        Ok(Self::answer(author.parse()?, position, index))
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// A message with its id and its time. See `codec` for the bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    pub id: MessageId,
    /// Event time: a gateway reads the clock once, everything it causes inherits the reading.
    pub at: Time,
    pub body: Message,
}

impl Envelope {
    pub fn topic(&self) -> Topic {
        self.body.topic()
    }
}
