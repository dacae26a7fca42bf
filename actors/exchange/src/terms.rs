//! What can be said of an order without knowing account or prices.

use super::admission::QUANTITY_DECIMALS;
use super::asset::Asset;
use super::order::ClassName;
use super::refusal::Refusal;
use super::request::{Exit, NewOrder, OrderClass, OrderKind, Size, StopLoss, TimeInForce, Trail};
use rust_decimal::Decimal;

pub(super) fn check_terms(info: &Asset, request: &NewOrder) -> Result<(), Refusal> {
    check_size(request)?;
    if info.is_crypto() { check_coin_terms(request) } else { check_share_terms(info, request) }?;
    check_prices(info, request)?;
    check_exits(info, &request.class)
}

fn check_size(request: &NewOrder) -> Result<(), Refusal> {
    match request.size {
        Size::Quantity(quantity) if quantity <= Decimal::ZERO => {
            Err(Refusal::malformed("qty must be > 0"))
        }
        Size::Notional(notional) if notional <= Decimal::ZERO => {
            Err(Refusal::malformed("notional must be > 0"))
        }
        _ => Ok(()),
    }
}

fn check_coin_terms(request: &NewOrder) -> Result<(), Refusal> {
    if request.class != OrderClass::Simple {
        let class = class_name(&request.class).to_string();
        return Err(Refusal::invalid(format!(
            "crypto orders not allowed for advanced order_class: {class}"
        )));
    }
    if matches!(request.kind, OrderKind::Stop { .. } | OrderKind::TrailingStop { .. }) {
        return Err(Refusal::invalid("invalid order type for crypto order"));
    }
    if !matches!(request.time_in_force, TimeInForce::Gtc | TimeInForce::Ioc) {
        return Err(Refusal::invalid("invalid crypto time_in_force"));
    }
    if request.extended_hours {
        return Err(Refusal::invalid("extended hours are not for crypto orders"));
    }
    Ok(())
}

fn check_share_terms(info: &Asset, request: &NewOrder) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::invalid(message));
    if is_fractional(request.size) {
        check_fraction(info, request)?;
    }
    let force = request.time_in_force;
    let (lasting, stays) = (matches!(force, TimeInForce::Day | TimeInForce::Gtc), request.kind);
    if request.extended_hours && !(lasting && matches!(stays, OrderKind::Limit { .. })) {
        return refuse("extended hours order must be DAY or GTC limit orders");
    }
    if request.extended_hours && request.class != OrderClass::Simple {
        return refuse("extended hours order must be simple order");
    }
    match request.kind {
        OrderKind::Market | OrderKind::Limit { .. } => {}
        OrderKind::TrailingStop { .. } if !lasting => {
            return refuse("trailing stop orders must be DAY or GTC orders");
        }
        _ if !lasting => return refuse("stop orders must be DAY or GTC orders"),
        _ => {}
    }
    if request.class != OrderClass::Simple && !lasting {
        let class = class_name(&request.class);
        return Err(Refusal::invalid(format!("{class} orders must be DAY or GTC orders")));
    }
    Ok(())
}

pub(super) fn is_fractional(size: Size) -> bool {
    match size {
        Size::Quantity(quantity) => !quantity.is_integer(),
        Size::Notional(_) => true,
    }
}

fn check_fraction(info: &Asset, request: &NewOrder) -> Result<(), Refusal> {
    if !info.fractionable {
        return Err(Refusal::forbidden(format!("asset \"{}\" is not fractionable", info.symbol)));
    }
    if let Size::Quantity(quantity) = request.size
        && quantity.normalize().scale() > QUANTITY_DECIMALS
    {
        return Err(Refusal::malformed("qty can have no more than 9 decimal places"));
    }
    if request.class != OrderClass::Simple {
        return Err(Refusal::invalid("fractional orders must be simple orders"));
    }
    if request.time_in_force != TimeInForce::Day {
        return Err(Refusal::invalid("fractional orders must be DAY orders"));
    }
    if matches!(request.kind, OrderKind::TrailingStop { .. }) {
        return Err(Refusal::invalid("fractional orders can't be trailing stop orders"));
    }
    Ok(())
}

