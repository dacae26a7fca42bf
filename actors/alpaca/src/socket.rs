//! A websocket as both of Alpaca's streams need it: frames in, frames out, a ping every ten seconds,
//! and an end when the other side falls silent.

use crate::client::{chain, install_crypto};
use crate::codec::Codec;
use crate::error::AlpacaError;
use futures::{SinkExt, StreamExt};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{self, Bytes, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// For connecting, authenticating and whatever else comes before the first message.
pub(crate) const SETUP_TIMEOUT: Duration = Duration::from_secs(10);

/// How a connection is kept alive.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Beat {
    pub(crate) ping_every: Duration,
    /// Without any frame for this long, pongs included, the connection is dead.
    pub(crate) silence_max: Duration,
}

impl Beat {
    pub(crate) const ALPACA: Beat =
        Beat { ping_every: Duration::from_secs(10), silence_max: Duration::from_secs(35) };
}

#[derive(Debug)]
pub(crate) struct Socket {
    frames: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub(crate) url: String,
    codec: Codec,
    beat: Beat,
    heard: Instant,
    ping_at: Instant,
}

impl Socket {
    pub(crate) async fn connect(
        url: String,
        codec: Codec,
        beat: Beat,
    ) -> Result<Self, AlpacaError> {
        install_crypto();
        let failed = |error: tungstenite::Error| lost(&url, chain(&error));
        let mut request = url.as_str().into_client_request().map_err(failed)?;
        let content_type = HeaderValue::from_static(codec.content_type());
        request.headers_mut().insert(header::CONTENT_TYPE, content_type);
        let (frames, _) = connect_async(request).await.map_err(failed)?;
        let now = Instant::now();
        Ok(Self { frames, url, codec, beat, heard: now, ping_at: now + beat.ping_every })
    }

    /// The content of the next frame with any, pinging while it is quiet. Cancel-safe.
    pub(crate) async fn hear(&mut self) -> Result<Bytes, AlpacaError> {
        loop {
            tokio::select! {
                frame = self.frames.next() => {
                    self.heard = Instant::now();
                    if let Some(bytes) = self.on_frame(frame)? {
                        return Ok(bytes);
                    }
                }
                () = sleep_until(self.ping_at) => self.ping().await?,
            }
        }
    }

    /// tungstenite answers pings by itself, and puts fragments together.
    fn on_frame(
        &self,
        frame: Option<Result<Message, tungstenite::Error>>,
    ) -> Result<Option<Bytes>, AlpacaError> {
        match frame {
            Some(Ok(Message::Text(text))) => Ok(Some(text.into())),
            Some(Ok(Message::Binary(bytes))) => Ok(Some(bytes)),
            Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => Ok(None),
            Some(Ok(Message::Close(Some(close)))) => Err(lost(&self.url, close.to_string())),
            Some(Ok(Message::Close(None))) | None => {
                Err(lost(&self.url, "closed by the server".to_owned()))
            }
            Some(Err(error)) => Err(lost(&self.url, chain(&error))),
        }
    }

    async fn ping(&mut self) -> Result<(), AlpacaError> {
        if self.heard.elapsed() > self.beat.silence_max {
            return Err(lost(&self.url, format!("silent for {:?}", self.beat.silence_max)));
        }
        self.ping_at = Instant::now() + self.beat.ping_every;
        self.send(Message::Ping(Bytes::new())).await
    }

    pub(crate) async fn say(&mut self, message: Vec<u8>) -> Result<(), AlpacaError> {
        let frame = match self.codec {
            Codec::Json => Message::text(String::from_utf8(message).expect("JSON is UTF-8")),
            Codec::Msgpack => Message::binary(message),
        };
        self.send(frame).await
    }

    /// A peer that reads nothing must not hold us for ever.
    async fn send(&mut self, frame: Message) -> Result<(), AlpacaError> {
        match tokio::time::timeout(self.beat.silence_max, self.frames.send(frame)).await {
            Ok(sent) => sent.map_err(|error| lost(&self.url, chain(&error))),
            Err(_) => Err(lost(&self.url, "the server takes nothing".to_owned())),
        }
    }

    /// An answer that is no message of ours.
    pub(crate) fn malformed(&self, error: &impl std::fmt::Display, bytes: &[u8]) -> AlpacaError {
        let text: String = String::from_utf8_lossy(bytes).chars().take(200).collect();
        AlpacaError::Malformed { request: self.url.clone(), detail: format!("{error}: {text}") }
    }
}

pub(crate) fn lost(url: &str, detail: String) -> AlpacaError {
    AlpacaError::Unreachable { request: url.to_owned(), detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    const FAST: Beat =
        Beat { ping_every: Duration::from_millis(20), silence_max: Duration::from_millis(100) };

    /// A socket whose other side answers pings, or doesn't even read.
    async fn socket(answers: bool) -> Socket {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut server = tokio_tungstenite::accept_async(stream).await.unwrap();
            while answers && server.next().await.is_some() {}
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
        Socket::connect(url, Codec::Json, FAST).await.unwrap()
    }

    #[tokio::test]
    async fn a_silent_server_is_lost() {
        let error = socket(false).await.hear().await.unwrap_err();
        assert!(error.is_transient() && error.to_string().contains("silent for 100ms"), "{error}");
    }

    #[tokio::test]
    async fn pongs_are_signs_of_life() {
        let mut socket = socket(true).await;
        let quiet = tokio::time::timeout(FAST.silence_max * 4, socket.hear()).await;
        assert!(quiet.is_err(), "still there: {quiet:?}");
    }
}
