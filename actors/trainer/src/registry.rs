//! Models by content: `models/<id>/{model.ubj, model.json, card.json, card.html}`; `models/current`, which
//! names one; `models/history.jsonl`, which says who made it current and when; `models/trials.jsonl`,
//! everything that was ever tried.
//!
//! Refused models are kept, for people to look into, and never loaded. A folder appears whole or not at all and never changes. The hash vouches for everything that
//! scoring uses, because the card is in the model file too; `card.json` is the copy people read.

mod files;
mod succession;

use crate::Model;
use crate::audit::{Standing, Status};
use crate::card::{Card, CardFile};
use crate::html;
use crate::train::{CARD_ATTRIBUTE, Trained};
use crate::trials::{Seal, Trials, TrialsError, whole_lines};
use files::{Lines, read, read_if_there, sync_folder, write_atomically, write_synced};
use messages::{Env, ModelRef, sha256_hex};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use xgb::Booster;

const MODEL: &str = "model.ubj";
const MODEL_JSON: &str = "model.json";
const CARD: &str = "card.json";
const PAGE: &str = "card.html";
const CURRENT: &str = "current";
const HISTORY: &str = "history.jsonl";
const TRIALS: &str = "trials.jsonl";

#[derive(Debug, Error)]
pub enum RegistryError {
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("BAD_MODEL_ID: {0:?}; ids are lower-case letters, digits and dashes")]
    BadId(String),
    #[error("NO_MODEL: {id} is not in {folder}; `aurora models list` shows those that are")]
    Missing { id: String, folder: PathBuf },
    #[error("MODEL_TAMPERED: {id}: its file has SHA-256 {found}, not {expected}; not loaded")]
    Hash { id: String, expected: String, found: String },
    #[error("MODEL_CONFLICT: {id} is published already with another {file}; nothing was changed")]
    Conflict { id: String, file: &'static str },
    #[error("BAD_CARD: {id}: {problem}")]
    Card { id: String, problem: String },
    #[error("COLUMNS: {id}: {problem}; train a model with this program's features")]
    Columns { id: String, problem: String },
    #[error("BAD_MODEL: {id}: {source}")]
    Library { id: String, source: xgb::XGBError },
    #[error(
        "AUDIT_REFUSED: {id}: {findings}: not promoted, not loaded, not traded; mend the pipeline or the \
         data and train again"
    )]
    Refused { id: String, findings: String },
    #[error(
        "AUDIT_HINDSIGHT: {id}: {findings}: it may rehearse with simulated money, not trade real money; \
         train on a dated universe with dated sectors"
    )]
    Hindsight { id: String, findings: String },
    #[error("NO_EARLIER_MODEL: nothing was promoted before {current}")]
    NothingBefore { current: String },
    #[error("BAD_HISTORY: {path}: line {line}: {problem}; restore the file")]
    History { path: PathBuf, line: usize, problem: String },
    #[error(transparent)]
    Trials(#[from] TrialsError),
    #[error("BAD_POINTER: {path} does not name a model; promote one again")]
    Pointer { path: PathBuf },
}

/// A line of `history.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Promotion {
    pub action: Action,
    pub model: ModelRef,
    /// Id of the model that was current until then, empty if none was: what the line before says became current did
    /// not, if it is another one. `None`: nobody knows, as in lines of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    pub by: String,
    /// As the caller's clock has it, UTC.
    pub at: String,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Promote,
    Rollback,
}

/// A folder of the registry, sound or not.
#[derive(Debug)]
pub struct Entry {
    pub id: String,
    pub sealed: Result<(ModelRef, Card), RegistryError>,
}

/// A folder of models.
#[derive(Clone, Debug)]
pub struct Registry {
    folder: PathBuf,
}

impl Registry {
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// What was tried here, as its models' sealed cards vouch for it. A model that is itself damaged
    /// vouches for nothing: [`Self::entries`] names it.
    pub fn trials(&self) -> Result<Trials, RegistryError> {
        let sound = self.entries()?.into_iter().filter_map(|entry| entry.sealed.ok());
        let seal = |(model, card): (ModelRef, Card)| Seal {
            model: model.id,
            lines: card.trials.trials,
            head_sha256: card.trials.head_sha256,
        };
        Ok(Trials::at(self.folder.join(TRIALS)).sealed(sound.map(seal).collect()))
    }

