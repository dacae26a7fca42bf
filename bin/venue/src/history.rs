//! The account's worth over time, from its ledger and the tape.
//!
//! A point is labelled with the beginning of its window and holds the equity at its end, or now if it
//! is not over. There are none before the account was opened. Profit is counted from `base_value`, the
//! equity at the close before the first window (of each day, with `pnl_reset=per_day` and windows of
//! less than a day).

use crate::query::{Parameters, date, flag, moment};
use crate::reply::{Refused, Reply, ok};
use crate::state::{App, State as Venue};
use alpaca::model::PortfolioHistory;
use axum::Router;
use axum::extract::{Query, State};
use axum::routing::get;
use exchange::calendar::Calendar;
use exchange::{Activity, Refusal};
use jiff::Span;
use jiff::civil::Time as Clock;
use messages::{Date, Time};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use std::collections::BTreeMap;
use std::sync::Arc;

const MINUTE: i64 = 60_000_000_000;
const DAY: i64 = 24 * 60 * MINUTE;
const INTRADAY_DAYS_MAX: i64 = 30;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v2/account/portfolio/history", get(history))
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Timeframe {
    /// And its name.
    Minutes(i64, &'static str),
    Day,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Hours {
    Market,
    Extended,
    /// Also at night and on weekends.
    Continuous,
}

/// A number of days, weeks, months or years.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Period {
    count: i64,
    unit: char,
}

struct Wanted {
    start: Time,
    end: Time,
    timeframe: Timeframe,
    hours: Hours,
    reset_daily: bool,
    /// Types of activities, in capitals; `ALL` for every one.
    cashflows: Vec<String>,
}

/// One point: its label, the end of its window, and the day that its profit is counted in.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
struct Window {
    label: Time,
    end: Time,
    day: Date,
}

async fn history(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let now = app.turn(|venue| venue.exchange.now());
    let wanted = wanted(&app, &query, now)?;
    Ok(ok(&app.turn(|venue| answer(venue, &wanted))))
}

fn wanted(app: &App, query: &BTreeMap<String, String>, now: Time) -> Result<Wanted, Refused> {
    let refuse = |message: &str| Err(Refused(Refusal::malformed(message)));
    let value = |name: &str| query.get(name).map(String::as_str).filter(|text| !text.is_empty());
    let calendar = app.market.calendar();
    let period = value("period").map(Period::parse).transpose()?;
    let start = moment(app, query, "start")?;
    let end = match (moment(app, query, "end")?, date(query, "date_end")?) {
        (Some(_), Some(_)) => return refuse("only one of end and date_end is accepted"),
        (Some(end), None) => Some(end),
        (None, day) => day.map(|day| calendar.instant(day, Clock::constant(23, 59, 59, 0))),
    };
    if period.is_some() && start.is_some() && end.is_some() {
        return refuse("only two of start, end and period are accepted");
    }
    let (start, end, days) = match (start, end, period) {
        (Some(start), Some(end), _) => (start, end, days(start, end)),
        (Some(start), None, Some(period)) => (start, period.after(calendar, start), period.days()),
        (Some(start), None, None) => (start, now, days(start, now)),
        (None, end, period) => {
            let (period, end) =
                (period.unwrap_or(Period { count: 1, unit: 'M' }), end.unwrap_or(now));
            (period.before(calendar, end), end, period.days())
        }
    };
    if start > end {
        return refuse("start must be before end");
    }
    let timeframe = match value("timeframe") {
        Some(name) => Timeframe::parse(name)?,
        None if days < 7 => Timeframe::Minutes(1, "1Min"),
        None if days < 30 => Timeframe::Minutes(15, "15Min"),
        None => Timeframe::Day,
    };
    if timeframe != Timeframe::Day && days > INTRADAY_DAYS_MAX {
        return refuse("a timeframe of less than a day is limited to 30 days");
    }
    let extended = flag(query, "extended_hours")? == Some(true);
    let hours = match value("intraday_reporting") {
        None if extended => Hours::Extended,
        None | Some("market_hours") => Hours::Market,
        Some("extended_hours") => Hours::Extended,
        Some("continuous") => Hours::Continuous,
        Some(_) => return refuse("invalid intraday_reporting"),
    };
    let reset_daily = match value("pnl_reset") {
        None | Some("per_day") => true,
        Some("no_reset") => false,
        Some(_) => return refuse("invalid pnl_reset"),
    };
    let cashflows = value("cashflow_types").unwrap_or("NONE").to_ascii_uppercase();
    let cashflows = cashflows.split(',').filter(|kind| *kind != "NONE").map(str::to_owned);
    Ok(Wanted { start, end, timeframe, hours, reset_daily, cashflows: cashflows.collect() })
}

/// Those that have begun.
fn days(start: Time, end: Time) -> i64 {
    (end.0.saturating_sub(start.0).max(0) + DAY - 1) / DAY
}

impl Timeframe {
    fn parse(name: &str) -> Result<Self, Refusal> {
        match name {
            "1Min" => Ok(Self::Minutes(1, "1Min")),
            "5Min" => Ok(Self::Minutes(5, "5Min")),
            "15Min" => Ok(Self::Minutes(15, "15Min")),
            "1H" => Ok(Self::Minutes(60, "1H")),
            "1D" => Ok(Self::Day),
            _ => Err(Refusal::malformed(format!(
                "invalid timeframe: {name}; 1Min, 5Min, 15Min, 1H or 1D"
            ))),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Minutes(_, name) => name,
            Self::Day => "1D",
        }
    }
}

impl Period {
    fn parse(text: &str) -> Result<Self, Refusal> {
        let wrong =
            || Refusal::malformed(format!("invalid period: {text}; a number and D, W, M or A"));
        let unit = text.chars().last().map(|unit| unit.to_ascii_uppercase());
        let unit = unit.filter(|unit| "DWMA".contains(*unit)).ok_or_else(wrong)?;
        let count = text[..text.len() - 1].parse().ok();
        let count = count.filter(|count| (1..=1000).contains(count)).ok_or_else(wrong)?;
        Ok(Self { count, unit })
    }

    /// As many as it is called.
    fn days(self) -> i64 {
        self.count
            * match self.unit {
                'D' => 1,
                'W' => 7,
                'M' => 30,
                _ => 365,
            }
    }

    fn span(self) -> Span {
        match self.unit {
            'D' => Span::new().days(self.count),
            'W' => Span::new().weeks(self.count),
            'M' => Span::new().months(self.count),
            _ => Span::new().years(self.count.min(200)),
        }
    }

    fn after(self, calendar: &Calendar, start: Time) -> Time {
        let local = calendar.local(start);
        let end = local.checked_add(self.span()).unwrap_or(local);
        Time(i64::try_from(end.timestamp().as_nanosecond()).unwrap_or(i64::MAX))
    }

    /// Days are sessions, up to the last one that opened by `end`; the others are of the calendar.
    fn before(self, calendar: &Calendar, end: Time) -> Time {
        let opened = calendar.opened_by(end) as i64;
        if self.unit == 'D' && opened > 0 {
            return calendar.sessions()[(opened - self.count).max(0) as usize].midnight;
        }
        let day = calendar.local(end).date();
        let first = day.checked_sub(self.span()).and_then(Date::tomorrow).unwrap_or(day);
        calendar.instant(first, Clock::midnight())
    }
}

fn answer(venue: &Venue, wanted: &Wanted) -> PortfolioHistory {
    let windows = windows(venue, wanted);
    let bases: Vec<Time> = windows.iter().map(|window| base(venue, wanted, window.day)).collect();
    let reset = wanted.reset_daily && wanted.timeframe != Timeframe::Day;
    let base_of = |at: usize| if reset { bases[at] } else { bases[0] };
    let mut times: Vec<Time> =
        windows.iter().map(|window| window.end).chain(bases.clone()).collect();
    times.sort_unstable();
    times.dedup();
    let worths = venue.exchange.worth_at(&times).into_iter().map(|worth| worth.stated().equity);
    let worth: BTreeMap<Time, Decimal> = times.into_iter().zip(worths).collect();
    let mut answer = PortfolioHistory {
        timeframe: wanted.timeframe.name().to_owned(),
        base_value: bases.first().and_then(|base| worth[base].to_f64()),
        base_value_asof: bases.first().and_then(|base| {
            let calendar = venue.exchange.market().calendar();
            (*base > venue.started).then(|| calendar.local(*base).date())
        }),
        cashflow: cashflow(venue, wanted, &windows),
        ..PortfolioHistory::default()
    };
    for (at, window) in windows.iter().enumerate() {
        let (equity, base) = (worth[&window.end], worth[&base_of(at)]);
        let profit = equity - base;
        answer.timestamp.push(window.label.0.div_euclid(1_000_000_000));
        answer.equity.push(equity.to_f64());
        answer.profit_loss.push(profit.to_f64());
        answer.profit_loss_pct.push(profit.checked_div(base).and_then(|part| part.to_f64()));
    }
    answer
}

/// Ascending; all have begun, and none was over before the account was there.
fn windows(venue: &Venue, wanted: &Wanted) -> Vec<Window> {
    let (calendar, now) = (venue.exchange.market().calendar(), venue.exchange.now());
    let (first, last) = (calendar.local(wanted.start).date(), calendar.local(wanted.end).date());
    let sessions = calendar.sessions().iter();
    let sessions = sessions.filter(|session| (first..=last).contains(&session.date));
    let window = |label: i64, end: i64| {
        let day = calendar.local(Time(label)).date();
        Window { label: Time(label), end: Time(end.min(now.0)), day }
    };
    let all: Vec<Window> = match (wanted.timeframe, wanted.hours) {
        (Timeframe::Day, _) => {
            sessions.map(|session| window(session.open.0, session.close.0)).collect()
        }
        (Timeframe::Minutes(count, _), Hours::Continuous) => {
            let step = count * MINUTE;
            let first = wanted.start.0.max(venue.started.0 - step).div_euclid(step) * step;
            let labels = (first..=wanted.end.0.min(now.0)).step_by(step as usize);
            labels.map(|label| window(label, label + step)).collect()
        }
        (Timeframe::Minutes(count, _), hours) => {
            let step = count * MINUTE;
            let bounds = sessions.map(|session| match hours {
                Hours::Extended => {
                    let early = calendar.local(session.close).hour() < 16;
                    let close = Clock::constant(if early { 17 } else { 20 }, 0, 0, 0);
                    let open = calendar.instant(session.date, Clock::constant(4, 0, 0, 0));
                    (open, calendar.instant(session.date, close))
                }
                _ => (session.open, session.close),
            });
            let labels = bounds.flat_map(|(open, close)| (open.0..=close.0).step_by(step as usize));
            let within = labels.filter(|label| (wanted.start.0..=wanted.end.0).contains(label));
            within.map(|label| window(label, label + step)).collect()
        }
    };
    let there = |window: &Window| window.label <= now && window.end > venue.started;
    all.into_iter().filter(there).collect()
}

/// When the equity was what the profit of `day` is counted from.
fn base(venue: &Venue, wanted: &Wanted, day: Date) -> Time {
    let calendar = venue.exchange.market().calendar();
    let at = if wanted.hours == Hours::Continuous && wanted.timeframe != Timeframe::Day {
        calendar.instant(day, Clock::midnight())
    } else {
        let before = calendar.sessions().partition_point(|session| session.date < day);
        before.checked_sub(1).map_or(venue.started, |last| calendar.sessions()[last].close)
    };
    at.max(venue.started)
}

/// Dollars that came and went otherwise than by trading, since the window before, by type: fees on coins, and what
/// was booked.
fn cashflow(
    venue: &Venue,
    wanted: &Wanted,
    windows: &[Window],
) -> Option<BTreeMap<String, Vec<f64>>> {
    if wanted.cashflows.is_empty() {
        return None;
    }
    let named =
        |kind: &str| wanted.cashflows.iter().any(|wanted| wanted == kind || wanted == "ALL");
    let mut flows: BTreeMap<&str, Vec<&Activity>> = BTreeMap::new();
    for item in venue.exchange.activities() {
        let kind = match item {
            Activity::Fill(_) => continue,
            Activity::Fee(_) => "CFEE",
            Activity::Booking(booking) if booking.asked.unlisted => continue,
            Activity::Booking(booking) => booking.asked.activity_type.as_str(),
        };
        if named(kind) {
            flows.entry(kind).or_default().push(item);
        }
    }
    // Asked for by name it is there, though nothing came of it.
    if wanted.cashflows.iter().any(|wanted| wanted == "CFEE") {
        flows.entry("CFEE").or_default();
    }
    let column = |items: Vec<&Activity>| {
        let mut from = windows.first().map_or(wanted.start, |window| window.label);
        let paid = windows.iter().map(|window| {
            let within = |item: &&&Activity| item.at() > from && item.at() <= window.end;
            let sum: Decimal = items.iter().filter(within).map(|item| item.cash()).sum();
            from = window.end;
            sum.to_f64().unwrap_or_default()
        });
        paid.collect()
    };
    Some(flows.into_iter().map(|(kind, items)| (kind.to_owned(), column(items))).collect())
}
