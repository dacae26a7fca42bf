//! Every leak of METHODS.md §3 planted in the real pipeline, and the clean pipeline on twenty markets.

mod labels;
mod prior_art;
mod records;
mod sectors;

use super::*;
use crate::dataset::Members;
use crate::folds::{self, Rows};
use crate::panel::{At, Moment};
use crate::pipeline::Standard;
use crate::testing::{Market, SESSIONS, noise, quiet, small};
use crate::train::Study;
use messages::{Bars, Date, Symbol};

/// Fewer than in earnest: the plants are there at every cut.
const CUTS: usize = 1;
const NAMES: usize = 38;

fn audited(pipeline: &dyn Pipeline, data: Dataset<'_>, trials: &[Earlier]) -> (Vec<Finding>, f64) {
    audited_with(pipeline, data, trials, &small())
}

fn audited_with(
    pipeline: &dyn Pipeline,
    data: Dataset<'_>,
    trials: &[Earlier],
    config: &TrainConfig,
) -> (Vec<Finding>, f64) {
    let raw = pipeline.panel(data, config, quiet()).unwrap();
    let study = Study::run(pipeline, data, raw, config, quiet()).unwrap();
    let case = Case {
        pipeline,
        data,
        config,
        raw: &study.raw,
        panel: &study.panel,
        folds: &study.folds,
        trials,
    };
    let oof = study.oof.as_ref();
    let findings = audit_with(case, &study.controls, oof, CUTS, quiet()).unwrap();
    (findings, oof.map_or(f64::NAN, |oof| oof.neutral.mean))
}

/// The leak is found by the detector that is named for it, and the model refused.
fn fires(row: &str, detector: Detector, pipeline: &dyn Pipeline) {
    let market = Market::new(SESSIONS, NAMES, 5);
    fires_on(row, detector, pipeline, market.data(), &[]);
}

fn fires_on(
    row: &str,
    detector: Detector,
    pipeline: &dyn Pipeline,
    data: Dataset<'_>,
    trials: &[Earlier],
) {
    let (findings, ic) = audited(pipeline, data, trials);
    found(row, detector, &findings, ic);
}

fn found(row: &str, detector: Detector, findings: &[Finding], ic: f64) {
    let those: Vec<String> = findings
        .iter()
        .filter(|finding| finding.status > Status::Warn)
        .map(|finding| finding.detector.to_string())
        .collect();
    let finding = findings.iter().find(|finding| finding.detector == detector).unwrap();
    eprintln!("| {row} | {} | {ic:+.4} | {} | {} |", detector, finding.found, those.join(", "));
    assert!(finding.status > Status::Warn, "{row}: {finding}; fired: {those:?}");
    assert_ne!(Standing::of(findings), Standing::Passed, "{row}");
}

/// Every detector is silent; figures are printed.
fn passes(seed: u32) {
    let market = Market::new(SESSIONS, NAMES, seed);
    let (findings, ic) = audited(&Standard, market.data(), &[]);
    let loud: Vec<String> =
        findings.iter().filter(|f| f.status > Status::Warn).map(ToString::to_string).collect();
    assert!(loud.is_empty(), "seed {seed}: {loud:?}");
    assert_eq!(Standing::of(&findings), Standing::Passed, "seed {seed}");
    assert_eq!(findings.len(), Detector::ALL.len());
    eprintln!("| clean, seed {seed} | none | {ic:+.4} |");
}

#[test]
fn clean_markets_pass_1_to_4() {
    (1..=4).for_each(passes);
}

#[test]
fn clean_markets_pass_5_to_8() {
    (5..=8).for_each(passes);
}

#[test]
fn clean_markets_pass_9_to_12() {
    (9..=12).for_each(passes);
}

#[test]
fn clean_markets_pass_13_to_16() {
    (13..=16).for_each(passes);
}

#[test]
fn clean_markets_pass_17_to_20() {
    (17..=20).for_each(passes);
}

/// A pipeline that is the real one but for what a function does to its panel.
struct Panels<F>(F);

