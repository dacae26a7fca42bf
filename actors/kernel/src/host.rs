use crate::{Actor, Entry, Outbox, Undecodable};
use messages::{ActorId, Alarm, Envelope, KillAcknowledged, Message, MessageId, Time, Topic};

/// An actor plus what every actor needs: filtering, skipping what was seen, message ids, the
/// acknowledgement of a kill, the alarm about an entry it should have understood.
/// The running system and the simulation both drive actors through this type.
#[derive(Clone, Debug)]
pub struct Host<A> {
    actor: A,
    /// Every journal position before this one has been handled.
    next: u64,
}

impl<A: Actor> Host<A> {
    pub fn new(actor: A) -> Self {
        Self { actor, next: 0 }
    }

    pub fn id(&self) -> ActorId {
        self.actor.id()
    }

    /// What the actor answers to the journal entry at `position`; nothing if it has seen it before.
    pub fn handle(&mut self, position: u64, entry: &Entry) -> Vec<Envelope> {
        self.answers(position, entry).collect()
    }

    /// As [`Host::handle`]; the actor has handled it whether they are taken or not.
    pub fn answers(
        &mut self,
        position: u64,
        entry: &Entry,
    ) -> impl Iterator<Item = Envelope> + use<A> {
        let mut out = Outbox::default();
        if position >= self.next {
            self.next = position + 1;
            match entry {
                Ok(input) => self.on_message(position, input, &mut out),
                Err(undecodable) => alarm(self.actor.listens(), undecodable, &mut out),
            }
        }
        let at = match entry {
            Ok(input) => input.at,
            Err(undecodable) => undecodable.at,
        };
        seal(self.id(), position, at, out)
    }

    fn on_message(&mut self, position: u64, input: &Envelope, out: &mut Outbox) {
        if self.actor.listens().contains(&input.topic()) {
            self.actor.handle(position, input, out);
        }
        acknowledge(position, input, out);
    }
}

/// After the actor has acted on a kill, it says so.
pub(crate) fn acknowledge(position: u64, input: &Envelope, out: &mut Outbox) {
    if let Message::Kill(kill) = &input.body {
        out.send(Message::KillAcknowledged(KillAcknowledged { position, level: kill.level }));
    }
}

/// An entry that an actor must understand and can't read halts trading: whatever it said, somebody
/// may have acted on it.
pub(crate) fn alarm(listens: &[Topic], entry: &Undecodable, out: &mut Outbox) {
    if entry.topic().is_some_and(|topic| listens.contains(&topic)) {
        out.send(Message::Alarm(Alarm {
            code: "UNDECODABLE".to_owned(),
            detail: format!("{}: {}", entry.subject, entry.reason),
            symbol: None,
        }));
    }
}

fn seal(author: ActorId, position: u64, at: Time, out: Outbox) -> impl Iterator<Item = Envelope> {
    let number = move |(body, index): (Message, u32)| Envelope {
        id: MessageId::answer(author, position, index),
        at,
        body,
    };
    out.0.into_iter().zip(0..).map(number)
}
