//! Every configuration that was ever tried on a registry's data: `models/trials.jsonl`, and what bars it was tried
//! on: `models/trials.snapshots/`. Lines are only ever added, each holds the hash of the line before it, and each model's card the hash of the last line when it
//! was trained: a trial that led to a model can't be taken back while the model is there.

use crate::TrainConfig;
use crate::dataset::Restated;
use crate::snapshot::{Month, Snapshot};
use messages::{Date, sha256_hex};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum TrialsError {
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "TRIALS_TAMPERED: {path}: line {line} {problem}: restore the file; trials are only ever added"
    )]
    Tampered { path: PathBuf, line: usize, problem: String },
    #[error(
        "TRIALS_TAMPERED: {path}: {problem}: restore the file; it holds what bars an earlier trial saw"
    )]
    Snapshot { path: PathBuf, problem: String },
}

/// One configuration on one history, and what its walk-forward would have earned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    pub config: TrainConfig,
    pub whitelist_sha256: String,
    pub members_sha256: String,
    pub first: Date,
    pub through: Date,
    pub sessions: usize,
    pub history_sha256: String,
    /// Of the rows it was trained on: features and labels, dividends in them.
    pub matrix_sha256: String,
    /// By month: SHA-256, and name, of the file of its bars as they were traded.
    pub months: BTreeMap<String, String>,
    /// The last replacement of the past that it knew of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restated: Option<Restated>,
    /// Signal dates of the holding periods, and their returns net of costs.
    pub dates: Vec<Date>,
    pub returns: Vec<f64>,
}

impl Trial {
    /// Two trainings with the same key are one trial.
    pub(crate) fn is_same_as(&self, other: &Self) -> bool {
        // As JSON: the number of threads is no part of a configuration.
        let config = |trial: &Self| serde_json::to_string(&trial.config).expect("plain data");
        config(self) == config(other)
            && self.whitelist_sha256 == other.whitelist_sha256
            && self.members_sha256 == other.members_sha256
            && self.history_sha256 == other.history_sha256
            && self.matrix_sha256 == other.matrix_sha256
    }
}

/// A trial, and the bars it saw.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    pub(crate) trial: Trial,
    pub(crate) snapshot: Snapshot,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// SHA-256 of the line before it, empty for the first.
    previous: String,
    trial: Trial,
}

/// What a model's card says of the trials up to its own: how many lines, and the hash of the last.
#[derive(Clone, Debug)]
pub(crate) struct Seal {
    pub(crate) model: String,
    pub(crate) lines: usize,
    pub(crate) head_sha256: String,
}

/// The file of trials.
#[derive(Clone, Debug)]
pub struct Trials {
    path: PathBuf,
    seals: Vec<Seal>,
}

