use crate::Bus;
use crate::error::ShellError;
use crate::reader::{Raw, Reader};
use crate::seat::Seat;
use crate::status::{Activity, ActorState};
use crate::telemetry::{Handled, Span};
use crate::trace::TraceContext;
use crate::writer::Writer;
use futures::future::try_join;
use kernel::{Actor, Entry, Host, Recovery};
use messages::{ActorId, Date, Envelope, MessageId, SessionOpened, Symbol, Topic};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::{Duration, Instant};

/// One actor in one session: reads the journal from its beginning, hands it to the core, publishes
/// what the journal lacks. Cores run in it directly; a gateway's session runs in it with a core that
/// does nothing.
pub(crate) struct Engine {
    seat: Arc<Seat>,
    opened: SessionOpened,
    root: TraceContext,
    reader: Reader,
    writer: Writer,
    host: Host<Box<dyn Actor>>,
    listens: &'static [Topic],
    recovery: Recovery,
    /// Which entries of its own the core must have computed.
    recomputes: fn(&Envelope) -> bool,
    reads_all: bool,
    /// Position of its own `ActorStarted`: no predecessor wrote behind it.
    head: u64,
    position: u64,
    closed: bool,
    /// Ids of its entries in the journal, and of what it queued, without what the core computes.
    said: BTreeSet<MessageId>,
    /// While replaying: the causes of answers that are held back.
    causes: BTreeMap<u64, Handled>,
    /// The entry that is being handled.
    span: Option<Span>,
}

impl Engine {
    /// `build` gets the session's first entry. From here on this instance speaks for the actor.
    pub(crate) async fn open(
        bus: &Bus,
        seat: &Arc<Seat>,
        session: Date,
        recomputes: fn(&Envelope) -> bool,
        build: impl FnOnce(&SessionOpened) -> Result<Box<dyn Actor>, ShellError>,
    ) -> Result<Self, ShellError> {
        seat.status.enter(ActorState::Starting, Some(session));
        let opened = bus.session_opened(session).await?;
        let root = TraceContext::root(&opened);
        let core = build(&opened)?;
        let (actor, listens) = (core.id(), core.listens());
        let stream = bus.subjects().journal_stream(session);
        let started = seat.started();
        let claim = Writer::claim(bus, &stream, &started, root);
        let (reader, (writer, head)) = try_join(Reader::open(bus, &stream), claim).await?;
        seat.status.position.store(0, Relaxed);
        seat.status.last.store(head, Relaxed);
        seat.status.enter(ActorState::Replaying, Some(session));
        tracing::info!(%actor, %session, run_id = opened.run_id, head, "replaying the journal");
        Ok(Self {
            seat: seat.clone(),
            root,
            reader,
            writer,
            host: Host::new(core),
            listens,
            recovery: Recovery::new(head),
            recomputes,
            reads_all: actor == ActorId::Reporting,
            head,
            position: 0,
            closed: false,
            said: BTreeSet::new(),
            causes: BTreeMap::new(),
            span: None,
            opened,
        })
    }

    pub(crate) fn activity(&self) -> Activity {
        self.seat.status.activity.clone()
    }

    pub(crate) fn actor(&self) -> ActorId {
        self.seat.actor
    }

    pub(crate) fn opened(&self) -> &SessionOpened {
        &self.opened
    }

    /// Every entry is decoded and returned by [`Engine::next`], listened to or not.
    pub(crate) fn read_all(&mut self) {
        self.reads_all = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed && self.position >= self.head
    }

    pub(crate) fn is_caught_up(&self) -> bool {
        self.position >= self.head
    }

