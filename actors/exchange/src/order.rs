//! Orders as the exchange holds them, and what it tells of them.

use super::booking::Booking;
use super::request::{OrderKind, PositionIntent, TimeInForce, Trail};
use messages::{Side, Symbol, Time};
use rust_decimal::Decimal;
use serde::Serialize;
use std::fmt;

/// An order the exchange took, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderState {
    pub id: String,
    pub client_order_id: String,
    /// Place in the market's assets.
    pub asset: usize,
    /// A pair with its slash.
    pub symbol: Symbol,
    pub crypto: bool,
    pub side: Side,
    /// Dollars, of an order that was sized in dollars.
    pub notional: Option<Decimal>,
    /// Shares or coins. Of an order for dollars: what they bought, and until then an estimate.
    pub quantity: Decimal,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub class: ClassName,
    pub extended_hours: bool,
    /// Against the position there was when it was placed.
    pub intent: PositionIntent,
    pub status: Status,
    pub filled: Decimal,
    /// Sum of price times quantity over its executions; positive.
    pub filled_value: Decimal,
    /// Best price that a trailing stop has seen.
    pub high_water_mark: Option<Decimal>,
    /// It belongs to another order, as an exit does to its entry.
    pub is_leg: bool,
    /// Its exits, the one that takes the profit first; an `oco` order's other exit. Only in what the
    /// exchange says, not in what it keeps.
    pub legs: Vec<OrderState>,
    pub replaces: Option<String>,
    pub replaced_by: Option<String>,
    /// Of an order that replaces one: when the first of them was created.
    pub created_at: Time,
    pub submitted_at: Time,
    pub updated_at: Time,
    pub filled_at: Option<Time>,
    pub canceled_at: Option<Time>,
    pub expired_at: Option<Time>,
    pub failed_at: Option<Time>,
    pub replaced_at: Option<Time>,
    /// The close of its session, for a day order.
    pub expires_at: Option<Time>,
}

impl OrderState {
    pub fn is_open(&self) -> bool {
        !self.status.is_terminal()
    }

    pub fn remaining(&self) -> Decimal {
        self.quantity - self.filled
    }

    /// It opens a position or adds to one.
    pub fn opens(&self) -> bool {
        matches!(self.intent, PositionIntent::BuyToOpen | PositionIntent::SellToOpen)
    }

    /// Average price of what was filled, rounded to $0.000001 (coins: $0.000000001).
    pub fn average(&self) -> Option<Decimal> {
        let average = self.filled_value.checked_div(self.filled)?;
        Some(average.round_dp(if self.crypto { 9 } else { 6 }).normalize())
    }

    /// Where it triggers: of a trailing stop where it does by now.
    pub fn stop(&self) -> Option<Decimal> {
        match self.kind {
            OrderKind::Market | OrderKind::Limit { .. } => None,
            OrderKind::Stop { stop } | OrderKind::StopLimit { stop, .. } => Some(stop),
            OrderKind::TrailingStop { trail } => {
                let best = self.high_water_mark?;
                let distance = match trail {
                    Trail::Price(price) => price,
                    Trail::Percent(percent) => best * percent / Decimal::ONE_HUNDRED,
                };
                let stop = match self.side {
                    Side::Sell => best - distance,
                    Side::Buy => best + distance,
                };
                Some(stop.normalize())
            }
        }
    }
}

/// Of an order and its legs.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ClassName {
    Simple,
    Bracket,
    Oco,
    Oto,
}

impl fmt::Display for ClassName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fill {
    pub id: String,
    pub order_id: String,
    pub asset: usize,
    pub symbol: Symbol,
    pub side: Side,
    /// Of this execution; positive.
    pub quantity: Decimal,
    /// All costs but fees included.
    pub price: Decimal,
    /// Filled of the order so far, this execution included.
    pub cumulative: Decimal,
    /// What the order still lacks after it.
    pub leaves: Decimal,
    /// The position after it, signed, a fee in coins taken off.
    pub position: Decimal,
    pub at: Time,
}

impl Fill {
    /// Signed change of the position, before any fee.
    pub fn change(&self) -> Decimal {
        self.quantity * Decimal::from(self.side.sign())
    }
}

/// What an execution in coins cost on top: a part of what was received, coins or dollars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fee {
    pub id: String,
    pub fill_id: String,
    pub order_id: String,
    pub asset: usize,
    pub symbol: Symbol,
    /// Coins; zero when the fee was taken in dollars.
    pub coins: Decimal,
    /// Dollars; zero when the fee was taken in coins.
    pub dollars: Decimal,
    /// Of the execution.
    pub price: Decimal,
    pub at: Time,
}

/// Something that moved the account: together they are its ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Activity {
    Fill(Fill),
    Fee(Fee),
    Booking(Booking),
}

impl Activity {
    pub fn id(&self) -> &str {
        match self {
            Activity::Fill(fill) => &fill.id,
            Activity::Fee(fee) => &fee.id,
            Activity::Booking(booking) => &booking.id,
        }
    }

    pub fn at(&self) -> Time {
        match self {
            Activity::Fill(fill) => fill.at,
            Activity::Fee(fee) => fee.at,
            Activity::Booking(booking) => booking.at,
        }
    }

    /// Place in the market's assets; `None`: of the whole account.
    pub fn asset(&self) -> Option<usize> {
        match self {
            Activity::Fill(fill) => Some(fill.asset),
            Activity::Fee(fee) => Some(fee.asset),
            Activity::Booking(booking) => booking.asset,
        }
    }

    /// Signed change of the position.
    pub fn quantity(&self) -> Decimal {
        match self {
            Activity::Fill(fill) => fill.change(),
            Activity::Fee(fee) => -fee.coins,
            Activity::Booking(booking) => booking.shares,
        }
    }

    /// Signed change of cash.
    pub fn cash(&self) -> Decimal {
        match self {
            Activity::Fill(fill) => -fill.price * fill.change(),
            Activity::Fee(fee) => -fee.dollars,
            Activity::Booking(booking) => booking.asked.net_amount,
        }
    }
}

/// Something happened to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TradeUpdate {
    pub event: Event,
    pub at: Time,
    /// Of this event: unique, ascending from 1.
    pub number: u64,
    /// The order after it.
    pub order: OrderState,
    /// For `Fill` and `PartialFill`.
    pub execution: Option<Fill>,
}

/// In Alpaca's words. The exchange uses those that say something about a simulated order; the others
/// are there because a client may meet them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Taken while the market was closed; routed at the next open.
    Accepted,
    /// Taken while the market was open; `New` an instant later.
    PendingNew,
    New,
    /// A leg that waits for its turn.
    Held,
    PartiallyFilled,
    /// A request that the venue has taken and not carried out yet.
    PendingCancel,
    PendingReplace,
    DoneForDay,
    AcceptedForBidding,
    Stopped,
    Suspended,
    Filled,
    Canceled,
    Expired,
    Replaced,
    Rejected,
    Calculated,
}

impl Status {
    /// Nothing more happens to the order.
    pub fn is_terminal(self) -> bool {
        use Status::{Calculated, Canceled, Expired, Filled, Rejected, Replaced};
        matches!(self, Filled | Canceled | Expired | Replaced | Rejected | Calculated)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    Accepted,
    PendingNew,
    New,
    Held,
    PartialFill,
    Fill,
    Canceled,
    Expired,
    DoneForDay,
    Rejected,
    PendingCancel,
    OrderCancelRejected,
    PendingReplace,
    OrderReplaceRejected,
    Replaced,
    /// Its quantity changed because a sibling filled in part.
    Restated,
    Stopped,
    Calculated,
    Suspended,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}
