//! The trading websocket: connect, authenticate, listen, and hand over what happens to our orders.
//!
//! There is no replay: whoever connects (again) reconciles over REST. Reconnecting is the caller's
//! decision.

use crate::Client;
use crate::codec::Codec;
use crate::error::AlpacaError;
use crate::model::{Authorization, KeyPair, StreamMessage, StreamRequest, Streams, TradeUpdate};
use crate::socket::{Beat, SETUP_TIMEOUT, Socket, lost};
use tokio::time::timeout;

const TRADE_UPDATES: &str = "trade_updates";

/// An authenticated connection that listens to `trade_updates`.
#[derive(Debug)]
pub struct TradeStream {
    socket: Socket,
}

impl TradeStream {
    /// Connected, authorised and listening when it returns: no later event is missed.
    pub async fn connect(client: &Client) -> Result<Self, AlpacaError> {
        Self::connect_with(client, Codec::Json).await
    }

    /// Asking for an encoding; whichever comes is understood.
    pub async fn connect_with(client: &Client, codec: Codec) -> Result<Self, AlpacaError> {
        let base = client.endpoints.trading_stream.trim_end_matches('/');
        let url = format!("{}/stream", base.trim_end_matches("/stream"));
        match timeout(SETUP_TIMEOUT, Self::set_up(client, url.clone(), codec)).await {
            Ok(result) => result,
            Err(_) => Err(lost(&url, format!("not listening after {SETUP_TIMEOUT:?}"))),
        }
    }

    async fn set_up(client: &Client, url: String, codec: Codec) -> Result<Self, AlpacaError> {
        let socket = Socket::connect(url, codec, Beat::ALPACA).await?;
        let mut stream = Self { socket };
        let data = KeyPair {
            key_id: client.credentials.key_id().reveal().to_owned(),
            secret_key: client.credentials.secret_key().clone(),
        };
        stream.socket.say(StreamRequest::Authenticate { data }.encode(codec)).await?;
        match stream.hear().await? {
            StreamMessage::Authorization(Authorization { status, .. })
                if status == "authorized" => {}
            answer => return Err(stream.refused(&answer)),
        }
        let data = Streams { streams: vec![TRADE_UPDATES.to_owned()] };
        stream.socket.say(StreamRequest::Listen { data }.encode(codec)).await?;
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

    /// The next message of a stream that we know. By content, not by kind of frame: the paper venue
    /// sends JSON in binary frames.
    async fn hear(&mut self) -> Result<StreamMessage, AlpacaError> {
        loop {
            let bytes = self.socket.hear().await?;
            match StreamMessage::decode(&bytes) {
                Ok(Some(message)) => return Ok(message),
                Ok(None) => {}
                Err(error) => return Err(self.socket.malformed(&error, &bytes)),
            }
        }
    }

    fn refused(&self, answer: &StreamMessage) -> AlpacaError {
        let (status, message) = match answer {
            StreamMessage::Authorization(said) => (401, said.status.clone()),
            StreamMessage::Listening(said) => {
                (403, format!("listening to {:?} instead of {TRADE_UPDATES}", said.streams))
            }
            StreamMessage::TradeUpdates(_) => (400, "an update before the handshake".to_owned()),
        };
        AlpacaError::Refused { request: self.socket.url.clone(), status, code: None, message }
    }
}
