//! The exchange's state in Alpaca's words.

use alpaca::model::{
    self, Account, Activity, Amount, CalendarDay, Clock, Position, Stamp, Status, TradeUpdate,
};
use exchange::calendar::Session;
use exchange::{self as core, Asset, Exchange, OrderKind, OrderState, PositionState};
use messages::{Price, Shares, Side, TimeInForce, Usd};
use rust_decimal::Decimal;

pub(crate) fn order(order: &OrderState) -> model::Order {
    let (kind, limit) = match order.kind {
        OrderKind::Market => (model::OrderType::Market, None),
        OrderKind::Limit(limit) => (model::OrderType::Limit, Some(price(limit))),
    };
    model::Order {
        id: order.id.clone(),
        client_order_id: order.client_order_id.clone(),
        created_at: Some(Stamp(order.created_at)),
        updated_at: Some(Stamp(order.updated_at)),
        submitted_at: Some(Stamp(order.created_at)),
        filled_at: order.filled_at.map(Stamp),
        expired_at: order.expired_at.map(Stamp),
        expires_at: order.expires_at.map(Stamp),
        canceled_at: order.canceled_at.map(Stamp),
        failed_at: None,
        replaced_at: None,
        replaced_by: None,
        replaces: None,
        asset_id: Some(order.asset_id.clone()),
        symbol: order.symbol.0.clone(),
        asset_class: Some("us_equity".to_owned()),
        notional: None,
        qty: Some(shares(order.quantity)),
        filled_qty: shares(order.filled),
        filled_avg_price: order.average().map(price),
        order_class: Some(String::new()),
        order_type: Some(kind.clone()),
        r#type: kind,
        side: side(order.side),
        position_intent: Some(intent(order)),
        time_in_force: match order.time_in_force {
            TimeInForce::Day => model::TimeInForce::Day,
            TimeInForce::Opg => model::TimeInForce::Opg,
            TimeInForce::Ioc => model::TimeInForce::Ioc,
        },
        limit_price: limit,
        stop_price: None,
        status: status(order.status),
        extended_hours: false,
        legs: None,
        trail_percent: None,
        trail_price: None,
        hwm: None,
        source: None,
        subtag: None,
    }
}

fn status(status: core::Status) -> Status {
    match status {
        core::Status::Accepted => Status::Accepted,
        core::Status::PendingNew => Status::PendingNew,
        core::Status::New => Status::New,
        core::Status::PartiallyFilled => Status::PartiallyFilled,
        core::Status::Filled => Status::Filled,
        core::Status::Canceled => Status::Canceled,
        core::Status::Expired => Status::Expired,
    }
}

fn intent(order: &OrderState) -> String {
    let effect = if order.opens { "open" } else { "close" };
    format!("{}_to_{effect}", order.side)
}

fn side(side: Side) -> model::Side {
    match side {
        Side::Buy => model::Side::Buy,
        Side::Sell => model::Side::Sell,
    }
}

pub(crate) fn update(update: &core::TradeUpdate) -> TradeUpdate {
    let execution = update.execution.as_ref();
    TradeUpdate {
        event: match update.event {
            core::Event::Accepted => model::Event::Accepted,
            core::Event::New => model::Event::New,
            core::Event::PartialFill => model::Event::PartialFill,
            core::Event::Fill => model::Event::Fill,
            core::Event::Canceled => model::Event::Canceled,
            core::Event::Expired => model::Event::Expired,
        },
        timestamp: Stamp(update.at),
        execution_id: execution.map(|fill| fill.id.clone()),
        price: execution.map(|fill| price(fill.price)),
        qty: execution.map(|fill| shares(fill.quantity)),
        position_qty: execution.map(|fill| shares(fill.position)),
        order: order(&update.order),
    }
}

pub(crate) fn account(exchange: &Exchange) -> Account {
    let core::Account {
        cash,
        equity,
        last_equity,
        long_value,
        short_value,
        buying_power,
        initial_margin,
        maintenance_margin,
    } = exchange.account();
    let regt = Usd(2 * (equity - initial_margin).0.max(0));
    let some = |value: Usd| Some(usd(value));
    Account {
        id: exchange.account_id(),
        status: "ACTIVE".to_owned(),
        account_number: Some("SIMULATED".to_owned()),
        currency: Some("USD".to_owned()),
        cash: some(cash),
        equity: some(equity),
        last_equity: some(last_equity),
        portfolio_value: some(equity),
        position_market_value: some(long_value + short_value),
        long_market_value: some(long_value),
        short_market_value: some(short_value),
        buying_power: some(buying_power),
        regt_buying_power: some(regt),
        effective_buying_power: some(buying_power),
        non_marginable_buying_power: some(Usd(cash.0.max(0))),
        initial_margin: some(initial_margin),
        maintenance_margin: some(maintenance_margin),
        multiplier: Some(Amount(Decimal::from(4))),
        accrued_fees: some(Usd(0)),
        shorting_enabled: true,
        ..Account::default()
    }
}

