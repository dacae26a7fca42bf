use crate::Bus;
use crate::error::{ShellError, failed};
use crate::trace::TRACEPARENT;
use async_nats::jetstream::consumer::push;
use async_nats::jetstream::{Message, consumer::DeliverPolicy};
use futures::StreamExt;
use futures::future::BoxFuture;
use kernel::{Entry, Stored};
use messages::{Subjects, Time};
use std::task::{Context, Poll};

/// A stream from its first entry, in order, without gaps, for ever. A lost connection ends it: who
/// reads starts again and recovers.
pub(crate) struct Reader {
    stream: String,
    messages: push::Ordered,
    lost: BoxFuture<'static, ()>,
}

/// One stored entry, not decoded yet.
pub(crate) struct Raw {
    message: Message,
    pub(crate) position: u64,
    /// When the server stored it.
    pub(crate) at: Time,
    /// Entries behind this one when the server sent it.
    pub(crate) pending: u64,
}

impl Reader {
    pub(crate) async fn open(bus: &Bus, stream: &str) -> Result<Self, ShellError> {
        let doing = || format!("reading {stream}");
        let lost = Box::pin(bus.lost());
        let handle = bus.context.get_stream_no_info(stream).await.map_err(failed(doing()))?;
        let config = push::OrderedConfig {
            deliver_subject: bus.client.new_inbox(),
            deliver_policy: DeliverPolicy::All,
            ..push::OrderedConfig::default()
        };
        let consumer = handle.create_consumer(config).await.map_err(failed(doing()))?;
        let messages = consumer.messages().await.map_err(failed(doing()))?;
        Ok(Self { stream: stream.to_owned(), messages, lost })
    }

    pub(crate) async fn next(&mut self) -> Result<Raw, ShellError> {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Raw, ShellError>> {
        match self.messages.poll_next_unpin(cx) {
            Poll::Ready(Some(Ok(message))) => Poll::Ready(self.raw(message)),
            Poll::Ready(Some(Err(error))) => Poll::Ready(Err(self.failed()(error))),
            Poll::Ready(None) => Poll::Ready(Err(self.disconnected())),
            Poll::Pending => self.lost.as_mut().poll(cx).map(|()| Err(self.disconnected())),
        }
    }

    fn raw(&self, message: Message) -> Result<Raw, ShellError> {
        let info = message.info().map_err(self.failed())?;
        let at = Time(info.published.unix_timestamp_nanos() as i64);
        let (position, pending) = (info.stream_sequence, info.pending);
        Ok(Raw { message, position, at, pending })
    }

    fn failed<E: Into<crate::BoxError>>(&self) -> impl FnOnce(E) -> ShellError {
        failed(format!("reading {}", self.stream))
    }

    fn disconnected(&self) -> ShellError {
        ShellError::Disconnected { doing: format!("reading {}", self.stream) }
    }
}

impl Raw {
    pub(crate) fn subject(&self) -> &str {
        &self.message.subject
    }

    pub(crate) fn payload(&self) -> &bytes::Bytes {
        &self.message.payload
    }

    pub(crate) fn traceparent(&self) -> &str {
        let headers = self.message.headers.as_ref();
        headers.and_then(|headers| headers.get(TRACEPARENT)).map_or("", |value| value.as_str())
    }

    pub(crate) fn decode(&self, subjects: Subjects) -> Entry {
        let stored = Stored { position: self.position, at: self.at };
        kernel::read(subjects, self.subject(), self.payload(), stored)
    }
}
