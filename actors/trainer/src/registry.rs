//! Models by content: `models/<id>/{model.ubj, card.json}`, and `models/current`, which names one.
//!
//! A folder appears whole or not at all and never changes. The hash vouches for everything that
//! scoring uses, because the card is in the model file too; `card.json` is the copy people read.

mod files;

use crate::Model;
use crate::card::{Card, CardFile};
use crate::train::{CARD_ATTRIBUTE, Trained};
use files::{read, read_if_there, sync_folder, write_atomically, write_synced};
use messages::{ModelRef, sha256_hex};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;
use xgb::Booster;

const MODEL: &str = "model.ubj";
const CARD: &str = "card.json";
const CURRENT: &str = "current";

#[derive(Debug, Error)]
pub enum RegistryError {
    #[error("{doing} {path}: {source}")]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("BAD_MODEL_ID: {0:?}; ids are lower-case letters, digits and dashes")]
    BadId(String),
    #[error("NO_MODEL: {id} is not in {folder}; `aurora models` lists those that are")]
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
    #[error("BAD_POINTER: {path} does not name a model; promote one again")]
    Pointer { path: PathBuf },
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

    /// Idempotent: the same training gives the same id, and a second time changes nothing.
    pub fn publish(&self, trained: &Trained) -> Result<ModelRef, RegistryError> {
        let id = &trained.model.id;
        let target = self.path(id)?;
        let file = CardFile { model: trained.model.clone(), card: trained.card.clone() };
        let mut card = serde_json::to_vec_pretty(&file).expect("a card is plain data");
        card.push(b'\n');
        if !target.exists() {
            self.place(id, &target, &[(MODEL, &trained.bytes), (CARD, &card)])?;
        }
        for (file, bytes) in [(MODEL, &trained.bytes), (CARD, &card)] {
            if read(&target.join(file))? != *bytes {
                return Err(RegistryError::Conflict { id: id.clone(), file });
            }
        }
        Ok(trained.model.clone())
    }

    /// The model, if the file is the one that was asked for: unverified bytes never reach XGBoost,
    /// which they could crash.
    pub fn load(&self, wanted: &ModelRef) -> Result<Model, RegistryError> {
        let id = || wanted.id.clone();
        let folder = self.path(&wanted.id)?;
        let Some(bytes) = read_if_there(&folder.join(MODEL))? else {
            return Err(RegistryError::Missing { id: id(), folder: self.folder.clone() });
        };
        let found = sha256_hex(&bytes);
        if found != wanted.sha256 {
            return Err(RegistryError::Hash { id: id(), expected: wanted.sha256.clone(), found });
        }
        let library = |source| RegistryError::Library { id: id(), source };
        let mut booster = Booster::load_buffer(&bytes).map_err(library)?;
        // A loaded model would use every core.
        booster.set_param("nthread", "1").map_err(library)?;
        let sealed = booster.get_attribute(CARD_ATTRIBUTE).map_err(library)?;
        let card = check_card(&wanted.id, sealed, &self.card_file(&wanted.id)?)?;
        let in_model = booster.get_feature_names().map_err(library)?;
        check_columns(&wanted.id, &in_model, &card)?;
        Ok(Model { reference: wanted.clone(), card, booster })
    }

    /// Every published model, ascending by id.
    pub fn list(&self) -> Result<Vec<ModelRef>, RegistryError> {
        let mut models = Vec::new();
        for name in files::folders(&self.folder)? {
            if self.path(&name).is_ok() {
                models.push(self.card_file(&name)?.model);
            }
        }
        Ok(models)
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

    /// Makes a model the current one, or an older one again, after loading it as a session would.
    pub fn promote(&self, model: &ModelRef) -> Result<(), RegistryError> {
        self.load(model)?;
        let mut bytes = serde_json::to_vec(model).expect("a reference is plain data");
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

/// Model file, card and this program's features: the same names in the same order.
fn check_columns(id: &str, in_model: &[String], card: &Card) -> Result<(), RegistryError> {
    let bad = |problem: String| Err(RegistryError::Columns { id: id.to_owned(), problem });
    let ours = features::whitelist::names();
    for (what, names) in [("model file", in_model), ("card", &card.names)] {
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
