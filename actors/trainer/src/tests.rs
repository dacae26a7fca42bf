//! Scenarios over the whole of training, on panels and markets with known answers.

use crate::testing::{date, market, noise_panel, planted_panel};
use crate::train::CARD_ATTRIBUTE;
use crate::{
    Panel, Progress, Stage, TrainConfig, TrainError, Trained, train, train_panel, train_until,
};
use messages::Bars;
use std::ops::ControlFlow;

/// Small enough for a test, otherwise as usual.
pub(crate) fn small() -> TrainConfig {
    TrainConfig {
        test_sessions: 120,
        validation_sessions: 60,
        train_sessions_min: 120,
        trees_max: 60,
        ..TrainConfig::default()
    }
}

pub(crate) fn trained(panel: &Panel, config: &TrainConfig) -> Result<Trained, TrainError> {
    train_panel(panel, config, &mut |_| ControlFlow::Continue(()))
}

#[test]
fn a_planted_signal_is_found() {
    let trained = trained(&planted_panel(420, 60, 6, 0.08, 3), &small()).unwrap();
    let oof = &trained.card.oof.neutral;
    assert!(oof.mean > 0.04 && oof.mean < 0.1, "{oof:?}");
    assert!(oof.t > 3.0 && oof.sessions == 120, "{oof:?}");
    assert_eq!(
        trained.card.label,
        "edge not established: UNDECIDED, 120 out-of-fold sessions of 250"
    );
    assert!(trained.card.typical_sd > 0.0);
}

#[test]
fn noise_is_not_taken_for_a_signal() {
    for seed in [11, 12, 13] {
        let trained = trained(&planted_panel(420, 60, 6, 0.0, seed), &small()).unwrap();
        let oof = &trained.card.oof.neutral;
        assert!(oof.t.abs() < 3.0 && oof.mean.abs() < 0.03, "seed {seed}: {oof:?}");
    }
}

#[test]
fn a_signal_too_good_to_be_true_ends_the_training() {
    let error = trained(&planted_panel(420, 60, 6, 0.5, 3), &small()).unwrap_err();
    assert!(matches!(error, TrainError::Leakage { neutral, .. } if neutral > 0.3), "{error}");
    assert!(error.is_final());
}

#[test]
fn the_card_tells_the_split_and_how_the_trees_were_chosen() {
    let config = small();
    let card = trained(&noise_panel(420, 40, 4), &config).unwrap().card;
    let split = &card.split;
    assert_eq!((split.test.dates, split.test.rows), (120, 4800));
    assert_eq!((split.test.first, split.test.last), (date(300), date(419)));
    assert_eq!((split.train.first, split.train.last), (date(0), date(300 - 11)));
    assert_eq!((split.validation.first, split.validation.last), (date(230), date(289)));
    assert_eq!(split.fit.last, date(230 - 11));
    assert_eq!(split.labels_overlapping_test, 0);
    let curve = &card.validation_curve;
    let tried: Vec<usize> = curve.iter().map(|point| point.trees).collect();
    assert_eq!(tried, [20, 30, 40, 50, 60]);
    let best = curve.iter().map(|point| point.ic).fold(f64::MIN, f64::max);
    let chosen = curve.iter().find(|point| point.trees == card.trees).unwrap();
    assert_eq!(chosen.ic, best);
    let years: u32 = card.oof.by_year.iter().map(|year| year.sessions).sum();
    assert_eq!(years + card.oof.sessions_without_ic, 120);
    assert_eq!(card.xgboost_version, "3.4.1");
}

/// Labels of the test part decide nothing but the audit: the model is the same whatever they are.
#[test]
fn the_test_part_does_not_reach_the_model() {
    let panel = planted_panel(420, 40, 4, 0.05, 5);
    let mut scrambled = panel.clone();
    for day in &mut scrambled.days[300..] {
        day.labels.reverse();
        day.returns.reverse();
    }
    let (one, other) = (trained(&panel, &small()).unwrap(), trained(&scrambled, &small()).unwrap());
    assert_ne!(one.card.oof, other.card.oof);
    assert!(without_card(&one) == without_card(&other), "the trees differ");
    let mut before = panel.clone();
    before.days[289].labels.reverse();
    let before = trained(&before, &small()).unwrap();
    assert!(without_card(&one) != without_card(&before), "the last training label must matter");
}

fn without_card(trained: &Trained) -> Vec<u8> {
    let mut booster = xgb::Booster::load_buffer(&trained.bytes).unwrap();
    booster.set_attribute(CARD_ATTRIBUTE, "").unwrap();
    booster.save_buffer(true).unwrap()
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let panel = planted_panel(420, 40, 4, 0.05, 5);
    let first = trained(&panel, &small()).unwrap();
    assert_eq!(first, trained(&panel, &small()).unwrap());
    let threads = trained(&panel, &TrainConfig { threads: 2, ..small() }).unwrap();
    assert_eq!(first.model, threads.model);
    let id = &first.model.id;
    assert_eq!(*id, format!("xgb-{}-{}", date(425).strftime("%Y%m%d"), &first.model.sha256[..8]));
}

