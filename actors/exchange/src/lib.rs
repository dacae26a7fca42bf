//! The simulated exchange: a pure state machine over daily bars. `bin/venue` wraps it in HTTP and a
//! websocket, a backtest drives it directly; the same requests at the same times give the same ids,
//! prices and events.
//!
//! # The model
//! A daily bar knows two prices one can trade at without hindsight: its open and, at the end of the
//! day, its close. So all market orders fill at the open:
//!
//! - `opg` and `day` orders that wait when a session opens meet its opening auction.
//! - `ioc` and `day` orders placed while a session is on fill at once at that session's open.
//! - A limit order fills at the open if that is within its limit, costs included but never beyond the
//!   limit. If not, a `day` limit order rests, and fills at its limit, at the close, if the session
//!   traded through it.
//! - Of one symbol, all orders of a session together get at most 5 % of the volume that the session
//!   really had, in the order they were placed. What is left is cancelled after the auction (`opg`), at
//!   once (`ioc`), or expires at the close (`day`). A symbol without a bar or without volume does not
//!   trade. An `ioc` order placed while the exchange is closed is cancelled at once.
//! - Costs are inside the fill price: see `costs`. They are measured on the 21 sessions before, or on
//!   those there are, two at least; a symbol with fewer does not trade.
//!
//! Limits are the account's, as Alpaca keeps them: see [`Exchange::submit`]. There are no dividends,
//! splits, fees, borrow costs or margin calls; bars are split-adjusted, and so are shares.

mod account;
mod admission;
pub mod calendar;
mod costs;
mod exchange;
mod ids;
mod market;
mod matching;
mod order;
mod random;
mod synthetic;
#[cfg(test)]
mod tests;

pub use account::{Account, PositionState};
pub use exchange::{Exchange, ExchangeConfig};
pub use market::{Asset, Market, MarketError};
pub use order::{
    Event, Fill, NewOrder, OrderFilter, OrderKind, OrderState, Refusal, Scope, Status, TradeUpdate,
};
pub use synthetic::SyntheticConfig;
