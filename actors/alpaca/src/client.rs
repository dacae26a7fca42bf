//! The transport: one connection pool, time-outs, pace, retries, and errors with names.

use crate::endpoints::{is_alpaca, is_loopback};
use crate::error::AlpacaError;
use crate::model::{ApiError, Secret};
use crate::pace::Pace;
use crate::{Credentials, Endpoints};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const BACKOFF_FIRST: Duration = Duration::from_millis(250);
const BACKOFF_MAX: Duration = Duration::from_secs(8);
/// A page of 10,000 bars is about 1.5 MB.
const BODY_BYTES_MAX: usize = 64 << 20;
/// Trading, and data on the free plan.
const REQUESTS_PER_MINUTE: usize = 200;

/// Speaks to one account. Cheap to clone; clones share connections and pace.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) credentials: Credentials,
    trading: Arc<Pace>,
    data: Arc<Pace>,
    patience: Patience,
}

/// How long a `GET` is worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For one answer, its body included.
    pub answer: Duration,
    /// Attempts, the first included; being told to slow down (429) is none.
    pub attempts_max: u32,
    /// For all attempts and the pauses between them.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { answer: Duration::from_secs(30), attempts_max: 5, total: Duration::from_secs(120) }
    }
}

#[derive(Copy, Clone, Debug)]
pub(crate) enum Api {
    Trading,
    Data,
}

