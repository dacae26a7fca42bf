//! A session without a model trains one: the session's bars come, the model goes to the registry, and
//! the journal hears of it.

use crate::{
    Card, Dataset, Dividends, Members, Progress, Registry, Restated, Standing, TrainConfig,
    TrainError, Trained, Trials, Watch, train,
};
use features::Universe;
use futures::future::LocalBoxFuture;
use messages::{
    ActorId, Alarm, Bars, Envelope, HistoryRef, Message, MessageId, ModelRef, SessionOpened, Topic,
    history_sha256,
};
use shell::{Activity, BoxError, Session};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// What stands on disk of the time before a session.
#[derive(Clone, Debug)]
pub struct Past {
    /// Those that the journal refers to, ascending by session.
    pub bars: Vec<Bars>,
    /// On record beside them. No journal vouches for these: the model's card names their hash.
    pub dividends: Option<Dividends>,
    /// The last time this past was replaced, likewise.
    pub restated: Option<Restated>,
}

/// Reads the past that a journal refers to.
pub type LoadPast = Box<dyn Fn(&HistoryRef) -> Result<Past, BoxError> + Send>;

/// Says, in a session that trains, `ModelPublished`; or an `Alarm`, where trying again would give the
/// same failure. Started again after a kill it trains again, and says the same under the same id.
pub struct Gateway {
    registry: Registry,
    config: TrainConfig,
    load_past: Arc<Mutex<LoadPast>>,
}

impl Gateway {
    pub fn new(registry: Registry, config: TrainConfig, load_past: LoadPast) -> Self {
        Self { registry, config, load_past: Arc::new(Mutex::new(load_past)) }
    }

    async fn work(&self, session: &mut Session) -> Result<(), BoxError> {
        let mut todo = Todo::new(session.opened());
        for (_, entry) in session.catch_up().await? {
            todo.see(&entry);
        }
        // It listens while it trains: a kill is acknowledged, the session's end ends the training.
        let mut training = None;
        loop {
            if let Some((bars, at)) = todo.bars.take() {
                let (opened, activity) = (session.opened().clone(), session.activity());
                let answer = self.answer(opened, bars, activity);
                training = Some(Box::pin(async move { Ok::<_, BoxError>((answer.await?, at)) }));
            }
            tokio::select! {
                answer = finished(&mut training) => {
                    let ((id, body), at) = answer?;
                    training = None;
                    session.say(id, at, body).await?;
                    session.flush().await?;
                    todo.done = true;
                }
                next = session.next() => match next? {
                    Some((_, entry)) => todo.see(&entry),
                    None => return Ok(()),
                },
            }
            if todo.closed {
                return Ok(());
            }
        }
    }

    /// Trains on a thread of its own, which stops soon after this future is dropped.
    async fn answer(
        &self,
        opened: SessionOpened,
        bars: Bars,
        activity: Activity,
    ) -> Result<(MessageId, Message), BoxError> {
        let stop = Arc::new(AtomicBool::new(false));
        let _stop_on_drop = StopOnDrop(Arc::clone(&stop));
        let job = Job {
            registry: self.registry.clone(),
            config: self.config.clone(),
            load_past: Arc::clone(&self.load_past),
            opened,
            bars,
            stop,
            activity,
        };
        tokio::task::spawn_blocking(move || job.run()).await?
    }
}

/// What the training came to; never, if there is none.
async fn finished<F: Future + Unpin>(training: &mut Option<F>) -> F::Output {
    match training {
        Some(training) => training.await,
        None => std::future::pending().await,
    }
}

impl shell::Gateway for Gateway {
    fn id(&self) -> ActorId {
        ActorId::Trainer
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::Bars, Topic::SessionClosed]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        Box::pin(self.work(session))
    }
}

/// What the journal leaves for the trainer to do.
struct Todo {
    trains: bool,
    /// The model, or the alarm that there is none, stands in the journal.
    done: bool,
    closed: bool,
    bars: Option<(Bars, messages::Time)>,
}

impl Todo {
    fn new(opened: &SessionOpened) -> Self {
        Self { trains: opened.model.is_none(), done: false, closed: false, bars: None }
    }

    fn see(&mut self, entry: &Envelope) {
        match &entry.body {
            Message::Bars(bars) if self.trains && !self.done => {
                self.bars = Some((bars.clone(), entry.at));
            }
            // Not the alarms that the shell raises in our name.
            Message::ModelPublished(_) | Message::Alarm(_)
                if [published_id(), alarm_id()].contains(&entry.id) =>
            {
                self.done = true;
                self.bars = None;
            }
            Message::SessionClosed(_) => self.closed = true,
            _ => {}
        }
    }
}

