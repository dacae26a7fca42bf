//! The market: its clock and calendar, its assets, its bars.

use super::scalar::{new_york, number, or_empty, some_number, wall};
use super::{Amount, Stamp};
use jiff::civil;
use messages::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

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
    pub class: String,
    pub exchange: Option<String>,
    pub symbol: String,
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
    pub borrow_status: Option<String>,
    pub maintenance_margin_requirement: Option<f64>,
    pub margin_requirement_long: Option<Amount>,
    pub margin_requirement_short: Option<Amount>,
    #[serde(default, deserialize_with = "or_empty")]
    pub attributes: Vec<String>,
}

/// Prices in dollars. `t` is the left edge: for a daily bar midnight in New York.
#[derive(Copy, Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bar {
    pub t: Stamp,
    #[serde(serialize_with = "number")]
    pub o: f64,
    #[serde(serialize_with = "number")]
    pub h: f64,
    #[serde(serialize_with = "number")]
    pub l: f64,
    #[serde(serialize_with = "number")]
    pub c: f64,
    /// Shares; absent in one quoted body.
    #[serde(serialize_with = "some_number", skip_serializing_if = "Option::is_none")]
    pub v: Option<f64>,
    /// Trades.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<u64>,
    #[serde(serialize_with = "some_number", skip_serializing_if = "Option::is_none")]
    pub vw: Option<f64>,
}

/// A page of `GET /v2/stocks/bars`. A symbol without a bar is absent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BarsPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub bars: BTreeMap<String, Vec<Bar>>,
    /// `None` is the only sign of the end.
    pub next_page_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

/// A page of `GET /v2/stocks/{symbol}/bars`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SymbolBarsPage {
    #[serde(default, deserialize_with = "or_empty")]
    pub bars: Vec<Bar>,
    pub symbol: String,
    pub next_page_token: Option<String>,
}