fn check_prices(info: &Asset, request: &NewOrder) -> Result<(), Refusal> {
    match request.kind {
        OrderKind::Limit { limit } => check_price(info, "limit_price", limit),
        OrderKind::Stop { stop } => check_price(info, "stop_price", stop),
        OrderKind::StopLimit { stop, limit } => {
            check_price(info, "stop_price", stop)?;
            check_price(info, "limit_price", limit)
        }
        OrderKind::TrailingStop { trail: Trail::Price(price) } if price <= Decimal::ZERO => {
            Err(Refusal::malformed("trail_price must be > 0"))
        }
        OrderKind::TrailingStop { trail: Trail::Percent(percent) }
            if percent <= Decimal::ZERO || percent >= Decimal::ONE_HUNDRED =>
        {
            Err(Refusal::malformed("trail_percent must be > 0 and < 100"))
        }
        OrderKind::Market | OrderKind::TrailingStop { .. } => Ok(()),
    }
}

/// Whole cents from a dollar up, hundredths of a cent below. Coins have nine decimals, more are cut off.
pub(super) fn check_price(info: &Asset, field: &str, price: Decimal) -> Result<(), Refusal> {
    if price <= Decimal::ZERO {
        let name = field.rsplit('.').next().unwrap_or(field).replace('_', " ");
        return Err(Refusal::malformed(format!("{name} must be > 0")));
    }
    let decimals = if price >= Decimal::ONE { 2 } else { 4 };
    if !info.is_crypto() && price.normalize().scale() > decimals {
        return Err(Refusal::invalid(format!(
            "invalid {field} {}. sub-penny increment does not fulfill minimum pricing criteria",
            price.normalize()
        )));
    }
    Ok(())
}

fn check_exits(info: &Asset, class: &OrderClass) -> Result<(), Refusal> {
    let (take_profit, stop_loss) = match class {
        OrderClass::Simple => return Ok(()),
        OrderClass::Bracket { take_profit, stop_loss } => (Some(*take_profit), Some(*stop_loss)),
        OrderClass::Oco { stop_loss } | OrderClass::Oto(Exit::StopLoss(stop_loss)) => {
            (None, Some(*stop_loss))
        }
        OrderClass::Oto(Exit::TakeProfit(limit)) => (Some(*limit), None),
    };
    if let Some(limit) = take_profit {
        check_price(info, "take_profit.limit_price", limit)?;
    }
    if let Some(StopLoss { stop, limit }) = stop_loss {
        check_price(info, "stop_loss.stop_price", stop)?;
        limit.map_or(Ok(()), |limit| check_price(info, "stop_loss.limit_price", limit))?;
    }
    Ok(())
}

pub(super) fn class_name(class: &OrderClass) -> ClassName {
    match class {
        OrderClass::Simple => ClassName::Simple,
        OrderClass::Bracket { .. } => ClassName::Bracket,
        OrderClass::Oco { .. } => ClassName::Oco,
        OrderClass::Oto(_) => ClassName::Oto,
    }
}

/// The one that takes the profit first.
pub(super) fn exits(class: &OrderClass) -> Vec<OrderKind> {
    let profit = |limit: &Decimal| OrderKind::Limit { limit: *limit };
    let loss = |loss: &StopLoss| match loss.limit {
        None => OrderKind::Stop { stop: loss.stop },
        Some(limit) => OrderKind::StopLimit { stop: loss.stop, limit },
    };
    match class {
        OrderClass::Simple => Vec::new(),
        OrderClass::Bracket { take_profit, stop_loss } => {
            vec![profit(take_profit), loss(stop_loss)]
        }
        OrderClass::Oco { stop_loss } | OrderClass::Oto(Exit::StopLoss(stop_loss)) => {
            vec![loss(stop_loss)]
        }
        OrderClass::Oto(Exit::TakeProfit(limit)) => vec![profit(limit)],
    }
}
