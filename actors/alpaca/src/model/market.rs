//! The market: its clock, its calendar, its assets.

use super::scalar::{new_york, or_empty, some_number, wall};
use super::{Amount, Stamp};
use jiff::civil;
use messages::Date;
use serde::{Deserialize, Serialize};

/// `GET /v2/clock`, with New York's offset.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    #[serde(with = "new_york")]
    pub timestamp: Stamp,
    pub is_open: bool,
    #[serde(with = "new_york")]
    pub next_open: Stamp,
    #[serde(with = "new_york")]
    pub next_close: Stamp,
}

/// A trading day of `GET /v2/calendar`; all times are New York wall time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CalendarDay {
    pub date: Date,
    #[serde(with = "wall")]
    pub open: civil::Time,
    /// 13:00 on half days.
    #[serde(with = "wall")]
    pub close: civil::Time,
    /// `0400`, without a colon.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_open: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_close: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settlement_date: Option<Date>,
}

/// `GET /v2/assets`. A permission that Alpaca does not mention is not given.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "Alpaca's")]
pub struct Asset {
    /// Survives renames.
    pub id: String,
    /// `us_equity`, `crypto`, …
    pub class: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    pub symbol: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `active` or `inactive`.
    pub status: String,
    #[serde(default)]
    pub tradable: bool,
    #[serde(default)]
    pub marginable: bool,
    #[serde(default)]
    pub shortable: bool,
    #[serde(default)]
    pub easy_to_borrow: bool,
    #[serde(default)]
    pub fractionable: bool,
    /// `easy_to_borrow` or `hard_to_borrow`; replaces the flag.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub borrow_status: Option<String>,
    /// Deprecated; percent, as a number.
    #[serde(serialize_with = "some_number", skip_serializing_if = "Option::is_none")]
    pub maintenance_margin_requirement: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_requirement_long: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub margin_requirement_short: Option<Amount>,
    #[serde(default, deserialize_with = "or_empty")]
    pub attributes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cusip: Option<String>,
    /// This and the two increments: crypto only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_order_size: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_trade_increment: Option<Amount>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price_increment: Option<Amount>,
}
