//! Scenarios with a linear model.

use super::*;
use messages::{Date, Env, Exposures, Limits, MessageId, Symbol, Time};

const SESSION: Date = Date::constant(2024, 1, 2);

/// score = Σ weight · value, a missing value counting nothing.
struct Linear {
    weights: Vec<f32>,
    names: Vec<String>,
    typical_sd: f64,
    trees: usize,
}

impl Linear {
    fn new(weights: &[f32]) -> Self {
        let names = (0..weights.len()).map(|i| format!("f{i}")).collect();
        Self { weights: weights.to_vec(), names, typical_sd: 1.0, trees: 10 }
    }
}

impl Predictor for Linear {
    fn id(&self) -> &'static str {
        "linear"
    }
    fn sha256(&self) -> &'static str {
        "feed"
    }
    fn whitelist_sha256(&self) -> &'static str {
        "cafe"
    }
    fn names(&self) -> &[String] {
        &self.names
    }
    fn predict(&self, values: &[f32], rows: usize) -> Vec<f32> {
        let contributions = self.contributions(values, rows);
        contributions.chunks(self.names.len() + 1).map(|row| row.iter().sum()).collect()
    }
    fn contributions(&self, values: &[f32], rows: usize) -> Vec<f32> {
        assert_eq!(values.len(), rows * self.names.len());
        let term =
            |(value, weight): (&f32, &f32)| if value.is_nan() { 0.0 } else { value * weight };
        let row = |row: &[f32]| -> Vec<f32> {
            row.iter().zip(&self.weights).map(term).chain([0.25]).collect()
        };
        values.chunks(self.names.len()).flat_map(row).collect()
    }
    fn trees(&self) -> usize {
        self.trees
    }
    fn typical_sd(&self) -> f64 {
        self.typical_sd
    }
}

fn opened(model: Option<(&str, &str)>) -> SessionOpened {
    SessionOpened {
        run_id: "t".to_owned(),
        source: "a test".to_owned(),
        whitelist_sha256: "cafe".to_owned(),
        model: model.map(|(id, sha256)| ModelRef { id: id.to_owned(), sha256: sha256.to_owned() }),
        ..SessionOpened::new(Env::Backtest, Date::constant(2024, 1, 3), SESSION, Limits::each(1.0))
    }
}

/// A row per value list; all eligible.
fn features(rows: &[&[f32]]) -> Features {
    let columns = rows.first().map_or(2, |row| row.len());
    Features {
        session: SESSION,
        symbols: (0..rows.len()).map(|i| Symbol::from(format!("S{i:02}"))).collect(),
        names: (0..columns).map(|i| format!("f{i}")).collect(),
        whitelist_sha256: "cafe".to_owned(),
        values: rows.concat().into(),
        raw: vec![0.0; rows.len() * columns].into(),
        eligible: vec![true; rows.len()],
        exposures: Exposures::default(),
        guards: Vec::new(),
    }
}

/// What scoring answers to the features, in a session that names the model `linear feed`.
fn answer(model: Linear, features: Features) -> Message {
    answers(Some(model), opened(Some(("linear", "feed"))), features).remove(0)
}

fn answers(model: Option<Linear>, opened: SessionOpened, features: Features) -> Vec<Message> {
    let mut scoring = Scoring::new(model.map(|model| Box::new(model) as Box<dyn Predictor>));
    let mut out = Outbox::default();
    let bodies = [Message::SessionOpened(Box::new(opened)), Message::Features(features)];
    for (position, body) in (1..).zip(bodies) {
        let id = MessageId::event(ActorId::Session, position.to_string());
        scoring.handle(position, &Envelope { id, at: Time(0), body }, &mut out);
    }
    out.messages().to_vec()
}

fn reason(message: &Message) -> &str {
    match message {
        Message::ScoresWithheld(withheld) => {
            assert_eq!(withheld.session, SESSION);
            &withheld.reason
        }
        other => panic!("expected a refusal, got {other:?}"),
    }
}

