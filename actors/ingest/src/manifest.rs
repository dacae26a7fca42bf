//! What stands beside a price history: where it came from, and which bytes it is.

use crate::events::events_path;
use crate::inspection::Inspection;
use crate::lock::Lock;
use crate::store::{StoreError, symbols_of};
use crate::universe::{self, Universe, universe_path};
use messages::{Bars, Date, Symbol, sha256_hex};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// Of `prices.parquet`; another one is refused.
pub const SCHEMA_VERSION: u32 = 1;

/// Where a history came from. `at` is when it was asked for (RFC 3339, UTC, by the source's clock
/// where it has one).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// `alpaca https://data.alpaca.markets`, or the file imported.
    pub source: String,
    /// What was asked of it: symbols, bounds, options.
    pub request: String,
    pub at: String,
    /// `iex`, `sip`; empty for a file.
    pub feed: String,
    /// `split`, `raw`, `all`; what a file's prices are is what its owner says.
    pub adjustment: String,
    /// `close` where the source has no unadjusted close and the adjusted one stands in for it.
    pub raw_close: String,
}

impl Provenance {
    /// For a file that came without a manifest.
    pub(crate) fn unknown() -> Self {
        let unknown = || "unknown: the file had no manifest".to_owned();
        Self {
            source: unknown(),
            request: unknown(),
            at: unknown(),
            feed: unknown(),
            adjustment: unknown(),
            raw_close: unknown(),
        }
    }
}

/// A name of the source that is not ours, and what it was taken for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mapped {
    pub from: String,
    pub to: Symbol,
}

/// Why and how a past that was stored was replaced by another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restatement {
    pub reason: String,
    /// Numbers that differ; `differences.csv` in the snapshot lists them.
    pub differences: u64,
    /// [`Manifest::content_sha256`] of what was stored before.
    pub replaced_sha256: String,
    /// What was wrong with the file that was replaced, if it could not be read: then no differences could be
    /// counted, and it is kept in `data/snapshots/damaged-N`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
}

/// Files beside the prices that belong to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Companions {
    /// Of the bytes of `universe.json`.
    pub universe_sha256: String,
    /// Of the bytes of `events.csv`; empty without one.
    pub events_sha256: String,
}

/// What a manifest says of one of the files.
pub(crate) type Said = fn(&Companions) -> &str;

impl Companions {
    /// `events_sha256`: empty without such a file.
    pub fn new(universe: &Universe, events_sha256: String) -> Self {
        Self { universe_sha256: sha256_hex(&universe::json(universe)), events_sha256 }
    }

    pub(crate) fn universe(&self) -> &str {
        &self.universe_sha256
    }

    pub(crate) fn events(&self) -> &str {
        &self.events_sha256
    }
}

/// Volumes of the last session that was stored of a name, which a later fetch found grown, and took: a daily bar counts
/// trades after hours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrownVolumes {
    /// The earliest, if they are of several.
    pub session: Date,
    pub symbols: u32,
    /// [`Manifest::content_sha256`] of what was stored before.
    pub replaced_sha256: String,
}

/// Sessions that were added to a history as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// When they became known (RFC 3339, UTC): the source was asked, or the journal held them.
    pub at: String,
    /// The first of them.
    pub from: Date,
}

/// All that is known of a history besides its bars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    #[serde(flatten)]
    pub provenance: Provenance,
    /// The day whose names were asked for; `None`: today's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asof: Option<Date>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mapped: Vec<Mapped>,
    /// What the gate said of it; `None` if it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Inspection>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<Restatement>,
    /// Later sessions that were added to what was known at [`Provenance::at`], ascending. A history of an earlier
    /// version does not say when it grew: all of it counts as known then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub growths: Vec<Growth>,
    /// Stored sessions that the `fetch` which wrote this asked for again and found as stored (see
    /// [`crate::update::OVERLAP`]); a past that changed before them would not have been noticed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overlap: Option<u32>,
    /// What the last `fetch` that took grown volumes took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub volumes: Option<GrownVolumes>,
    /// Trading has been adding sessions: its journals vouch for the volumes from this session on as they are
    /// stored, so that `fetch` lets the source's grow without taking them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journaled_from: Option<Date>,
    /// What was written together with the prices; `None` if nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub companions: Option<Companions>,
}

