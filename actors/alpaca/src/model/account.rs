//! The account, its positions, what happened in it, and how Alpaca says no.

use super::{Amount, Side, Stamp};
use messages::Date;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// `GET /v2/account`. Alpaca promises only `id` and `status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "Alpaca's")]
pub struct Account {
    pub id: String,
    pub status: String,
    pub account_number: Option<String>,
    pub currency: Option<String>,
    pub created_at: Option<Stamp>,
    pub balance_asof: Option<Date>,
    pub cash: Option<Amount>,
    /// Cash plus long plus short market value; short is negative.
    pub equity: Option<Amount>,
    pub last_equity: Option<Amount>,
    /// Deprecated: equity.
    pub portfolio_value: Option<Amount>,
    pub position_market_value: Option<Amount>,
    pub long_market_value: Option<Amount>,
    pub short_market_value: Option<Amount>,
    pub buying_power: Option<Amount>,
    pub regt_buying_power: Option<Amount>,
    pub effective_buying_power: Option<Amount>,
    pub non_marginable_buying_power: Option<Amount>,
    pub options_buying_power: Option<Amount>,
    pub initial_margin: Option<Amount>,
    pub maintenance_margin: Option<Amount>,
    pub last_maintenance_margin: Option<Amount>,
    pub sma: Option<Amount>,
    pub multiplier: Option<Amount>,
    pub accrued_fees: Option<Amount>,
    pub pending_transfer_in: Option<Amount>,
    pub pending_transfer_out: Option<Amount>,
    pub pending_reg_taf_fees: Option<Amount>,
    pub intraday_adjustments: Option<Amount>,
    #[serde(default)]
    pub trading_blocked: bool,
    #[serde(default)]
    pub transfers_blocked: bool,
    #[serde(default)]
    pub account_blocked: bool,
    #[serde(default)]
    pub trade_suspended_by_user: bool,
    #[serde(default)]
    pub shorting_enabled: bool,
    pub crypto_status: Option<String>,
    pub crypto_tier: Option<i64>,
    pub options_approved_level: Option<i64>,
    pub options_trading_level: Option<i64>,
}

/// `GET /v2/positions`. A short has negative `qty`, `market_value` and `cost_basis`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub asset_id: String,
    pub symbol: String,
    pub exchange: Option<String>,
    pub asset_class: Option<String>,
    pub asset_marginable: Option<bool>,
    /// `long` or `short`.
    pub side: String,
    pub qty: Amount,
    pub qty_available: Option<Amount>,
    pub avg_entry_price: Amount,
    pub market_value: Option<Amount>,
    pub cost_basis: Option<Amount>,
    pub unrealized_pl: Option<Amount>,
    /// Fractions: 0.01 is 1 %.
    pub unrealized_plpc: Option<Amount>,
    pub unrealized_intraday_pl: Option<Amount>,
    pub unrealized_intraday_plpc: Option<Amount>,
    pub current_price: Option<Amount>,
    pub lastday_price: Option<Amount>,
    pub change_today: Option<Amount>,
}

/// `GET /v2/account/activities`: an execution (`FILL`) or anything else that moved the account.
/// Which fields there are depends on `activity_type`; only those that are set are sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activity {
    /// Begins with digits that look like a time and are New York wall time: never parse it.
    pub id: String,
    pub activity_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_time: Option<Stamp>,
    /// `fill` or `partial_fill`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub r#type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Amount>,
    /// Of this execution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qty: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub leaves_qty: Option<Amount>,
    /// Alpaca's own id: activities know no client order id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_id: Option<String>,
    /// Filled of the order so far, this execution included.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cum_qty: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub net_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_share_amount: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activity_sub_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
}

/// The body of a refusal. One code covers many causes; the message is the only discriminator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiError {
    /// Three digits that often are the HTTP status, then five; a 401 has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<u64>,
    pub message: String,
    /// `available`, `existing_qty`, `buying_power`, …
    #[serde(flatten)]
    pub extras: BTreeMap<String, Value>,
}
