use crate::Bus;
use crate::status::StatusCell;
use messages::{ActorId, ActorStarted, Envelope, Message, MessageId, Subjects, Time};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{SystemTime, UNIX_EPOCH};

/// One instance of an actor, from its start to its failure.
pub(crate) struct Seat {
    pub(crate) actor: ActorId,
    pub(crate) subjects: Subjects,
    pub(crate) instance: String,
    pub(crate) status: Arc<StatusCell>,
}

/// How many instances this process has started.
static INSTANCES: AtomicU64 = AtomicU64::new(1);

pub(crate) fn new_instance(bus: &Bus) -> String {
    format!("{}.{}", bus.process, INSTANCES.fetch_add(1, Relaxed))
}

impl Seat {
    pub(crate) fn take(bus: &Bus, status: Arc<StatusCell>) -> Arc<Self> {
        let instance = new_instance(bus);
        status.begin_instance(&instance);
        Arc::new(Self { actor: status.actor, subjects: bus.subjects(), instance, status })
    }

    /// The entry that fences off its predecessors. It says when, so it reads the clock.
    pub(crate) fn started(&self) -> Envelope {
        let body = Message::ActorStarted(ActorStarted {
            instance: self.instance.clone(),
            host: self.status.host.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = MessageId::event(self.actor, self.instance.as_str());
        Envelope { id, at: Time(now.as_nanos() as i64), body }
    }
}
