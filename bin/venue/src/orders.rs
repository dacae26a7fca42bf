//! Placing, reading, replacing and cancelling orders.

use crate::assets::CLASSES;
use crate::order_body::{self, side};
use crate::persistence::Command;
use crate::query::{Parameters, ascending, flag, moment};
use crate::reply::{Refused, Reply, json, ok};
use crate::state::App;
use crate::wire;
use alpaca::model;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use exchange::{OrderFilter, OrderState, Refusal, Scope};
use messages::Symbol;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const ORDERS_MAX: usize = 500;
const ORDERS_DEFAULT: usize = 50;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/orders", get(list).post(submit).delete(cancel_all))
        .route("/v2/orders/{id}", get(by_id).patch(replace).delete(cancel))
        .route("/v2/orders:by_client_order_id", get(by_client_id))
}

async fn submit(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let request = order_body::new_order(&fields(&body)?)?;
    let taken =
        app.change(Command::Submit(request.clone()), |state| state.exchange.submit(&request))?;
    Ok(ok(&wire::order(&app.market, &taken)))
}

async fn replace(State(app): State<Arc<App>>, Path(id): Path<String>, body: Bytes) -> Reply {
    let id = uuid(&id)?;
    let change = order_body::replacement(&fields(&body)?)?;
    let command = Command::Replace { id: id.clone(), change: change.clone() };
    let taken = app.change(command, |state| state.exchange.replace(&id, &change))?;
    Ok(ok(&wire::order(&app.market, &taken)))
}

async fn list(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let Some(filter) = filter(&app, &query)? else {
        return Ok(ok(&Vec::<model::Order>::new()));
    };
    let orders = app.turn(|state| state.exchange.orders(&filter));
    Ok(ok(&orders.iter().map(|order| wire::order(&app.market, order)).collect::<Vec<_>>()))
}

async fn by_id(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let id = uuid(&id)?;
    found(&app, &query, app.turn(|state| state.exchange.order(&id)), &id)
}

async fn by_client_id(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let missing = || Refusal::malformed("client_order_id is required");
    let id = query.get("client_order_id").filter(|id| !id.is_empty()).ok_or_else(missing)?;
    found(&app, &query, app.turn(|state| state.exchange.order_by_client_id(id)), id)
}

async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    let id = uuid(&id)?;
    app.change(Command::Cancel { id: id.clone() }, |state| state.exchange.cancel(&id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn cancel_all(State(app): State<Arc<App>>) -> Reply {
    let cancelled = app.change(Command::CancelAll, |state| Ok(state.exchange.cancel_all()))?;
    let items =
        cancelled.iter().map(|cancelled| outcome(&app, "id", &cancelled.id, &cancelled.outcome));
    Ok(json(StatusCode::MULTI_STATUS, &items.collect::<Vec<_>>()))
}

/// An item of a 207: whose, its status, and the order or the refusal.
pub(crate) fn outcome(
    app: &App,
    name: &str,
    subject: &str,
    outcome: &Result<OrderState, Refusal>,
) -> Value {
    let (status, body) = match outcome {
        Ok(order) => (200, serde_json::json!(wire::order(&app.market, order))),
        // Of an order that could not be cancelled Alpaca says 500, whatever the reason.
        Err(refusal) if name == "id" => (500, wire::refusal(refusal)),
        Err(refusal) => (refusal.status, wire::refusal(refusal)),
    };
    serde_json::json!({name: subject, "status": status, "body": body})
}

fn found(
    app: &App,
    query: &BTreeMap<String, String>,
    order: Option<OrderState>,
    id: &str,
) -> Reply {
    let unknown = || Refusal::not_found(format!("order not found for {id}"));
    let mut order = order.ok_or_else(unknown)?;
    if flag(query, "nested")? != Some(true) {
        order.legs.clear();
    }
    Ok(ok(&wire::order(&app.market, &order)))
}

fn fields(body: &Bytes) -> Result<Map<String, Value>, Refusal> {
    match serde_json::from_slice(body) {
        Ok(Value::Object(fields)) => Ok(fields),
        _ => Err(Refusal::new(400, Refusal::MALFORMED, "request body format is invalid")),
    }
}

/// As ours are written, or Alpaca's answer to an id that is no UUID.
fn uuid(id: &str) -> Result<String, Refusal> {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let sound = hex && groups == [8, 4, 4, 4, 12];
    sound.then(|| id.to_ascii_lowercase()).ok_or_else(|| Refusal::malformed("order_id is missing"))
}

/// The id in the query that orders are asked for before or after. An order that there is not bounds
/// nothing, and an empty list would say that there are no orders.
fn bounding(
    app: &App,
    query: &BTreeMap<String, String>,
    name: &str,
) -> Result<Option<String>, Refused> {
    let Some(text) = query.get(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let known = uuid(text).ok().filter(|id| app.turn(|state| state.exchange.order(id).is_some()));
    let unknown = || Refusal::malformed(format!("invalid {name}: there is no order {text}"));
    Ok(Some(known.ok_or_else(unknown)?))
}

/// `None`: nothing that this venue has.
fn filter(app: &App, query: &BTreeMap<String, String>) -> Result<Option<OrderFilter>, Refused> {
    let refuse = |message: String| Refused::from(Refusal::malformed(message));
    let given = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let list = |name: &str| -> Vec<&str> {
        given(name)
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|x| !x.is_empty())
            .collect()
    };
    let scope = match given("status") {
        None | Some("open") => Scope::Open,
        Some("closed") => Scope::Closed,
        Some("all") => Scope::All,
        Some(other) => return Err(refuse(format!("invalid status: {other}"))),
    };
    let limit = match given("limit").map(str::parse) {
        None => ORDERS_DEFAULT,
        Some(Ok(limit)) if (1..=ORDERS_MAX).contains(&limit) => limit,
        Some(_) => return Err(refuse("limit must be between 1 and 500".to_owned())),
    };
    let (after, until) = (moment(app, query, "after")?, moment(app, query, "until")?);
    let after_order = bounding(app, query, "after_order_id")?;
    let before_order = bounding(app, query, "before_order_id")?;
    if (after_order.is_some() || before_order.is_some()) && (after.is_some() || until.is_some()) {
        return Err(refuse("order ids and times can't be combined".to_owned()));
    }
    let symbol = |name: &str| match app.market.find_alias(name) {
        Some(asset) => app.market.assets()[asset].symbol.clone(),
        None => Symbol::from(name),
    };
    let classes = list("asset_class");
    let unknown = |class: &&&str| !(CLASSES.contains(*class) || **class == "all");
    if let Some(class) = classes.iter().find(unknown) {
        return Err(refuse(format!("invalid asset_class: {class}")));
    }
    let (equity, crypto) = (classes.contains(&"us_equity"), classes.contains(&"crypto"));
    let everything = classes.is_empty() || classes.contains(&"all");
    if !(everything || equity || crypto) {
        return Ok(None);
    }
    Ok(Some(OrderFilter {
        scope,
        symbols: list("symbols").into_iter().map(symbol).collect(),
        side: given("side").map(|text| side(Some(text))).transpose()?,
        crypto: (!everything && equity != crypto).then_some(crypto),
        after,
        until,
        after_order,
        before_order,
        ascending: ascending(query)?,
        nested: flag(query, "nested")?.unwrap_or_default(),
        limit: Some(limit),
    }))
}
