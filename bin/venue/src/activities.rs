//! What moved the account: executions, fees, and what was booked on it.

use crate::bookings;
use crate::query::{Parameters, ascending, date, moment};
use crate::reply::{Refused, Reply, ok};
use crate::state::App;
use crate::wire;
use alpaca::model::{self, Amount, Stamp};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use exchange::{Activity, Exchange, Fee, Fill, Refusal};
use messages::{Date, Time};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

const PAGE_SIZE_MAX: usize = 100;
const FILL: &str = "FILL";
const CFEE: &str = "CFEE";

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/account/activities", get(activities))
        .route("/v2/account/activities/{kind}", get(activities_of))
}

/// Which activities are asked for.
struct Wanted {
    trades: bool,
    others: bool,
    /// Empty: all.
    types: Vec<String>,
    day: Option<Date>,
    after: Option<Time>,
    until: Option<Time>,
    ascending: bool,
    size: usize,
    /// The last one that the client has seen.
    seen: Option<String>,
}

async fn activities(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    page(&app, &query, query.get("activity_types").map_or("", String::as_str))
}

async fn activities_of(
    State(app): State<Arc<App>>,
    Path(kind): Path<String>,
    Query(query): Parameters,
) -> Reply {
    page(&app, &query, &kind)
}

fn page(app: &App, query: &BTreeMap<String, String>, types: &str) -> Reply {
    let wanted = Wanted::of(app, query, types)?;
    let page = app.turn(|state| {
        let exchange = &state.exchange;
        let all = exchange.activities();
        let seen = wanted.seen.as_ref().map(|id| all.iter().position(|item| item.id() == id));
        let list = match (seen, wanted.ascending) {
            (Some(None), _) => {
                return Err(Refusal::malformed("page_token is no activity of this account"));
            }
            (None, _) => all,
            (Some(Some(at)), true) => &all[at + 1..],
            (Some(Some(at)), false) => &all[..at],
        };
        let fits = |item: &&Activity| wanted.takes(exchange, item);
        let found: Vec<&Activity> = if wanted.ascending {
            list.iter().filter(fits).take(wanted.size).collect()
        } else {
            list.iter().rev().filter(fits).take(wanted.size).collect()
        };
        Ok(found.into_iter().map(|item| told(exchange, item)).collect::<Vec<_>>())
    });
    Ok(ok(&page?))
}

impl Wanted {
    /// This account has executions and fees on coins, and what is booked on it. Other types are not wrong, there are
    /// none of them.
    fn of(app: &App, query: &BTreeMap<String, String>, types: &str) -> Result<Self, Refused> {
        let refuse = |message: &str| Err(Refused(Refusal::malformed(message)));
        let types: Vec<&str> = types.split(',').map(str::trim).filter(|t| !t.is_empty()).collect();
        if let Some(kind) = types.iter().find(|kind| !is_type(kind)) {
            return refuse(&format!("invalid activity type: {kind}"));
        }
        let (trades, others) = match query.get("category").map(String::as_str) {
            None | Some("") => (true, true),
            Some(_) if !types.is_empty() => {
                return refuse("only one of category and activity_types is accepted");
            }
            Some("trade_activity") => (true, false),
            Some("non_trade_activity") => (false, true),
            Some(other) => return refuse(&format!("invalid category: {other}")),
        };
        let size = match query.get("page_size").map(|text| text.parse::<usize>()) {
            None => PAGE_SIZE_MAX,
            Some(Ok(size)) if (1..=PAGE_SIZE_MAX).contains(&size) => size,
            Some(_) => return refuse("page_size must be between 1 and 100"),
        };
        let (day, after) = (date(query, "date")?, moment(app, query, "after")?);
        let until = moment(app, query, "until")?;
        if day.is_some() && (after.is_some() || until.is_some()) {
            return refuse("date can't be combined with after or until");
        }
        let token = query.get("page_token").filter(|token| !token.is_empty());
        let seen = token.map(|token| token.rsplit("::").next().unwrap_or(token).to_owned());
        Ok(Self {
            trades,
            others,
            types: types.into_iter().map(str::to_owned).collect(),
            day,
            after,
            until,
            ascending: ascending(query)?,
            size,
            seen,
        })
    }

    fn takes(&self, exchange: &Exchange, item: &Activity) -> bool {
        let (at, calendar) = (item.at(), exchange.market().calendar());
        let (of_category, kind, date) = match item {
            Activity::Fill(_) => (self.trades, FILL, None),
            Activity::Fee(_) => (self.others, CFEE, None),
            Activity::Booking(booking) if booking.asked.unlisted => return false,
            Activity::Booking(booking) => {
                (self.others, booking.asked.activity_type.as_str(), Some(booking.date))
            }
        };
        of_category
            && (self.types.is_empty() || self.types.iter().any(|wanted| wanted == kind))
            && self.after.is_none_or(|after| at > after)
            && self.until.is_none_or(|until| at < until)
            && self.day.is_none_or(|day| date.unwrap_or_else(|| calendar.local(at).date()) == day)
    }
}

fn is_type(word: &str) -> bool {
    (2..=8).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn told(exchange: &Exchange, item: &Activity) -> model::Activity {
    match item {
        Activity::Fill(fill) => told_fill(exchange, fill),
        Activity::Fee(fee) => told_fee(exchange, fee),
        Activity::Booking(booking) => bookings::told(exchange, booking),
    }
}

fn told_fill(exchange: &Exchange, fill: &Fill) -> model::Activity {
    let local = exchange.market().calendar().local(fill.at);
    let complete = fill.leaves.is_zero();
    model::Activity {
        id: format!("{}::{}", local.strftime("%Y%m%d%H%M%S%3f"), fill.id),
        activity_type: FILL.to_owned(),
        transaction_time: Some(Stamp(fill.at)),
        r#type: Some(if complete { "fill" } else { "partial_fill" }.to_owned()),
        price: Some(Amount(fill.price)),
        qty: Some(Amount(fill.quantity)),
        side: Some(wire::side(fill.side)),
        symbol: Some(fill.symbol.to_string()),
        leaves_qty: Some(Amount(fill.leaves)),
        order_id: Some(fill.order_id.clone()),
        cum_qty: Some(Amount(fill.cumulative)),
        order_status: Some(if complete { "filled" } else { "partially_filled" }.to_owned()),
        ..model::Activity::default()
    }
}

/// Taken from what was received: coins of a purchase, dollars of a sale.
fn told_fee(exchange: &Exchange, fee: &Fee) -> model::Activity {
    let local = exchange.market().calendar().local(fee.at);
    let money = if fee.coins.is_zero() { "USD" } else { "Non USD" };
    model::Activity {
        id: format!("{}::{}", local.strftime("%Y%m%d000000000"), fee.id),
        activity_type: CFEE.to_owned(),
        date: Some(local.date()),
        created_at: Some(Stamp(fee.at)),
        net_amount: Some(Amount(Decimal::ZERO - fee.dollars)),
        qty: Some(Amount(Decimal::ZERO - fee.coins)),
        price: Some(Amount(fee.price)),
        symbol: Some(fee.symbol.to_string()),
        status: Some("executed".to_owned()),
        description: Some(format!("Coin Pair Transaction Fee ({money})")),
        ..model::Activity::default()
    }
}
