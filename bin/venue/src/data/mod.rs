//! Market data by REST: bars, trades, quotes, snapshots of shares and of crypto.
//!
//! All of it is the market's one tape (`exchange::Market`), as far as it has come by now: trades and quotes
//! up to this very moment, minutes that are over, and days, weeks and months with what they have so far.
//! The tape is adjusted for splits, as the account's shares are; so are trades, quotes, latest bars and
//! snapshots. Historical bars are adjusted as they are asked for. The same is on every feed but those of
//! other market places (`otc`, `boats`, `overnight`), where there is nothing, and `delayed_sip`, where it
//! comes 15 minutes late.

mod bars;
mod candle;
mod latest;
mod meta;
mod names;
mod page;
mod quotation;
mod render;
mod request;
mod screener;
mod ticks;
mod timeframe;

use crate::state::App;
use axum::Router;
use axum::routing::get;
pub(crate) use quotation::{REGULAR_QUOTE, exchange_code, regular_sale};
use std::sync::Arc;

pub(crate) fn routes() -> Router<Arc<App>> {
    stocks().merge(crypto()).merge(screener())
}

fn screener() -> Router<Arc<App>> {
    Router::new()
        .route("/v1beta1/screener/stocks/most-actives", get(screener::most_actives))
        .route("/v1beta1/screener/{market}/movers", get(screener::movers))
}

fn stocks() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/stocks/bars", get(bars::stocks))
        .route("/v2/stocks/trades", get(ticks::stock_trades))
        .route("/v2/stocks/quotes", get(ticks::stock_quotes))
        .route("/v2/stocks/auctions", get(ticks::auctions))
        .route("/v2/stocks/snapshots", get(latest::stock_snapshots))
        .route("/v2/stocks/{symbol}/bars", get(bars::stock))
        .route("/v2/stocks/{symbol}/trades", get(ticks::stock_trades_of))
        .route("/v2/stocks/{symbol}/quotes", get(ticks::stock_quotes_of))
        .route("/v2/stocks/{symbol}/auctions", get(ticks::auctions_single))
        .route("/v2/stocks/{symbol}/snapshot", get(latest::stock_snapshot))
        .route("/v2/stocks/{what}/latest", get(latest::stocks))
        .route("/v2/stocks/{symbol}/{what}/latest", get(latest::stock))
        .route("/v2/stocks/meta/exchanges", get(meta::exchanges))
        .route("/v2/stocks/meta/conditions/{kind}", get(meta::conditions))
}

fn crypto() -> Router<Arc<App>> {
    Router::new()
        .route("/v1beta3/crypto/{location}/bars", get(bars::crypto))
        .route("/v1beta3/crypto/{location}/trades", get(ticks::crypto_trades))
        .route("/v1beta3/crypto/{location}/quotes", get(ticks::crypto_quotes))
        .route("/v1beta3/crypto/{location}/snapshots", get(latest::crypto_snapshots))
        .route("/v1beta3/crypto/{location}/latest/{what}", get(latest::crypto))
}