const ROWS: [&[f32]; 3] = [&[1.0, 0.0], &[0.0, 2.0], &[-1.0, 0.5]];

#[test]
fn scores_come_with_contributions_that_sum_to_them() {
    let Message::Scores(scores) = answer(Linear::new(&[1.0, 2.0]), features(&ROWS)) else {
        panic!("withheld");
    };
    assert_eq!(scores.scores.0, [1.25, 4.25, 0.25]);
    assert_eq!(scores.names, ["f0", "f1", "bias"]);
    let sums: Vec<f32> = scores.contributions.chunks(3).map(|row| row.iter().sum()).collect();
    assert_eq!(sums, scores.scores.0);
    assert_eq!((scores.model_id.as_str(), scores.model_sha256.as_str()), ("linear", "feed"));
}

#[test]
fn only_eligible_rows_with_enough_features_are_scored() {
    let nan = f32::NAN;
    let mut features = features(&[
        &[1.0, 1.0, 1.0, 1.0, 1.0],
        &[7.0, nan, 1.0, 1.0, 1.0], // 80 %: enough
        &[3.0, nan, nan, 1.0, 1.0], // 60 %: not
        &[4.0, 1.0, 1.0, 1.0, 1.0],
    ]);
    features.eligible[3] = false;
    let Message::Scores(scores) = answer(Linear::new(&[1.0; 5]), features) else {
        panic!("withheld");
    };
    assert_eq!(scores.symbols, [Symbol::from("S00"), Symbol::from("S01")]);
}

#[test]
fn a_training_session_hears_nothing() {
    assert!(answers(None, opened(None), features(&ROWS)).is_empty());
    assert!(answers(Some(Linear::new(&[1.0, 1.0])), opened(None), features(&ROWS)).is_empty());
}

#[test]
fn another_model_than_the_journals_never_scores() {
    let cases = [("other", "feed"), ("linear", "dead")];
    for wanted in cases {
        let said = answers(Some(Linear::new(&[1.0, 2.0])), opened(Some(wanted)), features(&ROWS));
        assert!(reason(&said[0]).starts_with("MODEL_MISMATCH journal="), "{}", reason(&said[0]));
    }
    let said = answers(None, opened(Some(("linear", "feed"))), features(&ROWS));
    assert!(reason(&said[0]).contains("loaded=none"), "{}", reason(&said[0]));
}

#[test]
fn columns_must_be_the_models_in_number_name_and_order() {
    let mut renamed = features(&ROWS);
    renamed.names[1] = "f9".to_owned();
    let mut swapped = features(&ROWS);
    swapped.names.swap(0, 1);
    let missing = features(&[&[1.0], &[2.0]]);
    let mut rehashed = features(&ROWS);
    rehashed.whitelist_sha256 = "beef".to_owned();
    let cases = [
        (renamed, "WHITELIST_MISMATCH column=1 name=f9 model_name=f1"),
        (swapped, "WHITELIST_MISMATCH column=0 name=f1 model_name=f0"),
        (missing, "WHITELIST_MISMATCH columns=1 model_columns=2"),
        (rehashed, "WHITELIST_MISMATCH features=beef model=cafe journal=cafe"),
    ];
    for (features, expected) in cases {
        assert_eq!(reason(&answer(Linear::new(&[1.0, 2.0]), features)), expected);
    }
    let mut journal = opened(Some(("linear", "feed")));
    journal.whitelist_sha256 = "beef".to_owned();
    let said = answers(Some(Linear::new(&[1.0, 2.0])), journal, features(&ROWS));
    assert_eq!(reason(&said[0]), "WHITELIST_MISMATCH features=cafe model=cafe journal=beef");
}

