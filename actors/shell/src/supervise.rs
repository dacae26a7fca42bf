//! Hosting: each actor in an actix actor under a supervisor, on an arbiter, that is a thread, of its
//! own. actix hosts and restarts; no message of ours goes through its mailboxes.

use crate::error::ShellError;
use crate::runner::Runner;
use crate::status::{ActorState, StatusCell};
use crate::{Bus, CoreSpec, GatewaySpec};
use actix::{Actor, Arbiter, AsyncContext, Context, Supervised, Supervisor, WrapFuture};
use actix::{ActorContext, ActorFutureExt, System};
use messages::ActorId;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot, watch};
use tracing::Instrument;

/// An actor to be hosted.
pub enum ActorSpec {
    Core(CoreSpec),
    Gateway(GatewaySpec),
}

impl ActorSpec {
    pub fn id(&self) -> ActorId {
        match self {
            Self::Core(spec) => spec.id,
            Self::Gateway(spec) => spec.id,
        }
    }
}

/// Actors that run. Dropping it leaves them running until the process ends; [`Supervision::stop`]
/// ends them.
pub struct Supervision {
    stop: watch::Sender<bool>,
    failures: Mutex<mpsc::UnboundedReceiver<ShellError>>,
    thread: Option<std::thread::JoinHandle<()>>,
    registrations: Vec<crate::services::Registration>,
}

/// Starts every actor. One that can't start (it runs elsewhere already) shows in
/// [`Supervision::failed`], like one that fails for good later.
pub async fn supervise(bus: Bus, specs: Vec<ActorSpec>) -> Supervision {
    let (stop, stopped) = watch::channel(false);
    let (failing, failures) = mpsc::unbounded_channel();
    let mut registrations = Vec::new();
    let mut hosted = Vec::new();
    let registering = specs.into_iter().map(async |spec| {
        let status = Arc::new(StatusCell::new(spec.id(), crate::seat::new_instance(&bus)));
        (bus.register(&status).await, spec, status)
    });
    for (registered, spec, status) in futures::future::join_all(registering).await {
        match registered {
            Ok(registration) => {
                registrations.push(registration);
                hosted.push((spec, status));
            }
            Err(error) => report(&failing, spec.id(), error),
        }
    }
    let thread = std::thread::Builder::new()
        .name("supervisor".to_owned())
        .spawn(move || host_all(&bus, hosted, &stopped, &failing))
        .expect("a process can start a thread");
    Supervision { stop, failures: Mutex::new(failures), thread: Some(thread), registrations }
}

impl Supervision {
    /// The first error that ends an actor for good; never resolves if there is none.
    pub async fn failed(&self) -> ShellError {
        loop {
            let received = std::future::poll_fn(|cx| {
                self.failures.lock().unwrap_or_else(PoisonError::into_inner).poll_recv(cx)
            });
            match received.await {
                Some(error) => return error,
                None => std::future::pending().await,
            }
        }
    }

    /// Lets every actor finish the entry it is at, store its answers, and end.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let joined = tokio::task::spawn_blocking(move || thread.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("the supervisor's thread ended badly");
            }
        }
        for registration in self.registrations {
            registration.end().await;
        }
    }
}

/// Resolves on SIGTERM or SIGINT.
pub async fn terminated() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

type Failing = mpsc::UnboundedSender<ShellError>;

/// The supervisor's thread: returns when every actor has stopped.
fn host_all(
    bus: &Bus,
    hosted: Vec<(ActorSpec, Arc<StatusCell>)>,
    stopped: &watch::Receiver<bool>,
    failing: &Failing,
) {
    System::new().block_on(async {
        let mut actors = Vec::new();
        for (spec, status) in hosted {
            let (done, ended) = oneshot::channel();
            let (bus, stopped, failing) = (bus.clone(), stopped.clone(), failing.clone());
            let arbiter = Arbiter::new();
            let address = Supervisor::start_in_arbiter(&arbiter.handle(), move |_| Hosted {
                runner: Rc::new(Runner::new(bus, spec, status, stopped)),
                failing,
                attempt: 0,
                done: Some(done),
            });
            actors.push((arbiter, address, ended));
        }
        let mut stopped = stopped.clone();
        if stopped.wait_for(|stop| *stop).await.is_err() {
            // Nobody is left who could stop it.
            std::future::pending::<()>().await;
        }
        for (arbiter, address, ended) in actors {
            // An error means that it is gone already.
            ended.await.ok();
            drop(address);
            arbiter.stop();
            arbiter.join().ok();
        }
    });
}

/// The actix actor around one of ours.
struct Hosted {
    runner: Rc<Runner>,
    failing: Failing,
    /// Failures in a row.
    attempt: u32,
    done: Option<oneshot::Sender<()>>,
}

impl Actor for Hosted {
    type Context = Context<Self>;

    /// After a restart the supervisor calls `restarting` and then this: everything begins here.
    fn started(&mut self, ctx: &mut Self::Context) {
        let runner = self.runner.clone();
        let pause = back_off(self.attempt);
        let span = tracing::info_span!("actor", actor = %runner.actor());
        let run = async move {
            if !runner.paused_until_stop(pause).await {
                let began = Instant::now();
                return runner.run().await.map_err(|error| (error, began.elapsed()));
            }
            Ok(())
        };
        // A task of its own: an entry wakes it alone, not the actix actor around it.
        let task = actix_rt::spawn(run.instrument(span));
        let ended = task.into_actor(self).map(|outcome, hosted, ctx| match outcome {
            Ok(Ok(())) => hosted.end(),
            Ok(Err((error, lasted))) => hosted.on_failure(error, lasted, ctx),
            Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
        });
        ctx.spawn(ended);
    }
}

impl Supervised for Hosted {}

impl Hosted {
    fn on_failure(&mut self, error: ShellError, lasted: Duration, ctx: &mut Context<Self>) {
        let actor = self.runner.actor();
        if error.is_fatal() {
            self.runner.status().enter(ActorState::Failed, None);
            report(&self.failing, actor, error);
            self.end();
            return;
        }
        let good = lasted >= GOOD_RUN;
        self.attempt = if good { 1 } else { self.attempt + 1 };
        let pause_ms = back_off(self.attempt).as_millis() as u64;
        tracing::warn!(%actor, error = error.chain(), pause_ms, "the actor failed and starts again");
        self.runner.status().enter(ActorState::Starting, None);
        ctx.stop();
    }

    /// For good: the actix actor stays, with nothing to do, so that nobody starts it again.
    fn end(&mut self) {
        if let Some(done) = self.done.take() {
            // An error means that the supervisor is gone.
            done.send(()).ok();
        }
    }
}

fn report(failing: &Failing, actor: ActorId, error: ShellError) {
    tracing::error!(%actor, error = error.chain(), "the actor ends");
    // An error means that nobody wants to know any more.
    failing.send(error).ok();
}

const GOOD_RUN: Duration = Duration::from_secs(30);

/// 50 ms after the first failure, twice as long after each further one, 5 s at most.
fn back_off(attempt: u32) -> Duration {
    let doubled = 50u64 << attempt.saturating_sub(1).min(10);
    Duration::from_millis(if attempt == 0 { 0 } else { doubled.min(5_000) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_doubles_from_50_ms_to_5_s() {
        let pauses: Vec<_> = (0..10).map(|attempt| back_off(attempt).as_millis()).collect();
        assert_eq!(pauses, [0, 50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
        assert_eq!(back_off(u32::MAX), Duration::from_secs(5));
    }
}
