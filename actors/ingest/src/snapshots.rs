//! What was known on a day: every history that `fetch` or `import` ever put into `data/latest`, kept for
//! ever in `data/snapshots/TIME/`, where TIME is when its source was asked.
//!
//! A trading day only adds sessions to a history; it takes a restatement, another universe or another
//! source to change one, and each of these begins a new snapshot. So the history as of a day is that of
//! the last snapshot begun by then, up to that day. Files are hard links to those in `data/latest`, which
//! are only ever replaced, never written to: a snapshot costs nothing until then.

use crate::events::events_path;
use crate::manifest::{Manifest, io, manifest_path, read_manifest, read_one, settle};
use crate::store::{StoreError, read_prices};
use crate::universe::universe_path;
use messages::{Bars, Date};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// `data/latest/prices.parquet` → `data/snapshots`.
pub fn folder(prices: &Path) -> PathBuf {
    let latest = prices.parent().unwrap_or(Path::new("."));
    latest.parent().unwrap_or(Path::new(".")).join("snapshots")
}

/// Sees to it that the history at `prices` is in a snapshot as it stands; to be called before it is
/// replaced and after, by whoever replaces it. Says where; `None` if there is no history, or none with a manifest.
pub fn keep(prices: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !prices.exists() {
        return Ok(None);
    }
    settle(prices)?;
    let Some(manifest) = read_manifest(prices)? else {
        return Ok(None);
    };
    let place = place(prices, &manifest)?;
    fs::create_dir_all(&place).map_err(io("making", &place))?;
    // The manifest comes last: with it the snapshot counts.
    let files =
        [prices.to_owned(), universe_path(prices), events_path(prices), manifest_path(prices)];
    for file in files {
        link(&file, &place)?;
    }
    Ok(Some(place))
}

/// All bars that were known at the end of `date`, and the `prices.parquet` they are from. Only reads.
///
/// # Errors
/// Nothing was known then; as reading.
pub fn as_of(prices: &Path, date: Date) -> Result<(PathBuf, Vec<Bars>), StoreError> {
    let all = list(prices)?;
    let day = |snapshot: &&PathBuf| began(snapshot).is_some_and(|began| began <= date);
    let Some(snapshot) = all.iter().rfind(day) else {
        let found = match all.first() {
            Some(first) => format!("the first snapshot is {}", first.display()),
            None => format!("there are no snapshots in {}", folder(prices).display()),
        };
        return Err(StoreError::NoSnapshot { date, found });
    };
    let mut file = snapshot.join(prices.file_name().unwrap_or_default());
    // The newest one has been growing in place ever since.
    let latest = if prices.exists() { read_manifest(prices)? } else { None };
    let begun = read_one(&manifest_path(&file))?;
    if let (Some(begun), Some(latest)) = (begun, latest)
        && same_line(&begun, &latest)
    {
        prices.clone_into(&mut file);
    }
    let mut history = read_prices(&file)?;
    history.truncate(history.partition_point(|bars| bars.session <= date));
    Ok((file, history))
}

/// Complete snapshots, oldest first.
fn list(prices: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let folder = folder(prices);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(io("listing", &folder)(error)),
    };
    let name = prices.file_name().unwrap_or_default();
    let paths = entries.flatten().map(|entry| entry.path());
    let mut all: Vec<PathBuf> =
        paths.filter(|path| manifest_path(&path.join(name)).exists()).collect();
    all.sort();
    Ok(all)
}

/// The day in a snapshot's name.
fn began(snapshot: &Path) -> Option<Date> {
    snapshot.file_name()?.to_str()?.get(..10)?.parse().ok()
}

/// The folder of the history that `manifest` describes: the one it has, or a new one.
fn place(prices: &Path, manifest: &Manifest) -> Result<PathBuf, StoreError> {
    let at = &manifest.origin.provenance.at;
    let stamp: String =
        at.chars().filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c)).collect();
    // Of a history without a date it is only known that it is older than all others.
    let stamp =
        if began(Path::new(&stamp)).is_some() { stamp } else { "0000-01-01-unknown".into() };
    for number in 1_u32.. {
        let name = if number == 1 { stamp.clone() } else { format!("{stamp}-{number}") };
        let place = folder(prices).join(name);
        let held = manifest_path(&place.join(prices.file_name().unwrap_or_default()));
        if !held.exists() {
            return Ok(place);
        }
        let there = read_one(&held)?;
        if there.is_some_and(|there| same_line(&there, manifest)) {
            return Ok(place);
        }
    }
    unreachable!("there are fewer snapshots than numbers")
}

/// Has `later` grown from `earlier` by sessions alone, or is it the same?
fn same_line(earlier: &Manifest, later: &Manifest) -> bool {
    earlier.origin.provenance == later.origin.provenance
        && earlier.origin.restated == later.origin.restated
        && earlier.first_session == later.first_session
        && earlier.sessions <= later.sessions
        && (earlier.sessions < later.sessions || earlier.content_sha256 == later.content_sha256)
}

/// Puts `file`, if it exists, into `folder` under its name; another file of that name gives way whole.
fn link(file: &Path, folder: &Path) -> Result<(), StoreError> {
    let name = file.file_name().unwrap_or_default();
    let (target, temporary) = (folder.join(name), folder.join(".link.tmp"));
    if !file.exists() {
        return Ok(());
    }
    let _ = fs::remove_file(&temporary);
    // Another file system takes a copy.
    if fs::hard_link(file, &temporary).is_err() {
        fs::copy(file, &temporary).map_err(io("copying to", &temporary))?;
    }
    fs::rename(&temporary, &target).map_err(io("renaming onto", &target))?;
    // Renaming a link onto another link of the same file leaves both.
    let _ = fs::remove_file(&temporary);
    Ok(())
}
