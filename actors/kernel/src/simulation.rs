use crate::{Actor, Entry, Host};
use messages::Envelope;

/// The whole system on one thread over a journal in memory: what a backtest, a scenario and a fault
/// simulation have in common. Positions count from 1, as in the real journal.
pub struct Simulation {
    actors: Vec<Host<Box<dyn Actor>>>,
    journal: Vec<Entry>,
}

/// More than most sessions have: a journal that grows is copied.
const ENTRIES: usize = 1_024;

impl Simulation {
    pub fn new(actors: Vec<Box<dyn Actor>>) -> Self {
        let actors = actors.into_iter().map(Host::new).collect();
        Self { actors, journal: Vec::with_capacity(ENTRIES) }
    }

    /// Records `input`, then everything it causes, until nobody has more to say.
    pub fn post(&mut self, input: Envelope) {
        self.post_entry(Ok(input));
    }

    pub fn post_entry(&mut self, input: Entry) {
        let mut handled = self.journal.len();
        self.journal.push(input);
        while handled < self.journal.len() {
            let position = handled as u64 + 1;
            for actor in &mut self.actors {
                let answers = actor.answers(position, &self.journal[handled]);
                self.journal.extend(answers.map(Ok));
            }
            handled += 1;
        }
    }

    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    pub fn into_journal(self) -> Vec<Entry> {
        self.journal
    }

    /// Entries after the first `seen`, those that are messages.
    pub fn since(&self, seen: usize) -> impl DoubleEndedIterator<Item = &Envelope> {
        self.journal[seen..].iter().filter_map(|entry| entry.as_ref().ok())
    }
}
