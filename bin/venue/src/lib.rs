//! An Alpaca-compatible venue on loopback: REST and websockets around [`exchange::Exchange`].
//!
//! One listener serves all four of Alpaca's bases, trading and market data, stocks and coins. What it
//! answers follows the contract in `ALPACA_CONTRACT.md`; what it does not have is a 404, a 422 or an empty
//! list, never a pretence.
//!
//! # Beyond Alpaca
//! - `POST /aurora/v1/clock {"now": "2024-01-03T14:30:00Z"}` moves a stepped clock forward. The answer comes
//!   when everything that happened on the way is in the account and queued, in order, on every stream. `GET` says in
//!   `stepped` whether it moves so.
//! - `POST /aurora/v1/activities {"activity_type": "DIV", "symbol": "AAPL", "net_amount": "24.00"}` books a movement of
//!   the account: see `bookings`.
//! - `/aurora/v1/faults` makes things go wrong, repeatably: see `faults`.
//! - With [`VenueConfig::state`] a restart goes on where the venue was: see `persistence`.
//!
//! # What Alpaca has and this venue has not
//! Options (contracts, orders, data; the list of contracts is empty), multi-leg orders, corporate actions,
//! dividends, transfers, journals, interest, borrow and regulatory fees of its own accord (they happen when they are
//! booked, see above), news (an empty list), bonds, crypto wallets, locates,
//! margin calls and forced liquidation, the Broker API, OAuth's own endpoints (the
//! secret key serves as the token), `/v3` clocks and calendars of other markets, the SSE streams,
//! streams of options (those of `boats`, `overnight` and news are silent), several accounts. Its calendar begins with its market's first session; after the
//! last it goes on by the rules of XNYS.
//!
//! # Order
//! Requests take turns on one lock, so the exchange sees one sequence of them and its events go out in
//! that sequence. Nothing is shown before its time: a bar of a running session is the day so far.

mod access;
mod account;
mod activities;
mod assets;
mod bookings;
mod calendar;
mod clock;
mod control;
mod data;
mod faults;
mod feed;
mod history;
mod order_body;
mod orders;
mod persistence;
mod positions;
mod query;
mod reference;
mod reply;
mod server;
mod state;
mod stream;
mod watchlists;
mod websocket;
mod wire;

pub use clock::ClockMode;
pub use feed::FeedConfig;
pub use persistence::StateError;
pub use server::{Venue, VenueConfig, VenueError};
