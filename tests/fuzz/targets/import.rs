//! Files that a user gives to `aurora import`: whatever they hold, an answer or an error, never a panic. The first byte
//! chooses CSV or Parquet, the rest is the file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::fs;
use std::path::PathBuf;

const UNIVERSE: &str = "symbol,sector\nA,Energy\nBRK-B,Financials\n";

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, content)) = bytes.split_first() else { return };
    // In memory: a file system that syncs would be what is measured.
    let folder = PathBuf::from("/dev/shm").join(format!("aurora-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("shared memory");
    let prices = folder.join(if kind % 2 == 0 { "prices.csv" } else { "prices.parquet" });
    let universe = folder.join("universe.csv");
    fs::write(&prices, content).expect("shared memory");
    fs::write(&universe, UNIVERSE).expect("shared memory");
    let sources = ingest::Sources {
        prices: &prices,
        universe: &universe,
        sectors: None,
        sectors_as_of: None,
        now: messages::Time(1_700_000_000_000_000_000),
    };
    if let Ok(imported) = ingest::import(&sources) {
        for bars in &imported.bars {
            assert!(bars.is_well_formed(), "an imported session is sound");
        }
    }
});
