//! The leakage audit: a gate. One named detector per row of the table in METHODS.md §3, the rule on the
//! out-of-fold IC last.
//!
//! Only the crudest leaks raise the IC beyond belief; the others multiply it a little, or not at all. So
//! the detectors look at structure: what changes when the future is taken away, when labels are
//! permuted, when a later split rescales the past; which rows meet in two parts of a fold. The IC
//! only backs them up.

mod controls;
mod reruns;
mod signals;
mod structure;

pub(crate) use controls::Controls;

use crate::card::Oof;
use crate::dataset::Dataset;
use crate::folds::Fold;
use crate::panel::Panel;
use crate::pipeline::Pipeline;
use crate::progress::{Stage, Watch};
use crate::trials::Earlier;
use crate::{TrainConfig, TrainError};
use serde::{Deserialize, Serialize};
use std::fmt;

/// With fewer out-of-fold sessions the audit decides nothing.
pub const OOF_SESSIONS_MIN: u32 = 250;
/// A mean IC of this size from daily bars is a leak, not a discovery.
const OOF_IC_MAX: f64 = 0.1;
const OOF_IC_WARN: f64 = 0.04;
const OOF_T_WARN: f64 = 5.0;
/// Random sessions after which the future is taken away.
const CUTS: usize = 20;

/// In the order of METHODS.md §3: what each would have caught.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Detector {
    /// 1: a feature that knows the next session's return.
    FutureReturn,
    /// 2: the label among the features.
    LabelInFeatures,
    /// 3: features scaled with the whole sample.
    FullSample,
    /// 4: a universe chosen with hindsight.
    Universe,
    /// 5: training labels that end in the test.
    Overlap,
    /// 6: features that were fitted on labels.
    TargetEncoding,
    /// 7: rows on both sides of a fold.
    Folds,
    /// 8: execution at a price that made the signal.
    Execution,
    /// 9: features that a later split changes.
    Splits,
    /// 10: sectors from the future.
    Sectors,
    /// 11: rows where there was no bar.
    Filled,
    /// 12: skill on permuted labels.
    Permutation,
    /// 13: features that change when the future is taken away.
    Truncation,
    /// 14: the number of trees chosen on the test.
    EarlyStopping,
    /// 15: skill of noise.
    NoiseFeatures,
    /// 16: history that was another when it was used before.
    Restated,
    /// Two features that say the same (METHODS.md §2).
    Redundancy,
    /// Out-of-fold IC beyond belief.
    OofIc,
}

impl Detector {
    pub const ALL: [Self; 18] = [
        Self::FutureReturn,
        Self::LabelInFeatures,
        Self::FullSample,
        Self::Universe,
        Self::Overlap,
        Self::TargetEncoding,
        Self::Folds,
        Self::Execution,
        Self::Splits,
        Self::Sectors,
        Self::Filled,
        Self::Permutation,
        Self::Truncation,
        Self::EarlyStopping,
        Self::NoiseFeatures,
        Self::Restated,
        Self::Redundancy,
        Self::OofIc,
    ];
}

impl fmt::Display for Detector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = serde_json::to_value(self).expect("a code is text");
        f.write_str(code.as_str().unwrap_or_default())
    }
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    Pass,
    /// Passed, and somebody should look: too good, or on record as changed.
    Warn,
    /// The data was put together with hindsight and says so: what was tested is no evidence.
    Hindsight,
    /// Too little to decide on: not passed.
    Undecided,
    Fail,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Pass => "PASS",
            Self::Warn => "WARN",
            Self::Hindsight => "HINDSIGHT",
            Self::Undecided => "UNDECIDED",
            Self::Fail => "FAIL",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub detector: Detector,
    pub status: Status,
    /// What was measured, in words and figures.
    pub found: String,
}

impl Finding {
    fn new(detector: Detector, status: Status, found: impl Into<String>) -> Self {
        Self { detector, status, found: found.into() }
    }

