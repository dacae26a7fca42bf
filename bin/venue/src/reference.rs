//! What Alpaca knows of corporate actions, options and news, and this venue has none of: empty lists,
//! where asking is no mistake.

use crate::query::{Parameters, date};
use crate::reply::{Reply, ok};
use crate::state::App;
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::Response;
use axum::routing::get;
use exchange::Refusal;
use serde_json::json;
use std::sync::Arc;

const ANNOUNCEMENT_TYPES: &[&str] = &["dividend", "merger", "spinoff", "split"];
const ANNOUNCEMENT_DAYS_MAX: i32 = 90;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v2/corporate_actions/announcements", get(announcements))
        .route("/v2/corporate_actions/announcements/{id}", get(announcement))
        .route("/v2/options/contracts", get(contracts))
        .route("/v2/options/contracts/{name}", get(contract))
        .route("/v1/corporate-actions", get(corporate_actions))
}

/// The list of news.
pub(crate) fn no_news() -> Response {
    ok(&json!({"news": [], "next_page_token": null}))
}

async fn announcements(Query(query): Parameters) -> Reply {
    let types = query.get("ca_types").filter(|types| !types.is_empty());
    let types = types.ok_or_else(|| Refusal::malformed("ca_types is required"))?;
    let known = |kind: &&str| !ANNOUNCEMENT_TYPES.contains(&kind.to_ascii_lowercase().as_str());
    if let Some(kind) = types.split(',').find(known) {
        return Err(Refusal::malformed(format!("invalid ca_types: {kind}")).into());
    }
    let required = |name: &str| -> Result<_, crate::reply::Refused> {
        let missing = || Refusal::malformed(format!("{name} is required"));
        Ok(date(&query, name)?.ok_or_else(missing)?)
    };
    let (since, until) = (required("since")?, required("until")?);
    let days = (until - since).get_days();
    if !(0..=ANNOUNCEMENT_DAYS_MAX).contains(&days) {
        return Err(Refusal::malformed("the date range is limited to 90 days").into());
    }
    Ok(ok(&json!([])))
}

async fn announcement(Path(id): Path<String>) -> Reply {
    Err(Refusal::not_found(format!("announcement not found for {id}")).into())
}

async fn contracts() -> Reply {
    Ok(ok(&json!({"option_contracts": [], "next_page_token": null})))
}

async fn contract(Path(name): Path<String>) -> Reply {
    Err(Refusal::not_found(format!("option contract not found for {name}")).into())
}

async fn corporate_actions() -> Reply {
    Ok(ok(&json!({"corporate_actions": {}, "next_page_token": null})))
}
