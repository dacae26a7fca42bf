//! Stored bars, for those who trade on them and for those who only look.

use crate::failure::Failure;
use crate::output::note;
use ingest::{StoreError, read_manifest, snapshots, store};
use messages::{Bars, Date};
use std::path::{Path, PathBuf};

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A history with holes is refused by name.
    Trading,
    /// It is used, and said so.
    Research,
}

/// The bars at `path`, or what was known of them at the end of `as_of`; and the file they are from, beside
/// which universe and events stand.
pub fn load(
    path: &Path,
    as_of: Option<Date>,
    purpose: Purpose,
) -> Result<(PathBuf, Vec<Bars>), Failure> {
    let (path, bars) = match as_of {
        Some(date) => snapshots::as_of(path, date)?,
        None => (path.to_owned(), store::read_prices(path)?),
    };
    let partial = read_manifest(&path)?.and_then(|manifest| manifest.partial());
    match (partial, purpose) {
        (None, _) => {}
        (Some(detail), Purpose::Trading) => return Err(StoreError::Partial { path, detail }.into()),
        (Some(detail), Purpose::Research) => {
            note(format!("{} is PARTIAL: {detail}", path.display()));
        }
    }
    Ok((path, bars))
}
