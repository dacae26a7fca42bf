//! Everything outside of itself that the gateway touches. The running system has one world ([`super::live`]),
//! a simulation another: the gateway between them is the same.

use alpaca::model::{self, Activity, Clock, NewOrder, TradeUpdate};
use alpaca::{AlpacaError, OrdersQuery};
use futures::future::LocalBoxFuture;
use messages::{Envelope, Kill, Time};
use shell::ShellError;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

pub trait World: 'static {
    type Venue: Venue;
    type Journal: Journal;
    type Control: Control;
    type Timer: Timer;
}

/// Alpaca's calls, as far as they are used here: see [`alpaca::Client`].
pub trait Venue {
    type Updates: Updates;

    /// The trade stream.
    fn connect(&self) -> impl Future<Output = Result<Self::Updates, AlpacaError>>;

    fn submit_order(
        &self,
        order: &NewOrder,
    ) -> impl Future<Output = Result<model::Order, AlpacaError>>;

    fn order_by_client_id(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<model::Order>, AlpacaError>>;

    fn orders(
        &self,
        query: &OrdersQuery,
    ) -> impl Future<Output = Result<Vec<model::Order>, AlpacaError>>;

    fn cancel(&self, venue_id: &str) -> impl Future<Output = Result<(), AlpacaError>>;

    fn fills_after(&self, after: Time) -> impl Future<Output = Result<Vec<Activity>, AlpacaError>>;

    /// What moved the account and was no fill. A venue that books nothing has none.
    fn booked_after(
        &self,
        _after: Time,
    ) -> impl Future<Output = Result<Vec<Activity>, AlpacaError>> {
        async { Ok(Vec::new()) }
    }

    fn account(&self) -> impl Future<Output = Result<model::Account, AlpacaError>>;

    fn positions(&self) -> impl Future<Output = Result<Vec<model::Position>, AlpacaError>>;

    fn clock(&self) -> impl Future<Output = Result<Clock, AlpacaError>>;
}

pub trait Updates {
    /// Cancel-safe. After an error the stream is of no use any more.
    fn next(&mut self) -> impl Future<Output = Result<TradeUpdate, AlpacaError>>;
}

/// The session's journal: see [`shell::Session`], whose promises these are.
pub trait Journal {
    fn catch_up(&mut self) -> impl Future<Output = Result<Vec<(u64, Envelope)>, ShellError>>;

    /// Cancel-safe; `None` once the session is closed.
    fn next(&mut self) -> impl Future<Output = Result<Option<(u64, Envelope)>, ShellError>>;

    /// Nothing, if the id is in the journal already.
    fn say(&mut self, said: Envelope) -> impl Future<Output = Result<(), ShellError>>;

    fn flush(&mut self) -> impl Future<Output = Result<(), ShellError>>;

    fn is_closed(&self) -> bool;

    /// For whoever asks what the gateway is at; `None`: nothing worth telling.
    fn doing(&self, _doing: Option<String>) {}
}

/// What stops trading beside the journal.
pub trait Control {
    /// A kill as it is sent or as its flag is put down, before any journal holds it. Cancel-safe; may wait for ever.
    fn killed(&mut self) -> impl Future<Output = Kill>;

    /// The kill in force after everything operators said so far. Kills are heard while this is found out.
    fn latched(&self) -> LocalBoxFuture<'static, Result<Option<Kill>, ShellError>>;

    /// Tells everybody.
    fn announce(&self, kill: &Kill) -> impl Future<Output = Result<(), ShellError>>;

    /// What the kill flag stands for, as long as there is one.
    fn flag(&self) -> impl Future<Output = Option<Kill>>;

    /// The gateway waits and has nothing under way; what it does next depends on `state` alone, and on what comes. For
    /// whoever compares states.
    fn rests(&self, _state: &dyn Debug) {}
}

/// Time as it passes here. Of the venue's, only its clock tells.
pub trait Timer {
    /// Since some moment that stays the same.
    fn now(&self) -> Duration;

    /// Returns at once if `then` has passed.
    fn sleep_until(&self, then: Duration) -> impl Future<Output = ()>;
}
