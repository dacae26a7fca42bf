//! Leads a session through its day: opens the journal, moves the clock, closes the journal. It decides
//! nothing about trading; where it stands is read off the journal, so it can be killed like any actor.

use crate::clock::SessionClock;
use crate::failure::{Failure, fail};
use crate::morning;
use crate::opening::Opening;
use crate::seen::{Seen, Step};
use messages::{
    ActorId, Date, DayReported, Kill, Message, MessageId, ModelPublished, ModelRef, Outcome, Phase,
    PhaseBegan, SessionClosed, SessionOpened, Tick, Time,
};
use shell::{Bus, Session, ShellError};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long the journal may stand still while the conductor waits for an actor of a stepped session.
const PATIENCE: Duration = Duration::from_secs(120);
/// A model takes its time.
const TRAINING: Duration = Duration::from_secs(3_600);
/// After the close of a flowing session, for the account.
const ACCOUNTING: Time = Time(15 * 60 * 1_000_000_000);
const MINUTE: i64 = 60 * 1_000_000_000;
/// At least so long by this machine's clock, for a day that is led after its close.
const GRACE: Duration = Duration::from_secs(60);
/// In a row; an attempt that went well for a minute starts the count again.
const RETRIES: u32 = 20;
const SETTLED: Duration = Duration::from_secs(60);

pub struct Conductor {
    pub bus: Bus,
    pub client: alpaca::Client,
    pub clock: SessionClock,
    pub opening: Opening,
    pub prices: PathBuf,
}

/// One trading day: its date, the two sessions before it, and its three moments.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Day {
    pub session: Date,
    pub signal_session: Date,
    /// The session before the signal session: where the stored history must end.
    pub history_session: Date,
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

