//! What is known of a model, in a form that can be checked: the model card.

use crate::TrainConfig;
use crate::audit::{Finding, Standing, Status};
use crate::dataset::Restated;
use crate::ic::IcSummary;
use messages::{Date, ModelPublished, ModelRef};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// METHODS.md §3: below and above these an edge is not established.
const DSR_MIN: f64 = 0.95;
const PBO_MAX: f64 = 0.2;
/// METHODS.md §10: more than honest work has shown on such data.
const RED_IC: f64 = 0.04;
const RED_T: f64 = 5.0;
const RED_ICIR: f64 = 0.3;
const RED_YEAR_IC: f64 = 0.08;
const RED_YEAR_SESSIONS: u32 = 200;

/// What the figures are not.
pub(crate) fn caveats(dividends: Option<&DividendsCard>) -> Vec<String> {
    let returns = match dividends {
        Some(known) => format!("labels and returns hold the {} dividends on record", known.payments),
        None => "no dividends are on record: labels and returns hold them only if the bars were adjusted \
                 for dividends"
            .to_owned(),
    };
    vec![
        "out-of-fold figures are those of the procedure: the deployed model is its last step, trained on \
         every label there is, and no fold has tested it"
            .to_owned(),
        returns,
        "who is halted or gone at the exit leaves at the last close: what holders got after it is in no bar"
            .to_owned(),
        "the quintile spread holds equal weights from open to open and pays its costs in proportion; it is \
         no book that risk would build"
            .to_owned(),
    ]
}

/// No clock and no machine in it: the same training gives the same card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// [`messages::history_sha256`] of the bars it was trained and tested on.
    pub history_sha256: String,
    pub first_session: Date,
    pub last_session: Date,
    pub sessions: usize,
    /// Why this past was replaced, the last time it was.
    pub restated: Option<Restated>,
    /// Who is or, of a dated list, ever was one.
    pub members: usize,
    /// Of members, sectors and, of a dated list, their dates.
    pub members_sha256: String,
    /// Members and sectors have effective dates.
    pub dated: bool,
    /// The day the list speaks for; of a dated one its first.
    pub members_as_of: Date,
    pub sectors_as_of: Date,
    pub dividends: Option<DividendsCard>,
    pub labels: LabelsCard,
    /// [`messages::matrix_sha256`] of the rows it was trained and tested on.
    pub matrix_sha256: String,
    /// How often each guard of the features fired.
    pub guards: BTreeMap<String, u64>,
    pub whitelist_sha256: String,
    /// Columns, in order, with what they contribute and how far they have moved.
    pub columns: Vec<ColumnCard>,
    pub config: TrainConfig,
    pub folds: Vec<FoldCard>,
    pub deployed: FoldCard,
    /// Trees of the deployed model.
    pub trees: usize,
    pub oof: Oof,
    pub spread: SpreadCard,
    /// Mean return over the horizon by tenth of the out-of-fold scores, worst first, less the mean of
    /// the day; basis points.
    pub deciles_bp: Vec<f64>,
    pub trials: TrialsCard,
    pub audit: Vec<Finding>,
    pub standing: Standing,
    pub red_flags: Vec<String>,
    /// Median over the deployed model's validation sessions of the standard deviation of a session's
    /// predictions.
    pub typical_sd: f64,
    pub xgboost_version: String,
    pub trainer_version: String,
    pub label: String,
    pub caveats: Vec<String>,
}

impl Card {
    pub fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    /// What is said of the model when it has passed into the registry.
    pub fn published(&self, model: ModelRef) -> ModelPublished {
        ModelPublished {
            model,
            whitelist_sha256: self.whitelist_sha256.clone(),
            oof_ic: self.oof.neutral.mean,
            oof_ic_t: self.oof.neutral.t,
            oof_sessions: self.oof.neutral.sessions,
            label: self.label.clone(),
        }
    }

    /// Why the model is refused: every finding that failed or is undecided.
    pub fn refusals(&self) -> Vec<&Finding> {
        let fails = |finding: &&Finding| finding.status >= Status::Undecided;
        self.audit.iter().filter(fails).collect()
    }
}

/// What labels were made with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DividendsCard {
    pub payments: usize,
    pub sha256: String,
}

