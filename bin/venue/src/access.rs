//! Who may ask, and how often.

use crate::clock::wall;
use crate::query::{Parameters, moment};
use crate::reply::{self, Refused};
use crate::state::App;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use exchange::Refusal;
use serde_json::json;
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// The one key pair that this venue knows. Its secret is the OAuth token as well.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) id: String,
    pub(crate) secret: String,
}

/// What a request or a handshake says about who it is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credentials {
    None,
    Pair(String, String),
    Token(String),
    /// Half a pair, or a header that can't be read.
    Broken,
}

impl Keys {
    pub(crate) fn accepts(&self, credentials: &Credentials) -> bool {
        match credentials {
            Credentials::Pair(id, secret) => *id == self.id && *secret == self.secret,
            Credentials::Token(token) => *token == self.secret,
            Credentials::None | Credentials::Broken => false,
        }
    }
}

impl Credentials {
    /// `APCA-API-KEY-ID` and `APCA-API-SECRET-KEY`, or `Authorization` as Basic or Bearer.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).map(|value| value.to_str().ok());
        match (text("apca-api-key-id"), text("apca-api-secret-key")) {
            (Some(Some(id)), Some(Some(secret))) => Self::Pair(id.to_owned(), secret.to_owned()),
            (None, None) => match headers.get(header::AUTHORIZATION) {
                Some(value) => Self::of_authorization(value).unwrap_or(Self::Broken),
                None => Self::None,
            },
            _ => Self::Broken,
        }
    }

    fn of_authorization(value: &HeaderValue) -> Option<Self> {
        let (scheme, rest) = value.to_str().ok()?.split_once(' ')?;
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Some(Self::Token(rest.trim().to_owned())),
            "basic" => {
                let pair = String::from_utf8(BASE64_STANDARD.decode(rest.trim()).ok()?).ok()?;
                let (id, secret) = pair.split_once(':')?;
                Some(Self::Pair(id.to_owned(), secret.to_owned()))
            }
            _ => None,
        }
    }
}

/// So many requests in each minute since the start; one for each of the two APIs.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_minute: u32,
    minute: Mutex<Minute>,
}

#[derive(Debug)]
struct Minute {
    started: Instant,
    number: u64,
    left: u32,
}

/// How the limit stands after a request.
#[derive(Copy, Clone)]
struct Standing {
    granted: bool,
    limit: u32,
    left: u32,
    /// Seconds since 1970.
    reset: u64,
}

impl RateLimit {
    pub(crate) fn per_minute(per_minute: u32) -> Self {
        let minute = Minute { started: Instant::now(), number: 0, left: per_minute };
        Self { per_minute, minute: Mutex::new(minute) }
    }

    fn take(&self) -> Standing {
        let mut minute = self.minute.lock().expect("counting does not panic");
        let passed = minute.started.elapsed().as_secs();
        if passed / 60 != minute.number {
            (minute.number, minute.left) = (passed / 60, self.per_minute);
        }
        let granted = minute.left > 0;
        minute.left = minute.left.saturating_sub(1);
        let reset = wall().0.unsigned_abs() / 1_000_000_000 + 60 - passed % 60;
        Standing { granted, limit: self.per_minute, left: minute.left, reset }
    }
}

/// Keys first, then the rate. Websockets ask for keys themselves, and our own controls need none.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.starts_with("/aurora/") || request.headers().contains_key(header::UPGRADE) {
        return next.run(request).await;
    }
    if let Some(refused) = unauthorized(&app, path, request.headers()) {
        return refused;
    }
    let data = is_data(path);
    let limit = if data { &app.data_rate_limit } else { &app.rate_limit };
    let Some(standing) = limit.as_ref().map(RateLimit::take) else {
        return match not_subscribed(&app, &request) {
            Some(refused) => refused,
            None => next.run(request).await,
        };
    };
    let told = data || matches!(path, "/v2/clock" | "/v2/calendar");
    if !standing.granted {
        return too_many_requests(Some(standing));
    }
    let mut response = if let Some(refused) = not_subscribed(&app, &request) {
        refused
    } else {
        next.run(request).await
    };
    if told {
        standing.tell(&mut response);
    }
    response
}

