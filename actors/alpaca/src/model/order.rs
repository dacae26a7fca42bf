//! Orders: what is sent, and what Alpaca makes of it.

use super::{Amount, ApiError, Stamp};
use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Buy,
    Sell,
    #[serde(untagged)]
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderType {
    Market,
    Limit,
    Stop,
    StopLimit,
    TrailingStop,
    #[serde(untagged)]
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeInForce {
    Day,
    Gtc,
    Opg,
    Cls,
    Ioc,
    Fok,
    #[serde(untagged)]
    Other(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    New,
    PartiallyFilled,
    Filled,
    DoneForDay,
    Canceled,
    Expired,
    Replaced,
    PendingCancel,
    PendingReplace,
    Accepted,
    PendingNew,
    AcceptedForBidding,
    Stopped,
    Rejected,
    Suspended,
    Calculated,
    Held,
    PendingReview,
    #[serde(untagged)]
    Other(String),
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
            Side::Other(word) => word,
        })
    }
}

impl Status {
    /// Nothing more happens to the order.
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Status::Filled
                | Status::Canceled
                | Status::Expired
                | Status::Rejected
                | Status::Replaced
                | Status::Calculated
        )
    }
}

/// Body of `POST /v2/orders`. Quantity xor notional; what is `None` is not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewOrder {
    pub symbol: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notional: Option<Amount>,
    pub side: Side,
    pub r#type: OrderType,
    pub time_in_force: TimeInForce,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_price: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail_percent: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extended_hours: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
    /// `simple` (the default), `bracket`, `oco`, `oto`, `mleg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_class: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub take_profit: Option<TakeProfit>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_loss: Option<StopLoss>,
    /// `buy_to_open`, `buy_to_close`, `sell_to_open`, `sell_to_close`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position_intent: Option<String>,
}

/// The leg that takes a gain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakeProfit {
    pub limit_price: Amount,
}

/// The leg that ends a loss: a stop order, or with a limit a stop-limit order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopLoss {
    pub stop_price: Amount,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Amount>,
}

/// Body of `PATCH /v2/orders/{id}`: what is to change. The answer is a new order with a new id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplaceOrder {
    /// Whole shares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qty: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_in_force: Option<TimeInForce>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit_price: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_price: Option<Amount>,
    /// The new trail, in what the order trails by: dollars or percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<Amount>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_order_id: Option<String>,
}

impl NewOrder {
    /// A market order for `qty` shares, nothing else asked for.
    pub fn market(symbol: &str, side: Side, qty: Amount, time_in_force: TimeInForce) -> Self {
        Self {
            symbol: symbol.to_owned(),
            qty: Some(qty),
            notional: None,
            side,
            r#type: OrderType::Market,
            time_in_force,
            limit_price: None,
            stop_price: None,
            trail_price: None,
            trail_percent: None,
            extended_hours: None,
            client_order_id: None,
            order_class: None,
            take_profit: None,
            stop_loss: None,
            position_intent: None,
        }
    }
}

/// An order as Alpaca holds it. Every key is sent, `null` where empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    pub id: String,
    pub client_order_id: String,
    pub created_at: Option<Stamp>,
    pub updated_at: Option<Stamp>,
    /// May move after the answer to the `POST`.
    pub submitted_at: Option<Stamp>,
    pub filled_at: Option<Stamp>,
    pub expired_at: Option<Stamp>,
    pub expires_at: Option<Stamp>,
    pub canceled_at: Option<Stamp>,
    pub failed_at: Option<Stamp>,
    pub replaced_at: Option<Stamp>,
    pub replaced_by: Option<String>,
    pub replaces: Option<String>,
    pub asset_id: Option<String>,
    pub symbol: String,
    pub asset_class: Option<String>,
    pub notional: Option<Amount>,
    /// `None` for a notional order, even when it has filled.
    pub qty: Option<Amount>,
    pub filled_qty: Amount,
    /// Mean over all executions so far.
    pub filled_avg_price: Option<Amount>,
    pub order_class: Option<String>,
    pub order_type: Option<OrderType>,
    pub r#type: OrderType,
    pub side: Side,
    pub position_intent: Option<String>,
    pub time_in_force: TimeInForce,
    pub limit_price: Option<Amount>,
    pub stop_price: Option<Amount>,
    pub status: Status,
    #[serde(default)]
    pub extended_hours: bool,
    pub legs: Option<Vec<Order>>,
    pub trail_percent: Option<Amount>,
    pub trail_price: Option<Amount>,
    /// High (or, for a buy, low) water mark of a trailing stop.
    pub hwm: Option<Amount>,
    pub source: Option<String>,
    pub subtag: Option<String>,
    /// Only on the legs of a multi-leg order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_qty: Option<Amount>,
    /// Seen in `trade_updates` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Stamp>,
}

/// An item of the 207 answer to `DELETE /v2/orders`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelOutcome {
    /// The order's.
    pub id: String,
    /// 200, or 500 if it could not be cancelled.
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Outcome>,
}

/// An item of the 207 answer to `DELETE /v2/positions`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloseOutcome {
    /// The position's symbol; of an order that was cancelled on the way, the order's id.
    pub symbol: String,
    pub status: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Outcome>,
}

/// What became of one item of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Outcome {
    Order(Box<Order>),
    Refusal(ApiError),
}