#[test]
fn predictions_without_information_are_withheld() {
    let weak = answer(Linear::new(&[1e-9, 2e-9]), features(&ROWS));
    assert!(reason(&weak).starts_with("FLAT sd="), "{}", reason(&weak));
    assert!(reason(&weak).ends_with("median=1e0"), "{}", reason(&weak));

    let rows: [&[f32]; 5] = [&[1.0, 0.0], &[1.0, 0.0], &[1.0, 0.0], &[1.0, 0.0], &[9.0, 0.0]];
    let tied = answer(Linear::new(&[1.0, 2.0]), features(&rows));
    assert_eq!(reason(&tied), "FEW_DISTINCT share=0.400 names=5");

    let infinite =
        answer(Linear::new(&[f32::MAX, f32::MAX]), features(&[&[9.0, 9.0], &[1.0, 0.0]]));
    assert_eq!(reason(&infinite), "NOT_FINITE scores=1 of=2");
}

#[test]
fn the_spread_threshold_is_five_percent_of_typical() {
    // ±x has a standard deviation of x.
    let spread = |x: f32| answer(Linear::new(&[1.0, 0.0]), features(&[&[x, 0.0], &[-x, 0.0]]));
    assert!(matches!(spread(0.051), Message::Scores(_)));
    assert!(reason(&spread(0.049)).starts_with("FLAT"));
    let mut unknown = Linear::new(&[1.0, 2.0]);
    unknown.typical_sd = f64::NAN;
    assert!(reason(&answer(unknown, features(&ROWS))).starts_with("FLAT"));
}

#[test]
fn nine_trees_are_too_few() {
    let mut few = Linear::new(&[1.0, 2.0]);
    assert!(matches!(answer(Linear::new(&[1.0, 2.0]), features(&ROWS)), Message::Scores(_)));
    few.trees = 9;
    assert_eq!(reason(&answer(few, features(&ROWS))), "FEW_TREES trees=9 min=10");
}

#[test]
fn no_names_no_scores() {
    let mut none = features(&ROWS);
    none.eligible = vec![false; 3];
    assert_eq!(reason(&answer(Linear::new(&[1.0, 2.0]), none)), "NO_NAMES eligible=0 scorable=0");
    let nan: &[f32] = &[f32::NAN, 1.0];
    let said = answer(Linear::new(&[1.0, 2.0]), features(&[nan, nan]));
    assert_eq!(reason(&said), "NO_NAMES eligible=2 scorable=0");
}

/// Forty names whose first feature is `order(name)`.
fn wide(order: impl Fn(usize) -> f32) -> Features {
    let rows: Vec<[f32; 2]> = (0..40).map(|name| [order(name), 0.0]).collect();
    let rows: Vec<&[f32]> = rows.iter().map(<[f32; 2]>::as_slice).collect();
    features(&rows)
}

fn day(number: i8) -> Date {
    Date::constant(2024, 2, number)
}

/// Leads the model through sessions as a conductor does: each journal hands on to the next what was said.
struct Days {
    before: Option<ScoresBefore>,
    number: i8,
}

impl Days {
    fn new() -> Self {
        Self { before: None, number: 0 }
    }

    fn say(&mut self, features: Features) -> Message {
        self.number += 1;
        let mut today = opened(Some(("linear", "feed")));
        (today.signal_session, today.scored) = (day(self.number), self.before.clone());
        let features = Features { session: day(self.number), ..features };
        let answer = answers(Some(Linear::new(&[1.0, 1.0])), today.clone(), features).remove(0);
        let entry =
            |body| Envelope { id: MessageId::event(ActorId::Session, "x"), at: Time(0), body };
        let journal = [Message::SessionOpened(Box::new(today)), answer.clone()].map(entry);
        self.before = remember(None, &journal);
        answer
    }
}

/// Another order each day, as wide as `width`.
fn shuffled(session: i8, width: f32) -> Features {
    let step = 2 * usize::from(session.unsigned_abs()) + 1;
    wide(|name| (name * step % 101) as f32 * width)
}

