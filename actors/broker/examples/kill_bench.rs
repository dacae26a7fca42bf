//! How long a kill takes: from the moment before it is sent to the bus to the arrival of the last acknowledgement, over a
//! real nats-server and a venue on loopback, with the six actors that stand between a bar and the venue: features, scoring,
//! risk, execution, the broker gateway (its trade stream connected, its books compared) and reporting. A seventh seat (the trainer's) only listens: it reads the journal as actors do
//! and stamps what arrives. Prints one JSON object; times in milliseconds.
//!
//! `cargo run --release -p broker --example kill_bench [KILLS]`

use exchange::{ExchangeConfig, Market, SyntheticConfig};
use futures::FutureExt;
use futures::future::LocalBoxFuture;
use kernel::Actor;
use messages::{
    ActorId, Date, Env, Kill, KillLevel, Limits, Message, ModelRef, Resume, SessionOpened, Time,
    Topic, Usd,
};
use shell::embedded::{EmbeddedOptions, NatsServer};
use shell::{
    ActorSpec, ActorState, BoxError, Bus, BusOptions, CoreSpec, Gateway, GatewaySpec, Session,
    supervise, telemetry,
};
use std::collections::BTreeMap;
use std::io::Write;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use venue::{Venue, VenueConfig};

const ACTORS: [ActorId; 6] = [
    ActorId::Features,
    ActorId::Scoring,
    ActorId::Risk,
    ActorId::Execution,
    ActorId::Broker,
    ActorId::Reporting,
];

const CASH: Usd = Usd(1_000_000_000_000);

/// Who acknowledged the kill at which position, and when that was read.
type Heard = (ActorId, u64, Instant);

/// Reads acknowledgements off the journal.
struct Watch(UnboundedSender<Heard>);

impl Gateway for Watch {
    fn id(&self) -> ActorId {
        ActorId::Trainer
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::KillAcknowledged]
    }

    fn run<'a>(&'a mut self, session: &'a mut Session) -> LocalBoxFuture<'a, Result<(), BoxError>> {
        async move {
            session.catch_up().await?;
            while let Some((_, entry)) = session.next().await? {
                if let Message::KillAcknowledged(acknowledged) = &entry.body {
                    self.0.send((entry.id.author, acknowledged.position, Instant::now()))?;
                }
            }
            Ok(())
        }
        .boxed_local()
    }
}

fn core(id: ActorId) -> ActorSpec {
    let build = move |_: &SessionOpened| {
        let core: Box<dyn Actor> = match id {
            ActorId::Features => Box::new(features::FeaturesActor::new(Vec::new())),
            ActorId::Scoring => Box::new(scoring::Scoring::new(None)),
            ActorId::Risk => Box::new(risk::Risk::new()),
            ActorId::Execution => Box::new(execution::Execution::new()),
            _ => Box::new(reporting::Reporting::new()),
        };
        Ok(core)
    };
    ActorSpec::Core(CoreSpec { id, build: Box::new(build), observer: None })
}

fn gateway(bus: &Bus, folder: &std::path::Path, venue: &Venue) -> ActorSpec {
    let (bus, kill_flag) = (bus.clone(), folder.join("kill.flag"));
    let endpoints = alpaca::Endpoints::local(&venue.addr().to_string());
    let build = move || {
        let endpoints = endpoints.clone();
        let client = alpaca::Client::new(endpoints, alpaca::Credentials::new("key", "secret"))?;
        let options =
            broker::GatewayOptions { kill_flag: kill_flag.clone(), bus: Some(bus.clone()) };
        Ok(Box::new(broker::Gateway::new(client, options)) as Box<dyn Gateway>)
    };
    ActorSpec::Gateway(GatewaySpec { id: ActorId::Broker, build: Box::new(build) })
}

fn opened(day: Date) -> SessionOpened {
    SessionOpened {
        run_id: "bench".to_owned(),
        source: "a bench".to_owned(),
        model: Some(ModelRef { id: "bench".to_owned(), sha256: String::new() }),
        cash: CASH,
        equity: CASH,
        ..SessionOpened::new(Env::Dryrun, day, day, Limits::each(1.0))
    }
}

