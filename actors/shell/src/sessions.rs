//! Journals: one stream per session. The open one binds the actors' subjects; closing it moves it to
//! an archive subject, seals it, and leaves the subjects to the next.

use crate::Bus;
use crate::bus::check;
use crate::error::{BoxError, ShellError, failed};
use crate::reader::Reader;
use crate::writer::burial;
use async_nats::HeaderMap;
use async_nats::jetstream::context::{GetStreamByNameErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, RawMessageErrorKind, Source};
use futures::{StreamExt, TryStreamExt};
use kernel::Entry;
use messages::{ActorId, Date, Envelope, Message, MessageId, SessionOpened, Time};
use std::time::{Duration, Instant};

/// Stream metadata: how much of the control stream was folded into `SessionOpened::halted`.
const CONTROL_SEEN: &str = "aurora-control-seen";

impl Bus {
    /// Opens the journal of `opened.session`. Idempotent: a session that is open already stays as it
    /// is, one that was left half opened is completed.
    ///
    /// A kill that latched since the caller looked goes into `halted`: from here on kills reach the
    /// journal as entries, and none falls between.
    pub async fn open_session(&self, opened: &SessionOpened, at: Time) -> Result<(), ShellError> {
        let session = opened.session;
        let stream = self.subjects().journal_stream(session);
        match self.bound_journal().await? {
            Some((open, _)) if open != session => {
                return Err(ShellError::OtherSessionOpen { open, wanted: session });
            }
            Some(_) => {}
            None if self.stream_config_of(&stream).await?.is_some() => {
                return Err(ShellError::SessionWasClosed(session));
            }
            None => self.create_journal(&stream).await?,
        }
        if self.first_entry(&stream).await?.is_none() {
            self.publish_opened(&stream, opened, at).await?;
            crate::telemetry::session_began(opened);
        }
        self.source_control(&stream).await?;
        tracing::info!(%session, run_id = opened.run_id, "session opened");
        Ok(())
    }

    /// Archives the open journal: nothing can be added to it any more. Waits a little for the actors
    /// to finish with it. Idempotent.
    pub async fn close_session(&self, session: Date) -> Result<(), ShellError> {
        let stream = self.subjects().journal_stream(session);
        let Some(config) = self.stream_config_of(&stream).await? else {
            return Err(ShellError::NotOpen(session));
        };
        if config.sealed {
            return Ok(());
        }
        self.actors_finished(session).await?;
        // In one step, so that a crash leaves it either open or closed.
        let archive = vec![self.subjects().archive(session)];
        self.update(&Config { subjects: archive, sources: None, sealed: true, ..config }).await?;
        self.bury_stragglers(&stream).await?;
        tracing::info!(%session, "session closed");
        Ok(())
    }

