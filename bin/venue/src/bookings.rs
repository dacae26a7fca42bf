//! Movements of the account that are no execution, booked from outside: the venue makes none by itself.
//!
//! ```text
//! curl -X POST http://127.0.0.1:8777/aurora/v1/activities -d '{"activity_type": "DIV", "symbol": "AAPL", "qty": "100",
//!     "per_share_amount": "0.24", "net_amount": "24.00", "description": "Cash DIV @ 0.24"}'
//! ```
//! The fields are those of Alpaca's activities, amounts as strings; `net_amount` goes into the cash, signed. `qty` moves
//! shares if the type is that of a corporate action: `SPLIT` with `100` doubles a position of 100 and halves its price,
//! a change of symbol is an `NC` of `-100` of the old one and an `NC` of `100` of the new one, whose shares cost `price`.
//! Of other types it is what was paid on. With `"unlisted": true` the account moves and no activity says why.

use crate::persistence::Command;
use crate::reply::{Reply, ok};
use crate::state::App;
use alpaca::model::{self, Amount, Stamp};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use exchange::{Booking, Exchange, NewBooking, Refusal};
use rust_decimal::Decimal;
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/aurora/v1/activities", post(book))
}

/// Answers with the activity as it is listed from here on.
async fn book(State(app): State<Arc<App>>, body: Bytes) -> Reply {
    let asked: NewBooking = serde_json::from_slice(&body)
        .map_err(|error| Refusal::malformed(format!("no activity: {error}")))?;
    let told = app.change(Command::Book(asked.clone()), |state| {
        let booking = state.exchange.book(&asked)?;
        Ok(told(&state.exchange, &booking))
    })?;
    Ok(ok(&told))
}

pub(crate) fn told(exchange: &Exchange, booking: &Booking) -> model::Activity {
    let local = exchange.market().calendar().local(booking.at);
    let asked = &booking.asked;
    let amount = |value: Option<Decimal>| value.map(Amount);
    model::Activity {
        id: format!("{}::{}", local.strftime("%Y%m%d000000000"), booking.id),
        activity_type: asked.activity_type.clone(),
        activity_sub_type: asked.activity_sub_type.clone(),
        date: Some(booking.date),
        created_at: Some(Stamp(booking.at)),
        net_amount: Some(Amount(asked.net_amount)),
        qty: amount(asked.qty),
        per_share_amount: amount(asked.per_share_amount),
        price: amount(asked.price),
        symbol: asked.symbol.as_ref().map(ToString::to_string),
        status: Some("executed".to_owned()),
        description: asked.description.clone(),
        ..model::Activity::default()
    }
}
