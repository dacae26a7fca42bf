//! Who may ask, and how often.

use crate::reply;
use crate::state::App;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use serde_json::json;
use std::sync::Arc;
use std::time::Instant;

/// The one key pair that this venue knows.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// So many requests in each minute since the start.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_minute: u32,
    started: Instant,
    minute: u64,
    left: u32,
}

impl RateLimit {
    pub(crate) fn per_minute(per_minute: u32) -> Self {
        Self { per_minute, started: Instant::now(), minute: 0, left: per_minute }
    }

    /// Whether there is one left, how many after it, and the seconds until there are all again.
    fn take(&mut self) -> (bool, u32, u64) {
        let passed = self.started.elapsed().as_secs();
        if passed / 60 != self.minute {
            (self.minute, self.left) = (passed / 60, self.per_minute);
        }
        let granted = self.left > 0;
        self.left = self.left.saturating_sub(1);
        (granted, self.left, 60 - passed % 60)
    }
}

/// Keys first, then the rate. The websocket asks for keys itself, and our own control of the clock
/// needs none.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path == "/stream" || path.starts_with("/aurora/") {
        return next.run(request).await;
    }
    if let Some(refused) = unauthorized(&app, &request) {
        return refused;
    }
    let Some(limit) = &app.rate_limit else {
        return next.run(request).await;
    };
    let (granted, left, wait) = {
        let mut limit = limit.lock().expect("counting does not panic");
        limit.take()
    };
    let mut response = if granted {
        next.run(request).await
    } else {
        let body = json!({"message": "too many requests."});
        reply::json(StatusCode::TOO_MANY_REQUESTS, &body)
    };
    let per_minute = app
        .rate_limit
        .as_ref()
        .map_or(0, |limit| limit.lock().expect("counting does not panic").per_minute);
    let reset = crate::clock::wall().0.unsigned_abs() / 1_000_000_000 + wait;
    let numbers = [
        ("x-ratelimit-limit", u64::from(per_minute)),
        ("x-ratelimit-remaining", u64::from(left)),
        ("x-ratelimit-reset", reset),
    ];
    for (name, number) in numbers {
        response.headers_mut().insert(name, HeaderValue::from(number));
    }
    response
}

/// Without any key Alpaca answers a page, with a wrong one JSON without a code.
fn unauthorized(app: &App, request: &Request) -> Option<Response> {
    let keys = app.keys.as_ref()?;
    let header = |name: &str| request.headers().get(name).map(HeaderValue::as_bytes);
    match (header("apca-api-key-id"), header("apca-api-secret-key")) {
        (None, None) => {
            let page = Html("<html><head><title>401 Authorization Required</title></head></html>");
            Some((StatusCode::UNAUTHORIZED, page).into_response())
        }
        (Some(id), Some(secret))
            if id == keys.id.as_bytes() && secret == keys.secret.as_bytes() =>
        {
            None
        }
        _ => Some(reply::json(StatusCode::UNAUTHORIZED, &json!({"message": "unauthorized."}))),
    }
}