/// A 429 that nobody's limit stands behind, with headers that allow the next request in `seconds`.
pub(crate) fn made_up_429(limit: Option<u32>, seconds: u64) -> Response {
    let reset = wall().0.unsigned_abs() / 1_000_000_000 + seconds;
    let standing = limit.map(|limit| Standing { granted: false, limit, left: 0, reset });
    too_many_requests(standing)
}

fn too_many_requests(standing: Option<Standing>) -> Response {
    let body = json!({"message": "too many requests."});
    let mut response = reply::json(StatusCode::TOO_MANY_REQUESTS, &body);
    if let Some(standing) = standing {
        standing.tell(&mut response);
    }
    response
}

impl Standing {
    fn tell(self, response: &mut Response) {
        let numbers = [
            ("x-ratelimit-limit", u64::from(self.limit)),
            ("x-ratelimit-remaining", u64::from(self.left)),
            ("x-ratelimit-reset", self.reset),
        ];
        for (name, number) in numbers {
            response.headers_mut().insert(name, HeaderValue::from(number));
        }
    }
}

/// Which of the two REST APIs a path belongs to.
pub(crate) fn is_data(path: &str) -> bool {
    path.starts_with("/v2/stocks/") || path.starts_with("/v1beta")
}

/// Without any key Alpaca answers a page, with a wrong one JSON without a code. Crypto data need no
/// key, but a wrong one is refused.
fn unauthorized(app: &App, path: &str, headers: &HeaderMap) -> Option<Response> {
    let keys = app.keys.as_ref()?;
    match Credentials::of(headers) {
        Credentials::None if path.starts_with("/v1beta3/crypto/") => None,
        Credentials::None => {
            let page = Html(
                "<html>\r\n<head><title>401 Authorization Required</title></head>\r\n<body>\r\n\
                 <center><h1>401 Authorization Required</h1></center>\r\n</body>\r\n</html>\r\n",
            );
            Some((StatusCode::UNAUTHORIZED, page).into_response())
        }
        given if keys.accepts(&given) => None,
        _ => Some(reply::json(StatusCode::UNAUTHORIZED, &json!({"message": "unauthorized."}))),
    }
}

/// Without the paid plan the SIP's data are for sale only when they are 15 minutes old: histories that name
/// no end are cut there, what asks for newer ones is refused.
fn not_subscribed(app: &Arc<App>, request: &Request) -> Option<Response> {
    const DELAY: i64 = 15 * 60 * 1_000_000_000;
    if app.recent_sip || !request.uri().path().starts_with("/v2/stocks/") {
        return None;
    }
    let Query(query) = Parameters::try_from_uri(request.uri()).ok()?;
    let sip = query.get("feed").is_some_and(|feed| feed == "sip");
    let now = app.turn(|state| state.exchange.now());
    let end = moment(app, &query, "end").ok().flatten();
    let path = request.uri().path();
    let latest = path.ends_with("/latest") || path.contains("/snapshot");
    let recent = end.map_or(latest, |end| end.0 > now.0 - DELAY);
    let message = "subscription does not permit querying recent SIP data";
    let refused = || Refused(Refusal::new(403, Refusal::INVALID, message)).into_response();
    (sip && recent).then(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_come_in_three_forms() {
        let of = |pairs: &[(&'static str, &str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in pairs {
                headers.insert(*name, HeaderValue::from_str(value).unwrap());
            }
            Credentials::of(&headers)
        };
        let keys = Keys { id: "PK".into(), secret: "s:x".into() };
        assert!(of(&[]) == Credentials::None);
        assert!(keys.accepts(&of(&[("apca-api-key-id", "PK"), ("apca-api-secret-key", "s:x")])));
        let basic = format!("Basic {}", BASE64_STANDARD.encode("PK:s:x"));
        assert!(keys.accepts(&of(&[("authorization", &basic)])));
        assert!(keys.accepts(&of(&[("authorization", "Bearer s:x")])));
        for wrong in [
            of(&[("apca-api-key-id", "PK")]),
            of(&[("apca-api-key-id", "PK"), ("apca-api-secret-key", "other")]),
            of(&[("authorization", "Basic !!")]),
            of(&[("authorization", "Digest s:x")]),
            of(&[("authorization", "Bearer")]),
            of(&[]),
        ] {
            assert!(!keys.accepts(&wrong));
        }
    }
}
