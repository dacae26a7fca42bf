use messages::{Cause, Envelope, MessageId};
use std::collections::BTreeMap;
use thiserror::Error;

/// Decides which answers still have to be published, and finds out when an actor no longer says what
/// it said.
///
/// An actor that starts reads its journal from the beginning. Up to `head`, where the journal ended at
/// that moment, its answers are held back: each is either met again as an entry (and must be equal) or
/// turns out to be missing. From there on answers go out at once, and are still compared when they
/// come back.
#[derive(Debug)]
pub struct Recovery {
    head: u64,
    caught_up: bool,
    /// Computed and not yet met in the journal, in the order of their causes.
    awaited: BTreeMap<(u64, u32), Envelope>,
}

/// The journal holds something else than what the actor says now: the code changed within a session,
/// or somebody else spoke in its name.
#[derive(Debug, Error)]
#[error("{id} stands in the journal as `{recorded}`, but this program says `{computed}`")]
pub struct Divergence {
    pub id: MessageId,
    pub recorded: String,
    pub computed: String,
}

impl Recovery {
    pub fn new(head: u64) -> Self {
        Self { head, caught_up: false, awaited: BTreeMap::new() }
    }

    /// Takes what the actor answered to the entry at `position`; returns what to publish now.
    pub fn answered(&mut self, position: u64, answers: Vec<Envelope>) -> Vec<Envelope> {
        for answer in &answers {
            if let Cause::Entry { position, index } = answer.id.cause {
                self.awaited.insert((position, index), answer.clone());
            }
        }
        if self.caught_up {
            return answers;
        }
        if position < self.head {
            return Vec::new();
        }
        self.caught_up = true;
        self.awaited.values().cloned().collect()
    }

    /// Takes an entry of the actor's own. Events (which answer no entry) are not compared.
    pub fn met(&mut self, recorded: &Envelope) -> Result<(), Divergence> {
        let Cause::Entry { position, index } = recorded.id.cause else {
            return Ok(());
        };
        let computed = self.awaited.remove(&(position, index));
        if computed.as_ref() == Some(recorded) {
            return Ok(());
        }
        Err(Divergence {
            id: recorded.id.clone(),
            recorded: recorded.to_string(),
            computed: computed.map_or_else(|| "nothing".to_owned(), |answer| answer.to_string()),
        })
    }

    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }
}