    /// Passed, if `count` offences are none.
    fn none(detector: Detector, count: usize, found: impl Into<String>) -> Self {
        Self::new(detector, if count == 0 { Status::Pass } else { Status::Fail }, found)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.detector, self.status, self.found)
    }
}

/// What a model may be used for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Standing {
    /// Every detector passed.
    Passed,
    /// Nothing leaked, but the data was chosen with hindsight and says so: for simulated money only.
    Rehearsal,
    /// A detector failed or could not decide: not promoted, not loaded, not traded.
    Refused,
}

impl Standing {
    pub fn of(findings: &[Finding]) -> Self {
        let complete = Detector::ALL.iter().all(|d| findings.iter().any(|f| f.detector == *d));
        let worst = findings.iter().map(|finding| finding.status).max().unwrap_or(Status::Fail);
        match worst {
            Status::Pass | Status::Warn if complete => Self::Passed,
            Status::Hindsight if complete => Self::Rehearsal,
            _ => Self::Refused,
        }
    }
}

/// What is audited.
#[derive(Copy, Clone)]
pub(crate) struct Case<'a> {
    pub(crate) pipeline: &'a dyn Pipeline,
    pub(crate) data: Dataset<'a>,
    pub(crate) config: &'a TrainConfig,
    /// The panel before and after the pipeline looked at its labels.
    pub(crate) raw: &'a Panel,
    pub(crate) panel: &'a Panel,
    pub(crate) folds: &'a [Fold],
    /// What was tried on this registry before.
    pub(crate) trials: &'a [Earlier],
}

/// A finding per detector, in their order.
pub(crate) fn audit(
    case: Case<'_>,
    controls: &Controls,
    oof: Option<&Oof>,
    watch: Watch<'_>,
) -> Result<Vec<Finding>, TrainError> {
    audit_with(case, controls, oof, CUTS, watch)
}

/// With fewer cuts, for tests.
pub(crate) fn audit_with(
    case: Case<'_>,
    controls: &Controls,
    oof: Option<&Oof>,
    cuts: usize,
    watch: Watch<'_>,
) -> Result<Vec<Finding>, TrainError> {
    const STEPS: usize = 4;
    let mut findings = structure::findings(case);
    watch.step(Stage::Audit, 1, STEPS)?;
    findings.extend(signals::findings(case)?);
    watch.step(Stage::Audit, 2, STEPS)?;
    findings.extend(reruns::findings(case, cuts, watch)?);
    watch.step(Stage::Audit, 3, STEPS)?;
    findings.extend(controls.findings(case, watch)?);
    findings.push(oof_ic(oof));
    findings.sort_by_key(|finding| finding.detector);
    watch.step(Stage::Audit, STEPS, STEPS)?;
    Ok(findings)
}

/// Mean IC on neutral label and raw return. Single days say nothing: with 130 names |IC| > 0.1 on a
/// quarter of them by luck.
fn oof_ic(oof: Option<&Oof>) -> Finding {
    let Some(oof) = oof else {
        let found = "the out-of-fold predictions do not vary";
        return Finding::new(Detector::OofIc, Status::Undecided, found);
    };
    let (neutral, raw) = (&oof.neutral, &oof.raw);
    // Negated, so that a NaN is no pass.
    let honest = neutral.mean.abs() < OOF_IC_MAX && raw.mean.abs() < OOF_IC_MAX;
    let status = if !honest {
        Status::Fail
    } else if neutral.sessions < OOF_SESSIONS_MIN {
        Status::Undecided
    } else if neutral.mean.abs() > OOF_IC_WARN || neutral.t.abs() > OOF_T_WARN {
        Status::Warn
    } else {
        Status::Pass
    };
    let found = format!(
        "IC {:.4} (t {:.2}) on the neutral label, {:.4} on the raw return, {} sessions; \
         {OOF_IC_MAX} presumes a leak, {OOF_SESSIONS_MIN} sessions decide",
        neutral.mean, neutral.t, raw.mean, neutral.sessions
    );
    Finding::new(Detector::OofIc, status, found)
}

#[cfg(test)]
mod tests;
