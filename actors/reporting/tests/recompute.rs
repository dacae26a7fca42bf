//! A recorded journal, untouched and tampered with.

mod common;

use common::{Desk, bars, dollars, features, opened, order, run, scores, statement, targets};
use kernel::{Actor, Entry};
use messages::{ActorId, Env, Envelope, Kill, Message, Shares, Usd};
use reporting::{Difference, Reporting, recompute};

fn journal() -> Vec<(u64, Envelope)> {
    run(Env::Paper, 1).remove(0)
}

fn check(journal: &[(u64, Envelope)]) -> Result<u64, Box<Difference>> {
    let cores: Vec<Box<dyn Actor>> = vec![Box::new(Reporting::new())];
    let entries: Vec<(u64, Entry)> =
        journal.iter().map(|(at, entry)| (*at, Ok(entry.clone()))).collect();
    let compared = recompute(cores, &entries)?;
    Ok(compared.answers.get("reporting").copied().unwrap_or(0))
}

/// Changes the one `DayReported`, and returns where it stands.
fn tamper(journal: &mut [(u64, Envelope)], change: impl Fn(&mut messages::DayReported)) -> u64 {
    let mut found = None;
    for (at, entry) in journal {
        if let Message::DayReported(day) = &mut entry.body {
            change(day);
            found = Some(*at);
        }
    }
    found.expect("a day")
}

#[test]
fn an_untouched_journal_is_clean() {
    assert_eq!(check(&journal()), Ok(1));
}

#[test]
fn a_changed_answer_is_found_at_its_entry_and_field() {
    let mut changed = journal();
    let at = tamper(&mut changed, |day| day.cash += Usd(10_000));
    let difference = check(&changed).expect_err("tampered");
    assert_eq!((difference.position, difference.author), (at, ActorId::Reporting));
    assert_eq!((difference.topic.as_str(), difference.field.as_str()), ("day_reported", "cash"));

    let mut changed = journal();
    let at = tamper(&mut changed, |day| day.positions[1].quantity += Shares(1));
    let difference = check(&changed).expect_err("tampered");
    assert_eq!((difference.position, difference.field.as_str()), (at, "positions[BBB].quantity"));
    let text = difference.to_string();
    assert!(text.contains("positions[BBB].quantity is recorded as"), "{text}");

    let mut changed = journal();
    let at = tamper(&mut changed, |day| day.exposures.net += 1e-15);
    let difference = check(&changed).expect_err("tampered by a last bit");
    assert_eq!((difference.position, difference.field.as_str()), (at, "exposures.net"));
}

#[test]
fn a_changed_input_is_found_at_the_first_answer_that_rests_on_it() {
    let mut changed = journal();
    let fill = changed.iter_mut().find_map(|(_, entry)| match &mut entry.body {
        Message::Filled(fill) => Some(fill),
        _ => None,
    });
    fill.expect("a fill").price.0 += 1;
    let difference = check(&changed).expect_err("tampered");
    assert_eq!(difference.author, ActorId::Reporting);
    assert_eq!(difference.field, "nav_close");
}

#[test]
fn a_missing_an_added_and_a_misattributed_answer_are_found() {
    let whole = journal();
    let at = whole.iter().position(|(_, e)| matches!(e.body, Message::DayReported(_)));
    let at = at.expect("a day");
    let mut without = whole.clone();
    without.remove(at);
    let missing = check(&without).expect_err("an answer is missing");
    assert_eq!((missing.position, missing.recorded.as_str()), (whole[at].0 - 1, "nothing"));

    let mut twice = whole.clone();
    let again = (whole[at].0 + 1, whole[at].1.clone());
    twice.insert(at + 1, again);
    let added = check(&twice).expect_err("an answer stands there twice");
    assert_eq!((added.position, added.computed.as_str()), (whole[at].0 + 1, "nothing"));

    let mut foreign = whole;
    let at = foreign.iter().position(|(_, e)| matches!(e.body, Message::Filled(_)));
    let at = at.expect("a fill");
    foreign[at].1.id.author = ActorId::Risk;
    let difference = check(&foreign).expect_err("said by another");
    assert_eq!(difference.position, foreign[at].0);
    assert_eq!((difference.field.as_str(), difference.computed.as_str()), ("author", "broker"));
}

#[test]
fn what_comes_after_the_end_need_not_be_answered() {
    let mut journal = journal();
    let (last, entry) = journal.last().expect("an end").clone();
    let kill = Envelope {
        id: messages::MessageId::event(ActorId::Control, "1"),
        body: Message::Kill(Kill::default()),
        ..entry
    };
    journal.push((last + 1, kill));
    assert_eq!(check(&journal), Ok(1));
}

/// Repeats what it is told to, in the name of an actor whose messages have columns.
struct Parrot(ActorId, Message);

impl Actor for Parrot {
    fn id(&self) -> ActorId {
        self.0
    }

    fn listens(&self) -> &'static [messages::Topic] {
        &[messages::Topic::SessionOpened]
    }

    fn handle(&mut self, _position: u64, _input: &Envelope, out: &mut kernel::Outbox) {
        out.send(self.1.clone());
    }
}

#[test]
fn a_cell_of_a_table_is_named_by_symbol_and_column() {
    let day = "2024-01-03";
    let field = |author, recorded: Message, computed: Message| {
        let mut desk = Desk::open(opened(Env::Paper, day, dollars(1.0), Vec::new()));
        desk.say(author, recorded);
        let mut entries = desk.entries();
        entries[1].1.id = messages::MessageId::answer(author, 1, 0);
        entries[1].1.at = entries[0].1.at;
        let entries: Vec<(u64, Entry)> = entries.into_iter().map(|(at, e)| (at, Ok(e))).collect();
        recompute(vec![Box::new(Parrot(author, computed))], &entries).expect_err("differs").field
    };
    let mut changed = scores(day);
    if let Message::Scores(scores) = &mut changed {
        scores.contributions[7] += 1.0;
    }
    assert_eq!(field(ActorId::Scoring, scores(day), changed), "contributions[BBB, vol]");
    let beta = features(day, [1.0, 2.0, 3.0]);
    let computed = features(day, [1.0, 2.0, 3.5]);
    assert_eq!(field(ActorId::Features, beta, computed), "exposures.beta[CCC]");
    let mut changed = targets(day);
    if let Message::Targets(targets) = &mut changed {
        targets.targets[0].held = Shares(1);
    }
    assert_eq!(field(ActorId::Risk, targets(day), changed), "targets[AAA].held");
    // The same message at another time is another answer.
    let mut desk = Desk::open(opened(Env::Paper, day, dollars(1.0), Vec::new()));
    desk.say(ActorId::Ingest, bars(day));
    desk.say(ActorId::Execution, Message::SubmitOrder(order(day, "AAA", 1, 1.0)));
    desk.say(ActorId::Broker, statement(1.0, 1.0, Vec::new()));
    let mut entries = desk.entries();
    entries.last_mut().expect("an alarm or a day").1.at.0 += 1;
    assert_eq!(check(&entries).expect_err("another time").field, "at");
}