    /// Idempotent: the same training gives the same id, and a second time changes nothing.
    pub fn publish(&self, trained: &Trained) -> Result<ModelRef, RegistryError> {
        let id = &trained.model.id;
        let target = self.path(id)?;
        let file = CardFile { model: trained.model.clone(), card: trained.card.clone() };
        let mut card = serde_json::to_vec_pretty(&file).expect("a card is plain data");
        card.push(b'\n');
        let page = html::page(trained).into_bytes();
        let files =
            [(MODEL, &trained.bytes), (MODEL_JSON, &trained.json), (CARD, &card), (PAGE, &page)];
        if !target.exists() {
            self.place(id, &target, &files)?;
        }
        for (file, bytes) in files {
            if read(&target.join(file))? != *bytes {
                return Err(RegistryError::Conflict { id: id.clone(), file });
            }
        }
        Ok(trained.model.clone())
    }

    /// The model, if the file is the one that was asked for (unverified bytes never reach XGBoost,
    /// which they could crash) and its audit allows what it is wanted for.
    pub fn load(&self, wanted: &ModelRef, env: Env) -> Result<Model, RegistryError> {
        let (mut booster, card) = self.open(wanted)?;
        // A loaded model would use every core.
        booster.set_param("nthread", "1").map_err(|source| library(&wanted.id, source))?;
        let in_model = booster.get_feature_names().map_err(|source| library(&wanted.id, source))?;
        check_columns(&wanted.id, &in_model, &card)?;
        check_standing(&wanted.id, &card, env)?;
        let names = card.names();
        Ok(Model { reference: wanted.clone(), card, names, booster })
    }

    /// The file and the card in it, once its hash was checked.
    fn open(&self, wanted: &ModelRef) -> Result<(Booster, Card), RegistryError> {
        let id = || wanted.id.clone();
        let folder = self.path(&wanted.id)?;
        let Some(bytes) = read_if_there(&folder.join(MODEL))? else {
            return Err(RegistryError::Missing { id: id(), folder: self.folder.clone() });
        };
        let found = sha256_hex(&bytes);
        if found != wanted.sha256 {
            return Err(RegistryError::Hash { id: id(), expected: wanted.sha256.clone(), found });
        }
        let booster = Booster::load_buffer(&bytes).map_err(|source| library(&wanted.id, source))?;
        let sealed = booster.get_attribute(CARD_ATTRIBUTE);
        let sealed = sealed.map_err(|source| library(&wanted.id, source))?;
        let card = check_card(&wanted.id, sealed, &self.card_file(&wanted.id)?)?;
        Ok((booster, card))
    }

    /// Every published model whose card can be read, ascending by id.
    pub fn list(&self) -> Result<Vec<ModelRef>, RegistryError> {
        let mut names = files::folders(&self.folder)?;
        names.retain(|name| self.path(name).is_ok());
        Ok(names.iter().filter_map(|name| Some(self.card_file(name).ok()?.model)).collect())
    }

    /// Every folder, ascending by name, with its model and sealed card or with what is wrong with it.
    pub fn entries(&self) -> Result<Vec<Entry>, RegistryError> {
        let mut names = files::folders(&self.folder)?;
        names.retain(|name| self.path(name).is_ok());
        Ok(names.into_iter().map(|id| Entry { sealed: self.sealed(&id), id }).collect())
    }

