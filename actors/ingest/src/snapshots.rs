//! What was known on a day: every history that `fetch` or `import` ever put into `data/latest`, kept for
//! ever in `data/snapshots/TIME/`, where TIME is when its source was asked.
//!
//! A trading day only adds sessions to a history, and its manifest says when; it takes a restatement, another universe,
//! other events, another source or volumes that have grown since to change one, and each of these begins a new snapshot.
//! So the history as of a day is that of the last snapshot begun by then, but for what was added later. Days are New
//! York's, as those of sessions are. Files are hard links to those in
//! `data/latest`, which are only ever replaced, never written to: a snapshot costs nothing until then. But
//! `events.csv`, which people edit, is copied. What was found damaged and replaced lies in `data/snapshots/damaged-N`.

use crate::events::events_path;
use crate::lock::Lock;
use crate::manifest::{
    Growth, Manifest, Restatement, io, manifest_path, next_path, read_manifest, read_one,
    read_optional, settle,
};
use crate::store::{StoreError, read_prices};
use crate::universe::universe_path;
use messages::{Bars, Date, sha256_hex};
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
pub fn keep(lock: &Lock, prices: &Path) -> Result<Option<PathBuf>, StoreError> {
    if !prices.exists() {
        return Ok(None);
    }
    settle(lock, prices)?;
    let Some(manifest) = read_manifest(prices)? else {
        return Ok(None);
    };
    let place = place(prices, &manifest)?;
    fs::create_dir_all(&place).map_err(io("making", &place))?;
    // The manifest comes last: with it the snapshot counts.
    link(prices, &place)?;
    let known = manifest.origin.companions.as_ref();
    for (file, said) in [
        (universe_path(prices), known.map(|known| &known.universe_sha256)),
        (events_path(prices), known.map(|known| &known.events_sha256)),
    ] {
        // One that was edited since doesn't belong to these prices.
        let bytes = read_optional(&file)?;
        if bytes.is_some_and(|bytes| said.is_none_or(|said| *said == sha256_hex(&bytes))) {
            link(&file, &place)?;
        }
    }
    link(&manifest_path(prices), &place)?;
    Ok(Some(place))
}

/// Puts what is at `prices`, which can't be read because of `error`, with its manifest into a folder of its own,
/// so that it can be replaced. Says where, and what is to go on record.
pub fn keep_damaged(
    _: &Lock,
    prices: &Path,
    reason: &str,
    error: &StoreError,
) -> Result<(PathBuf, Restatement), StoreError> {
    let all = folder(prices);
    fs::create_dir_all(&all).map_err(io("making", &all))?;
    let mut place = all.join("damaged-1");
    for number in 2_u32.. {
        match fs::create_dir(&place) {
            Ok(()) => break,
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                place = all.join(format!("damaged-{number}"));
            }
            Err(error) => return Err(io("making", &place)(error)),
        }
    }
    let next = next_path(prices);
    for file in [prices, &manifest_path(prices), &next] {
        link(file, &place)?;
    }
    // Whoever writes next would take it for what a crash has left.
    if next.exists() {
        fs::remove_file(&next).map_err(io("removing", &next))?;
    }
    let known = read_one(&manifest_path(prices)).ok().flatten();
    let restated = Restatement {
        reason: reason.to_owned(),
        differences: 0,
        replaced_sha256: known.map_or_else(String::new, |known| known.content_sha256),
        damaged: Some(error.to_string()),
    };
    Ok((place, restated))
}

/// All bars that were known at the end of `date` in New York, and the `prices.parquet` they are from. Only reads.
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
    let mut manifest = read_one(&manifest_path(&file))?;
    if let (Some(begun), Some(latest)) = (&manifest, latest)
        && same_line(begun, &latest)
    {
        prices.clone_into(&mut file);
        manifest = Some(latest);
    }
    let mut history = read_prices(&file)?;
    let known =
        |session| manifest.as_ref().is_none_or(|manifest| was_known(manifest, session, date));
    history.truncate(history.partition_point(|bars| bars.session <= date && known(bars.session)));
    Ok((file, history))
}

/// Whether bars of `session` were in the history of `manifest` at the end of `date`. They may have come since the
/// manifest was read.
fn was_known(manifest: &Manifest, session: Date, date: Date) -> bool {
    let later = |growth: &&Growth| day_of(&growth.at).is_some_and(|day| day > date);
    let unknown = manifest.origin.growths.iter().filter(later).map(|growth| growth.from).min();
    Some(session) <= manifest.last_session && unknown.is_none_or(|unknown| session < unknown)
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
    let mut all: Vec<PathBuf> = paths
        .filter(|path| began(path).is_some() && manifest_path(&path.join(name)).exists())
        .collect();
    all.sort();
    Ok(all)
}

/// The day of a snapshot's name in New York.
fn began(snapshot: &Path) -> Option<Date> {
    day_of(snapshot.file_name()?.to_str()?)
}

/// In New York, of a time that may have lost its colons; of what only begins with a date that one.
fn day_of(at: &str) -> Option<Date> {
    let time = at.find('Z').and_then(|end| alpaca::time::parse(&at[..=end]).ok());
    time.map(alpaca::time::session_date).or_else(|| at.get(..10)?.parse().ok())
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

/// Has `later` grown from `earlier` by sessions alone, or is it the same? The files beside are the same too.
fn same_line(earlier: &Manifest, later: &Manifest) -> bool {
    earlier.origin.provenance == later.origin.provenance
        && earlier.origin.restated == later.origin.restated
        && earlier.origin.companions == later.origin.companions
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
    // People write to this one in place; another file system takes a copy anyway.
    let edited = name == "events.csv";
    if edited || fs::hard_link(file, &temporary).is_err() {
        fs::copy(file, &temporary).map_err(io("copying to", &temporary))?;
    }
    fs::rename(&temporary, &target).map_err(io("renaming onto", &target))?;
    // Renaming a link onto another link of the same file leaves both.
    let _ = fs::remove_file(&temporary);
    Ok(())
}
