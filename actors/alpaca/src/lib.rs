//! Alpaca's trading and market data API, as much of it as Aurora uses.
//!
//! [`model`] is the wire: the client decodes it, the simulated venue encodes it, so they cannot
//! drift apart. [`Client`] speaks REST, [`TradeStream`] the trading websocket. Nothing here decides:
//! what an answer means for a session is the gateways' business.

mod client;
mod endpoints;
mod error;
pub mod model;
mod pace;
mod requests;
mod stream;
pub mod time;

pub use client::Client;
pub use endpoints::{Credentials, Endpoints};
pub use error::AlpacaError;
pub use requests::{ActivitiesQuery, BarsQuery, OrdersQuery};
pub use stream::TradeStream;
