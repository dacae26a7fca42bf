//! `aurora demo`: the whole system on this machine, over a real NATS and a venue that speaks Alpaca.

use crate::cli::{Common, Demo};
use crate::clock::SessionClock;
use crate::conductor::Conductor;
use crate::config::Config;
use crate::failure::{Failure, fail};
use crate::home::{Home, Places};
use crate::opening::Opening;
use crate::output::{note, progress};
use crate::prices::Purpose;
use crate::processes::Processes;
use crate::scene::Scene;
use crate::server::{Server, as_user};
use crate::summary::Summary;
use crate::wiring::{ACTORS, Wiring};
use alpaca::{Credentials, Endpoints};
use exchange::ExchangeConfig;
use ingest::{FetchOptions, Provenance, store};
use messages::{ActorId, Date, Env, Envelope, ModelPublished, Outcome, Symbol};
use reporting::RunFolder;
use shell::{Bus, BusOptions, Supervision};
use std::sync::Arc;
use std::time::Duration;
use venue::{ClockMode, Venue, VenueConfig};

/// How long the server of a run that was stopped stays, for those who ask.
const FAREWELL: Duration = Duration::from_millis(1_500);
/// Any pair will do: the demo's venue is made for it and gone with it.
const KEYS: (&str, &str) = ("DEMO", "demo");

pub async fn demo(args: &Demo, common: &Common) -> Result<bool, Failure> {
    let config = Config::read_or_shipped(common.config.as_deref())?;
    let home = Home(common.home.clone());
    if home.kill_flag().exists() {
        return Err(fail(format!(
            "{} is there: nothing trades until it is removed",
            home.kill_flag().display()
        )));
    }
    if args.nats.nats.contains("{actor}") && !args.processes {
        return Err(fail("{actor} in --nats takes --processes: in one process all are one user"));
    }
    let scene = Scene::new(&args.period, &config, Purpose::Trading)?;
    let (run, places) = sandbox(&home, args.period.run.as_deref(), "demo")?;
    note(format!(
        "{run}: {}, {} sessions from {}",
        scene.source,
        scene.trading.len(),
        scene.trading[0].session
    ));

    let venue = start_venue(&scene, args.period.seed).await?;
    let (key, secret) = KEYS;
    let endpoints = Endpoints::local(&venue.addr().to_string());
    let client = alpaca::Client::new(endpoints, Credentials::new(key, secret))?.paced(None, None);
    fetch_history(&client, &scene, &places, &config).await?;

    let server = Server::start(&args.nats.nats, &places, &home)?;
    let own = as_user(&server.url, ActorId::Session.name());
    let bus = Bus::connect(&BusOptions::new(own, Env::Paper)).await?;
    let wiring =
        Wiring { bus, client, config, places: places.clone(), kill_flag: home.kill_flag() };
    let actors =
        Actors::start(args.processes, &wiring, &server.url, &venue, &home, common, &run).await?;
    let conductor = conductor(&scene, &wiring, &run);
    let led = tokio::select! {
        led = lead(&conductor, &scene, args.period.journals.then_some(&places)) => led,
        failed = actors.failed() => Err(failed),
        interrupted = shell::terminated() => Err(interrupted.map_or_else(Failure::from, |()| fail("interrupted; the journals so far are in the run's folder"))),
    };
    let led = match led {
        Ok(led) => led,
        Err(failure) => {
            actors.stop().await;
            return Err(failure);
        }
    };
    if matches!(led.outcome, Outcome::Stopped { .. }) {
        // Whoever stopped it reads from its bus who acknowledged.
        tokio::time::sleep(FAREWELL).await;
    }
    actors.stop().await;
    venue.stop().await;
    let mut folder = RunFolder::open(&places.run)?;
    folder.finish()?;
    let summary =
        Summary::new(run, &scene.source, &led.outcome, &folder, led.model, &led.journal, &places);
    // Connections first, or each would complain that the server is gone.
    drop((conductor, wiring));
    drop(server);
    summary.emit(common.json)?;
    match led.outcome {
        Outcome::Traded | Outcome::Trained => Ok(true),
        Outcome::Stopped { reason } => Err(fail(format!("stopped: {reason}"))),
    }
}

fn conductor(scene: &Scene, wiring: &Wiring, run: &str) -> Conductor {
    Conductor {
        bus: wiring.bus.clone(),
        client: wiring.client.clone(),
        clock: SessionClock::Stepped(wiring.client.clone()),
        opening: Opening {
            env: Env::Paper,
            run_id: run.to_owned(),
            universe: scene.universe.clone(),
            source: scene.source.clone(),
            events: scene.events.clone(),
            config: wiring.config.clone(),
            models: wiring.places.models.clone(),
        },
        prices: wiring.places.prices.clone(),
    }
}

async fn start_venue(scene: &Scene, seed: u64) -> Result<Venue, Failure> {
    let exchange = ExchangeConfig::new(scene.cash, seed, scene.training.start);
    let mut config = VenueConfig::new(scene.market.clone(), exchange);
    config.clock = ClockMode::Stepped;
    config.keys = Some((KEYS.0.to_owned(), KEYS.1.to_owned()));
    Ok(Venue::start(config).await?)
}

