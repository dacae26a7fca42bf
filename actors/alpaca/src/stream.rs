//! The trading websocket: connect, authenticate, listen, and hand over what happens to our orders.
//!
//! There is no replay: whoever connects (again) reconciles over REST. Reconnecting is the caller's
//! decision.

use crate::Client;
use crate::client::{chain, install_crypto};
use crate::error::AlpacaError;
use crate::model::{Authorization, KeyPair, StreamMessage, StreamRequest, Streams, TradeUpdate};
use futures::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

const TRADE_UPDATES: &str = "trade_updates";
const SETUP_TIMEOUT: Duration = Duration::from_secs(10);
const PING_EVERY: Duration = Duration::from_secs(10);
/// Without any frame for this long, pongs included, the connection is dead.
const SILENCE_MAX: Duration = Duration::from_secs(35);

/// An authenticated connection that listens to `trade_updates`.
#[derive(Debug)]
pub struct TradeStream {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    url: String,
    heard: Instant,
    ping_at: Instant,
}

impl TradeStream {
    /// Connected, authorised and listening when it returns: no later event is missed.
    pub async fn connect(client: &Client) -> Result<Self, AlpacaError> {
        let base = client.endpoints.trading_stream.trim_end_matches('/');
        let url = format!("{}/stream", base.trim_end_matches("/stream"));
        match timeout(SETUP_TIMEOUT, Self::set_up(client, url.clone())).await {
            Ok(result) => result,
            Err(_) => Err(lost(&url, format!("not listening after {SETUP_TIMEOUT:?}"))),
        }
    }

    async fn set_up(client: &Client, url: String) -> Result<Self, AlpacaError> {
        install_crypto();
        let (socket, _) =
            connect_async(url.as_str()).await.map_err(|error| lost(&url, chain(&error)))?;
        let now = Instant::now();
        let mut stream = Self { socket, url, heard: now, ping_at: now + PING_EVERY };
        let data = KeyPair {
            key_id: client.credentials.key_id().reveal().to_owned(),
            secret_key: client.credentials.secret_key().clone(),
        };
        stream.say(&StreamRequest::Authenticate { data }).await?;
        match stream.hear().await? {
            StreamMessage::Authorization(Authorization { status, .. })
                if status == "authorized" => {}
            answer => return Err(stream.refused(&answer)),
        }
        let data = Streams { streams: vec![TRADE_UPDATES.to_owned()] };
        stream.say(&StreamRequest::Listen { data }).await?;
        match stream.hear().await? {
            StreamMessage::Listening(Streams { streams })
                if streams.iter().any(|name| name == TRADE_UPDATES) =>
            {
                Ok(stream)
            }
            answer => Err(stream.refused(&answer)),
        }
    }

    /// The next thing that happened to an order. An error ends the stream. Cancel-safe.
    pub async fn next(&mut self) -> Result<TradeUpdate, AlpacaError> {
        loop {
            if let StreamMessage::TradeUpdates(update) = self.hear().await? {
                return Ok(*update);
            }
        }
    }

    /// The next message of a stream that we know, pinging while it is quiet.
    async fn hear(&mut self) -> Result<StreamMessage, AlpacaError> {
        loop {
            tokio::select! {
                frame = self.socket.next() => {
                    self.heard = Instant::now();
                    if let Some(message) = self.on_frame(frame)? {
                        return Ok(message);
                    }
                }
                () = sleep_until(self.ping_at) => self.ping().await?,
            }
        }
    }

    /// By content, not by kind: the paper venue sends JSON in binary frames. tungstenite answers
    /// pings by itself.
    fn on_frame(
        &self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<StreamMessage>, AlpacaError> {
        let bytes = match frame {
            Some(Ok(Message::Text(text))) => text.into(),
            Some(Ok(Message::Binary(bytes))) => bytes,
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => return Ok(None),
            Some(Ok(Message::Close(Some(close)))) => {
                return Err(lost(&self.url, close.to_string()));
            }
            Some(Ok(Message::Close(None))) | None => {
                return Err(lost(&self.url, "closed by the server".to_owned()));
            }
            Some(Err(error)) => return Err(lost(&self.url, chain(&error))),
        };
        StreamMessage::decode(&bytes).map_err(|error| {
            let text: String = String::from_utf8_lossy(&bytes).chars().take(200).collect();
            AlpacaError::Malformed { request: self.url.clone(), detail: format!("{error}: {text}") }
        })
    }

    async fn ping(&mut self) -> Result<(), AlpacaError> {
        if self.heard.elapsed() > SILENCE_MAX {
            return Err(lost(&self.url, format!("silent for {SILENCE_MAX:?}")));
        }
        self.ping_at = Instant::now() + PING_EVERY;
        let sent = self.socket.send(Message::Ping(tungstenite::Bytes::new())).await;
        sent.map_err(|error| lost(&self.url, chain(&error)))
    }

    async fn say(&mut self, request: &StreamRequest) -> Result<(), AlpacaError> {
        let text = serde_json::to_string(request).expect("requests are plain data");
        let sent = self.socket.send(Message::text(text)).await;
        sent.map_err(|error| lost(&self.url, chain(&error)))
    }

    fn refused(&self, answer: &StreamMessage) -> AlpacaError {
        let (status, message) = match answer {
            StreamMessage::Authorization(said) => (401, said.status.clone()),
            StreamMessage::Listening(said) => {
                (403, format!("listening to {:?} instead of {TRADE_UPDATES}", said.streams))
            }
            StreamMessage::TradeUpdates(_) => (400, "an update before the handshake".to_owned()),
        };
        AlpacaError::Refused { request: self.url.clone(), status, code: None, message }
    }
}

fn lost(url: &str, detail: String) -> AlpacaError {
    AlpacaError::Unreachable { request: url.to_owned(), detail }
}