    /// The model and the card in its file, if hash, id and all copies agree. The audit is not asked.
    pub fn sealed(&self, id: &str) -> Result<(ModelRef, Card), RegistryError> {
        let model = self.card_file(id)?.model;
        let (mut booster, card) = self.open(&ModelRef { id: id.to_owned(), ..model.clone() })?;
        let bad = |problem: String| RegistryError::Card { id: id.to_owned(), problem };
        let hash = model.sha256.get(..8).unwrap_or_default();
        if id.rsplit('-').next() != Some(hash) {
            return Err(bad(format!("its id does not end in {hash}, as its file's hash begins")));
        }
        booster.set_param("nthread", "1").map_err(|source| library(id, source))?;
        let json = booster.save_buffer(false).map_err(|source| library(id, source))?;
        if read(&self.path(id)?.join(MODEL_JSON))? != json {
            return Err(bad(format!("{MODEL_JSON} differs from {MODEL}")));
        }
        Ok((model, card))
    }

    pub fn card(&self, id: &str) -> Result<Card, RegistryError> {
        Ok(self.card_file(id)?.card)
    }

    /// The model that sessions trade with; `None` before the first promotion.
    pub fn current(&self) -> Result<Option<ModelRef>, RegistryError> {
        let path = self.folder.join(CURRENT);
        let Some(bytes) = read_if_there(&path)? else { return Ok(None) };
        let model = serde_json::from_slice(&bytes).map_err(|_| RegistryError::Pointer { path })?;
        Ok(Some(model))
    }

    /// Makes a model the current one, after loading it as a session would, if all trials that models here vouch for
    /// are there: without them nobody knows what its figures are worth. History is written first: a
    /// crash between the two leaves the old model current.
    pub fn promote(&self, model: &ModelRef, by: &str, at: &str) -> Result<(), RegistryError> {
        self.trials()?.read()?;
        self.load(model, Env::Paper)?;
        let mut history = Lines::lock(&self.folder.join(HISTORY))?;
        let from = match self.current() {
            // To promote another one is the remedy.
            Err(RegistryError::Pointer { .. }) => None,
            current => Some(current?.map_or_else(String::new, |model| model.id)),
        };
        self.make_current(&mut history, Action::Promote, model, from, (by, at))
    }

    /// The model that was current before this one is current again.
    pub fn rollback(&self, by: &str, at: &str) -> Result<ModelRef, RegistryError> {
        let nothing = |current: &str| RegistryError::NothingBefore { current: current.to_owned() };
        if self.current()?.is_none() {
            return Err(nothing("the first"));
        }
        let mut history = Lines::lock(&self.folder.join(HISTORY))?;
        let current = self.current()?.ok_or_else(|| nothing("the first"))?;
        let before =
            succession::before(&self.history()?, &current).ok_or_else(|| nothing(&current.id))?;
        self.load(&before, Env::Paper)?;
        let from = Some(current.id);
        self.make_current(&mut history, Action::Rollback, &before, from, (by, at))?;
        Ok(before)
    }

    /// Every promotion and rollback that was decided, oldest first; half a line that a power cut has left moved nothing.
    pub fn history(&self) -> Result<Vec<Promotion>, RegistryError> {
        let path = self.folder.join(HISTORY);
        let bytes = read_if_there(&path)?.unwrap_or_default();
        let lines = bytes[..whole_lines(&bytes)]
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.is_empty());
        let parse = |(line, text): (usize, &[u8])| {
            serde_json::from_slice(text).map_err(|error| RegistryError::History {
                path: path.clone(),
                line,
                problem: error.to_string(),
            })
        };
        (1..).zip(lines).map(parse).collect()
    }

    fn make_current(
        &self,
        history: &mut Lines,
        action: Action,
        model: &ModelRef,
        from: Option<String>,
        (by, at): (&str, &str),
    ) -> Result<(), RegistryError> {
        let (model, by, at) = (model.clone(), by.to_owned(), at.to_owned());
        let promotion = Promotion { action, model, from, by, at };
        let mut line = serde_json::to_vec(&promotion).expect("a promotion is plain data");
        line.push(b'\n');
        history.append(&line)?;
        let mut bytes = serde_json::to_vec(&promotion.model).expect("a reference is plain data");
        bytes.push(b'\n');
        write_atomically(&self.folder, CURRENT, &bytes)
    }

    /// The folder of `id`, if that can't lead out of the registry.
    fn path(&self, id: &str) -> Result<PathBuf, RegistryError> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id == CURRENT || !id.chars().all(plain) {
            return Err(RegistryError::BadId(id.to_owned()));
        }
        Ok(self.folder.join(id))
    }

    /// Writes the files beside, then renames the folder. Losing that race to another process is
    /// fine: the caller compares what is there.
    fn place(
        &self,
        id: &str,
        target: &Path,
        files: &[(&str, &Vec<u8>)],
    ) -> Result<(), RegistryError> {
        let temporary = self.folder.join(format!(".{id}-{}", std::process::id()));
        files::fresh_folder(&temporary)?;
        for (name, bytes) in files {
            write_synced(&temporary.join(name), bytes)?;
        }
        sync_folder(&temporary)?;
        files::rename_unless_there(&temporary, target)?;
        sync_folder(&self.folder)
    }

    fn card_file(&self, id: &str) -> Result<CardFile, RegistryError> {
        let path = self.path(id)?.join(CARD);
        let bytes = read_if_there(&path)?.ok_or_else(|| RegistryError::Missing {
            id: id.to_owned(),
            folder: self.folder.clone(),
        })?;
        let problem = |error: serde_json::Error| format!("{CARD}: {error}");
        serde_json::from_slice(&bytes)
            .map_err(|error| RegistryError::Card { id: id.to_owned(), problem: problem(error) })
    }
}

