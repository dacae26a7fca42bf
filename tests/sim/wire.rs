//! The exchange in Alpaca's words, as `bin/venue` puts it: what the gateway reads.

use alpaca::model;
use exchange::{Booking, Exchange, Fill, OrderState, PositionState, Refusal, TradeUpdate};
use messages::{AccountReported, Holding, Price, Shares, Time, Usd};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("what the venue says can be read")
}

fn stamp(at: Option<Time>) -> Value {
    at.map_or(Value::Null, |at| json!(alpaca::time::utc(at)))
}

/// `rejected`: the venue has taken it and refused it since, which the exchange knows as cancelled.
pub(crate) fn order(order: &OrderState, rejected: bool) -> model::Order {
    let over = rejected && !order.is_open();
    let status = if over { "rejected".to_owned() } else { order.status.to_string() };
    let (canceled, failed) =
        if over { (None, order.canceled_at) } else { (order.canceled_at, order.failed_at) };
    read(json!({
        "id": order.id, "client_order_id": order.client_order_id, "symbol": order.symbol.as_str(),
        "created_at": stamp(Some(order.created_at)), "updated_at": stamp(Some(order.updated_at)),
        "submitted_at": stamp(Some(order.submitted_at)), "filled_at": stamp(order.filled_at),
        "expired_at": stamp(order.expired_at), "canceled_at": stamp(canceled),
        "failed_at": stamp(failed), "qty": order.quantity.to_string(),
        "filled_qty": order.filled.to_string(), "type": "market", "side": order.side,
        "time_in_force": order.time_in_force.to_string(), "status": status,
        "limit_price": order.kind.limit().map(|limit| limit.to_string()),
    }))
}

pub(crate) fn update(update: &TradeUpdate, rejected: bool) -> model::TradeUpdate {
    let event = if rejected && update.event == exchange::Event::Canceled {
        "rejected".to_owned()
    } else {
        update.event.to_string()
    };
    let execution = update.execution.as_ref();
    read(json!({
        "event": event, "timestamp": stamp(Some(update.at)),
        "execution_id": execution.map(|fill| fill.id.clone()),
        "price": execution.map(|fill| fill.price.to_string()),
        "qty": execution.map(|fill| fill.quantity.to_string()),
        "position_qty": execution.map(|fill| fill.position.to_string()),
        "order": order(&update.order, rejected),
    }))
}

pub(crate) fn activity(fill: &Fill) -> model::Activity {
    read(json!({
        "id": fill.id, "activity_type": "FILL", "order_id": fill.order_id,
        "symbol": fill.symbol.as_str(), "side": fill.side, "qty": fill.quantity.to_string(),
        "cum_qty": fill.cumulative.to_string(), "leaves_qty": fill.leaves.to_string(),
        "price": fill.price.to_string(), "transaction_time": stamp(Some(fill.at)),
    }))
}

pub(crate) fn booking(booking: &Booking) -> model::Activity {
    let asked = &booking.asked;
    read(json!({
        "id": format!("{}::{}", booking.date, booking.id), "activity_type": asked.activity_type,
        "date": booking.date, "created_at": stamp(Some(booking.at)), "status": "executed",
        "net_amount": asked.net_amount.to_string(), "symbol": asked.symbol.as_ref().map(ToString::to_string),
    }))
}

pub(crate) fn account(exchange: &Exchange) -> model::Account {
    let (cash, equity) = exchange.account().stated();
    read(json!({"id": exchange.account_id(), "status": "ACTIVE", "cash": cash.to_string(),
        "equity": equity.to_string()}))
}

pub(crate) fn position(position: &PositionState) -> model::Position {
    let side = if position.quantity < Decimal::ZERO { "short" } else { "long" };
    read(
        json!({"asset_id": position.symbol.as_str(), "symbol": position.symbol.as_str(), "side": side,
        "qty": position.quantity.to_string(), "avg_entry_price": position.average.to_string(),
        "current_price": position.mark.to_string()}),
    )
}

pub(crate) fn clock(exchange: &Exchange) -> model::Clock {
    let (now, calendar) = (exchange.now(), exchange.market().calendar());
    let at = |at: Time| alpaca::time::new_york(at);
    read(json!({"timestamp": at(now), "is_open": calendar.session_at(now).is_some(),
        "next_open": at(calendar.next_open(now)), "next_close": at(calendar.next_close(now))}))
}

pub(crate) fn refused(request: &str, refusal: &Refusal) -> alpaca::AlpacaError {
    alpaca::AlpacaError::Refused {
        request: request.to_owned(),
        status: refusal.status,
        code: Some(u64::from(refusal.code)),
        message: refusal.message.clone(),
    }
}

/// The account as the venue states it, by the simulation's own hand.
pub(crate) fn statement(exchange: &Exchange) -> AccountReported {
    let (cash, equity) = exchange.account().stated();
    let holding = |position: PositionState| Holding {
        symbol: position.symbol,
        quantity: shares(position.quantity),
        average: Price(micros(position.average)),
        mark: Price(micros(position.mark)),
        rounding: Usd(0),
    };
    let positions = exchange.positions().into_iter().map(holding).collect();
    AccountReported { cash: Usd(micros(cash)), equity: Usd(micros(equity)), positions }
}

pub(crate) fn shares(quantity: Decimal) -> Shares {
    Shares(quantity.to_i64().filter(|_| quantity.is_integer()).expect("whole shares"))
}

pub(crate) fn micros(amount: Decimal) -> i64 {
    let micros = amount * Decimal::from(1_000_000);
    micros.to_i64().filter(|_| micros.is_integer()).expect("six decimals at most")
}
