//! Reading and closing positions.

use crate::order_body::decimal;
use crate::orders::outcome;
use crate::persistence::Command;
use crate::query::{Parameters, flag};
use crate::reply::{Reply, json, ok};
use crate::state::App;
use crate::wire;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use exchange::{ClosePosition, Part, Refusal};
use messages::Symbol;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Some clients don't escape the slash of a pair.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/positions", get(positions).delete(close_all))
        .route("/v2/positions/{name}", get(position).delete(close))
        .route("/v2/positions/{coin}/{money}", get(position_in_coins).delete(close_coins))
}

async fn positions(State(app): State<Arc<App>>) -> Reply {
    let positions = app.turn(|state| state.exchange.positions());
    let told = positions.iter().map(|held| wire::position(&app.market, held));
    Ok(ok(&told.collect::<Vec<_>>()))
}

async fn position(State(app): State<Arc<App>>, Path(name): Path<String>) -> Reply {
    let held = app.turn(|state| state.exchange.position(&name));
    let none = || Refusal::not_found("position does not exist");
    Ok(ok(&wire::position(&app.market, &held.ok_or_else(none)?)))
}

async fn position_in_coins(app: State<Arc<App>>, Path(pair): Path<(String, String)>) -> Reply {
    position(app, Path(format!("{}/{}", pair.0, pair.1))).await
}

async fn close(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
    Query(query): Parameters,
) -> Reply {
    let request = ClosePosition { symbol: Symbol::from(name), part: part(&query)? };
    let order = app.change(Command::ClosePosition(request.clone()), |state| {
        state.exchange.close_position(&request)
    })?;
    Ok(ok(&wire::order(&app.market, &order)))
}

async fn close_coins(
    app: State<Arc<App>>,
    Path(pair): Path<(String, String)>,
    query: Parameters,
) -> Reply {
    close(app, Path(format!("{}/{}", pair.0, pair.1)), query).await
}

async fn close_all(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let cancel_orders = flag(&query, "cancel_orders")?.unwrap_or_default();
    let closed = app.change(Command::CloseAll { cancel_orders }, |state| {
        Ok(state.exchange.close_all(cancel_orders))
    })?;
    let items =
        closed.iter().map(|closed| outcome(&app, "symbol", &closed.subject, &closed.outcome));
    Ok(json(StatusCode::MULTI_STATUS, &items.collect::<Vec<_>>()))
}

fn part(query: &BTreeMap<String, String>) -> Result<Part, Refusal> {
    let amount = |name: &str| match query.get(name).filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match decimal(text) {
            None => Err(Refusal::malformed(format!("invalid {name}"))),
            amount => Ok(amount),
        },
    };
    match (amount("qty")?, amount("percentage")?) {
        (None, None) => Ok(Part::Whole),
        (Some(quantity), None) => Ok(Part::Quantity(quantity)),
        (None, Some(percent)) => Ok(Part::Percentage(percent)),
        (Some(_), Some(_)) => Err(Refusal::malformed("only one of qty or percentage is accepted")),
    }
}
