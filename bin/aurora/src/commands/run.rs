//! `aurora up` and `aurora actor`: the running system, in one process or in many.

use crate::cli::{Actor, Common, Up};
use crate::clock::SessionClock;
use crate::commands::control;
use crate::conductor::{Conductor, Day};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::{Home, Places};
use crate::opening::Opening;
use crate::output::note;
use crate::server::Server;
use crate::wiring::{ACTORS, Wiring};
use jiff::civil::Time as WallTime;
use messages::{Date, Env, ModelRef, Outcome};
use shell::{Bus, BusOptions};
use trainer::Registry;

pub async fn up(args: &Up, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let path = common.config.clone().unwrap_or_else(|| home.0.join("aurora.toml"));
    let config = Config::read(&path)?;
    let client = client(&config, args.venue.as_deref())?;
    let places = home.run(&args.run);
    places.create()?;
    // Before anything starts: is there one, and may it trade?
    model(args.model.as_deref(), &places)?;
    let universe = ingest::universe_of(&places.prices)?;
    let server = Server::start(&args.nats.nats, &places, &home)?;
    let bus = Bus::connect(&BusOptions::new(&server.url, Env::Paper)).await?;
    let source = args.venue.clone().unwrap_or_else(|| config.alpaca.data.clone());
    let wiring = Wiring {
        bus: bus.clone(),
        client: client.clone(),
        config: config.clone(),
        places: places.clone(),
        kill_flag: home.kill_flag(),
    };
    let specs = ACTORS.into_iter().map(|actor| wiring.spec(actor)).collect::<Result<_, _>>()?;
    let supervision = shell::supervise(bus.clone(), specs).await;
    // Only our own venue stands still, and only if it was started so.
    let stepped = args.venue.is_some() && client.is_stepped().await?;
    let clock = if stepped { SessionClock::Stepped } else { SessionClock::Flowing };
    let conductor = Conductor {
        bus,
        client: client.clone(),
        clock: clock(client.clone()),
        opening: Opening {
            env: Env::Paper,
            run_id: args.run.clone(),
            universe,
            source,
            events: ingest::read_events(&places.prices)?,
            config,
            models: places.models.clone(),
        },
        prices: places.prices.clone(),
    };
    let led = tokio::select! {
        led = lead(&conductor, &client, args, &places) => led,
        failed = supervision.failed() => Err(Failure::from(failed)),
        ended = shell::terminated() => Ok(ended.map(|()| true)?),
    };
    supervision.stop().await;
    led
}

/// The named model, or the promoted one, if it loads.
fn model(wanted: Option<&str>, places: &Places) -> Result<ModelRef, Failure> {
    let registry = Registry::new(&places.models);
    let found = match wanted {
        Some(id) => registry.list()?.into_iter().find(|model| model.id == id),
        None => registry.current()?,
    };
    let found = found.ok_or_else(|| match wanted {
        Some(id) => fail(format!("there is no model {id} in {}", places.models.display())),
        None => fail("there is no promoted model: run `aurora train`, then `aurora models list` and `promote ID` if it was kept back".to_owned()),
    })?;
    registry.load(&found, Env::Paper)?;
    Ok(found)
}

async fn lead(
    conductor: &Conductor,
    client: &alpaca::Client,
    args: &Up,
    places: &Places,
) -> Result<bool, Failure> {
    let mut well = true;
    let mut traded: Option<ModelRef> = None;
    let start = wall_time(&conductor.opening.config.schedule.open_session)?;
    let mut last: Option<Date> = None;
    for _ in 0..args.sessions.unwrap_or(u32::MAX) {
        // One that was left open comes first, even if its day is over.
        let left = conductor.bus.open_session_date().await?;
        let day = next_day(client, left, last, start).await?;
        note(format!("session {} opens at {}", day.session, alpaca::time::new_york(day.start)));
        // A promotion counts from the next session on: `SessionOpened` names the model of a day.
        conductor.clock.until(day.start).await?;
        let model = model(args.model.as_deref(), places)?;
        if traded.as_ref().is_some_and(|before| *before != model) {
            note(format!("session {} trades with {} from now on", day.session, model.id));
        }
        let ending = conductor.lead(day, Some(&model)).await?;
        traded = Some(model);
        note(format!("session {}: {:?}", day.session, ending.outcome));
        well &= !matches!(ending.outcome, Outcome::Stopped { .. });
        last = Some(day.session);
    }
    Ok(well)
}

/// `wanted`, or the first session after `last` that has not closed yet.
async fn next_day(
    client: &alpaca::Client,
    wanted: Option<Date>,
    last: Option<Date>,
    start: WallTime,
) -> Result<Day, Failure> {
    let now = ingest::clock::now(client).await?;
    let around = wanted.unwrap_or_else(|| alpaca::time::session_date(now));
    let from = around.checked_sub(jiff::Span::new().days(14))?;
    let to = around.checked_add(jiff::Span::new().days(14))?;
    let calendar = client.calendar(from, to).await?;
    for days in calendar.windows(3) {
        let [history, signal, session] = days else { continue };
        let at = |time| alpaca::time::session_time(session.date, time);
        let ours = match wanted {
            Some(wanted) => session.date == wanted,
            None => at(session.close) > now && last.is_none_or(|last| session.date > last),
        };
        if ours {
            return Ok(Day {
                session: session.date,
                signal_session: signal.date,
                history_session: history.date,
                start: at(start),
                open: at(session.open),
                close: at(session.close),
            });
        }
    }
    Err(fail(format!("the broker's calendar has no session for us between {from} and {to}")))
}

fn wall_time(text: &str) -> Result<WallTime, Failure> {
    WallTime::strptime("%H:%M", text).map_err(|_| fail(format!("{text:?} is no time like 08:00")))
}

pub async fn actor(args: &Actor, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let own = home.0.join("aurora.toml");
    let path = common.config.clone().or_else(|| own.exists().then_some(own));
    let config = Config::read_or_shipped(path.as_deref())?;
    let run = args.run.clone().unwrap_or_else(|| "paper".to_owned());
    let sandbox = home.sandbox(&run);
    let places = if sandbox.prices.exists() { sandbox } else { home.run(&run) };
    let client = client(&config, args.venue.as_deref())?;
    let target = crate::cli::Target { env: args.env, nats: args.nats.clone() };
    let bus = control::connect(&target, &home).await?;
    let wiring = Wiring { bus: bus.clone(), client, config, places, kill_flag: home.kill_flag() };
    let supervision = shell::supervise(bus, vec![wiring.spec(args.name)?]).await;
    let ended = tokio::select! {
        failed = supervision.failed() => Err(Failure::from(failed).finally()),
        ended = shell::terminated() => Ok(ended.map(|()| true)?),
    };
    supervision.stop().await;
    ended
}
