use crate::Bus;
use crate::engine::Engine;
use crate::error::ShellError;
use crate::seat::Seat;
use crate::services::Registration;
use crate::status::{Activity, StatusCell};
use kernel::{Actor, Outbox};
use messages::{ActorId, Cause, Date, Envelope, Message, MessageId, SessionOpened, Time, Topic};
use std::sync::Arc;

/// A session's journal as a gateway, or the conductor, sees it: what it listens to, and its own words.
///
/// Kills are acknowledged and undecodable entries answered here, as for any actor. After an error a
/// session is of no use any more: who runs it starts again, which recovers.
pub struct Session {
    engine: Engine,
    /// While the conductor runs it is listed as a service, as every actor.
    _registration: Option<Registration>,
}

impl Session {
    pub fn opened(&self) -> &SessionOpened {
        self.engine.opened()
    }

    /// All entries the journal held when this actor (re)started, those of listened topics and the
    /// actor's own, in order. Call once, first.
    pub async fn catch_up(&mut self) -> Result<Vec<(u64, Envelope)>, ShellError> {
        let mut held = Vec::new();
        while !self.engine.is_caught_up() {
            match self.engine.next().await? {
                Some(entry) if self.is_for_us(&entry.1) => held.push(entry),
                Some(_) => {}
                None => break,
            }
        }
        Ok(held)
    }

    /// Next new entry (listened topics and own); `None` once the session is closed. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<(u64, Envelope)>, ShellError> {
        while let Some(entry) = self.engine.next().await? {
            if self.is_for_us(&entry.1) {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// Journals a message as this actor, unless its id is in the journal already. Ok once queued in
    /// order; a failed acknowledgement surfaces at the next call. Said while handling the entry that
    /// `next` returned last, it goes on in that entry's trace; else below the session's root.
    ///
    /// # Panics
    /// If the id is another actor's, or one that the shell gives away itself: answers to kills, and
    /// `UNDECODABLE` alarms, are said here already, so an own answer to such an entry is an event.
    pub async fn say(&mut self, id: MessageId, at: Time, body: Message) -> Result<(), ShellError> {
        assert_eq!(id.author, self.engine.actor(), "a gateway speaks for itself only");
        if !self.engine.has_said(&id) {
            let envelope = Envelope { id, at, body };
            assert!(!is_recomputed(&envelope), "{envelope} is the shell's to say");
            self.engine.post(&envelope);
        }
        self.engine.send().await
    }

    /// Waits until everything said is stored.
    pub async fn flush(&mut self) -> Result<(), ShellError> {
        self.engine.flush().await
    }

    /// Where to say what takes a while.
    pub fn activity(&self) -> Activity {
        self.engine.activity()
    }

    /// Whether `SessionClosed` was read.
    pub fn is_closed(&self) -> bool {
        self.engine.is_closed()
    }

    pub(crate) async fn open(
        bus: &Bus,
        seat: &Arc<Seat>,
        session: Date,
        listens: &'static [Topic],
    ) -> Result<Self, ShellError> {
        let actor = seat.actor;
        let build = |_: &SessionOpened| Ok(Box::new(Ear { actor, listens }) as Box<dyn Actor>);
        let engine = Engine::open(bus, seat, session, is_recomputed, build).await?;
        Ok(Self { engine, _registration: None })
    }

    fn is_for_us(&self, envelope: &Envelope) -> bool {
        envelope.id.author == self.engine.actor()
            || self.engine.listens().contains(&envelope.topic())
    }
}

/// What the conductor hears.
const CONDUCTOR: &[Topic] = &[
    Topic::CoverageFailed,
    Topic::ScoresWithheld,
    Topic::ModelPublished,
    Topic::OrdersWorking,
    Topic::OrdersDone,
    Topic::OrderUpdated,
    Topic::AccountReported,
    Topic::Marked,
    Topic::Booked,
    Topic::DayReported,
    Topic::Kill,
    Topic::Resume,
    Topic::Alarm,
];

impl Bus {
    /// The open session as its conductor, [`ActorId::Session`], over a connection of its own. After
    /// an error, call it again: it recovers from the journal. Which of `NotOpen` and
    /// `SessionWasClosed` a session is that is not open, the error says.
    pub async fn conduct(&self, session: Date) -> Result<Session, ShellError> {
        self.connected().await;
        self.check_open(session).await?;
        let own = self.dial("aurora-session").await?;
        let instance = crate::seat::new_instance(self);
        let status = Arc::new(StatusCell::new(ActorId::Session, instance));
        let registration = own.register(&status).await?;
        let seat = Seat::take(&own, status);
        let session = Session::open(&own, &seat, session, CONDUCTOR).await?;
        Ok(Session { _registration: Some(registration), ..session })
    }
}

/// What the engine says for a gateway: the only entries of its own that are computed again.
fn is_recomputed(envelope: &Envelope) -> bool {
    let answers = matches!(envelope.id.cause, Cause::Entry { .. });
    answers
        && match &envelope.body {
            Message::KillAcknowledged(_) => true,
            Message::Alarm(alarm) => alarm.code == "UNDECODABLE",
            _ => false,
        }
}

/// A core that only listens: what every actor does, it does.
struct Ear {
    actor: ActorId,
    listens: &'static [Topic],
}

impl Actor for Ear {
    fn id(&self) -> ActorId {
        self.actor
    }

    fn listens(&self) -> &'static [Topic] {
        self.listens
    }

    fn handle(&mut self, _: u64, _: &Envelope, _: &mut Outbox) {}
}
