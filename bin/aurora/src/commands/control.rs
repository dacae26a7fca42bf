//! `status`, `kill`, `resume`: what an operator says to a running system.

use crate::cli::{Common, KillArgs, ResumeArgs, Status, Target};
use crate::config::Config;
use crate::connection::client;
use crate::failure::{Failure, fail};
use crate::home::Home;
use crate::morning;
use crate::output::{Table, emit};
use crate::wiring::ACTORS;
use messages::{ActorId, Kill, KillLevel, Message, Resume, Time};
use serde::Serialize;
use shell::{ActorStatus, Bus, BusOptions};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

const PING: Duration = Duration::from_millis(800);
/// How long the acknowledgements of a kill are waited for.
const ACKNOWLEDGE: Duration = Duration::from_secs(5);

pub async fn connect(target: &Target, home: &Home) -> Result<Bus, Failure> {
    let url = match &target.nats {
        Some(url) => url.clone(),
        None => fs::read_to_string(home.nats_url()).map_err(|_| {
            fail(format!(
                "no NATS server is known here: {} is missing; start `aurora up` or `aurora demo` in this folder, or name one with --nats URL",
                home.nats_url().display()
            ))
        })?,
    };
    let options = BusOptions::new(url.trim(), target.env);
    Ok(tokio::time::timeout(Duration::from_secs(5), Bus::connect(&options)).await.map_err(
        |_| {
            fail("the NATS server does not answer within 5 s: is it running, is the address right?")
        },
    )??)
}

#[derive(Serialize)]
struct Report {
    session: Option<String>,
    halted: Option<Kill>,
    actors: Vec<ActorStatus>,
}

pub async fn status(args: &Status, common: &Common) -> Result<bool, Failure> {
    let bus = connect(&args.bus, &Home(common.home.clone())).await?;
    let report = Report {
        session: bus.open_session_date().await?.map(|date| date.to_string()),
        halted: bus.latched_kill().await?,
        actors: bus.statuses(PING).await?,
    };
    let mut table = Table::new(&[
        "actor", "state", "session", "position", "last", "lag", "p50 µs", "p99 µs", "pid", "doing",
    ]);
    for actor in &report.actors {
        table.row([
            actor.actor.to_string(),
            format!("{:?}", actor.state).to_lowercase(),
            actor.session.map_or("-".into(), |date| date.to_string()),
            actor.position.to_string(),
            actor.last.to_string(),
            actor.lag.to_string(),
            actor.p50_us.to_string(),
            actor.p99_us.to_string(),
            actor.pid.to_string(),
            actor.doing.clone().unwrap_or_default(),
        ]);
    }
    let mut text = table.to_string();
    if let Some(kill) = &report.halted {
        writeln!(text, "HALTED by {}: {}", kill.operator, kill.reason)?;
    }
    if report.actors.is_empty() {
        text.push_str("no actor answers\n");
    }
    emit(common.json, &report, &text)?;
    Ok(!report.actors.is_empty() && report.halted.is_none())
}

#[derive(Serialize)]
struct Acknowledged {
    actor: ActorId,
    /// `None`: it has not acknowledged.
    position: Option<u64>,
    after_ms: Option<u64>,
}

#[derive(Serialize)]
struct Killed {
    latched: bool,
    session: Option<String>,
    acknowledged: Vec<Acknowledged>,
}

