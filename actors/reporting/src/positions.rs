use crate::record::SessionRecord;
use messages::{Date, Holding};
use serde::Serialize;

/// `positions.json`: the book after the last session with an account. Money in dollars.
#[derive(Debug, Serialize)]
pub(crate) struct Book<'a> {
    run_id: &'a str,
    session: Option<Date>,
    nav: Option<f64>,
    cash: Option<f64>,
    positions: Vec<Position<'a>>,
}

#[derive(Debug, Serialize)]
struct Position<'a> {
    symbol: &'a str,
    /// Signed: negative is short.
    quantity: i64,
    /// Average entry price.
    average: f64,
    mark: f64,
    value: f64,
    /// Against the average entry.
    unrealised: f64,
}

pub(crate) fn positions_json<'a>(records: &[&'a SessionRecord]) -> Book<'a> {
    let day = records.iter().rev().find_map(|record| record.day.as_ref());
    Book {
        run_id: records.first().map_or("", |record| &record.run_id),
        session: day.map(|day| day.session),
        nav: day.map(|day| day.nav_close.to_f64()),
        cash: day.map(|day| day.cash.to_f64()),
        positions: day.map_or_else(Vec::new, |day| day.positions.iter().map(position).collect()),
    }
}

fn position(held: &Holding) -> Position<'_> {
    let value = held.value();
    Position {
        symbol: held.symbol.as_str(),
        quantity: held.quantity.0,
        average: held.average.to_f64(),
        mark: held.mark.to_f64(),
        value: value.to_f64(),
        unrealised: (value - held.average.times(held.quantity)).to_f64(),
    }
}
