//! What operators say to a running system, and what every actor says about itself.

use crate::Symbol;
use serde::{Deserialize, Serialize};
use std::str::FromStr;

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KillLevel {
    /// No new orders.
    #[default]
    Halt,
    /// And open orders are cancelled.
    Cancel,
    /// And positions are closed.
    Flatten,
}

impl FromStr for KillLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "halt" => Ok(Self::Halt),
            "cancel" => Ok(Self::Cancel),
            "flatten" => Ok(Self::Flatten),
            _ => Err(format!("no level is called {text:?}: halt, cancel, flatten")),
        }
    }
}

/// Stop trading. Any bytes at all on the control subject count as a halt: in an emergency nobody
/// is asked for the right format.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kill {
    #[serde(default)]
    pub level: KillLevel,
    #[serde(default)]
    pub reason: String,
    #[serde(default)]
    pub operator: String,
}

/// Trade again. A named human and a reason, or it does not count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    pub operator: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KillAcknowledged {
    /// Journal position of the kill.
    pub position: u64,
    pub level: KillLevel,
}

/// Something is wrong enough that nothing more may be sent this session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// Stable: `UNDECODABLE`, `RECONCILIATION`, `EXPOSURE_UNKNOWN`, `NO_EQUITY`, `WHITELIST_MISMATCH`,
    /// `UNEXPECTED_BARS`, `TRAINING_FAILED`, `RESTATED`, `IMPOSSIBLE_FILL`, `TRADE_BUST`, `TRADE_CORRECT`, `OVERFILL`, `UNKNOWN_ORDER`, `FLATTEN_INCOMPLETE`,
    /// `BREAKER_HALT`, `BREAKER_CANCEL`, `BREAKER_FLATTEN`.
    pub code: String,
    pub detail: String,
    pub symbol: Option<Symbol>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActorStarted {
    pub instance: String,
    pub host: String,
    pub pid: u32,
    pub version: String,
}
