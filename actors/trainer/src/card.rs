//! What is known of a model, in a form that can be checked: the model card.

use crate::ic::IcSummary;
use crate::{TrainConfig, TrainError};
use messages::{Date, ModelPublished, ModelRef};
use serde::{Deserialize, Serialize};

/// A mean IC of this size from daily bars is a leak, not a discovery (METHODS.md §3).
const LEAKAGE_IC: f64 = 0.1;
/// With fewer out-of-fold sessions the audit decides nothing.
const SESSIONS_MIN: u32 = 250;
/// Bonferroni over 45 features at 5 %.
const T_MIN: f64 = 3.26;
/// METHODS.md §10: more than honest work has shown on such data.
const RED_IC: f64 = 0.04;
const RED_T: f64 = 5.0;
const RED_ICIR: f64 = 0.3;
const RED_YEAR_IC: f64 = 0.08;
const RED_YEAR_SESSIONS: u32 = 200;

pub(crate) const DEPLOYED: &str = "the tested model: fitted on `train` with the number of trees \
    chosen on `validation`, not refitted on `test`, so that `oof` is of this very file";
pub(crate) const CAVEATS: [&str; 3] = [
    "labels are price returns: dividends are not in them",
    "the universe is the one given, for all of history: names that left it are missing (survivorship)",
    "one split, one configuration: no deflated Sharpe ratio and no probability of overfitting yet",
];

/// No clock and no machine in it: the same training gives the same card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// [`messages::history_sha256`] of the bars it was trained and tested on.
    pub history_sha256: String,
    pub first_session: Date,
    pub last_session: Date,
    pub sessions: usize,
    pub members: usize,
    /// SHA-256 of the members (symbol, sector) as JSON.
    pub members_sha256: String,
    pub whitelist_sha256: String,
    /// Columns, in order.
    pub names: Vec<String>,
    pub config: TrainConfig,
    pub split: SplitCard,
    pub trees: usize,
    /// Mean daily rank IC on `split.validation` by number of trees.
    pub validation_curve: Vec<CurvePoint>,
    pub oof: Oof,
    pub red_flags: Vec<String>,
    /// Median over test sessions of the standard deviation of a session's predictions.
    pub typical_sd: f64,
    pub xgboost_version: String,
    pub trainer_version: String,
    pub label: String,
    pub deployed: String,
    pub caveats: Vec<String>,
}

impl Card {
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
}

/// `card.json`: the card with the file it belongs to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct CardFile {
    pub(crate) model: ModelRef,
    pub(crate) card: Card,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SplitCard {
    pub fit: Part,
    pub validation: Part,
    pub train: Part,
    pub test: Part,
    /// Training labels that end at or after the first test signal, counted; zero.
    pub labels_overlapping_test: usize,
}

/// Signal dates, both ends included.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    pub first: Date,
    pub last: Date,
    pub dates: usize,
    pub rows: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub trees: usize,
    pub ic: f64,
}

/// Out-of-fold rank IC: on the test part, which the model has not seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Oof {
    /// Against the neutral label.
    pub neutral: IcSummary,
    /// Against the plain return over the same horizon.
    pub raw: IcSummary,
    /// Against the neutral label.
    pub by_year: Vec<YearIc>,
    /// Test sessions on which the model put no order on the names.
    pub sessions_without_ic: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct YearIc {
    pub year: i16,
    pub ic: f64,
    pub sessions: u32,
}

/// The card's label, or why there will be no card.
///
/// It always says `edge not established`: METHODS.md asks for a deflated Sharpe ratio and a
/// probability of overfitting over every configuration ever tried, which one split can't give. A
/// high t alone would not do.
pub(crate) fn judge(oof: &Oof) -> Result<String, TrainError> {
    let (neutral, raw) = (oof.neutral.mean, oof.raw.mean);
    // Negated, so that a NaN is no pass.
    let honest = neutral.abs() < LEAKAGE_IC && raw.abs() < LEAKAGE_IC;
    if !honest {
        return Err(TrainError::Leakage { neutral, raw });
    }
    let IcSummary { t, sessions, .. } = oof.neutral;
    let flags = red_flags(oof);
    let reason = if sessions < SESSIONS_MIN {
        format!("UNDECIDED, {sessions} out-of-fold sessions of {SESSIONS_MIN}")
    } else if !flags.is_empty() {
        format!("RED FLAG, {}", flags.join(", "))
    } else if t <= T_MIN {
        format!("t {t:.2} of {T_MIN}")
    } else {
        format!("t {t:.2} on one split, not corrected for the number of trials")
    };
    Ok(format!("edge not established: {reason}"))
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

    fn oof(mean: f64, raw: f64, t: f64, sessions: u32) -> Oof {
        let summary = |mean| IcSummary { mean, icir: 0.1, t, sessions };
        let by_year = vec![YearIc { year: 2021, ic: mean, sessions }];
        Oof { neutral: summary(mean), raw: summary(raw), by_year, sessions_without_ic: 0 }
    }

    #[test]
    fn an_ic_of_a_tenth_on_either_label_is_a_leak() {
        for (neutral, raw) in [(0.1, 0.0), (-0.1, 0.0), (0.01, 0.12), (f64::NAN, 0.0)] {
            let text = judge(&oof(neutral, raw, 2.0, 252)).unwrap_err().to_string();
            assert!(text.starts_with("LEAKAGE_PRESUMED"), "{text}");
        }
        assert!(judge(&oof(0.0999, -0.0999, 2.0, 252)).is_ok());
    }

    #[test]
    fn labels_never_flatter() {
        let cases = [
            (oof(0.02, 0.02, 2.0, 249), "UNDECIDED, 249 out-of-fold sessions of 250"),
            (oof(0.02, 0.02, 2.0, 252), "t 2.00 of 3.26"),
            (oof(-0.02, 0.02, -4.0, 252), "t -4.00 of 3.26"),
            (
                oof(0.03, 0.02, 4.0, 252),
                "t 4.00 on one split, not corrected for the number of trials",
            ),
            (oof(0.05, 0.02, 4.0, 252), "RED FLAG, rank IC 0.050 beyond 0.04"),
        ];
        for (oof, reason) in cases {
            assert_eq!(judge(&oof).unwrap(), format!("edge not established: {reason}"));
        }
    }

    #[test]
    fn a_single_year_too_good_is_flagged() {
        let mut oof = oof(0.03, 0.02, 4.0, 252);
        oof.by_year.push(YearIc { year: 2022, ic: 0.09, sessions: 252 });
        oof.by_year.push(YearIc { year: 2023, ic: 0.09, sessions: 10 });
        assert_eq!(red_flags(&oof), ["rank IC of 2022 0.090 beyond 0.08"]);
    }
}
