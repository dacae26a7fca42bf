//! Defects of the audit before this one (PRIOR_ART.md §9), each by its number: what holds here instead.

use super::*;
use crate::audit::controls::permuted;
use crate::testing::Cheap;
use std::collections::BTreeSet;

/// Findings of some detectors on a panel that nothing was trained on.
fn judged(
    market: &Market,
    pipeline: &dyn Pipeline,
    detect: impl Fn(Case<'_>) -> Vec<Finding>,
) -> Vec<Finding> {
    let (data, config) = (market.data(), small());
    let raw = pipeline.panel(data, &config, quiet()).unwrap();
    detect(Case {
        pipeline,
        data,
        config: &config,
        raw: &raw,
        panel: &raw,
        folds: &[],
        trials: &[],
    })
}

fn status(findings: &[Finding], detector: Detector) -> Status {
    findings.iter().find(|finding| finding.detector == detector).unwrap().status
}

/// There, that labels were returns beyond the market's was asserted by a constant. Here labels that still hold the
/// market, or the sectors, are found.
#[test]
fn prior_art_32_labels_that_are_not_beyond_the_market_are_found() {
    let market = Market::new(400, NAMES, 5);
    let execution = |pipeline: &dyn Pipeline| {
        status(&judged(&market, pipeline, structure::findings), Detector::Execution)
    };
    assert_eq!(execution(&Standard), Status::Pass);
    let plain = |mut panel: Panel, _: Dataset<'_>| {
        for row in 0..panel.labels.len() {
            panel.labels[row] = panel.returns[row] as f32;
        }
        panel
    };
    assert_eq!(execution(&Panels(plain)), Status::Fail);
    // Beyond the mean of all names, and not beyond each one's own share in it.
    let less_the_mean = |mut panel: Panel, _: Dataset<'_>| {
        for day in panel.days.clone() {
            let known: Vec<usize> =
                day.rows.filter(|row| panel.returns[*row].is_finite()).collect();
            let sum: f64 = known.iter().map(|row| panel.returns[*row]).sum();
            for row in &known {
                panel.labels[*row] = (panel.returns[*row] - sum / known.len() as f64) as f32;
            }
        }
        panel
    };
    assert_eq!(execution(&Panels(less_the_mean)), Status::Fail);
}

/// There, the audit of shifted features noticed jumps of more than a million only. Here the last bit of a single value
/// is enough.
#[test]
fn prior_art_33_the_last_bit_of_one_value_is_noticed() {
    struct Bit;
    impl Pipeline for Bit {
        fn panel(
            &self,
            data: Dataset<'_>,
            config: &TrainConfig,
            watch: Watch<'_>,
        ) -> Result<Panel, TrainError> {
            let mut panel = Cheap { columns: 3 }.panel(data, config, watch)?;
            let value = &mut panel.values[1];
            *value = f32::from_bits(value.to_bits() ^ u32::from(data.history.len() == 400));
            Ok(panel)
        }
    }
    let market = Market::new(400, NAMES, 5);
    let truncation = |pipeline: &dyn Pipeline| {
        let rerun = |case: Case<'_>| reruns::findings(case, 2, quiet()).unwrap().to_vec();
        status(&judged(&market, pipeline, rerun), Detector::Truncation)
    };
    assert_eq!(truncation(&Cheap { columns: 3 }), Status::Pass);
    assert_eq!(truncation(&Bit), Status::Fail);
}

/// There, the shuffled control was out of line unless rows happened to be sorted by date. Here labels are dealt out
/// within their day, each with its return, and nothing else is touched.
#[test]
fn prior_art_34_labels_are_permuted_within_their_day() {
    let market = Market::new(400, NAMES, 5);
    let panel = crate::testing::cheap_panel(&market, 3);
    let dealt = permuted(&panel, 7);
    let outcome =
        |panel: &Panel, row: usize| (panel.labels[row].to_bits(), panel.returns[row].to_bits());
    let mut moved = 0;
    for day in &panel.days {
        let of = |panel: &Panel| -> BTreeSet<(u32, u64)> {
            day.rows.clone().map(|row| outcome(panel, row)).collect()
        };
        assert_eq!(of(&panel), of(&dealt), "{}", day.session);
        let known = day.rows.clone().filter(|row| panel.labels[*row].is_finite());
        moved += known.filter(|row| outcome(&panel, *row) != outcome(&dealt, *row)).count();
    }
    let known = panel.labels.iter().filter(|label| label.is_finite()).count();
    assert!(moved as f64 > 0.9 * known as f64, "{moved} of {known}");
    let (labels, returns) = (panel.labels.clone(), panel.returns.clone());
    let back = Panel { labels, returns, ..dealt };
    assert_eq!(back.sha256(), panel.sha256());
    assert_eq!(back.days, panel.days);
}

/// There, a median of signed figures cancelled. Here a control that loses is as bad as one that wins: a leak that
/// misleads where it is tested is found too.
#[test]
fn prior_art_34_a_control_that_loses_is_found_like_one_that_wins() {
    fn config() -> TrainConfig {
        TrainConfig { test_sessions: 400, ..small() }
    }
    struct Misleading(f32);
    impl Pipeline for Misleading {
        fn panel(
            &self,
            data: Dataset<'_>,
            config: &TrainConfig,
            watch: Watch<'_>,
        ) -> Result<Panel, TrainError> {
            Cheap { columns: 3 }.panel(data, config, watch)
        }
        fn supervised(&self, panel: Panel) -> Panel {
            // A history that the audit has cut may be too short to be tested.
            let folds = folds::walk_forward(&panel, &config());
            let tested = folds.map_or(usize::MAX, |folds| folds[0].test.0[0].start);
            panel.with_column("leak", |panel, row| {
                let noise = noise(at(panel, row), panel.owners[row] as usize, 97) as f32;
                let sign = if row < tested { 1.0 } else { self.0 };
                sign * (panel.labels[row] + 3.0 * noise)
            })
        }
    }
    let market = Market::new(SESSIONS, NAMES, 5);
    for sign in [1.0, -1.0] {
        let (findings, ic) = audited_with(&Misleading(sign), market.data(), &[], &config());
        assert_eq!(status(&findings, Detector::Permutation), Status::Fail, "{sign}");
        assert!(ic * f64::from(sign) > 0.05, "{sign}: {ic}");
    }
}
