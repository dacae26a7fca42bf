//! The stretch between the queue of a websocket and its socket.

use super::plan::{Event, Firing, Kind};
use crate::state::App;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

/// A message that is to come after the one behind it goes alone if there is none for so long.
const HOLD: Duration = Duration::from_millis(100);

/// What to do with the socket next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outgoing<T> {
    Message(T),
    /// Drop the connection, without a close frame.
    Disconnect,
    /// Neither write nor read any more, and keep the connection.
    Silence,
}

/// Hands on what is queued, except where a rule says otherwise.
pub(crate) struct Line<T> {
    app: Arc<App>,
    path: String,
    queue: mpsc::Receiver<T>,
    ready: VecDeque<Step<T>>,
    held: Option<T>,
}

enum Step<T> {
    Do(Outgoing<T>),
    Wait(Duration),
    Until(Instant),
}

impl<T: AsRef<[u8]> + Clone> Line<T> {
    /// `path` is what rules match: the websocket's.
    pub(crate) fn new(app: &Arc<App>, path: &str, queue: mpsc::Receiver<T>) -> Self {
        let (app, path) = (Arc::clone(app), path.to_owned());
        Self { app, path, queue, ready: VecDeque::new(), held: None }
    }

    /// `None` when the queue is closed and empty. Cancelling it loses nothing.
    pub(crate) async fn next(&mut self) -> Option<Outgoing<T>> {
        loop {
            match self.ready.front() {
                Some(Step::Wait(time)) => self.ready[0] = Step::Until(Instant::now() + *time),
                Some(Step::Until(time)) => {
                    sleep_until(*time).await;
                    self.ready.pop_front();
                }
                Some(Step::Do(_)) => {
                    let Some(Step::Do(outgoing)) = self.ready.pop_front() else { continue };
                    return Some(outgoing);
                }
                None => {
                    let received = if self.held.is_some() {
                        timeout(HOLD, self.queue.recv()).await.unwrap_or_default()
                    } else {
                        self.queue.recv().await
                    };
                    match received {
                        Some(message) => self.pass(message),
                        None => return self.held.take().map(Outgoing::Message),
                    }
                }
            }
        }
    }

    /// What has not gone out yet, without further faults.
    pub(crate) fn drain(&mut self) -> Option<T> {
        while let Some(step) = self.ready.pop_front() {
            if let Step::Do(Outgoing::Message(message)) = step {
                return Some(message);
            }
        }
        self.held.take().or_else(|| self.queue.try_recv().ok())
    }

    fn pass(&mut self, message: T) {
        let event = Event::Message { path: &self.path, bytes: message.as_ref() };
        let firings = self.app.faults.fire(event);
        let fires = |kind| firings.iter().any(|firing| firing.rule.kind == kind);
        for firing in &firings {
            match firing.rule.kind {
                Kind::Latency | Kind::Slow => self.ready.push_back(Step::Wait(delay(firing))),
                Kind::Disconnect => return self.ready.push_back(Step::Do(Outgoing::Disconnect)),
                Kind::HalfOpen => return self.ready.push_back(Step::Do(Outgoing::Silence)),
                _ => {}
            }
        }
        if fires(Kind::Drop) {
            return;
        }
        if fires(Kind::Reorder) && self.held.is_none() {
            self.held = Some(message);
            return;
        }
        let copies = if fires(Kind::Duplicate) { 2 } else { 1 };
        let messages = std::iter::repeat_n(message, copies).chain(self.held.take());
        self.ready.extend(messages.map(|message| Step::Do(Outgoing::Message(message))));
    }
}

/// How long a latency or a slow piece takes.
pub(super) fn delay(firing: &Firing) -> Duration {
    let usually = if firing.rule.kind == Kind::Slow { 20 } else { 200 };
    let jitter = f64::from(firing.rule.jitter_ms.unwrap_or(0)) * firing.draw;
    Duration::from_millis(firing.rule.milliseconds(usually).unsigned_abs() + jitter as u64)
}
