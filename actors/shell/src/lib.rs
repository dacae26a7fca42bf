//! The one loop of the running system, and the only crate that names async-nats.
//!
//! Reading order: [`Bus`] (connection, journals in `sessions`, kills in `control`), `reader` and
//! `writer` (one stream, in order; fenced, pipelined), `engine` (an actor in a session: recovery, dead
//! letters, traces), [`Session`] and [`Gateway`] (the same for actors with a socket), `runner` and
//! [`supervise()`] (session after session, restarts), `services` (who is alive).

mod bus;
mod control;
mod core;
pub mod embedded;
mod engine;
mod error;
mod gateway;
mod reader;
mod runner;
mod seat;
mod services;
mod session;
mod sessions;
mod status;
mod supervise;
pub mod telemetry;
mod trace;
mod writer;

pub use crate::core::{BuildCore, CoreSpec};
pub use bus::{Bus, BusOptions};
pub use control::Kills;
pub use error::{BoxError, ShellError};
pub use gateway::{Gateway, GatewaySpec};
pub use session::Session;
pub use status::{Activity, ActorState, ActorStatus};
pub use supervise::{ActorSpec, Supervision, supervise, terminated};
pub use telemetry::abort_on_panic;
pub use trace::{TraceContext, trace_id};