impl From<Provenance> for Origin {
    fn from(provenance: Provenance) -> Self {
        Self {
            provenance,
            asof: None,
            mapped: Vec::new(),
            gate: None,
            restated: None,
            growths: Vec::new(),
            overlap: None,
            volumes: None,
            journaled_from: None,
            companions: None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub schema: u32,
    #[serde(flatten)]
    pub origin: Origin,
    pub rows: u64,
    pub sessions: u32,
    pub symbols: u32,
    pub first_session: Option<Date>,
    pub last_session: Option<Date>,
    /// [`history_sha256`] of all bars: the same for the same numbers, whoever wrote the file.
    pub content_sha256: String,
    /// Of the file's bytes.
    pub file_sha256: String,
}

impl Manifest {
    pub(crate) fn new(
        history: &[Bars],
        content_sha256: String,
        file_sha256: String,
        origin: Origin,
    ) -> Self {
        Self {
            schema: SCHEMA_VERSION,
            origin,
            rows: history.iter().map(|bars| bars.symbols.len() as u64).sum(),
            sessions: history.len() as u32,
            symbols: symbols_of(history).len() as u32,
            first_session: history.first().map(|bars| bars.session),
            last_session: history.last().map(|bars| bars.session),
            content_sha256,
            file_sha256,
        }
    }

    /// Why only research may use it, if so.
    pub fn partial(&self) -> Option<String> {
        self.origin.gate.as_ref()?.partial()
    }
}

/// The manifest of the history at `path`, if it has one.
pub fn read_manifest(path: &Path) -> Result<Option<Manifest>, StoreError> {
    Ok(file_and_manifests(path)?.1)
}

/// `prices.parquet` → `prices.manifest.json`.
pub fn manifest_path(path: &Path) -> PathBuf {
    path.with_extension("manifest.json")
}

pub(crate) fn next_path(path: &Path) -> PathBuf {
    path.with_extension("manifest.next.json")
}

/// The file's bytes and the manifest that vouches for them. A writer may replace both between our
/// reads, so a mismatch counts only if the manifests are still the same afterwards.
pub(crate) fn file_and_manifests(path: &Path) -> Result<(Vec<u8>, Option<Manifest>), StoreError> {
    let mut manifests = (read_one(&manifest_path(path))?, read_one(&next_path(path))?);
    loop {
        let Some(bytes) = read_optional(path)? else {
            return Err(StoreError::Absent { path: path.to_owned() });
        };
        let sha256 = sha256_hex(&bytes);
        let fits = |manifest: &Option<Manifest>| {
            manifest.as_ref().is_some_and(|manifest| manifest.file_sha256 == sha256)
        };
        if fits(&manifests.1) {
            return Ok((bytes, manifests.1));
        }
        if manifests.0.is_none() || fits(&manifests.0) {
            return Ok((bytes, manifests.0));
        }
        let again = (read_one(&manifest_path(path))?, read_one(&next_path(path))?);
        if again == manifests {
            let manifest = manifest_path(path);
            return Err(StoreError::Tampered { path: path.to_owned(), manifest });
        }
        manifests = again;
    }
}

/// Where a file beside the prices at `path` waits until they are in place.
fn staged_path(path: &Path, file: &Path) -> PathBuf {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    path.with_extension(format!("{name}.next"))
}

/// Finishes what a crash between the renames left undone: once the prices are in place all that belongs to
/// them follows, before that nothing does.
pub(crate) fn settle(_: &Lock, path: &Path) -> Result<(), StoreError> {
    let next = read_one(&next_path(path))?;
    let current = current(path)?;
    let all: [(PathBuf, Said); 2] =
        [(universe_path(path), Companions::universe), (events_path(path), Companions::events)];
    for (file, said) in all {
        let staged = staged_path(path, &file);
        let Some(bytes) = read_optional(&staged)? else {
            continue;
        };
        let known = current.as_ref().and_then(|manifest| manifest.origin.companions.as_ref());
        if known.is_some_and(|known| said(known) == sha256_hex(&bytes)) {
            rename(&staged, &file)?;
        } else {
            fs::remove_file(&staged).map_err(io("removing", &staged))?;
        }
    }
    match next {
        None => Ok(()),
        next if next == current => rename(&next_path(path), &manifest_path(path)),
        _ => fs::remove_file(next_path(path)).map_err(io("removing", &next_path(path))),
    }
}

/// The manifest that stands, or the next one if its prices are in place already.
fn current(path: &Path) -> Result<Option<Manifest>, StoreError> {
    let manifest = read_one(&manifest_path(path))?;
    let Some(next) = read_one(&next_path(path))? else {
        return Ok(manifest);
    };
    let bytes = read_optional(path)?;
    let taken = bytes.is_some_and(|bytes| sha256_hex(&bytes) == next.file_sha256);
    Ok(if taken { Some(next) } else { manifest })
}

/// The bytes of `file`, which stands beside the prices at `path`; `None` if there is none. The manifest must vouch
/// for them where it says anything of it. A writer may replace all of them between our reads, so a mismatch
/// counts only if the manifest is still the same afterwards.
pub(crate) fn companion(
    path: &Path,
    file: &Path,
    said: Said,
) -> Result<Option<Vec<u8>>, StoreError> {
    let mut manifest = current(path)?;
    loop {
        let known = manifest.as_ref().and_then(|manifest| manifest.origin.companions.as_ref());
        let Some(said) = known.map(said) else {
            return read_optional(file);
        };
        // It may be on its way; once it isn't there, it has arrived.
        for place in [file, &staged_path(path, file), file] {
            let bytes = read_optional(place)?;
            if bytes.as_deref().map_or_else(String::new, sha256_hex) == said {
                return Ok(bytes);
            }
        }
        let again = current(path)?;
        if again == manifest {
            let manifest = manifest_path(path);
            return Err(StoreError::OtherCompanion { path: file.to_owned(), manifest });
        }
        manifest = again;
    }
}

/// A file on its way to its place: under another name until it is whole, hashed as it is written. What is not
/// put into place is taken away.
pub(crate) struct Staged<'a> {
    path: &'a Path,
    temporary: PathBuf,
    out: BufWriter<File>,
    hash: Sha256,
}

impl<'a> Staged<'a> {
    pub(crate) fn new(lock: &'a Lock, path: &'a Path) -> Result<Self, StoreError> {
        settle(lock, path)?;
        let (file, temporary) = temporary(path)?;
        let out = BufWriter::with_capacity(1 << 16, file);
        Ok(Self { path, temporary, out, hash: Sha256::new() })
    }

