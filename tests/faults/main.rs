//! What a bad day does to the running system: processes killed, the server gone, garbage on the bus,
//! operators in a hurry. Every outcome is that of the undisturbed run, or a halt that says why.

#[path = "../support/mod.rs"]
mod support;

use futures::StreamExt;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::process::Command;
use std::time::Duration;
use support::{Desk, NatsServer, essence, finish, finish_well, text, wait_until};

/// A market with so much of an edge that a model trained in a moment finds it: without one no book is built.
const RUN: [&str; 7] = ["demo", "--sessions", "5", "--symbols", "45", "--seed", "12"];

fn run<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&RUN, more].concat()
}

fn undisturbed() -> Vec<Value> {
    let desk = Desk::new();
    essence(&desk.json(&[&["backtest"], &RUN[1..]].concat()))
}

/// Children of `parent` that run an actor, by name.
fn actors(parent: u32) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
        if fields.get(1).and_then(|ppid| ppid.parse().ok()) != Some(parent) {
            continue;
        }
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let words: Vec<String> = line.split(|byte| *byte == 0).map(text).collect();
        if words.iter().any(|word| word == "actor") {
            let name = words.iter().rfind(|word| !word.is_empty()).expect("name");
            found.insert(name.clone(), pid);
        }
    }
    found
}

/// A small generator with a printed seed: the moments differ from run to run, a failure can be told.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = std::env::var("AURORA_FAULT_SEED").ok().and_then(|seed| seed.parse().ok());
        let clock = || std::process::id().into();
        let seed = seed.unwrap_or_else(clock);
        eprintln!("AURORA_FAULT_SEED={seed}");
        Self(seed)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn kill_9_of_any_actor_at_any_moment_changes_nothing() {
    let expected = undisturbed();
    let mut dice = Dice::new();
    let (mut kills, mut runs) = (0, 0);
    while kills < 20 {
        let desk = Desk::new();
        let mut child = desk.start(&run(&["--processes", "--run", "r"]));
        runs += 1;
        wait_until("actors run", || !actors(child.id()).is_empty());
        while child.try_wait().expect("child").is_none() {
            std::thread::sleep(Duration::from_millis(50 + dice.below(400)));
            let running: Vec<(String, u32)> = actors(child.id()).into_iter().collect();
            if running.is_empty() || kills >= 20 * runs {
                continue;
            }
            let (name, pid) = &running[dice.below(running.len() as u64) as usize];
            let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
            if status.expect("kill").success() {
                kills += 1;
                eprintln!("run {runs}: killed {name}");
            }
        }
        assert_eq!(essence(&finish_well(child)), expected, "after {kills} kills in {runs} runs");
    }
}

#[test]
fn a_server_that_is_gone_for_five_seconds_loses_nothing() {
    let expected = undisturbed();
    let mut server = NatsServer::start();
    let desk = Desk::new();
    let url = server.url();
    let mut child = desk.start(&run(&["--nats", &url, "--run", "r"]));
    desk.wait_for_sessions("r", 1, &mut child);
    server.kill();
    std::thread::sleep(Duration::from_secs(5));
    server.start_again();
    assert_eq!(essence(&finish_well(child)), expected);
}

async fn client(server: &NatsServer) -> async_nats::Client {
    async_nats::connect(server.url()).await.expect("connected")
}

/// Publishes `payload` on `subject` once a session is open, and returns the run's end and the dead
/// letters, as `subject reason`.
async fn disturb(subject: &str, payload: &'static [u8]) -> (std::process::Output, Vec<String>) {
    let server = NatsServer::start();
    let desk = Desk::new();
    let url = server.url();
    let mut child = desk.start(&run(&["--nats", &url, "--run", "r"]));
    desk.wait_for_sessions("r", 1, &mut child);
    let client = client(&server).await;
    let jetstream = async_nats::jetstream::new(client.clone());
    // In the middle of a session: when its features are known and no order has been filled.
    let mut features =
        client.subscribe("aurora.paper.features.features").await.expect("subscribed");
    features.next().await.expect("another session");
    let sent = jetstream.publish(subject.to_owned(), payload.into()).await.expect("sent");
    sent.await.expect("a journal took it");
    let output = tokio::task::spawn_blocking(move || finish(child)).await.expect("joined");
    (output, dead_letters(&jetstream).await)
}

