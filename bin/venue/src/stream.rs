//! The trading websocket: authenticate, listen, and hear of every order.
//!
//! Frames are binary, as Alpaca's paper venue sends them, and hold JSON text; MessagePack if the
//! handshake asks for it. Headers of the handshake let nobody in: one has to say who one is.

use crate::access::{Credentials, Keys};
use crate::faults::{Line, Outgoing};
use crate::reply::Reply;
use crate::state::App;
use crate::websocket::{Socket, accept};
use crate::wire;
use alpaca::Codec;
use alpaca::model::{Authorization, StreamMessage, StreamRequest, Streams};
use axum::Router;
use axum::extract::{Request, State};
use axum::routing::get;
use bytes::Bytes;
use exchange::{Market, TradeUpdate};
use futures::{SinkExt, StreamExt};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

/// Messages that a client may be behind; then it is cut off, as Alpaca does with slow clients.
const QUEUE_MAX: usize = 65_536;
const PATH: &str = "/stream";
const TRADE_UPDATES: &str = "trade_updates";

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route(PATH, get(upgrade))
}

async fn upgrade(State(app): State<Arc<App>>, request: Request) -> Reply {
    accept(request, move |socket, codec| serve(app, socket, codec))
}

/// Until either side has enough.
async fn serve(app: Arc<App>, mut socket: Socket, codec: Codec) {
    let (sender, queue) = mpsc::channel(QUEUE_MAX);
    let mut line = Line::new(&app, PATH, queue);
    let id = app.turn(|state| state.listeners.add(sender, codec));
    let abrupt = talk(&app, &mut socket, &mut line, id).await;
    app.turn(|state| state.listeners.remove(id));
    if abrupt {
        return;
    }
    // What was queued before the end still goes out; the peer may be gone.
    while let Some(bytes) = line.drain() {
        if socket.send(Message::Binary(bytes)).await.is_err() {
            return;
        }
    }
    let _ = socket.close(None).await;
}

/// Whether the connection is to end without a word.
async fn talk(app: &Arc<App>, socket: &mut Socket, line: &mut Line<Bytes>, id: u64) -> bool {
    loop {
        tokio::select! {
            received = socket.next() => match received {
                Some(Ok(Message::Text(text))) => on_request(app, id, text.as_bytes()),
                Some(Ok(Message::Binary(bytes))) => on_request(app, id, &bytes),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return false,
                Some(Ok(_)) => {}
            },
            outgoing = line.next() => match outgoing {
                Some(Outgoing::Message(bytes)) => {
                    if socket.send(Message::Binary(bytes)).await.is_err() {
                        return false;
                    }
                }
                Some(Outgoing::Disconnect) => return true,
                Some(Outgoing::Silence) => {
                    app.stopped().await;
                    return true;
                }
                None => return false,
            },
            () = app.stopped() => return false,
        }
    }
}

fn on_request(app: &App, id: u64, bytes: &[u8]) {
    let request = StreamRequest::decode(bytes);
    app.turn(|state| match request {
        Ok(request) => state.listeners.on_request(id, request, app.keys.as_ref()),
        // Whoever listens already must not miss a fill for it.
        Err(error) => {
            tracing::warn!(%error, "a websocket client sent something that is no request; passed over");
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
    codec: Codec,
    authorized: bool,
    listening: bool,
}

impl Listeners {
    fn add(&mut self, queue: mpsc::Sender<Bytes>, codec: Codec) -> u64 {
        self.count += 1;
        let listener = Listener { queue, codec, authorized: false, listening: false };
        self.all.insert(self.count, listener);
        self.count
    }

    /// Its connection ends when the queue is empty.
    fn remove(&mut self, id: u64) {
        self.all.remove(&id);
    }

    /// To all who listen, in the order of the calls.
    pub(crate) fn tell(&mut self, market: &Market, update: &TradeUpdate) {
        if !self.all.values().any(|listener| listener.listening) {
            return;
        }
        let message = StreamMessage::TradeUpdates(Box::new(wire::update(market, update)));
        let encoded = |codec: Codec| Bytes::from(message.encode(codec));
        let (mut json, mut msgpack) = (None, None);
        self.all.retain(|_, listener| {
            let bytes = match listener.codec {
                Codec::Json => json.get_or_insert_with(|| encoded(Codec::Json)),
                Codec::Msgpack => msgpack.get_or_insert_with(|| encoded(Codec::Msgpack)),
            };
            !listener.listening || listener.send(bytes.clone())
        });
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
        if !listener.send(Bytes::from(answer.encode(listener.codec))) {
            self.all.remove(&id);
        }
    }
}

impl Listener {
    fn authenticate(&mut self, id: &str, secret: &str, keys: Option<&Keys>) -> StreamMessage {
        let credentials = match id {
            "oauth" => Credentials::Token(secret.to_owned()),
            id => Credentials::Pair(id.to_owned(), secret.to_owned()),
        };
        self.authorized = keys.is_none_or(|keys| keys.accepts(&credentials));
        self.listening &= self.authorized;
        self.authorization("authenticate")
    }

    /// To what is wanted and there is: to nothing, if that is nothing.
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
