//! One connection: who it is, what it wants, what it has been told.

use super::endpoint::Endpoint;
use super::subscription::{Channel, Subscription, Wrong};
use super::tape::Event;
use alpaca::Codec;
use alpaca::model::{Channels, DataError, DataMessage, Level, Of, Orderbook, Success};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc;

pub(super) struct Session {
    pub(super) endpoint: Endpoint,
    pub(super) codec: Codec,
    pub(super) authenticated: bool,
    pub(super) subscription: Subscription,
    queue: mpsc::Sender<Bytes>,
    /// Set when the queue is full: the client reads too slowly.
    slow: Arc<AtomicBool>,
    /// Messages for the next frame, written already.
    batch: Vec<Bytes>,
    /// Order books as the client knows them.
    books: BTreeMap<String, Orderbook>,
}

/// Items in a frame at most; the rest follows in the next.
const BATCH_MAX: usize = 200;

impl Session {
    pub(super) fn new(
        endpoint: Endpoint,
        codec: Codec,
        queue: mpsc::Sender<Bytes>,
        slow: Arc<AtomicBool>,
    ) -> Self {
        Self {
            endpoint,
            codec,
            authenticated: false,
            subscription: Subscription::default(),
            queue,
            slow,
            batch: Vec::new(),
            books: BTreeMap::new(),
        }
    }

    pub(super) fn success(&mut self, msg: &str) {
        self.control(&DataMessage::Success(Success { msg: msg.to_owned() }));
    }

    pub(super) fn error(&mut self, code: u16) {
        self.control(&DataMessage::Error(error(code)));
    }

    /// Adds or takes away, and answers with all that is subscribed then.
    pub(super) fn change(&mut self, asked: &Channels, adding: bool, limit: Option<usize>) {
        let new = if adding {
            self.subscription.with(asked, &self.endpoint, limit)
        } else {
            self.subscription.without(asked, &self.endpoint)
        };
        match new {
            Ok(new) => {
                self.subscription = new;
                let state = self.subscription.state(&self.endpoint);
                self.control(&DataMessage::Subscription(state));
            }
            Err(Wrong::Symbol) => self.error(400),
            Err(Wrong::Limit) => self.error(405),
            Err(Wrong::Channel) => self.error(410),
        }
    }

    /// Control messages come alone in their frames.
    fn control(&mut self, message: &DataMessage) {
        self.flush();
        self.batch.push(self.codec.write(message).into());
        self.flush();
    }

    /// Something of the tape. `written` is `event.message` in this codec, once somebody has written it.
    pub(super) fn tell(&mut self, event: &Event, written: &mut Option<Bytes>) {
        if !self.subscription.wants(event.channel, event.symbol) {
            return;
        }
        match &event.message {
            DataMessage::Orderbook(book) => self.book(book),
            message => {
                let write = || Bytes::from(self.codec.write(message));
                let bytes = written.get_or_insert_with(write).clone();
                self.push(bytes);
            }
        }
    }

    /// The whole book to whoever does not know it, otherwise what changed in it.
    pub(super) fn book(&mut self, book: &Of<Orderbook>) {
        let known = self.books.insert(book.symbol.clone(), book.data.clone());
        let data = match known {
            None => Orderbook { r: Some(true), ..book.data.clone() },
            Some(known) => Orderbook {
                t: book.data.t,
                b: changes(&known.b, &book.data.b),
                a: changes(&known.a, &book.data.a),
                r: None,
            },
        };
        let message = DataMessage::Orderbook(Of { symbol: book.symbol.clone(), data });
        self.push(self.codec.write(&message).into());
    }

    /// Books that are no longer subscribed have to come whole when they are again.
    pub(super) fn forget_books(&mut self) {
        let subscription = &self.subscription;
        self.books.retain(|symbol, _| subscription.wants(Channel::Orderbooks, symbol));
    }

    pub(super) fn knows_book(&self, symbol: &str) -> bool {
        self.books.contains_key(symbol)
    }

    pub(super) fn push(&mut self, message: Bytes) {
        self.batch.push(message);
        if self.batch.len() >= BATCH_MAX {
            self.flush();
        }
    }

    /// Puts what has come together on its way.
    pub(super) fn flush(&mut self) {
        if !self.batch.is_empty() {
            let frame = self.codec.array(&self.batch);
            self.batch.clear();
            if let Err(mpsc::error::TrySendError::Full(_)) = self.queue.try_send(frame.into()) {
                self.slow.store(true, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn is_slow(&self) -> bool {
        self.slow.load(Ordering::Relaxed)
    }
}

pub(super) fn error(code: u16) -> DataError {
    let msg = match code {
        400 => "invalid syntax",
        401 => "not authenticated",
        402 => "auth failed",
        403 => "already authenticated",
        404 => "auth timeout",
        405 => "symbol limit exceeded",
        406 => "connection limit exceeded",
        407 => "slow client",
        409 => "insufficient subscription",
        410 => "invalid subscribe action for this feed",
        _ => "internal error",
    };
    DataError { code, msg: msg.to_owned() }
}

/// New and changed levels, and those that are gone with a size of zero.
fn changes(old: &[Level], new: &[Level]) -> Vec<Level> {
    let at = |levels: &[Level], price: f64| levels.iter().find(|level| level.p == price).copied();
    let gone = old.iter().filter(|level| at(new, level.p).is_none());
    let gone = gone.map(|level| Level { p: level.p, s: 0.0 });
    let changed = new.iter().filter(|level| at(old, level.p) != Some(**level)).copied();
    gone.chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_lead_from_the_old_book_to_the_new() {
        let level = |p: f64, s: f64| Level { p, s };
        let old = [level(10.0, 1.0), level(9.0, 2.0), level(8.0, 3.0)];
        let new = [level(11.0, 5.0), level(10.0, 1.0), level(9.0, 4.0)];
        let changed = changes(&old, &new);
        assert_eq!(changed, [level(8.0, 0.0), level(11.0, 5.0), level(9.0, 4.0)]);
        assert!(changes(&new, &new).is_empty());
    }
}
