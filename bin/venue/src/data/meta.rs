//! What the letters in trades and quotes stand for.

use super::request::value;
use crate::query::Parameters;
use crate::reply::{Refused, Reply, bad_parameter, ok};
use axum::extract::{Path, Query};
use exchange::Refusal;
use std::collections::BTreeMap;

const EXCHANGES: [(&str, &str); 22] = [
    ("A", "NYSE American (AMEX)"),
    ("B", "NASDAQ OMX BX"),
    ("C", "National Stock Exchange"),
    ("D", "FINRA ADF"),
    ("E", "Market Independent"),
    ("H", "MIAX"),
    ("I", "International Securities Exchange"),
    ("J", "Cboe EDGA"),
    ("K", "Cboe EDGX"),
    ("L", "Long Term Stock Exchange"),
    ("M", "Chicago Stock Exchange"),
    ("N", "New York Stock Exchange"),
    ("P", "NYSE Arca"),
    ("Q", "NASDAQ OMX"),
    ("S", "NASDAQ Small Cap"),
    ("T", "NASDAQ Int"),
    ("U", "Members Exchange"),
    ("V", "IEX"),
    ("W", "CBOE"),
    ("X", "NASDAQ OMX PSX"),
    ("Y", "Cboe BYX"),
    ("Z", "Cboe BZX"),
];

/// Of which this venue sends the regular sale and, with auctions, the official prices.
const TRADE_CONDITIONS: [(&str, &str); 12] = [
    ("B", "Average Price Trade"),
    ("C", "Cash Trade (Same Day Clearing)"),
    ("F", "Inter-market Sweep Order"),
    ("H", "Price Variation Trade"),
    ("I", "Odd Lot Trade"),
    ("M", "Market Center Official Close"),
    ("O", "Market Center Opening Trade"),
    ("Q", "Market Center Official Open"),
    ("T", "Extended Hours Trade"),
    ("V", "Contingent Trade"),
    ("Z", "Sold (Out Of Sequence)"),
    ("6", "Market Center Closing Trade"),
];

const QUOTE_CONDITIONS: [(&str, &str); 8] = [
    ("A", "Slow Quote Offer Side"),
    ("B", "Slow Quote Bid Side"),
    ("C", "Closing Quote"),
    ("H", "Slow Quote Bid And Offer Side"),
    ("N", "Non Firm Quote"),
    ("O", "Opening Quote"),
    ("R", "Regular Two Sided Open"),
    ("W", "Slow Quote On The Bid And Offer Side"),
];

pub(super) async fn exchanges() -> Reply {
    Ok(ok(&BTreeMap::from(EXCHANGES)))
}

pub(super) async fn conditions(Path(kind): Path<String>, Query(query): Parameters) -> Reply {
    let tape = match value(&query, "tape") {
        Some(tape @ ("A" | "B" | "C")) => tape,
        Some(other) => return Err(bad_parameter(format!("invalid tape: {other}"))),
        None => return Err(bad_parameter("tape is required")),
    };
    match kind.as_str() {
        "trade" => {
            let mut conditions = BTreeMap::from(TRADE_CONDITIONS);
            conditions.insert(if tape == "C" { "@" } else { " " }, "Regular Sale");
            Ok(ok(&conditions))
        }
        "quote" => Ok(ok(&BTreeMap::from(QUOTE_CONDITIONS))),
        _ => Err(Refused(Refusal::not_found("endpoint not found."))),
    }
}