impl Conductor {
    /// Leads `day` to its end, starting again where the journal stands after a failure of the bus or
    /// of the venue.
    pub async fn lead(&self, day: Day, model: Option<&ModelRef>) -> Result<Ending, Failure> {
        let mut tries = 0;
        loop {
            let started = Instant::now();
            let ended = self.attempt(day, model).await;
            if started.elapsed() > SETTLED {
                tries = 0;
            }
            match ended {
                Ok(ending) => return Ok(ending),
                // However long it takes: who gave up would take the guard of the kill flag along.
                Err(failure) if !self.bus.is_connected() && !failure.is_final() => {
                    tracing::error!(actor = "session", session = %day.session, "{failure}; waiting for NATS, the kill flag is watched");
                    self.bus.connected().await;
                }
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
        if self.bus.open_session_date().await? != Some(day.session)
            && !self.open(day, model).await?
        {
            return self.closed(day).await;
        }
        let mut session = self.bus.conduct(day.session).await?;
        self.is_ours(session.opened())?;
        let mut seen = Seen::default();
        for (_, entry) in session.catch_up().await? {
            seen.take(&entry);
        }
        let mut latched = (seen.resumes, None);
        let training = session.opened().model.is_none();
        loop {
            // Stored once, however long its copy takes into the journal.
            if latched.0 < seen.resumes {
                latched = (seen.resumes, None);
            }
            if let Some(kill) = seen.unlatched().filter(|kill| latched.1 < Some(kill.level)) {
                self.latch(&kill).await?;
                latched.1 = Some(kill.level);
            }
            match seen.next(training) {
                Step::Wait => self.wait(day, &mut session, &mut seen).await?,
                // On a flowing clock the moment is waited for with open ears.
                Step::Begin(_) if self.clock.is_flowing() && !seen.due => {
                    self.wait(day, &mut session, &mut seen).await?;
                }
                Step::Tick if self.clock.is_flowing() => {
                    self.wait(day, &mut session, &mut seen).await?;
                }
                Step::Tick => {
                    let next = seen.minute + 1;
                    self.tick(next, day, &mut session, &mut seen).await?;
                }
                Step::Begin(phase) => self.begin(phase, day, &mut session, &mut seen).await?,
                Step::Close(_) if self.is_owed_a_kill(&seen).await? => {
                    tracing::info!(actor = "session", session = %day.session, "a stored kill is on its way into the journal");
                    self.wait(day, &mut session, &mut seen).await?;
                }
                Step::Close(outcome) => self.close(outcome, &mut session, &mut seen).await?,
                Step::End => {
                    self.bus.close_session(day.session).await?;
                    return self.closed(day).await;
                }
            }
        }
    }

    /// False if the session was closed before.
    async fn open(&self, day: Day, model: Option<&ModelRef>) -> Result<bool, Failure> {
        if self.bus.sessions().await?.contains(&day.session) {
            if let Ok(opened) = self.bus.session_opened(day.session).await {
                self.is_ours(&opened)?;
            }
            // The account of a day that is over is no morning's account.
            if let Err(ShellError::SessionWasClosed(_)) = self.bus.check_open(day.session).await {
                return Ok(false);
            }
        }
        let bars = morning::history(&self.bus, &self.prices, day).await?;
        let (account, halted) = morning::look(&self.bus, &self.client, day).await?;
        let opened = self.opening.message(&day, &bars, account, model.cloned(), halted);
        let mut opened = opened.map_err(Failure::finally)?;
        opened.marked = self.clock.is_flowing();
        match self.bus.open_session(&opened, day.start).await {
            Ok(()) => Ok(true),
            Err(ShellError::SessionWasClosed(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// A journal is continued only by the run that began it.
    fn is_ours(&self, opened: &SessionOpened) -> Result<(), Failure> {
        let ours = &self.opening;
        let (members, _) = ours.universe.on(opened.signal_session);
        if opened.run_id == ours.run_id && opened.universe == members {
            return Ok(());
        }
        Err(fail(format!(
            "session {} on this NATS server belongs to run {:?}, not to {:?}: take another server, \
             or continue that run by its name",
            opened.session, opened.run_id, ours.run_id
        ))
        .finally())
    }

    /// How a session ended whose journal is closed.
    async fn closed(&self, day: Day) -> Result<Ending, Failure> {
        self.is_ours(&self.bus.session_opened(day.session).await?)?;
        let mut seen = Seen::default();
        for (_, entry, _) in self.bus.read_journal(day.session).await? {
            if let Ok(entry) = entry {
                seen.take(&entry);
            }
        }
        let Some(mut outcome) = seen.outcome.clone() else {
            let text = format!("the journal of session {} was closed without an end", day.session);
            return Err(fail(text).finally());
        };
        // A halt that came while the session was being closed.
        if let (Outcome::Traded, Some(reason)) = (&outcome, seen.halted()) {
            outcome = Outcome::Stopped { reason: reason.clone() };
        }
        Ok(Ending { outcome, reported: seen.reported, model: seen.model })
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

    /// A minute of the open market, at which it is over as soon as the close has come.
    async fn tick(
        &self,
        minute: u32,
        day: Day,
        session: &mut Session,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        let time = minute_time(day, minute);
        if time >= day.close {
            return self.begin(Phase::Close, day, session, seen).await;
        }
        self.clock.until(time).await?;
        let key = format!("tick.{minute}");
        session.say(event(&key), time, Message::Tick(Tick { minute })).await?;
        self.wait(day, session, seen).await
    }

    /// Stores a kill unless one as strong is in force: before a death of ours, or by a human.
    async fn latch(&self, kill: &Kill) -> Result<(), Failure> {
        let in_force = self.bus.latched_kill().await?;
        if in_force.is_none_or(|before| before.level < kill.level) {
            self.bus.kill(kill).await?;
        }
        Ok(())
    }

    /// The server copies kills into the journal in its own time; a session ends by what its journal says.
    async fn is_owed_a_kill(&self, seen: &Seen) -> Result<bool, Failure> {
        let in_force = self.bus.latched_kill().await?;
        Ok(in_force.is_some_and(|kill| seen.lacks(kill.level)))
    }

    async fn close(
        &self,
        outcome: Outcome,
        session: &mut Session,
        seen: &mut Seen,
    ) -> Result<(), Failure> {
        if let Some(kill) = seen.unlatched() {
            self.latch(&kill).await?;
        }
        if !seen.unreached.is_empty() {
            let (session, names) = (session.opened().session, &seen.unreached);
            let missing: Vec<String> =
                names.iter().map(|(symbol, shares)| format!("{symbol} {shares}")).collect();
            let missing = missing.join(", ");
            tracing::warn!(actor = "session", %session, missing, "the plan did not reach its targets");
        }
        let body = Message::SessionClosed(SessionClosed { outcome });
        session.say(event("closed"), seen.at, body).await?;
        session.flush().await?;
        while seen.outcome.is_none() {
            match session.next().await? {
                Some((_, entry)) => seen.take(&entry),
                None => break,
            }
        }
        Ok(())
    }

    /// For the next entry that concerns us, or for the moment that doesn't wait for one.
    async fn wait(&self, day: Day, session: &mut Session, seen: &mut Seen) -> Result<(), Failure> {
        let training = session.opened().model.is_none();
        let (due, grace) = match seen.next_phase() {
            Some(Phase::Open) => (day.open, Duration::ZERO),
            Some(Phase::Close) => (day.close, Duration::ZERO),
            None => (Time(day.close.0 + ACCOUNTING.0), GRACE),
        };
        let next = if self.clock.is_flowing() && !training {
            let minute = minute_time(day, seen.minute + 1);
            let ticks = seen.wants_minutes(true) && minute < due;
            tokio::select! {
                next = session.next() => next,
                reached = self.clock.until(minute), if ticks => {
                    reached?;
                    // Those that passed unsaid, while we were not there, are not caught up with.
                    let passed = self.clock.now().await?.0.saturating_sub(day.open.0) / MINUTE;
                    let minute = u32::try_from(passed).unwrap_or(0).max(seen.minute + 1);
                    let time = minute_time(day, minute);
                    let (key, body) = (format!("tick.{minute}"), Message::Tick(Tick { minute }));
                    return Ok(session.say(event(&key), time, body).await?);
                }
                reached = async {
                    self.clock.until(due).await?;
                    tokio::time::sleep(grace).await;
                    Ok(())
                } => {
                    seen.due = true;
                    return reached;
                }
            }
        } else {
            let patience = if training { TRAINING } else { PATIENCE };
            match tokio::time::timeout(patience, session.next()).await {
                Ok(next) => next,
                Err(_) => return Err(self.stalled(day, seen).await),
            }
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
        let awaited = match (&seen.reported, seen.working) {
            (Some(_), _) => "a stored kill to be copied into the journal",
            (None, true) => "the orders to end",
            (None, false) => "the orders to be placed",
        };
        fail(format!(
            "session {} stands still, waiting for {awaited}; actors that answer: {}. Look into the log for \
             the first error",
            day.session,
            heard.join(", ")
        ))
        .finally()
    }
}

/// `minute` of them after the open.
fn minute_time(day: Day, minute: u32) -> Time {
    Time(day.open.0 + i64::from(minute) * MINUTE)
}

fn event(key: &str) -> MessageId {
    MessageId::event(ActorId::Session, key)
}