impl<F: Fn(Panel, Dataset<'_>) -> Panel + Sync> Pipeline for Panels<F> {
    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        Ok(self.0(Standard.panel(data, config, watch)?, data))
    }
}

/// … to its data.
struct Histories<F>(F);

impl<F: Fn(&[Bars]) -> Vec<Bars> + Sync> Pipeline for Histories<F> {
    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        let history = self.0(data.history);
        Standard.panel(data.with_history(&history), config, watch)
    }
}

/// … after it has seen the labels.
struct Supervised<F>(F);

impl<F: Fn(Panel) -> Panel + Sync> Pipeline for Supervised<F> {
    fn supervised(&self, panel: Panel) -> Panel {
        self.0(panel)
    }
}

/// … to its folds.
struct FoldsOf<F>(F);

impl<F: Fn(&Panel, &TrainConfig) -> Vec<Fold> + Sync> Pipeline for FoldsOf<F> {
    fn folds(&self, panel: &Panel, config: &TrainConfig) -> Result<Vec<Fold>, TrainError> {
        Ok(self.0(panel, config))
    }
}

fn close(history: &[Bars], session: usize, symbol: &Symbol) -> f64 {
    let bars = history.get(session);
    bars.and_then(|bars| Some(bars.close[bars.row(symbol)?])).unwrap_or(f64::NAN)
}

/// Session number of a row.
fn at(panel: &Panel, row: usize) -> usize {
    panel.days[panel.day_of(row)].index
}

#[test]
fn leak_1_a_feature_from_tomorrow() {
    fires("1 feature shifted by a day", Detector::FutureReturn, &Panels(tomorrow));
}

fn tomorrow(panel: Panel, data: Dataset<'_>) -> Panel {
    panel.with_column("leak", |panel, row| {
        let (t, symbol) = (at(panel, row), panel.symbol(row));
        (close(data.history, t + 1, symbol) / close(data.history, t, symbol)).ln() as f32
    })
}

#[test]
fn leak_2_the_label_among_the_features() {
    let leak = |panel: Panel, _: Dataset<'_>| {
        panel.with_column("leak", |panel, row| {
            let noise = 5.0 * noise(at(panel, row), panel.owners[row] as usize, 99) as f32;
            panel.labels[row] + noise
        })
    };
    fires("2 label + 5 × noise as a feature", Detector::LabelInFeatures, &Panels(leak));
}

#[test]
fn leak_3_scaled_with_the_whole_sample() {
    let leak = |panel: Panel, data: Dataset<'_>| {
        let scale = |symbol: &Symbol| {
            let logs: Vec<f64> = (0..data.history.len())
                .map(|t| close(data.history, t, symbol).ln())
                .filter(|log| log.is_finite())
                .collect();
            let mean = logs.iter().sum::<f64>() / logs.len() as f64;
            let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>();
            (mean, (variance / logs.len() as f64).sqrt())
        };
        let scales: Vec<(f64, f64)> = panel.symbols.iter().map(scale).collect();
        panel.with_column("leak", |panel, row| {
            let (mean, sd) = scales[panel.owners[row] as usize];
            ((close(data.history, at(panel, row), panel.symbol(row)).ln() - mean) / sd) as f32
        })
    };
    fires("3 log price scaled with the whole sample", Detector::FullSample, &Panels(leak));
}

/// Only who is still there at the end.
struct Survivors;

impl Pipeline for Survivors {
    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        let last = &data.history[data.history.len() - 1];
        let Members::Listed { members, as_of, sectors_as_of } = data.members else {
            unreachable!("tests list their members")
        };
        let alive = members.iter().filter(|member| last.row(&member.symbol).is_some());
        let members: &[_] = &alive.cloned().collect::<Vec<_>>();
        let members = Members::Listed { members, as_of, sectors_as_of };
        Standard.panel(Dataset { members, ..data }, config, watch)
    }
}

#[test]
fn leak_4_the_survivors() {
    fires("4 the members of the last day", Detector::Universe, &Survivors);
}

