use crate::{BoxError, Session};
use futures::future::LocalBoxFuture;
use messages::{ActorId, Topic};

/// An actor with a socket, a file or the wall clock: what the outside world said becomes an entry of
/// the journal before anybody acts on it.
///
/// The shape of a run: `catch_up` first, to learn what was said and done already; then a `select!`
/// between `session.next()` and the outside world, with `session.say()` for each event. Killed at any
/// moment, it starts again from `catch_up`: an event's id names the event, so saying it twice says it
/// once.
pub trait Gateway {
    fn id(&self) -> ActorId;

    /// What [`Session::catch_up`] and [`Session::next`] return, besides what it said itself.
    fn listens(&self) -> &'static [Topic];

    /// One session: from its first entry until `SessionClosed`; returning earlier without an error
    /// is a bug. May be dropped at any await when the system stops.
    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>>;
}

/// A gateway to be hosted: built on its own thread, again after each failure.
pub struct GatewaySpec {
    pub id: ActorId,
    pub build: Box<dyn Fn() -> Result<Box<dyn Gateway>, BoxError> + Send>,
}
