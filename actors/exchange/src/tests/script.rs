//! Scenarios: what is asked, line by line, and what comes of it.

use super::*;
use crate::{ClosePosition, Part, Refusal, ReplaceOrder};

/// A session in words. Each line is a time (`4 09:30`: the day of January 2024), or asks for something:
/// an order as [`order`] reads it, `cancel 2` (the second order that was placed), `replace 2 limit=…`,
/// `close A`, `close A 50%`, `close all`, `cancel all`, `lag 60` (seconds). The answer repeats the line
/// and says below it what happened, one event a line, or what the exchange refused.
pub(super) fn play(exchange: &mut Exchange, script: &str) -> String {
    let mut text = String::new();
    let mut ids: Vec<String> = Vec::new();
    for asked in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        writeln!(text, "{asked}").unwrap();
        if let Err(refusal) = act(exchange, asked, &mut ids) {
            writeln!(text, "    {refusal}").unwrap();
        }
        for update in exchange.updates() {
            let known = ids.iter().position(|id| *id == update.order.id);
            let number = known.unwrap_or_else(|| {
                ids.push(update.order.id.clone());
                ids.len() - 1
            });
            writeln!(text, "    #{} {}", number + 1, super::line(&update)).unwrap();
        }
    }
    text
}

fn act(exchange: &mut Exchange, asked: &str, ids: &mut Vec<String>) -> Result<(), Refusal> {
    let words: Vec<&str> = asked.split_whitespace().collect();
    let id = |word: &str| ids[word.parse::<usize>().unwrap() - 1].clone();
    match words[..] {
        ["cancel", "all"] => {
            exchange.cancel_all();
            Ok(())
        }
        ["cancel", number] => exchange.cancel(&id(number)),
        ["replace", number, ..] => {
            let id = id(number);
            exchange.replace(&id, &change(&words[2..])).map(|order| ids.push(order.id))
        }
        ["close", "all"] => {
            exchange.close_all(true);
            Ok(())
        }
        ["close", symbol, ref part @ ..] => {
            let part = match part.first().map(|part| (*part, part.strip_suffix('%'))) {
                None => Part::Whole,
                Some((_, Some(percent))) => Part::Percentage(decimal(percent)),
                Some((quantity, None)) => Part::Quantity(decimal(quantity)),
            };
            exchange.close_position(&ClosePosition { symbol: symbol.into(), part }).map(|_| ())
        }
        ["lag", seconds] => {
            exchange.set_lag(seconds.parse::<i64>().unwrap() * 1_000_000_000);
            Ok(())
        }
        [day, time] => {
            let (hour, minute) = time.split_once(':').unwrap();
            advance(exchange, day.parse().unwrap(), hour.parse().unwrap(), minute.parse().unwrap());
            Ok(())
        }
        _ => exchange.submit(&order(asked)).map(|order| {
            ids.push(order.id);
            ids.extend(order.legs.into_iter().map(|leg| leg.id));
        }),
    }
}

fn change(words: &[&str]) -> ReplaceOrder {
    let value = |name: &str| {
        let found = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
        found.map(decimal)
    };
    ReplaceOrder {
        quantity: value("qty"),
        time_in_force: words.iter().find_map(|word| match *word {
            "gtc" => Some(TimeInForce::Gtc),
            "ioc" => Some(TimeInForce::Ioc),
            "fok" => Some(TimeInForce::Fok),
            _ => None,
        }),
        limit: value("limit"),
        stop: value("stop"),
        trail: value("trail"),
        client_order_id: None,
    }
}
