//! Historical trades and quotes, and the auctions among the trades.

use super::page::{Kind, Page};
use super::quotation::{write_auction, write_quote, write_trade};
use super::request::Scope;
use crate::query::Parameters;
use crate::reply::{Reply, raw};
use crate::state::App;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use exchange::{AssetClass, Market, Quote, Tick};
use messages::Time;
use std::sync::Arc;

pub(super) async fn stock_trades(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    trades(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, None)
}

pub(super) async fn stock_trades_of(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Reply {
    trades(&Scope::single(&app, &query, &symbol)?, Some(&symbol))
}

pub(super) async fn crypto_trades(
    State(app): State<Arc<App>>,
    Path(location): Path<String>,
    Query(query): Parameters,
) -> Reply {
    trades(&Scope::crypto(&app, &query, &location)?, None)
}

pub(super) async fn stock_quotes(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    quotes(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, None)
}

pub(super) async fn stock_quotes_of(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Reply {
    quotes(&Scope::single(&app, &query, &symbol)?, Some(&symbol))
}

pub(super) async fn crypto_quotes(
    State(app): State<Arc<App>>,
    Path(location): Path<String>,
    Query(query): Parameters,
) -> Reply {
    quotes(&Scope::crypto(&app, &query, &location)?, None)
}

pub(super) async fn auctions(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    auctions_of(&Scope::of_query(&app, &query, AssetClass::UsEquity)?, None)
}

pub(super) async fn auctions_single(
    State(app): State<Arc<App>>,
    Path(symbol): Path<String>,
    Query(query): Parameters,
) -> Reply {
    auctions_of(&Scope::single(&app, &query, &symbol)?, Some(&symbol))
}

fn trades(scope: &Scope<'_>, single: Option<&str>) -> Reply {
    let kind = Kind {
        name: "trades",
        code: 'T',
        at: &|tick: &Tick| tick.at,
        write: &|out, asset, tick| write_trade(out, scope.info(asset), scope.feed, tick),
    };
    answer(scope, single, kind, Market::ticks)
}

fn quotes(scope: &Scope<'_>, single: Option<&str>) -> Reply {
    let kind = Kind {
        name: "quotes",
        code: 'Q',
        at: &|quote: &Quote| quote.at,
        write: &|out, asset, quote| write_quote(out, scope.info(asset), scope.feed, quote),
    };
    answer(scope, single, kind, Market::quotes)
}

fn answer<'a, T, I>(
    scope: &'a Scope<'_>,
    single: Option<&str>,
    kind: Kind<'_, T>,
    between: impl Fn(&'a Market, usize, Time, Time) -> I,
) -> Reply
where
    I: DoubleEndedIterator<Item = T> + 'a,
{
    let history = scope.history()?;
    let mut page = Page::new(&history, kind, single.is_none());
    for named in &scope.named()? {
        let Some((start, end)) = history.rest(named, named.from).filter(|_| !page.is_full()) else {
            continue;
        };
        let items = between(&scope.app.market, named.asset, Time(start.0.saturating_sub(1)), end);
        if history.descending {
            page.symbol(named.asset, named.label, items.rev());
        } else {
            page.symbol(named.asset, named.label, items);
        }
    }
    Ok(raw(StatusCode::OK, page.finish(single)))
}

/// The first trade of each session, and its last.
fn auctions_of(scope: &Scope<'_>, single: Option<&str>) -> Reply {
    let (history, market) = (scope.history()?, &scope.app.market);
    let kind = Kind {
        name: "auctions",
        code: 'A',
        at: &|session: &usize| market.calendar().sessions()[*session].midnight,
        write: &|out, asset, session| write_auction(out, scope, asset, *session),
    };
    let mut page = Page::new(&history, kind, single.is_none());
    let calendar = market.calendar();
    for named in &scope.named()? {
        let Some((start, end)) = history.rest(named, named.from).filter(|_| !page.is_full()) else {
            continue;
        };
        let sessions = calendar.sessions();
        let first = sessions.partition_point(|session| session.midnight < start);
        let behind = sessions.partition_point(|session| session.midnight <= end);
        let sessions = first..behind.min(calendar.opened_by(scope.now)).max(first);
        let traded = sessions.filter(|session| market.daily(named.asset, *session).is_some());
        if history.descending {
            page.symbol(named.asset, named.label, traded.rev());
        } else {
            page.symbol(named.asset, named.label, traded);
        }
    }
    Ok(raw(StatusCode::OK, page.finish(single)))
}