pub(crate) fn position(position: &PositionState) -> Position {
    let last = position.last_close.unwrap_or(position.mark);
    let profit = position.value - position.cost;
    let today = position.value - last.times(position.quantity);
    let ratio = |part: i64, whole: i64| {
        let ratio = Decimal::from(part).checked_div(Decimal::from(whole)).unwrap_or_default();
        Some(Amount(ratio.round_dp(10).normalize()))
    };
    Position {
        asset_id: position.asset_id.clone(),
        symbol: position.symbol.0.clone(),
        exchange: Some("NYSE".to_owned()),
        asset_class: Some("us_equity".to_owned()),
        asset_marginable: Some(true),
        side: if position.quantity.0 < 0 { "short" } else { "long" }.to_owned(),
        qty: shares(position.quantity),
        qty_available: Some(shares(position.available)),
        avg_entry_price: price(position.average),
        market_value: Some(usd(position.value)),
        cost_basis: Some(usd(position.cost)),
        unrealized_pl: Some(usd(profit)),
        unrealized_plpc: ratio(profit.0, position.cost.0.abs()),
        unrealized_intraday_pl: Some(usd(today)),
        unrealized_intraday_plpc: ratio(today.0, last.times(position.quantity).0.abs()),
        current_price: Some(price(position.mark)),
        lastday_price: Some(price(last)),
        change_today: ratio(position.mark.0 - last.0, last.0),
    }
}

pub(crate) fn activity(exchange: &Exchange, fill: &core::Fill) -> Activity {
    let local = exchange.market().calendar().local(fill.at);
    let complete = fill.leaves.0 == 0;
    Activity {
        id: format!("{}::{}", local.strftime("%Y%m%d%H%M%S%3f"), fill.id),
        activity_type: "FILL".to_owned(),
        transaction_time: Some(Stamp(fill.at)),
        r#type: Some(if complete { "fill" } else { "partial_fill" }.to_owned()),
        price: Some(price(fill.price)),
        qty: Some(shares(fill.quantity)),
        side: Some(side(fill.side)),
        symbol: Some(fill.symbol.0.clone()),
        leaves_qty: Some(shares(fill.leaves)),
        order_id: Some(fill.order_id.clone()),
        cum_qty: Some(shares(fill.cumulative)),
        order_status: Some(if complete { "filled" } else { "partially_filled" }.to_owned()),
        ..Activity::default()
    }
}

pub(crate) fn clock(exchange: &Exchange) -> Clock {
    let (now, calendar) = (exchange.now(), exchange.market().calendar());
    Clock {
        timestamp: Stamp(now),
        is_open: calendar.session_at(now).is_some(),
        next_open: Stamp(calendar.next_open(now)),
        next_close: Stamp(calendar.next_close(now)),
    }
}

pub(crate) fn calendar_day(exchange: &Exchange, session: &Session) -> CalendarDay {
    let local = |time| exchange.market().calendar().local(time).time();
    let close = local(session.close);
    CalendarDay {
        date: session.date,
        open: local(session.open),
        close,
        session_open: Some("0400".to_owned()),
        session_close: Some(if close.hour() < 16 { "1700" } else { "2000" }.to_owned()),
        settlement_date: None,
    }
}

pub(crate) fn asset(asset: &Asset) -> model::Asset {
    model::Asset {
        id: asset.id.clone(),
        class: "us_equity".to_owned(),
        exchange: Some("NYSE".to_owned()),
        symbol: asset.symbol.0.clone(),
        name: Some(asset.name.clone()),
        status: "active".to_owned(),
        tradable: true,
        marginable: true,
        shortable: true,
        easy_to_borrow: true,
        fractionable: false,
        borrow_status: Some("easy_to_borrow".to_owned()),
        maintenance_margin_requirement: Some(30.0),
        margin_requirement_long: Some(Amount(Decimal::from(30))),
        margin_requirement_short: Some(Amount(Decimal::from(30))),
        attributes: Vec::new(),
    }
}

pub(crate) fn price(price: Price) -> Amount {
    micros(price.0)
}

fn usd(value: Usd) -> Amount {
    micros(value.0)
}

fn shares(quantity: Shares) -> Amount {
    Amount(Decimal::from(quantity.0))
}

fn micros(micros: i64) -> Amount {
    Amount(Decimal::new(micros, 6).normalize())
}
