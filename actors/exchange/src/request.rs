//! What is asked of the exchange, without any wire format. All of it can be written down and played
//! again: what a request does depends on it and on the state alone.

use messages::{Side, Symbol, Time};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use std::fmt;

/// An order somebody wants to place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    /// One is made up where it is absent.
    pub client_order_id: Option<String>,
    /// A ticker, a pair (`BTC/USD`, or `BTCUSD`), or the id of an asset.
    pub symbol: Symbol,
    pub side: Side,
    pub size: Size,
    pub kind: OrderKind,
    pub time_in_force: TimeInForce,
    pub class: OrderClass,
    pub extended_hours: bool,
    /// What the sender takes the order for; refused if it is not that.
    pub position_intent: Option<PositionIntent>,
}

impl NewOrder {
    /// A simple order, nothing else asked for.
    pub fn simple(
        symbol: Symbol,
        side: Side,
        quantity: impl Into<Decimal>,
        kind: OrderKind,
        time_in_force: impl Into<TimeInForce>,
    ) -> Self {
        Self {
            client_order_id: None,
            symbol,
            side,
            size: Size::Quantity(quantity.into()),
            kind,
            time_in_force: time_in_force.into(),
            class: OrderClass::Simple,
            extended_hours: false,
            position_intent: None,
        }
    }
}

/// How much: shares or coins, or dollars.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    Quantity(Decimal),
    Notional(Decimal),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    Market,
    Limit {
        limit: Decimal,
    },
    Stop {
        stop: Decimal,
    },
    StopLimit {
        stop: Decimal,
        limit: Decimal,
    },
    /// The stop follows the best price since the order was placed.
    TrailingStop {
        trail: Trail,
    },
}

impl OrderKind {
    pub fn limit(&self) -> Option<Decimal> {
        match self {
            OrderKind::Limit { limit } | OrderKind::StopLimit { limit, .. } => Some(*limit),
            OrderKind::Market | OrderKind::Stop { .. } | OrderKind::TrailingStop { .. } => None,
        }
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trail {
    /// Dollars behind the best price.
    Price(Decimal),
    /// Percent of the best price.
    Percent(Decimal),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    /// Until the close.
    Day,
    /// Until it is cancelled.
    Gtc,
    /// In the opening auction or not at all.
    Opg,
    /// In the closing auction or not at all.
    Cls,
    /// At once, the rest is cancelled.
    Ioc,
    /// Whole and at once, or not at all.
    Fok,
}

impl TimeInForce {
    /// Nothing but an auction fills it.
    pub(super) fn waits_for_auction(self) -> bool {
        matches!(self, Self::Opg | Self::Cls)
    }
}

impl fmt::Display for TimeInForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

impl From<messages::TimeInForce> for TimeInForce {
    fn from(ours: messages::TimeInForce) -> Self {
        match ours {
            messages::TimeInForce::Day => Self::Day,
            messages::TimeInForce::Opg => Self::Opg,
            messages::TimeInForce::Ioc => Self::Ioc,
        }
    }
}

/// Orders that belong together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderClass {
    Simple,
    /// When the order has filled, both exits work; whichever fills ends the other.
    Bracket {
        take_profit: Decimal,
        stop_loss: StopLoss,
    },
    /// Two exits of a position; the order itself is the one that takes the profit.
    Oco {
        stop_loss: StopLoss,
    },
    /// When the order has filled, one exit works.
    Oto(Exit),
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// Its limit.
    TakeProfit(Decimal),
    StopLoss(StopLoss),
}

/// A stop order, or a stop-limit order.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopLoss {
    pub stop: Decimal,
    pub limit: Option<Decimal>,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PositionIntent {
    BuyToOpen,
    BuyToClose,
    SellToOpen,
    SellToClose,
}

impl PositionIntent {
    pub fn of(side: Side, opens: bool) -> Self {
        match (side, opens) {
            (Side::Buy, true) => Self::BuyToOpen,
            (Side::Buy, false) => Self::BuyToClose,
            (Side::Sell, true) => Self::SellToOpen,
            (Side::Sell, false) => Self::SellToClose,
        }
    }
}

impl fmt::Display for PositionIntent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.serialize(f)
    }
}

/// What is to become different about an open order; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceOrder {
    pub quantity: Option<Decimal>,
    pub time_in_force: Option<TimeInForce>,
    pub limit: Option<Decimal>,
    pub stop: Option<Decimal>,
    /// In what the order trails by: dollars or percent.
    pub trail: Option<Decimal>,
    pub client_order_id: Option<String>,
}

/// A position that is to be closed, whole or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClosePosition {
    /// Ticker, pair with or without its slash, or id of the asset.
    pub symbol: Symbol,
    pub part: Part,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Whole,
    Quantity(Decimal),
    /// 0 to 100.
    Percentage(Decimal),
}

/// What the owner of the account allows.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Permissions {
    /// Fractions of shares, and orders for dollars of shares.
    pub fractional: bool,
    pub short: bool,
    /// Any new order at all.
    pub trade: bool,
    /// 1, 2 or 4: what the account may hold, in multiples of its equity.
    pub multiplier_max: u8,
}

impl Default for Permissions {
    fn default() -> Self {
        Self { fractional: true, short: true, trade: true, multiplier_max: 4 }
    }
}

/// Which orders to list, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrderFilter {
    pub scope: Scope,
    /// Empty: all.
    pub symbols: Vec<Symbol>,
    pub side: Option<Side>,
    /// Crypto only or equities only.
    pub crypto: Option<bool>,
    /// Submitted strictly after, strictly before.
    pub after: Option<Time>,
    pub until: Option<Time>,
    /// Placed strictly after, strictly before the order of this id.
    pub after_order: Option<String>,
    pub before_order: Option<String>,
    /// Oldest first; newest first otherwise.
    pub ascending: bool,
    /// Legs are listed inside the orders they belong to, not beside them.
    pub nested: bool,
    pub limit: Option<usize>,
}

#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    #[default]
    Open,
    Closed,
    All,
}