impl Client {
    /// Alpaca's own hosts are asked 200 times a minute each at most; any other host as fast as its
    /// answers allow. See [`Client::paced`].
    pub fn new(endpoints: Endpoints, credentials: Credentials) -> Result<Self, AlpacaError> {
        install_crypto();
        let wrong = |detail: String| AlpacaError::Unreachable {
            request: format!("setting up a client for {}", endpoints.trading),
            detail,
        };
        let mut builder = reqwest::Client::builder()
            .default_headers(headers(&credentials).map_err(wrong)?)
            .user_agent(concat!("aurora/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true);
        if is_loopback(&endpoints.trading) && is_loopback(&endpoints.data) {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| wrong(chain(&error)))?;
        let pace = |base: &str| Arc::new(Pace::new(is_alpaca(base).then_some(REQUESTS_PER_MINUTE)));
        let (trading, data) = (pace(&endpoints.trading), pace(&endpoints.data));
        let patience = Patience::default();
        Ok(Self { http, endpoints: Arc::new(endpoints), credentials, trading, data, patience })
    }

    /// With other limits, in requests per minute: a paid data plan has 10,000.
    #[must_use]
    pub fn paced(mut self, trading: Option<usize>, data: Option<usize>) -> Self {
        self.trading = Arc::new(Pace::new(trading));
        self.data = Arc::new(Pace::new(data));
        self
    }

    /// Whether this is Alpaca itself, whose time is everybody's; a simulation's is its own.
    pub fn is_alpaca(&self) -> bool {
        is_alpaca(&self.endpoints.trading)
    }

    /// With another idea of how long to try.
    #[must_use]
    pub fn patient(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// A `GET`, tried again while the answer is 429, 5xx, cut off or missing.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        api: Api,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, AlpacaError> {
        let name = describe(&Method::GET, path, query);
        let (started, mut attempts, mut refusals) = (Instant::now(), 0, 0);
        loop {
            let request = self.request(api, Method::GET, path).query(query);
            let answer = self.send(api, request, &name).await;
            let error = match answer.and_then(|body| decode(&name, &body)) {
                Err(error) if error.is_transient() => error,
                done => return done,
            };
            let slow_down = matches!(error, AlpacaError::Unavailable { status: 429, .. });
            *(if slow_down { &mut refusals } else { &mut attempts }) += 1;
            let pause = backoff(attempts + refusals).max(self.pace(api).paused());
            let spent = started.elapsed();
            if attempts >= self.patience.attempts_max || spent + pause > self.patience.total {
                return Err(error.after(attempts + refusals, spent));
            }
            tracing::warn!(%error, attempts, refusals, ?pause, "asking Alpaca again");
            tokio::time::sleep(pause).await;
        }
    }

    /// A `POST`, sent once.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
        subject: &str,
    ) -> Result<T, AlpacaError> {
        let request = self.request(Api::Trading, Method::POST, path).json(body);
        self.once(request, &format!("POST {path} {subject}")).await
    }

    /// A `PATCH`, sent once.
    pub(crate) async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, AlpacaError> {
        let request = self.request(Api::Trading, Method::PATCH, path).json(body);
        self.once(request, &format!("PATCH {path}")).await
    }

    /// A `DELETE`, sent once.
    pub(crate) async fn delete<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<T, AlpacaError> {
        let request = self.request(Api::Trading, Method::DELETE, path).query(query);
        self.once(request, &describe(&Method::DELETE, path, query)).await
    }

    async fn once<T: DeserializeOwned>(
        &self,
        request: RequestBuilder,
        name: &str,
    ) -> Result<T, AlpacaError> {
        let body = self.send(Api::Trading, request, name).await?;
        decode(name, &body)
    }

    fn request(&self, api: Api, method: Method, path: &str) -> RequestBuilder {
        let base = match api {
            Api::Trading => &self.endpoints.trading,
            Api::Data => &self.endpoints.data,
        };
        let url = format!("{}{path}", base.trim_end_matches('/'));
        self.http.request(method, url).timeout(self.patience.answer)
    }

    fn pace(&self, api: Api) -> &Pace {
        match api {
            Api::Trading => &self.trading,
            Api::Data => &self.data,
        }
    }

    /// One attempt: the body of a 2xx answer.
    async fn send(
        &self,
        api: Api,
        request: RequestBuilder,
        name: &str,
    ) -> Result<Vec<u8>, AlpacaError> {
        let place = self.pace(api).wait().await;
        let lost = |error: reqwest::Error| AlpacaError::Unreachable {
            request: name.to_owned(),
            detail: chain(&error.without_url()),
        };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        place.heard(response.headers(), status == StatusCode::TOO_MANY_REQUESTS);
        let body = match read(&mut response).await {
            Ok(Some(body)) => body,
            Ok(None) => {
                let detail = format!("more than {BODY_BYTES_MAX} bytes");
                return Err(AlpacaError::Malformed { request: name.to_owned(), detail });
            }
            Err(error) => return Err(lost(error)),
        };
        if status.is_success() { Ok(body) } else { Err(failure(name.to_owned(), status, &body)) }
    }
}

fn headers(credentials: &Credentials) -> Result<HeaderMap, String> {
    let value = |name: &str, secret: &Secret| {
        let mut value = HeaderValue::from_str(secret.reveal())
            .map_err(|_| format!("{name} has characters that no header may have"))?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    };
    let mut headers = HeaderMap::new();
    headers.insert("APCA-API-KEY-ID", value("APCA_API_KEY_ID", credentials.key_id())?);
    headers.insert("APCA-API-SECRET-KEY", value("APCA_API_SECRET_KEY", credentials.secret_key())?);
    Ok(headers)
}

/// The whole body; `None` if it is absurdly long.
async fn read(response: &mut Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > BODY_BYTES_MAX {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn failure(request: String, status: StatusCode, body: &[u8]) -> AlpacaError {
    let said: Option<ApiError> = serde_json::from_slice(body).ok();
    let code = said.as_ref().and_then(|said| said.code);
    let message = said.map_or_else(|| excerpt(body), |said| said.message);
    let number = status.as_u16();
    match number {
        429 | 500.. => AlpacaError::Unavailable { request, status: number, message },
        400..=499 => AlpacaError::Refused { request, status: number, code, message },
        _ => AlpacaError::Malformed { request, detail: format!("status {number}: {message}") },
    }
}

/// A body that ends too early is an answer that did not come; an empty one says nothing: `null`.
fn decode<T: DeserializeOwned>(request: &str, body: &[u8]) -> Result<T, AlpacaError> {
    let said: &[u8] = if body.is_empty() { b"null" } else { body };
    serde_json::from_slice(said).map_err(|error| {
        let request = request.to_owned();
        if error.is_eof() || body.is_empty() {
            let detail = format!("the answer is cut off after {} bytes: {error}", body.len());
            return AlpacaError::Unreachable { request, detail };
        }
        AlpacaError::Malformed { request, detail: format!("{error}: {}", excerpt(body)) }
    })
}

/// Enough of a body that is no error object (a proxy's HTML page, say) to recognise it.
fn excerpt(body: &[u8]) -> String {
    String::from_utf8_lossy(body)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(200)
        .collect()
}

pub(crate) fn describe(method: &Method, path: &str, query: &[(&str, String)]) -> String {
    let mut text = format!("{method} {path}");
    for (index, (key, value)) in query.iter().enumerate() {
        let sign = if index == 0 { '?' } else { '&' };
        let shown: String = value.chars().take(60).collect();
        write!(text, "{sign}{key}={shown}").expect("writing to a String");
    }
    text
}

/// An error with its causes: `error sending request: connection refused`.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("writing to a String");
        cause = error.source();
    }
    text
}

/// Doubling, and between half and all of it, so that clients that failed together don't return
/// together.
fn backoff(attempt: u32) -> Duration {
    let full =
        BACKOFF_FIRST.saturating_mul(1 << attempt.min(10).saturating_sub(1)).min(BACKOFF_MAX);
    let chance = RandomState::new().hash_one(attempt) as f64 / u64::MAX as f64;
    full.mul_f64(0.5 + chance / 2.0)
}

/// rustls wants to be told which implementation to use; the second call finds it told.
pub(crate) fn install_crypto() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(status: u16, body: &str) -> AlpacaError {
        failure("POST /v2/orders".into(), StatusCode::from_u16(status).unwrap(), body.as_bytes())
    }

