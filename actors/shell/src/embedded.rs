//! A private nats-server, started and stopped with the program that needs it.

use crate::error::{ShellError, io};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(Clone, Debug, Default)]
pub struct EmbeddedOptions {
    /// JetStream's files, the configuration and the log.
    pub store: PathBuf,
    /// A free one if not given.
    pub port: Option<u16>,
    /// The program; looked for if not given.
    pub binary: Option<PathBuf>,
}

/// Runs until dropped: started again, on the same port and files, if it dies. Listens on loopback
/// only, and dies with this process, however that ends (where `setpriv` exists, that is on Linux).
pub struct NatsServer {
    port: u16,
    store: PathBuf,
    child: Arc<Mutex<Option<u32>>>,
    orders: Sender<Order>,
    keeper: Option<std::thread::JoinHandle<()>>,
}

enum Order {
    Stop,
    /// Stop, wait, start again.
    Pause(Duration),
}

const READY_MAX: Duration = Duration::from_secs(20);

impl NatsServer {
    /// Returns once the server takes connections. Blocks: seconds at most.
    pub fn start(options: &EmbeddedOptions) -> Result<Self, ShellError> {
        let binary = match &options.binary {
            Some(binary) => checked(binary)?,
            None => find()?,
        };
        let store = &options.store;
        std::fs::create_dir_all(store).map_err(io(format!("creating {}", store.display())))?;
        let store = store.canonicalize().map_err(io(format!("opening {}", store.display())))?;
        let port = options.port.map_or_else(free_port, Ok)?;
        let config = write_config(&store, port)?;
        let child = Arc::new(Mutex::new(None));
        let (orders, received) = channel();
        let (started, first) = channel();
        let keeper = Keeper { binary, config, store: store.clone(), port, child: child.clone() };
        // The kernel ends the server when the thread that started it ends: this one, not a worker
        // of some pool.
        let keeper = std::thread::Builder::new()
            .name("nats-server".to_owned())
            .spawn(move || keeper.keep(&received, &started))
            .map_err(io("starting a thread"))?;
        let server = Self { port, store, child, orders, keeper: Some(keeper) };
        match first.recv() {
            Ok(Ok(())) => Ok(server),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(server.error("its keeper ended")),
        }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// Of the server process; `None` for the moment in which it is started again.
    pub fn pid(&self) -> Option<u32> {
        *self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops the server and starts it again after `pause`: an outage to try things in.
    pub fn pause(&self, pause: Duration) {
        // An error means that it has stopped for good.
        self.orders.send(Order::Pause(pause)).ok();
    }

    /// Ends the server; returns once it has ended.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        // An error means that it has ended.
        self.orders.send(Order::Stop).ok();
        if let Some(keeper) = self.keeper.take() {
            keeper.join().ok();
        }
    }

    fn error(&self, what: &str) -> ShellError {
        ShellError::Server { what: what.to_owned(), log: self.store.join("nats-server.log") }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the server, and again when it dies.
struct Keeper {
    binary: PathBuf,
    config: PathBuf,
    store: PathBuf,
    port: u16,
    child: Arc<Mutex<Option<u32>>>,
}

impl Keeper {
    fn keep(&self, orders: &Receiver<Order>, started: &Sender<Result<(), ShellError>>) {
        let mut server = match self.launch() {
            Ok(server) => server,
            Err(error) => {
                started.send(Err(error)).ok();
                return;
            }
        };
        started.send(Ok(())).ok();
        loop {
            match orders.recv_timeout(Duration::from_millis(50)) {
                Ok(Order::Stop) | Err(RecvTimeoutError::Disconnected) => {
                    self.end(&mut server);
                    return;
                }
                Ok(Order::Pause(pause)) => {
                    self.end(&mut server);
                    std::thread::sleep(pause);
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
            if !matches!(server.try_wait(), Ok(None)) {
                tracing::warn!(port = self.port, "nats-server is gone and is started again");
                match self.launch() {
                    Ok(again) => server = again,
                    Err(error) => {
                        tracing::error!(error = error.chain(), "nats-server does not start");
                        std::thread::sleep(Duration::from_secs(1));
                    }
                }
            }
        }
    }

    fn launch(&self) -> Result<Child, ShellError> {
        let log = self.store.join("nats-server.log");
        let mut command = self.command();
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let spawned = command.spawn();
        let mut child = spawned.map_err(io(format!("starting {}", self.binary.display())))?;
        let deadline = Instant::now() + READY_MAX;
        while !self.is_ready() {
            let ended = !matches!(child.try_wait(), Ok(None));
            if ended || Instant::now() > deadline {
                self.end(&mut child);
                let what = if ended { "ended at its start" } else { "was not ready in time" };
                return Err(ShellError::Server { what: what.to_owned(), log });
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.note(Some(child.id()));
        Ok(child)
    }

    /// Setting the parent-death signal oneself takes unsafe code between fork and exec; `setpriv`
    /// (util-linux) does it and becomes the server, with the same process id.
    fn command(&self) -> Command {
        let setpriv = Path::new("/usr/bin/setpriv");
        let mut command = if setpriv.exists() {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(&self.binary);
            command
        } else {
            tracing::warn!("without setpriv, nats-server outlives a killed aurora");
            Command::new(&self.binary)
        };
        command.arg("--config").arg(&self.config);
        command
    }

    /// It greets a connection with its INFO line.
    fn is_ready(&self) -> bool {
        use std::io::Read;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let connected = TcpStream::connect_timeout(&address, Duration::from_millis(200));
        connected.is_ok_and(|mut stream| {
            let mut greeting = [0; 4];
            stream.set_read_timeout(Some(Duration::from_millis(500))).is_ok()
                && stream.read_exact(&mut greeting).is_ok()
                && &greeting == b"INFO"
        })
    }

    fn end(&self, child: &mut Child) {
        self.note(None);
        if matches!(child.try_wait(), Ok(None)) {
            // There is no safe way to send SIGTERM in the standard library.
            let asked = Command::new("kill").arg(child.id().to_string()).status();
            let deadline = Instant::now() + Duration::from_secs(10);
            while asked.is_ok() && matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline
            {
                std::thread::sleep(Duration::from_millis(5));
            }
            child.kill().ok();
        }
        child.wait().ok();
    }

    fn note(&self, pid: Option<u32>) {
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = pid;
    }
}

fn free_port() -> Result<u16, ShellError> {
    let doing = || io("looking for a free port");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(doing())?;
    Ok(listener.local_addr().map_err(doing())?.port())
}

fn write_config(store: &Path, port: u16) -> Result<PathBuf, ShellError> {
    let path = store.join("nats-server.conf");
    let quoted = |path: &Path| serde_json::Value::from(path.to_string_lossy()).to_string();
    let text = format!(
        "# Written at each start by aurora: changes are lost.\n\
         host: 127.0.0.1\nport: {port}\nserver_name: aurora\n\
         max_payload: {max}\nmax_pending: 256MB\n\
         log_file: {log}\nlogfile_size_limit: 16MB\n\
         jetstream {{ store_dir: {js} }}\n",
        max = messages::MAX_BYTES + (1 << 20),
        log = quoted(&store.join("nats-server.log")),
        js = quoted(&store.join("jetstream")),
    );
    let mut file = std::fs::File::create(&path).map_err(io("writing nats-server.conf"))?;
    file.write_all(text.as_bytes()).map_err(io("writing nats-server.conf"))?;
    Ok(path)
}

/// AURORA_NATS_SERVER, the search path, `.tools/bin` in or above the working folder or the program's.
fn find() -> Result<PathBuf, ShellError> {
    if let Some(named) = std::env::var_os("AURORA_NATS_SERVER") {
        return checked(Path::new(&named));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<PathBuf> =
        std::env::split_paths(&path).map(|folder| folder.join("nats-server")).collect();
    let starts = [std::env::current_dir().ok(), std::env::current_exe().ok()];
    for start in starts.into_iter().flatten() {
        candidates.extend(start.ancestors().map(|above| above.join(".tools/bin/nats-server")));
    }
    let mut looked = Vec::new();
    for candidate in candidates.iter().filter(|candidate| candidate.is_file()) {
        match checked(candidate) {
            Ok(found) => return Ok(found),
            Err(error) => looked.push(error.to_string()),
        }
    }
    let looked = if looked.is_empty() { "none installed".to_owned() } else { looked.join("; ") };
    Err(ShellError::NoServer { looked })
}

fn checked(binary: &Path) -> Result<PathBuf, ShellError> {
    let asked = Command::new(binary).arg("--version").output();
    let output = asked.map_err(io(format!("running {}", binary.display())))?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if version(&text).is_some_and(|version| version >= (2, 12)) {
        return Ok(binary.to_owned());
    }
    Err(ShellError::NoServer { looked: format!("{} says {text:?}", binary.display()) })
}

/// From `nats-server: v2.15.1`.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.rsplit_once('v')?.1.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn reads_versions() {
        assert_eq!(version("nats-server: v2.15.1"), Some((2, 15)));
        assert_eq!(version("nats-server: v2.9.10"), Some((2, 9)));
        assert_eq!(version("cat (GNU coreutils) 9.1"), None);
    }
}
