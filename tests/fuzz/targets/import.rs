//! Files of other people's, as `aurora import` takes them. The first byte says what the others are: prices as CSV, prices
//! as Parquet (given its magic number at both ends, which takes a fuzzer long to guess) or the list of members. No panic,
//! and what is imported is a history: sessions of the exchange, ascending, each with sound bars of members only.
#![no_main]

use ingest::defect::TOLERANCE;
use ingest::import::{Imported, Sources, import};
use libfuzzer_sys::fuzz_target;
use messages::Time;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

const MAGIC: &[u8] = b"PAR1";
const MEMBERS: &str = "symbol,sector,as_of\nAAPL,Tech,2024-01-02\nBRK-B,Financials,2024-01-02\nMETA,Tech,2024-01-02\n";
const PRICES: &str = "symbol,date,open,high,low,close,volume\nAAPL,2024-01-02,10,11,9,10,100\n";
/// 2026-01-02 in UTC.
const NOW: Time = Time(1_767_312_000_000_000_000);

/// In memory where the machine has such a place: a file per input, thousands of times.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let shared = Path::new("/dev/shm");
    let parent = if shared.is_dir() { shared.to_owned() } else { std::env::temp_dir() };
    let folder = parent.join(format!("aurora-fuzz-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for files to import");
    folder
});

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    let (prices, members) = match kind % 3 {
        0 => (rest.to_vec(), MEMBERS.as_bytes().to_vec()),
        1 => ([MAGIC, rest, MAGIC].concat(), MEMBERS.as_bytes().to_vec()),
        _ => (PRICES.as_bytes().to_vec(), rest.to_vec()),
    };
    let [prices, universe] =
        [("prices", prices), ("universe.csv", members)].map(|(name, bytes)| {
            let path = FOLDER.join(name);
            fs::write(&path, bytes).expect("a small file is written");
            path
        });
    let sources = Sources {
        prices: &prices,
        universe: &universe,
        sectors: None,
        sectors_as_of: None,
        now: NOW,
    };
    match import(&sources) {
        Ok(imported) => sound(&imported),
        Err(error) => assert!(error.to_string().contains("aurora-fuzz"), "names no file: {error}"),
    }
});

fn sound(imported: &Imported) {
    let Imported { bars, sessions, universe, .. } = imported;
    assert!(!bars.is_empty());
    assert!(bars.windows(2).all(|pair| pair[0].session < pair[1].session));
    for bars in bars {
        assert!(bars.is_well_formed() && !bars.symbols.is_empty());
        assert!(sessions.contains(&bars.session), "{}", bars.session);
        assert!(
            bars.symbols.iter().all(|symbol| universe.members.iter().any(|m| m.symbol == *symbol))
        );
        for row in 0..bars.symbols.len() {
            let [open, high, low, close] =
                [&bars.open, &bars.high, &bars.low, &bars.close].map(|column| column[row]);
            assert!(low > 0.0 && high.is_finite());
            let within = high * TOLERANCE;
            assert!(
                [open, close].iter().all(|price| low - within <= *price && *price <= high + within)
            );
            assert!(bars.volume[row] > 0.0 && bars.raw_close[row] > 0.0);
        }
    }
}
