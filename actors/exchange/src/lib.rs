//! The simulated exchange: a pure state machine over a market that is known in advance. `bin/venue`
//! wraps it in HTTP and websockets, a backtest drives it directly; the same requests at the same times
//! give the same ids, prices and events.
//!
//! # The market
//! Daily bars, and trades every 15 seconds that they are broken down into: see [`Market::ticks`]. The
//! exchange never looks at a tick before its time; it does know a session's volume, for the limit below.
//!
//! # How orders fill
//! - `opg` orders meet the opening auction at the bar's open, as does all that waits when a session
//!   opens; `cls` orders the closing auction at its close.
//! - A market order that arrives during a session meets the last tick. So does a limit order, if the
//!   tick is within its limit; if not it waits, and fills at its limit when a tick goes through it.
//! - A stop is reached by a tick (or an auction) and the order then is a market or a limit order. A
//!   trailing stop follows the best tick since it was placed.
//! - Of one symbol, all orders of a session together get at most 5 % of the volume that the session
//!   really had, in the order they were placed. What is left waits, or is cancelled (`opg`, `cls`,
//!   `ioc`), or keeps the order from filling at all (`fok`). A symbol without a bar or without volume
//!   does not trade. An `ioc` or `fok` order placed while the exchange is closed is cancelled at once.
//! - Costs are inside the fill price: see the crate `costs`. They are measured on the 21 sessions before,
//!   or on those there are, two at least; a symbol with fewer does not trade.
//! - Coins trade around the clock, their session is the day of UTC. 25 basis points of what is received,
//!   coins or dollars, are taken as a fee.
//! - Nothing fills outside of a session: orders for extended hours wait for the next one.
//!
//! Limits are the account's, as Alpaca keeps them: see `admission`. By itself the exchange books no dividends, splits,
//! borrow costs, regulatory fees or interest, and calls no margin: bars are split-adjusted, and so are shares. Whoever
//! runs it may book such movements ([`Exchange::book`]). Shorts are not recalled.
//!
//! # The states of an order
//! `lifecycle` has them all. An order is `accepted` while its market is closed, `new` when it works,
//! `held` while it is a leg that waits. What has ended stays as it ended; what is filled is never more
//! than the quantity; what an order holds back of buying power or position is computed from its state
//! (`orders`), so it is given back exactly when it ends.

mod account;
mod admission;
mod asset;
mod booking;
pub mod calendar;
mod closing;
mod costs;
mod crypto;
mod exchange;
mod ids;
mod lifecycle;
mod market;
mod matching;
mod order;
mod orders;
mod path;
mod random;
mod refusal;
mod replace;
mod request;
mod scale;
mod synthetic;
mod tape;
mod terms;
#[cfg(test)]
mod tests;
mod tickers;

pub use account::{Account, PositionState, Worth};
pub use asset::{Asset, AssetClass, CryptoTerms};
pub use booking::{Booking, NewBooking};
pub use closing::{Cancelled, Closed};
pub use exchange::{Exchange, ExchangeConfig};
pub use market::{Daily, Market, MarketError};
pub use order::{Activity, ClassName, Event, Fee, Fill, OrderState, Status, TradeUpdate};
pub use refusal::{Extra, Refusal};
pub use request::{
    ClosePosition, Exit, NewOrder, OrderClass, OrderFilter, OrderKind, Part, Permissions,
    PositionIntent, ReplaceOrder, Scope, Size, StopLoss, TimeInForce, Trail,
};
pub use synthetic::SyntheticConfig;
pub use tape::{Bar, Depth, Quote, Tick};