#[test]
fn leak_4_a_list_nobody_ever_leaves() {
    let universe = |as_of_last: bool, leavers: usize| {
        let mut market = Market::new(SESSIONS + 160, 44, 5);
        let last = market.history[market.history.len() - 1].clone();
        let mut left = 0;
        market.members.retain(|member| {
            let there = last.row(&member.symbol).is_some();
            left += usize::from(!there);
            there || left <= leavers
        });
        let known = market.history[0].session;
        let as_of = if as_of_last { last.session } else { known };
        let data = Dataset::listed(&market.history, &market.members, as_of, known);
        let config = small();
        let raw = Standard.panel(data, &config, quiet()).unwrap();
        let folds = folds::walk_forward(&raw, &config).unwrap();
        let case = Case {
            pipeline: &Standard,
            data,
            config: &config,
            raw: &raw,
            panel: &raw,
            folds: &folds,
            trials: &[],
        };
        let findings = reruns::findings(case, 0, quiet()).unwrap();
        findings.into_iter().find(|f| f.detector == Detector::Universe).unwrap().status
    };
    assert_eq!(universe(false, 0), Status::Fail, "it claims to be old");
    assert_eq!(universe(false, 1), Status::Pass, "old, and somebody left");
    assert_eq!(universe(true, 0), Status::Hindsight, "it says that it is not old");
    assert_eq!(universe(true, 1), Status::Hindsight, "one leaver makes no old list of a new one");
}

#[test]
fn leak_5_no_purge_and_no_embargo() {
    let leak = |panel: &Panel, config: &TrainConfig| {
        let adjacent = TrainConfig { horizon: 0, embargo: 0, ..config.clone() };
        folds::walk_forward(panel, &adjacent).unwrap()
    };
    fires("5 no purge, no embargo", Detector::Overlap, &FoldsOf(leak));
}

#[test]
fn leak_6_target_encoding() {
    let leak = |panel: Panel| {
        let mut sums = vec![(0.0, 0.0); panel.symbols.len()];
        for (owner, label) in panel.owners.iter().zip(&panel.labels) {
            if label.is_finite() {
                let (sum, count) = &mut sums[*owner as usize];
                *sum += f64::from(*label);
                *count += 1.0;
            }
        }
        panel.with_column("leak", |panel, row| {
            let (sum, count) = sums[panel.owners[row] as usize];
            (sum / count) as f32
        })
    };
    fires("6 mean label per symbol, whole sample", Detector::TargetEncoding, &Supervised(leak));
}

#[test]
fn leak_7_random_folds() {
    let leak = |panel: &Panel, _: &TrainConfig| {
        let part = |from: f64, to: f64| {
            let mine = (0..panel.labelled()).filter(|day| (from..to).contains(&noise(*day, 0, 7)));
            Rows(mine.map(|day| panel.days[day].rows.clone()).collect())
        };
        let third = 1.0 / 3_f64.sqrt();
        vec![Fold {
            fit: part(-2.0, -third),
            validation: part(-third, -0.2),
            test: part(-0.2, 2.0),
        }]
    };
    fires("7 random days in the folds", Detector::Folds, &FoldsOf(leak));
}

#[test]
fn leak_7_rows_copied_into_the_training() {
    let leak = |mut panel: Panel, _: Dataset<'_>| {
        let days = panel.days.len();
        for (to, from) in (20..60).zip(days.saturating_sub(120)..days) {
            let (to, from) = (panel.days[to].rows.clone(), panel.days[from].rows.clone());
            let columns = panel.names.len();
            for (to, from) in to.zip(from) {
                panel.labels[to] = panel.labels[from];
                panel.values.copy_within(from * columns..(from + 1) * columns, to * columns);
            }
        }
        panel
    };
    fires("7 tested rows copied into the training", Detector::Folds, &Panels(leak));
}

fn close_to_close(panel: &mut Panel, data: Dataset<'_>) {
    for row in 0..panel.labels.len() {
        let (t, symbol) = (at(panel, row), panel.symbol(row).clone());
        let price = |t| close(data.history, t, &symbol);
        panel.returns[row] = (price(t + 5) / price(t)).ln();
        panel.labels[row] = 20.0 * panel.returns[row] as f32;
    }
}

