//! Leads a session through its day: opens the journal, moves the clock, closes the journal. It decides
//! nothing about trading; where it stands is read off the journal, so it can be killed like any actor.

use crate::clock::SessionClock;
use crate::failure::{Failure, fail};
use crate::opening::{Account, Opening};
use messages::{
    ActorId, Date, DayReported, Envelope, Message, MessageId, ModelPublished, ModelRef, Outcome,
    Phase, PhaseBegan, SessionClosed, Time,
};
use shell::{Bus, Session};
use std::path::PathBuf;
use std::time::Duration;

/// How long the journal may stand still while the conductor waits for an actor of a stepped session.
const PATIENCE: Duration = Duration::from_secs(120);
/// A model takes its time.
const TRAINING: Duration = Duration::from_secs(3_600);
const RETRIES: u32 = 20;
/// Alarms after which no answer comes that could be waited for.
const ENDING: [&str; 4] = ["RECONCILIATION", "EXPOSURE_UNKNOWN", "NO_EQUITY", "TRAINING_FAILED"];

pub struct Conductor {
    pub bus: Bus,
    pub client: alpaca::Client,
    pub clock: SessionClock,
    pub opening: Opening,
    pub prices: PathBuf,
}

/// One trading day: its date, the session before it, and its three moments.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Day {
    pub session: Date,
    pub signal_session: Date,
    pub start: Time,
    pub open: Time,
    pub close: Time,
}

/// How a session ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    pub outcome: Outcome,
    pub reported: Option<DayReported>,
    pub model: Option<ModelPublished>,
}

/// What the journal says so far, as far as the conductor cares.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an entry that was met or not")]
struct Seen {
    at: Time,
    working: bool,
    done: bool,
    opened: bool,
    closing: bool,
    halted: Option<String>,
    failed: Option<String>,
    reported: Option<DayReported>,
    model: Option<ModelPublished>,
    outcome: Option<Outcome>,
}

#[derive(Debug, PartialEq)]
enum Step {
    Wait,
    Begin(Phase),
    Close(Outcome),
    End,
}

