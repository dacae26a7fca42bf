use crate::{ActorId, Message, Symbol};
use std::fmt;
use std::str::FromStr;

/// One name per [`Message`] variant: what an actor listens to, a subject token, a wire type.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    SessionOpened,
    PhaseBegan,
    Tick,
    SessionClosed,
    Bars,
    CoverageFailed,
    Features,
    Scores,
    ScoresWithheld,
    ModelPublished,
    Targets,
    SubmitOrder,
    OrderApproved,
    OrderDenied,
    OrdersWorking,
    OrdersDone,
    OrderUpdated,
    Filled,
    AccountReported,
    Marked,
    Booked,
    DayReported,
    Kill,
    Resume,
    Adopted,
    KillAcknowledged,
    Alarm,
    ActorStarted,
}

impl Topic {
    pub const ALL: [Topic; 28] = [
        Topic::SessionOpened,
        Topic::PhaseBegan,
        Topic::Tick,
        Topic::SessionClosed,
        Topic::Bars,
        Topic::CoverageFailed,
        Topic::Features,
        Topic::Scores,
        Topic::ScoresWithheld,
        Topic::ModelPublished,
        Topic::Targets,
        Topic::SubmitOrder,
        Topic::OrderApproved,
        Topic::OrderDenied,
        Topic::OrdersWorking,
        Topic::OrdersDone,
        Topic::OrderUpdated,
        Topic::Filled,
        Topic::AccountReported,
        Topic::Marked,
        Topic::Booked,
        Topic::DayReported,
        Topic::Kill,
        Topic::Resume,
        Topic::Adopted,
        Topic::KillAcknowledged,
        Topic::Alarm,
        Topic::ActorStarted,
    ];

    /// The token in subjects.
    pub fn name(self) -> &'static str {
        self.wire_type().rsplit_once('.').map_or("", |(name, _)| name)
    }

    /// The `Aurora-Type` header and the `type` field: name and version. A change that is not a new
    /// optional field is a new version.
    pub fn wire_type(self) -> &'static str {
        match self {
            Topic::SessionOpened => "opened.v1",
            Topic::PhaseBegan => "phase.v1",
            Topic::Tick => "tick.v1",
            Topic::SessionClosed => "closed.v1",
            Topic::Bars => "bars.v1",
            Topic::CoverageFailed => "coverage_failed.v1",
            Topic::Features => "features.v1",
            Topic::Scores => "scores.v1",
            Topic::ScoresWithheld => "scores_withheld.v1",
            Topic::ModelPublished => "model_published.v1",
            Topic::Targets => "targets.v1",
            Topic::SubmitOrder => "submit_order.v1",
            Topic::OrderApproved => "order_approved.v1",
            Topic::OrderDenied => "order_denied.v1",
            Topic::OrdersWorking => "orders_working.v1",
            Topic::OrdersDone => "orders_done.v1",
            Topic::OrderUpdated => "order_updated.v1",
            Topic::Filled => "filled.v1",
            Topic::AccountReported => "account.v1",
            Topic::Marked => "marked.v1",
            Topic::Booked => "booked.v1",
            Topic::DayReported => "day_reported.v1",
            Topic::Kill => "kill.v1",
            Topic::Resume => "resume.v1",
            Topic::Adopted => "adopted.v1",
            Topic::KillAcknowledged => "kill_acknowledged.v1",
            Topic::Alarm => "alarm.v1",
            Topic::ActorStarted => "started.v1",
        }
    }
}

impl Topic {
    /// The only one who may say it; `None` where every actor may, of itself.
    pub fn author(self) -> Option<ActorId> {
        match self {
            Topic::SessionOpened | Topic::PhaseBegan | Topic::Tick | Topic::SessionClosed => {
                Some(ActorId::Session)
            }
            Topic::Bars | Topic::CoverageFailed => Some(ActorId::Ingest),
            Topic::Features => Some(ActorId::Features),
            Topic::Scores | Topic::ScoresWithheld => Some(ActorId::Scoring),
            Topic::ModelPublished => Some(ActorId::Trainer),
            Topic::Targets | Topic::OrderApproved | Topic::OrderDenied => Some(ActorId::Risk),
            Topic::SubmitOrder | Topic::OrdersWorking | Topic::OrdersDone => {
                Some(ActorId::Execution)
            }
            Topic::OrderUpdated
            | Topic::Filled
            | Topic::AccountReported
            | Topic::Marked
            | Topic::Booked => Some(ActorId::Broker),
            Topic::DayReported => Some(ActorId::Reporting),
            Topic::Kill | Topic::Resume | Topic::Adopted => Some(ActorId::Control),
            Topic::KillAcknowledged | Topic::Alarm | Topic::ActorStarted => None,
        }
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Topic {
    type Err = String;

    /// By its token.
    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|topic| topic.name() == text);
        found.ok_or_else(|| format!("no topic is called {text:?}"))
    }
}

impl Message {
    pub fn topic(&self) -> Topic {
        match self {
            Message::SessionOpened(_) => Topic::SessionOpened,
            Message::PhaseBegan(_) => Topic::PhaseBegan,
            Message::Tick(_) => Topic::Tick,
            Message::SessionClosed(_) => Topic::SessionClosed,
            Message::Bars(_) => Topic::Bars,
            Message::CoverageFailed(_) => Topic::CoverageFailed,
            Message::Features(_) => Topic::Features,
            Message::Scores(_) => Topic::Scores,
            Message::ScoresWithheld(_) => Topic::ScoresWithheld,
            Message::ModelPublished(_) => Topic::ModelPublished,
            Message::Targets(_) => Topic::Targets,
            Message::SubmitOrder(_) => Topic::SubmitOrder,
            Message::OrderApproved(_) => Topic::OrderApproved,
            Message::OrderDenied(_) => Topic::OrderDenied,
            Message::OrdersWorking(_) => Topic::OrdersWorking,
            Message::OrdersDone(_) => Topic::OrdersDone,
            Message::OrderUpdated(_) => Topic::OrderUpdated,
            Message::Filled(_) => Topic::Filled,
            Message::AccountReported(_) => Topic::AccountReported,
            Message::Marked(_) => Topic::Marked,
            Message::Booked(_) => Topic::Booked,
            Message::DayReported(_) => Topic::DayReported,
            Message::Kill(_) => Topic::Kill,
            Message::Resume(_) => Topic::Resume,
            Message::Adopted(_) => Topic::Adopted,
            Message::KillAcknowledged(_) => Topic::KillAcknowledged,
            Message::Alarm(_) => Topic::Alarm,
            Message::ActorStarted(_) => Topic::ActorStarted,
        }
    }

    /// The instrument it is about; `None` addresses the whole book.
    pub fn symbol(&self) -> Option<&Symbol> {
        match self {
            Message::SubmitOrder(order) | Message::OrderApproved(order) => Some(&order.symbol),
            Message::OrderDenied(denied) => Some(&denied.order.symbol),
            Message::OrderUpdated(updated) => Some(&updated.symbol),
            Message::Filled(filled) => Some(&filled.symbol),
            Message::Booked(booked) => booked.symbol.as_ref(),
            Message::Alarm(alarm) => alarm.symbol.as_ref(),
            _ => None,
        }
    }
}
