//! Everything actors say to each other: messages, envelope, subjects, units, codec.
//!
//! No I/O, no clock, no randomness, and no dependency on any other crate of ours.
//! Each variant of [`Message`] says who writes it and who listens; a new message is a variant here, a
//! struct in the file of its subject matter, and one line each in `Topic` and `codec`.

mod by_order;
mod codec;
mod column;
mod control;
mod envelope;
mod market;
mod order;
mod portfolio;
mod report;
mod rules;
mod session;
mod subject;
mod text;
mod topic;
mod units;

pub use by_order::ByOrder;
pub use codec::{DecodeError, MAX_BYTES};
pub use column::{F32s, F64s};
pub use control::{ActorStarted, Alarm, Kill, KillAcknowledged, KillLevel, Resume};
pub use envelope::{Cause, Envelope, MessageId};
pub use jiff::civil::Date;
pub use market::{
    Bars, CoverageFailed, Exposures, FactorCovariance, Features, Scores, ScoresBefore,
    ScoresWithheld, history_sha256, matrix_sha256, sha256_hex,
};
pub use order::{
    DenyReason, Filled, Order, OrderDenied, OrderStatus, OrderUpdated, OrdersDone, OrdersWorking,
    Side, TimeInForce,
};
pub use portfolio::{PortfolioExposures, SectorNet, Target, Targets};
pub use report::{
    AccountReported, Adopted, Booked, BookedKind, DayReported, Holding, Marked, ModelPublished,
};
pub use rules::{Breakers, Edge, ExecutionRules, RiskRules, Style};
pub use session::{
    Adoption, HistoryRef, Limits, Listed, Member, ModelRef, Outcome, Overnight, Phase, PhaseBegan,
    SessionClosed, SessionOpened, Tick,
};
pub use subject::{Env, Subjects, escape_token, unescape_token};
pub use topic::Topic;
pub use units::{Price, Shares, Symbol, Time, Usd};

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Every message of the system: a closed set, so that a `match` tells who handles what.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    /// session -> everybody: the first entry of a journal
    SessionOpened(Box<SessionOpened>),
    /// session -> broker, execution: the market has opened or closed
    PhaseBegan(PhaseBegan),
    /// session -> execution: a minute of the open market has passed
    Tick(Tick),
    /// session -> everybody: the last entry of a journal
    SessionClosed(SessionClosed),

    /// ingest -> features, risk, execution, reporting
    Bars(Bars),
    /// ingest -> session, risk, execution, reporting: the universe is not covered; nothing trades today
    CoverageFailed(CoverageFailed),
    /// features -> scoring, risk, execution, reporting
    Features(Features),
    /// scoring -> risk, reporting
    Scores(Scores),
    /// scoring -> risk, reporting: the model had nothing to say; positions are kept
    ScoresWithheld(ScoresWithheld),
    /// trainer -> session
    ModelPublished(ModelPublished),

    /// risk -> execution, reporting
    Targets(Targets),
    /// execution -> risk, reporting: an order it wants to send
    SubmitOrder(Order),
    /// risk -> broker, execution
    OrderApproved(Order),
    /// risk -> execution, reporting
    OrderDenied(OrderDenied),
    /// execution -> session: every order of the plan is with the venue, or was refused
    OrdersWorking(OrdersWorking),
    /// execution -> session, reporting: no order is left open
    OrdersDone(OrdersDone),

    /// broker -> execution, risk, reporting
    OrderUpdated(OrderUpdated),
    /// broker -> execution, risk, reporting
    Filled(Filled),
    /// broker -> reporting: what the venue says we hold after the close
    AccountReported(AccountReported),
    /// broker -> risk, execution, session: what the account is worth in the open market
    Marked(Marked),
    /// broker -> risk, reporting: cash or shares that moved without a fill
    Booked(Booked),
    /// reporting -> session
    DayReported(DayReported),

    /// operators -> everybody
    Kill(Kill),
    /// operators -> everybody
    Resume(Resume),
    /// operators -> session: our books are the venue's from here on
    Adopted(Adopted),
    /// everybody -> operators
    KillAcknowledged(KillAcknowledged),
    /// everybody -> risk, execution, session: trading halts
    Alarm(Alarm),
    /// everybody -> operators: who speaks for an actor from here on; fences off its predecessor
    ActorStarted(ActorStarted),
}

/// Who speaks: one variant per actor, one for the conductor of the session and one for operators.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorId {
    Session,
    Ingest,
    Features,
    Scoring,
    Risk,
    Execution,
    Broker,
    Reporting,
    Trainer,
    Control,
}

impl ActorId {
    /// Those that run as an actor (operators do not).
    pub const RUNNING: [ActorId; 9] = [
        ActorId::Session,
        ActorId::Ingest,
        ActorId::Features,
        ActorId::Scoring,
        ActorId::Risk,
        ActorId::Execution,
        ActorId::Broker,
        ActorId::Reporting,
        ActorId::Trainer,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ActorId::Session => "session",
            ActorId::Ingest => "ingest",
            ActorId::Features => "features",
            ActorId::Scoring => "scoring",
            ActorId::Risk => "risk",
            ActorId::Execution => "execution",
            ActorId::Broker => "broker",
            ActorId::Reporting => "reporting",
            ActorId::Trainer => "trainer",
            ActorId::Control => "control",
        }
    }
}

impl fmt::Display for ActorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for ActorId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::RUNNING.into_iter().chain([ActorId::Control]).find(|id| id.name() == text).ok_or_else(
            || {
                let names: Vec<_> = Self::RUNNING.iter().map(|id| id.name()).collect();
                format!("no actor is called {text:?}; there are {}", names.join(", "))
            },
        )
    }
}
