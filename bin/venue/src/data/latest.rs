//! What is latest: trades, quotes, bars, order books, and all of it at once.

use super::candle::Series;
use super::quotation::{write_depth, write_quote, write_trade};
use super::render;
use super::request::Scope;
use super::timeframe::Timeframe;
use crate::query::Parameters;
use crate::reply::{Refused, Reply, raw};
use crate::state::App;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use exchange::{AssetClass, Refusal};
use messages::Time;
use std::sync::Arc;

/// Writes what is latest of one asset; says whether there is anything.
type Write = fn(&mut Vec<u8>, &Scope<'_>, usize) -> bool;

/// `trades`, and how one of them is called and written.
type What = (&'static str, &'static str, Write);

const WHATS: [What; 4] = [
    ("trades", "trade", trade),
    ("quotes", "quote", quote),
    ("bars", "bar", bar),
    ("orderbooks", "orderbook", orderbook),
];

pub(super) async fn stocks(
    State(app): State<Arc<App>>,
    Path(what): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let (list, _, write) = known(&what, AssetClass::UsEquity)?;
    Ok(multi(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, Some(list), write))
}

pub(super) async fn stock(
    State(app): State<Arc<App>>,
    Path((symbol, what)): Path<(String, String)>,
    Query(query): Parameters,
) -> Reply {
    let (_, name, write) = known(&what, AssetClass::UsEquity)?;
    let scope = Scope::single(&app, &query, &symbol)?;
    let mut out = head(&symbol);
    out.extend_from_slice(format!(",\"{name}\":").as_bytes());
    match scope.assets.first() {
        Some(asset) if write(&mut out, &scope, *asset) => {}
        _ => return Err(none(name, &symbol)),
    }
    out.push(b'}');
    Ok(raw(StatusCode::OK, out))
}

pub(super) async fn crypto(
    State(app): State<Arc<App>>,
    Path((location, what)): Path<(String, String)>,
    Query(query): Parameters,
) -> Reply {
    let (list, _, write) = known(&what, AssetClass::Crypto)?;
    Ok(multi(&Scope::crypto(&app, &query, &location)?, Some(list), write))
}

/// Of shares without an envelope.
pub(super) async fn stock_snapshots(
    State(app): State<Arc<App>>,
    Query(query): Parameters,
) -> Reply {
    Ok(multi(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, None, snapshot))
}

pub(super) async fn stock_snapshot(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let scope = Scope::single(&app, &query, &symbol)?;
    let mut out = head(&symbol);
    let mut members = Vec::new();
    match scope.assets.first() {
        Some(asset) if snapshot(&mut members, &scope, *asset) => {}
        _ => return Err(none("snapshot", &symbol)),
    }
    out.push(b',');
    out.extend_from_slice(&members[1..]);
    Ok(raw(StatusCode::OK, out))
}

pub(super) async fn crypto_snapshots(
    State(app): State<Arc<App>>,
    Path(location): Path<String>,
    Query(query): Parameters,
) -> Reply {
    Ok(multi(&Scope::crypto(&app, &query, &location)?, Some("snapshots"), snapshot))
}

fn known(what: &str, class: AssetClass) -> Result<What, Refused> {
    let books = class == AssetClass::Crypto;
    let mut whats = WHATS.into_iter().filter(|(list, ..)| books || *list != "orderbooks");
    let unknown = || Refused(Refusal::not_found("endpoint not found."));
    whats.find(|(list, ..)| *list == what).ok_or_else(unknown)
}

fn none(name: &str, symbol: &str) -> Refused {
    Refused(Refusal::new(404, 0, format!("no {name} found for {symbol}")))
}

fn head(symbol: &str) -> Vec<u8> {
    let mut out = b"{\"symbol\":".to_vec();
    render::text(&mut out, symbol);
    out
}

/// By symbol, in an envelope of that name or without one.
fn multi(scope: &Scope<'_>, envelope: Option<&str>, write: Write) -> Response {
    let mut out = Vec::with_capacity(256 * scope.assets.len() + 32);
    if let Some(name) = envelope {
        out.extend_from_slice(format!("{{\"{name}\":").as_bytes());
    }
    out.push(b'{');
    let start = out.len();
    for asset in &scope.assets {
        let before = out.len();
        if before > start {
            out.push(b',');
        }
        render::text(&mut out, scope.info(*asset).symbol.as_str());
        out.push(b':');
        if !write(&mut out, scope, *asset) {
            out.truncate(before);
        }
    }
    out.push(b'}');
    if envelope.is_some() {
        out.push(b'}');
    }
    raw(StatusCode::OK, out)
}

fn trade(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize) -> bool {
    let tick = scope.app.market.last_tick(asset, scope.now);
    tick.inspect(|tick| write_trade(out, scope.info(asset), scope.feed, tick)).is_some()
}

fn quote(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize) -> bool {
    let quote = scope.app.market.quote(asset, scope.now);
    quote.inspect(|quote| write_quote(out, scope.info(asset), scope.feed, quote)).is_some()
}

fn bar(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize) -> bool {
    let minute = Series::latest(scope, asset, Timeframe::Minutes(1));
    minute.inspect(|minute| minute.write(out)).is_some()
}

fn orderbook(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize) -> bool {
    let depth = scope.app.market.depth(asset, scope.now);
    depth.inspect(|depth| write_depth(out, depth)).is_some()
}

/// The last trade, quote, minute and day, and the day before; null for what there is not.
fn snapshot(out: &mut Vec<u8>, scope: &Scope<'_>, asset: usize) -> bool {
    if scope.app.market.last_tick(asset, scope.now).is_none() {
        return false;
    }
    let days = Series::of(scope, asset, Timeframe::Day);
    let mut days = days.all(Time(i64::MIN), scope.now, true);
    let (today, before) = (days.next(), days.next());
    let null = |out: &mut Vec<u8>, there: bool| {
        if !there {
            out.extend_from_slice(b"null");
        }
    };
    for (name, write) in [
        ("{\"latestTrade\":", trade as Write),
        (",\"latestQuote\":", quote),
        (",\"minuteBar\":", bar),
    ] {
        out.extend_from_slice(name.as_bytes());
        let there = write(out, scope, asset);
        null(out, there);
    }
    for (name, day) in [(",\"dailyBar\":", today), (",\"prevDailyBar\":", before)] {
        out.extend_from_slice(name.as_bytes());
        let there = day.inspect(|day| day.write(out)).is_some();
        null(out, there);
    }
    out.push(b'}');
    true
}
