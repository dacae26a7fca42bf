//! What an actor is. Pure: depends on `messages` and nothing else of ours, and knows no network, no
//! file, no clock and no thread.

mod entry;
mod host;
mod recovery;
mod simulation;

pub use entry::{Entry, Stored, Undecodable, read};
pub use host::Host;
pub use recovery::{Divergence, Recovery};
pub use simulation::Simulation;

use messages::{ActorId, Envelope, Message, Topic};

/// A deterministic state machine: the same journal gives the same answers, byte for byte.
///
/// It cannot fail: a refusal is a message, a broken invariant is a panic. It has no clock: time is
/// `input.at`, and a timer is a message like any other.
pub trait Actor {
    fn id(&self) -> ActorId;

    /// What reaches [`Actor::handle`].
    fn listens(&self) -> &'static [Topic];

    /// `position` is the journal position of `input`.
    fn handle(&mut self, position: u64, input: &Envelope, out: &mut Outbox);
}

/// The only way an actor acts on the world.
#[derive(Debug, Default)]
pub struct Outbox(Vec<Message>);

impl Outbox {
    pub fn send(&mut self, message: Message) {
        self.0.push(message);
    }

    pub fn messages(&self) -> &[Message] {
        &self.0
    }
}

/// Somebody who acts outside the journal on what it holds (writes files, shows progress) and says
/// nothing. It may see an entry again after a restart, so what it does must be the same twice.
pub trait Observer {
    fn see(&mut self, position: u64, entry: &Envelope) -> std::io::Result<()>;
}

impl<A: Actor + ?Sized> Actor for Box<A> {
    fn id(&self) -> ActorId {
        (**self).id()
    }

    fn listens(&self) -> &'static [Topic] {
        (**self).listens()
    }

    fn handle(&mut self, position: u64, input: &Envelope, out: &mut Outbox) {
        (**self).handle(position, input, out);
    }
}
