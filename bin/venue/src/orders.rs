//! Placing, reading and cancelling orders.

use crate::reply::{Refused, Reply, json, ok};
use crate::state::App;
use crate::trading::{Parameters, ascending, moment};
use crate::wire;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use exchange::{NewOrder, OrderFilter, OrderKind, OrderState, Refusal, Scope};
use messages::{Price, Shares, Side, Symbol, TimeInForce};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

const ORDERS_MAX: usize = 500;
const ORDERS_DEFAULT: usize = 50;

pub(crate) async fn submit(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let Ok(Value::Object(fields)) = serde_json::from_slice(&body) else {
        return Err(Refusal::new(400, Refusal::MALFORMED, "request body format is invalid").into());
    };
    let request = request(&app, &fields)?;
    let taken = app.turn(|state| state.exchange.submit(request))?;
    Ok(ok(&wire::order(&taken)))
}

pub(crate) async fn list(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let filter = filter(&app, &query)?;
    let orders: Vec<OrderState> =
        app.turn(|state| state.exchange.orders(&filter).into_iter().cloned().collect());
    Ok(ok(&orders.iter().map(wire::order).collect::<Vec<_>>()))
}

pub(crate) async fn by_id(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    check_id(&id)?;
    found(app.turn(|state| state.exchange.order(&id).cloned()), &id)
}

pub(crate) async fn by_client_id(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let missing = || Refusal::malformed("client_order_id is required");
    let id = query.get("client_order_id").ok_or_else(missing)?;
    found(app.turn(|state| state.exchange.order_by_client_id(id).cloned()), id)
}

