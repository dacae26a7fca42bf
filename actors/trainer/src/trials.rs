//! Every configuration that was ever tried on a registry's data: `models/trials.jsonl`. Lines are only
//! ever added, each holds the hash of the line before it, and each model's card the hash of the last line when it
//! was trained: a trial that led to a model can't be taken back while the model is there.

use crate::TrainConfig;
use crate::dataset::Restated;
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
    /// Of the bars as they were traded: see [`snapshot_sha256`].
    pub snapshot_sha256: String,
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
    }
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
            file => Ok(self.parse(file.map_err(self.failed("opening"))?)?.0),
        }
    }

    /// Adds the trial unless it is there, and returns those up to and including it, with the hash of its
    /// line: trained again, a model finds the same trials, whatever was tried since.
    pub fn record(&self, trial: Trial) -> Result<(Vec<Trial>, String), TrialsError> {
        if let Some(folder) = self.path.parent() {
            std::fs::create_dir_all(folder).map_err(self.failed("creating the folder of"))?;
        }
        let file = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let mut file = file.map_err(self.failed("opening"))?;
        // Until it is dropped: two trainings must not follow the same line.
        file.lock().map_err(self.failed("locking"))?;
        let (mut trials, mut hashes) =
            self.parse(file.try_clone().map_err(self.failed("opening"))?)?;
        if let Some(at) = trials.iter().position(|known| known.is_same_as(&trial)) {
            trials.truncate(at + 1);
            return Ok((trials, hashes.swap_remove(at)));
        }
        let line = Line { previous: hashes.pop().unwrap_or_default(), trial };
        let mut text = serde_json::to_vec(&line).expect("a trial is plain data");
        let head = sha256_hex(&text);
        text.push(b'\n');
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(self.failed("writing"))?;
        trials.push(line.trial);
        Ok((trials, head))
    }

    /// The trials, and the hashes of their lines.
    fn parse(&self, mut file: File) -> Result<(Vec<Trial>, Vec<String>), TrialsError> {
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(self.failed("reading"))?;
        let (mut trials, mut hashes) = (Vec::new(), Vec::<String>::new());
        for (at, text) in text.lines().enumerate() {
            let bad = |problem| {
                Err(TrialsError::Tampered { path: self.path.clone(), line: at + 1, problem })
            };
            match serde_json::from_str::<Line>(text) {
                Err(error) => return bad(format!("is no trial ({error})")),
                Ok(line) if line.previous != *hashes.last().unwrap_or(&String::new()) => {
                    return bad("does not follow the line before it".to_owned());
                }
                Ok(line) => trials.push(line.trial),
            }
            hashes.push(sha256_hex(text.as_bytes()));
        }
        self.check_seals(&hashes)?;
        Ok((trials, hashes))
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

/// Of sessions, symbols, prices and volumes as they were traded on the day: unlike adjusted ones, nothing that
/// happens later may change them. Prices count to a hundredth of a cent and volumes to a share, so that what
/// was divided by a split and multiplied again is the same.
pub(crate) fn snapshot_sha256(history: &[Bars]) -> String {
    let mut bytes = Vec::new();
    for bars in history {
        bytes.extend(format!("\n{}", bars.session).into_bytes());
        for (row, symbol) in bars.symbols.iter().enumerate() {
            bytes.extend(format!("\t{symbol}=").into_bytes());
            let factor = bars.raw_close[row] / bars.close[row];
            let prices = [&bars.open, &bars.high, &bars.low, &bars.close];
            for price in prices.map(|column| column[row] * factor * 1e4) {
                bytes.extend(price.round().to_bits().to_le_bytes());
            }
            bytes.extend((bars.volume[row] / factor).round().to_bits().to_le_bytes());
        }
    }
    sha256_hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(factor: f64) -> Vec<Bars> {
        let day = |day: i8| {
            let mut bars = Bars::empty(Date::constant(2024, 3, day));
            let row = [100.01, 101.37, 99.5, 100.49].map(|price| price / factor);
            let [open, high, low, close] = row;
            bars.push("A".into(), [open, high, low, close, 1_234_567.0 * factor, 100.49]);
            bars
        };
        (4..9).map(day).collect()
    }

    type Change = fn(&mut Bars);

    #[test]
    fn a_later_split_changes_no_snapshot_and_any_other_number_does() {
        let whole = snapshot_sha256(&history(1.0));
        for factor in [2.0, 3.0, 7.0, 20.0, 0.1] {
            assert_eq!(snapshot_sha256(&history(factor)), whole, "split {factor}");
        }
        let changes: [(&str, Change); 7] = [
            ("session", |bars| bars.session = Date::constant(2024, 3, 30)),
            ("open", |bars| bars.open[0] += 0.01),
            ("high", |bars| bars.high[0] += 0.01),
            ("low", |bars| bars.low[0] -= 0.01),
            ("volume", |bars| bars.volume[0] += 1.0),
            ("raw_close", |bars| bars.raw_close[0] += 0.01),
            ("symbol", |bars| bars.symbols[0] = "B".into()),
        ];
        for (what, change) in changes {
            let mut changed = history(1.0);
            change(&mut changed[2]);
            assert_ne!(snapshot_sha256(&changed), whole, "{what}");
        }
    }
}
