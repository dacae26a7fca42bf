//! Where files are.

use crate::failure::{Failure, fail};
use messages::{Date, Envelope};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The working folder of an installation: by default the current one.
#[derive(Clone, Debug)]
pub struct Home(pub PathBuf);

impl Home {
    pub fn latest(&self) -> PathBuf {
        self.0.join("data/latest")
    }

    pub fn prices(&self) -> PathBuf {
        self.latest().join("prices.parquet")
    }

    pub fn runs(&self) -> PathBuf {
        self.0.join("data/runs")
    }

    pub fn models(&self) -> PathBuf {
        self.0.join("models")
    }

    pub fn kill_flag(&self) -> PathBuf {
        self.0.join("kill.flag")
    }

    /// Where a private NATS server can be reached, for commands without `--nats`.
    pub fn nats_url(&self) -> PathBuf {
        self.0.join("data/nats.url")
    }

    /// A run over the installation's own prices and models.
    pub fn run(&self, run_id: &str) -> Places {
        let run = self.runs().join(run_id);
        Places { prices: self.prices(), models: self.models(), nats: self.0.join("data/nats"), run }
    }

    /// A run that keeps everything to itself: a demo or a backtest must not touch what trading uses.
    pub fn sandbox(&self, run_id: &str) -> Places {
        let run = self.runs().join(run_id);
        let prices = run.join("latest/prices.parquet");
        Places { prices, models: run.join("models"), nats: run.join("nats"), run }
    }
}

#[derive(Clone, Debug)]
pub struct Places {
    pub prices: PathBuf,
    pub models: PathBuf,
    /// Store of the private NATS server. An installation has one for all its runs, so that a kill
    /// stays in force whatever the next run is called.
    pub nats: PathBuf,
    /// Reports of one run.
    pub run: PathBuf,
}

impl Places {
    /// Keeps a session's journal as a file, whole or not at all.
    pub fn keep_journal(&self, session: Date, journal: &[Envelope]) -> Result<(), Failure> {
        let folder = self.run.join("journals");
        fs::create_dir_all(&folder)?;
        let bytes: Vec<u8> = journal.iter().flat_map(Envelope::encode).collect();
        let temporary = folder.join(format!(".{session}.tmp"));
        let mut file = fs::File::create(&temporary)?;
        file.write_all(&bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, folder.join(format!("{session}.msgpack")))?;
        Ok(())
    }

    pub fn create(&self) -> Result<(), Failure> {
        for folder in [self.prices.parent(), Some(&self.models), Some(&self.run)] {
            let folder = folder.unwrap_or(Path::new("."));
            fs::create_dir_all(folder).map_err(|error| {
                fail(format!(
                    "can't create {}: {error}; --home names another folder",
                    folder.display()
                ))
            })?;
        }
        Ok(())
    }
}
