//! The market data websocket: connect, authenticate, subscribe, and hand over what comes.
//!
//! There is no replay: whoever connects again subscribes again and fetches the gap over REST.
//! Reconnecting is the caller's decision; [`AlpacaError::is_transient`] says whether it is worth it.

use crate::Client;
use crate::codec::Codec;
use crate::error::AlpacaError;
use crate::model::{Channels, DataError, DataMessage, DataRequest, Success};
use crate::socket::{Beat, SETUP_TIMEOUT, Socket, lost};
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::timeout;

/// Which stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataFeed {
    /// `sip`, `iex`, `delayed_sip`; `test` always has FAKEPACA.
    Stocks(String),
    /// `us`, …
    Crypto(String),
}

/// An authenticated connection.
#[derive(Debug)]
pub struct DataStream {
    socket: Socket,
    codec: Codec,
    /// Came while an answer was awaited.
    early: VecDeque<DataMessage>,
}

/// For the answer to a subscription.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

impl DataFeed {
    fn path(&self) -> String {
        match self {
            DataFeed::Stocks(feed) => format!("v2/{feed}"),
            DataFeed::Crypto(location) => format!("v1beta3/crypto/{location}"),
        }
    }
}

impl DataStream {
    /// Connected and authenticated when it returns.
    ///
    /// # Errors
    /// `Stream` with 402 for wrong keys, 406 if the account has a connection already (worth trying again:
    /// Alpaca takes a while to notice that one is dead).
    pub async fn connect(
        client: &Client,
        feed: &DataFeed,
        codec: Codec,
    ) -> Result<Self, AlpacaError> {
        let base = client.endpoints.data_stream.trim_end_matches('/');
        let url = format!("{base}/{}", feed.path());
        match timeout(SETUP_TIMEOUT, Self::set_up(client, url.clone(), codec)).await {
            Ok(result) => result,
            Err(_) => Err(lost(&url, format!("not authenticated after {SETUP_TIMEOUT:?}"))),
        }
    }

    async fn set_up(client: &Client, url: String, codec: Codec) -> Result<Self, AlpacaError> {
        let socket = Socket::connect(url, codec, Beat::ALPACA).await?;
        let mut stream = Self { socket, codec, early: VecDeque::new() };
        stream.success("connected").await?;
        let key = client.credentials.key_id().reveal().to_owned();
        let secret = client.credentials.secret_key().clone();
        stream.say(&DataRequest::Auth { key, secret }).await?;
        stream.success("authenticated").await?;
        Ok(stream)
    }

    /// Adds to what is subscribed; the answer is all of it. What comes in the meantime is kept for
    /// [`DataStream::next`]. An error with a code leaves the subscriptions as they were.
    pub async fn subscribe(&mut self, channels: Channels) -> Result<Channels, AlpacaError> {
        self.change(&DataRequest::Subscribe(channels)).await
    }

    /// Takes away; the answer is what is left. Some of what was under way may still come.
    pub async fn unsubscribe(&mut self, channels: Channels) -> Result<Channels, AlpacaError> {
        self.change(&DataRequest::Unsubscribe(channels)).await
    }

    /// The next message. An error without a code ends the stream. Cancel-safe.
    pub async fn next(&mut self) -> Result<DataMessage, AlpacaError> {
        loop {
            match self.early.pop_front() {
                Some(DataMessage::Error(error)) => return Err(self.refused(error)),
                Some(message) => return Ok(message),
                None => self.hear().await?,
            }
        }
    }

    async fn change(&mut self, request: &DataRequest) -> Result<Channels, AlpacaError> {
        self.say(request).await?;
        if let Ok(answer) = timeout(ANSWER_TIMEOUT, self.answer()).await {
            return answer;
        }
        let detail = format!("no answer to a subscription after {ANSWER_TIMEOUT:?}");
        Err(lost(&self.socket.url, detail))
    }

    /// Takes the first subscription or error out of what comes.
    async fn answer(&mut self) -> Result<Channels, AlpacaError> {
        let mut looked_at = 0;
        loop {
            let answer = |message: &DataMessage| {
                matches!(message, DataMessage::Subscription(_) | DataMessage::Error(_))
            };
            if let Some(index) = self.early.iter().skip(looked_at).position(answer) {
                match self.early.remove(looked_at + index) {
                    Some(DataMessage::Subscription(channels)) => return Ok(channels),
                    Some(DataMessage::Error(error)) => return Err(self.refused(error)),
                    other => unreachable!("no answer: {other:?}"),
                }
            }
            looked_at = self.early.len();
            self.hear().await?;
        }
    }

    async fn success(&mut self, wanted: &str) -> Result<(), AlpacaError> {
        match self.next().await? {
            DataMessage::Success(Success { msg }) if msg == wanted => Ok(()),
            other => Err(AlpacaError::Malformed {
                request: self.socket.url.clone(),
                detail: format!("{other:?} instead of {wanted:?}"),
            }),
        }
    }

    /// Waits for a frame and keeps its messages.
    async fn hear(&mut self) -> Result<(), AlpacaError> {
        let bytes = self.socket.hear().await?;
        let messages = DataMessage::decode(&bytes);
        self.early.extend(messages.map_err(|error| self.socket.malformed(&error, &bytes))?);
        Ok(())
    }

    async fn say(&mut self, request: &DataRequest) -> Result<(), AlpacaError> {
        self.socket.say(request.encode(self.codec)).await
    }

    fn refused(&self, DataError { code, msg }: DataError) -> AlpacaError {
        AlpacaError::Stream { request: self.socket.url.clone(), code, message: msg }
    }
}
