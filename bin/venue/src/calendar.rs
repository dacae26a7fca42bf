//! Clock and calendar of the stock exchange.

use crate::query::{Parameters, date};
use crate::reply::{Reply, ok};
use crate::state::App;
use alpaca::model::{CalendarDay, Clock, Stamp};
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use exchange::calendar::{Calendar, is_half_day, is_xnys_session};
use exchange::{Exchange, Refusal};
use jiff::ToSpan;
use jiff::civil::{self, Weekday, date as day};
use messages::Date;
use std::sync::Arc;

/// What Alpaca's calendar covers.
const YEARS: std::ops::RangeInclusive<i16> = 1970..=2029;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v2/clock", get(clock)).route("/v2/calendar", get(calendar))
}

async fn clock(State(app): State<Arc<App>>) -> Reply {
    Ok(ok(&app.turn(|state| wire(&state.exchange))))
}

pub(crate) fn wire(exchange: &Exchange) -> Clock {
    let (now, calendar) = (exchange.now(), exchange.market().calendar());
    Clock {
        timestamp: Stamp(now),
        is_open: calendar.session_at(now).is_some(),
        next_open: Stamp(calendar.next_open(now)),
        next_close: Stamp(calendar.next_close(now)),
    }
}

/// The sessions that this market has, and those that the rules of XNYS have before and after them.
async fn calendar(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let (start, end) = (date(&query, "start")?, date(&query, "end")?);
    let outside = |date: &Date| !YEARS.contains(&date.year());
    if let Some(date) = start.iter().chain(&end).find(|date| outside(date)) {
        return Err(Refusal::malformed(format!("{date} is not between 1970 and 2029")).into());
    }
    let (start, end) = (start.unwrap_or(day(1970, 1, 1)), end.unwrap_or(day(2029, 12, 31)));
    if start > end {
        return Err(Refusal::malformed("end must be after start").into());
    }
    let by_settlement = match query.get("date_type").map(|kind| kind.to_ascii_uppercase()) {
        None => false,
        Some(kind) if kind.is_empty() || kind == "TRADING" => false,
        Some(kind) if kind == "SETTLEMENT" => true,
        Some(kind) => return Err(Refusal::malformed(format!("invalid date_type: {kind}")).into()),
    };
    let wanted = |session: &CalendarDay| {
        let settled = session.settlement_date.filter(|_| by_settlement);
        (start..=end).contains(&settled.unwrap_or(session.date))
    };
    // Settlement is at most ten days behind the trade.
    let first = if by_settlement { start.saturating_sub(10.days()) } else { start };
    let calendar = app.market.calendar();
    let days = sessions(calendar, first, end).map(|(date, close)| listed(date, close));
    Ok(ok(&days.filter(wanted).collect::<Vec<_>>()))
}

/// Days on which the exchange opens, with the time it closes at.
fn sessions(
    calendar: &Calendar,
    first: Date,
    last: Date,
) -> impl Iterator<Item = (Date, civil::Time)> {
    let known = calendar.sessions();
    let span = known.first().zip(known.last()).map(|(first, last)| (first.date, last.date));
    let by_rule = move |date: &Date| {
        let within = span.is_some_and(|(first, last)| (first..=last).contains(date));
        !within && is_xnys_session(*date)
    };
    let rule_close = |date| civil::Time::constant(if is_half_day(date) { 13 } else { 16 }, 0, 0, 0);
    let close = |at: usize| calendar.local(known[at].close).time();
    let days = std::iter::successors(Some(first), |date| date.tomorrow().ok());
    days.take_while(move |date| *date <= last).filter_map(move |date| {
        match known.binary_search_by_key(&date, |session| session.date) {
            Ok(at) => Some((date, close(at))),
            Err(_) => by_rule(&date).then(|| (date, rule_close(date))),
        }
    })
}

fn listed(date: Date, close: civil::Time) -> CalendarDay {
    CalendarDay {
        date,
        open: civil::Time::constant(9, 30, 0, 0),
        close,
        session_open: Some("0400".to_owned()),
        session_close: Some(if close.hour() < 16 { "1700" } else { "2000" }.to_owned()),
        settlement_date: settlement(date),
    }
}

/// So many days after the trade on which both the exchange and the banks are open: one since 28 May
/// 2024, two since 5 September 2017, three since 7 June 1995, five before.
fn settlement(trade: Date) -> Option<Date> {
    let days = match trade {
        _ if trade >= day(2024, 5, 28) => 1,
        _ if trade >= day(2017, 9, 5) => 2,
        _ if trade >= day(1995, 6, 7) => 3,
        _ => 5,
    };
    let later = std::iter::successors(trade.tomorrow().ok(), |date| date.tomorrow().ok());
    later.filter(|date| is_xnys_session(*date) && !is_bank_holiday(*date)).nth(days - 1)
}

/// Columbus Day and Veterans Day, on which the exchange is open.
fn is_bank_holiday(date: Date) -> bool {
    let (month, day, monday) = (date.month(), date.day(), date.weekday() == Weekday::Monday);
    let columbus = month == 10 && monday && (8..=14).contains(&day);
    let veterans = month == 11 && (day == 11 || (day == 12 && monday));
    columbus || veterans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trades_settle_as_the_rules_of_their_time_say() {
        let cases = [
            // T+2 over Columbus Day and a weekend.
            (day(2023, 10, 6), day(2023, 10, 11)),
            // T+2, then T+1 from the Tuesday after Memorial Day 2024.
            (day(2024, 5, 24), day(2024, 5, 29)),
            (day(2024, 5, 28), day(2024, 5, 29)),
            // Over Veterans Day, and over Thanksgiving.
            (day(2024, 11, 8), day(2024, 11, 12)),
            (day(2024, 11, 27), day(2024, 11, 29)),
        ];
        for (trade, settled) in cases {
            assert_eq!(settlement(trade), Some(settled), "{trade}");
        }
    }
}
