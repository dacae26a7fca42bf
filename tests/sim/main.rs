//! Seeded days: the real risk, execution, reporting and broker gateway over a journal in memory, with the exchange at the
//! other end of a line that loses, doubles and delays. Any actor dies at any message boundary (the gateway at any await),
//! and who goes on next is drawn. At the end the books are the reference's to the cent, or the day has stopped and says why.
//!
//! What is real: the cores in `kernel::Host` with `kernel::Recovery`; the gateway's loop (`broker::run`); the
//! conductor's judgement (`Seen`); the matching core. What is modelled here: the journal and its fencing (`net`, `scene`), the
//! venue's HTTP answers (`wire`, `net`), the conductor's loop, features and scores (`day`). The same over HTTP and a
//! nats-server, for fewer days: `tests/faults`, `bin/venue/tests`.
//!
//! `SIM_SEED=n` plays one day and prints its journal; `SIM_FIRST` and `SIM_SECONDS` play days until the time is over.

#![allow(clippy::unwrap_used, clippy::print_stdout, unreachable_pub, reason = "a test")]

mod check;
mod day;
mod dice;
mod kill;
mod net;
mod plan;
mod reference;
mod scene;
#[allow(dead_code, reason = "the program's own judgement, of which a day uses a part")]
#[path = "../../bin/aurora/src/seen.rs"]
mod seen;
mod story;
mod wire;
mod world;

use day::Day;
use messages::Message;
use net::Shared;
use plan::{Plan, Trouble};
use scene::Scene;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// What a day was like, for the counts that say whether the days are worth something.
#[derive(Default)]
struct Tally {
    days: u64,
    traded: u64,
    fills: u64,
    restarts: u64,
}

/// Plays the day of `seed`, and those after it.
///
/// # Panics
/// If anything is wrong with them, saying how to play them again.
fn play(seed: u64, sessions: u64, tally: &mut Tally) {
    let mut told = Vec::new();
    let found = catch_unwind(AssertUnwindSafe(|| attempt(seed, sessions, &mut told, tally)));
    let faults = match found {
        Ok(faults) => faults,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            vec![text.unwrap_or_else(|| "an actor panicked".to_owned())]
        }
    };
    if std::env::var_os("SIM_SEED").is_some() {
        for line in &told {
            println!("{line}");
        }
    }
    assert!(
        faults.is_empty(),
        "seed {seed}: {}\nplay it again: SIM_SEED={seed} SIM_SESSIONS={sessions} cargo test -p broker --test sim one -- --nocapture",
        faults.join("\n")
    );
}

fn attempt(seed: u64, sessions: u64, told: &mut Vec<String>, tally: &mut Tally) -> Vec<String> {
    let mut plan = Plan::new(seed);
    let parts = if matches!(plan.trouble, Trouble::Parts) { 0.5 } else { 0.0 };
    let mut day = Day::new(seed, parts);
    let mut before: Option<Shared> = None;
    for later in 0..sessions {
        // Far from the seeds of single days.
        let seed = seed + later * 1_000_000_000;
        if let Some(before) = &before {
            day = day.next(&before.borrow(), seed);
            plan = Plan::new(seed);
            // How the venue fills is the venue's, not the day's.
            if parts > 0.0 {
                plan.trouble = Trouble::Parts;
            }
        }
        let mut scene = Scene::new(&day, plan.clone(), seed);
        if let Some(before) = &before {
            scene.follow(&before.borrow());
        }
        let faults = lead(&day, &plan, &mut scene, told, tally);
        if !faults.is_empty() {
            return faults;
        }
        before = Some(scene.state.clone());
    }
    Vec::new()
}

/// One day to its end, and what is wrong with it.
fn lead(
    day: &Day,
    plan: &Plan,
    scene: &mut Scene,
    told: &mut Vec<String>,
    tally: &mut Tally,
) -> Vec<String> {
    let played = catch_unwind(AssertUnwindSafe(|| scene.play()));
    told.push(format!("{plan:?}"));
    for (entry, position) in scene.state.borrow().journal.iter().zip(1..) {
        told.push(match entry {
            Ok(entry) => format!("{position:4} {} {} {}", entry.id, entry.topic(), entry.body),
            Err(undecodable) => format!("{position:4} {}", undecodable.reason),
        });
    }
    told.extend(scene.failures.iter().map(|error| format!("the gateway ended: {error}")));
    tally.days += 1;
    let is_fill = |entry: &&messages::Envelope| matches!(entry.body, Message::Filled(_));
    let fills = scene.state.borrow().entries().filter(is_fill).count() as u64;
    let restarts = scene.failures.len() as u64;
    (tally.fills, tally.restarts) = (tally.fills + fills, tally.restarts + restarts);
    match played {
        Ok(Ok(())) => {}
        Ok(Err(stalled)) => return vec![stalled],
        Err(panic) => std::panic::resume_unwind(panic),
    }
    let traded = scene.seen().outcome == Some(messages::Outcome::Traded);
    tally.traded += u64::from(traded);
    check::faults(day, plan, scene)
}

fn play_all(seeds: std::ops::Range<u64>, sessions: u64) {
    let mut tally = Tally::default();
    seeds.for_each(|seed| play(seed, sessions, &mut tally));
    let Tally { days, traded, fills, restarts } = tally;
    println!(
        "{days} days, {traded} of them traded, {fills} fills, {restarts} errors of the gateway"
    );
    assert!(traded * 2 > days && fills > days * 3, "these days try nothing");
}

#[test]
fn days_0_to_74_end_as_the_reference_or_say_why_not() {
    play_all(0..75, 1);
}

#[test]
fn days_75_to_149_end_as_the_reference_or_say_why_not() {
    play_all(75..150, 1);
}

#[test]
fn days_150_to_224_end_as_the_reference_or_say_why_not() {
    play_all(150..225, 1);
}

#[test]
fn days_225_to_299_end_as_the_reference_or_say_why_not() {
    play_all(225..300, 1);
}

/// What is held, booked and latched is carried over.
#[test]
fn two_days_in_a_row_end_as_the_reference_or_say_why_not() {
    play_all(10_000..10_040, 2);
}

/// The day of `SIM_SEED` with its journal, and so many after it; of the first seed without it.
#[test]
fn one_day_by_its_seed() {
    let (seed, sessions) = (number("SIM_SEED"), number("SIM_SESSIONS"));
    play(seed.unwrap_or_default(), sessions.unwrap_or(1), &mut Tally::default());
}

/// New days for `SIM_SECONDS`, from `SIM_FIRST` on; a moment of them without.
#[test]
fn soak() {
    let first = number("SIM_FIRST").unwrap_or(1_000);
    let until = Instant::now() + Duration::from_secs(number("SIM_SECONDS").unwrap_or(1));
    let mut tally = Tally::default();
    for seed in first.. {
        play(seed, 1, &mut tally);
        if Instant::now() >= until {
            break;
        }
    }
    let Tally { days, traded, fills, .. } = tally;
    println!(
        "seeds {first} to {}: {traded} of {days} days traded, {fills} fills",
        first + days - 1
    );
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")))
}
