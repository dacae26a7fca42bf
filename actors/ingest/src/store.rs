//! `prices.parquet`: the bar history, one row per symbol and session.
//!
//! Columns: `symbol` (string), `session` (date, New York), `open`, `high`, `low`, `close`, `volume`,
//! `raw_close` (f64, as in [`Bars`]); sorted by session, then symbol, so that a session is one
//! contiguous run of rows. Beside it stands `prices.manifest.json`, which says where the data came
//! from and vouches for every byte.
//!
//! The two files, and `universe.json` and `events.csv` with them, change together: all are written first under
//! other names, the manifest as `prices.manifest.next.json`; then the prices are renamed into place, then the
//! others, then the manifest. A reader takes the manifest that fits the bytes it has read, so a crash at
//! any point leaves either the old history or the new one. Writers hold a [`Lock`].

use crate::cache;
use crate::events::events_path;
use crate::frame;
use crate::inspection::Inspection;
use crate::lock::Lock;
use crate::manifest::{
    Companions, Growth, Manifest, Origin, Provenance, Staged, file_and_manifests, manifest_path,
    read_manifest, read_optional, replace, settle,
};
use crate::universe::{self, Universe, universe_path};
use messages::{Bars, Date, HistoryRef, Symbol, Time, history_sha256, sha256_hex};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum StoreError {
    #[error("{}: no prices here: run `aurora fetch` or `aurora import` first", path.display())]
    Absent { path: PathBuf },
    #[error("{doing} {}", path.display())]
    Io { doing: &'static str, path: PathBuf, source: std::io::Error },
    #[error(
        "{}: not the bytes that {} vouches for: restore both from a backup, or fetch or import again with \
         --restate REASON, which moves the damaged file to data/snapshots",
        path.display(), manifest.display()
    )]
    Tampered { path: PathBuf, manifest: PathBuf },
    #[error(
        "{}: edited by hand: it says otherwise than {} itself what the gate found (whole or PARTIAL); restore it \
         from a backup, or fetch or import again with --restate REASON",
        manifest.display(), path.display()
    )]
    Edited { path: PathBuf, manifest: PathBuf },
    #[error(
        "{}: {detail}: restore it from a backup, or fetch or import again with --restate REASON, which moves a \
         damaged file to data/snapshots",
        path.display()
    )]
    Corrupt { path: PathBuf, detail: String },
    #[error(
        "{}: not the file that {} was written with: if it was edited by hand, `aurora fetch` or `aurora import` \
         checks the prices with it; else name it to them again (--events, --universe) or restore it from a backup",
        path.display(), manifest.display()
    )]
    OtherCompanion { path: PathBuf, manifest: PathBuf },
    #[error(
        "{}: another aurora has been writing there for {} seconds: nothing was written; try again when it is done \
         (a process that ended holds no lock)",
        lock.display(), waited.as_secs()
    )]
    Busy { lock: PathBuf, waited: Duration },
    #[error(
        "PARTIAL: {} was written with --allow-partial and has {detail}: it is for research only; fetch or import it \
         whole to trade on it",
        path.display()
    )]
    Partial { path: PathBuf, detail: String },
    #[error("nothing was known on {date}: {found}")]
    NoSnapshot { date: Date, found: String },
    #[error("not written: {0}")]
    Unfit(String),
    #[error(
        "session {session} is stored with other values ({difference}): the source has restated its past; \
         look at it, then `aurora fetch --restate REASON`"
    )]
    Restated { session: Date, difference: String },
    #[error(
        "session {session} lies before the last stored one ({last}) and is not stored: fetch the whole history again"
    )]
    Backwards { session: Date, last: Date },
    #[error(
        "PAST_CHANGED: {}: {count} stored numbers are not in what is to replace it:\n{listed}\nA split, a dividend, a \
         correction, or fewer symbols or a shorter stretch than before? Nothing was written; ask for all that is \
         stored, or `aurora fetch --restate REASON` replaces the file, keeps the old one in data/snapshots and \
         records why",
        path.display()
    )]
    SeriesChanged { path: PathBuf, count: usize, listed: String },
    #[error(
        "{}: it is from {stored}, not from {now}: prices of two kinds are no series; `aurora fetch --restate \
         REASON` replaces it and keeps the old file in data/snapshots",
        path.display()
    )]
    OtherSource { path: PathBuf, stored: String, now: String },
    #[error("no bars of {through} in the history (it ends with {last}): fetch up to {through}")]
    NotCovered { through: Date, last: String },
    #[error("{have} sessions up to {through}, {want} wanted: fetch or import an earlier start")]
    TooShort { through: Date, have: usize, want: u32 },
    #[error(
        "the bars up to {through} are not those the session was opened with (sha256 {found}, expected \
         {expected}): restore the prices file it was opened with"
    )]
    HistoryChanged { through: Date, found: String, expected: String },
}