impl Conductor {
    /// Leads `day` to its end, starting again where the journal stands after a failure of the bus or
    /// of the venue.
    pub async fn lead(&self, day: Day, model: Option<&ModelRef>) -> Result<Ending, Failure> {
        let mut tries = 0;
        loop {
            match self.attempt(day, model).await {
                Ok(ending) => return Ok(ending),
                Err(failure) if tries < RETRIES && !failure.is_final() => {
                    tries += 1;
                    tracing::warn!(actor = "session", session = %day.session, tries, "{failure}; starting again");
                    tokio::time::sleep(Duration::from_millis(100 * u64::from(tries).min(20))).await;
                }
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn attempt(&self, day: Day, model: Option<&ModelRef>) -> Result<Ending, Failure> {
        self.clock.until(day.start).await?;
        let known = self.bus.sessions().await?.contains(&day.session);
        if known && self.bus.open_session_date().await? != Some(day.session) {
            return self.closed(day).await;
        }
        self.open(day, model).await?;
        let mut session = self.bus.conduct(day.session).await?;
        let mut seen = Seen::default();
        for (_, entry) in session.catch_up().await? {
            seen.take(&entry);
        }
        let training = session.opened().model.is_none();
        loop {
            match seen.next(training) {
                Step::Wait => self.wait(day, &mut session, &mut seen).await?,
                Step::Begin(phase) => self.begin(phase, day, &mut session, &mut seen).await?,
                Step::Close(outcome) => {
                    let body = Message::SessionClosed(SessionClosed { outcome });
                    session.say(event("closed"), seen.at, body).await?;
                    session.flush().await?;
                    self.wait(day, &mut session, &mut seen).await?;
                }
                Step::End => {
                    self.bus.close_session(day.session).await?;
                    return self.closed(day).await;
                }
            }
        }
    }

    /// How a session ended whose journal is closed.
    async fn closed(&self, day: Day) -> Result<Ending, Failure> {
        let mut seen = Seen::default();
        for (_, entry, _) in self.bus.read_journal(day.session).await? {
            if let Ok(entry) = entry {
                seen.take(&entry);
            }
        }
        let Some(mut outcome) = seen.outcome else {
            let text = format!("the journal of session {} was closed without an end", day.session);
            return Err(fail(text).finally());
        };
        // One that came while the session was being closed.
        if let (Outcome::Traded, Some(reason)) = (&outcome, seen.halted) {
            outcome = Outcome::Stopped { reason };
        }
        Ok(Ending { outcome, reported: seen.reported, model: seen.model })
    }

    async fn open(&self, day: Day, model: Option<&ModelRef>) -> Result<(), Failure> {
        let bars = ingest::store::read_prices(&self.prices)
            .map_err(|error| Failure::from(error).finally())?;
        let account = self.account().await?;
        let halted = self.bus.latched_kill().await?;
        let dates = (day.session, day.signal_session);
        let opened = self.opening.message(dates, &bars, account, model.cloned(), halted);
        self.bus.open_session(&opened.map_err(Failure::finally)?, day.start).await?;
        Ok(())
    }

    async fn account(&self) -> Result<Account, Failure> {
        let reported = broker::statement(&self.client).await?;
        Ok(Account { positions: reported.positions, cash: reported.cash, equity: reported.equity })
    }

    async fn begin(
        &self,
        phase: Phase,
        day: Day,
        session: &mut Session,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let (time, key) = match phase {
            Phase::Open => (day.open, "open"),
            Phase::Close => (day.close, "close"),
        };
        self.clock.until(time).await?;
        session.say(event(key), time, Message::PhaseBegan(PhaseBegan { phase })).await?;
        self.wait(day, session, seen).await
    }

    /// For the next entry that concerns us.
    async fn wait(&self, day: Day, session: &mut Session, seen: &mut Seen) -> Result<(), Failure> {
        let next = match self.clock {
            SessionClock::Stepped(_) => {
                let patience = if session.opened().model.is_none() { TRAINING } else { PATIENCE };
                tokio::time::timeout(patience, session.next()).await
            }
            SessionClock::Wall => Ok(session.next().await),
        };
        let Ok(next) = next else {
            return Err(self.stalled(day, seen).await);
        };
        if let Some((_, entry)) = next? {
            seen.take(&entry);
        }
        Ok(())
    }

    async fn stalled(&self, day: Day, seen: &Seen) -> Failure {
        let statuses = self.bus.statuses(Duration::from_millis(500)).await.unwrap_or_default();
        let heard: Vec<String> = statuses
            .iter()
            .map(|status| format!("{} at {}", status.actor, status.position))
            .collect();
        let awaited = if seen.working { "the orders to end" } else { "the orders to be placed" };
        fail(format!(
            "session {} has stood still for {} s, waiting for {awaited}; actors that answer: {}. \
             Look into the log for the first error.",
            day.session,
            PATIENCE.as_secs(),
            heard.join(", ")
        ))
        .finally()
    }
}

impl Seen {
    fn take(&mut self, entry: &Envelope) {
        self.at = self.at.max(entry.at);
        match &entry.body {
            Message::SessionOpened(opened) => {
                self.halted = opened.halted.as_ref().map(|kill| format!("killed: {}", kill.reason));
            }
            Message::CoverageFailed(_) => self.failed = Some(format!("coverage: {}", entry.body)),
            Message::ModelPublished(model) => self.model = Some(model.clone()),
            Message::OrdersWorking(_) => self.working = true,
            Message::OrdersDone(_) => self.done = true,
            Message::PhaseBegan(began) => match began.phase {
                Phase::Open => self.opened = true,
                Phase::Close => self.closing = true,
            },
            Message::DayReported(day) => self.reported = Some(day.clone()),
            Message::Kill(kill) => self.halted = Some(format!("killed: {}", kill.reason)),
            Message::Resume(_) => self.halted = None,
            Message::Alarm(alarm) if ENDING.contains(&alarm.code.as_str()) => {
                self.failed = Some(format!("{}: {}", alarm.code, alarm.detail));
            }
            Message::Alarm(alarm) => {
                self.halted = Some(format!("{}: {}", alarm.code, alarm.detail));
            }
            Message::SessionClosed(closed) => self.outcome = Some(closed.outcome.clone()),
            _ => {}
        }
    }

    fn next(&self, training: bool) -> Step {
        if self.outcome.is_some() {
            return Step::End;
        }
        if let Some(reason) = &self.failed {
            return Step::Close(Outcome::Stopped { reason: reason.clone() });
        }
        if training {
            return if self.model.is_some() { Step::Close(Outcome::Trained) } else { Step::Wait };
        }
        if self.reported.is_some() {
            let stopped = |reason: &String| Outcome::Stopped { reason: reason.clone() };
            return Step::Close(self.halted.as_ref().map_or(Outcome::Traded, stopped));
        }
        match (self.opened, self.closing) {
            (false, _) if self.working => Step::Begin(Phase::Open),
            (true, false) if self.done => Step::Begin(Phase::Close),
            _ => Step::Wait,
        }
    }
}

fn event(key: &str) -> MessageId {
    MessageId::event(ActorId::Session, key)
}