async fn dead_letters(jetstream: &async_nats::jetstream::Context) -> Vec<String> {
    use async_nats::jetstream::consumer::pull::OrderedConfig;
    let stream = jetstream.get_stream("aurora-paper-deadletter").await.expect("stream");
    let waiting = stream.get_info().await.expect("info").state.messages;
    let consumer = stream.create_consumer(OrderedConfig::default()).await.expect("consumer");
    let messages = consumer.messages().await.expect("messages");
    let line = |message: Result<async_nats::jetstream::Message, _>| {
        let message = message.expect("message");
        let headers = message.headers.clone().unwrap_or_default();
        let values: Vec<String> =
            headers.iter().map(|(name, values)| format!("{name}={}", values[0].as_str())).collect();
        format!("{} {}", message.subject, values.join(" "))
    };
    messages.take(usize::try_from(waiting).expect("few")).map(line).collect().await
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_that_nobody_listens_to_is_a_dead_letter_and_the_run_goes_on() {
    let expected = tokio::task::spawn_blocking(undisturbed).await.expect("joined");
    let (output, letters) = disturb("aurora.paper.reporting.nonsense", b"\xc1garbage").await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(essence(&support::last_json(&output)), expected);
    let found = letters.iter().any(|letter| letter.contains("NOT_AN_ENVELOPE"));
    assert!(found, "{letters:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_place_of_a_fill_halts_the_run_and_says_why() {
    let (output, letters) = disturb("aurora.paper.broker.filled.AAPL", b"\x81\xa1x\x01").await;
    assert!(!output.status.success());
    let said = text(&output.stderr);
    assert!(said.contains("UNDECODABLE") && said.contains("broker.filled.AAPL"), "{said}");
    assert!(letters.iter().any(|letter| letter.contains("deadletter.risk")), "{letters:?}");
    assert!(letters.iter().any(|letter| letter.contains("deadletter.execution")), "{letters:?}");
}

#[test]
fn a_journal_is_continued_only_by_the_run_that_began_it() {
    let server = NatsServer::start();
    let (first, second) = (Desk::new(), Desk::new());
    let url = server.url();
    first.json(&run(&["--nats", &url, "--run", "first"]));
    let seed: Vec<&str> = run(&["--nats", &url, "--run", "other", "--json"])
        .into_iter()
        .map(|word| if word == "12" { "10" } else { word })
        .collect();
    let other = second.run(&seed);
    let said = text(&other.stderr);
    assert!(!other.status.success());
    assert!(said.contains("first") && said.contains("other"), "{said}");
    assert!(
        !second.path("data/runs/other/sessions.jsonl").exists(),
        "nothing of the first is ours"
    );
}

#[test]
fn a_demo_leaves_a_running_systems_kill_switch_alone() {
    let desk = Desk::new();
    let mut one = desk.start(&[
        "demo",
        "--sessions",
        "400",
        "--symbols",
        "45",
        "--seed",
        "12",
        "--run",
        "one",
    ]);
    desk.wait_for_sessions("one", 1, &mut one);
    desk.json(&["demo", "--sessions", "1", "--symbols", "45", "--seed", "12", "--run", "two"]);
    let killed = desk.run(&["kill", "--reason", "drill", "--operator", "ada", "--json"]);
    assert!(killed.status.success(), "{}", text(&killed.stderr));
    assert!(text(&finish(one).stderr).contains("drill"), "the first was killed");
    assert!(!desk.path("data/nats.url").exists(), "no stale address is left");
}

#[test]
fn actors_do_not_outlive_the_process_that_started_them() {
    let desk = Desk::new();
    let many = [
        "demo",
        "--sessions",
        "400",
        "--symbols",
        "45",
        "--seed",
        "12",
        "--run",
        "r",
        "--processes",
    ];
    let mut child = desk.start(&many);
    desk.wait_for_sessions("r", 1, &mut child);
    let running = actors(child.id());
    assert_eq!(running.len(), 8, "{running:?}");
    child.kill().expect("running");
    child.wait().expect("ended");
    let gone = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).is_err();
    wait_until("the actors have ended", || running.values().all(gone));
}

#[test]
fn a_second_instance_of_a_running_actor_is_refused_with_who_runs() {
    let desk = Desk::new();
    let mut child =
        desk.start(&["demo", "--sessions", "40", "--symbols", "45", "--seed", "12", "--run", "r"]);
    desk.wait_for_sessions("r", 1, &mut child);
    let mut second = desk.aurora(&["actor", "risk", "--run", "r"]);
    let output = second.env("APCA_API_KEY_ID", "x").env("APCA_API_SECRET_KEY", "y").output();
    let output = output.expect("aurora runs");
    child.kill().expect("running");
    let _ = child.wait();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("risk") && said.contains(&child.id().to_string()), "{said}");
}

#[test]
fn status_lists_every_actor_and_a_kill_is_acknowledged_by_each_of_them() {
    let desk = Desk::new();
    let mut child =
        desk.start(&["demo", "--sessions", "400", "--symbols", "45", "--seed", "12", "--run", "r"]);
    desk.wait_for_sessions("r", 1, &mut child);
    let status = desk.run(&["status", "--json"]);
    let status = support::last_json(&status);
    let actors = status["actors"].as_array().expect("actors");
    let names: Vec<&str> = actors.iter().filter_map(|actor| actor["actor"].as_str()).collect();
    for name in
        ["ingest", "features", "scoring", "risk", "execution", "broker", "reporting", "trainer"]
    {
        assert!(names.contains(&name), "{names:?}");
    }
    for key in ["state", "position", "lag"] {
        assert!(actors.iter().all(|actor| actor.get(key).is_some()), "{status}");
    }

    let killed = desk.run(&["kill", "--reason", "a drill", "--operator", "ada", "--json"]);
    assert!(killed.status.success(), "{}", text(&killed.stderr));
    let killed = support::last_json(&killed);
    if killed["session"].is_string() {
        let acknowledged = killed["acknowledged"].as_array().expect("list");
        assert!(acknowledged.len() >= 8, "{killed}");
        assert!(acknowledged.iter().all(|actor| actor["position"].is_u64()), "{killed}");
    }
    let output = finish(child);
    assert!(!output.status.success(), "a killed run is no success");
    assert!(text(&output.stderr).contains("a drill"), "{}", text(&output.stderr));
}

#[test]
fn kill_flag_stops_a_run_without_the_bus() {
    let desk = Desk::new();
    let mut child =
        desk.start(&["demo", "--sessions", "400", "--symbols", "45", "--seed", "12", "--run", "r"]);
    desk.wait_for_sessions("r", 1, &mut child);
    fs::write(desk.path("kill.flag"), "smoke\n").expect("written");
    let output = finish(child);
    assert!(!output.status.success());
    assert!(text(&output.stderr).contains("kill.flag"), "{}", text(&output.stderr));
    let refused = desk.run(&["demo", "--sessions", "1", "--symbols", "45"]);
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains("kill.flag"), "{}", text(&refused.stderr));
}
