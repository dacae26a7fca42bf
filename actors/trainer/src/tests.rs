//! Scenarios over the whole of training, on markets with known answers.

mod prior_art;

use crate::folds::{self, Rows};
use crate::panel::BEFORE;
use crate::testing::{Cheap, Market, SESSIONS, cheap_panel, date, quiet, small};
use crate::train::{CARD_ATTRIBUTE, Study, trials_card};
use crate::trials::Trial;
use crate::{
    Dataset, Detector, Dividends, Panel, Pipeline, Progress, Stage, Standing, Status, TrainConfig,
    TrainError, Trained, Trials, Watch, train, train_panel,
};
use messages::Bars;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Trained on cheap features, its trial kept in a folder that goes away.
pub(crate) fn trained(
    market: &Market,
    columns: usize,
    config: &TrainConfig,
) -> Result<Trained, TrainError> {
    let folder = tempfile::tempdir().unwrap();
    trained_with(&Trials::at(folder.path().join("trials.jsonl")), market, columns, config)
}

pub(crate) fn trained_with(
    trials: &Trials,
    market: &Market,
    columns: usize,
    config: &TrainConfig,
) -> Result<Trained, TrainError> {
    let (data, cheap) = (market.data(), Cheap { columns });
    let panel = cheap.panel(data, config, quiet())?;
    train_panel(&cheap, data, panel, config, trials, quiet())
}

fn study(market: &Market, config: &TrainConfig) -> Result<Study, TrainError> {
    let cheap = Cheap { columns: 6 };
    let panel = cheap.panel(market.data(), config, quiet())?;
    Study::run(&cheap, market.data(), panel, config, quiet())
}

#[test]
fn a_planted_edge_is_found() {
    let found = trained(&Market::with_edge(SESSIONS, 60, 3, 0.16), 6, &small()).unwrap();
    let oof = &found.card.oof.neutral;
    assert!(oof.mean > 0.03 && oof.t > 3.0 && oof.sessions >= 250, "{oof:?}");
    assert_eq!(found.card.standing, Standing::Passed, "{:?}", found.card.refusals());
    assert!(found.card.label.starts_with("edge not established: "), "{}", found.card.label);
    assert!(found.card.label.contains("no PBO, one trial"), "{}", found.card.label);
    let best = found.card.columns.iter().max_by(|a, b| a.importance.total_cmp(&b.importance));
    assert_eq!(best.unwrap().name, found.card.columns[0].name, "the omen is the first column");
    assert!(found.card.deciles_bp[9] > found.card.deciles_bp[0]);
    let sharpe = |at: usize| found.card.spread.sharpe[at].sharpe.unwrap();
    assert!(sharpe(0) > sharpe(1) && sharpe(2) > sharpe(3), "costs cost");
    assert!(found.card.typical_sd > 0.0);
}

#[test]
fn noise_is_not_taken_for_an_edge() {
    for seed in [11, 12, 13] {
        let study = study(&Market::new(SESSIONS, 50, seed), &small()).unwrap();
        let oof = study.oof.unwrap().neutral;
        assert!(oof.t.abs() < 3.0 && oof.mean.abs() < 0.03, "seed {seed}: {oof:?}");
    }
}

#[test]
fn an_edge_too_good_to_be_true_is_refused() {
    let found = trained(&Market::with_edge(SESSIONS, 50, 3, 2.0), 6, &small()).unwrap();
    let oof = found.card.audit.iter().find(|finding| finding.detector == Detector::OofIc).unwrap();
    assert_eq!(oof.status, Status::Fail, "{oof}");
    assert_eq!(found.card.standing, Standing::Refused);
    assert!(found.card.label.contains("REFUSED by "), "{}", found.card.label);
    assert!(found.card.label.contains("OOF_IC"), "{}", found.card.label);
}

#[test]
fn too_few_dates_decide_nothing() {
    let config = TrainConfig { test_sessions: 100, ..small() };
    let found = trained(&Market::new(BEFORE + 80 + 11 + 100 + 5, 40, 3), 6, &config).unwrap();
    let oof = found.card.audit.iter().find(|finding| finding.detector == Detector::OofIc).unwrap();
    assert_eq!(oof.status, Status::Undecided, "{oof}");
    assert_eq!(found.card.standing, Standing::Refused);
}

