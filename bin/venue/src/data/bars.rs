//! Historical bars.

use super::candle::{Candle, Series};
use super::page::{Kind, Page};
use super::request::{Query, Scope, value};
use super::timeframe::Timeframe;
use crate::query::Parameters;
use crate::reply::{Refused, Reply, bad_parameter, raw};
use crate::state::App;
use axum::extract::{Path, Query as Extract, State};
use axum::http::StatusCode;
use exchange::AssetClass;
use std::sync::Arc;

pub(super) async fn stocks(State(app): State<Arc<App>>, Extract(query): Parameters) -> Reply {
    answer(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, None)
}

pub(super) async fn stock(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Extract(query): Parameters,
) -> Reply {
    answer(&Scope::single(&app, &query, &symbol)?, Some(&symbol))
}

pub(super) async fn crypto(
    State(app): State<Arc<App>>,
    Path(location): Path<String>,
    Extract(query): Parameters,
) -> Reply {
    answer(&Scope::crypto(&app, &query, &location)?, None)
}

fn answer(scope: &Scope<'_>, single: Option<&str>) -> Reply {
    let timeframe = timeframe(scope.query)?;
    let raw_prices = scope.class == AssetClass::UsEquity && !split_adjusted(scope.query)?;
    let history = scope.history()?;
    let kind = Kind {
        name: "bars",
        code: timeframe.code(),
        at: &|candle: &Candle| candle.at,
        write: &|out, _, candle| candle.write(out),
    };
    let mut page = Page::new(&history, kind, single.is_none());
    for named in &scope.named()? {
        if page.is_full() {
            break;
        }
        let series = Series { raw: raw_prices, ..Series::of(scope, named.asset, timeframe) };
        page.symbol(named.asset, named.label, series.history(&history, named));
    }
    Ok(raw(StatusCode::OK, page.finish(single)))
}

fn timeframe(query: &Query) -> Result<Timeframe, Refused> {
    let text = value(query, "timeframe").ok_or_else(|| bad_parameter("timeframe is required"))?;
    Timeframe::parse(text).ok_or_else(|| bad_parameter(format!("invalid timeframe: {text}")))
}

/// There are no dividends and no spin-offs on this venue: adjusting for them changes nothing.
fn split_adjusted(query: &Query) -> Result<bool, Refused> {
    let mut splits = false;
    for name in value(query, "adjustment").unwrap_or("raw").split(',') {
        match name.trim() {
            "raw" | "dividend" | "spin-off" => {}
            "split" | "all" => splits = true,
            other => return Err(bad_parameter(format!("invalid adjustment: {other}"))),
        }
    }
    Ok(splits)
}
