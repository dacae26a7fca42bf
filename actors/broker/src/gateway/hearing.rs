//! The venue's answers take their time or do not come. Whoever waits for one listens meanwhile; and what was not answered
//! is asked again after a while, by a gateway that has kept what it knew.

use super::BrokerError;
use super::run::Run;
use super::world::{Control, Journal, Timer, World};
use alpaca::AlpacaError;
use messages::{Envelope, Kill, Time};
use shell::ShellError;
use std::pin::pin;
use std::time::Duration;

/// Why a conversation with the venue broke off.
#[derive(Debug)]
pub(super) enum Broke {
    /// A kill came first. What was asked is asked again once it has been heeded.
    Off,
    /// No answer: nothing is wrong but the venue or the way to it.
    Unanswered(AlpacaError),
    /// An answer that can't stand. It is asked again: an end would take along who heeds kills.
    Unclear(BrokerError),
    /// Asking again does not help.
    Failed(BrokerError),
}

impl From<BrokerError> for Broke {
    fn from(error: BrokerError) -> Self {
        Self::Failed(error)
    }
}

impl From<ShellError> for Broke {
    fn from(error: ShellError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<AlpacaError> for Broke {
    fn from(error: AlpacaError) -> Self {
        if error.is_transient() { Self::Unanswered(error) } else { Self::Failed(error.into()) }
    }
}

/// What the venue is asked now and then, and again after a pause where it did not answer.
#[derive(Debug)]
pub(super) struct Due {
    pub(super) at: Duration,
    failures: u32,
}

impl Due {
    pub(super) fn new(at: Duration) -> Self {
        Self { at, failures: 0 }
    }

    /// At `then`, unless the venue has to be given time.
    pub(super) fn put(&mut self, then: Duration) {
        if !self.fails() {
            self.at = then;
        }
    }

    pub(super) fn missed(&mut self, now: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.at = now + pause(self.failures);
    }

    pub(super) fn fails(&self) -> bool {
        self.failures > 0
    }
}

/// A quarter of a second, doubling, eight seconds at most.
pub(super) fn pause(failures: u32) -> Duration {
    Duration::from_millis(125) * 2_u32.pow(failures.min(6))
}

#[expect(clippy::large_enum_variant, reason = "one at a time, on the stack")]
enum Came<T> {
    Kill(Kill),
    Entry(Option<(u64, Envelope)>),
    Answer(T),
}

impl<W: World> Run<'_, W> {
    /// Asks what changes nothing. A kill does not wait for the answer.
    pub(super) async fn ask<T>(
        &mut self,
        question: impl Future<Output = Result<T, AlpacaError>>,
    ) -> Result<T, Broke> {
        Ok(self.hear(question, false).await?.ok_or(Broke::Off)??)
    }

    /// Waits for what must not be dropped half-way.
    pub(super) async fn attend<T>(
        &mut self,
        request: impl Future<Output = T>,
    ) -> Result<T, BrokerError> {
        let answer = self.hear(request, true).await?;
        Ok(answer.expect("it is waited for whatever comes"))
    }

    /// The answer; `None` if a kill came first, or the end of the session, and it is not waited for all the same. What
    /// comes meanwhile is heard, and acknowledged where it is a kill.
    async fn hear<T>(
        &mut self,
        answer: impl Future<Output = T>,
        stays: bool,
    ) -> Result<Option<T>, BrokerError> {
        let mut answer = pin!(answer);
        let mut closed = false;
        loop {
            let Self { session, control, .. } = self;
            let came = tokio::select! {
                biased;
                kill = control.killed() => Came::Kill(kill),
                entry = session.next(), if !closed => Came::Entry(entry?),
                answer = &mut answer => Came::Answer(answer),
            };
            let kills = match came {
                Came::Answer(answer) => return Ok(Some(answer)),
                Came::Kill(kill) => {
                    self.on_kill(&kill);
                    true
                }
                Came::Entry(Some((_, entry))) => {
                    self.on_entry(&entry);
                    matches!(entry.body, messages::Message::Kill(_))
                }
                Came::Entry(None) => {
                    closed = true;
                    true
                }
            };
            if kills && !stays {
                return Ok(None);
            }
        }
    }

    /// A kill that no entry holds, hence without a time: orders that it meets keep the time of their approval.
    pub(super) fn on_kill(&mut self, kill: &Kill) {
        self.desk.on_kill(Time(i64::MIN), kill);
    }

    /// What came of something that is asked of the venue when it is due. What was not answered will be asked again.
    pub(super) fn settle(
        &mut self,
        done: Result<(), Broke>,
        due: fn(&mut Self) -> &mut Due,
    ) -> Result<(), BrokerError> {
        let now = self.timer.now();
        match done {
            Ok(()) => {}
            Err(Broke::Off) => {
                due(self).put(now);
                self.tick_at = now;
            }
            Err(Broke::Unanswered(error)) => {
                due(self).missed(now);
                self.on_silence(&error);
            }
            Err(Broke::Unclear(error)) => {
                due(self).missed(now);
                self.on_silence(&error);
            }
            Err(Broke::Failed(error)) => return Err(error),
        }
        Ok(())
    }

    /// Said to whoever asks, until the venue answers again.
    pub(super) fn on_silence(&mut self, error: &dyn std::error::Error) {
        tracing::error!(%error, "the venue does not answer, or not clearly; asking again soon");
        self.session.doing(Some(format!("waits for the venue: {error}")));
        self.silent = true;
    }

    pub(super) fn on_speech(&mut self) {
        if self.silent {
            tracing::info!("the venue answers again");
            self.session.doing(None);
            self.silent = false;
        }
    }
}
