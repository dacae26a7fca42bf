//! Kills, resumes and adoptions: a stream of their own, which outlives sessions and takes any bytes.

use crate::Bus;
use crate::error::{ShellError, failed};
use crate::reader::Reader;
use async_nats::HeaderMap;
use futures::StreamExt;
use messages::{Adopted, Kill, Resume, Time};

/// What all that operators said up to some point amount to.
#[derive(Debug, Default)]
pub(crate) struct ControlState {
    pub(crate) kill: Option<Kill>,
    /// The last one that counts, and when it was stored.
    pub(crate) adopted: Option<(Time, Adopted)>,
    /// Sequence in the control stream of the last one taken into account.
    pub(crate) last: u64,
}

/// What [`Bus::kills`] hears.
pub struct Kills(async_nats::Subscriber);

impl Kills {
    /// Cancel-safe. Never resolves once the connection is gone for good.
    pub async fn next(&mut self) -> Kill {
        match self.0.next().await {
            Some(message) => Kill::from_bytes(&message.payload),
            None => std::future::pending().await,
        }
    }
}

impl Bus {
    /// Stops trading; returns once the bus has stored it. Every actor of an open session
    /// acknowledges in the journal.
    pub async fn kill(&self, kill: &Kill) -> Result<(), ShellError> {
        self.command(self.subjects().kill(), serde_json::to_vec(kill), "sending the kill").await
    }

    /// Lets trading go on. Counts only with operator and reason.
    pub async fn resume(&self, resume: &Resume) -> Result<(), ShellError> {
        let payload = serde_json::to_vec(resume);
        self.command(self.subjects().resume(), payload, "sending the resume").await
    }

    /// The kill in force after everything operators said so far: kills latch, across sessions and
    /// restarts, until a valid resume.
    pub async fn latched_kill(&self) -> Result<Option<Kill>, ShellError> {
        Ok(self.control_state().await?.kill)
    }

    /// Our books are the venue's from here on. Counts only with operator and reason.
    pub async fn adopt(&self, adopted: &Adopted) -> Result<(), ShellError> {
        let payload = serde_json::to_vec(adopted);
        self.command(self.subjects().adopted(), payload, "sending the adoption").await
    }

    /// The last adoption, and when the bus stored it.
    pub async fn adopted(&self) -> Result<Option<(Time, Adopted)>, ShellError> {
        Ok(self.control_state().await?.adopted)
    }

    /// Kills as they are sent, before any journal holds them: for whoever sends orders. The server takes
    /// up to some tenths of a second to copy one into a journal that was just opened.
    pub async fn kills(&self) -> Result<Kills, ShellError> {
        let subscribed = self.client.subscribe(self.subjects().kill()).await;
        let messages = subscribed.map_err(failed("listening for kills"))?;
        self.client.flush().await.map_err(failed("listening for kills"))?;
        Ok(Kills(messages))
    }

    async fn command(
        &self,
        subject: String,
        payload: serde_json::Result<Vec<u8>>,
        doing: &str,
    ) -> Result<(), ShellError> {
        let payload = payload.map_err(failed(doing))?;
        self.publish_acked(subject, HeaderMap::new(), payload, doing).await
    }

    pub(crate) async fn control_state(&self) -> Result<ControlState, ShellError> {
        let stream = self.context.get_stream(self.subjects().control_stream()).await;
        let stream = stream.map_err(failed("opening the control stream"))?;
        self.control_state_at(stream.cached_info().state.last_sequence).await
    }

    pub(crate) async fn control_state_at(&self, last: u64) -> Result<ControlState, ShellError> {
        let mut state = ControlState { last, ..ControlState::default() };
        if last == 0 {
            return Ok(state);
        }
        let subjects = self.subjects();
        let mut reader = Reader::open(self, &subjects.control_stream()).await?;
        loop {
            let stored = reader.next().await?;
            if stored.position > last {
                return Ok(state);
            }
            if stored.subject() == subjects.kill() {
                // A weaker kill takes nothing from a stronger one: only a resume does.
                let kill = Kill::from_bytes(stored.payload());
                if state.kill.as_ref().is_none_or(|before| before.level <= kill.level) {
                    state.kill = Some(kill);
                }
            } else if stored.subject() == subjects.resume()
                && Resume::from_bytes(stored.payload()).is_some()
            {
                state.kill = None;
            } else if stored.subject() == subjects.adopted()
                && let Some(adopted) = Adopted::from_bytes(stored.payload())
            {
                state.adopted = Some((stored.at, adopted));
            }
            if stored.position == last {
                return Ok(state);
            }
        }
    }
}
