use messages::{
    Adoption, Booked, Date, DayReported, Env, Holding, Price, Shares, Symbol, Time, Usd,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Names of the universe, and those that had a usable bar.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub expected: u32,
    pub got: u32,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Submitted by execution.
    pub orders: u32,
    pub fills: u32,
    /// Refused by the venue.
    pub rejects: u32,
    /// Refused by risk.
    pub denied: u32,
}

/// A session that ended with less than a whole trading day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    pub session: Date,
    pub reason: String,
    /// If the coverage gate closed.
    pub coverage: Option<Coverage>,
    /// What happened before it stopped and no [`DayReported`] counts; zero if there is one.
    pub counts: Counts,
}

/// One line of `sessions.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub run_id: String,
    /// Of the bars.
    pub source: String,
    pub env: Env,
    pub session: Date,
    /// Money in micro-dollars, as in the journal.
    pub day: Option<DayReported>,
    pub stopped: Option<Stopped>,
    pub alarms: Vec<String>,
    /// [`crate::order_line`] each, in journal order.
    pub orders: Vec<String>,
    /// The session before, by the calendar; absent in lines of before this field.
    #[serde(default)]
    pub signal_session: Option<Date>,
    /// What the venue said before the session; absent in lines of before this field.
    #[serde(default)]
    pub opening: Option<Opening>,
    /// Each once, in journal order.
    #[serde(default)]
    pub fills: Vec<Execution>,
    #[serde(default)]
    pub booked: Vec<Booked>,
    /// Who took the venue's word for what this session opened with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adoption>,
    /// What a sliced plan left of its way to the targets at the end of the session; signed, not 0.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreached: BTreeMap<Symbol, Shares>,
}

/// The account as the broker reported it before the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    pub cash: Usd,
    pub positions: Vec<Holding>,
}

/// One fill of an order of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub at: Time,
    pub client_order_id: String,
    pub symbol: Symbol,
    /// Signed: positive is bought.
    pub change: Shares,
    pub price: Price,
    /// As [`messages::Filled::rounding`].
    #[serde(default, skip_serializing_if = "is_nothing")]
    pub rounding: Usd,
}

impl Execution {
    /// What changed hands, with the sign of `change`.
    pub fn value(&self) -> Usd {
        self.price.times(self.change) + Usd(self.change.0.signum() * self.rounding.0)
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_nothing(amount: &Usd) -> bool {
    amount.0 == 0
}