impl StoreError {
    /// The stored file itself is at fault: a restatement replaces it.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Tampered { .. } | Self::Edited { .. } | Self::Corrupt { .. })
    }
}

/// Of the bytes at `path`, whatever they are; `None` without a file. What was compared with what is stored may be
/// written only while this is the same.
///
/// # Errors
/// The disk refuses.
pub fn fingerprint(path: &Path) -> Result<Option<String>, StoreError> {
    Ok(read_optional(path)?.map(|bytes| sha256_hex(&bytes)))
}

/// All sessions, ascending; each a well-formed cross-section, ascending by symbol.
///
/// # Errors
/// The file is absent, not what its manifest vouches for, or not a price history.
pub fn read_prices(path: &Path) -> Result<Vec<Bars>, StoreError> {
    let (bytes, manifest) = file_and_manifests(path)?;
    vouched(path, &bytes, manifest.as_ref())?;
    parse(path, &bytes)
}

/// As [`read_prices`], for whoever trades on them: a history that is only good for research is refused.
/// Cheap when the file is what it was last time (see [`cache`]).
///
/// # Errors
/// As [`read_prices`]; the history was written with `--allow-partial`.
pub fn trading_prices(path: &Path) -> Result<Arc<Vec<Bars>>, StoreError> {
    let (bytes, manifest) = file_and_manifests(path)?;
    let gate = vouched(path, &bytes, manifest.as_ref())?;
    if let Some(detail) = gate.as_ref().and_then(Inspection::partial) {
        return Err(StoreError::Partial { path: path.to_owned(), detail });
    }
    let sha256 = manifest.map_or_else(|| sha256_hex(&bytes), |manifest| manifest.file_sha256);
    cache::history(path, &sha256, || parse(path, &bytes))
}

/// What the gate said, from the file itself; its manifest must say the same. A file of an
/// earlier version says nothing: of it the manifest is believed.
fn vouched(
    path: &Path,
    bytes: &[u8],
    manifest: Option<&Manifest>,
) -> Result<Option<Inspection>, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let claimed = manifest.map(|manifest| &manifest.origin.gate);
    match (frame::gate(bytes).map_err(corrupt)?, claimed) {
        (None, claimed) => Ok(claimed.cloned().flatten()),
        (Some(gate), Some(claimed)) if gate != *claimed => {
            let manifest = manifest_path(path);
            Err(StoreError::Edited { path: path.to_owned(), manifest })
        }
        (Some(gate), _) => Ok(gate),
    }
}

/// Replaces the history at `path` (its folder is made where it lacks) and says what was written.
///
/// # Errors
/// The bars are not a history (sessions ascending, each with bars, all numbers finite), or the disk
/// refuses; the old file is then untouched.
pub fn write_prices(
    path: &Path,
    history: &[Bars],
    origin: impl Into<Origin>,
) -> Result<Manifest, StoreError> {
    write(&Lock::of(path)?, path, history, origin.into(), &[])
}

/// As [`write_prices`], for whoever holds the lock; with the universe, and the events at `events` or those that
/// are there. Readers see all of them change, or none.
///
/// # Errors
/// As there; there is no file at `events`.
pub fn write_together(
    lock: &Lock,
    path: &Path,
    history: &[Bars],
    mut origin: Origin,
    universe: &Universe,
    events: Option<&Path>,
) -> Result<Manifest, StoreError> {
    let mut files = vec![(universe_path(path), universe::json(universe))];
    let beside = events_path(path);
    let source = events.unwrap_or(&beside);
    let bytes = read_optional(source)?;
    if bytes.is_none() && events.is_some() {
        return Err(StoreError::Absent { path: source.to_owned() });
    }
    // What the gate was shown counts, if the file has been edited since.
    let shown = origin.gate.as_ref().map(|gate| gate.events_sha256.clone());
    let found = || bytes.as_deref().map_or_else(String::new, sha256_hex);
    origin.companions = Some(Companions::new(universe, shown.unwrap_or_else(found)));
    if source != beside {
        files.extend(bytes.map(|bytes| (beside, bytes)));
    }
    write(lock, path, history, origin, &files)
}

