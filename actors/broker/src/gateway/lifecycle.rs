//! Alpaca's words for the life of an order, and what each means to us: a row per status, a row per event.
//!
//! What Aurora says of an order ([`OrderStatus`]) has one beginning and one end: accepted, fills, end. Alpaca's fourteen
//! ways of being open are all one to it. A fill may come before the answer to the order, and after its end: shares are
//! counted whenever they come (see `Tracked::on_execution`); an end waits for them.

use alpaca::model::{Event, Status};
use messages::OrderStatus;

/// What a status says of the order.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It may fill (further).
    Open,
    /// The fills say it.
    Whole,
    /// No more of it fills today, for this reason where the status alone does not say it.
    Ended(OrderStatus, Option<&'static str>),
}

/// What an event asks for beyond looking at the order's status.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Nothing more.
    State,
    /// Its quantity and price are an execution.
    Execution,
    /// The order lives on, though we asked it back: ask again.
    StillThere,
    /// An execution that was told is void or was another: an alarm of this code.
    Undone(&'static str),
}

#[expect(clippy::match_same_arms, reason = "a row per situation, each with its reason")]
pub(super) fn standing(status: &Status) -> Standing {
    use OrderStatus::{Canceled, Expired, Rejected};
    match status {
        // Taken, routed, waiting for an auction, a trigger or a human: open.
        Status::Accepted
        | Status::PendingNew
        | Status::New
        | Status::PartiallyFilled
        | Status::AcceptedForBidding
        | Status::Held
        | Status::PendingReview => Standing::Open,
        // Asked back or asked to change, and not yet answered: it may fill before.
        Status::PendingCancel | Status::PendingReplace => Standing::Open,
        // Guaranteed a price, without the trade; not allowed to trade for now.
        Status::Stopped | Status::Suspended => Standing::Open,
        Status::Filled => Standing::Whole,
        Status::Canceled => Standing::Ended(Canceled, None),
        Status::Expired => Standing::Ended(Expired, None),
        // No more today. The venue may still hold it, so it is asked back there; what it fills late counts.
        Status::DoneForDay => Standing::Ended(Expired, Some("done for the day at the venue")),
        Status::Calculated => Standing::Ended(Expired, Some("calculated by the venue")),
        // It was taken first: a refusal outright has no order (see `place`).
        Status::Rejected => {
            Standing::Ended(Rejected, Some("rejected by the venue after it had taken it"))
        }
        // We replace no orders: somebody else did, and what replaced it is not ours.
        Status::Replaced => Standing::Ended(Canceled, Some("replaced, not by Aurora")),
        // A word of tomorrow: the order is watched until a known one comes.
        Status::Other(_) => Standing::Open,
    }
}

pub(super) fn meaning(event: &Event) -> Meaning {
    match event {
        Event::Fill | Event::PartialFill => Meaning::Execution,
        Event::OrderCancelRejected | Event::OrderReplaceRejected => Meaning::StillThere,
        // The order that comes along says where it stands.
        Event::New
        | Event::Accepted
        | Event::PendingNew
        | Event::Canceled
        | Event::Expired
        | Event::DoneForDay
        | Event::Rejected
        | Event::Replaced
        | Event::Stopped
        | Event::PendingCancel
        | Event::PendingReplace
        | Event::Calculated
        | Event::Suspended
        | Event::Restated
        | Event::Held => Meaning::State,
        Event::Other(word) => match word.as_str() {
            "trade_bust" | "trade_cancel" => Meaning::Undone("TRADE_BUST"),
            "trade_correct" => Meaning::Undone("TRADE_CORRECT"),
            _ => Meaning::State,
        },
    }
}