/// Rows of the dates whose exit is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelsCard {
    pub rows: usize,
    /// Without a bar at the exit: they leave at their last close.
    pub departed: usize,
    /// Without an open at the entry: nobody could have bought them.
    pub unlabelled: usize,
}

/// `card.json`: the card with the file it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CardFile {
    pub(crate) model: ModelRef,
    pub(crate) card: Card,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnCard {
    pub name: String,
    /// Mean |SHAP value| over the newest rows, in the model's units.
    pub importance: f64,
    /// Population stability index of the last year against everything before it.
    pub drift: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoldCard {
    /// What trees were grown on.
    pub fit: Part,
    /// Where their number was chosen.
    pub validation: Part,
    /// What tested them; none for the deployed model.
    pub test: Option<Part>,
    pub trees: usize,
    /// Mean daily rank IC on `validation` by number of trees.
    pub curve: Vec<CurvePoint>,
    /// Mean daily rank IC on `test`.
    pub test_ic: Option<f64>,
}

/// Signal dates, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub first: Date,
    pub last: Date,
    pub dates: usize,
    pub rows: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurvePoint {
    pub trees: usize,
    pub ic: f64,
}

/// Out-of-fold rank IC: every tested date by the fold that had not seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oof {
    /// Against the neutral label.
    pub neutral: IcSummary,
    /// Against the plain return over the same horizon.
    pub raw: IcSummary,
    /// Against the neutral label.
    pub by_year: Vec<YearIc>,
    /// Tested sessions on which the model put no order on the names.
    pub sessions_without_ic: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct YearIc {
    pub year: i16,
    pub ic: f64,
    /// Newey-West; `None` for a handful of sessions.
    pub t: Option<f64>,
    pub sessions: u32,
}

/// The best fifth of names against the worst, held over the horizon, periods not overlapping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpreadCard {
    pub periods: usize,
    /// Mean per period before costs.
    pub gross_bp: f64,
    /// Σ |change of weight| per period, of NAV.
    pub traded: f64,
    /// Annualised Sharpe ratio at a cost in basis points of everything traded.
    pub sharpe: Vec<CostSharpe>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostSharpe {
    pub cost_bp: f64,
    /// `None` where returns do not vary.
    pub sharpe: Option<f64>,
}

/// What many trials make of the spread's Sharpe ratio, net of [`TrialsCard::cost_bp`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialsCard {
    pub cost_bp: f64,
    /// Configurations ever run on this registry, up to and with this one.
    pub trials: usize,
    /// SHA-256 of the last of these lines in the file of trials, which vouches for those before it.
    pub head_sha256: String,
    /// Of those over the same periods: N(1−ρ̄)+ρ̄.
    pub effective_trials: f64,
    /// Of the Sharpe ratios of all trials, each per holding period of this one.
    pub sharpe_variance: f64,
    /// Probability that the true Sharpe ratio is above zero.
    pub psr: Option<f64>,
    /// … above what the best of that many skill-less trials would show.
    pub dsr: Option<f64>,
    /// Probability of backtest overfitting; `None` with fewer than two trials over the same periods.
    pub pbo: Option<f64>,
}

/// The card's label: what may honestly be said of the model.
pub(crate) fn label(
    standing: Standing,
    audit: &[Finding],
    trials: &TrialsCard,
    flags: &[String],
) -> String {
    let detectors = |status: &[Status]| {
        let those = audit.iter().filter(|finding| status.contains(&finding.status));
        those.map(|finding| finding.detector.to_string()).collect::<Vec<_>>().join(", ")
    };
    let mut reasons = Vec::new();
    match standing {
        Standing::Passed => {}
        Standing::Rehearsal => {
            reasons.push(format!("HINDSIGHT in {}", detectors(&[Status::Hindsight])));
        }
        Standing::Refused => {
            let those = detectors(&[Status::Fail, Status::Undecided]);
            reasons.push(format!("REFUSED by {those}"));
        }
    }
    match trials.dsr {
        Some(dsr) if dsr >= DSR_MIN => {}
        Some(dsr) => reasons.push(format!("DSR {dsr:.3} of {DSR_MIN}")),
        None => reasons.push("no DSR".to_owned()),
    }
    match trials.pbo {
        Some(pbo) if pbo <= PBO_MAX => {}
        Some(pbo) => reasons.push(format!("PBO {pbo:.2}, at most {PBO_MAX}")),
        None => reasons.push("no PBO, one trial".to_owned()),
    }
    if !flags.is_empty() {
        reasons.push(format!("RED FLAG {}", flags.join(", ")));
    }
    if reasons.is_empty() {
        let (dsr, pbo) = (trials.dsr.unwrap_or(f64::NAN), trials.pbo.unwrap_or(f64::NAN));
        return format!("edge established: DSR {dsr:.3}, PBO {pbo:.2}, {} trials", trials.trials);
    }
    format!("edge not established: {}", reasons.join("; "))
}

