//! The clock of the simulation: ours, not Alpaca's.

use crate::calendar;
use crate::reply::{Reply, ok};
use crate::state::App;
use alpaca::model::SimulationClock;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::get;
use exchange::Refusal;
use serde_json::Value;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/aurora/v1/clock", get(clock).post(step))
}

async fn clock(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&told(&app)))
}

/// Answers when all that happened up to then is in the account and on the streams.
async fn step(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let fields: Value = serde_json::from_slice(&body).unwrap_or_default();
    let now = fields.get("now").and_then(Value::as_str).map(alpaca::time::parse);
    let wanted = || Refusal::malformed("send {\"now\": \"2024-01-03T14:30:00Z\"}");
    let now = now.and_then(Result::ok).ok_or_else(wanted)?;
    app.step(now)?;
    Ok(ok(&told(&app)))
}

fn told(app: &App) -> SimulationClock {
    let clock = app.turn(|state| calendar::wire(&state.exchange));
    SimulationClock { clock, stepped: app.is_stepped() }
}
