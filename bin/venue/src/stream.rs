//! The trading websocket: authenticate, listen, and hear of every order.

use crate::access::Keys;
use crate::state::App;
use crate::wire;
use alpaca::model::{Authorization, StreamMessage, StreamRequest, Streams};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode, header};
use bytes::Bytes;
use exchange::{Refusal, TradeUpdate};
use futures::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

/// Messages that a client may be behind; then it is cut off, as Alpaca does with slow clients.
const QUEUE_MAX: usize = 65_536;
const TRADE_UPDATES: &str = "trade_updates";

type Socket = WebSocketStream<TokioIo<hyper::upgrade::Upgraded>>;

/// The handshake of RFC 6455; the connection goes on in a task of its own.
pub(crate) async fn upgrade(
    State(app): State<Arc<App>>,
    mut request: Request,
) -> crate::reply::Reply {
    let key = handshake(request.headers())?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => {
                let io = TokioIo::new(upgraded);
                let socket = WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                serve(&app, socket).await;
            }
            Err(error) => tracing::debug!(%error, "websocket upgrade"),
        }
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let accept = derive_accept_key(key.as_bytes());
    let accept = accept.parse().expect("base64 is a header value");
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, header::HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}

fn handshake(headers: &HeaderMap) -> Result<String, Refusal> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let refuse = |message: &str| Err(Refusal::new(400, Refusal::MALFORMED, message));
    if !text(header::UPGRADE).eq_ignore_ascii_case("websocket") {
        return refuse("this is a websocket: send an upgrade");
    }
    if text(header::SEC_WEBSOCKET_VERSION) != "13" {
        return refuse("websocket version 13 is required");
    }
    if text(header::CONTENT_TYPE) == "application/msgpack" {
        return refuse("msgpack is not implemented by this venue");
    }
    match text(header::SEC_WEBSOCKET_KEY) {
        "" => refuse("sec-websocket-key is missing"),
        key => Ok(key.to_owned()),
    }
}

/// Until either side has enough.
async fn serve(app: &App, mut socket: Socket) {
    let (sender, mut queue) = mpsc::channel(QUEUE_MAX);
    let id = app.turn(|state| state.listeners.add(sender));
    let mut stopping = app.stopping.clone();
    loop {
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => on_request(app, id, text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => on_request(app, id, &bytes),
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
            queued = queue.recv() => {
                let Some(bytes) = queued else { break };
                if socket.send(Message::Binary(bytes)).await.is_err() {
                    break;
                }
            }
            _ = stopping.changed() => break,
        }
    }
    app.turn(|state| state.listeners.remove(id));
    // What was queued before the end still goes out; the peer may be gone.
    while let Ok(bytes) = queue.try_recv() {
        if socket.send(Message::Binary(bytes)).await.is_err() {
            break;
        }
    }
    let _ = socket.close(None).await;
}

fn on_request(app: &App, id: u64, bytes: &[u8]) {
    let request = serde_json::from_slice(bytes);
    app.turn(|state| match request {
        Ok(request) => state.listeners.on_request(id, request, app.keys.as_ref()),
        Err(error) => {
            tracing::warn!(%error, "a websocket client sent something that is no request");
            state.listeners.remove(id);
        }
    });
}

/// Everybody on the trading stream.
#[derive(Default)]
pub(crate) struct Listeners {
    all: BTreeMap<u64, Listener>,
    count: u64,
}

struct Listener {
    queue: mpsc::Sender<Bytes>,
    authorized: bool,
    listening: bool,
}

impl Listeners {
    fn add(&mut self, queue: mpsc::Sender<Bytes>) -> u64 {
        self.count += 1;
        self.all.insert(self.count, Listener { queue, authorized: false, listening: false });
        self.count
    }

    /// Its connection ends when the queue is empty.
    fn remove(&mut self, id: u64) {
        self.all.remove(&id);
    }

    /// To all who listen, in the order of the calls.
    pub(crate) fn tell(&mut self, update: &TradeUpdate) {
        if self.all.values().any(|listener| listener.listening) {
            let bytes = encode(&StreamMessage::TradeUpdates(Box::new(wire::update(update))));
            let send =
                |listener: &mut Listener| !listener.listening || listener.send(bytes.clone());
            self.all.retain(|_, listener| send(listener));
        }
    }

    fn on_request(&mut self, id: u64, request: StreamRequest, keys: Option<&Keys>) {
        let Some(listener) = self.all.get_mut(&id) else {
            return;
        };
        let answer = match request {
            StreamRequest::Authenticate { data } => {
                listener.authenticate(&data.key_id, data.secret_key.reveal(), keys)
            }
            StreamRequest::Auth { key, secret } => {
                listener.authenticate(&key, secret.reveal(), keys)
            }
            StreamRequest::Listen { data } => listener.listen(&data),
        };
        if !listener.send(encode(&answer)) {
            self.all.remove(&id);
        }
    }
}

impl Listener {
    fn authenticate(&mut self, id: &str, secret: &str, keys: Option<&Keys>) -> StreamMessage {
        self.authorized = keys.is_none_or(|keys| keys.id == id && keys.secret == secret);
        self.authorization("authenticate")
    }

    fn listen(&mut self, wanted: &Streams) -> StreamMessage {
        if !self.authorized {
            return self.authorization("listen");
        }
        self.listening = wanted.streams.iter().any(|name| name == TRADE_UPDATES);
        let streams = if self.listening { vec![TRADE_UPDATES.to_owned()] } else { Vec::new() };
        StreamMessage::Listening(Streams { streams })
    }

    fn authorization(&self, action: &str) -> StreamMessage {
        let status = if self.authorized { "authorized" } else { "unauthorized" };
        StreamMessage::Authorization(Authorization {
            status: status.to_owned(),
            action: action.to_owned(),
        })
    }

    /// Whether it still keeps up.
    fn send(&self, bytes: Bytes) -> bool {
        self.queue.try_send(bytes).is_ok()
    }
}

fn encode(message: &StreamMessage) -> Bytes {
    Bytes::from(serde_json::to_vec(message).expect("stream messages are plain data"))
}
