//! The broker: carries approved orders to the venue and journals what the venue says.
//!
//! [`Gateway`] speaks to Alpaca, or to `bin/venue`, which speaks like it. [`simulated`] is the pure
//! exchange behind that venue, which a backtest drives directly.

mod gateway;
pub mod simulated;

pub use gateway::{BrokerError, Gateway, GatewayOptions, statement};
