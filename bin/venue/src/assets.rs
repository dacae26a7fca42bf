//! What can be traded.

use crate::query::Parameters;
use crate::reply::{Refused, Reply, ok};
use crate::state::App;
use alpaca::model::{self, Amount};
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use exchange::{Asset, Refusal};
use rust_decimal::Decimal;
use std::sync::Arc;

const STATUSES: &[&str] = &["active", "inactive"];
pub(crate) const CLASSES: &[&str] = &[
    "us_equity",
    "us_option",
    "crypto",
    "crypto_perp",
    "treasury",
    "corporate",
    "global_equity",
    "us_index",
    "us_equity_chain",
    "ipo",
];
const EXCHANGES: &[&str] =
    &["AMEX", "ARCA", "ASCX", "BATS", "CRYPTO", "FTXU", "NASDAQ", "NYSE", "NYSEARCA", "OTC"];
/// Percent of a position's value.
const MAINTENANCE_MARGIN: i64 = 30;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/assets", get(assets))
        .route("/v2/assets/{name}", get(asset))
        .route("/v2/assets/{base}/{quote}", get(pair))
}

/// All of them are active, and none has an attribute.
async fn assets(State(app): State<Arc<App>>, Query(query): Parameters) -> Reply {
    let wanted = |name: &str, known: &[&str]| match query.get(name).map(String::as_str) {
        None | Some("") => Ok(None),
        Some(word) if known.contains(&word) => Ok(Some(word.to_owned())),
        Some(word) => Err(Refused(Refusal::malformed(format!("invalid {name}: {word}")))),
    };
    let status = wanted("status", STATUSES)?;
    let class = wanted("asset_class", CLASSES)?.unwrap_or_else(|| "us_equity".to_owned());
    let exchange = wanted("exchange", EXCHANGES)?;
    let attributes = query.get("attributes").is_some_and(|wanted| !wanted.is_empty());
    let none = status.as_deref() == Some("inactive") || attributes;
    let fits = |asset: &&Asset| {
        !none
            && asset.class.to_string() == class
            && exchange.as_ref().is_none_or(|wanted| *wanted == asset.exchange)
    };
    Ok(ok(&app.market.assets().iter().filter(fits).map(wire).collect::<Vec<_>>()))
}

async fn asset(State(app): State<Arc<App>>, Path(name): Path<String>) -> Reply {
    found(&app, &name)
}

/// alpaca-py does not escape the slash of a pair.
async fn pair(State(app): State<Arc<App>>, Path((base, quote)): Path<(String, String)>) -> Reply {
    found(&app, &format!("{base}/{quote}"))
}

fn found(app: &App, name: &str) -> Reply {
    let place = app.market.find_alias(name);
    let unknown = || Refusal::not_found(format!("asset not found for {name}"));
    Ok(ok(&wire(&app.market.assets()[place.ok_or_else(unknown)?])))
}

pub(crate) fn wire(asset: &Asset) -> model::Asset {
    let margin = if asset.marginable { MAINTENANCE_MARGIN } else { 100 };
    let borrow = if asset.easy_to_borrow { "easy_to_borrow" } else { "hard_to_borrow" };
    let terms = asset.crypto.as_ref();
    model::Asset {
        id: asset.id.clone(),
        class: asset.class.to_string(),
        exchange: Some(asset.exchange.clone()),
        symbol: asset.symbol.to_string(),
        name: Some(asset.name.clone()),
        status: "active".to_owned(),
        tradable: true,
        marginable: asset.marginable,
        shortable: asset.shortable,
        easy_to_borrow: asset.easy_to_borrow,
        fractionable: asset.fractionable,
        borrow_status: terms.is_none().then(|| borrow.to_owned()),
        maintenance_margin_requirement: Some(margin as f64),
        margin_requirement_long: Some(Amount(Decimal::from(margin))),
        margin_requirement_short: Some(Amount(Decimal::from(margin))),
        min_order_size: terms.map(|terms| Amount(terms.min_order_size)),
        min_trade_increment: terms.map(|terms| Amount(terms.min_trade_increment)),
        price_increment: terms.map(|terms| Amount(terms.price_increment)),
        ..model::Asset::default()
    }
}