pub(crate) async fn cancel(State(app): State<Arc<App>>, Path(id): Path<String>) -> Reply {
    check_id(&id)?;
    app.turn(|state| state.exchange.cancel(&id))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn cancel_all(State(app): State<Arc<App>>) -> Reply {
    let ids = app.turn(|state| state.exchange.cancel_all());
    let each = ids.into_iter().map(|id| serde_json::json!({"id": id, "status": 200}));
    Ok(json(StatusCode::MULTI_STATUS, &each.collect::<Vec<_>>()))
}

fn found(order: Option<OrderState>, id: &str) -> Result<Response, Refused> {
    let unknown = || Refusal::not_found(format!("order not found for {id}"));
    Ok(ok(&wire::order(&order.ok_or_else(unknown)?)))
}

/// Alpaca's answer to an id that is no UUID.
fn check_id(id: &str) -> Result<(), Refusal> {
    let groups: Vec<usize> = id.split('-').map(str::len).collect();
    let hex = id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    let sound = hex && groups == [8, 4, 4, 4, 12];
    if sound { Ok(()) } else { Err(Refusal::malformed("order_id is missing")) }
}

fn filter(app: &App, query: &BTreeMap<String, String>) -> Result<OrderFilter, Refused> {
    let refuse = |message: String| Refused::from(Refusal::malformed(message));
    let scope = match query.get("status").map(String::as_str) {
        None | Some("open") => Scope::Open,
        Some("closed") => Scope::Closed,
        Some("all") => Scope::All,
        Some(other) => return Err(refuse(format!("invalid status: {other}"))),
    };
    let limit = match query.get("limit").map(|text| text.parse()) {
        None => ORDERS_DEFAULT,
        Some(Ok(limit)) if (1..=ORDERS_MAX).contains(&limit) => limit,
        Some(_) => return Err(refuse("limit must be between 1 and 500".to_owned())),
    };
    let symbols = query.get("symbols").map(String::as_str).unwrap_or_default();
    let symbols = symbols.split(',').filter(|symbol| !symbol.is_empty());
    let (after, until) = (moment(app, query, "after")?, moment(app, query, "until")?);
    let after_order = query.get("after_order_id").cloned();
    let before_order = query.get("before_order_id").cloned();
    if (after_order.is_some() || before_order.is_some()) && (after.is_some() || until.is_some()) {
        return Err(refuse("order ids and times can't be combined".to_owned()));
    }
    Ok(OrderFilter {
        scope,
        symbols: symbols.map(Symbol::from).collect(),
        side: query.get("side").map(|text| side(Some(text))).transpose()?,
        after,
        until,
        after_order,
        before_order,
        ascending: ascending(query)?,
        limit: Some(limit),
    })
}

/// Everything that is not implemented here is refused by name.
fn request(app: &App, fields: &Map<String, Value>) -> Result<NewOrder, Refusal> {
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    let given = |name: &str| fields.get(name).is_some_and(|value| !value.is_null());
    let name = text("symbol").filter(|symbol| !symbol.is_empty());
    let name = name.ok_or_else(|| Refusal::malformed("symbol is required"))?;
    let by_id = app.market.assets().iter().find(|asset| asset.id == name);
    let symbol = by_id.map_or_else(|| Symbol::from(name), |asset| asset.symbol.clone());
    let class = text("order_class").unwrap_or_default();
    if !["", "simple"].contains(&class) || given("take_profit") || given("stop_loss") {
        let message = format!("order class {class:?} is not implemented by this venue");
        return Err(Refusal::invalid(message));
    }
    if fields.get("extended_hours").is_some_and(|value| *value == Value::Bool(true)) {
        return Err(Refusal::invalid("extended hours are not implemented by this venue"));
    }
    let kind = kind(fields, &given)?;
    let client_order_id = text("client_order_id").filter(|id| !id.is_empty()).map(str::to_owned);
    Ok(NewOrder {
        client_order_id,
        side: side(text("side"))?,
        quantity: quantity(fields, &symbol, &given)?,
        kind,
        time_in_force: time_in_force(text("time_in_force"))?,
        symbol,
    })
}

fn kind(fields: &Map<String, Value>, given: &impl Fn(&str) -> bool) -> Result<OrderKind, Refusal> {
    match fields.get("type").and_then(Value::as_str) {
        Some("market") if given("limit_price") || given("stop_price") => {
            Err(Refusal::malformed("market orders require no stop or limit price"))
        }
        Some("market") => Ok(OrderKind::Market),
        Some("limit") => {
            let price = decimal(fields.get("limit_price"));
            let price =
                price.ok_or_else(|| Refusal::malformed("limit orders require a limit price"))?;
            let sub_penny = || {
                Refusal::invalid(format!(
                    "invalid limit_price {price}. sub-penny increment does not fulfill minimum pricing criteria"
                ))
            };
            Ok(OrderKind::Limit(price.parse::<Price>().map_err(|_| sub_penny())?))
        }
        Some(other @ ("stop" | "stop_limit" | "trailing_stop")) => {
            Err(Refusal::invalid(format!("{other} orders are not implemented by this venue")))
        }
        _ => Err(Refusal::malformed("invalid order type")),
    }
}

/// Whole shares only: no asset here is fractionable.
fn quantity(
    fields: &Map<String, Value>,
    symbol: &Symbol,
    given: &impl Fn(&str) -> bool,
) -> Result<Shares, Refusal> {
    match (given("qty"), given("notional")) {
        (true, true) => return Err(Refusal::malformed("only one of qty or notional is accepted")),
        (false, false) => return Err(Refusal::malformed("qty or notional is required")),
        _ => {}
    }
    let fractional = || Refusal::forbidden(format!("asset \"{symbol}\" is not fractionable"));
    if given("notional") {
        return Err(fractional());
    }
    let wrong = || Refusal::malformed("invalid qty");
    let text = decimal(fields.get("qty")).ok_or_else(wrong)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let whole: i64 = whole.parse().map_err(|_| wrong())?;
    if fraction.bytes().any(|byte| byte != b'0') {
        return Err(fractional());
    }
    Ok(Shares(whole))
}

fn side(text: Option<&str>) -> Result<Side, Refusal> {
    match text {
        Some("buy") => Ok(Side::Buy),
        Some("sell") => Ok(Side::Sell),
        _ => Err(Refusal::malformed("invalid side")),
    }
}

fn time_in_force(text: Option<&str>) -> Result<TimeInForce, Refusal> {
    match text {
        Some("day") => Ok(TimeInForce::Day),
        Some("opg") => Ok(TimeInForce::Opg),
        Some("ioc") => Ok(TimeInForce::Ioc),
        Some(other @ ("gtc" | "cls" | "fok")) => {
            Err(Refusal::invalid(format!("{other} orders are not implemented by this venue")))
        }
        _ => Err(Refusal::malformed("invalid time_in_force")),
    }
}

/// Amounts come as strings and as numbers.
fn decimal(value: Option<&Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    }
}