/// By REST, as from Alpaca: everything that is history when the first session opens.
async fn fetch_history(
    client: &alpaca::Client,
    scene: &Scene,
    places: &Places,
    config: &Config,
) -> Result<(), Failure> {
    let history = scene.history();
    let (Some(first), Some(last)) = (history.first(), history.last()) else {
        return Err(fail("there is no history before the first session"));
    };
    let members = &scene.universe.members;
    let symbols: Vec<Symbol> = members.iter().map(|member| member.symbol.clone()).collect();
    let bar = progress("bars", symbols.len() as u64);
    let shown = bar.clone();
    let mut options = FetchOptions::new(&config.alpaca.feed, &config.alpaca.adjustment);
    options.progress = Some(Arc::new(move |done, of| {
        shown.set_length(of as u64);
        shown.set_position(done as u64);
    }));
    let bars = ingest::fetch_bars(client, &symbols, first.session, last.session, &options).await?;
    bar.finish_and_clear();
    let source = Provenance {
        source: "bin/venue".to_owned(),
        request: format!("{} symbols, {} to {}", symbols.len(), first.session, last.session),
        at: alpaca::time::utc(client.clock().await?.timestamp.0),
        feed: options.feed.clone(),
        adjustment: options.adjustment.clone(),
        raw_close: "raw_close".to_owned(),
    };
    store::write_prices(&places.prices, &bars, source)?;
    ingest::write_universe(&ingest::universe_path(&places.prices), &scene.universe)?;
    if let Some(events) = &scene.events_file {
        ingest::keep_events(&places.prices, events)?;
    }
    Ok(())
}

/// The actors of a run: in this process, or each in its own.
pub enum Actors {
    Here(Supervision),
    Apart(Processes),
}

impl Actors {
    async fn start(
        apart: bool,
        wiring: &Wiring,
        nats: &str,
        venue: &Venue,
        home: &Home,
        common: &Common,
        run: &str,
    ) -> Result<Self, Failure> {
        if !apart {
            let specs = ACTORS.into_iter().map(|actor| wiring.spec(actor));
            let specs = specs.collect::<Result<Vec<_>, _>>()?;
            return Ok(Self::Here(shell::supervise(wiring.bus.clone(), specs).await));
        }
        let mut arguments: Vec<String> =
            ["actor", "--env", "paper", "--run", run].map(str::to_owned).to_vec();
        arguments.extend(["--venue".to_owned(), venue.addr().to_string()]);
        arguments.extend(["--home".to_owned(), home.0.display().to_string()]);
        if let Some(config) = &common.config {
            arguments.extend(["--config".to_owned(), config.display().to_string()]);
        }
        Ok(Self::Apart(Processes::start(&ACTORS, &arguments, nats, KEYS)?))
    }

    /// Returns when an actor can't go on.
    async fn failed(&self) -> Failure {
        match self {
            Actors::Here(supervision) => Failure::from(supervision.failed().await),
            Actors::Apart(processes) => processes.failed().await,
        }
    }

    async fn stop(self) {
        match self {
            Actors::Here(supervision) => supervision.stop().await,
            Actors::Apart(processes) => processes.stop().await,
        }
    }
}

struct Led {
    outcome: Outcome,
    model: Option<ModelPublished>,
    journal: Vec<Envelope>,
}

/// Trains, then trades day after day; keeps the journals in `keep`.
async fn lead(conductor: &Conductor, scene: &Scene, keep: Option<&Places>) -> Result<Led, Failure> {
    note("training a model on what is history by then");
    let trained = conductor.lead(scene.training, None).await?;
    let Some(model) = trained.model else {
        return Err(fail(format!("no model came of it: {:?}", trained.outcome)));
    };
    let bar = progress("trading", scene.trading.len() as u64);
    let mut outcome = trained.outcome;
    let mut last: Date = scene.training.session;
    for day in &scene.trading {
        let ending = conductor.lead(*day, Some(&model.model)).await?;
        bar.inc(1);
        bar.set_message(day.session.to_string());
        (outcome, last) = (ending.outcome, day.session);
        if let Some(places) = keep {
            places.keep_journal(last, &journal(&conductor.bus, last).await?)?;
        }
        if matches!(outcome, Outcome::Stopped { .. }) {
            break;
        }
    }
    bar.finish_and_clear();
    let journal = journal(&conductor.bus, last).await?;
    Ok(Led { outcome, model: Some(model), journal })
}

async fn journal(bus: &Bus, session: Date) -> Result<Vec<Envelope>, Failure> {
    let entries = bus.read_journal(session).await?;
    Ok(entries.into_iter().filter_map(|entry| entry.1.ok()).collect())
}

/// A new folder for a run: of the name that was asked for, or of the kind of run and the wall clock's
/// UTC time (`demo-20240103-141500`).
pub fn sandbox(home: &Home, wanted: Option<&str>, kind: &str) -> Result<(String, Places), Failure> {
    let run = match wanted {
        Some(name) if name.is_empty() || name.contains(['/', '\\']) || name.starts_with('.') => {
            return Err(fail(format!(
                "{name:?} can't be the name of a folder: choose another --run"
            )));
        }
        Some(name) => name.to_owned(),
        None => format!("{kind}-{}", jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S%.3f")),
    };
    let places = home.sandbox(&run);
    if places.run.exists() {
        return Err(fail(format!("there is a run {run} already: choose another name with --run")));
    }
    places.create()?;
    Ok((run, places))
}