/// An hour before the open of a day that stands still.
async fn venue() -> Result<(Venue, Date), BoxError> {
    let market =
        Market::synthetic(&SyntheticConfig { symbols: 5, sessions: 30, ..Default::default() });
    let session = market.calendar().sessions()[25];
    let start = Time(session.open.0 - 3_600_000_000_000);
    let config = VenueConfig::new(market, ExchangeConfig::new(CASH, 1, start));
    Ok((Venue::start(config).await?, session.date))
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let kills = std::env::args().nth(1).map_or(Ok(1_000), |argument| argument.parse::<usize>())?;
    let _telemetry = telemetry::init(&telemetry::TelemetryOptions {
        run_id: "bench".to_owned(),
        default_level: "warn".to_owned(),
    });
    let folder = tempfile::tempdir()?;
    let options = EmbeddedOptions { store: folder.path().to_owned(), ..Default::default() };
    let server = NatsServer::start(&options)?;
    let bus = Bus::connect(&BusOptions::new(server.url(), Env::Dryrun)).await?;
    let (venue, day) = venue().await?;
    bus.open_session(&opened(day), Time(0)).await?;
    let (sender, mut heard) = unbounded_channel();
    let watch = move || Ok(Box::new(Watch(sender.clone())) as Box<dyn Gateway>);
    let mut specs: Vec<ActorSpec> =
        ACTORS.into_iter().filter(|id| *id != ActorId::Broker).map(core).collect();
    specs.push(gateway(&bus, folder.path(), &venue));
    specs.push(ActorSpec::Gateway(GatewaySpec { id: ActorId::Trainer, build: Box::new(watch) }));
    let seats = specs.len();
    let running = supervise(bus.clone(), specs).await;
    while running_count(&bus).await? < seats {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The first copies into a journal that was just opened take the server longer.
    let first = measure(&bus, &mut heard, 1).await?;
    let steady = measure(&bus, &mut heard, kills).await?;
    running.stop().await;
    venue.stop().await;
    let report = serde_json::json!({
        "kills": kills,
        "actors": ACTORS.map(ActorId::name),
        "server": bus.server_version(),
        "first_ms": first.last[0],
        "last_acknowledgement_ms": summary(steady.last),
        "by_actor_ms": steady.by_actor.into_iter()
            .map(|(actor, times)| (actor.name().to_owned(), summary(times)))
            .collect::<serde_json::Map<_, _>>(),
        "stored_ms": summary(steady.stored),
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&report)?)?;
    Ok(())
}

/// Milliseconds from before the kill was sent.
#[derive(Default)]
struct Measured {
    /// Until the control stream had stored it.
    stored: Vec<f64>,
    /// Until each actor's acknowledgement was read, and until the last was.
    by_actor: BTreeMap<ActorId, Vec<f64>>,
    last: Vec<f64>,
}

async fn measure(
    bus: &Bus,
    heard: &mut UnboundedReceiver<Heard>,
    kills: usize,
) -> Result<Measured, BoxError> {
    let mut measured = Measured::default();
    for _ in 0..kills {
        let kill = Kill {
            level: KillLevel::Halt,
            reason: "a bench".to_owned(),
            operator: "bench".to_owned(),
        };
        let sent = Instant::now();
        bus.kill(&kill).await?;
        measured.stored.push(sent.elapsed().as_secs_f64() * 1e3);
        let mut missing: Vec<ActorId> = ACTORS.to_vec();
        let mut last = 0.0_f64;
        while !missing.is_empty() {
            let next = tokio::time::timeout(Duration::from_secs(10), heard.recv()).await;
            let Ok(Some((actor, _, at))) = next else {
                return Err(format!("no acknowledgement by {missing:?} in ten seconds").into());
            };
            if let Some(index) = missing.iter().position(|awaited| *awaited == actor) {
                missing.swap_remove(index);
                let took = at.duration_since(sent).as_secs_f64() * 1e3;
                measured.by_actor.entry(actor).or_default().push(took);
                last = last.max(took);
            }
        }
        measured.last.push(last);
        let (operator, reason) = ("bench".to_owned(), "again".to_owned());
        bus.resume(&Resume { operator, reason }).await?;
        // Until the resume has passed too: each kill meets a system at rest.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(measured)
}

async fn running_count(bus: &Bus) -> Result<usize, BoxError> {
    let statuses = bus.statuses(Duration::from_secs(5)).await?;
    Ok(statuses.iter().filter(|status| status.state == ActorState::Running).count())
}

fn summary(mut times: Vec<f64>) -> serde_json::Value {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| times[((times.len() - 1) as f64 * share).round() as usize];
    serde_json::json!({"p50": at(0.5), "p99": at(0.99), "max": at(1.0)})
}