pub async fn kill(args: &KillArgs, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    let kill =
        Kill { level: args.level, reason: args.reason.clone(), operator: args.operator.clone() };
    let started = Instant::now();
    let bus = match stored(&args.bus, &home, &kill).await {
        Ok(bus) => bus,
        Err(failure) => return Err(flag(&home, &kill, &failure)),
    };
    // From here on the kill is in force, whatever can be learned of it.
    let open = bus.open_session_date().await.map_err(|error| {
        fail(format!("the kill is stored and latched, but who heard it is not known: {error}"))
    })?;
    let acknowledged = match open {
        Some(session) => acknowledgements(&bus, session, &kill, started).await,
        None => None,
    };
    // One that ended before the kill reached its journal is no session to halt any more.
    let session = open.filter(|_| acknowledged.is_some());
    let acknowledged = acknowledged.unwrap_or_default();
    let all = acknowledged.iter().all(|actor| actor.position.is_some())
        && (session.is_none() || !acknowledged.is_empty());
    let mut table = Table::new(&["actor", "acknowledged at", "after ms"]);
    for actor in &acknowledged {
        table.row([
            actor.actor.to_string(),
            actor.position.map_or("MISSING".into(), |position| format!("#{position}")),
            actor.after_ms.map_or("-".into(), |ms| ms.to_string()),
        ]);
    }
    let mut text = table.to_string();
    text.push_str(match (session, args.level) {
        (Some(_), KillLevel::Halt) => "halted",
        (Some(_), KillLevel::Cancel) => "halted; open orders are being cancelled",
        (Some(_), KillLevel::Flatten) => {
            "halted; open orders are being cancelled and positions closed, in the opening auction or while the market is open"
        }
        (None, KillLevel::Flatten) => "no session is open; the next one closes all positions",
        (None, _) => "no session is open; the next one opens halted",
    });
    text.push_str("; `aurora resume` trades again\n");
    let killed =
        Killed { latched: true, session: session.map(|date| date.to_string()), acknowledged };
    emit(common.json, &killed, &text)?;
    Ok(all)
}

/// The bus that has stored the kill.
async fn stored(target: &Target, home: &Home, kill: &Kill) -> Result<Bus, Failure> {
    let bus = connect(target, home).await?;
    bus.kill(kill).await?;
    Ok(bus)
}

/// The way that works without the bus.
fn flag(home: &Home, kill: &Kill, failure: &Failure) -> Failure {
    let path = home.kill_flag();
    // A plain text is a halt: see `Kill::from_bytes`.
    let content = match kill.level {
        KillLevel::Halt => format!("{} {}\n", kill.operator, kill.reason),
        KillLevel::Cancel | KillLevel::Flatten => {
            serde_json::to_string(kill).unwrap_or_else(|_| kill.reason.clone())
        }
    };
    match fs::write(&path, content) {
        Ok(()) => fail(format!(
            "{failure}. Wrote {} instead: every broker gateway that works in this folder stops sending at once",
            path.display()
        )),
        Err(error) => fail(format!(
            "NOTHING WAS STOPPED: {failure}; and {} can't be written: {error}",
            path.display()
        )),
    }
}