    /// After `SessionClosed` no actor reads on: what nobody can read there becomes a dead letter here.
    async fn bury_stragglers(&self, stream: &str) -> Result<(), ShellError> {
        let handle = self.context.get_stream(stream).await;
        let handle = handle.map_err(failed(format!("opening journal {stream}")))?;
        let last = handle.cached_info().state.last_sequence;
        let mut reader = Reader::open(self, stream).await?;
        let mut closed = false;
        let mut position = 0;
        while position < last {
            let raw = reader.next().await?;
            position = raw.position;
            match raw.decode(self.subjects()) {
                Ok(envelope) => closed |= matches!(envelope.body, Message::SessionClosed(_)),
                Err(undecodable) if closed => {
                    let (subject, reason) = (&undecodable.subject, &undecodable.reason);
                    tracing::error!(position = raw.position, subject, reason, "came after the end");
                    let headers = burial(ActorId::Session, stream, raw.position, subject, reason);
                    let letter = self.subjects().dead_letter(ActorId::Session);
                    let payload = raw.payload().to_vec();
                    self.publish_acked(letter, headers, payload, "burying a dead letter").await?;
                }
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// The session that is open, if one is: its journal takes messages and kills.
    pub async fn open_session_date(&self) -> Result<Option<Date>, ShellError> {
        let Some((session, stream)) = self.bound_journal().await? else {
            return Ok(None);
        };
        let config = self.stream_config_of(&stream).await?;
        let complete = config.is_some_and(|config| config.sources.is_some_and(|s| !s.is_empty()));
        Ok(complete.then_some(session))
    }

    /// Ok if `session` is open; an error that says what it is instead.
    pub async fn check_open(&self, session: Date) -> Result<(), ShellError> {
        if self.open_session_date().await? == Some(session) {
            return Ok(());
        }
        let config = self.stream_config_of(&self.subjects().journal_stream(session)).await?;
        Err(match config {
            Some(config) if config.sealed => ShellError::SessionWasClosed(session),
            _ => ShellError::NotOpen(session),
        })
    }

    /// Waits until a session other than, and later than, `after` is open.
    pub async fn wait_for_session(&self, after: Option<Date>) -> Result<Date, ShellError> {
        let hints = self.client.subscribe(self.subjects().opened()).await;
        let mut hints = hints.map_err(failed("subscribing to session openings"))?;
        let mut eager_until = None;
        loop {
            if let Some(session) = self.open_session_date().await?
                && after.is_none_or(|after| session > after)
            {
                return Ok(session);
            }
            // The hint comes a moment before the journal is complete.
            let eager = eager_until.is_some_and(|until| Instant::now() < until);
            let pause = Duration::from_millis(if eager { 3 } else { 500 });
            tokio::select! {
                Some(_) = hints.next() => {
                    eager_until = Some(Instant::now() + Duration::from_secs(2));
                }
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// All sessions that have a journal, open or closed, ascending.
    pub async fn sessions(&self) -> Result<Vec<Date>, ShellError> {
        let names: Vec<String> =
            self.context.stream_names().try_collect().await.map_err(failed("listing journals"))?;
        let mut dates: Vec<Date> = names.iter().filter_map(|name| self.session_of(name)).collect();
        dates.sort_unstable();
        Ok(dates)
    }

    /// A whole journal, open or closed: position, entry, traceparent (empty where there is none).
    pub async fn read_journal(
        &self,
        session: Date,
    ) -> Result<Vec<(u64, Entry, String)>, ShellError> {
        let stream = self.subjects().journal_stream(session);
        let handle = self.context.get_stream(&stream).await;
        let handle = handle.map_err(failed(format!("opening journal {stream}")))?;
        let last = handle.cached_info().state.last_sequence;
        let mut journal = Vec::with_capacity(last as usize);
        if last == 0 {
            return Ok(journal);
        }
        let mut reader = Reader::open(self, &stream).await?;
        loop {
            let stored = reader.next().await?;
            let entry = stored.decode(self.subjects());
            journal.push((stored.position, entry, stored.traceparent().to_owned()));
            if stored.position >= last {
                return Ok(journal);
            }
        }
    }

    /// The first entry of an open or closed journal.
    pub async fn session_opened(&self, session: Date) -> Result<SessionOpened, ShellError> {
        let stream = self.subjects().journal_stream(session);
        let found = match self.first_entry(&stream).await? {
            None => "nothing".to_owned(),
            Some(payload) => match Envelope::decode(&payload) {
                Ok(Envelope { body: Message::SessionOpened(opened), .. }) => return Ok(*opened),
                Ok(other) => other.topic().to_string(),
                Err(error) => error.to_string(),
            },
        };
        Err(ShellError::BadFirstEntry { stream, found })
    }

    async fn create_journal(&self, stream: &str) -> Result<(), ShellError> {
        let seen = self.control_state().await?.last;
        let mut config = self.stream_config(stream.to_owned(), self.subjects().journal());
        config.metadata.insert(CONTROL_SEEN.to_owned(), seen.to_string());
        let created = self.context.create_stream(config.clone()).await;
        let created = created.map_err(failed(format!("creating journal {stream}")))?;
        check(&config, &created.cached_info().config)
    }

    async fn publish_opened(
        &self,
        stream: &str,
        opened: &SessionOpened,
        at: Time,
    ) -> Result<(), ShellError> {
        let mut opened = opened.clone();
        // The opener looked earlier: what was sent since, and before the journal began to copy, stands nowhere else.
        let seen = self.control_seen(stream).await?;
        if let Some(kill) = self.control_state_at(seen).await?.kill
            && opened.halted.as_ref().is_none_or(|known| known.level < kill.level)
        {
            opened.halted = Some(kill);
        }
        let root = crate::TraceContext::root(&opened);
        let id = MessageId::event(ActorId::Session, "opened");
        let envelope = Envelope { id, at, body: Message::SessionOpened(Box::new(opened)) };
        let mut headers = crate::writer::headers(&envelope, stream, root);
        headers.insert("Nats-Expected-Last-Sequence", "0");
        let doing = format!("opening journal {stream}");
        self.publish_acked(self.subjects().of(&envelope), headers, envelope.encode(), &doing).await
    }

    /// Lets the server copy every kill and resume from the control stream into the journal.
    async fn source_control(&self, stream: &str) -> Result<(), ShellError> {
        let Some(config) = self.stream_config_of(stream).await? else {
            return Err(ShellError::Stream {
                stream: stream.to_owned(),
                what: "it was deleted while it was being opened".to_owned(),
            });
        };
        if config.sources.as_ref().is_some_and(|sources| !sources.is_empty()) {
            return Ok(());
        }
        let source = Source {
            name: self.subjects().control_stream(),
            start_sequence: Some(self.control_seen(stream).await? + 1),
            ..Source::default()
        };
        self.update(&Config { sources: Some(vec![source]), ..config }).await
    }

    async fn control_seen(&self, stream: &str) -> Result<u64, ShellError> {
        let config = self.stream_config_of(stream).await?;
        let seen = config.and_then(|config| config.metadata.get(CONTROL_SEEN)?.parse().ok());
        seen.ok_or_else(|| ShellError::Stream {
            stream: stream.to_owned(),
            what: format!("its metadata lacks {CONTROL_SEEN}"),
        })
    }

    async fn update(&self, config: &Config) -> Result<(), ShellError> {
        let info = self.context.update_stream(config).await;
        let info = info.map_err(failed(format!("updating stream {}", config.name)))?;
        check(config, &info.config)
    }

    /// Date and stream of the journal that binds the actors' subjects.
    async fn bound_journal(&self) -> Result<Option<(Date, String)>, ShellError> {
        let stream = match self.context.stream_by_subject(self.subjects().opened()).await {
            Ok(stream) => stream,
            Err(error) if error.kind() == GetStreamByNameErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("looking for the open journal")(error)),
        };
        match self.session_of(&stream) {
            Some(session) => Ok(Some((session, stream))),
            None => Err(ShellError::Stream {
                stream,
                what: format!("it binds {}, but is no journal", self.subjects().opened()),
            }),
        }
    }

    fn session_of(&self, stream: &str) -> Option<Date> {
        let date = stream.strip_prefix(&format!("aurora-{}-", self.env()))?.parse().ok()?;
        (self.subjects().journal_stream(date) == stream).then_some(date)
    }

    async fn stream_config_of(&self, stream: &str) -> Result<Option<Config>, ShellError> {
        match self.context.get_stream(stream).await {
            Ok(stream) => Ok(Some(stream.cached_info().config.clone())),
            Err(error) => match error.kind() {
                GetStreamErrorKind::JetStream(cause)
                    if cause.error_code() == async_nats::jetstream::ErrorCode::STREAM_NOT_FOUND =>
                {
                    Ok(None)
                }
                _ => Err(failed(format!("looking at stream {stream}"))(error)),
            },
        }
    }

    async fn first_entry(&self, stream: &str) -> Result<Option<bytes::Bytes>, ShellError> {
        let doing = format!("reading the first entry of {stream}");
        let handle = self.context.get_stream_no_info(stream).await.map_err(failed(&*doing))?;
        match handle.get_raw_message(1).await {
            Ok(message) => Ok(Some(message.payload)),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(failed(doing)(error)),
        }
    }

    /// Waits, 5 s at most, until no actor that runs is still busy with `session`.
    async fn actors_finished(&self, session: Date) -> Result<(), ShellError> {
        let deadline = Instant::now() + Duration::from_secs(5);
        loop {
            let statuses = self.statuses(Duration::from_millis(500)).await?;
            let busy: Vec<ActorId> = statuses
                .iter()
                .filter(|status| status.actor != ActorId::Session && status.is_busy_with(session))
                .map(|status| status.actor)
                .collect();
            if busy.is_empty() {
                return Ok(());
            }
            if Instant::now() > deadline {
                tracing::warn!(%session, ?busy, "closing a session that actors are not done with");
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    pub(crate) async fn publish_acked(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Vec<u8>,
        doing: &str,
    ) -> Result<(), ShellError> {
        if !self.is_connected() {
            return Err(ShellError::Disconnected { doing: doing.to_owned() });
        }
        let sent = self.context.publish_with_headers(subject, headers, payload.into()).await;
        let ack = sent.map_err(failed(doing))?;
        ack.await.map(|_| ()).map_err(|error| failed::<BoxError>(doing)(error.into()))
    }
}