#[test]
fn leak_8_execution_at_the_same_close() {
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        close_to_close(&mut panel, data);
        panel.timing.entry = Moment { sessions: 0, at: At::Close };
        panel.timing.exit = Moment { sessions: 5, at: At::Close };
        panel
    };
    fires("8 execution at the signal's own close", Detector::Execution, &Panels(leak));
}

#[test]
fn leak_8_execution_at_the_same_close_and_no_word_of_it() {
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        close_to_close(&mut panel, data);
        panel
    };
    fires("8 the same, declared as the next open", Detector::Execution, &Panels(leak));
}

#[test]
fn leak_9_relative_to_the_last_price() {
    let leak = |panel: Panel, data: Dataset<'_>| {
        let last = data.history.len() - 1;
        panel.with_column("leak", |panel, row| {
            let symbol = panel.symbol(row);
            let now = close(data.history, at(panel, row), symbol);
            (now / close(data.history, last, symbol)).ln() as f32
        })
    };
    fires("9 price relative to the last day's", Detector::Splits, &Panels(leak));
}

#[test]
fn leak_9_a_price_level() {
    let leak = |panel: Panel, data: Dataset<'_>| {
        panel.with_column("leak", |panel, row| {
            close(data.history, at(panel, row), panel.symbol(row)) as f32
        })
    };
    fires("9 the adjusted price itself", Detector::Splits, &Panels(leak));
}

#[test]
fn leak_11_filled_backwards() {
    let leak = |history: &[Bars]| {
        let mut filled = history.to_vec();
        for t in (0..filled.len() - 1).rev() {
            let (now, next) = (&filled[t], &filled[t + 1]);
            let mut rows: Vec<(Symbol, [f64; 6])> = Vec::new();
            for bars in [next, now] {
                for row in 0..bars.symbols.len() {
                    let value = |column: &[f64]| column[row];
                    let fields = [
                        value(&bars.open),
                        value(&bars.high),
                        value(&bars.low),
                        value(&bars.close),
                        value(&bars.volume),
                        value(&bars.raw_close),
                    ];
                    rows.retain(|(symbol, _)| *symbol != bars.symbols[row]);
                    rows.push((bars.symbols[row].clone(), fields));
                }
            }
            rows.sort_by(|a, b| a.0.cmp(&b.0));
            let mut bars = Bars::empty(now.session);
            for (symbol, fields) in rows {
                bars.push(symbol, fields);
            }
            filled[t] = bars;
        }
        filled
    };
    fires("11 halts and listings filled backwards", Detector::Filled, &Histories(leak));
}

#[test]
fn leak_12_anything_that_learns_permuted_labels() {
    let leak = |panel: Panel| {
        panel.with_column("leak", |panel, row| {
            let noise = noise(at(panel, row), panel.owners[row] as usize, 98) as f32;
            panel.labels[row] + 3.0 * noise
        })
    };
    fires("12 a step that lets labels through", Detector::Permutation, &Supervised(leak));
}

#[test]
fn leak_13_a_centred_window() {
    let leak = |panel: Panel, data: Dataset<'_>| {
        panel.with_column("leak", |panel, row| {
            let (t, symbol) = (at(panel, row), panel.symbol(row));
            let around = (t - 2..=t + 2).map(|t| close(data.history, t, symbol));
            let known: Vec<f64> = around.filter(|close| close.is_finite()).collect();
            let mean = known.iter().sum::<f64>() / known.len() as f64;
            (close(data.history, t, symbol) / mean) as f32
        })
    };
    fires("13 a centred window", Detector::Truncation, &Panels(leak));
}

#[test]
fn leak_14_trees_chosen_on_the_test() {
    let leak = |panel: &Panel, config: &TrainConfig| {
        let folds = folds::walk_forward(panel, config).unwrap();
        folds.into_iter().map(|fold| Fold { validation: fold.test.clone(), ..fold }).collect()
    };
    fires("14 trees chosen on the test", Detector::EarlyStopping, &FoldsOf(leak));
}