#[test]
fn the_card_tells_the_folds_and_how_the_trees_were_chosen() {
    let config = small();
    let card = trained(&Market::new(SESSIONS, 40, 4), 6, &config).unwrap().card;
    let [first, second] = card.folds.as_slice() else { panic!("{} folds", card.folds.len()) };
    let test = |fold: &crate::FoldCard| fold.test.clone().unwrap();
    // The first test date is the first with 80 purged dates before it.
    assert_eq!(test(first).first, date(BEFORE + 80 + 10));
    assert_eq!((test(first).dates, first.validation.last), (126, date(BEFORE + 79)));
    assert_eq!(first.fit.last, date(BEFORE + 80 - 40 - 11));
    assert_eq!(test(second).first, date(BEFORE + 80 + 10 + 126));
    // The last label is known at the open six sessions later; the rest is tested with the last fold.
    assert_eq!(test(second).last, date(SESSIONS - 7));
    assert_eq!(card.deployed.validation.last, date(SESSIONS - 7));
    assert_eq!(card.deployed.test, None);
    let curve = &card.deployed.curve;
    assert_eq!(curve.iter().map(|point| point.trees).collect::<Vec<_>>(), [20, 30]);
    let best = curve.iter().map(|point| point.ic).fold(f64::MIN, f64::max);
    assert_eq!(curve.iter().find(|point| point.trees == card.trees).unwrap().ic, best);
    let years: u32 = card.oof.by_year.iter().map(|year| year.sessions).sum();
    assert_eq!(years, card.oof.neutral.sessions);
    assert_eq!(card.xgboost_version, "3.4.1");
}

/// Labels of the tested dates decide nothing but the judgement: their scores are the same whatever they
/// are.
#[test]
fn prior_art_24_a_test_does_not_reach_the_model_that_it_tests() {
    let market = Market::with_edge(SESSIONS, 40, 5, 0.3);
    let config = TrainConfig { test_sessions: 400, ..small() };
    let cheap = Cheap { columns: 4 };
    let panel = cheap_panel(&market, 4);
    let scores = |panel: Panel| {
        let folds = cheap.folds(&panel, &config).unwrap();
        let jobs: Vec<_> =
            folds.iter().map(|fold| crate::walk::Job { panel: &panel, fold }).collect();
        let fitted = crate::walk::train(&jobs, &config, quiet()).unwrap();
        assert_eq!(fitted.len(), 1);
        (fitted[0].scores.clone(), folds[0].clone())
    };
    let (before, fold) = scores(panel.clone());
    let mut scrambled = panel.clone();
    for row in fold.test.iter() {
        scrambled.labels[row] = -scrambled.labels[row];
        scrambled.returns[row] = -scrambled.returns[row];
    }
    assert!(before == scores(scrambled).0);
    let mut trained = panel.clone();
    let last = fold.fit.iter().last().unwrap();
    trained.labels[last] += 9.0;
    assert!(before != scores(trained).0, "the last fitted label must matter");
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let market = Market::with_edge(SESSIONS, 40, 5, 0.2);
    let config = TrainConfig { threads: 1, ..small() };
    let first = trained(&market, 4, &config).unwrap();
    assert!(first == trained(&market, 4, &TrainConfig { threads: 3, ..small() }).unwrap());
    let id = &first.model.id;
    assert_eq!(
        *id,
        format!("xgb-{}-{}", date(SESSIONS - 1).strftime("%Y%m%d"), &first.model.sha256[..8])
    );
    let booster = xgb::Booster::load_buffer(&first.bytes).unwrap();
    let sealed = booster.get_attribute(CARD_ATTRIBUTE).unwrap().unwrap();
    assert_eq!(serde_json::from_str::<crate::Card>(&sealed).unwrap(), first.card);
    let json = xgb::Booster::load_buffer(&first.json).unwrap();
    assert!(json.save_buffer(true).unwrap() == first.bytes, "both files are one model");
}

