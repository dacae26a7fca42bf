//! What the exchange promises, as tests.

mod account;
mod bookings;
mod coins;
mod complex;
mod crossing;
mod fractions;
mod market;
mod properties;
mod races;
mod rules;
mod script;
mod tape;
mod waiting;

use crate::{
    Activity, Exchange, ExchangeConfig, Exit, Market, NewOrder, OrderClass, OrderKind,
    PositionState, Size, StopLoss, TimeInForce, TradeUpdate, Trail,
};
use jiff::civil::{Date, Time as Clock, date};
use messages::{Bars, Side, Symbol, Time, Usd};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Three symbols over five sessions from Tuesday 2024-01-02 on; `A` opens at 100, 101, … and closes
/// half a dollar higher on a million shares, two dollars above and below the open being its range; `B`
/// the same at half the price. `C` trades a thousand shares and has no bar on 2024-01-05. `BTC/USD` and
/// `ETH/USD` trade every day, weekends too.
fn small_market() -> Market {
    let row = |open: f64, volume| [open, open + 2.0, open - 2.0, open + 0.5, volume, open + 0.5];
    let days = [2, 3, 4, 5, 8];
    let bars = days.iter().zip(0..).map(|(day, n)| {
        let mut bars = Bars::empty(date(2024, 1, *day));
        bars.push("A".into(), row(100.0 + f64::from(n), 1e6));
        bars.push("B".into(), row(50.0 + f64::from(n), 1e6));
        if *day != 5 {
            bars.push("C".into(), row(20.0 + f64::from(n), 1000.0));
        }
        bars
    });
    let coins = (1..=9).map(|day| {
        let mut bars = Bars::empty(date(2024, 1, day));
        let n = f64::from(day);
        bars.push("BTC/USD".into(), row(40_000.0 + 100.0 * n, 1000.0));
        bars.push("ETH/USD".into(), row(2_000.0 + 10.0 * n, 10_000.0));
        bars
    });
    let sectors = ["A", "B", "C"].map(|symbol| (symbol.into(), "Energy".to_owned()));
    let market = Market::from_bars(bars.collect(), &BTreeMap::from(sectors)).unwrap();
    market.with_crypto(coins.collect()).unwrap()
}

/// A hundred thousand dollars, before the open of 2024-01-04: two sessions are history.
fn exchange() -> Exchange {
    exchange_with(Usd(100_000_000_000))
}

fn exchange_with(cash: Usd) -> Exchange {
    let market = small_market();
    let start = at(&market, date(2024, 1, 4), 8, 0);
    Exchange::new(market, ExchangeConfig::new(cash, 7, start))
}

fn at(market: &Market, day: Date, hour: i8, minute: i8) -> Time {
    market.calendar().instant(day, Clock::constant(hour, minute, 0, 0))
}

fn advance(exchange: &mut Exchange, day: i8, hour: i8, minute: i8) {
    let to = at(exchange.market(), date(2024, 1, day), hour, minute);
    exchange.advance(to);
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap_or_else(|_| panic!("{text:?} is no decimal"))
}

/// `"A buy 10 opg"`, `"A buy $100 day"`; then a limit as a bare number, or `stop=`, `limit=`, `trail=`,
/// `trail%=`, and for exits `profit=`, `loss=`, `loss_limit=`; `oco` or `oto` or else a bracket; `ext`.
fn order(text: &str) -> NewOrder {
    let words: Vec<&str> = text.split_whitespace().collect();
    let value = |name: &str| {
        let wanted = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        wanted.map(decimal)
    };
    let bare = words.get(4).filter(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let limit = bare.map(|word| decimal(word)).or(value("limit"));
    let trail = value("trail").map(Trail::Price).or(value("trail%").map(Trail::Percent));
    let kind = match (trail, value("stop"), limit) {
        (Some(trail), ..) => OrderKind::TrailingStop { trail },
        (_, None, None) => OrderKind::Market,
        (_, None, Some(limit)) => OrderKind::Limit { limit },
        (_, Some(stop), None) => OrderKind::Stop { stop },
        (_, Some(stop), Some(limit)) => OrderKind::StopLimit { stop, limit },
    };
    let loss = value("loss").map(|stop| StopLoss { stop, limit: value("loss_limit") });
    let class = match (value("profit"), loss, words.contains(&"oto")) {
        (None, None, _) => OrderClass::Simple,
        (None, Some(stop_loss), false) => OrderClass::Oco { stop_loss },
        (Some(take_profit), Some(stop_loss), _) => OrderClass::Bracket { take_profit, stop_loss },
        (None, Some(stop_loss), true) => OrderClass::Oto(Exit::StopLoss(stop_loss)),
        (Some(limit), None, _) => OrderClass::Oto(Exit::TakeProfit(limit)),
    };
    NewOrder {
        client_order_id: None,
        symbol: Symbol::from(words[0]),
        side: if words[1] == "buy" { Side::Buy } else { Side::Sell },
        size: match words[2].strip_prefix('$') {
            Some(dollars) => Size::Notional(decimal(dollars)),
            None => Size::Quantity(decimal(words[2])),
        },
        kind,
        time_in_force: match words[3] {
            "opg" => TimeInForce::Opg,
            "cls" => TimeInForce::Cls,
            "ioc" => TimeInForce::Ioc,
            "fok" => TimeInForce::Fok,
            "gtc" => TimeInForce::Gtc,
            _ => TimeInForce::Day,
        },
        class,
        extended_hours: words.contains(&"ext"),
        position_intent: None,
    }
}

/// The id of an order that was taken.
fn place(exchange: &mut Exchange, text: &str) -> String {
    exchange.submit(&order(text)).unwrap_or_else(|refusal| panic!("{text}: {refusal}")).id
}

fn refused(exchange: &mut Exchange, text: &str) -> String {
    exchange.submit(&order(text)).expect_err(text).to_string()
}

/// `partial_fill A buy 50/60 @100.1 -> 50`, one line per event.
fn told(exchange: &mut Exchange) -> String {
    let mut text = String::new();
    for update in exchange.updates() {
        writeln!(text, "{}", line(&update)).unwrap();
    }
    text
}

fn line(TradeUpdate { event, order, execution, .. }: &TradeUpdate) -> String {
    let (symbol, side, filled, whole) = (&order.symbol, order.side, order.filled, order.quantity);
    let fill = execution.as_ref();
    let fill = fill.map(|fill| format!(" @{} -> {}", fill.price, fill.position));
    format!("{event} {symbol} {side} {filled}/{whole}{}", fill.unwrap_or_default())
}
