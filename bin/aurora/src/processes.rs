//! Each actor in a process of its own, started again with a growing pause when it dies.

use crate::failure::{Failure, fail};
use crate::server::as_user;
use messages::ActorId;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

const PAUSE_FIRST: Duration = Duration::from_millis(50);
const PAUSE_LAST: Duration = Duration::from_secs(5);
/// Who has run this long starts with the first pause again.
const SETTLED: Duration = Duration::from_secs(30);
/// Exit code of an actor that must not be started again (see `main`).
const HOPELESS: i32 = 3;

pub struct Processes {
    stop: watch::Sender<bool>,
    failures: tokio::sync::Mutex<mpsc::UnboundedReceiver<Failure>>,
    guards: JoinSet<()>,
}

impl Processes {
    /// `arguments`: those of `aurora`, with the actor's name to follow. What may hold a password goes
    /// through the environment: arguments are for every user of the machine to see.
    pub fn start(
        actors: &[ActorId],
        arguments: &[String],
        nats: &str,
        (key, secret): (&'static str, &'static str),
    ) -> Result<Self, Failure> {
        let program = std::env::current_exe()?;
        let (stop, stopped) = watch::channel(false);
        let (report, failures) = mpsc::unbounded_channel();
        let mut guards = JoinSet::new();
        for actor in actors.iter().copied() {
            let mut command = dying_with_us(&program);
            command.args(arguments).arg(actor.name()).stdin(Stdio::null()).stdout(Stdio::null());
            command.env("AURORA_NATS", as_user(nats, actor.name()));
            command.env("APCA_API_KEY_ID", key).env("APCA_API_SECRET_KEY", secret);
            command.kill_on_drop(true);
            guards.spawn(guard(actor, command, stopped.clone(), report.clone()));
        }
        Ok(Self { stop, failures: tokio::sync::Mutex::new(failures), guards })
    }

    /// Returns when an actor can't go on.
    pub async fn failed(&self) -> Failure {
        match self.failures.lock().await.recv().await {
            Some(failure) => failure,
            None => std::future::pending().await,
        }
    }

    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.guards.join_next().await.is_some() {}
    }
}

/// Ends when this process does, however that ends (where `setpriv` exists, that is on Linux).
fn dying_with_us(program: &Path) -> Command {
    let there = std::process::Command::new("setpriv").arg("--version").output();
    if there.is_ok_and(|output| output.status.success()) {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        return command;
    }
    Command::new(program)
}

async fn guard(
    actor: ActorId,
    mut command: Command,
    mut stopped: watch::Receiver<bool>,
    report: mpsc::UnboundedSender<Failure>,
) {
    let mut pause = PAUSE_FIRST;
    loop {
        let started = Instant::now();
        let mut child = match command.spawn() {
            Ok(child) => child,
            Err(error) => {
                let _ = report.send(fail(format!("can't start {actor}: {error}")));
                return;
            }
        };
        tokio::select! {
            () = told_to_stop(&mut stopped) => return terminate(&mut child).await,
            status = child.wait() => match status {
                Ok(status) if status.code() == Some(HOPELESS) => {
                    let _ = report.send(fail(format!("{actor} can't go on; its log says why")));
                    return;
                }
                status => tracing::warn!(%actor, ?status, "ended; starting it again"),
            },
        }
        if started.elapsed() > SETTLED {
            pause = PAUSE_FIRST;
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(PAUSE_LAST);
    }
}

async fn told_to_stop(stopped: &mut watch::Receiver<bool>) {
    // An error means that nobody is left who could say so.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Asks first; a process that doesn't end within some seconds is ended.
async fn terminate(child: &mut Child) {
    if let Some(pid) = child.id() {
        let _ = Command::new("kill").arg("-TERM").arg(pid.to_string()).status().await;
    }
    if tokio::time::timeout(Duration::from_secs(5), child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
}
