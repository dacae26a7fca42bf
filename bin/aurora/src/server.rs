//! The NATS server of a run, and how other commands find it.

use crate::failure::{Failure, fail};
use crate::home::{Home, Places};
use crate::output::note;
use shell::embedded::{EmbeddedOptions, NatsServer};
use std::fs;
use std::io::Write;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Private, or one that was there. While a private one lives, its address stands where `aurora status` and
/// `aurora kill` look for it.
pub struct Server {
    pub url: String,
    remembered: Vec<PathBuf>,
    private: Option<NatsServer>,
}

impl Server {
    /// `wanted`: a URL, or `embedded` for a private one.
    ///
    /// The address always goes into the run's folder; into the home's only if no other system that
    /// answers has its own there: a demo must not take a running system's kill switch away.
    pub fn start(wanted: &str, places: &Places, home: &Home) -> Result<Self, Failure> {
        let (url, private) = if wanted == "embedded" {
            let options = EmbeddedOptions { store: places.nats.clone(), port: None, binary: None };
            let server = NatsServer::start(&options)?;
            (server.url(), Some(server))
        } else {
            (wanted.to_owned(), None)
        };
        let mut server = Self { url, remembered: Vec::new(), private };
        server.remember(places.run.join("nats.url"))?;
        match fs::read_to_string(home.nats_url()) {
            Ok(other) if other.trim() != server.address() && answers(other.trim()) => {
                note(format!(
                    "another system runs in this folder: reach this one with --nats $(cat {})",
                    places.run.join("nats.url").display()
                ));
            }
            _ => server.remember(home.nats_url())?,
        }
        Ok(server)
    }

    /// What an operator connects with.
    fn address(&self) -> String {
        as_user(&self.url, "operator")
    }

    /// It may hold a password: for its owner's eyes.
    fn remember(&mut self, path: PathBuf) -> Result<(), Failure> {
        let named = |error| fail(format!("can't write {}: {error}", path.display()));
        fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).map_err(named)?;
        let named = |error| fail(format!("can't write {}: {error}", path.display()));
        // The mode counts at creation only: one that is there may be anybody's to read.
        let _ = fs::remove_file(&path);
        let mut options = fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&path);
        file.and_then(|mut file| writeln!(file, "{}", self.address())).map_err(named)?;
        self.remembered.push(path);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.private.is_none() {
            return;
        }
        for path in &self.remembered {
            if fs::read_to_string(path).is_ok_and(|url| url.trim() == self.address()) {
                // Nobody is there any more; a stale address would only mislead.
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// The URL for one of the users of nats.conf, where it leaves open for whom it is.
pub fn as_user(url: &str, user: &str) -> String {
    url.replace("{actor}", user)
}

/// Whether somebody listens there; an address that can't be understood counts as one that does.
fn answers(url: &str) -> bool {
    let host = url.trim_end_matches('/').rsplit(['/', '@']).next().unwrap_or(url);
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:4222") };
    match host.to_socket_addrs() {
        Ok(mut addresses) => addresses.any(|address| {
            TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok()
        }),
        Err(_) => true,
    }
}
