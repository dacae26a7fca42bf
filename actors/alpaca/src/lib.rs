//! Alpaca's trading and market data API, as much of it as Aurora uses.
//!
//! [`model`] is the wire: the client decodes it, the simulated venue encodes it, so they cannot
//! drift apart. [`Client`] speaks REST, [`TradeStream`] the trading websocket, [`DataStream`] that of
//! market data, in JSON or MessagePack ([`Codec`]). Nothing here decides: what an answer means for a
//! session is the gateways' business.

mod client;
mod codec;
mod data_stream;
mod endpoints;
mod error;
pub mod model;
mod pace;
mod requests;
mod socket;
mod stream;
pub mod time;

pub use client::{Client, Patience};
pub use codec::{Codec, CodecError};
pub use data_stream::{DataFeed, DataStream};
pub use endpoints::{Credentials, Endpoints};
pub use error::AlpacaError;
pub use requests::{
    ActivitiesQuery, BarsQuery, Closing, CryptoBarsQuery, OrdersQuery, Page, Pages, PortfolioQuery,
    Source, TicksQuery,
};
pub use stream::TradeStream;
