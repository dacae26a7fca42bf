use crate::error::{ShellError, failed};
use crate::trace::{TRACEPARENT, TraceContext};
use crate::{BoxError, Bus};
use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt};
use messages::{ActorId, Envelope, Subjects};
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// How one instance of an actor writes into one journal.
///
/// Every message expects that the newest `started` entry of the actor is this instance's own, so a
/// successor's start fences this one off at once; and since that sequence does not move, messages go
/// out without waiting for the acknowledgement of the one before. Acknowledgements are checked behind.
pub(crate) struct Writer {
    bus: Bus,
    actor: ActorId,
    stream: String,
    fence: Fence,
    queue: VecDeque<Outgoing>,
    acks: VecDeque<(String, Ack)>,
}

type Ack = BoxFuture<'static, Result<PublishAck, PublishError>>;

struct Fence {
    subject: String,
    sequence: String,
}

struct Outgoing {
    subject: String,
    headers: HeaderMap,
    payload: Bytes,
}

impl Writer {
    /// Takes over as the one who speaks for the author of `started`, an `ActorStarted`. Returns the
    /// writer and the position of that entry: no predecessor can write behind it.
    pub(crate) async fn claim(
        bus: &Bus,
        stream: &str,
        started: &Envelope,
        trace: TraceContext,
    ) -> Result<(Self, u64), ShellError> {
        let (subjects, actor) = (bus.subjects(), started.id.author);
        let doing = || format!("starting {actor} in {stream}");
        let newest = newest_started(bus, stream, actor).await?.map_or(0, |(sequence, _)| sequence);
        let mut headers = headers(started, stream, trace);
        headers.insert("Nats-Expected-Last-Subject-Sequence", newest.to_string());
        let payload = started.encode().into();
        let sent = bus.context.publish_with_headers(subjects.of(started), headers, payload).await;
        let ack = sent.map_err(failed(doing()))?.await.map_err(failed(doing()))?;
        let fence = Fence { subject: subjects.started(actor), sequence: ack.sequence.to_string() };
        let writer = Self {
            bus: bus.clone(),
            actor,
            stream: stream.to_owned(),
            fence,
            queue: VecDeque::new(),
            acks: VecDeque::new(),
        };
        Ok((writer, ack.sequence))
    }

    /// Queues a message of this actor; [`Writer::send`] sends it.
    pub(crate) fn post(&mut self, envelope: &Envelope, parent: TraceContext) {
        let mut headers = headers(envelope, &self.stream, parent);
        headers.insert("Nats-Expected-Last-Subject-Sequence", self.fence.sequence.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", self.fence.subject.as_str());
        let subject = self.bus.subjects().of(envelope);
        self.queue.push_back(Outgoing { subject, headers, payload: envelope.encode().into() });
    }

    /// Queues bytes that are no message for the dead letters, with where and why.
    pub(crate) fn post_dead_letter(
        &mut self,
        position: u64,
        subject: &str,
        reason: &str,
        payload: Bytes,
    ) {
        let headers = burial(self.actor, &self.stream, position, subject, reason);
        let subject = self.bus.subjects().dead_letter(self.actor);
        self.queue.push_back(Outgoing { subject, headers, payload });
    }

    /// Hands the queue to the connection. Cancelled in between, it may send a message twice, which
    /// the server stores once.
    pub(crate) async fn send(&mut self) -> Result<(), ShellError> {
        while let Some(next) = self.queue.front() {
            let doing = || format!("publishing {}", next.subject);
            // While disconnected the client would keep messages and send them late.
            if !self.bus.is_connected() {
                return Err(ShellError::Disconnected { doing: doing() });
            }
            let (headers, payload) = (next.headers.clone(), next.payload.clone());
            let sent =
                self.bus.context.publish_with_headers(next.subject.clone(), headers, payload);
            let ack = sent.await.map_err(|error| match error.kind() {
                PublishErrorKind::MaxPayloadExceeded => ShellError::TooLarge {
                    subject: next.subject.clone(),
                    bytes: next.payload.len(),
                    bytes_max: self.bus.client.max_payload(),
                },
                _ => failed(doing())(error),
            })?;
            let Some(sent) = self.queue.pop_front() else { break };
            self.acks.push_back((sent.subject, ack.into_future()));
        }
        Ok(())
    }

    /// Takes the acknowledgements that are there: ready with an error if one failed, or without if
    /// none is awaited any more.
    pub(crate) fn poll_acks(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), (String, PublishError)>> {
        while let Some((subject, ack)) = self.acks.front_mut() {
            if let Err(error) = ready!(ack.poll_unpin(cx)) {
                return Poll::Ready(Err((std::mem::take(subject), error)));
            }
            self.acks.pop_front();
        }
        Poll::Ready(Ok(()))
    }

    /// Returns once everything posted is stored.
    pub(crate) async fn flush(&mut self) -> Result<(), ShellError> {
        self.send().await?;
        match std::future::poll_fn(|cx| self.poll_acks(cx)).await {
            Ok(()) => Ok(()),
            Err((subject, error)) => Err(self.explain(&subject, error).await),
        }
    }

    /// Why the journal refused a message.
    pub(crate) async fn explain(&self, subject: &str, error: PublishError) -> ShellError {
        if error.kind() != PublishErrorKind::WrongLastSequence {
            return failed::<BoxError>(format!("publishing {subject}"))(error.into());
        }
        let newer = match newest_started(&self.bus, &self.stream, self.actor).await {
            Ok(Some((_, newer))) => newer,
            _ => "unknown".to_owned(),
        };
        ShellError::Fenced { actor: self.actor, newer }
    }
}

/// The headers every entry carries.
pub(crate) fn headers(envelope: &Envelope, stream: &str, parent: TraceContext) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", envelope.id.to_string());
    headers.insert("Nats-Expected-Stream", stream);
    headers.insert("Aurora-Type", envelope.topic().wire_type());
    headers.insert(TRACEPARENT, parent.to_string());
    headers
}

/// Sequence and description of the newest `started` entry of `actor`.
async fn newest_started(
    bus: &Bus,
    stream: &str,
    actor: ActorId,
) -> Result<Option<(u64, String)>, ShellError> {
    use async_nats::jetstream::stream::LastRawMessageErrorKind::NoMessageFound;
    let doing = || format!("looking for the instance that speaks for {actor}");
    let journal = bus.context.get_stream_no_info(stream).await.map_err(failed(doing()))?;
    let subject = Subjects(bus.env()).started(actor);
    match journal.get_last_raw_message_by_subject(&subject).await {
        Ok(message) => {
            let text = match Envelope::decode(&message.payload) {
                Ok(envelope) => envelope.body.to_string(),
                Err(error) => error.to_string(),
            };
            Ok(Some((message.sequence, text)))
        }
        Err(error) if error.kind() == NoMessageFound => Ok(None),
        Err(error) => Err(failed(doing())(error)),
    }
}

/// Header values end at a line break.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect()
}

/// Headers of a dead letter: where it stood and why it is one.
pub(crate) fn burial(
    actor: ActorId,
    stream: &str,
    position: u64,
    subject: &str,
    reason: &str,
) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Msg-Id", format!("{actor}-{stream}-{position}"));
    headers.insert("Aurora-Subject", one_line(subject));
    headers.insert("Aurora-Stream", stream);
    headers.insert("Aurora-Position", position.to_string());
    headers.insert("Aurora-Reason", one_line(reason));
    headers
}
