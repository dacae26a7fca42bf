//! From approved orders to what became of them.
//!
//! [`desk`] is the pure part: what is known of each order, and what to say to an event. [`run`] is the
//! loop around it: the journal on one side, the trade stream on the other. [`place`] sends one order,
//! [`reconcile`] asks the venue what we missed, [`account`] reads the statement, [`convert`] turns
//! Alpaca's decimals into our integers, exactly.
//!
//! # Promises
//! - An order leaves in time for its session or never (see [`expiry`]), by the venue's clock; if that
//!   can't be read, nothing leaves.
//! - An order is sent only while the trade stream is connected, no kill is in force and no `kill.flag`
//!   exists; one after the other, in journal order.
//! - Its client order id is the venue's key. Whenever an answer is missing (a time-out, a 5xx, our own
//!   death), the order is looked up under it before it is sent again: it is never there twice.
//! - An order that was perhaps sent and is given up stays under watch until the session's end: if the
//!   venue has it after all, it is cancelled there, and what it fills is journaled.
//! - An execution that can't be true is journaled as an alarm, never as a fill.
//! - Each event has an id that names it (`fill.<client order id>.<cumulative>`), so hearing it twice,
//!   from the stream and from REST, says it once.
//! - Of one order, `Accepted` comes first, then its fills in order, then its end.
//! - Every time is the venue's, or that of the entry it answers.
//!
//! Absent: closing positions. A kill of level `flatten` cancels open orders here, as `cancel` does;
//! orders that flatten have to come through risk like all others.

mod account;
mod clock;
mod convert;
mod desk;
mod error;
mod expiry;
mod place;
mod reconcile;
mod run;
#[cfg(test)]
mod tests;
mod tracked;
mod venue_events;

pub use error::BrokerError;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use messages::{AccountReported, ActorId, Topic};
use run::Run;
use shell::{BoxError, Bus, Session};
use std::path::PathBuf;

/// The broker as an actor.
pub struct Gateway {
    client: alpaca::Client,
    options: GatewayOptions,
}

pub struct GatewayOptions {
    /// While this file exists nothing is sent. Its content, if any, is read as a kill (see
    /// [`messages::Kill::from_bytes`]).
    pub kill_flag: PathBuf,
    /// Where a kill flag is made known to everybody; `None` halts the broker alone.
    pub bus: Option<Bus>,
}

/// What the venue says we hold right now.
pub async fn statement(client: &alpaca::Client) -> Result<AccountReported, BrokerError> {
    account::statement(&client.account().await?, &client.positions().await?)
}

impl Gateway {
    pub fn new(client: alpaca::Client, options: GatewayOptions) -> Self {
        Self { client, options }
    }
}

impl shell::Gateway for Gateway {
    fn id(&self) -> ActorId {
        ActorId::Broker
    }

    fn listens(&self) -> &'static [Topic] {
        &[
            Topic::SessionOpened,
            Topic::PhaseBegan,
            Topic::SessionClosed,
            Topic::OrderApproved,
            Topic::Kill,
            Topic::Resume,
            Topic::Alarm,
        ]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        Run::session(&self.client, &self.options, session).map(|done| Ok(done?)).boxed_local()
    }
}
