//! From the JSON of a request to what the exchange is asked: what can be said of it without knowing the
//! market is said here, the rest by the exchange.

use exchange::{
    Exit, NewOrder, OrderClass, OrderKind, PositionIntent, Refusal, ReplaceOrder, Size, StopLoss,
    TimeInForce, Trail,
};
use messages::{Side, Symbol};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

type Fields = Map<String, Value>;

pub(crate) fn new_order(fields: &Fields) -> Result<NewOrder, Refusal> {
    let name = text(fields, "symbol").ok_or_else(|| Refusal::malformed("symbol is required"))?;
    let (kind, class) = kind_and_class(fields)?;
    Ok(NewOrder {
        client_order_id: client_order_id(fields)?,
        symbol: Symbol::from(name),
        side: side(text(fields, "side"))?,
        size: size(fields)?,
        kind,
        time_in_force: time_in_force(text(fields, "time_in_force"))?,
        class,
        extended_hours: flag(fields, "extended_hours")?,
        position_intent: text(fields, "position_intent").map(position_intent).transpose()?,
    })
}

pub(crate) fn replacement(fields: &Fields) -> Result<ReplaceOrder, Refusal> {
    if given(fields, "notional") {
        return Err(Refusal::invalid("notional can't be replaced"));
    }
    Ok(ReplaceOrder {
        quantity: amount(fields, "qty")?,
        time_in_force: match text(fields, "time_in_force") {
            None => None,
            word => Some(time_in_force(word)?),
        },
        limit: amount(fields, "limit_price")?,
        stop: amount(fields, "stop_price")?,
        trail: amount(fields, "trail")?,
        client_order_id: client_order_id(fields)?,
    })
}

pub(crate) fn side(word: Option<&str>) -> Result<Side, Refusal> {
    match word {
        Some("buy") => Ok(Side::Buy),
        Some("sell") => Ok(Side::Sell),
        _ => Err(Refusal::malformed("invalid side")),
    }
}

/// An exact decimal in text: `0.1`, `1e-7`.
pub(crate) fn decimal(text: &str) -> Option<Decimal> {
    let exact = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
    exact.ok()
}

fn time_in_force(word: Option<&str>) -> Result<TimeInForce, Refusal> {
    match word {
        Some("day") => Ok(TimeInForce::Day),
        Some("gtc") => Ok(TimeInForce::Gtc),
        Some("opg") => Ok(TimeInForce::Opg),
        Some("cls") => Ok(TimeInForce::Cls),
        Some("ioc") => Ok(TimeInForce::Ioc),
        Some("fok") => Ok(TimeInForce::Fok),
        _ => Err(Refusal::malformed("invalid time_in_force")),
    }
}

fn position_intent(word: &str) -> Result<PositionIntent, Refusal> {
    match word {
        "buy_to_open" => Ok(PositionIntent::BuyToOpen),
        "buy_to_close" => Ok(PositionIntent::BuyToClose),
        "sell_to_open" => Ok(PositionIntent::SellToOpen),
        "sell_to_close" => Ok(PositionIntent::SellToClose),
        _ => Err(Refusal::malformed("invalid position_intent")),
    }
}

fn size(fields: &Fields) -> Result<Size, Refusal> {
    match (amount(fields, "qty")?, amount(fields, "notional")?) {
        (Some(_), Some(_)) => Err(Refusal::malformed("only one of qty or notional is accepted")),
        (None, None) => Err(Refusal::malformed("qty or notional is required")),
        (Some(quantity), None) => Ok(Size::Quantity(quantity)),
        (None, Some(notional)) => Ok(Size::Notional(notional)),
    }
}

fn kind_and_class(fields: &Fields) -> Result<(OrderKind, OrderClass), Refusal> {
    let refuse = |message: String| Err(Refusal::malformed(message));
    let word = text(fields, "order_class").unwrap_or("simple");
    if word == "oco" {
        return oco(fields);
    }
    let kind = kind(fields)?;
    let (take_profit, stop_loss) = (take_profit(fields)?, stop_loss(fields)?);
    let class = match (word, take_profit, stop_loss) {
        ("simple", None, None) => OrderClass::Simple,
        ("simple", ..) => {
            return refuse("take_profit and stop_loss are for bracket, oco and oto orders".into());
        }
        ("bracket", Some(take_profit), Some(stop_loss)) => {
            OrderClass::Bracket { take_profit, stop_loss }
        }
        ("bracket", None, _) => {
            return refuse("bracket orders require take_profit.limit_price".into());
        }
        ("bracket", ..) => return refuse("bracket orders require stop_loss.stop_price".into()),
        ("oto", Some(limit), None) => OrderClass::Oto(Exit::TakeProfit(limit)),
        ("oto", None, Some(stop_loss)) => OrderClass::Oto(Exit::StopLoss(stop_loss)),
        ("oto", ..) => {
            return refuse(
                "oto orders require one of take_profit.limit_price or stop_loss.stop_price".into(),
            );
        }
        ("mleg", ..) => {
            return Err(Refusal::invalid("mleg orders are for options, which this venue has not"));
        }
        _ => return refuse("invalid order_class".into()),
    };
    if class != OrderClass::Simple && !matches!(kind, OrderKind::Market | OrderKind::Limit { .. }) {
        return Err(Refusal::invalid(format!("{word} orders must be market or limit orders")));
    }
    Ok((kind, class))
}

