//! Bodies of the market data API: no panic, and a page that decodes survives being encoded.
#![no_main]

use alpaca::model::{BarsPage, CryptoSnapshots, QuotesPage, Snapshots, SymbolBarsPage, TradesPage};
use aurora_fuzz::body;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    body::<BarsPage>(bytes);
    body::<SymbolBarsPage>(bytes);
    body::<TradesPage>(bytes);
    body::<QuotesPage>(bytes);
    body::<Snapshots>(bytes);
    body::<CryptoSnapshots>(bytes);
});
