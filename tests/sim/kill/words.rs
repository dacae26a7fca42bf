//! Entries by number, and what two places have in common that differ only in the order of entries that nobody compares.

use messages::{Envelope, KillAcknowledged, Message, MessageId};
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};

/// An entry, by its place among all that were ever met.
pub(super) type Word = u16;

#[derive(Default)]
pub(super) struct Words {
    entries: Vec<Envelope>,
    /// What each says, apart from where in the journal its cause stands.
    contents: Vec<u128>,
    numbers: BTreeMap<MessageId, Vec<Word>>,
}

impl Words {
    pub(super) fn word(&mut self, entry: &Envelope) -> Word {
        let known = self.numbers.entry(entry.id.clone()).or_default();
        if let Some(word) = known.iter().find(|word| self.entries[usize::from(**word)] == *entry) {
            return *word;
        }
        let word = Word::try_from(self.entries.len()).expect("few messages");
        known.push(word);
        self.contents.push(content(entry));
        self.entries.push(entry.clone());
        word
    }

    pub(super) fn entry(&self, word: Word) -> &Envelope {
        &self.entries[usize::from(word)]
    }

    pub(super) fn content(&self, word: Word) -> u128 {
        self.contents[usize::from(word)]
    }

    pub(super) fn contents<'a>(&'a self, words: &'a [Word]) -> impl Iterator<Item = u128> + 'a {
        words.iter().map(|word| self.content(*word))
    }

    pub(super) fn all(&self) -> &[Envelope] {
        &self.entries
    }
}

fn content(entry: &Envelope) -> u128 {
    match &entry.body {
        // It names the kill's position.
        Message::KillAcknowledged(KillAcknowledged { level, .. }) => {
            fingerprint(&("acknowledges", entry.id.author.name(), *level as u8))
        }
        body => fingerprint_of(&(entry.id.author, entry.at, body)),
    }
}

/// 128 bits: among millions of states the chance that two are taken for one is below 10⁻²⁴.
pub(super) fn fingerprint(value: &impl Hash) -> u128 {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        value.hash(&mut hasher);
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

/// By what is printed for debugging: all of its fields.
pub(super) fn fingerprint_of(value: &impl fmt::Debug) -> u128 {
    let mut text = String::new();
    write!(text, "{value:?}").expect("a string takes everything");
    fingerprint(&text)
}
