//! One writer at a time: an advisory lock on `.lock` in the folder of the prices, which the system takes back
//! when a process ends, however it ends. Readers need none (see [`crate::store`]).

use crate::manifest::io;
use crate::store::StoreError;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// How long a writer waits for another one, which writes for a second or two.
const PATIENCE: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(50);

/// Held by whoever reads, compares and writes; let go when dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Of the folder that `path` lies in, which is made where it lacks; waits for another writer.
    ///
    /// # Errors
    /// The other one is still writing after ten seconds; the disk refuses.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        Self::within(path, PATIENCE)
    }

    /// As [`Self::of`], with another patience.
    ///
    /// # Errors
    /// As there.
    pub fn within(path: &Path, patience: Duration) -> Result<Self, StoreError> {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(lock) = Self::attempt(path)? {
                return Ok(lock);
            }
            if waited >= patience {
                return Err(StoreError::Busy { lock: place(path), waited });
            }
            if waited.is_zero() {
                tracing::warn!(path = %path.display(), "another writer is at work: waiting");
            }
            thread::sleep(PAUSE);
            waited += PAUSE;
        }
    }

    /// `None` if somebody else has it.
    ///
    /// # Errors
    /// The disk refuses.
    pub fn attempt(path: &Path) -> Result<Option<Self>, StoreError> {
        let place = place(path);
        let folder = place.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(io("making", folder))?;
        let file = File::options().create(true).truncate(false).write(true).open(&place);
        let file = file.map_err(io("opening", &place))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(io("locking", &place)(source)),
        }
        sweep(path, folder);
        Ok(Some(Self { _file: file }))
    }
}

fn place(path: &Path) -> PathBuf {
    path.with_file_name(".lock")
}

/// Takes away what writers that were killed left half written: nobody else writes now. What can't be taken
/// away is in nobody's way.
fn sweep(path: &Path, folder: &Path) {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ours = [format!("{stem}."), "universe.json.".to_owned(), "events.csv.".to_owned()];
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let half = Path::new(&*name).extension().is_some_and(|end| end == "tmp");
        if half && ours.iter().any(|start| name.starts_with(start)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}
