//! Which core or gateway stands behind an actor's name, and which files it may read.

use crate::commands::train::Records;
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::Places;
use execution::Execution;
use features::FeaturesActor;
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use ingest::store;
use kernel::{Actor, Observer};
use messages::{ActorId, Bars, Env, Envelope, HistoryRef, ModelRef, SessionOpened, Topic};
use reporting::{Reporting, RunFolder};
use risk::Risk;
use scoring::{Predictor, Scoring};
use shell::{ActorSpec, BoxError, Bus, CoreSpec, GatewaySpec, Session};
use std::path::{Path, PathBuf};
use trainer::{Past, Registry};

/// The files a journal vouches for by their hash.
pub trait Files {
    fn history(&self, wanted: &HistoryRef) -> Result<Vec<Bars>, BoxError>;
    /// If its audit allows trading in `env`.
    fn model(&self, wanted: &ModelRef, env: Env) -> Result<Box<dyn Predictor>, BoxError>;
}

/// On disk, as the running system has them.
#[derive(Clone, Debug)]
pub struct Disk {
    pub prices: PathBuf,
    pub models: PathBuf,
}

impl Files for Disk {
    fn history(&self, wanted: &HistoryRef) -> Result<Vec<Bars>, BoxError> {
        let bars = store::trading_prices(&self.prices)?;
        Ok(store::verify(&bars, wanted)?.to_vec())
    }

    fn model(&self, wanted: &ModelRef, env: Env) -> Result<Box<dyn Predictor>, BoxError> {
        Ok(Box::new(Registry::new(&self.models).load(wanted, env)?))
    }
}

/// The pure core called `actor`, for one session; the same in a backtest and over NATS.
pub fn core(
    actor: ActorId,
    opened: &SessionOpened,
    files: &dyn Files,
) -> Result<Box<dyn Actor>, BoxError> {
    Ok(match actor {
        ActorId::Features => Box::new(FeaturesActor::new(files.history(&opened.history)?)),
        ActorId::Scoring => {
            let model = opened.model.as_ref();
            let model = model.map(|model| files.model(model, opened.env)).transpose()?;
            Box::new(Scoring::new(model))
        }
        ActorId::Risk => Box::new(Risk::new()),
        ActorId::Execution => Box::new(Execution::new()),
        ActorId::Reporting => Box::new(Reporting::new()),
        other => return Err(format!("{other} is no core").into()),
    })
}

/// The cores, in the order in which a backtest asks them.
pub const CORES: [ActorId; 5] =
    [ActorId::Features, ActorId::Scoring, ActorId::Risk, ActorId::Execution, ActorId::Reporting];

/// Everything that runs besides the conductor.
pub const ACTORS: [ActorId; 8] = [
    ActorId::Ingest,
    ActorId::Features,
    ActorId::Scoring,
    ActorId::Risk,
    ActorId::Execution,
    ActorId::Broker,
    ActorId::Reporting,
    ActorId::Trainer,
];

/// What the actors of a running system are made with.
#[derive(Clone)]
pub struct Wiring {
    pub bus: Bus,
    pub client: alpaca::Client,
    pub config: Config,
    pub places: Places,
    pub kill_flag: PathBuf,
}

impl Wiring {
    pub fn spec(&self, actor: ActorId) -> Result<ActorSpec, Failure> {
        Ok(match actor {
            ActorId::Ingest => self.ingest(),
            ActorId::Broker => self.broker(),
            ActorId::Trainer => self.trainer(),
            ActorId::Session | ActorId::Control => {
                return Err(fail(format!(
                    "{actor} does not run by itself: `aurora up` and `aurora demo` lead the session"
                )));
            }
            core => self.core(core),
        })
    }

    fn disk(&self) -> Disk {
        Disk { prices: self.places.prices.clone(), models: self.places.models.clone() }
    }