#[test]
fn what_has_no_history_is_undecided_and_says_so() {
    let mut days = Days::new();
    let undecided = |answer: Message| match answer {
        Message::Scores(scores) => scores.undecided,
        other => panic!("withheld: {other}"),
    };
    assert_eq!(
        undecided(days.say(shuffled(1, 1.0))),
        ["TRAILING_SD sessions=0 min=20", "SAME_ORDER names=0 min=30"]
    );
    assert_eq!(undecided(days.say(shuffled(2, 1.0))), ["TRAILING_SD sessions=1 min=20"]);
    for session in 3..=20 {
        days.say(shuffled(session, 1.0));
    }
    assert!(undecided(days.say(shuffled(21, 1.0))).is_empty());
}

#[test]
fn the_order_of_yesterday_is_withheld() {
    let mut days = Days::new();
    days.say(shuffled(1, 1.0));
    let answer = days.say(shuffled(1, 2.0));
    let text = reason_of(&answer);
    assert!(text.starts_with("SAME_ORDER spearman=1.000000 as=2024-02-01 names=40"), "{text}");
    // Withheld once more as long as it does not move; then it goes on.
    assert!(reason_of(&days.say(shuffled(1, 3.0))).starts_with("SAME_ORDER"));
    assert!(matches!(days.say(shuffled(2, 1.0)), Message::Scores(_)));
}

#[test]
fn a_twentieth_of_the_trailing_spread_is_withheld() {
    let mut days = Days::new();
    for session in 1..=20 {
        assert!(matches!(days.say(shuffled(session, 30.0)), Message::Scores(_)), "{session}");
    }
    // The card alone (sd 1) would let it pass.
    let answer = days.say(shuffled(21, 1.0));
    assert!(reason_of(&answer).contains("trailing_median="), "{}", reason_of(&answer));
    let sds = days.before.clone().unwrap().sds;
    assert_eq!(sds.len(), 20, "what is withheld is no part of what is usual");
    assert!(matches!(days.say(shuffled(22, 3.0)), Message::Scores(_)));
}

#[test]
fn another_model_begins_anew_and_sixty_sessions_are_kept() {
    let mut days = Days::new();
    days.say(shuffled(1, 1.0));
    let mut scored = days.before.clone().unwrap();
    scored.model_sha256 = "other".to_owned();
    days.before = Some(scored.clone());
    let Message::Scores(scores) = days.say(shuffled(1, 1.0)) else { panic!("withheld") };
    assert_eq!(scores.undecided.len(), 2, "the other model's order is no yesterday of ours");
    assert_eq!(days.before.clone().unwrap().sds.len(), 1);

    scored.model_sha256 = "feed".to_owned();
    scored.sds = vec![7.0; 60].into();
    days.before = Some(scored);
    days.say(shuffled(2, 1.0));
    let sds = days.before.unwrap().sds;
    assert_eq!((sds.len(), sds[58]), (60, 7.0));
    assert!(sds[59] > 20.0 && sds[59] < 40.0, "{}", sds[59]);
}

/// Recovered in the middle of the day, it answers with what its journal handed it, not with what it says itself.
#[test]
fn a_session_is_not_compared_with_itself() {
    let mut days = Days::new();
    let first = days.say(shuffled(1, 1.0));
    days.number = 0;
    assert_eq!(days.say(shuffled(1, 1.0)), first);
    assert_eq!(days.before.unwrap().sds.len(), 1);
}

#[test]
fn an_infinite_feature_is_withheld_by_name() {
    let mut rows = [[1.0_f32, 2.0, 0.0, 1.0, 3.0, 1.0]; 3];
    (rows[0][4], rows[1][1]) = (f32::NAN, f32::NEG_INFINITY);
    let rows: Vec<&[f32]> = rows.iter().map(<[f32; 6]>::as_slice).collect();
    let answer = answer(Linear::new(&[1.0; 6]), features(&rows));
    assert_eq!(reason(&answer), "NOT_FINITE feature=f1 symbol=S01");
}

fn reason_of(answer: &Message) -> &str {
    match answer {
        Message::ScoresWithheld(withheld) => &withheld.reason,
        other => panic!("expected a refusal, got {other}"),
    }
}