/// What was tried before and since: a model that is trained again says the same, another one counts.
#[test]
fn every_configuration_counts_and_none_twice() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::at(folder.path().join("trials.jsonl"));
    let market = Market::with_edge(SESSIONS, 40, 5, 0.1);
    let cheap = Cheap { columns: 4 };
    let run = |config: &TrainConfig| {
        let panel = cheap.panel(market.data(), config, quiet()).unwrap();
        train_panel(&cheap, market.data(), panel, config, &trials, quiet()).unwrap()
    };
    let first = run(&small());
    assert_eq!((first.card.trials.trials, first.card.trials.pbo), (1, None));
    let second = run(&TrainConfig { depth: 2, ..small() });
    assert_eq!(second.card.trials.trials, 2);
    assert!(second.card.trials.pbo.is_some(), "{:?}", second.card.trials);
    assert!(second.card.trials.dsr < second.card.trials.psr);
    assert!(first == run(&small()), "trained again it finds the trials it found");
    assert_eq!(trials.read().unwrap().len(), 2);
}

/// What a holder was paid is no part of the history, and all the same of what was tried.
#[test]
fn other_dividends_are_another_trial() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::at(folder.path().join("trials.jsonl"));
    let market = Market::with_edge(SESSIONS, 40, 5, 0.1);
    let cheap = Cheap { columns: 4 };
    let run = |paid: Option<&Dividends>| {
        let data = Dataset { dividends: paid, ..market.data() };
        let panel = cheap.panel(data, &small(), quiet()).unwrap();
        train_panel(&cheap, data, panel, &small(), &trials, quiet()).unwrap()
    };
    let without = run(None);
    let paid = (0..40).map(|name| {
        let symbol = market.members[name].symbol.clone();
        (symbol, date(400 + 5 * name), 3.0)
    });
    let with = run(Some(&Dividends::new(paid)));
    assert_eq!((without.card.trials.trials, with.card.trials.trials), (1, 2));
    assert_ne!(without.card.trials.psr, with.card.trials.psr, "its own returns");
    assert_eq!(without.card.history_sha256, with.card.history_sha256);
}

/// Read back from the registry's files: a change of the past is seen even where the last session is left out.
#[test]
fn what_bars_a_trial_saw_is_kept_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::at(folder.path().join("trials.jsonl"));
    let mut market = Market::new(SESSIONS, 40, 5);
    let run = |market: &Market| {
        let cheap = Cheap { columns: 3 };
        let panel = cheap.panel(market.data(), &small(), quiet()).unwrap();
        train_panel(&cheap, market.data(), panel, &small(), &trials, quiet())
    };
    run(&market).unwrap();
    market.history.pop();
    market.history[300].high[4] += 0.01;
    let audit = run(&market).unwrap().card.audit;
    let finding = audit.iter().find(|finding| finding.detector == Detector::Restated).unwrap();
    assert_eq!(finding.status, Status::Fail, "{finding}");
    let symbol = &market.history[300].symbols[4];
    assert!(finding.found.contains(&format!("{symbol} on {}", date(300))), "{finding}");

    let months = trials.read().unwrap().remove(0).months;
    let path = folder.path().join("trials.snapshots").join(&months["2016-03"]);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen('1', "2", 1)).unwrap();
    market.history.pop();
    let error = run(&market).unwrap_err().to_string();
    assert!(error.starts_with("TRIALS_TAMPERED: ") && error.contains("is not its name"), "{error}");
}

#[test]
fn trials_can_only_be_added() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trials.jsonl");
    let trials = Trials::at(&path);
    let market = Market::new(SESSIONS, 40, 5);
    let cheap = Cheap { columns: 3 };
    for depth in [2, 3] {
        let config = TrainConfig { depth, ..small() };
        let panel = cheap.panel(market.data(), &config, quiet()).unwrap();
        train_panel(&cheap, market.data(), panel, &config, &trials, quiet()).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let alone = format!("{}\n", lines[1]);
    for bad in [alone, text.replacen('2', "3", 1), format!("{text}{}\n", lines[0])] {
        std::fs::write(&path, bad).unwrap();
        let error = trials.read().unwrap_err().to_string();
        assert!(error.starts_with("TRIALS_TAMPERED: "), "{error}");
    }
}

