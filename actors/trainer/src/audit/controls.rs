//! Two trainings that must find nothing: on permuted labels, and on noise.

use super::{Case, Detector, Finding, Status};
use crate::chance::Chance;
use crate::folds::Fold;
use crate::ic::{IcSummary, daily_ic, mean};
use crate::panel::Panel;
use crate::pipeline::Pipeline;
use crate::progress::Watch;
use crate::walk::{self, Fitted, Job};
use crate::{TrainConfig, TrainError};
use std::collections::BTreeMap;

/// |t| that no control may exceed.
const T_MAX: f64 = 3.0;
/// One control in three hundred exceeds it by luck. Where one does, so many more are drawn, and the mean
/// of all decides: what leaks, leaks in every draw.
const FURTHER_DRAWS: u32 = 4;

/// A panel that nothing can be learned from, prepared and cut as the real one.
pub(crate) struct Control {
    panel: Panel,
    pub(crate) folds: Vec<Fold>,
    /// Out-of-fold IC by session number, once trained.
    daily: BTreeMap<usize, f64>,
    summary: Option<IcSummary>,
}

impl Control {
    fn new(pipeline: &dyn Pipeline, raw: Panel, config: &TrainConfig) -> Result<Self, TrainError> {
        let panel = pipeline.supervised(raw);
        let folds = pipeline.folds(&panel, config)?;
        Ok(Self { panel, folds, daily: BTreeMap::new(), summary: None })
    }

    pub(crate) fn jobs(&self) -> impl Iterator<Item = Job<'_>> {
        self.folds.iter().map(|fold| Job { panel: &self.panel, fold })
    }

    /// Takes what was fitted on its folds.
    pub(crate) fn test(&mut self, fitted: &[Fitted], horizon: usize) {
        let panel = &self.panel;
        let scores = walk::out_of_fold(panel, &self.folds, fitted);
        let label = |row: usize| f64::from(panel.labels[row]);
        let daily = daily_ic(panel, &walk::tested(&self.folds), &scores, label);
        self.daily = daily.into_iter().map(|(day, ic)| (panel.days[day].index, ic)).collect();
        let series: Vec<f64> = self.daily.values().copied().collect();
        self.summary = IcSummary::of(&series, horizon);
    }
}

pub(crate) struct Controls {
    pub(crate) permuted: Control,
    pub(crate) noise: Control,
}

/// A way to make a panel that nothing can be learned from.
type Draw = fn(&Panel, u32) -> Panel;

impl Controls {
    /// `raw`: the panel before anything looked at its labels.
    pub(crate) fn new(
        pipeline: &dyn Pipeline,
        raw: &Panel,
        config: &TrainConfig,
    ) -> Result<Self, TrainError> {
        let control = |draw: Draw| Control::new(pipeline, draw(raw, config.seed), config);
        Ok(Self { permuted: control(permuted)?, noise: control(noise)? })
    }

    pub(super) fn findings(
        &self,
        case: Case<'_>,
        watch: Watch<'_>,
    ) -> Result<[Finding; 2], TrainError> {
        let labels = "labels permuted within dates";
        Ok([
            verdict(Detector::Permutation, &self.permuted, permuted, labels, case, watch)?,
            verdict(
                Detector::NoiseFeatures,
                &self.noise,
                noise,
                "noise for features",
                case,
                watch,
            )?,
        ])
    }
}

fn verdict(
    detector: Detector,
    control: &Control,
    draw: Draw,
    what: &str,
    case: Case<'_>,
    watch: Watch<'_>,
) -> Result<Finding, TrainError> {
    let Some(first) = &control.summary else {
        let found = format!("{what}: its predictions do not vary");
        return Ok(Finding::new(detector, Status::Undecided, found));
    };
    let words = |summary: &IcSummary| {
        let IcSummary { mean, t, sessions, .. } = summary;
        format!("IC {mean:.4}, t {t:.2} over {sessions} sessions")
    };
    let mut found = format!("{what}: {}, limit {T_MAX}", words(first));
    // Negated here and below, so that a NaN is no pass.
    let mut quiet = first.t.abs() <= T_MAX;
    if !quiet {
        let again = pooled(control, draw, case, watch)?;
        quiet = again.as_ref().is_some_and(|again| again.t.abs() <= T_MAX);
        let again = again.as_ref().map_or("none".to_owned(), words);
        found = format!("{found}; with {FURTHER_DRAWS} further draws {again}");
    }
    Ok(Finding::none(detector, usize::from(!quiet), found))
}

/// Of the daily mean over the first draw and the further ones.
fn pooled(
    control: &Control,
    draw: Draw,
    case: Case<'_>,
    watch: Watch<'_>,
) -> Result<Option<IcSummary>, TrainError> {
    let config = case.config;
    let mut daily: BTreeMap<usize, Vec<f64>> =
        control.daily.iter().map(|(session, ic)| (*session, vec![*ic])).collect();
    for further in 1..=FURTHER_DRAWS {
        let raw = draw(case.raw, config.seed.wrapping_add(further));
        let mut control = Control::new(case.pipeline, raw, config)?;
        let jobs: Vec<Job<'_>> = control.jobs().collect();
        let fitted = walk::train(&jobs, config, watch)?;
        control.test(&fitted, config.horizon);
        for (session, ic) in control.daily {
            daily.entry(session).or_default().push(ic);
        }
    }
    let series: Vec<f64> = daily.into_values().map(|ics| mean(ics.into_iter())).collect();
    Ok(IcSummary::of(&series, config.horizon))
}

/// Labels, with their returns, dealt out anew among the names of each date.
pub(super) fn permuted(panel: &Panel, seed: u32) -> Panel {
    let mut chance = Chance::new(seed, 12);
    let mut permuted = panel.clone();
    for day in &panel.days {
        let rows: Vec<usize> =
            day.rows.clone().filter(|row| panel.labels[*row].is_finite()).collect();
        let mut from = rows.clone();
        chance.shuffle(&mut from);
        for (to, from) in rows.into_iter().zip(from) {
            permuted.labels[to] = panel.labels[from];
            permuted.returns[to] = panel.returns[from];
        }
    }
    permuted
}

/// Every value that is there replaced by one that means nothing. Trees see only the order of values, so
/// uniform noise is noise enough.
fn noise(panel: &Panel, seed: u32) -> Panel {
    let mut chance = Chance::new(seed, 15);
    let mut noise = panel.clone();
    for value in noise.values.iter_mut().filter(|value| value.is_finite()) {
        *value = chance.uniform() as f32 - 0.5;
    }
    noise
}
