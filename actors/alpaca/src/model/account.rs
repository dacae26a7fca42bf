//! The account, its positions, what happened in it, and how Alpaca says no.

use super::scalar::{numbers, some_number};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Stamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance_asof: Option<Date>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cash: Option<Amount>,
    /// Cash plus long plus short market value; short is negative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equity: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_equity: Option<Amount>,
    /// Deprecated: equity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portfolio_value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub position_market_value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub long_market_value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub short_market_value: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub regt_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effective_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub non_marginable_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initial_margin: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_margin: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_maintenance_margin: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sma: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multiplier: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accrued_fees: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_transfer_in: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_transfer_out: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending_reg_taf_fees: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
    /// The pattern day trader fields are gone since July 2026.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern_day_trader: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daytrade_count: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daytrading_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_daytrading_buying_power: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bod_dtbp: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crypto_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crypto_tier: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options_approved_level: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub options_trading_level: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admin_configurations: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_configurations: Option<Value>,
}

/// `GET` and `PATCH /v2/account/configurations`; a patch says only what is to change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountConfigurations {
    /// Legacy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dtbp_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fractional_trading: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_margin_multiplier: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_options_trading_level: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub no_shorting: Option<bool>,
    /// Legacy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdt_check: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ptp_no_exception_entry: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend_trade: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_overnight_trading: Option<bool>,
    /// `all` or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_confirm_email: Option<String>,
}

/// `GET /v2/positions`. A short has negative `qty`, `market_value` and `cost_basis`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub asset_id: String,
    pub symbol: String,
    pub exchange: Option<String>,
    pub asset_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asset_marginable: Option<bool>,
    /// `long` or `short`.
    pub side: String,
    pub qty: Amount,
    /// Without what open orders hold.
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Stamp>,
}

/// `GET /v2/account/portfolio/history`: columns of equal length, oldest first, left-labelled.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PortfolioHistory {
    /// Seconds since 1970. Of a day take the date, not the instant.
    pub timestamp: Vec<i64>,
    /// Dollars.
    #[serde(with = "numbers")]
    pub equity: Vec<Option<f64>>,
    #[serde(with = "numbers")]
    pub profit_loss: Vec<Option<f64>>,
    /// Fractions: 0.01 is 1 %.
    #[serde(with = "numbers")]
    pub profit_loss_pct: Vec<Option<f64>>,
    #[serde(serialize_with = "some_number")]
    pub base_value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base_value_asof: Option<Date>,
    /// `1Min`, `5Min`, `15Min`, `1H`, `1D`.
    pub timeframe: String,
    /// By activity type, if asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cashflow: Option<BTreeMap<String, Vec<f64>>>,
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
