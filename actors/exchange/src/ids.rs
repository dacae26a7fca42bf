//! Ids that look like the venue's (lower-case UUIDs) and are the same on every run.

use messages::Symbol;
use sha2::{Digest, Sha256};

/// Numbers executions and orders: the n-th id is a function of the seed and n alone.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    seed: u64,
    given: u64,
}

impl Ids {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, given: 0 }
    }

    pub(super) fn next(&mut self) -> String {
        self.given += 1;
        uuid(&[b"event", &self.seed.to_le_bytes(), &self.given.to_le_bytes()])
    }
}

/// The id of the instrument: one per symbol, whatever the seed.
pub(super) fn asset_id(symbol: &Symbol) -> String {
    uuid(&[b"asset", symbol.as_str().as_bytes()])
}

/// The id of the account.
pub(super) fn account_id(seed: u64) -> String {
    uuid(&[b"account", &seed.to_le_bytes()])
}

/// Version 8 of RFC 9562: 122 bits of our own making, here of a hash.
fn uuid(parts: &[&[u8]]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let mut bytes: Vec<u8> = hash.finalize()[..16].to_vec();
    bytes[6] = 0x80 | (bytes[6] & 0x0f);
    bytes[8] = 0x80 | (bytes[8] & 0x3f);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
