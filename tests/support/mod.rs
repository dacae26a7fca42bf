//! Runs the real program in a folder of its own: the same binary, server and files a user has.

#![allow(dead_code, unreachable_pub, reason = "each test binary uses its part")]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The checkout. Asked at run time: a target folder that two checkouts share keeps binaries of either.
pub fn root() -> PathBuf {
    let package = std::env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    Path::new(&package).join("../..")
}

/// A home folder with a configuration that trains in a moment.
pub struct Desk {
    pub home: TempDir,
}

impl Desk {
    pub fn new() -> Self {
        let home = tempfile::tempdir().expect("temporary folder");
        let shipped = fs::read_to_string(root().join("deploy/aurora.toml")).expect("config");
        let small = shipped
            .replace(
                "test_sessions = 252",
                "test_sessions = 130\nvalidation_sessions = 30\ntrees_max = 30",
            )
            .replace("train_sessions_min = 504", "train_sessions_min = 60");
        assert_ne!(small, shipped, "the configuration was changed");
        fs::write(home.path().join("aurora.toml"), small).expect("written");
        Self { home }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// `aurora` with the desk's home and configuration.
    pub fn aurora(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_aurora"));
        command.args(arguments).arg("--home").arg(self.home.path());
        command.arg("--config").arg(self.path("aurora.toml"));
        command.env_remove("AURORA_NATS").env("AURORA_NATS_SERVER", nats_server());
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.aurora(arguments).output().expect("aurora runs")
    }

    /// Runs to a good end and returns the last line of stdout.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        let output = self.run(&arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        last_json(&output)
    }

    /// A run in the background, its stderr passed on when it ends badly.
    pub fn start(&self, arguments: &[&str]) -> Child {
        let mut command = self.aurora(arguments);
        command.arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().expect("aurora starts")
    }

    /// Waits until `sessions` sessions of `run` have been reported.
    pub fn wait_for_sessions(&self, run: &str, sessions: usize, child: &mut Child) {
        let file = self.path(&format!("data/runs/{run}/sessions.jsonl"));
        wait_until("a session is reported", || {
            assert!(child.try_wait().expect("child").is_none(), "the run ended early");
            fs::read_to_string(&file).is_ok_and(|text| text.lines().count() >= sessions)
        });
    }
}

pub fn finish(child: Child) -> Output {
    child.wait_with_output().expect("the run ends")
}

pub fn finish_well(child: Child) -> Value {
    let output = finish(child);
    assert!(output.status.success(), "{}", text(&output.stderr));
    last_json(&output)
}

pub fn last_json(output: &Output) -> Value {
    let stdout = text(&output.stdout);
    let line = stdout.lines().last().unwrap_or_default();
    serde_json::from_str(line)
        .unwrap_or_else(|error| panic!("{error}: {stdout}{}", text(&output.stderr)))
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(120), "waited two minutes until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a run comes to, apart from names and times: order list, counts, money.
pub fn essence(summary: &Value) -> Vec<Value> {
    ["orders_sha256", "sessions", "orders", "fills", "rejects", "final_nav", "cash", "total_return"]
        .map(|key| summary.get(key).unwrap_or_else(|| panic!("no {key} in {summary}")).clone())
        .to_vec()
}

pub fn nats_server() -> PathBuf {
    let fetched = root().join(".tools/bin/nats-server");
    if fetched.exists() { fetched } else { PathBuf::from("nats-server") }
}

/// A nats-server that the test can kill and start again over the same store.
pub struct NatsServer {
    store: TempDir,
    port: u16,
    child: Child,
}

impl NatsServer {
    pub fn start() -> Self {
        let store = tempfile::tempdir().expect("temporary folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("address").port();
        drop(listener);
        let child = Self::spawn(store.path(), port);
        Self { store, port, child }
    }

    fn spawn(store: &Path, port: u16) -> Child {
        let mut command = Command::new(nats_server());
        command.args(["--jetstream", "--addr", "127.0.0.1", "--port", &port.to_string()]);
        command.arg("--store_dir").arg(store).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("nats-server starts");
        let mut lines = BufReader::new(child.stderr.take().expect("stderr")).lines();
        let ready = |line: &std::io::Result<String>| {
            line.as_ref().is_ok_and(|line| line.contains("Server is ready"))
        };
        assert!(lines.any(|line| ready(&line)), "nats-server did not become ready");
        std::thread::spawn(move || lines.for_each(drop));
        child
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// As by `kill -9`.
    pub fn kill(&mut self) {
        self.child.kill().expect("running");
        self.child.wait().expect("ended");
    }

    pub fn start_again(&mut self) {
        self.child = Self::spawn(self.store.path(), self.port);
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The real market data, if it is here.
pub fn real_data() -> Option<PathBuf> {
    let folder = std::env::var_os("AURORA_REAL_DATA")
        .map_or_else(|| root().join("../shared/data"), PathBuf::from);
    let found = folder.join("equities_daily.parquet").exists();
    if !found {
        eprintln!(
            "skipped: no market data in {} (AURORA_REAL_DATA names another folder)",
            folder.display()
        );
    }
    found.then_some(folder)
}