impl Trials {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), seals: Vec::new() }
    }

    /// As the models that came of them vouch for them: what their cards sealed must still be there.
    pub(crate) fn sealed(self, seals: Vec<Seal>) -> Self {
        Self { seals, ..self }
    }

    /// All trials, oldest first.
    pub fn read(&self) -> Result<Vec<Trial>, TrialsError> {
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.check_seals(&[])?;
                Ok(Vec::new())
            }
            file => Ok(self.parse(file.map_err(self.failed("opening"))?)?.trials),
        }
    }

    /// With the bars that each of these trials saw.
    pub(crate) fn with_snapshots(&self, trials: Vec<Trial>) -> Result<Vec<Earlier>, TrialsError> {
        let mut known = BTreeMap::new();
        let earlier = |trial: Trial| {
            let mut snapshot = Snapshot::default();
            for (name, sha256) in &trial.months {
                let month = match known.get(sha256) {
                    Some(month) => Arc::clone(month),
                    None => Arc::new(self.month(sha256)?),
                };
                known.insert(sha256.clone(), Arc::clone(&month));
                snapshot.0.insert(name.clone(), month);
            }
            Ok(Earlier { trial, snapshot })
        };
        trials.into_iter().map(earlier).collect()
    }

    fn month(&self, sha256: &str) -> Result<Month, TrialsError> {
        let path = self.snapshots().join(sha256);
        let bad = |problem: String| TrialsError::Snapshot { path: path.clone(), problem };
        let bytes = fs::read(&path).map_err(|error| bad(error.to_string()))?;
        if sha256_hex(&bytes) != sha256 {
            return Err(bad("its SHA-256 is not its name".to_owned()));
        }
        let month = serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        if Month::is_well_formed(&month) {
            Ok(month)
        } else {
            Err(bad("its columns differ in length".to_owned()))
        }
    }

    /// Adds the trial on these bars unless it is there, and returns those up to and including it, with the hash of its
    /// line: trained again, a model finds the same trials, whatever was tried since.
    pub(crate) fn record(
        &self,
        trial: Trial,
        snapshot: &Snapshot,
    ) -> Result<(Vec<Trial>, String), TrialsError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(self.failed("creating the folder of"))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let mut file = file.map_err(self.failed("opening"))?;
        // Until it is dropped: two trainings must not follow the same line.
        file.lock().map_err(self.failed("locking"))?;
        let lines = self.parse(file.try_clone().map_err(self.failed("opening"))?)?;
        lines.mend(&mut file).map_err(self.failed("mending"))?;
        let Lines { mut trials, mut hashes, .. } = lines;
        if let Some(at) = trials.iter().position(|known| known.is_same_as(&trial)) {
            trials.truncate(at + 1);
            return Ok((trials, hashes.swap_remove(at)));
        }
        let trial = Trial { months: self.keep(snapshot)?, ..trial };
        let line = Line { previous: hashes.pop().unwrap_or_default(), trial };
        let mut text = serde_json::to_vec(&line).expect("a trial is plain data");
        let head = sha256_hex(&text);
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(self.failed("writing"))?;
        trials.push(line.trial);
        Ok((trials, head))
    }

    /// Writes what is not there yet: names of months with those of their files.
    fn keep(&self, snapshot: &Snapshot) -> Result<BTreeMap<String, String>, TrialsError> {
        let folder = self.snapshots();
        fs::create_dir_all(&folder).map_err(self.failed("creating the snapshots of"))?;
        let keep = |(name, month): (&String, &Arc<Month>)| {
            let bytes = serde_json::to_vec(month.as_ref()).expect("hashes are plain data");
            let sha256 = sha256_hex(&bytes);
            let path = folder.join(&sha256);
            if !fs::read(&path).is_ok_and(|stored| stored == bytes) {
                write(&path, &bytes).map_err(self.failed("writing a snapshot of"))?;
            }
            Ok((name.clone(), sha256))
        };
        snapshot.0.iter().map(keep).collect()
    }

    /// The folder of the months, by content.
    fn snapshots(&self) -> PathBuf {
        self.path.with_extension("snapshots")
    }

    /// A last line without an end is what a power cut has left of a training that came to nothing, unless a model
    /// vouches for it.
    fn parse(&self, mut file: File) -> Result<Lines, TrialsError> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(self.failed("reading"))?;
        let (whole, rest) = bytes.split_at(whole_lines(&bytes));
        let mut lines: Vec<&[u8]> = whole.split(|byte| *byte == b'\n').collect();
        lines.pop();
        let (next, hash) = (lines.len() + 1, sha256_hex(rest));
        let sealed = self.seals.iter().any(|seal| seal.lines == next && seal.head_sha256 == hash);
        let tail = match rest {
            [] => Tail::None,
            _ if sealed => Tail::Line,
            _ => Tail::Half { from: whole.len() as u64 },
        };
        if tail == Tail::Line {
            lines.push(rest);
        }
        let (mut trials, mut hashes) = (Vec::new(), Vec::<String>::new());
        for (at, text) in lines.into_iter().enumerate() {
            let bad = |problem| {
                Err(TrialsError::Tampered { path: self.path.clone(), line: at + 1, problem })
            };
            match serde_json::from_slice::<Line>(text) {
                Err(error) => return bad(format!("is no trial ({error})")),
                Ok(line) if line.previous != *hashes.last().unwrap_or(&String::new()) => {
                    return bad("does not follow the line before it".to_owned());
                }
                Ok(line) => trials.push(line.trial),
            }
            hashes.push(sha256_hex(text));
        }
        self.check_seals(&hashes)?;
        Ok(Lines { trials, hashes, tail })
    }

    fn check_seals(&self, hashes: &[String]) -> Result<(), TrialsError> {
        for Seal { model, lines, head_sha256 } in &self.seals {
            if lines.checked_sub(1).and_then(|at| hashes.get(at)) != Some(head_sha256) {
                let problem = format!("is missing or not the one that {model} sealed");
                return Err(TrialsError::Tampered {
                    path: self.path.clone(),
                    line: *lines,
                    problem,
                });
            }
        }
        Ok(())
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> TrialsError + use<> {
        let path = self.path.clone();
        move |source| TrialsError::Io { doing, path: path.clone(), source }
    }
}

/// What is in the file.
struct Lines {
    trials: Vec<Trial>,
    /// Of each line.
    hashes: Vec<String>,
    tail: Tail,
}

/// What comes after the last end of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tail {
    None,
    /// A trial that lacks only that.
    Line,
    /// Nothing that counts.
    Half {
        from: u64,
    },
}

impl Lines {
    /// The next line will stand alone.
    fn mend(&self, file: &mut File) -> io::Result<()> {
        match self.tail {
            Tail::None => return Ok(()),
            Tail::Line => file.write_all(b"\n")?,
            Tail::Half { from } => file.set_len(from)?,
        }
        file.sync_all()
    }
}

/// How many bytes all lines with an end are.
pub(crate) fn whole_lines(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1)
}

/// Whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = File::create(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