/// What looks too good.
pub(crate) fn red_flags(oof: &Oof) -> Vec<String> {
    let IcSummary { mean, icir, t, .. } = oof.neutral;
    let mut flags = Vec::new();
    let mut flag = |name: &str, value: f64, limit: f64| {
        if value.abs() >= limit {
            flags.push(format!("{name} {value:.3} beyond {limit}"));
        }
    };
    flag("rank IC", mean, RED_IC);
    flag("t", t, RED_T);
    flag("ICIR", icir, RED_ICIR);
    for year in oof.by_year.iter().filter(|year| year.sessions >= RED_YEAR_SESSIONS) {
        flag(&format!("rank IC of {}", year.year), year.ic, RED_YEAR_IC);
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Detector;

    fn oof(mean: f64, t: f64, sessions: u32) -> Oof {
        let summary = |mean| IcSummary { mean, icir: 0.1, t, sessions };
        let by_year = vec![YearIc { year: 2021, ic: mean, t: None, sessions }];
        Oof { neutral: summary(mean), raw: summary(mean), by_year, sessions_without_ic: 0 }
    }

    fn trials(dsr: Option<f64>, pbo: Option<f64>) -> TrialsCard {
        TrialsCard {
            cost_bp: 5.0,
            trials: 12,
            head_sha256: String::new(),
            effective_trials: 4.0,
            sharpe_variance: 0.01,
            psr: Some(0.99),
            dsr,
            pbo,
        }
    }

    #[test]
    fn labels_never_flatter() {
        let finding = |detector, status| Finding { detector, status, found: String::new() };
        let hindsight = [finding(Detector::Universe, Status::Hindsight)];
        let failed =
            [finding(Detector::Overlap, Status::Fail), finding(Detector::OofIc, Status::Undecided)];
        let good = trials(Some(0.97), Some(0.1));
        let cases: [(Standing, &[Finding], TrialsCard, &str); 6] = [
            (
                Standing::Passed,
                &[],
                good.clone(),
                "edge established: DSR 0.970, PBO 0.10, 12 trials",
            ),
            (
                Standing::Rehearsal,
                &hindsight,
                good.clone(),
                "edge not established: HINDSIGHT in UNIVERSE",
            ),
            (Standing::Refused, &failed, good, "edge not established: REFUSED by OVERLAP, OOF_IC"),
            (
                Standing::Passed,
                &[],
                trials(Some(0.94), Some(0.1)),
                "edge not established: DSR 0.940 of 0.95",
            ),
            (
                Standing::Passed,
                &[],
                trials(Some(0.97), Some(0.3)),
                "edge not established: PBO 0.30, at most 0.2",
            ),
            (
                Standing::Passed,
                &[],
                trials(Some(0.97), None),
                "edge not established: no PBO, one trial",
            ),
        ];
        for (standing, audit, trials, expected) in cases {
            assert_eq!(label(standing, audit, &trials, &[]), expected);
        }
        let flagged =
            label(Standing::Passed, &[], &trials(Some(0.97), Some(0.1)), &["t 6".to_owned()]);
        assert_eq!(flagged, "edge not established: RED FLAG t 6");
    }

    #[test]
    fn a_single_year_too_good_is_flagged() {
        let mut oof = oof(0.03, 4.0, 252);
        oof.by_year.push(YearIc { year: 2022, ic: 0.09, t: None, sessions: 252 });
        oof.by_year.push(YearIc { year: 2023, ic: 0.09, t: None, sessions: 10 });
        assert_eq!(red_flags(&oof), ["rank IC of 2022 0.090 beyond 0.08"]);
    }
}
