use messages::{ActorId, Date};
use std::path::PathBuf;
use std::time::Duration;
use thiserror::Error;

pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong around an actor. [`ShellError::is_fatal`] ones end it for good; after any other
/// it starts again and recovers from the journal.
#[derive(Debug, Error)]
pub enum ShellError {
    #[error("the bus failed while {doing}")]
    Bus { doing: String, source: BoxError },
    #[error(
        "NATS server {found} is too old: 2.12 or newer is needed (`make setup` installs one; or set \
         AURORA_NATS_SERVER to its path, or --nats to its address)"
    )]
    OldServer { found: String },
    #[error("the connection to NATS was lost while {doing}")]
    Disconnected { doing: String },
    #[error(
        "NATS could not be reached within {} s while {doing}: start the server (again), then this",
        waited.as_secs()
    )]
    NoAnswer { waited: Duration, doing: String },
    #[error(
        "stream {stream} is not as it should be: {what}; remove or repair it, then start again"
    )]
    Stream { stream: String, what: String },
    #[error(
        "message {subject} has {bytes} bytes, but the server takes {bytes_max} at most (max_payload)"
    )]
    TooLarge { subject: String, bytes: usize, bytes_max: usize },

    #[error("session {open} is still open; close it before opening {wanted}")]
    OtherSessionOpen { open: Date, wanted: Date },
    #[error("session {0} was closed before; a session is traded once")]
    SessionWasClosed(Date),
    #[error("session {0} is not open, or was left half open: open it (again)")]
    NotOpen(Date),
    #[error("journal {stream} does not begin with SessionOpened: {found}")]
    BadFirstEntry { stream: String, found: String },

    #[error(
        "another instance of {actor} has taken over ({newer}); this one is fenced off and stops. Two \
         must not run at once: check which one you want and stop the other"
    )]
    Fenced { actor: ActorId, newer: String },
    #[error(
        "{actor} is running already: instance {instance}, process {pid} on {host}. Stop it first \
         (`kill {pid}` there), then start this one"
    )]
    AlreadyRunning { actor: ActorId, instance: String, pid: u32, host: String },
    #[error(
        "{actor} contradicts its own journal of session {session}: the program or its files changed \
         within the session. Finish the session with the version that began it"
    )]
    Divergence { actor: ActorId, session: Date, source: kernel::Divergence },
    #[error("{actor} could not be set up")]
    Build { actor: ActorId, source: BoxError },
    #[error("gateway {actor} failed")]
    Gateway { actor: ActorId, source: BoxError },
    #[error("gateway {actor} returned before the end of session {session}")]
    ReturnedEarly { actor: ActorId, session: Date },
    #[error("the observer of {actor} failed at journal position {position}")]
    Observer { actor: ActorId, position: u64, source: std::io::Error },

    #[error(
        "no nats-server 2.12 or newer was found ({looked}); `make setup` installs one into .tools/bin, \
         AURORA_NATS_SERVER names one, --nats takes the address of one that runs"
    )]
    NoServer { looked: String },
    #[error("nats-server: {what} (its log: {log})")]
    Server { what: String, log: PathBuf },
    #[error("{doing}")]
    Io { doing: String, source: std::io::Error },
}

impl ShellError {
    /// Starting again would not help, or would do harm.
    pub fn is_fatal(&self) -> bool {
        matches!(
            self,
            Self::OldServer { .. }
                | Self::Stream { .. }
                | Self::TooLarge { .. }
                | Self::BadFirstEntry { .. }
                | Self::Fenced { .. }
                | Self::AlreadyRunning { .. }
                | Self::Divergence { .. }
                | Self::Build { .. }
                | Self::ReturnedEarly { .. }
        )
    }

    /// With all its causes, for logs.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}

pub(crate) fn failed<E: Into<BoxError>>(doing: impl Into<String>) -> impl FnOnce(E) -> ShellError {
    let doing = doing.into();
    move |error| ShellError::Bus { doing, source: error.into() }
}

pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> ShellError {
    let doing = doing.into();
    move |source| ShellError::Io { doing, source }
}
