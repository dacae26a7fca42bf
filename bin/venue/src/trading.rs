//! Account, clock, calendar, assets, positions, activities.

use crate::reply::{Refused, Reply, ok};
use crate::state::App;
use crate::wire;
use alpaca::model::Activity;
use axum::extract::{Path, Query, State};
use exchange::{Exchange, Fill, Refusal};
use messages::{Date, Symbol, Time};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Parameters by name; of one given twice the last counts.
pub(crate) type Parameters = Query<BTreeMap<String, String>>;

const PAGE_SIZE_MAX: usize = 100;

pub(crate) async fn account(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.turn(|state| wire::account(&state.exchange))))
}

pub(crate) async fn clock(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.turn(|state| wire::clock(&state.exchange))))
}

pub(crate) async fn calendar(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let start = date(&query, "start")?.unwrap_or(Date::MIN);
    let end = date(&query, "end")?.unwrap_or(Date::MAX);
    let days = app.turn(|state| {
        let sessions = app.market.calendar().sessions().iter();
        let wanted = sessions.filter(|session| session.date >= start && session.date <= end);
        wanted.map(|session| wire::calendar_day(&state.exchange, session)).collect::<Vec<_>>()
    });
    Ok(ok(&days))
}

/// All of them are active US equities; asking for anything else finds none.
pub(crate) async fn assets(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let only = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
    let exists = only("status", "active") && only("asset_class", "us_equity");
    let exists = exists && only("exchange", "NYSE") && !query.contains_key("attributes");
    let assets = app.market.assets().iter().filter(|_| exists);
    Ok(ok(&assets.map(wire::asset).collect::<Vec<_>>()))
}

pub(crate) async fn asset(State(app): State<Arc<App>>, Path(name): Path<String>) -> Reply {
    let mut assets = app.market.assets().iter();
    let found = assets.find(|asset| asset.symbol.as_str() == name || asset.id == name);
    let unknown = || Refusal::not_found(format!("asset not found for {name}"));
    Ok(ok(&wire::asset(found.ok_or_else(unknown)?)))
}

pub(crate) async fn positions(State(app): State<Arc<App>>) -> Reply {
    let positions = app.turn(|state| state.exchange.positions());
    Ok(ok(&positions.iter().map(wire::position).collect::<Vec<_>>()))
}

pub(crate) async fn position(State(app): State<Arc<App>>, Path(name): Path<String>) -> Reply {
    let positions = app.turn(|state| state.exchange.positions());
    let symbol = Symbol(name);
    let found =
        positions.iter().find(|held| held.symbol == symbol || held.asset_id == symbol.as_str());
    let none = || Refusal::not_found("position does not exist");
    Ok(ok(&wire::position(found.ok_or_else(none)?)))
}

pub(crate) async fn activities(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let fills =
        query.get("activity_types").is_none_or(|types| types.split(',').any(|t| t == "FILL"))
            && query.get("category").is_none_or(|category| category == "trade_activity");
    page_of_activities(&app, &query, fills)
}

/// This account has executions and nothing else: no dividends, no fees, no transfers.
pub(crate) async fn activities_of(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
    Query(query): Parameters,
) -> Reply {
    page_of_activities(&app, &query, kind == "FILL")
}

fn page_of_activities(app: &App, query: &BTreeMap<String, String>, fills: bool) -> Reply {
    let size = match query.get("page_size").map(|text| text.parse::<usize>()) {
        None => PAGE_SIZE_MAX,
        Some(Ok(size)) if (1..=PAGE_SIZE_MAX).contains(&size) => size,
        Some(_) => return Err(Refusal::malformed("page_size must be between 1 and 100").into()),
    };
    let ascending = ascending(query)?;
    let (after, until) = (moment(app, query, "after")?, moment(app, query, "until")?);
    let day = date(query, "date")?;
    let token = query.get("page_token");
    let page = app.turn(|state| {
        let exchange = &state.exchange;
        let wanted = |fill: &&Fill| {
            fills
                && after.is_none_or(|after| fill.at > after)
                && until.is_none_or(|until| fill.at < until)
                && day.is_none_or(|day| exchange.market().calendar().local(fill.at).date() == day)
        };
        let list: Vec<&Fill> = if ascending {
            exchange.fills().iter().filter(wanted).collect()
        } else {
            exchange.fills().iter().rev().filter(wanted).collect()
        };
        after_token(exchange, &list, token, size)
    });
    Ok(ok(&page?))
}

fn after_token(
    exchange: &Exchange,
    fills: &[&Fill],
    token: Option<&String>,
    size: usize,
) -> Result<Vec<Activity>, Refused> {
    let first = match token.map(|token| token.rsplit("::").next().unwrap_or(token)) {
        None => 0,
        Some(id) => match fills.iter().position(|fill| fill.id == id) {
            Some(last_seen) => last_seen + 1,
            None => return Err(Refusal::malformed("page_token is no activity of this list").into()),
        },
    };
    let page = fills[first..].iter().take(size);
    Ok(page.map(|fill| wire::activity(exchange, fill)).collect())
}

pub(crate) fn ascending(query: &BTreeMap<String, String>) -> Result<bool, Refused> {
    match query.get("direction").map(String::as_str) {
        None | Some("desc") => Ok(false),
        Some("asc") => Ok(true),
        Some(other) => Err(Refusal::malformed(format!("invalid direction: {other}")).into()),
    }
}

/// An RFC 3339 time, or a date: midnight in New York.
pub(crate) fn moment(
    app: &App,
    query: &BTreeMap<String, String>,
    name: &str,
) -> Result<Option<Time>, Refused> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let midnight = |date: Date| app.market.calendar().instant(date, jiff::civil::Time::midnight());
    let moment = alpaca::time::parse(text).ok().or_else(|| text.parse().ok().map(midnight));
    let wrong = || Refusal::malformed(format!("invalid {name}: {text:?} is no time")).into();
    moment.map(Some).ok_or_else(wrong)
}

fn date(query: &BTreeMap<String, String>, name: &str) -> Result<Option<Date>, Refused> {
    let Some(text) = query.get(name) else {
        return Ok(None);
    };
    // A time will do: its first ten characters are a date.
    let date = text.get(..10).and_then(|date| date.parse().ok());
    let wrong = || Refusal::malformed(format!("invalid {name}: {text:?} is no date")).into();
    date.map(Some).ok_or_else(wrong)
}
