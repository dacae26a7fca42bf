//! The gateway without a bus: what it takes from a journal, and what it answers.

use super::*;
use crate::testing::{Market, SESSIONS, small};
use messages::{Date, Env, Limits, Member, Time};
use tempfile::TempDir;

fn opened(members: Vec<Member>, history: &[Bars], signal: Date) -> SessionOpened {
    SessionOpened {
        run_id: "t".to_owned(),
        source: "a test".to_owned(),
        universe: members,
        whitelist_sha256: features::whitelist::sha256(),
        history: HistoryRef {
            through: history.last().unwrap().session,
            sessions: history.len() as u32,
            sha256: history_sha256(history),
        },
        ..SessionOpened::new(Env::Backtest, signal.tomorrow().unwrap(), signal, Limits::each(1.0))
    }
}

/// A job for the last of `sessions` sessions, over a registry of its own.
fn job(sessions: usize) -> (TempDir, Job) {
    let folder = tempfile::tempdir().unwrap();
    let Market { mut history, members } = Market::new(sessions, 44, 9);
    let bars = history.pop().unwrap();
    let opened = opened(members, &history, bars.session);
    let load: LoadPast =
        Box::new(move |_| Ok(Past { bars: history.clone(), dividends: None, restated: None }));
    let job = Job {
        registry: Registry::new(folder.path()),
        config: small(),
        load_past: Arc::new(Mutex::new(load)),
        opened,
        bars,
        stop: Arc::new(AtomicBool::new(false)),
        activity: Activity::default(),
    };
    (folder, job)
}

#[test]
fn a_training_session_ends_in_a_published_model() {
    let (_folder, job) = job(SESSIONS);
    let registry = job.registry.clone();
    let last = job.bars.session;
    let (id, said) = job.run().unwrap();
    let Message::ModelPublished(said) = said else { panic!("no model: {said}") };
    assert_eq!(id, MessageId::event(ActorId::Trainer, "model"));
    let card = registry.load(&said.model, Env::Backtest).unwrap().card().clone();
    assert_eq!((card.last_session, card.sessions), (last, SESSIONS));
    assert_eq!(
        (said.oof_ic, said.oof_sessions),
        (card.oof.neutral.mean, card.oof.neutral.sessions)
    );
    assert!(said.label.starts_with("edge not established"), "{}", said.label);
}

/// What somebody said of a changed past counts in a session as it does in `aurora train`.
#[test]
fn a_training_session_knows_why_the_past_was_replaced() {
    let (_folder, job) = job(SESSIONS);
    let why = Restated { reason: "a mended high".to_owned(), replaced_sha256: "then".to_owned() };
    let known = why.clone();
    let load = std::mem::replace(
        &mut *job.load_past.lock().unwrap(),
        Box::new(|_| Err("replaced below".into())),
    );
    *job.load_past.lock().unwrap() =
        Box::new(move |wanted| Ok(Past { restated: Some(known.clone()), ..load(wanted)? }));
    let registry = job.registry.clone();
    job.run().unwrap();
    let [model] = registry.list().unwrap().try_into().unwrap();
    assert_eq!(registry.card(&model.id).unwrap().restated, Some(why));
}

#[test]
fn what_would_fail_again_is_an_alarm() {
    let (_folder, few) = job(300);
    let (_, Message::Alarm(alarm)) = few.run().unwrap() else { panic!("no alarm") };
    assert_eq!(alarm.code, "TRAINING_FAILED");
    assert!(alarm.detail.starts_with("TOO_FEW_DATES"), "{}", alarm.detail);

    let (_folder, mut other) = job(10);
    other.opened.whitelist_sha256 = "beef".to_owned();
    let (_, Message::Alarm(alarm)) = other.run().unwrap() else { panic!("no alarm") };
    assert!(alarm.detail.starts_with("WHITELIST_MISMATCH"), "{}", alarm.detail);
}

/// What the audit refuses is kept for people, and the journal hears why nothing can be traded.
#[test]
fn a_refused_model_is_an_alarm() {
    let (_folder, job) = job(crate::panel::BEFORE + 80 + 11 + 60 + 5);
    let registry = job.registry.clone();
    let (id, Message::Alarm(alarm)) = job.run().unwrap() else { panic!("no alarm") };
    assert_eq!((id, alarm.code.as_str()), (alarm_id(), "AUDIT_REFUSED"));
    assert!(alarm.detail.contains("OOF_IC UNDECIDED"), "{}", alarm.detail);
    let [model] = registry.list().unwrap().try_into().unwrap();
    let error = registry.load(&model, Env::Backtest).err().unwrap().to_string();
    assert!(error.starts_with("AUDIT_REFUSED: xgb-"), "{error}");
}

#[test]
fn history_that_the_journal_does_not_vouch_for_is_refused() {
    let (_folder, mut job) = job(10);
    job.opened.history.sha256 = "beef".to_owned();
    let error = job.run().unwrap_err().to_string();
    assert!(error.starts_with("HISTORY_MISMATCH: the journal vouches for 9 sessions"), "{error}");
}

#[test]
fn a_dropped_run_stops_the_training() {
    let (_folder, job) = job(SESSIONS);
    drop(StopOnDrop(Arc::clone(&job.stop)));
    let registry = job.registry.clone();
    assert!(job.run().unwrap_err().to_string().starts_with("STOPPED"));
    assert!(registry.list().unwrap().is_empty());
}

#[test]
fn what_the_journal_holds_already_is_not_done_again() {
    let (_folder, job) = job(10);
    let entry = |id, body| Envelope { id, at: Time(7), body };
    let ingest = MessageId::event(ActorId::Ingest, "bars");
    let bars = entry(ingest, Message::Bars(job.bars.clone()));

    let mut todo = Todo::new(&job.opened);
    todo.see(&bars);
    assert_eq!(todo.bars.as_ref().map(|(_, at)| *at), Some(Time(7)));
    let (id, failure) = alarm(&TrainError::Members);
    for other in [MessageId::event(ActorId::Risk, "x"), MessageId::answer(ActorId::Trainer, 3, 0)] {
        todo.see(&entry(other, failure.clone()));
        assert!(todo.bars.is_some(), "another alarm is no end of the training");
    }
    todo.see(&entry(id, failure));
    assert!(todo.done && todo.bars.is_none());
    todo.see(&bars);
    assert!(todo.bars.is_none());

    let mut trades = job.opened.clone();
    trades.model = Some(ModelRef { id: "m".to_owned(), sha256: "s".to_owned() });
    let mut todo = Todo::new(&trades);
    todo.see(&bars);
    assert!(todo.bars.is_none(), "this session trades");
}

/// Whoever asks for the trainer's status hears how far it is, and nothing once it is done.
#[test]
fn a_training_tells_how_far_it_is() {
    let (_folder, job) = job(SESSIONS);
    let activity = job.activity.clone();
    let training = std::thread::spawn(move || job.run().map_err(|error| error.to_string()));
    let mut stages = Vec::new();
    while !training.is_finished() {
        if let Some(doing) = activity.get() {
            stages.push(doing.split(' ').next().unwrap().to_owned());
            stages.dedup();
        }
        std::thread::yield_now();
    }
    assert!(matches!(training.join().unwrap(), Ok((_, Message::ModelPublished(_)))));
    assert_eq!(stages, ["features", "folds", "audit"]);
    assert_eq!(activity.get(), None);
}
