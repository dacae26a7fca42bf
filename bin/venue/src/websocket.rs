//! The handshake of RFC 6455, for both kinds of stream. There is no permessage-deflate: the library
//! has none, so it is never agreed on.

use crate::reply::Reply;
use alpaca::Codec;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use exchange::Refusal;
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

pub(crate) type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// Of what a client says, fragments put together.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// Answers the handshake; the connection goes on in a task of its own. The handshake's `Content-Type` says
/// how its messages are encoded.
pub(crate) fn accept<F>(
    mut request: Request,
    serve: impl FnOnce(Socket, Codec) -> F + Send + 'static,
) -> Reply
where
    F: Future<Output = ()> + Send,
{
    let (key, codec) = handshake(request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let config = WebSocketConfig::default().max_message_size(Some(MESSAGE_BYTES_MAX));
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                serve(socket, codec).await;
            }
            Err(error) => tracing::debug!(%error, "websocket upgrade"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = derive_accept_key(key.as_bytes());
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    let accept = accept.parse().expect("base64 is a header value");
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

/// The key to answer with, and the encoding.
fn handshake(headers: &HeaderMap) -> Result<(String, Codec), Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let refuse = |message: String| Err(Refusal::new(400, Refusal::MALFORMED, message));
    if !text(header::UPGRADE).unwrap_or_default().eq_ignore_ascii_case("websocket") {
        return refuse("this is a websocket: send an upgrade".to_owned());
    }
    if text(header::SEC_WEBSOCKET_VERSION) != Some("13") {
        return refuse("websocket version 13 is required".to_owned());
    }
    let content_type = text(header::CONTENT_TYPE);
    let Some(codec) = Codec::from_content_type(content_type) else {
        let given = content_type.unwrap_or_default();
        return refuse(format!("content-type {given} is neither JSON nor msgpack"));
    };
    match text(header::SEC_WEBSOCKET_KEY) {
        None | Some("") => refuse("sec-websocket-key is missing".to_owned()),
        Some(key) => Ok((key.to_owned(), codec)),
    }
}

/// JSON goes in text frames, MessagePack in binary ones.
pub(crate) fn frame(codec: Codec, bytes: Bytes) -> Message {
    match codec {
        Codec::Json => Message::Text(Utf8Bytes::try_from(bytes).expect("JSON is UTF-8")),
        Codec::Msgpack => Message::Binary(bytes),
    }
}