    #[test]
    fn a_refusal_is_an_answer_about_the_order() {
        let error =
            failed(403, r#"{"code":40310000,"message":"insufficient qty","available":"0"}"#);
        assert_eq!(error.refusal(), Some("insufficient qty"));
        assert!(!error.is_transient());
        assert!(error.to_string().starts_with("REFUSED 403 40310000: POST /v2/orders: insuff"));
    }

    #[test]
    fn bad_keys_and_wrong_addresses_are_no_refusal_of_the_order() {
        let keys = failed(401, r#"{"message": "unauthorized."}"#);
        assert_eq!(keys.refusal(), None);
        assert!(keys.to_string().contains("APCA_API_KEY_ID"), "{keys}");
        let html = failed(404, "<html>\n  <body>nginx</body></html>");
        assert!(html.refusal().is_none() && !html.is_not_found());
        assert!(html.to_string().contains("<body>nginx"), "{html}");
        assert!(failed(404, r#"{"code":40410000,"message":"order not found"}"#).is_not_found());
    }

    #[test]
    fn overload_may_have_happened() {
        for status in [429, 500, 503, 504] {
            let error = failed(status, r#"{"message":"try later"}"#);
            assert!(error.is_transient() && error.refusal().is_none(), "{error}");
        }
        assert!(!failed(302, "").is_transient());
    }

    #[test]
    fn pauses_grow_and_differ() {
        for attempt in 1..40 {
            let pause = backoff(attempt);
            assert!(pause >= BACKOFF_FIRST / 2 && pause <= BACKOFF_MAX, "{pause:?}");
        }
        assert!(backoff(6) > backoff(1));
        assert!((0..8).map(|_| backoff(3)).any(|pause| pause != backoff(3)));
    }

    #[test]
    fn long_queries_are_shortened_in_errors() {
        let text = describe(&Method::GET, "/v2/stocks/bars", &[("symbols", "A,".repeat(500))]);
        assert!(text.starts_with("GET /v2/stocks/bars?symbols=A,A,") && text.len() < 120);
    }
}
