//! Faults of requests and their answers.

use super::line::delay;
use super::plan::{Event, Firing, Kind};
use crate::access::made_up_429;
use crate::reply;
use crate::state::App;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Query, Request, State};
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Marks an answer that is not to be sent: the connection ends instead.
#[derive(Copy, Clone)]
pub(crate) struct Hangup;

/// Leads from an empty first page to the real one: a token that stands for none.
const FIRST_PAGE: &str = "6669727374";

/// Around everything else, so that a fault can hit any request.
pub(crate) async fn inject(
    State(app): State<Arc<App>>,
    mut request: Request,
    next: Next,
) -> Response {
    let (method, uri) = (request.method().clone(), request.uri().clone());
    if uri.path().starts_with("/aurora/") {
        return next.run(request).await;
    }
    let query = uri.query().unwrap_or_default();
    let before = Event::Before { method: method.as_str(), path: uri.path(), query };
    for firing in app.faults.fire(before) {
        if let Some(response) = instead(&app, &firing).await {
            return response;
        }
    }
    if let Some(uri) = without_first_page(&uri) {
        *request.uri_mut() = uri;
    }
    let response = next.run(request).await;
    let page = is_paged(&method, uri.path()) && response.status().is_success();
    let after = Event::After { method: method.as_str(), path: uri.path(), query, page };
    let mut response = response;
    for firing in app.faults.fire(after) {
        response = match instead(&app, &firing).await {
            Some(other) => return other,
            None => changed(response, &firing, &uri).await,
        };
    }
    response
}

/// What is answered in place of the real answer, if it is not merely late.
async fn instead(app: &App, firing: &Firing) -> Option<Response> {
    match firing.rule.kind {
        Kind::Latency => {
            tokio::time::sleep(delay(firing)).await;
            None
        }
        Kind::RateLimit => {
            let seconds = firing.rule.milliseconds(1000).unsigned_abs().div_ceil(1000);
            Some(made_up_429(firing.rule.headers.unwrap_or(true).then_some(200), seconds))
        }
        Kind::Error => Some(server_error(firing.rule.status.unwrap_or(503))),
        Kind::Disconnect => Some(hangup()),
        Kind::HalfOpen => {
            app.stopped().await;
            Some(hangup())
        }
        _ => None,
    }
}

fn server_error(status: u16) -> Response {
    let (code, message) = match status {
        500 => (50_010_000, "internal server error occurred"),
        504 => (50_410_000, "request timed out"),
        _ => (50_310_000, "service unavailable"),
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
    reply::json(status, &json!({"code": code, "message": message}))
}

fn hangup() -> Response {
    let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
    response.extensions_mut().insert(Hangup);
    response
}

async fn changed(response: Response, firing: &Firing, uri: &Uri) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, usize::MAX).await else {
        return hangup();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = match firing.rule.kind {
        Kind::Truncate => {
            let whole = bytes.len();
            let kept = bytes.slice(..firing.rule.bytes.unwrap_or(whole / 2).min(whole));
            if firing.rule.transport == Some(true) {
                parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(whole));
                Body::from_stream(stream::once(async { Ok(kept) }).chain(stream::once(lost())))
            } else {
                Body::from(kept)
            }
        }
        Kind::Slow => slowly(bytes, firing.rule.bytes.unwrap_or(64), delay(firing)),
        Kind::RepeatPage => edited(bytes, |page| {
            page["next_page_token"] = json!(page_token(uri));
        }),
        Kind::EmptyPage => edited(bytes, |page| {
            empty(page);
            page["next_page_token"] = json!(page_token(uri).as_deref().unwrap_or(FIRST_PAGE));
        }),
        Kind::ClockSkew => {
            let off = SignedDuration::from_millis(firing.rule.milliseconds(60_000));
            edited(bytes, |clock| skew(clock, off))
        }
        _ => Body::from(bytes),
    };
    Response::from_parts(parts, body)
}

/// The connection, a little later, so that what there is goes out.
async fn lost() -> io::Result<Bytes> {
    tokio::time::sleep(Duration::from_millis(20)).await;
    Err(io::ErrorKind::ConnectionReset.into())
}

fn slowly(bytes: Bytes, piece: usize, pause: Duration) -> Body {
    let pieces = stream::unfold(bytes, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        tokio::time::sleep(pause).await;
        let piece = rest.split_to(piece.min(rest.len()));
        Some((Ok::<_, io::Error>(piece), rest))
    });
    Body::from_stream(pieces)
}

/// Bytes that are no JSON object stay as they are.
fn edited(bytes: Bytes, edit: impl FnOnce(&mut Value)) -> Body {
    match serde_json::from_slice::<Value>(&bytes) {
        Ok(mut value @ Value::Object(_)) => {
            edit(&mut value);
            Body::from(value.to_string())
        }
        _ => Body::from(bytes),
    }
}

/// The data of a page, by symbol or of one.
fn empty(page: &mut Value) {
    for data in page.as_object_mut().into_iter().flat_map(|page| page.values_mut()) {
        match data {
            Value::Object(by_symbol) => by_symbol.clear(),
            Value::Array(of_one) => of_one.clear(),
            _ => {}
        }
    }
}

fn skew(clock: &mut Value, off: SignedDuration) {
    let told = clock["timestamp"].as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let Some(skewed) = told.and_then(|told| told.checked_add(off).ok()) else {
        return;
    };
    let nanos = i64::try_from(skewed.as_nanosecond()).unwrap_or_default();
    clock["timestamp"] = json!(alpaca::time::new_york(messages::Time(nanos)));
}

/// Bars, trades, quotes and auctions come by the page; what is latest does not.
fn is_paged(method: &Method, path: &str) -> bool {
    let data = path.starts_with("/v2/stocks") || path.starts_with("/v1beta3/crypto");
    let whole = path.contains("/latest") || path.contains("/snapshot");
    *method == Method::GET && data && !whole
}

fn without_first_page(uri: &Uri) -> Option<Uri> {
    let query = uri.query().filter(|query| query.contains(FIRST_PAGE))?;
    let token = format!("page_token={FIRST_PAGE}");
    let others: Vec<&str> = query.split('&').filter(|pair| *pair != token).collect();
    let target = format!("{}?{}", uri.path(), others.join("&"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).ok()?);
    Uri::from_parts(parts).ok()
}

fn page_token(uri: &Uri) -> Option<String> {
    let Query(mut query) = Query::<BTreeMap<String, String>>::try_from_uri(uri).ok()?;
    query.remove("page_token")
}
