//! The history that this process read or wrote last, so that a trading day doesn't decode the same file
//! for every actor. An entry is known by its path and the hash of the bytes that were read just now, so
//! that it can't be out of date; the file is still read and checked each time.

use crate::store::StoreError;
use messages::Bars;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

struct Entry {
    file_sha256: String,
    history: Arc<Vec<Bars>>,
}

/// One history per file: a process works on one installation, a test on a few.
static ENTRIES: Mutex<BTreeMap<PathBuf, Entry>> = Mutex::new(BTreeMap::new());

/// What the bytes of hash `file_sha256` at `path` hold, read by `parse` unless it is known.
pub(crate) fn history(
    path: &Path,
    file_sha256: &str,
    parse: impl FnOnce() -> Result<Vec<Bars>, StoreError>,
) -> Result<Arc<Vec<Bars>>, StoreError> {
    let known = |entries: &BTreeMap<PathBuf, Entry>| {
        let entry = entries.get(path).filter(|entry| entry.file_sha256 == file_sha256)?;
        Some(Arc::clone(&entry.history))
    };
    if let Some(history) = known(&entries()) {
        return Ok(history);
    }
    Ok(keep(path, file_sha256, parse()?))
}

/// Remembers what was written.
pub(crate) fn keep(path: &Path, file_sha256: &str, history: Vec<Bars>) -> Arc<Vec<Bars>> {
    let history = Arc::new(history);
    let entry = Entry { file_sha256: file_sha256.to_owned(), history: Arc::clone(&history) };
    entries().insert(path.to_owned(), entry);
    history
}

/// A panic elsewhere leaves whole entries behind.
fn entries() -> MutexGuard<'static, BTreeMap<PathBuf, Entry>> {
    ENTRIES.lock().unwrap_or_else(PoisonError::into_inner)
}