    fn core(&self, id: ActorId) -> ActorSpec {
        let files = self.disk();
        let build = move |opened: &SessionOpened| core(id, opened, &files);
        let run = self.places.run.clone();
        let observer = (id == ActorId::Reporting).then(|| {
            let build =
                move || Box::new(Report { run: run.clone(), folder: None }) as Box<dyn Observer>;
            Box::new(build) as Box<dyn Fn() -> _ + Send>
        });
        ActorSpec::Core(CoreSpec { id, build: Box::new(build), observer })
    }

    fn ingest(&self) -> ActorSpec {
        let (client, prices) = (self.client.clone(), self.places.prices.clone());
        let (alpaca, config_sha256) = (&self.config.alpaca, self.config.sha256.clone());
        let fetch = ingest::FetchOptions::new(&alpaca.feed, &alpaca.adjustment);
        let options = ingest::GatewayOptions::new(fetch);
        gateway(ActorId::Ingest, move || {
            let gateway = ingest::Gateway::new(client.clone(), prices.clone(), options.clone());
            Ok(Box::new(Configured { gateway, config_sha256: config_sha256.clone() }))
        })
    }

    fn broker(&self) -> ActorSpec {
        let (client, bus) = (self.client.clone(), self.bus.clone());
        let kill_flag = self.kill_flag.clone();
        let guard = broker::Guard::start(client.clone(), kill_flag.clone());
        gateway(ActorId::Broker, move || {
            // It lasts as long as there may be another gateway.
            let _ = &guard;
            let options =
                broker::GatewayOptions { kill_flag: kill_flag.clone(), bus: Some(bus.clone()) };
            Ok(Box::new(broker::Gateway::new(client.clone(), options)))
        })
    }

    fn trainer(&self) -> ActorSpec {
        let (files, config) = (self.disk(), self.config.training.clone());
        let config_sha256 = self.config.sha256.clone();
        gateway(ActorId::Trainer, move || {
            let files = files.clone();
            let registry = Registry::new(&files.models);
            let load = move |wanted: &HistoryRef| {
                let Records { dividends, restated } =
                    Records::beside(&files.prices).map_err(|error| error.to_string())?;
                Ok(Past { bars: files.history(wanted)?, dividends, restated })
            };
            let gateway = trainer::Gateway::new(registry, config.clone(), Box::new(load));
            Ok(Box::new(Configured { gateway, config_sha256: config_sha256.clone() }))
        })
    }
}

fn gateway(
    id: ActorId,
    build: impl Fn() -> Result<Box<dyn shell::Gateway>, BoxError> + Send + 'static,
) -> ActorSpec {
    ActorSpec::Gateway(GatewaySpec { id, build: Box::new(build) })
}

/// A gateway that reads the configuration works only in sessions that were opened with the same one.
struct Configured<G> {
    gateway: G,
    config_sha256: String,
}

impl<G: shell::Gateway> shell::Gateway for Configured<G> {
    fn id(&self) -> ActorId {
        self.gateway.id()
    }

    fn listens(&self) -> &'static [Topic] {
        self.gateway.listens()
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        let theirs = &session.opened().config_sha256;
        if *theirs != self.config_sha256 {
            let text = format!(
                "CONFIG_MISMATCH: the session was opened with a configuration of SHA-256 {theirs}, this process \
                 read one of {}: start it with the same file",
                self.config_sha256
            );
            return async move { Err(text.into()) }.boxed_local();
        }
        self.gateway.run(session)
    }
}

/// The run's folder, opened with the first entry: what is wrong with it is the observer's error then.
struct Report {
    run: PathBuf,
    folder: Option<RunFolder>,
}

impl Observer for Report {
    fn see(&mut self, position: u64, entry: &Envelope) -> std::io::Result<()> {
        let folder = match &mut self.folder {
            Some(folder) => folder,
            empty => empty.insert(RunFolder::open(&self.run).map_err(std::io::Error::other)?),
        };
        folder.see(position, entry)
    }
}

/// Where a model's folder is, for messages to people.
pub fn card(models: &Path, id: &str) -> PathBuf {
    models.join(id).join("card.json")
}