struct StopOnDrop(Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Everything training needs, owned, so that it can move to another thread.
struct Job {
    registry: Registry,
    config: TrainConfig,
    load_past: Arc<Mutex<LoadPast>>,
    opened: SessionOpened,
    bars: Bars,
    stop: Arc<AtomicBool>,
    activity: Activity,
}

impl Job {
    /// An error is worth another try; a failure that would repeat itself is an alarm.
    fn run(self) -> Result<(MessageId, Message), BoxError> {
        let answer = self.work();
        self.activity.set(None);
        answer
    }

    fn work(&self) -> Result<(MessageId, Message), BoxError> {
        let past = self.past()?;
        let (sessions, members) = (past.bars.len(), self.opened.universe.len());
        tracing::info!(sessions, members, "training");
        match self.train(&past, &self.registry.trials()?) {
            Ok(trained) => {
                // Also one that is refused: its card says why.
                let model = self.registry.publish(&trained)?;
                let label = &trained.card.label;
                tracing::info!(model = model.id, trees = trained.card.trees, label, "published");
                Ok(match trained.card.standing {
                    Standing::Refused => refused(&model, &trained.card),
                    Standing::Passed | Standing::Rehearsal => published(model, &trained.card),
                })
            }
            Err(error) if error.is_final() => Ok(alarm(&error)),
            Err(error) => Err(error.into()),
        }
    }

    /// The bars the journal vouches for, then those it brought.
    fn past(&self) -> Result<Past, BoxError> {
        let wanted = &self.opened.history;
        let load = self.load_past.lock().unwrap_or_else(PoisonError::into_inner);
        let mut past = load(wanted)?;
        let found = history_sha256(&past.bars);
        if found != wanted.sha256 {
            let sessions = past.bars.len();
            return Err(format!(
                "HISTORY_MISMATCH: the journal vouches for {} sessions through {} with SHA-256 {}, \
                 the bars on disk are {sessions} with {found}; fetch them again or restore the file",
                wanted.sessions, wanted.through, wanted.sha256
            )
            .into());
        }
        past.bars.push(self.bars.clone());
        Ok(past)
    }

    fn train(&self, past: &Past, trials: &Trials) -> Result<Trained, TrainError> {
        let ours = features::whitelist::sha256();
        if self.opened.whitelist_sha256 != ours {
            let journal = self.opened.whitelist_sha256.clone();
            return Err(TrainError::Whitelist { journal, ours });
        }
        let go_on = |step: Progress| {
            self.activity.set(Some(step.to_string()));
            if self.stop.load(Ordering::Relaxed) {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        };
        let universe = match self.opened.listed.as_slice() {
            [] => None,
            listed => Some(Universe::listed(listed)?),
        };
        let members = match &universe {
            Some(universe) => Members::Dated(universe),
            // Of an earlier day, nobody says who belonged to it.
            None => Members::Listed {
                members: &self.opened.universe,
                as_of: self.opened.signal_session,
                sectors_as_of: self.opened.sectors_as_of,
            },
        };
        let data = Dataset {
            history: &past.bars,
            members,
            dividends: past.dividends.as_ref(),
            restated: past.restated.as_ref(),
        };
        train(data, &self.config, trials, Watch::new(&go_on))
    }
}

fn published(model: ModelRef, card: &Card) -> (MessageId, Message) {
    (published_id(), Message::ModelPublished(card.published(model)))
}

fn refused(model: &ModelRef, card: &Card) -> (MessageId, Message) {
    let findings: Vec<String> = card.refusals().iter().map(ToString::to_string).collect();
    let detail = format!("{}: {}", model.id, findings.join("; "));
    let alarm = Alarm { code: "AUDIT_REFUSED".to_owned(), detail, symbol: None };
    (alarm_id(), Message::Alarm(alarm))
}

fn alarm(error: &TrainError) -> (MessageId, Message) {
    let alarm =
        Alarm { code: "TRAINING_FAILED".to_owned(), detail: error.to_string(), symbol: None };
    (alarm_id(), Message::Alarm(alarm))
}

fn published_id() -> MessageId {
    MessageId::event(ActorId::Trainer, "model")
}

fn alarm_id() -> MessageId {
    MessageId::event(ActorId::Trainer, "training-failed")
}

#[cfg(test)]
mod tests;
