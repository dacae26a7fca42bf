//! Alpaca's JSON, both ways.
//!
//! Trading amounts are strings, market data are numbers; both are read as either. Unknown fields are
//! ignored and unknown words kept (`Other`), since both appear over time. A field is optional
//! wherever any recorded body or SDK lacks it: `None` means Alpaca did not say, never zero.

mod account;
mod market;
mod order;
mod scalar;
mod stream;

pub use account::{Account, Activity, ApiError, Position};
pub use market::{Asset, Bar, BarsPage, CalendarDay, Clock, SymbolBarsPage};
pub use order::{NewOrder, Order, OrderType, Side, Status, TimeInForce};
pub use scalar::{Amount, Stamp};
pub use stream::{
    Authorization, Event, KeyPair, Secret, StreamMessage, StreamRequest, Streams, TradeUpdate,
};

/// `POST /aurora/v1/clock` of our own simulated venue; Alpaca has nothing like it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct SetClock {
    pub now: Stamp,
}
