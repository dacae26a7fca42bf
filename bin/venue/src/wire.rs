//! Orders, positions and what happens to them, in Alpaca's words.

use alpaca::model::{self, Amount, Position, Stamp, TradeUpdate};
use exchange::{self as core, Asset, Market, OrderKind, OrderState, PositionState, Refusal, Trail};
use messages::Side;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error, StringDeserializer};
use serde_json::{Map, Value, json};
use std::fmt;

pub(crate) fn order(market: &Market, order: &OrderState) -> model::Order {
    let kind: model::OrderType = word(kind(order.kind));
    let amount = |value: Option<Decimal>| value.map(Amount);
    let (trail_price, trail_percent) = match order.kind {
        OrderKind::TrailingStop { trail: Trail::Price(price) } => (Some(price), None),
        OrderKind::TrailingStop { trail: Trail::Percent(percent) } => (None, Some(percent)),
        _ => (None, None),
    };
    let class = match order.class {
        core::ClassName::Simple => String::new(),
        class => class.to_string(),
    };
    let asset = &market.assets()[order.asset];
    let legs = order.legs.iter().map(|leg| self::order(market, leg)).collect();
    model::Order {
        id: order.id.clone(),
        client_order_id: order.client_order_id.clone(),
        created_at: Some(Stamp(order.created_at)),
        updated_at: Some(Stamp(order.updated_at)),
        submitted_at: Some(Stamp(order.submitted_at)),
        filled_at: order.filled_at.map(Stamp),
        expired_at: order.expired_at.map(Stamp),
        expires_at: order.expires_at.map(Stamp),
        canceled_at: order.canceled_at.map(Stamp),
        failed_at: order.failed_at.map(Stamp),
        replaced_at: order.replaced_at.map(Stamp),
        replaced_by: order.replaced_by.clone(),
        replaces: order.replaces.clone(),
        asset_id: Some(asset.id.clone()),
        symbol: order.symbol.to_string(),
        asset_class: Some(asset.class.to_string()),
        notional: amount(order.notional),
        qty: amount(Some(order.quantity).filter(|_| order.notional.is_none())),
        filled_qty: Amount(order.filled),
        filled_avg_price: amount(order.average()),
        order_class: Some(class),
        order_type: Some(kind.clone()),
        r#type: kind,
        side: side(order.side),
        position_intent: Some(order.intent.to_string()),
        time_in_force: word(order.time_in_force),
        limit_price: amount(order.kind.limit()),
        stop_price: amount(order.stop()),
        status: word(order.status),
        extended_hours: order.extended_hours,
        legs: Some(legs).filter(|legs: &Vec<_>| !legs.is_empty()),
        trail_percent: amount(trail_percent),
        trail_price: amount(trail_price),
        hwm: amount(order.high_water_mark),
        source: None,
        subtag: None,
        ratio_qty: None,
        cancel_requested_at: None,
    }
}

pub(crate) fn update(market: &Market, update: &core::TradeUpdate) -> TradeUpdate {
    let execution = update.execution.as_ref();
    TradeUpdate {
        event: word(update.event),
        timestamp: Stamp(update.at),
        execution_id: execution.map(|fill| fill.id.clone()),
        price: execution.map(|fill| Amount(fill.price)),
        qty: execution.map(|fill| Amount(fill.quantity)),
        position_qty: execution.map(|fill| Amount(fill.position)),
        event_id: None,
        at: None,
        order: order(market, &update.order),
    }
}

pub(crate) fn side(side: Side) -> model::Side {
    match side {
        Side::Buy => model::Side::Buy,
        Side::Sell => model::Side::Sell,
    }
}

fn kind(kind: OrderKind) -> &'static str {
    match kind {
        OrderKind::Market => "market",
        OrderKind::Limit { .. } => "limit",
        OrderKind::Stop { .. } => "stop",
        OrderKind::StopLimit { .. } => "stop_limit",
        OrderKind::TrailingStop { .. } => "trailing_stop",
    }
}

/// The model's variant of a word; it has one for each that the exchange says, and keeps any other.
fn word<T: for<'de> Deserialize<'de>>(word: impl fmt::Display) -> T {
    let text: StringDeserializer<Error> = word.to_string().into_deserializer();
    T::deserialize(text).expect("words that are not known are kept")
}

/// Positions spell a pair without its slash.
pub(crate) fn position(market: &Market, position: &PositionState) -> Position {
    let asset: &Asset = &market.assets()[position.asset];
    let last = position.last_close.unwrap_or(position.mark);
    let profit = position.value - position.cost;
    let today = position.value - position.value_before;
    let ratio = |part: Decimal, whole: Decimal| {
        let ratio = part.checked_div(whole.abs()).unwrap_or_default();
        Some(Amount(ratio.round_dp(16).normalize()))
    };
    Position {
        asset_id: asset.id.clone(),
        symbol: position.symbol.as_str().replace('/', ""),
        exchange: Some(asset.exchange.clone()),
        asset_class: Some(asset.class.to_string()),
        asset_marginable: Some(asset.marginable),
        side: if position.quantity < Decimal::ZERO { "short" } else { "long" }.to_owned(),
        qty: Amount(position.quantity),
        qty_available: Some(Amount(position.available)),
        avg_entry_price: Amount(position.average),
        market_value: Some(Amount(position.value)),
        cost_basis: Some(Amount(position.cost)),
        unrealized_pl: Some(Amount(profit)),
        unrealized_plpc: ratio(profit, position.cost),
        unrealized_intraday_pl: Some(Amount(today)),
        unrealized_intraday_plpc: ratio(today, position.value_before),
        current_price: Some(Amount(position.mark)),
        lastday_price: Some(Amount(last)),
        change_today: ratio(position.mark - last, last),
    }
}

/// The body of a refusal.
pub(crate) fn refusal(refusal: &Refusal) -> Value {
    let mut body = Map::new();
    // The data API has no codes.
    if refusal.code != 0 {
        body.insert("code".to_owned(), json!(refusal.code));
    }
    body.insert("message".to_owned(), json!(refusal.message));
    body.extend(refusal.extras.iter().map(|(name, value)| ((*name).to_owned(), json!(value))));
    Value::Object(body)
}
