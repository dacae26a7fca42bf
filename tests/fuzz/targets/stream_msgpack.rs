//! Binary frames of both websockets, in both directions: see `stream_json`.
#![no_main]

use alpaca::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| aurora_fuzz::frames(Codec::Msgpack, bytes));
