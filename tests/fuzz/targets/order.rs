//! Bodies of the trading API: no panic, and what decodes survives being encoded.
#![no_main]

use alpaca::model::{
    Account, Activity, ApiError, CloseOutcome, NewOrder, Order, Position, ReplaceOrder,
};
use aurora_fuzz::body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    body::<Order>(bytes);
    body::<NewOrder>(bytes);
    body::<ReplaceOrder>(bytes);
    body::<Position>(bytes);
    body::<Account>(bytes);
    body::<Activity>(bytes);
    body::<CloseOutcome>(bytes);
    body::<ApiError>(bytes);
});