/// The order is the exit that takes the profit: its limit is there or in `take_profit`.
fn oco(fields: &Fields) -> Result<(OrderKind, OrderClass), Refusal> {
    if text(fields, "type").is_some_and(|kind| kind != "limit") {
        return Err(Refusal::invalid("oco orders must be limit orders"));
    }
    let limit = match take_profit(fields)? {
        None => amount(fields, "limit_price")?,
        limit => limit,
    };
    let no_limit = || Refusal::malformed("oco orders require take_profit.limit_price");
    let no_stop = || Refusal::malformed("oco orders require stop_loss.stop_price");
    let limit = limit.ok_or_else(no_limit)?;
    let stop_loss = stop_loss(fields)?.ok_or_else(no_stop)?;
    Ok((OrderKind::Limit { limit }, OrderClass::Oco { stop_loss }))
}

fn kind(fields: &Fields) -> Result<OrderKind, Refusal> {
    let refuse = |message: &str| Err(Refusal::malformed(message));
    let (limit, stop) = (amount(fields, "limit_price")?, amount(fields, "stop_price")?);
    match (text(fields, "type"), stop, limit) {
        (Some("market"), None, None) => Ok(OrderKind::Market),
        (Some("market"), ..) => refuse("market orders require no stop or limit price"),
        (Some("limit"), None, Some(limit)) => Ok(OrderKind::Limit { limit }),
        (Some("limit"), _, None) => refuse("limit orders require a limit price"),
        (Some("limit"), ..) => refuse("limit orders require no stop price"),
        (Some("stop"), Some(stop), None) => Ok(OrderKind::Stop { stop }),
        (Some("stop"), None, _) => refuse("stop orders require a stop price"),
        (Some("stop"), ..) => refuse("stop orders require no limit price"),
        (Some("stop_limit"), Some(stop), Some(limit)) => Ok(OrderKind::StopLimit { stop, limit }),
        (Some("stop_limit"), ..) => refuse("stop limit orders require both stop and limit price"),
        (Some("trailing_stop"), None, None) => trail(fields),
        (Some("trailing_stop"), ..) => {
            refuse("trailing stop orders require no stop or limit price")
        }
        _ => refuse("invalid order type"),
    }
}

fn trail(fields: &Fields) -> Result<OrderKind, Refusal> {
    let trail = match (amount(fields, "trail_price")?, amount(fields, "trail_percent")?) {
        (Some(price), None) => Trail::Price(price),
        (None, Some(percent)) => Trail::Percent(percent),
        (Some(_), Some(_)) => {
            let message = "only one of trail_price or trail_percent is accepted";
            return Err(Refusal::malformed(message));
        }
        (None, None) => {
            let message = "trailing stop orders require trail_price or trail_percent";
            return Err(Refusal::malformed(message));
        }
    };
    Ok(OrderKind::TrailingStop { trail })
}

fn take_profit(fields: &Fields) -> Result<Option<Decimal>, Refusal> {
    part(fields, "take_profit")?.map_or(Ok(None), |part| amount(part, "limit_price"))
}

fn stop_loss(fields: &Fields) -> Result<Option<StopLoss>, Refusal> {
    let Some(part) = part(fields, "stop_loss")? else {
        return Ok(None);
    };
    let (stop, limit) = (amount(part, "stop_price")?, amount(part, "limit_price")?);
    Ok(stop.map(|stop| StopLoss { stop, limit }))
}

fn part<'a>(fields: &'a Fields, name: &str) -> Result<Option<&'a Fields>, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Object(part)) => Ok(Some(part)),
        Some(_) => Err(Refusal::malformed(format!("invalid {name}"))),
    }
}

/// Amounts come as strings and as numbers; an empty string is none.
fn amount(fields: &Fields, name: &str) -> Result<Option<Decimal>, Refusal> {
    let parsed = match fields.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.is_empty() => return Ok(None),
        Some(Value::String(text)) => decimal(text),
        Some(Value::Number(number)) => decimal(&number.to_string()),
        Some(_) => None,
    };
    parsed.map(Some).ok_or_else(|| Refusal::malformed(format!("invalid {name}")))
}

/// Never made of anything but text: two clients would make different texts of `5.0`.
fn client_order_id(fields: &Fields) -> Result<Option<String>, Refusal> {
    match fields.get("client_order_id") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(id)) => Ok(Some(id.clone()).filter(|id| !id.is_empty())),
        Some(_) => Err(Refusal::malformed("invalid client_order_id: it must be a string")),
    }
}

fn flag(fields: &Fields, name: &str) -> Result<bool, Refusal> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(flag)) => Ok(*flag),
        Some(_) => Err(Refusal::malformed(format!("invalid {name}"))),
    }
}

fn given(fields: &Fields, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !value.is_null())
}

/// Of a field that is there and not empty.
fn text<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}
