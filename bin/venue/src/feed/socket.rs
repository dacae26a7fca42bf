//! A connection's task: what the client says goes to the [`Feed`](super::Feed), what is queued for it
//! goes out.

use super::endpoint::Endpoint;
use super::session::error;
use super::{Next, fakepaca};
use crate::access::Credentials;
use crate::clock::wall;
use crate::faults::{Line, Outgoing};
use crate::state::App;
use crate::websocket::{Socket, frame};
use alpaca::Codec;
use alpaca::model::DataMessage;
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

/// For a message to leave; a client that takes longer is gone.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// Clients ping every ten seconds; one that has not even answered our pings for so long is gone.
const SILENCE_MAX: Duration = Duration::from_secs(60);
const PING_EVERY: Duration = Duration::from_secs(20);

/// How it ended.
enum End {
    /// Say what is still queued, then goodbye.
    Goodbye,
    Slow,
    /// Nobody is there, or nobody shall be.
    Gone,
}

/// Until either side has enough. `path` is the websocket's.
pub(super) async fn serve(
    app: Arc<App>,
    path: String,
    endpoint: Endpoint,
    given: Credentials,
    mut socket: Socket,
    codec: Codec,
) {
    let is_test = endpoint == Endpoint::Test;
    let accepted = (given != Credentials::None).then(|| accepts(&app, &given));
    let joined = app.turn(|state| state.feed.join(endpoint, codec, accepted));
    let mut line = Line::new(&app, &path, joined.queue);
    let seconds = is_test.then_some(joined.id);
    let auth_until = Instant::now() + joined.auth_timeout;
    let talk = talk(&app, joined.id, seconds, auth_until, codec, &mut socket, &mut line);
    let end = tokio::select! {
        end = talk => end,
        () = app.stopped() => End::Goodbye,
    };
    app.turn(|state| state.feed.leave(joined.id));
    let slow = matches!(end, End::Slow) || joined.slow.load(Ordering::Relaxed);
    match end {
        End::Gone => return,
        _ if slow => {
            let message = codec.write(&[DataMessage::Error(error(407))]);
            send(&mut socket, frame(codec, message.into())).await;
        }
        _ => {
            while let Some(bytes) = line.drain() {
                if !send(&mut socket, frame(codec, bytes)).await {
                    return;
                }
            }
        }
    }
    let _ = timeout(SEND_TIMEOUT, socket.close(None)).await;
}

async fn talk(
    app: &Arc<App>,
    id: u64,
    test: Option<u64>,
    auth_until: Instant,
    codec: Codec,
    socket: &mut Socket,
    line: &mut Line<Bytes>,
) -> End {
    let (mut heard, mut auth_open) = (Instant::now(), true);
    let mut ping_at = Instant::now() + PING_EVERY;
    let mut second = wall().0.div_euclid(1_000_000_000);
    loop {
        tokio::select! {
            received = socket.next() => {
                heard = Instant::now();
                match received {
                    Some(Ok(Message::Text(text))) => on_request(app, id, text.as_bytes()),
                    Some(Ok(Message::Binary(bytes))) => on_request(app, id, &bytes),
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return End::Gone,
                    Some(Ok(_)) => {}
                }
            }
            outgoing = line.next() => match outgoing {
                Some(Outgoing::Message(bytes)) => {
                    if !send(socket, frame(codec, bytes)).await {
                        return End::Slow;
                    }
                }
                Some(Outgoing::Silence) => {
                    app.stopped().await;
                    return End::Gone;
                }
                Some(Outgoing::Disconnect) => return End::Gone,
                None => return End::Goodbye,
            },
            () = sleep_until(auth_until), if auth_open => {
                auth_open = false;
                app.turn(|state| state.feed.on_auth_timeout(id));
            }
            () = next_second(second), if test.is_some() => {
                second += 1;
                app.turn(|state| state.feed.tell_test(id, fakepaca::at(second)));
            }
            () = sleep_until(ping_at) => {
                if heard.elapsed() > SILENCE_MAX || !send(socket, Message::Ping(Bytes::new())).await {
                    return End::Gone;
                }
                ping_at = Instant::now() + PING_EVERY;
            }
        }
    }
}

fn on_request(app: &App, id: u64, bytes: &[u8]) {
    app.turn(|state| {
        let (market, now) = (Arc::clone(&app.market), state.exchange.now());
        match state.feed.on_request(id, bytes, |given| accepts(app, given), &market, now) {
            Next::Stay => {}
            Next::End => state.feed.leave(id),
        }
    });
}

fn accepts(app: &App, given: &Credentials) -> bool {
    app.keys.as_ref().is_none_or(|keys| keys.accepts(given))
}

/// Whether it left in time.
async fn send(socket: &mut Socket, message: Message) -> bool {
    matches!(timeout(SEND_TIMEOUT, socket.send(message)).await, Ok(Ok(())))
}

/// Until the second after this one begins, on the machine's clock.
async fn next_second(second: i64) {
    let begins = second.saturating_add(1).saturating_mul(1_000_000_000);
    let wait = u64::try_from(begins - wall().0).unwrap_or_default();
    tokio::time::sleep(Duration::from_nanos(wait)).await;
}