/// Of every actor that is alive, in the order of [`ActorId`]; `None` if the session closed without the
/// kill.
async fn acknowledgements(
    bus: &Bus,
    session: messages::Date,
    kill: &Kill,
    started: Instant,
) -> Option<Vec<Acknowledged>> {
    // The same words may have been said before today; a moment of slack for the server's clock.
    let since = jiff::Timestamp::now() - Duration::from_secs(1) - started.elapsed();
    let since = Time(i64::try_from(since.as_nanosecond()).unwrap_or(i64::MIN));
    let mut heard: BTreeMap<ActorId, (u64, u64)> = BTreeMap::new();
    let alive = bus.statuses(PING);
    tokio::pin!(alive);
    let mut awaited: Option<Vec<ActorId>> = None;
    while started.elapsed() < ACKNOWLEDGE {
        // The run may end on the kill and take its server along: what was heard counts.
        for (position, author) in acknowledged(bus, session, kill, since).await.unwrap_or_default()
        {
            let after = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            heard.entry(author).or_insert((position, after));
        }
        if awaited.is_none()
            && let Ok(statuses) = tokio::time::timeout(Duration::from_millis(5), &mut alive).await
        {
            awaited = Some(match statuses {
                Ok(statuses) => statuses.iter().map(|status| status.actor).collect(),
                Err(_) => ACTORS.to_vec(),
            });
        }
        if let Some(awaited) = &awaited
            && awaited.iter().all(|actor| heard.contains_key(actor))
        {
            break;
        }
        let closed = matches!(bus.open_session_date().await, Ok(open) if open != Some(session));
        if closed
            && acknowledged(bus, session, kill, since).await.is_ok_and(|heard| heard.is_empty())
        {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut actors: Vec<ActorId> =
        heard.keys().copied().chain(awaited.into_iter().flatten()).collect();
    actors.sort_unstable();
    actors.dedup();
    let entry = |actor| Acknowledged {
        actor,
        position: heard.get(&actor).map(|(position, _)| *position),
        after_ms: heard.get(&actor).map(|(_, after)| *after),
    };
    Some(actors.into_iter().map(entry).collect())
}

/// Positions and authors of the acknowledgements of the last kill like `kill`.
async fn acknowledged(
    bus: &Bus,
    session: messages::Date,
    kill: &Kill,
    since: Time,
) -> Result<Vec<(u64, ActorId)>, Failure> {
    let journal = bus.read_journal(session).await?;
    let ours = journal.iter().rev().find_map(|(position, entry, _)| match entry {
        Ok(envelope) if envelope.body == Message::Kill(kill.clone()) && envelope.at >= since => {
            Some(*position)
        }
        _ => None,
    });
    let acknowledges = |(position, entry, _): &(u64, kernel::Entry, String)| {
        let envelope = entry.as_ref().ok()?;
        match &envelope.body {
            Message::KillAcknowledged(acknowledged) if Some(acknowledged.position) == ours => {
                Some((*position, envelope.id.author))
            }
            _ => None,
        }
    };
    Ok(journal.iter().filter_map(acknowledges).collect())
}

#[derive(Serialize)]
struct Resumed {
    halted: Option<Kill>,
}

pub async fn resume(args: &ResumeArgs, common: &Common) -> Result<bool, Failure> {
    let home = Home(common.home.clone());
    if home.kill_flag().exists() {
        return Err(fail(format!(
            "{} is still there: remove it first, then resume",
            home.kill_flag().display()
        )));
    }
    let bus = connect(&args.bus, &home).await?;
    let resume = Resume { operator: args.operator.clone(), reason: args.reason.clone() };
    if resume.operator.trim().is_empty() || resume.reason.trim().is_empty() {
        return Err(fail("--operator and --reason must say something: they go into the journal"));
    }
    refuse_while_it_differs(&bus, args, common).await?;
    bus.resume(&resume).await?;
    let halted = bus.latched_kill().await?;
    let text = if halted.is_none() { "resumed\n" } else { "a kill is still in force\n" };
    emit(common.json, &Resumed { halted: halted.clone() }, text)?;
    Ok(halted.is_none())
}

/// A session that a difference has halted looks no more until the next morning: so this looks. Whoever can't look, doesn't
/// trade.
async fn refuse_while_it_differs(
    bus: &Bus,
    args: &ResumeArgs,
    common: &Common,
) -> Result<(), Failure> {
    let Some(session) = bus.open_session_date().await? else { return Ok(()) };
    if !morning::differed(&bus.session_opened(session).await?) {
        return Ok(());
    }
    let look = async {
        let config = Config::read_or_shipped(common.config.as_deref())?;
        morning::still_differs(bus, &client(&config, args.venue.as_deref())?).await
    };
    let what = match look.await {
        Ok(differences) if differences.is_empty() => return Ok(()),
        Ok(differences) => differences.join("; "),
        Err(failure) => format!("whether it still differs can't be seen: {failure}"),
    };
    Err(fail(format!(
        "NOT RESUMED: the account differed when session {session} opened. {what}. See `aurora reconcile`, and adopt or mend \
         it first; the next session looks again"
    )))
}
