//! From approved orders to what became of them.
//!
//! [`desk`] is the pure part: what is known of each order, and what to say to an event. `run` is the
//! loop around it: the journal on one side, the trade stream on the other, all of it behind the traits of
//! [`world`], so that a simulation runs the same loop. [`place`] sends one order,
//! [`reconcile`] asks the venue what we missed, [`account`] reads the statement, [`convert`] turns
//! Alpaca's decimals into our integers, exactly.
//!
//! # Promises
//! - An order leaves in time for its session or never (see [`expiry`]), by the venue's clock; if that
//!   can't be read, nothing leaves.
//! - An order is sent only while the trade stream is connected, no kill is in force and no `kill.flag` exists (but see
//!   flatten, below); one after the other, in journal order.
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
//! - A venue that does not answer (an error of its own, too many requests, no connection) ends nothing: what was asked is
//!   asked again with growing pauses, the status says so, nothing is sent before the open orders could be compared, and
//!   kills are heard and acknowledged meanwhile (see [`hearing`]). What asking again does not mend ends the gateway.
//! - The account is compared with the books from fills and bookings alone when the stream connects, every minute, and
//!   at the close (by reporting); a difference that stays while nothing is under way is an alarm.
//!
//! - A kill flag acts before anybody is told of it, and without NATS: [`guard`] cancels at the venue what is open, in a
//!   task that needs nothing but the flag and the venue.
//! - A kill of level `flatten` cancels what is open, as `cancel` does. Orders that close positions come through risk
//!   like all others; they alone are sent while it is in force, and nothing after the resume.

mod account;
mod activities;
mod books;
mod clock;
mod convert;
mod desk;
mod error;
mod expiry;
mod flag;
mod guard;
mod hearing;
mod lifecycle;
mod live;
mod place;
mod reconcile;
mod run;
mod sending;
#[cfg(test)]
mod tests;
mod tracked;
mod venue_events;
pub mod world;

pub use error::BrokerError;
pub use guard::Guard;

use futures::FutureExt;
use futures::future::LocalBoxFuture;
use live::{Live, Switch, WallTimer};
use messages::{AccountReported, ActorId, Booked, Date, Topic};
use run::Run;
use shell::{BoxError, Bus, Session};
use std::path::PathBuf;
use std::time::Duration;
use world::World;

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

/// The gateway itself asks again, and says that it has to; and a kill that is to take orders back may have to wait for one
/// answer.
const PATIENCE: alpaca::Patience = alpaca::Patience {
    answer: Duration::from_secs(10),
    attempts_max: 2,
    total: Duration::from_secs(20),
};

/// What the venue says we hold right now.
pub async fn statement(client: &alpaca::Client) -> Result<AccountReported, BrokerError> {
    account::statement(&client.account().await?, &client.positions().await?)
}

/// The account at a moment when no booking was under way, and all that was booked on it since `since`.
pub async fn account_since(
    client: &alpaca::Client,
    since: Date,
) -> Result<(AccountReported, Vec<Booked>), BrokerError> {
    let booked = async || {
        let listed = client.booked_after(activities::begin(since)).await?;
        activities::bookings(&listed)
    };
    let mut before = booked().await?;
    loop {
        let statement = statement(client).await?;
        let after = booked().await?;
        if after == before {
            return Ok((statement, after));
        }
        before = after;
    }
}

/// The first day whose bookings a session may still meet.
pub fn look_back(from: Date) -> Date {
    from.checked_sub(jiff::Span::new().days(books::LOOK_BACK_DAYS)).unwrap_or(from)
}

/// One session of the gateway in any world: until the journal is closed, or something ends it that only a new
/// start mends. May be dropped at any await.
pub async fn run<W: World>(
    venue: &W::Venue,
    journal: &mut W::Journal,
    control: W::Control,
    timer: &W::Timer,
) -> Result<(), BrokerError> {
    Run::<W>::session(venue, journal, control, timer).await
}

impl Gateway {
    pub fn new(client: alpaca::Client, options: GatewayOptions) -> Self {
        Self { client: client.patient(PATIENCE), options }
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
        async move {
            let switch = Switch::new(&self.options).await?;
            let timer = WallTimer::start();
            Ok(Run::<Live>::session(&self.client, session, switch, &timer).await?)
        }
        .boxed_local()
    }
}