fn write(
    lock: &Lock,
    path: &Path,
    history: &[Bars],
    origin: Origin,
    files: &[(PathBuf, Vec<u8>)],
) -> Result<Manifest, StoreError> {
    check(history)?;
    let mut file = Staged::new(lock, path)?;
    // Two passes over the same bars, neither of which needs the other.
    let (content, written) = thread::scope(|scope| {
        let content = scope.spawn(|| history_sha256(history));
        let written = frame::to_parquet(history, origin.gate.as_ref(), &mut file);
        (content.join(), written)
    });
    written.map_err(|error| StoreError::Unfit(format!("parquet: {error}")))?;
    let content = content.expect("hashing what is in memory doesn't fail");
    file.publish(files, |sha256| Manifest::new(history, content, sha256, origin))
}

/// What [`append_session`] found.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    New,
    AlreadyThere,
}

/// Adds one session at the end, as the journal has it since `at`; of the same session again only that goes on record.
///
/// # Errors
/// As reading and writing; the session is stored with other values, or lies in the past.
pub fn append_session(path: &Path, bars: &Bars, at: Time) -> Result<Appended, StoreError> {
    let lock = Lock::of(path)?;
    settle(&lock, path)?;
    let history = trading_prices(path)?;
    if let Some(stored) = session(&history, bars.session) {
        return match difference(stored, bars) {
            None => vouched_by_journal(&lock, path, bars.session).map(|()| Appended::AlreadyThere),
            Some(difference) => Err(StoreError::Restated { session: bars.session, difference }),
        };
    }
    if let Some(last) = history.last().filter(|last| last.session > bars.session) {
        return Err(StoreError::Backwards { session: bars.session, last: last.session });
    }
    let manifest = read_manifest(path)?;
    let mut origin = manifest.map_or_else(|| Provenance::unknown().into(), |known| known.origin);
    if let Some(gate) = &mut origin.gate {
        gate.expected += bars.symbols.len() as u64;
        gate.got += bars.symbols.len() as u64;
    }
    if origin.journaled_from.is_none() {
        origin.journaled_from = history.last().map(|bars| bars.session);
    }
    origin.growths.push(Growth { at: alpaca::time::utc(at), from: bars.session });
    let mut history = Arc::unwrap_or_clone(history);
    history.push(bars.clone());
    let manifest = write(&lock, path, &history, origin, &[])?;
    cache::keep(path, &manifest.file_sha256, history);
    Ok(Appended::New)
}

/// The journal has `session` as it is stored: its volumes stay from now on (see [`Origin::journaled_from`]).
///
/// # Errors
/// As reading and writing the manifest.
pub fn vouch(path: &Path, session: Date) -> Result<(), StoreError> {
    let lock = Lock::of(path)?;
    settle(&lock, path)?;
    vouched_by_journal(&lock, path, session)
}

fn vouched_by_journal(_: &Lock, path: &Path, session: Date) -> Result<(), StoreError> {
    let Some(mut manifest) = read_manifest(path)? else {
        return Ok(());
    };
    if manifest.origin.journaled_from.is_some() {
        return Ok(());
    }
    manifest.origin.journaled_from = Some(session);
    let json = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
    replace(&manifest_path(path), &json)
}

/// Whether `symbol` is in `bars`, and in which `row`: mostly the one in which it was found before.
pub(crate) fn row_near(bars: &Bars, symbol: &Symbol, row: &mut usize) -> bool {
    if bars.symbols.get(*row) == Some(symbol) {
        return true;
    }
    let found = bars.row(symbol);
    *row = found.unwrap_or(*row);
    found.is_some()
}

/// The bars of one session.
pub fn session(history: &[Bars], session: Date) -> Option<&Bars> {
    let at = history.binary_search_by_key(&session, |bars| bars.session).ok()?;
    Some(&history[at])
}