/// Features that mean nothing, of which the best on the whole sample are kept.
struct Picked;

const CANDIDATES: usize = 400;
const KEPT: usize = 20;

impl Pipeline for Picked {
    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        let panel = Standard.panel(data, config, watch)?;
        let mut values = Vec::with_capacity(panel.labels.len() * CANDIDATES);
        for row in 0..panel.labels.len() {
            let (t, name) = (at(&panel, row), panel.owners[row] as usize);
            values.extend((0..CANDIDATES).map(|column| noise(t, name, column) as f32));
        }
        let names = (0..CANDIDATES).map(|column| format!("noise {column}")).collect();
        Ok(Panel { names, values, ..panel })
    }

    fn supervised(&self, panel: Panel) -> Panel {
        let mut scores = vec![(0.0_f32, 0); CANDIDATES];
        for row in (0..panel.labels.len()).filter(|row| panel.labels[*row].is_finite()) {
            for (column, value) in panel.row(row).iter().enumerate() {
                scores[column].0 += value * panel.labels[row];
                scores[column].1 = column;
            }
        }
        scores.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
        let mut kept: Vec<usize> = scores[..KEPT].iter().map(|(_, column)| *column).collect();
        kept.sort_unstable();
        let pick = |row| kept.iter().map(|column| panel.row(row)[*column]).collect::<Vec<_>>();
        let values = (0..panel.labels.len()).flat_map(pick).collect();
        let names = kept.iter().map(|column| panel.names[*column].clone()).collect();
        Panel { names, values, ..panel }
    }
}

#[test]
fn leak_15_features_picked_on_the_whole_sample() {
    let market = Market::new(SESSIONS, NAMES, 5);
    // Enough trees to use more than the best of them.
    let config = TrainConfig { trees_min: 60, trees_max: 60, eta: 0.1, ..small() };
    let (findings, ic) = audited_with(&Picked, market.data(), &[], &config);
    found("15 the best 20 of 400 noise features", Detector::NoiseFeatures, &findings, ic);
}

#[test]
fn prior_art_33_an_audit_that_lacks_a_detector_is_none() {
    let pass = |detector| Finding::new(detector, Status::Pass, "");
    let all: Vec<Finding> = Detector::ALL.map(pass).to_vec();
    assert_eq!(Standing::of(&all), Standing::Passed);
    assert_eq!(Standing::of(&all[1..]), Standing::Refused);
    assert_eq!(Standing::of(&[]), Standing::Refused);
    for (status, standing) in [
        (Status::Warn, Standing::Passed),
        (Status::Hindsight, Standing::Rehearsal),
        (Status::Undecided, Standing::Refused),
        (Status::Fail, Standing::Refused),
    ] {
        let mut one = all.clone();
        one[3].status = status;
        assert_eq!(Standing::of(&one), standing);
    }
}

#[test]
fn an_ic_of_a_tenth_is_a_leak_and_few_dates_decide_nothing() {
    let oof = |mean: f64, raw: f64, t: f64, sessions: u32| {
        let of = |mean| crate::IcSummary { mean, icir: 0.1, t, sessions };
        Oof { neutral: of(mean), raw: of(raw), by_year: Vec::new(), sessions_without_ic: 0 }
    };
    for (given, status) in [
        (oof(0.1, 0.0, 2.0, 252), Status::Fail),
        (oof(-0.1, 0.0, 2.0, 252), Status::Fail),
        (oof(0.01, 0.12, 2.0, 252), Status::Fail),
        (oof(f64::NAN, 0.0, 2.0, 252), Status::Fail),
        (oof(0.0999, -0.0999, 2.0, 252), Status::Warn),
        (oof(0.03, 0.0, 5.1, 252), Status::Warn),
        (oof(0.02, 0.02, 2.0, 249), Status::Undecided),
        (oof(0.02, 0.02, 2.0, 250), Status::Pass),
    ] {
        let finding = oof_ic(Some(&given));
        assert_eq!(finding.status, status, "{finding}");
    }
    assert_eq!(oof_ic(None).status, Status::Undecided);
}
