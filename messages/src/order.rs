//! The life of an order: planned by execution, judged by risk, carried by the broker, filled by the
//! venue.

use crate::{Price, Shares, Symbol, Usd};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    /// +1 for a buy, -1 for a sell.
    pub fn sign(self) -> i64 {
        match self {
            Side::Buy => 1,
            Side::Sell => -1,
        }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the close.
    Day,
    /// In the opening auction or not at all.
    Opg,
    /// At once, the rest is cancelled.
    Ioc,
}

/// An order for whole shares.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// A function of session, symbol, leg and attempt alone, so that no retry can double it:
    /// `au-20240103-BRK.B-0-0`.
    pub client_order_id: String,
    pub symbol: Symbol,
    pub side: Side,
    /// Positive.
    pub quantity: Shares,
    pub time_in_force: TimeInForce,
    /// 0; 1 for the second half of a position that changes sign: the venue wants flat between; [`Order::CLOSING`].
    /// The attempts of a leg are counted from 0 on: a slice is one.
    pub leg: u8,
    /// Close that the quantity was computed with.
    pub reference: Price,
    /// The worst price that is taken; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Price>,
}

impl Order {
    /// The leg of orders that close what is held, whatever was planned, because a kill of level `flatten` says so.
    pub const CLOSING: u8 = 2;

    pub fn is_closing(&self) -> bool {
        self.leg == Self::CLOSING
    }

    /// Signed change of the position if it fills whole.
    pub fn change(&self) -> Shares {
        Shares(self.side.sign() * self.quantity.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderDenied {
    pub order: Order,
    pub reason: DenyReason,
}

/// Why risk refuses an order. The code is stable (see `Display`), the numbers say by how much.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyReason {
    Halted {
        reason: String,
    },
    NotInTargets,
    Duplicate,
    NoReference,
    OrderTooLarge {
        notional: Usd,
        limit: Usd,
    },
    AdvShare {
        notional: Usd,
        limit: Usd,
    },
    NameTooLarge {
        exposure: Usd,
        limit: Usd,
    },
    GrossTooLarge {
        gross: Usd,
        limit: Usd,
    },
    /// On the list of the configuration.
    Restricted,
    /// The last price seen is too far from the reference.
    Collar {
        last: Price,
        reference: Price,
    },
    /// A market order outside of the opening auction in a symbol without a price since.
    NoPrice,
    TooManyOrders {
        per_minute: u32,
    },
    /// The same symbol, side and quantity as another order, `seconds` before.
    SameAgain {
        seconds: u32,
    },
    /// An order the other way is open: the venue would refuse a wash trade.
    Wash {
        open: String,
    },
    BuyingPower {
        left: Usd,
        limit: Usd,
    },
    /// Sold short where that is not allowed: `NO_SHORTS`, `NOT_SHORTABLE`, `EQUITY`.
    Short {
        why: String,
    },
    DayOrders {
        orders: u32,
        limit: u32,
    },
    DayTurnover {
        turnover: Usd,
        limit: Usd,
    },
    /// A breaker allows orders that reduce risk only.
    Breaker {
        reason: String,
    },
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    /// The venue has it.
    Accepted,
    Filled,
    Canceled,
    Expired,
    Rejected,
}

impl OrderStatus {
    pub fn is_terminal(self) -> bool {
        self != OrderStatus::Accepted
    }
}

/// The venue changed an order's status. `Filled` as a status never comes here: [`Filled`] says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderUpdated {
    pub client_order_id: String,
    pub symbol: Symbol,
    /// The venue's own id; empty where it refused the order outright.
    pub venue_order_id: String,
    pub status: OrderStatus,
    /// The venue's words where it refused.
    pub reason: Option<String>,
}

/// One execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filled {
    pub client_order_id: String,
    pub symbol: Symbol,
    pub side: Side,
    /// Of this execution; positive.
    pub quantity: Shares,
    pub price: Price,
    /// Filled of the order so far, this execution included: with the order's id it names the
    /// execution wherever it is read from (stream, order, activities).
    pub cumulative: Shares,
    /// No more of this order will fill: it is complete.
    pub complete: bool,
    /// What the value has beyond price times quantity, a fraction of a millionth of a dollar a share: a simulation may
    /// deal at finer prices than a venue's, and keeps its money exact.
    #[serde(default, skip_serializing_if = "Usd::is_zero")]
    pub rounding: Usd,
}

impl Filled {
    /// Signed change of the position.
    pub fn change(&self) -> Shares {
        Shares(self.side.sign() * self.quantity.0)
    }

    /// What changed hands, positive.
    pub fn value(&self) -> Usd {
        self.price.times(self.quantity) + self.rounding
    }
}

/// Said when the plan is placed. After the open again, as an answer to it and to each [`crate::Tick`], when no order
/// is open any more and more will follow at the next one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersWorking {
    /// Orders for the opening auction; of a sliced plan the names that are on their way to their targets.
    pub working: u32,
    /// Orders for the auction of which nothing came, or less than was ordered; of a sliced plan the names that it has given
    /// up.
    pub refused: u32,
}

/// The day's plan is carried out as far as it will be. Again, if a kill made orders after it and those have ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrdersDone {
    pub orders: u32,
    pub filled: u32,
    /// Ended with less than their quantity (canceled or expired).
    pub unfilled: u32,
    pub denied: u32,
    pub rejected: u32,
    /// What a sliced plan leaves: the change that is missing to the target, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unreached: BTreeMap<Symbol, Shares>,
}