    pub(crate) fn listens(&self) -> &'static [Topic] {
        self.listens
    }

    /// Handles the next entry and returns it if it is a message that was decoded; `None` once the
    /// session is closed and everything is stored. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Result<Option<(u64, Envelope)>, ShellError> {
        self.span = None;
        loop {
            self.writer.send().await?;
            if self.is_closed() {
                self.writer.flush().await?;
                return Ok(None);
            }
            let raw = self.receive().await?;
            // Nothing is awaited between here and the return: what was read has been handled.
            if let Some(entry) = self.handle(&raw)? {
                return Ok(Some(entry));
            }
        }
    }

    /// Whether the actor said it already, in the journal or in the queue; not for what the core
    /// computes.
    pub(crate) fn has_said(&self, id: &MessageId) -> bool {
        self.said.contains(id)
    }

    /// Queues a message of the actor.
    pub(crate) fn post(&mut self, envelope: &Envelope) {
        let parent = self.span.as_ref().map_or(self.root, Span::context);
        self.post_below(envelope, parent);
    }

    /// Hands over what is queued and looks, without waiting, whether an acknowledgement failed.
    pub(crate) async fn send(&mut self) -> Result<(), ShellError> {
        self.writer.send().await?;
        let acks = std::future::poll_fn(|cx| Poll::Ready(self.writer.poll_acks(cx)));
        match acks.await {
            Poll::Ready(Err((subject, error))) => Err(self.writer.explain(&subject, error).await),
            Poll::Ready(Ok(())) | Poll::Pending => Ok(()),
        }
    }

    /// Returns once everything the actor said is stored.
    pub(crate) async fn flush(&mut self) -> Result<(), ShellError> {
        self.writer.flush().await
    }

    /// The next entry, while acknowledgements are checked.
    async fn receive(&mut self) -> Result<Raw, ShellError> {
        let Self { reader, writer, .. } = self;
        let received = std::future::poll_fn(|cx| {
            if let Poll::Ready(Err(refused)) = writer.poll_acks(cx) {
                return Poll::Ready(Err(refused));
            }
            reader.poll(cx).map(Ok)
        });
        match received.await {
            Ok(received) => received,
            Err((subject, error)) => Err(self.writer.explain(&subject, error).await),
        }
    }

    fn handle(&mut self, raw: &Raw) -> Result<Option<(u64, Envelope)>, ShellError> {
        let began = Instant::now();
        self.position = raw.position;
        let concerned = self.concerns(raw.subject());
        let entry = (concerned || self.reads_all).then(|| raw.decode(self.seat.subjects));
        if let Some(entry) = &entry {
            let caught_up = self.recovery.is_caught_up();
            let cause = raw.traceparent().parse().unwrap_or(self.root);
            let handled = Handled::new(raw.position, cause, entry);
            let own = matches!(entry, Ok(it) if it.id.author == self.seat.actor);
            if caught_up && concerned && !own {
                self.span = Some(self.span_of(&handled));
            }
            self.meet(entry)?;
            self.bury(raw, entry, concerned);
            let answers = self.host.handle(raw.position, entry);
            self.answer(handled, answers);
            self.seat.status.handled.fetch_add(1, Relaxed);
            let elapsed = began.elapsed();
            self.seat.status.took(elapsed);
            if concerned {
                self.log(raw.position, entry, elapsed);
            }
        }
        self.note_progress(raw);
        Ok(entry.and_then(Result::ok).map(|envelope| (raw.position, envelope)))
    }

    /// Whether the actor listens to it, said it, or must act on it as everybody.
    fn concerns(&self, subject: &str) -> bool {
        let mut tokens = subject.split('.').skip(2);
        let author = tokens.next().map(ActorId::from_str);
        let topic = tokens.next().map(Topic::from_str);
        match (author, topic) {
            (Some(Ok(author)), _) if author == self.seat.actor => true,
            (_, Some(Ok(Topic::Kill | Topic::SessionClosed))) => true,
            (_, Some(Ok(topic))) => self.listens.contains(&topic),
            _ => false,
        }
    }

    /// Compares an entry of the actor's own with what it says now.
    fn meet(&mut self, entry: &Entry) -> Result<(), ShellError> {
        let Ok(envelope) = entry else { return Ok(()) };
        if envelope.topic() == Topic::SessionClosed {
            self.closed = true;
        }
        if envelope.id.author != self.seat.actor {
            return Ok(());
        }
        if !(self.recomputes)(envelope) {
            self.said.insert(envelope.id.clone());
            return Ok(());
        }
        self.recovery.met(envelope).map_err(|source| ShellError::Divergence {
            actor: self.seat.actor,
            session: self.opened.session,
            source,
        })
    }

    /// Puts what can't be read among the dead letters: those it should have understood, and all of
    /// them if it is the one that reports.
    fn bury(&mut self, raw: &Raw, entry: &Entry, concerned: bool) {
        let Err(undecodable) = entry else { return };
        if !concerned && self.seat.actor != ActorId::Reporting {
            return;
        }
        let (subject, reason) = (&undecodable.subject, &undecodable.reason);
        tracing::error!(
            actor = %self.seat.actor, position = raw.position, subject, reason,
            "undecodable entry goes to the dead letters"
        );
        self.writer.post_dead_letter(raw.position, subject, reason, raw.payload().clone());
        self.seat.status.dead_letters.fetch_add(1, Relaxed);
    }

    fn answer(&mut self, handled: Handled, answers: Vec<Envelope>) {
        let position = handled.position;
        if !self.recovery.is_caught_up() && !answers.is_empty() {
            self.causes.insert(position, handled);
        }
        let mut spans: BTreeMap<u64, Span> = BTreeMap::new();
        for answer in self.recovery.answered(position, answers) {
            match answer.id.position().and_then(|at| Some((at, self.causes.get(&at)?))) {
                // It was held back: the handling of its cause becomes a span now.
                Some((at, cause)) => {
                    let span = spans.entry(at).or_insert_with(|| self.span_of(cause));
                    let parent = span.context();
                    self.post_below(&answer, parent);
                }
                None => self.post(&answer),
            }
        }
        if self.recovery.is_caught_up() {
            self.causes.clear();
        }
    }

    fn span_of(&self, handled: &Handled) -> Span {
        Span::start(self.seat.actor, &self.opened, handled)
    }

    fn post_below(&mut self, envelope: &Envelope, parent: TraceContext) {
        if !(self.recomputes)(envelope) {
            self.said.insert(envelope.id.clone());
        }
        self.writer.post(envelope, parent);
        self.seat.status.published.fetch_add(1, Relaxed);
    }

    fn log(&self, position: u64, entry: &Entry, elapsed: Duration) {
        let Ok(envelope) = entry else { return };
        tracing::debug!(
            actor = %self.seat.actor, run_id = self.opened.run_id, position, id = %envelope.id,
            symbol = envelope.body.symbol().map(Symbol::as_str),
            latency_ms = elapsed.as_secs_f64() * 1e3, "handled"
        );
    }

    fn note_progress(&mut self, raw: &Raw) {
        let status = &self.seat.status;
        status.position.store(raw.position, Relaxed);
        status.last.store(raw.position + raw.pending, Relaxed);
        if raw.position == self.head {
            status.enter(ActorState::Running, None);
            tracing::info!(
                actor = %self.seat.actor, session = %self.opened.session,
                run_id = self.opened.run_id, position = raw.position, "running"
            );
        }
    }
}
