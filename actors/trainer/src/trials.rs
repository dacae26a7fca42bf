//! Every configuration that was ever tried on a registry's data: `models/trials.jsonl`. Lines are only
//! ever added, and each holds the hash of the line before it, so that a trial can't be taken back.

use crate::TrainConfig;
use messages::{Bars, Date, sha256_hex};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::PathBuf;
use thiserror::Error;

#[derive(Debug, Error)]
pub enum TrialsError {
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "TRIALS_TAMPERED: {path}: line {line} {problem}: restore the file; trials are only ever added"
    )]
    Tampered { path: PathBuf, line: usize, problem: String },
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
    /// Of the closes as they were traded: see [`snapshot_sha256`].
    pub snapshot_sha256: String,
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
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// SHA-256 of the line before it, empty for the first.
    previous: String,
    trial: Trial,
}

/// The file of trials.
#[derive(Clone, Debug)]
pub struct Trials {
    path: PathBuf,
}

impl Trials {
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// All trials, oldest first.
    pub fn read(&self) -> Result<Vec<Trial>, TrialsError> {
        match File::open(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            file => Ok(self.parse(file.map_err(self.failed("opening"))?)?.0),
        }
    }

    /// Adds the trial unless it is there, and returns those up to and including it: trained again, a
    /// model finds the same trials, whatever was tried since.
    pub fn record(&self, trial: Trial) -> Result<Vec<Trial>, TrialsError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(self.failed("creating the folder of"))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let mut file = file.map_err(self.failed("opening"))?;
        // Until it is dropped: two trainings must not follow the same line.
        file.lock().map_err(self.failed("locking"))?;
        let (mut trials, previous) =
            self.parse(file.try_clone().map_err(self.failed("opening"))?)?;
        if let Some(at) = trials.iter().position(|known| known.is_same_as(&trial)) {
            trials.truncate(at + 1);
            return Ok(trials);
        }
        let line = Line { previous, trial };
        let mut text = serde_json::to_vec(&line).expect("a trial is plain data");
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(self.failed("writing"))?;
        trials.push(line.trial);
        Ok(trials)
    }

    /// The trials, and the hash of the last line.
    fn parse(&self, mut file: File) -> Result<(Vec<Trial>, String), TrialsError> {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(self.failed("reading"))?;
        let (mut trials, mut previous) = (Vec::new(), String::new());
        for (at, text) in text.lines().enumerate() {
            let bad = |problem| {
                Err(TrialsError::Tampered { path: self.path.clone(), line: at + 1, problem })
            };
            match serde_json::from_str::<Line>(text) {
                Err(error) => return bad(format!("is no trial ({error})")),
                Ok(line) if line.previous != previous => {
                    return bad("does not follow the line before it".to_owned());
                }
                Ok(line) => trials.push(line.trial),
            }
            previous = sha256_hex(text.as_bytes());
        }
        Ok((trials, previous))
    }

    fn failed(&self, doing: &'static str) -> impl Fn(io::Error) -> TrialsError + use<> {
        let path = self.path.clone();
        move |source| TrialsError::Io { doing, path: path.clone(), source }
    }
}

/// Of sessions, symbols and closes as they were traded on the day: unlike adjusted prices, nothing that
/// happens later may change them.
pub(crate) fn snapshot_sha256(history: &[Bars]) -> String {
    let mut bytes = Vec::new();
    for bars in history {
        bytes.extend(format!("\n{}", bars.session).into_bytes());
        for (symbol, close) in bars.symbols.iter().zip(bars.raw_close.iter()) {
            bytes.extend(format!("\t{symbol}=").into_bytes());
            bytes.extend(close.to_bits().to_le_bytes());
        }
    }
    sha256_hex(&bytes)
}