#[test]
fn bars_become_a_panel_with_labels_from_open_to_open() {
    let (history, members) = market(280, 40, 1);
    let mut seen = Vec::new();
    let panel = Panel::build(&history, &members, 5, &mut |step| {
        seen.push(step);
        ControlFlow::Continue(())
    })
    .unwrap();
    assert_eq!(seen.last(), Some(&Progress { stage: Stage::Features, done: 274, of: 274 }));
    let day = panel.days.last().unwrap();
    assert_eq!((day.index, day.session), (273, history[273].session));
    assert_eq!(day.labels.len(), 40);
    let expected = (history[279].open[7] / history[274].open[7]).ln();
    assert_eq!(day.returns[7].to_bits(), expected.to_bits());
    // Neutral labels: no net in any sector.
    for sector in 0..4 {
        let net: f32 = day.labels.iter().skip(sector).step_by(4).sum();
        assert!(net.abs() < 0.2, "sector {sector}: {net}");
    }
    assert_eq!(panel.names.len() * 40, day.values.len());
}

/// Cutting the future off leaves every earlier row as it was.
#[test]
fn the_future_does_not_change_the_past() {
    let (history, members) = market(275, 35, 2);
    let build = |history: &[Bars]| {
        Panel::build(history, &members, 5, &mut |_| ControlFlow::Continue(())).unwrap()
    };
    let (whole, cut) = (build(&history), build(&history[..268]));
    assert!(!cut.days.is_empty() && cut.days.len() + 7 == whole.days.len());
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    for (a, b) in whole.days.iter().zip(&cut.days) {
        assert_eq!(
            (a.index, bits(&a.values), bits(&a.labels)),
            (b.index, bits(&b.values), bits(&b.labels))
        );
    }
}

#[test]
fn bars_to_model_whole() {
    let (history, members) = market(400, 32, 9);
    let config = TrainConfig {
        test_sessions: 40,
        validation_sessions: 25,
        train_sessions_min: 60,
        trees_max: 40,
        min_child_weight: 50.0,
        ..TrainConfig::default()
    };
    let mut stages = Vec::new();
    let trained = train(&history, &members, &config, &mut |step| stages.push(step.stage)).unwrap();
    stages.dedup();
    assert_eq!(stages, [Stage::Features, Stage::Choose, Stage::Fit]);
    assert_eq!(trained.card.history_sha256, messages::history_sha256(&history));
    assert_eq!(trained.card.names.len(), 45);
}

#[test]
fn too_little_history_says_how_much_is_missing() {
    let (history, members) = market(300, 32, 9);
    let error = train(&history, &members, &TrainConfig::default(), &mut |_| ()).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("TOO_FEW_DATES: 766 signal dates"), "{text}");
    assert!(text.contains("the 300 sessions of history"), "{text}");
}

#[test]
fn history_and_members_are_checked() {
    let (mut history, mut members) = market(10, 3, 1);
    history.swap(4, 5);
    let mut go = |_| ControlFlow::Continue(());
    let error = train_until(&history, &members, &small(), &mut go).unwrap_err();
    assert!(error.to_string().starts_with("BAD_HISTORY: session 2019-01-05"), "{error}");
    members.reverse();
    let error = train_until(&history, &members, &small(), &mut go).unwrap_err();
    assert!(matches!(error, TrainError::Members));
}

#[test]
fn training_stops_when_told() {
    let panel = noise_panel(420, 40, 4);
    let mut steps = 0;
    let stopped = train_panel(&panel, &small(), &mut |_| {
        steps += 1;
        if steps == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(TrainError::Stopped)));
    assert_eq!(steps, 3);
}

#[test]
fn a_misspelt_or_senseless_configuration_is_refused() {
    let misspelt = serde_json::from_str::<TrainConfig>(r#"{"min_child_wieght": 5}"#);
    assert!(misspelt.unwrap_err().to_string().contains("unknown field `min_child_wieght`"));
    let cases = [
        (TrainConfig { embargo: 0, ..small() }, "embargo"),
        (TrainConfig { eta: f64::NAN, ..small() }, "eta"),
        (TrainConfig { trees_min: 100, ..small() }, "trees_min"),
        (TrainConfig { train_sessions_min: 71, ..small() }, "train_sessions_min"),
    ];
    for (config, field) in cases {
        let text = trained(&noise_panel(10, 30, 2), &config).unwrap_err().to_string();
        assert!(text.starts_with(&format!("TRAIN_CONFIG: [train] {field}:")), "{text}");
    }
}
