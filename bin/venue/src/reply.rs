//! Answers: JSON, or a refusal in Alpaca's form.

use crate::{access, wire};
use axum::body::{Body, HttpBody, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use exchange::Refusal;
use serde::Serialize;
use tower_http::compression::Predicate;

/// Smaller answers gain nothing by compression, and of larger ones the time it takes is more than what
/// the loopback takes for the bytes.
const COMPRESSED_BYTES: std::ops::Range<u64> = 1_024..512 * 1_024;

/// Of the web framework's own words.
const REFUSAL_BYTES_MAX: usize = 64 * 1_024;

/// Which answers are compressed for clients that accept it: those of known, middling size.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Compressible;

impl Predicate for Compressible {
    fn should_compress<B: HttpBody>(&self, response: &axum::http::Response<B>) -> bool {
        response.body().size_hint().exact().is_some_and(|size| COMPRESSED_BYTES.contains(&size))
    }
}

/// Around the routes: what the web framework refuses by itself, in plain text, in Alpaca's form.
pub(crate) async fn refuse_in_json(request: Request, next: Next) -> Response {
    let data = access::is_data(request.uri().path());
    let response = next.run(request).await;
    let (status, kind) = (response.status(), response.headers().get(header::CONTENT_TYPE));
    let plain = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !plain || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let text = to_bytes(response.into_body(), REFUSAL_BYTES_MAX).await.unwrap_or_default();
    let code = if data { 0 } else { u32::from(status.as_u16()) * 100_000 + 10_000 };
    let message = String::from_utf8_lossy(&text).to_lowercase();
    Refused(Refusal::new(status.as_u16(), code, message)).into_response()
}

/// What a handler ends in.
pub(crate) type Reply = Result<Response, Refused>;

/// A [`Refusal`] on its way out.
#[derive(Debug)]
pub(crate) struct Refused(pub(crate) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &wire::refusal(&self.0))
    }
}

/// 400 of the data API, which has no code.
pub(crate) fn bad_parameter(message: impl Into<String>) -> Refused {
    Refused(Refusal::new(400, 0, message))
}

pub(crate) fn ok(body: &impl Serialize) -> Response {
    json(StatusCode::OK, body)
}

pub(crate) fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(bytes) => raw(status, bytes),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Bytes that are JSON already.
pub(crate) fn raw(status: StatusCode, bytes: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], Body::from(bytes)).into_response()
}