/// All names in a history. Neighbouring sessions mostly have the same ones.
pub fn symbols_of(history: &[Bars]) -> BTreeSet<&Symbol> {
    let mut known = BTreeSet::new();
    let mut before: &[Symbol] = &[];
    for bars in history {
        if bars.symbols != before {
            known.extend(&bars.symbols);
            before = &bars.symbols;
        }
    }
    known
}

/// The last `sessions` sessions up to and including `through`, and the reference that vouches for
/// them.
pub fn history(
    history: &[Bars],
    through: Date,
    sessions: u32,
) -> Result<(HistoryRef, &[Bars]), StoreError> {
    let part = stretch(history, through, sessions)?;
    Ok((HistoryRef { through, sessions, sha256: history_sha256(part) }, part))
}

/// The bars that `reference` speaks of, if `history` holds exactly those.
pub fn verify<'a>(history: &'a [Bars], reference: &HistoryRef) -> Result<&'a [Bars], StoreError> {
    let part = stretch(history, reference.through, reference.sessions)?;
    let found = history_sha256(part);
    if found == reference.sha256 {
        return Ok(part);
    }
    let HistoryRef { through, sha256, .. } = reference;
    Err(StoreError::HistoryChanged { through: *through, found, expected: sha256.clone() })
}

fn stretch(history: &[Bars], through: Date, sessions: u32) -> Result<&[Bars], StoreError> {
    let Ok(at) = history.binary_search_by_key(&through, |bars| bars.session) else {
        let last = history.last().map_or("nothing".to_owned(), |bars| bars.session.to_string());
        return Err(StoreError::NotCovered { through, last });
    };
    let have = at + 1;
    have.checked_sub(sessions as usize)
        .map(|from| &history[from..have])
        .ok_or(StoreError::TooShort { through, have, want: sessions })
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Bars>, StoreError> {
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let history = frame::from_parquet(bytes).map_err(corrupt)?;
    check(&history).map_err(|error| corrupt(error.to_string()))?;
    Ok(history)
}

/// A history: sessions ascend, each has bars, rows ascend by symbol, every number is finite.
fn check(history: &[Bars]) -> Result<(), StoreError> {
    let unfit = |what: String| Err(StoreError::Unfit(what));
    for pair in history.windows(2) {
        if pair[0].session >= pair[1].session {
            return unfit(format!("session {} after {}", pair[1].session, pair[0].session));
        }
    }
    for bars in history {
        if bars.symbols.is_empty() || !bars.is_well_formed() {
            return unfit(format!(
                "session {} has no bars, or twice the same symbol",
                bars.session
            ));
        }
        for (name, column) in columns(bars) {
            if let Some(row) = column.iter().position(|value| !value.is_finite()) {
                let (symbol, value) = (&bars.symbols[row], column[row]);
                return unfit(format!("{symbol} on {}: {name} is {value}", bars.session));
            }
        }
    }
    Ok(())
}

/// The first difference between two records of one session, in words.
pub(crate) fn difference(stored: &Bars, now: &Bars) -> Option<String> {
    if stored.symbols != now.symbols {
        let lone = |a: &Bars, b: &Bars| a.symbols.iter().find(|s| b.row(s).is_none()).cloned();
        return Some(match (lone(stored, now), lone(now, stored)) {
            (Some(symbol), _) => format!("{symbol} is stored and no longer there"),
            (None, Some(symbol)) => format!("{symbol} is not stored"),
            (None, None) => "other symbols".to_owned(),
        });
    }
    columns(stored).into_iter().zip(columns(now)).find_map(|((name, old), (_, new))| {
        let row = (0..old.len()).find(|&row| old[row].to_bits() != new[row].to_bits())?;
        Some(format!("{} {name}: stored {}, now {}", stored.symbols[row], old[row], new[row]))
    })
}

pub(crate) fn columns(bars: &Bars) -> [(&'static str, &[f64]); 6] {
    [
        ("open", bars.open.as_slice()),
        ("high", bars.high.as_slice()),
        ("low", bars.low.as_slice()),
        ("close", bars.close.as_slice()),
        ("volume", bars.volume.as_slice()),
        ("raw_close", bars.raw_close.as_slice()),
    ]
}
