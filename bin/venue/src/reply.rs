//! Answers: JSON, or a refusal in Alpaca's form.

use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use exchange::Refusal;
use serde::Serialize;
use serde_json::{Map, Value, json};

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
        let Refusal { status, code, message, extras } = self.0;
        let mut body = Map::new();
        // The data API has no codes.
        if code != 0 {
            body.insert("code".to_owned(), json!(code));
        }
        body.insert("message".to_owned(), Value::String(message));
        let extras =
            extras.into_iter().map(|(name, value)| (name.to_owned(), Value::String(value)));
        body.extend(extras);
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        json(status, &Value::Object(body))
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
