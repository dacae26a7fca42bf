//! Files that are there whole or not at all, also after a power cut.

use super::RegistryError;
use crate::trials::whole_lines;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// No model of ours comes near; a wrong file must not fill the memory.
const BYTES_MAX: u64 = 256 << 20;

pub(super) fn read(path: &Path) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    let read = read.map_err(failed("reading", path))?;
    if read as u64 > BYTES_MAX {
        let error = io::Error::other(format!("larger than {BYTES_MAX} bytes"));
        return Err(failed("reading", path)(error));
    }
    Ok(bytes)
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, RegistryError> {
    match read(path) {
        Err(RegistryError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        read => read.map(Some),
    }
}

pub(super) fn write_synced(path: &Path, bytes: &[u8]) -> Result<(), RegistryError> {
    let write = || {
        let mut file = File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().map_err(failed("writing", path))
}

/// A file of lines, which nobody else adds to until this is dropped.
pub(super) struct Lines {
    file: File,
    path: PathBuf,
}

impl Lines {
    pub(super) fn lock(path: &Path) -> Result<Self, RegistryError> {
        let file = File::options().read(true).append(true).create(true).open(path);
        let file = file.and_then(|file| file.lock().map(|()| file));
        Ok(Self { file: file.map_err(failed("locking", path))?, path: path.to_owned() })
    }

    /// Adds a line at the end, in place of half a line that a power cut has left there.
    pub(super) fn append(&mut self, line: &[u8]) -> Result<(), RegistryError> {
        let whole = whole_lines(&read(&self.path)?) as u64;
        let mut write = || {
            self.file.set_len(whole)?;
            self.file.write_all(line)?;
            self.file.sync_all()
        };
        write().map_err(failed("writing", &self.path))
    }
}

/// Replaces `folder/name` in one step.
pub(super) fn write_atomically(
    folder: &Path,
    name: &str,
    bytes: &[u8],
) -> Result<(), RegistryError> {
    let temporary = folder.join(format!(".{name}-{}", std::process::id()));
    write_synced(&temporary, bytes)?;
    let target = folder.join(name);
    fs::rename(&temporary, &target).map_err(failed("replacing", &target))?;
    sync_folder(folder)
}

/// Empty, whatever a killed process left there.
pub(super) fn fresh_folder(path: &Path) -> Result<(), RegistryError> {
    if path.exists() {
        fs::remove_dir_all(path).map_err(failed("removing", path))?;
    }
    fs::create_dir_all(path).map_err(failed("creating", path))
}

/// If the target appeared meanwhile, it stays and the source goes.
pub(super) fn rename_unless_there(source: &Path, target: &Path) -> Result<(), RegistryError> {
    match fs::rename(source, target) {
        Err(_) if target.exists() => fs::remove_dir_all(source).map_err(failed("removing", source)),
        renamed => renamed.map_err(failed("creating", target)),
    }
}

pub(super) fn sync_folder(path: &Path) -> Result<(), RegistryError> {
    File::open(path).and_then(|folder| folder.sync_all()).map_err(failed("syncing", path))
}

/// Names of the folders in `path`, ascending; none if it isn't there.
pub(super) fn folders(path: &Path) -> Result<Vec<String>, RegistryError> {
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("listing", path))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("listing", path))?;
        if entry.path().is_dir() {
            names.extend(entry.file_name().into_string().ok());
        }
    }
    names.sort();
    Ok(names)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RegistryError {
    let path = path.to_owned();
    move |source| RegistryError::Io { doing, path, source }
}
