//! What is traded most and what moved most, of the day that the market is in or was in last: until the
//! next opens it is that day.

use super::candle::{Candle, Series, tidy};
use super::request::{Query as Parameter, Scope, value};
use super::timeframe::Timeframe;
use crate::query::Parameters;
use crate::reply::{Refused, Reply, bad_parameter, ok};
use crate::state::App;
use axum::extract::{Path, Query, State};
use exchange::{AssetClass, Refusal};
use messages::Time;
use serde::Serialize;
use serde_json::json;
use std::sync::Arc;

const TOP_DEFAULT: usize = 10;
const ACTIVES_MAX: usize = 100;
const MOVERS_MAX: usize = 50;

#[derive(Serialize)]
struct Active<'a> {
    symbol: &'a str,
    volume: f64,
    trade_count: u64,
}

/// Since the close of the session before, at prices adjusted for splits.
#[derive(Serialize)]
struct Mover<'a> {
    symbol: &'a str,
    percent_change: f64,
    change: f64,
    price: f64,
}

/// By volume or by number of trades, descending; by symbol where these are equal.
pub(super) async fn most_actives(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let by_trades = match value(&query, "by") {
        None | Some("volume") => false,
        Some("trades") => true,
        Some(other) => return Err(bad_parameter(format!("invalid by: {other}"))),
    };
    let top = top(&query, ACTIVES_MAX)?;
    let scope = Scope::everything(&app, &query, AssetClass::UsEquity)?;
    let mut actives: Vec<Active> = days(&scope)
        .map(|(symbol, day, _)| Active { symbol, volume: day.volume, trade_count: day.trades })
        .filter(|active| active.trade_count > 0)
        .collect();
    actives.sort_by(|a, b| {
        let order = if by_trades {
            b.trade_count.cmp(&a.trade_count)
        } else {
            b.volume.total_cmp(&a.volume)
        };
        order.then_with(|| a.symbol.cmp(b.symbol))
    });
    actives.truncate(top);
    Ok(ok(&json!({"most_actives": actives, "last_updated": alpaca::time::utc(scope.now)})))
}

/// Who went up is a gainer, who went down a loser, most first.
pub(super) async fn movers(
    State(app): State<Arc<App>>,
    Path(market): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let class = match market.as_str() {
        "stocks" => AssetClass::UsEquity,
        "crypto" => AssetClass::Crypto,
        _ => return Err(Refusal::not_found("endpoint not found.").into()),
    };
    let top = top(&query, MOVERS_MAX)?;
    let scope = Scope::everything(&app, &query, class)?;
    let moved = days(&scope).filter_map(|(symbol, day, before)| {
        let (price, before) = (day.close, before?.close);
        let change = tidy(price - before, 9);
        Some(Mover { symbol, percent_change: tidy(100.0 * change / before, 2), change, price })
    });
    // What rounds to nothing has not moved.
    let (mut gainers, mut losers): (Vec<Mover>, Vec<Mover>) = moved
        .filter(|mover| mover.percent_change != 0.0)
        .partition(|mover| mover.percent_change > 0.0);
    gainers.sort_by(|a, b| b.percent_change.total_cmp(&a.percent_change));
    losers.sort_by(|a, b| a.percent_change.total_cmp(&b.percent_change));
    gainers.truncate(top);
    losers.truncate(top);
    Ok(ok(&json!({
        "gainers": gainers,
        "losers": losers,
        "market_type": market,
        "last_updated": alpaca::time::utc(scope.now),
    })))
}

fn top(query: &Parameter, max: usize) -> Result<usize, Refused> {
    match value(query, "top").map(str::parse) {
        None => Ok(TOP_DEFAULT),
        Some(Ok(top)) if (1..=max).contains(&top) => Ok(top),
        Some(_) => Err(bad_parameter(format!("top must be between 1 and {max}"))),
    }
}

/// By asset that traded on it: the last day that has begun, and the asset's day before.
fn days<'a>(
    scope: &'a Scope<'_>,
) -> impl Iterator<Item = (&'a str, Candle, Option<Candle>)> + use<'a> {
    let calendar = scope.app.market.calendar_of(scope.class);
    let opened = calendar.opened_by(scope.now);
    let today = opened.checked_sub(1).map(|at| calendar.sessions()[at].midnight);
    scope.assets.iter().filter_map(move |asset| {
        let series = Series::of(scope, *asset, Timeframe::Day);
        let mut days = series.all(Time(i64::MIN), scope.now, true);
        let day = days.next().filter(|day| Some(day.at) == today)?;
        Some((scope.info(*asset).symbol.as_str(), day, days.next()))
    })
}