fn library(id: &str, source: xgb::XGBError) -> RegistryError {
    RegistryError::Library { id: id.to_owned(), source }
}

/// The card in the model file counts; `card.json` must say the same.
fn check_card(id: &str, sealed: Option<String>, file: &CardFile) -> Result<Card, RegistryError> {
    let bad = |problem: String| RegistryError::Card { id: id.to_owned(), problem };
    let sealed = sealed.ok_or_else(|| bad(format!("no card in {MODEL}")))?;
    let card: Card = serde_json::from_str(&sealed)
        .map_err(|error| bad(format!("the card in {MODEL}: {error}")))?;
    if file.card != card || file.model.id != id {
        return Err(bad(format!("{CARD} differs from the card in {MODEL}")));
    }
    Ok(card)
}

/// No switch opens this gate: what may be traded is decided by the findings sealed in the model file.
fn check_standing(id: &str, card: &Card, env: Env) -> Result<(), RegistryError> {
    let standing = Standing::of(&card.audit);
    let findings = |refused: bool| {
        let wanted = card.audit.iter().filter(|finding| {
            if refused {
                finding.status >= Status::Undecided
            } else {
                finding.status == Status::Hindsight
            }
        });
        let words: Vec<String> = wanted.map(ToString::to_string).collect();
        if words.is_empty() { "the audit is not complete".to_owned() } else { words.join("; ") }
    };
    let id = id.to_owned();
    match standing {
        Standing::Refused => Err(RegistryError::Refused { id, findings: findings(true) }),
        Standing::Rehearsal if env == Env::Live => {
            Err(RegistryError::Hindsight { id, findings: findings(false) })
        }
        Standing::Passed | Standing::Rehearsal => Ok(()),
    }
}

/// Model file, card and this program's features: the same names in the same order.
fn check_columns(id: &str, in_model: &[String], card: &Card) -> Result<(), RegistryError> {
    let bad = |problem: String| Err(RegistryError::Columns { id: id.to_owned(), problem });
    let ours = features::whitelist::names();
    for (what, names) in [("model file", in_model), ("card", card.names().as_slice())] {
        if names.len() != ours.len() {
            return bad(format!("{} columns in its {what}, {} here", names.len(), ours.len()));
        }
        let mut pairs = names.iter().zip(ours).enumerate();
        if let Some((column, (name, our))) = pairs.find(|(_, (name, our))| name.as_str() != *our) {
            return bad(format!("column {column} is {name} in its {what}, {our} here"));
        }
    }
    let whitelist = features::whitelist::sha256();
    if card.whitelist_sha256 != whitelist {
        return bad(format!("whitelist {} in its card, {whitelist} here", card.whitelist_sha256));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
