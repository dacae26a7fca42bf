use crate::BoxError;
use kernel::{Actor, Observer};
use messages::{ActorId, SessionOpened};

/// A pure core to be hosted: built anew for each session, on its own thread, where it stays.
pub struct CoreSpec {
    pub id: ActorId,
    /// May read the files whose hashes `SessionOpened` holds; may take a second.
    pub build: Box<BuildCore>,
    /// Sees every message of the journal after the core, from the first on, at each start.
    pub observer: Option<Box<dyn Fn() -> Box<dyn Observer> + Send>>,
}

pub type BuildCore = dyn Fn(&SessionOpened) -> Result<Box<dyn Actor>, BoxError> + Send;