    /// Replaces the file, together with the `files` beside it and the manifest that `manifest` makes of the hash
    /// of its bytes. All of them are on the disk before the first one takes its place.
    pub(crate) fn publish(
        mut self,
        files: &[(PathBuf, Vec<u8>)],
        manifest: impl FnOnce(String) -> Manifest,
    ) -> Result<Manifest, StoreError> {
        let synced = self.out.flush().and_then(|()| self.out.get_ref().sync_all());
        synced.map_err(io("writing", &self.temporary))?;
        let manifest = manifest(hex(&self.hash.finalize_reset()));
        let json = serde_json::to_vec_pretty(&manifest).expect("a manifest is plain data");
        for (file, bytes) in files {
            replace(&staged_path(self.path, file), bytes)?;
        }
        replace(&next_path(self.path), &json)?;
        rename(&self.temporary, self.path)?;
        for (file, _) in files {
            rename(&staged_path(self.path, file), file)?;
        }
        rename(&next_path(self.path), &manifest_path(self.path))?;
        Ok(manifest)
    }
}

impl Write for Staged<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Of a hash.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("into memory");
        text
    })
}

/// Writes `bytes` at `path` so that a crash leaves the old content or the new: a temporary file in
/// the same folder, synced, renamed over it, the folder synced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let (mut file, temporary) = temporary(path)?;
    file.write_all(bytes).map_err(io("writing", &temporary))?;
    file.sync_all().map_err(io("syncing", &temporary))?;
    rename(&temporary, path)
}

/// A new file beside `path`, whose folder is made where it lacks. Two writers never share one, not even in two
/// containers, where process ids are the same.
fn temporary(path: &Path) -> Result<(File, PathBuf), StoreError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io("making", folder))?;
    }
    loop {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{:016x}.tmp", RandomState::new().hash_one(std::process::id())));
        let place = path.with_file_name(name);
        match File::create_new(&place) {
            Ok(file) => return Ok((file, place)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(io("writing", &place)(error)),
        }
    }
}

fn rename(from: &Path, to: &Path) -> Result<(), StoreError> {
    fs::rename(from, to).map_err(io("renaming onto", to))?;
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(io("syncing", folder))
}

pub(crate) fn read_one(path: &Path) -> Result<Option<Manifest>, StoreError> {
    let Some(bytes) = read_optional(path)? else {
        return Ok(None);
    };
    let corrupt = |detail| StoreError::Corrupt { path: path.to_owned(), detail };
    let manifest: Manifest =
        serde_json::from_slice(&bytes).map_err(|error| corrupt(error.to_string()))?;
    if manifest.schema != SCHEMA_VERSION {
        return Err(corrupt(format!("schema {}, not {SCHEMA_VERSION}", manifest.schema)));
    }
    Ok(Some(manifest))
}

pub(crate) fn read_optional(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("reading", path)(error)),
    }
}

pub(crate) fn io<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(std::io::Error) -> StoreError + 'a {
    move |source| StoreError::Io { doing, path: path.to_owned(), source }
}
