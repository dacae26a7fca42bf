use crate::engine::Engine;
use crate::error::ShellError;
use crate::seat::Seat;
use crate::status::{ActorState, StatusCell};
use crate::supervise::ActorSpec;
use crate::{BoxError, Bus, CoreSpec, Gateway, GatewaySpec, Session};
use messages::{ActorId, Date, SessionOpened};
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Runs one actor through session after session, until it fails or is stopped.
pub(crate) struct Runner {
    bus: Bus,
    spec: ActorSpec,
    status: Arc<StatusCell>,
    stopped: watch::Receiver<bool>,
    /// The last session it finished; survives failures.
    finished: Cell<Option<Date>>,
}

/// Whether to go on with the next session.
#[derive(PartialEq, Eq)]
enum Outcome {
    Finished,
    Stopped,
}

impl Runner {
    pub(crate) fn new(
        bus: Bus,
        spec: ActorSpec,
        status: Arc<StatusCell>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { bus, spec, status, stopped, finished: Cell::new(None) }
    }

    pub(crate) fn actor(&self) -> ActorId {
        self.spec.id()
    }

    pub(crate) fn status(&self) -> &StatusCell {
        &self.status
    }

    /// Waits; true if the system was stopped meanwhile.
    pub(crate) async fn paused_until_stop(&self, pause: Duration) -> bool {
        tokio::select! {
            () = self.stop() => true,
            () = tokio::time::sleep(pause) => *self.stopped.borrow(),
        }
    }

    /// Ok when it was stopped.
    pub(crate) async fn run(&self) -> Result<(), ShellError> {
        tokio::select! {
            biased;
            () = self.bus.connected() => {}
            () = self.stop() => return Ok(()),
        }
        // A connection of its own: what a failed instance had queued goes with it.
        let name = self.bus.subjects().service(self.actor());
        let bus = self.bus.dial(&name).await?;
        let seat = Seat::take(&bus, self.status.clone());
        match &self.spec {
            ActorSpec::Core(spec) => {
                self.run_sessions(&bus, async |session| {
                    self.run_core(&bus, &seat, spec, session).await
                })
                .await
            }
            ActorSpec::Gateway(spec) => {
                let mut gateway = build_gateway(spec)?;
                self.run_sessions(&bus, async |session| {
                    self.run_gateway(&bus, &seat, &mut *gateway, session).await
                })
                .await
            }
        }
    }

    async fn run_sessions(
        &self,
        bus: &Bus,
        mut run: impl AsyncFnMut(Date) -> Result<Outcome, ShellError>,
    ) -> Result<(), ShellError> {
        loop {
            self.status.enter(ActorState::Waiting, None);
            let session = tokio::select! {
                biased;
                () = self.stop() => return Ok(()),
                session = bus.wait_for_session(self.finished.get()) => session?,
            };
            if run(session).await? == Outcome::Stopped {
                return Ok(());
            }
            self.finished.set(Some(session));
            tracing::info!(actor = %self.actor(), %session, "done with the session");
        }
    }

    async fn run_core(
        &self,
        bus: &Bus,
        seat: &Arc<Seat>,
        spec: &CoreSpec,
        session: Date,
    ) -> Result<Outcome, ShellError> {
        let actor = spec.id;
        let build = |opened: &SessionOpened| {
            (spec.build)(opened).map_err(|source| ShellError::Build { actor, source })
        };
        let mut engine = Engine::open(bus, seat, session, |_| true, build).await?;
        let mut observer = spec.observer.as_ref().map(|new| new());
        if observer.is_some() {
            engine.read_all();
        }
        let mut stop = pin!(self.stop());
        loop {
            let next = tokio::select! {
                biased;
                next = engine.next() => next?,
                () = &mut stop => {
                    engine.flush().await?;
                    return Ok(Outcome::Stopped);
                }
            };
            let Some((position, entry)) = next else {
                return Ok(Outcome::Finished);
            };
            if let Some(observer) = &mut observer {
                let seen = observer.see(position, &entry);
                seen.map_err(|source| ShellError::Observer { actor, position, source })?;
            }
        }
    }

    async fn run_gateway(
        &self,
        bus: &Bus,
        seat: &Arc<Seat>,
        gateway: &mut dyn Gateway,
        date: Date,
    ) -> Result<Outcome, ShellError> {
        let actor = seat.actor;
        let mut session = Session::open(bus, seat, date, gateway.listens()).await?;
        let ended = tokio::select! {
            biased;
            ended = gateway.run(&mut session) => Some(ended),
            () = self.stop() => None,
        };
        let stopped = ended.is_none();
        ended.unwrap_or(Ok(())).map_err(|error| gateway_error(actor, error))?;
        session.flush().await?;
        match (stopped, session.is_closed()) {
            (true, _) => Ok(Outcome::Stopped),
            (false, true) => Ok(Outcome::Finished),
            (false, false) => Err(ShellError::ReturnedEarly { actor, session: date }),
        }
    }

    async fn stop(&self) {
        let mut stopped = self.stopped.clone();
        // An error means that nobody is left who could stop it.
        if stopped.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn build_gateway(spec: &GatewaySpec) -> Result<Box<dyn Gateway>, ShellError> {
    (spec.build)().map_err(|source| ShellError::Build { actor: spec.id, source })
}

/// What the shell itself told the gateway comes back as it was.
fn gateway_error(actor: ActorId, error: BoxError) -> ShellError {
    match error.downcast::<ShellError>() {
        Ok(own) => *own,
        Err(source) => ShellError::Gateway { actor, source },
    }
}
