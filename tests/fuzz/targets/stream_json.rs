//! Text frames of both websockets, in both directions: no panic, and what decodes encodes to something that decodes to
//! the same.
#![no_main]

use alpaca::Codec;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| aurora_fuzz::frames(Codec::Json, bytes));