#[test]
fn bars_become_a_panel_with_labels_from_open_to_open() {
    let market = Market::new(348, 40, 1);
    let seen = Mutex::new(Vec::new());
    let see = |step| {
        seen.lock().unwrap().push(step);
        ControlFlow::Continue(())
    };
    let panel = Panel::build(market.data(), 5, Watch::new(&see)).unwrap();
    let last = seen.lock().unwrap().last().copied();
    assert_eq!(last, Some(Progress { stage: Stage::Features, done: 348, of: 348 }));
    assert_eq!((panel.days.len(), panel.labelled()), (348 - BEFORE, 348 - BEFORE - 6));
    let day = &panel.days[panel.labelled() - 1];
    assert_eq!((day.index, day.session), (341, market.history[341].session));
    for row in day.rows.clone() {
        let open = |t: usize| {
            let bars: &Bars = &market.history[t];
            bars.row(panel.symbol(row)).map_or(f64::NAN, |at| bars.open[at])
        };
        assert_eq!(panel.returns[row].to_bits(), (open(347) / open(342)).ln().to_bits());
    }
    // Neutral labels: no net in any sector.
    for sector in 0..4 {
        let mine = day.rows.clone().filter(|row| panel.owners[*row] % 4 == sector);
        let net: f32 = mine.map(|row| panel.labels[row]).sum();
        assert!(net.abs() < 0.2, "sector {sector}: {net}");
    }
    let unlabelled = panel.days.last().unwrap().rows.clone();
    assert!(panel.labels[unlabelled].iter().all(|label| label.is_nan()));
}

#[test]
fn bars_to_model_whole() {
    let market = Market::new(SESSIONS, 36, 9);
    let folder = tempfile::tempdir().unwrap();
    let trials = Trials::at(folder.path().join("trials.jsonl"));
    let stages = Mutex::new(Vec::new());
    let see = |step: Progress| {
        stages.lock().unwrap().push(step.stage);
        ControlFlow::Continue(())
    };
    let trained = train(market.data(), &small(), &trials, Watch::new(&see)).unwrap();
    let mut stages = stages.into_inner().unwrap();
    stages.dedup();
    assert_eq!(stages, [Stage::Features, Stage::Folds, Stage::Audit]);
    assert_eq!(trained.card.history_sha256, messages::history_sha256(&market.history));
    assert_eq!(trained.card.columns.len(), 45);
    assert_eq!(trained.card.audit.len(), 18);
}

#[test]
fn too_little_history_says_how_much_is_missing() {
    let market = Market::new(300, 44, 9);
    let error = study(&market, &TrainConfig::default()).err().unwrap().to_string();
    assert!(error.starts_with("TOO_FEW_DATES: 554 signal dates"), "{error}");
    assert!(error.contains("the 300 sessions of history"), "{error}");
    // With as many as it asks for it trains.
    let missing: usize =
        error.split("about ").nth(1).and_then(|t| t.split(' ').next()).unwrap().parse().unwrap();
    let config = TrainConfig::default();
    let panel = cheap_panel(&Market::new(300 + missing, 44, 9), 3);
    assert_eq!(folds::walk_forward(&panel, &config).unwrap().len(), 1);
    let panel = cheap_panel(&Market::new(299 + missing, 44, 9), 3);
    assert!(folds::walk_forward(&panel, &config).is_err());
}

