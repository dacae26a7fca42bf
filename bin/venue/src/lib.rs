//! An Alpaca-compatible venue on loopback: REST and the trading websocket around
//! [`exchange::Exchange`].
//!
//! One listener serves all four of Alpaca's bases. What it answers follows the contract in
//! `ALPACA_CONTRACT.md`; what it does not have is a 404 or a 422, never a pretence. Beyond Alpaca there is
//! one thing, the clock: `POST /aurora/v1/clock {"now": "2024-01-03T14:30:00Z"}` moves it forward, and
//! the answer comes when everything that happened on the way is in the account and queued, in order,
//! on every open stream.
//!
//! Requests take turns on one lock, so the exchange sees one sequence of them and its events go out in
//! that sequence. A daily bar is shown from its session's close on.

mod access;
mod bars;
mod clock;
mod control;
mod orders;
mod reply;
mod server;
mod state;
mod stream;
mod trading;
mod wire;

pub use clock::ClockMode;
pub use server::{Venue, VenueConfig, VenueError};
