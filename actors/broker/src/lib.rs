//! The broker: carries approved orders to the venue and journals what the venue says.
//!
//! [`Gateway`] speaks to Alpaca, or to `bin/venue`, which speaks like it.

mod gateway;

pub use gateway::{
    BrokerError, Gateway, GatewayOptions, Guard, account_since, look_back, run, statement, world,
};
