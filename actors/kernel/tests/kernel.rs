//! The promises every actor inherits: stable ids, no answer twice, recovery, divergence, refusal.

#![allow(clippy::unnecessary_wraps, reason = "the helpers make journal entries")]

use kernel::{Actor, Entry, Host, Outbox, Recovery, Simulation, Stored, Undecodable, read};
use messages::*;

/// Answers every phase with as many working orders as there were phases so far, twice.
#[derive(Default)]
struct Counter {
    phases: u32,
}

impl Actor for Counter {
    fn id(&self) -> ActorId {
        ActorId::Execution
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::PhaseBegan]
    }

    fn handle(&mut self, _position: u64, _input: &Envelope, out: &mut Outbox) {
        self.phases += 1;
        for refused in 0..2 {
            out.send(Message::OrdersWorking(OrdersWorking { working: self.phases, refused }));
        }
    }
}

fn phase(key: &str) -> Entry {
    let body = Message::PhaseBegan(PhaseBegan { phase: Phase::Open });
    Ok(Envelope { id: MessageId::event(ActorId::Session, key), at: Time(7), body })
}

fn kill() -> Entry {
    let body = Message::Kill(Kill::default());
    Ok(Envelope { id: MessageId::event(ActorId::Control, "1"), at: Time(9), body })
}

fn texts(answers: &[Envelope]) -> Vec<String> {
    answers.iter().map(|answer| format!("{} {}", answer.id, answer.body)).collect()
}

#[test]
fn answers_are_numbered_by_what_they_answer_and_come_once() {
    let mut host = Host::new(Counter::default());
    let first = host.handle(4711, &phase("a"));
    assert_eq!(
        texts(&first),
        ["execution-4711-0 working=1 refused=0", "execution-4711-1 working=1 refused=1"]
    );
    assert_eq!(first[0].at, Time(7));
    assert!(host.handle(4711, &phase("a")).is_empty(), "delivered twice");
    assert!(host.handle(4710, &phase("b")).is_empty(), "older than what was handled");
}

#[test]
fn every_host_acknowledges_a_kill_with_its_position() {
    let mut host = Host::new(Counter::default());
    assert_eq!(texts(&host.handle(12, &kill())), ["execution-12-0 Halt #12"]);
}

#[test]
fn what_it_should_understand_and_cannot_read_raises_an_alarm_anything_else_does_not() {
    let mut host = Host::new(Counter::default());
    let bad = |topic: &str| {
        let subject = format!("aurora.paper.session.{topic}");
        Err(Undecodable { at: Time(3), subject, reason: "BAD_BODY: x".into() })
    };
    assert!(host.handle(1, &bad("closed")).is_empty());
    assert!(host.handle(2, &bad("no_such_topic")).is_empty());
    let alarm = host.handle(3, &bad("phase"));
    assert_eq!(
        texts(&alarm),
        ["execution-3-0 UNDECODABLE: aurora.paper.session.phase: BAD_BODY: x"]
    );
}

#[test]
fn the_simulation_drains_what_each_entry_causes_and_counts_from_one() {
    let mut simulation = Simulation::new(vec![Box::new(Counter::default())]);
    simulation.post(phase("a").expect("message"));
    simulation.post(phase("b").expect("message"));
    let ids: Vec<String> = simulation.since(0).map(|entry| entry.id.to_string()).collect();
    assert_eq!(
        ids,
        [
            "session:a",
            "execution-1-0",
            "execution-1-1",
            "session:b",
            "execution-4-0",
            "execution-4-1"
        ]
    );
}

/// A journal as a restarted actor finds it: after the entry at 1, `stored` of its two answers.
fn recover(stored: &[Envelope]) -> Vec<Envelope> {
    let head = 1 + stored.len() as u64;
    let (mut host, mut recovery) = (Host::new(Counter::default()), Recovery::new(head));
    let answers = host.handle(1, &phase("a"));
    let mut published = recovery.answered(1, answers);
    for (entry, position) in stored.iter().zip(2..) {
        recovery.met(entry).expect("what it said before");
        published.extend(recovery.answered(position, host.handle(position, &Ok(entry.clone()))));
    }
    assert!(recovery.is_caught_up());
    published
}

#[test]
fn a_restarted_actor_publishes_only_what_the_journal_lacks() {
    let answers = Host::new(Counter::default()).handle(1, &phase("a"));
    assert_eq!(recover(&[]), answers, "died before it spoke");
    assert_eq!(recover(&answers[..1]), answers[1..], "died between two answers");
    assert_eq!(recover(&answers[1..]), answers[..1], "the first was lost");
    assert_eq!(recover(&answers), [], "nothing to add");
}

#[test]
fn an_actor_that_no_longer_says_what_it_said_diverges() {
    let mut recovery = Recovery::new(3);
    let answers = Host::new(Counter::default()).handle(1, &phase("a"));
    recovery.answered(1, answers.clone());
    let mut other = answers[0].clone();
    other.body = Message::OrdersWorking(OrdersWorking { working: 99, refused: 0 });
    let error = recovery.met(&other).expect_err("differs").to_string();
    assert!(error.contains("execution-1-0") && error.contains("working=99"), "{error}");

    let unheard =
        Envelope { id: MessageId::answer(ActorId::Execution, 2, 0), ..answers[1].clone() };
    let error = recovery.met(&unheard).expect_err("never said").to_string();
    assert!(error.contains("nothing"), "{error}");
}

#[test]
fn an_entry_counts_only_on_its_subject_and_from_its_author() {
    let subjects = Subjects(Env::Paper);
    let stored = Stored { position: 5, at: Time(1) };
    let envelope = phase("a").expect("message");
    let bytes = envelope.encode();
    let reason = |subject: &str, bytes: &[u8]| {
        read(subjects, subject, bytes, stored).expect_err(subject).reason
    };
    assert_eq!(read(subjects, &subjects.of(&envelope), &bytes, stored), Ok(envelope.clone()));
    assert!(reason("aurora.paper.session.closed", &bytes).starts_with("MISPLACED"));
    assert!(reason("aurora.live.session.phase", &bytes).starts_with("MISPLACED"));

    let imposter = Envelope { id: MessageId::event(ActorId::Risk, "a"), ..envelope };
    let bytes = imposter.encode();
    assert!(reason(&subjects.of(&imposter), &bytes).starts_with("WRONG_AUTHOR"));
}

#[test]
fn control_entries_get_their_position_as_id_whatever_was_sent() {
    let subjects = Subjects(Env::Paper);
    let stored = Stored { position: 5, at: Time(1) };
    let entry = read(subjects, &subjects.kill(), b"STOP", stored).expect("any bytes kill");
    assert_eq!(entry.id.to_string(), "control:5");
    assert!(read(subjects, &subjects.resume(), b"go", stored).is_err());
}
