//! Risk and execution, run along with the exploration.

use super::words::{Word, Words, fingerprint};
use execution::Execution;
use kernel::{Actor, Entry, Host, Recovery};
use messages::{ActorId, Envelope, Message};
use risk::Risk;
use std::rc::Rc;

/// One of them and what it has said that is not stored yet.
#[derive(Clone)]
pub(super) struct Core {
    host: Rc<Hosted>,
    /// Entries handled.
    pub(super) handled: usize,
    /// What it is: by its state.
    pub(super) state: u128,
    pub(super) outbox: Vec<Word>,
}

#[derive(Clone)]
enum Hosted {
    Risk(Box<Host<Risk>>),
    Execution(Box<Host<Execution>>),
}

impl Hosted {
    fn new(id: ActorId) -> Self {
        match id {
            ActorId::Risk => Self::Risk(Box::new(Host::new(Risk::new()))),
            _ => Self::Execution(Box::new(Host::new(Execution::new()))),
        }
    }

    fn handle(&mut self, position: u64, entry: &Envelope) -> Vec<Envelope> {
        let entry: Entry = Ok(entry.clone());
        match self {
            Self::Risk(host) => host.handle(position, &entry),
            Self::Execution(host) => host.handle(position, &entry),
        }
    }

    fn listens(&self, entry: &Envelope) -> bool {
        let topic = entry.topic();
        match self {
            Self::Risk(_) => Risk::new().listens().contains(&topic),
            Self::Execution(_) => Execution::new().listens().contains(&topic),
        }
    }
}

impl Core {
    pub(super) fn new(id: ActorId) -> Self {
        Self { host: Rc::new(Hosted::new(id)), handled: 0, state: 0, outbox: Vec::new() }
    }

    pub(super) fn id(&self) -> ActorId {
        match *self.host {
            Hosted::Risk(_) => ActorId::Risk,
            Hosted::Execution(_) => ActorId::Execution,
        }
    }

    /// It reads the next entry of the journal.
    pub(super) fn read(&mut self, journal: &[Word], words: &mut Words) {
        let word = journal[self.handled];
        self.handled += 1;
        let entry = words.entry(word).clone();
        let hears = self.host.listens(&entry) || matches!(entry.body, Message::Kill(_));
        if !hears {
            return;
        }
        // What it is follows from what it has heard.
        self.state = fingerprint(&(self.state, words.content(word)));
        let answers = Rc::make_mut(&mut self.host).handle(self.handled as u64, &entry);
        self.outbox.extend(answers.iter().map(|answer| words.word(answer)));
    }

    /// What another instance of it, started now, would publish: the same as this one has yet to.
    pub(super) fn after_a_crash(&self, journal: &[Word], words: &Words) -> Result<(), String> {
        let (mut host, mut recovery) =
            (Hosted::new(self.id()), Recovery::new(journal.len() as u64));
        let mut published = Vec::new();
        for (word, position) in journal.iter().zip(1..) {
            let entry = words.entry(*word);
            if entry.id.author == self.id() {
                recovery.met(entry).map_err(|divergence| divergence.to_string())?;
            }
            published = recovery.answered(position, host.handle(position, entry));
        }
        let waiting = self.outbox.iter().map(|word| words.entry(*word));
        if waiting.eq(&published) {
            return Ok(());
        }
        let said: Vec<String> = published.iter().map(ToString::to_string).collect();
        Err(format!("{} says after a crash {said:?} and before it something else", self.id()))
    }
}
