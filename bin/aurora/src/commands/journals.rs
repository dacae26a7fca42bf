//! Where recorded sessions are found: in a file, in a run's folder, on a NATS server that runs, or in the store that
//! a run's private server left behind.

use crate::cli::Common;
use crate::commands::control;
use crate::failure::{Failure, fail};
use crate::home::{Home, Places};
use clap::Args;
use kernel::Entry;
use messages::{Date, Env, Envelope, Message, SessionOpened};
use shell::embedded::{EmbeddedOptions, NatsServer};
use shell::{Bus, BusOptions};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

#[derive(Clone, Debug, Args)]
pub struct Source {
    /// The run it belongs to, by the name of its folder under data/runs; by default the run that reported last.
    #[arg(long, value_name = "NAME")]
    pub run: Option<String>,
    /// A journal in a file, as `--journals` keeps them.
    #[arg(long, value_name = "FILE", conflicts_with = "nats")]
    pub journal: Option<PathBuf>,
    /// URL of the NATS server that holds it; by default the run's folder is read, then the server of this folder.
    #[arg(long, env = "AURORA_NATS", hide_env_values = true, value_name = "URL")]
    pub nats: Option<String>,
    #[arg(long, default_value = "paper")]
    pub env: Env,
}

/// One recorded session.
pub struct Recorded {
    pub entries: Vec<(u64, Entry)>,
    pub opened: SessionOpened,
    /// Where it was found, for people.
    pub from: String,
    pub places: Places,
}

impl Recorded {
    /// Those that could be decoded, by position.
    pub fn messages(&self) -> Vec<(u64, Envelope)> {
        let decoded = |(at, entry): &(u64, Entry)| Some((*at, entry.as_ref().ok()?.clone()));
        self.entries.iter().filter_map(decoded).collect()
    }
}

impl Source {
    /// The journal of `session`, or of the last session there is.
    pub async fn read(&self, session: Option<Date>, common: &Common) -> Result<Recorded, Failure> {
        let home = Home(common.home.clone());
        let places = self.places(&home)?;
        let file = match (&self.journal, &self.nats) {
            (Some(file), _) => Some(file.clone()),
            (None, None) => kept(&places, session),
            (None, Some(_)) => None,
        };
        let (entries, from) = match file {
            Some(file) => (read_file(&file)?, file.display().to_string()),
            None => self.served(session, &places, &home).await?,
        };
        let first = entries.first().and_then(|(_, entry)| entry.as_ref().ok());
        let Some(Message::SessionOpened(opened)) = first.map(|entry| &entry.body) else {
            return Err(fail(format!(
                "{from} is no journal: it does not begin with an opened session"
            )));
        };
        let opened = (**opened).clone();
        if session.is_some_and(|wanted| wanted != opened.session) {
            return Err(fail(format!(
                "{from} is of session {}, which was not asked for",
                opened.session
            )));
        }
        Ok(Recorded { entries, opened, from, places })
    }

    fn places(&self, home: &Home) -> Result<Places, Failure> {
        let run = match &self.run {
            Some(run) => run.clone(),
            None => latest_run(&home.runs()).unwrap_or_else(|| "paper".to_owned()),
        };
        let sandbox = home.sandbox(&run);
        if self.run.is_some() && !sandbox.run.exists() {
            let runs = home.runs();
            return Err(fail(format!(
                "there is no run {run}: {} holds those there are",
                runs.display()
            )));
        }
        Ok(if sandbox.prices.exists() || sandbox.nats.exists() { sandbox } else { home.run(&run) })
    }

    /// From the server that runs, else from the files that the run's own server left.
    async fn served(
        &self,
        session: Option<Date>,
        places: &Places,
        home: &Home,
    ) -> Result<(Vec<(u64, Entry)>, String), Failure> {
        let own = fs::read_to_string(places.run.join("nats.url")).ok();
        let target = crate::cli::Target { env: self.env, nats: self.nats.clone().or(own) };
        if target.nats.is_some() || (home.nats_url().exists() && !is_sandbox(places)) {
            let bus = control::connect(&target, home).await?;
            return Ok((read_bus(&bus, session).await?, "the NATS server".to_owned()));
        }
        if !places.nats.exists() {
            return Err(fail(format!(
                "no journal is known here: {} has none, and there is no NATS store in {}. Name one with --run, \
                 --journal or --nats",
                places.run.join("journals").display(),
                places.nats.display()
            )));
        }
        let options = EmbeddedOptions { store: places.nats.clone(), port: None, binary: None };
        let server = NatsServer::start(&options)?;
        let bus = Bus::connect(&BusOptions::new(server.url(), self.env)).await?;
        let entries = read_bus(&bus, session).await?;
        drop(bus);
        Ok((entries, format!("the NATS store in {}", places.nats.display())))
    }
}

/// A demo's or a backtest's: it has a server of its own, or none.
fn is_sandbox(places: &Places) -> bool {
    places.nats.starts_with(&places.run)
}

async fn read_bus(bus: &Bus, session: Option<Date>) -> Result<Vec<(u64, Entry)>, Failure> {
    let sessions = bus.sessions().await?;
    let wanted = match session {
        Some(wanted) => sessions.contains(&wanted).then_some(wanted),
        None => sessions.last().copied(),
    };
    let Some(wanted) = wanted else {
        let range = match (sessions.first(), sessions.last()) {
            (Some(first), Some(last)) => {
                format!("{} sessions from {first} to {last}", sessions.len())
            }
            _ => "none".to_owned(),
        };
        let wanted = session.map_or(String::new(), |session| format!(" of {session}"));
        return Err(fail(format!("the NATS server has no journal{wanted}; it has {range}")));
    };
    let journal = bus.read_journal(wanted).await?;
    Ok(journal.into_iter().map(|(at, entry, _)| (at, entry)).collect())
}

fn read_file(path: &Path) -> Result<Vec<(u64, Entry)>, Failure> {
    let bytes = fs::read(path)
        .map_err(|error| fail(format!("can't read the journal {}: {error}", path.display())))?;
    let entries = Envelope::decode_all(&bytes).map_err(|error| {
        fail(format!("{} is no journal, or was cut off or damaged: {error}", path.display()))
    })?;
    Ok((1..).zip(entries.into_iter().map(Ok)).collect())
}

/// The file that `--journals` kept, if it did.
fn kept(places: &Places, session: Option<Date>) -> Option<PathBuf> {
    let folder = places.run.join("journals");
    if let Some(session) = session {
        return Some(folder.join(format!("{session}.msgpack"))).filter(|path| path.exists());
    }
    let files = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    files.filter(|path| path.extension().is_some_and(|kind| kind == "msgpack")).max()
}

fn latest_run(runs: &Path) -> Option<String> {
    let written = |entry: &fs::DirEntry| -> Option<SystemTime> {
        entry.path().join("sessions.jsonl").metadata().ok()?.modified().ok()
    };
    let entries = fs::read_dir(runs).ok()?.flatten();
    let last = entries.filter_map(|entry| Some((written(&entry)?, entry.file_name()))).max()?;
    last.1.into_string().ok()
}