#[test]
fn the_sessions_needed_are_enough_to_decide() {
    let config = small();
    let panel = cheap_panel(&Market::new(config.sessions_needed(), 36, 9), 3);
    let folds = folds::walk_forward(&panel, &config).unwrap();
    let tested: usize = folds.iter().map(|fold| fold.test.days(&panel).len()).sum();
    assert!((250..255).contains(&tested), "{tested}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    /// Whatever the lengths: no training label ends at or after the first test signal, nor a fitted one
    /// at or after the first validation signal; every date from the first test on is tested once.
    #[test]
    fn prior_art_24_no_label_reaches_into_what_tests_it(
        sessions in 378_usize..478,
        horizon in 1_usize..12,
        embargo in 1_usize..12,
        test_sessions in 1_usize..60,
        validation_sessions in 1_usize..20,
    ) {
        let mut config = TrainConfig {
            horizon, embargo, test_sessions, validation_sessions, ..TrainConfig::default()
        };
        config.train_sessions_min = validation_sessions + config.purge() + 1;
        let market = Market::new(sessions, 32, 1);
        let panel = Cheap { columns: 1 }.panel(market.data(), &config, quiet()).unwrap();
        let Ok(folds) = folds::walk_forward(&panel, &config) else { return Ok(()) };
        let days = |rows: &Rows| rows.days(&panel);
        let first = |rows: &Rows| panel.days[days(rows)[0]].index;
        let last_label = |rows: &Rows| panel.days[*days(rows).last().unwrap()].index + 1 + horizon;
        let mut tested = Vec::new();
        for fold in &folds {
            prop_assert!(!fold.fit.is_empty() && !fold.test.is_empty());
            prop_assert!(last_label(&fold.fit) + embargo <= first(&fold.validation));
            prop_assert!(last_label(&fold.validation) + embargo <= first(&fold.test));
            tested.extend(days(&fold.test));
        }
        let from = tested[0];
        prop_assert_eq!(tested, (from..panel.labelled()).collect::<Vec<_>>());
        let deployed = folds::last(&panel, &config);
        prop_assert_eq!(*days(&deployed.validation).last().unwrap(), panel.labelled() - 1);
        prop_assert!(last_label(&deployed.fit) + embargo <= first(&deployed.validation));
    }
}

#[test]
fn history_and_members_are_checked() {
    let mut market = Market::new(10, 3, 1);
    market.history.swap(4, 5);
    let build = |market: &Market| Panel::build(market.data(), 5, quiet()).unwrap_err();
    let error = build(&market).to_string();
    assert!(error.starts_with("BAD_HISTORY: session 2016-01-05"), "{error}");
    market.members.reverse();
    assert!(matches!(build(&market), TrainError::Members));
}

#[test]
fn training_stops_when_told() {
    let market = Market::new(SESSIONS, 40, 4);
    let (cheap, config) = (Cheap { columns: 4 }, small());
    let panel = cheap.panel(market.data(), &config, quiet()).unwrap();
    let steps = AtomicUsize::new(0);
    let stop = |_| match steps.fetch_add(1, Ordering::Relaxed) {
        0..3 => ControlFlow::Continue(()),
        _ => ControlFlow::Break(()),
    };
    let stopped = Study::run(&cheap, market.data(), panel, &config, Watch::new(&stop));
    assert!(matches!(stopped.err(), Some(TrainError::Stopped)));
    assert!(steps.into_inner() <= 3 + config.threads, "each thread hears of it at its next tree");
}

/// What is not there, or can't be, is refused by its name before anything is trained.
#[test]
fn prior_art_27_columns_without_values_and_infinite_ones_are_refused_by_name() {
    let market = Market::new(SESSIONS, 36, 4);
    let (cheap, config) = (Cheap { columns: 4 }, small());
    let sound = cheap.panel(market.data(), &config, quiet()).unwrap();
    let refused = |change: fn(&mut Panel)| {
        let mut panel = sound.clone();
        change(&mut panel);
        let error = Study::run(&cheap, market.data(), panel, &config, quiet()).err().unwrap();
        assert!(error.is_final());
        error.to_string()
    };
    let empty = refused(|panel| {
        panel.values.iter_mut().skip(2).step_by(4).for_each(|value| *value = f32::NAN);
    });
    assert!(empty.contains("ret_10 has no value at all"), "{empty}");
    let infinite = refused(|panel| panel.values[401] = f32::NEG_INFINITY);
    assert!(infinite.contains("ret_5 holds an infinite value"), "{infinite}");
    let label = refused(|panel| panel.labels[9] = f32::INFINITY);
    assert!(label.contains("label holds an infinite value"), "{label}");
}

type Change = fn(&mut Panel);

/// Any number a model could learn from, and only those, changes the hash in its card.
#[test]
fn the_card_knows_the_matrix_to_the_bit() {
    let market = Market::new(SESSIONS, 36, 4);
    let panel = cheap_panel(&market, 4);
    let card = trained(&market, 4, &small()).unwrap().card;
    assert_eq!(card.matrix_sha256, panel.sha256());
    let changes: [(&str, Change); 6] = [
        ("value", |panel| panel.values[7] = f32::from_bits(panel.values[7].to_bits() ^ 1)),
        ("label", |panel| panel.labels[7] = f32::from_bits(panel.labels[7].to_bits() ^ 1)),
        ("return", |panel| panel.returns[7] = f64::from_bits(panel.returns[7].to_bits() ^ 1)),
        ("name", |panel| panel.names[3] = "ret_22".to_owned()),
        ("order", |panel| panel.names.swap(0, 1)),
        ("owner", |panel| panel.owners.swap(3, 4)),
    ];
    for (what, change) in changes {
        let mut changed = panel.clone();
        change(&mut changed);
        assert_ne!(changed.sha256(), card.matrix_sha256, "{what}");
    }
}

/// The card counts who was held to the last close and who could not be bought.
#[test]
fn who_departs_is_counted_and_stays_in() {
    let market = Market::new(SESSIONS, 40, 4);
    let card = trained(&market, 4, &small()).unwrap().card;
    // Four names leave after four fifths: each is held over that day on six dates; the four that are halted
    // from session 400 on, too.
    assert_eq!((card.labels.departed, card.labels.unlabelled), (4 * 5 + 4 * 5, 4 + 4));
}

/// Broken off in whatever stage, a training leaves no model, no trial and no file.
#[test]
fn a_training_that_is_broken_off_leaves_nothing_behind() {
    let market = Market::new(SESSIONS, 36, 9);
    for at in [Stage::Features, Stage::Folds, Stage::Audit] {
        let folder = tempfile::tempdir().unwrap();
        let registry = crate::Registry::new(folder.path().join("models"));
        let stop = |step: Progress| {
            if step.stage == at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let trials = registry.trials().unwrap();
        let error = train(market.data(), &small(), &trials, Watch::new(&stop)).unwrap_err();
        assert!(matches!(error, TrainError::Stopped), "{at:?}: {error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "{at:?}");
    }
}

#[test]
fn a_misspelt_or_senseless_configuration_is_refused() {
    let misspelt = serde_json::from_str::<TrainConfig>(r#"{"min_child_wieght": 5}"#);
    assert!(misspelt.unwrap_err().to_string().contains("unknown field `min_child_wieght`"));
    let cases = [
        (TrainConfig { embargo: 0, ..small() }, "embargo"),
        (TrainConfig { embargo: 4, ..small() }, "embargo"),
        (TrainConfig { trees_min: 9, ..small() }, "trees_min"),
        (TrainConfig { eta: f64::NAN, ..small() }, "eta"),
        (TrainConfig { trees_min: 100, ..small() }, "trees_min"),
        (TrainConfig { train_sessions_min: 51, ..small() }, "train_sessions_min"),
    ];
    for (config, field) in cases {
        let text = config.validate().unwrap_err().to_string();
        assert!(text.starts_with(&format!("TRAIN_CONFIG: [train] {field}:")), "{text}");
    }
}

/// A Sharpe ratio of holding periods of 21 sessions and those of single sessions are of two units: twenty trials of one
/// session whose ratios have a standard deviation of .02, and one of 21 sessions with .35.
#[test]
fn sharpe_ratios_of_all_horizons_are_deflated_in_one_unit() {
    // Alternating around a mean, so that the ratio is what is wanted.
    let returns = |sharpe: f64, periods: usize| -> Vec<f64> {
        let sd = (periods as f64 / (periods - 1) as f64).sqrt();
        let side = |at: usize| if at.is_multiple_of(2) { 0.01 } else { -0.01 };
        (0..periods).map(|at| 0.01 * sharpe * sd + side(at)).collect()
    };
    let trial = |horizon: usize, sharpe: f64, periods: usize| Trial {
        config: TrainConfig { horizon, ..small() },
        whitelist_sha256: String::new(),
        members_sha256: String::new(),
        first: date(0),
        through: date(1),
        sessions: 2,
        history_sha256: String::new(),
        matrix_sha256: String::new(),
        months: BTreeMap::new(),
        restated: None,
        dates: (0..periods).map(|at| date(at * horizon)).collect(),
        returns: returns(sharpe, periods),
    };
    let spread = 0.02 * (19.0_f64 / 20.0).sqrt();
    let quick = (0..20).map(|at| trial(1, if at % 2 == 0 { spread } else { -spread }, 1_764));
    let all: Vec<Trial> = quick.chain([trial(21, 0.35, 84)]).collect();
    let card = trials_card(&all, String::new());
    // By hand, per session: 20 ratios with variance .0004 and mean 0, and .35/√21.
    let ours = 0.35 / 21_f64.sqrt();
    let daily = (19.0 * 0.0004 + ours * ours * (1.0 - 1.0 / 21.0)) / 20.0;
    let found = card.sharpe_variance;
    assert!((found - 21.0 * daily).abs() < 1e-6, "{found}, by hand {}", 21.0 * daily);
    let dsr = card.dsr.unwrap();
    assert!((0.86..0.88).contains(&dsr), "{dsr}; with the units mixed it would be .96 and pass");
    // Of one horizon it is the plain variance.
    let plain = trials_card(&all[..20], String::new()).sharpe_variance;
    assert!((plain - 0.0004).abs() < 1e-6, "{plain}");
}
