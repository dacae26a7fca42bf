//! What the exchange promises, as tests.

mod market;
mod properties;
mod rules;

use crate::{Exchange, ExchangeConfig, Market, NewOrder, OrderKind, TradeUpdate};
use jiff::civil::{Date, Time as Clock, date};
use messages::{Bars, Shares, Side, Symbol, Time, TimeInForce, Usd};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Three symbols over five sessions from Tuesday 2024-01-02 on; `A` opens at 100, 101, … and closes
/// half a dollar higher on a million shares, `B` the same at half the price. `C` has no bar on
/// 2024-01-05.
fn small_market() -> Market {
    let days = [2, 3, 4, 5, 8];
    let bars = days.iter().zip(0..).map(|(day, n)| {
        let mut bars = Bars::empty(date(2024, 1, *day));
        let row =
            |open: f64, volume| [open, open + 2.0, open - 2.0, open + 0.5, volume, open + 0.5];
        bars.push("A".into(), row(100.0 + f64::from(n), 1e6));
        bars.push("B".into(), row(50.0 + f64::from(n), 1e6));
        if *day != 5 {
            bars.push("C".into(), row(20.0 + f64::from(n), 1000.0));
        }
        bars
    });
    let sectors = ["A", "B", "C"].map(|symbol| (symbol.into(), "Energy".to_owned()));
    Market::from_bars(bars.collect(), &BTreeMap::from(sectors)).unwrap()
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

/// `"A buy 10 opg"`, with a limit price as a fifth word.
fn order(text: &str) -> NewOrder {
    let words: Vec<&str> = text.split_whitespace().collect();
    NewOrder {
        client_order_id: None,
        symbol: Symbol::from(words[0]),
        side: if words[1] == "buy" { Side::Buy } else { Side::Sell },
        quantity: Shares(words[2].parse().unwrap()),
        time_in_force: match words[3] {
            "opg" => TimeInForce::Opg,
            "ioc" => TimeInForce::Ioc,
            _ => TimeInForce::Day,
        },
        kind: words.get(4).map_or(OrderKind::Market, |p| OrderKind::Limit(p.parse().unwrap())),
    }
}

/// The id of an order that was taken.
fn place(exchange: &mut Exchange, text: &str) -> String {
    exchange.submit(order(text)).unwrap_or_else(|refusal| panic!("{text}: {refusal}")).id
}

fn refused(exchange: &mut Exchange, text: &str) -> String {
    exchange.submit(order(text)).expect_err(text).to_string()
}

/// `partial_fill A buy 50/60 @100.1 -> 50`, one line per event.
fn told(exchange: &mut Exchange) -> String {
    let mut text = String::new();
    for TradeUpdate { event, order, execution, .. } in exchange.updates() {
        let (symbol, side, filled, whole) =
            (&order.symbol, order.side, order.filled.0, order.quantity.0);
        write!(text, "{event} {symbol} {side} {filled}/{whole}").unwrap();
        if let Some(fill) = execution {
            write!(text, " @{} -> {}", fill.price, fill.position.0).unwrap();
        }
        text.push('\n');
    }
    text
}
