use crate::metrics::Returns;

/// Fewer sessions than this tell nothing, whatever the ratio.
pub(crate) const SESSIONS_MIN: usize = 20;

/// Above this, daily bars more likely hold a mistake than a miracle (METHODS.md §10).
const SHARPE_PLAUSIBLE: f64 = 2.0;

/// What may honestly be said of a Sharpe ratio beside its value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SharpeLabel {
    pub(crate) text: String,
    /// 95 %, annualised; `None` where the ratio or its error does not exist.
    pub(crate) interval: Option<(f64, f64)>,
}

impl SharpeLabel {
    pub(crate) fn of(returns: &Returns) -> Self {
        let sessions = match returns.values().len() {
            1 => "1 session".to_owned(),
            n => format!("{n} sessions"),
        };
        let (Some(sharpe), Some(error)) = (returns.sharpe(0.0), returns.sharpe_error()) else {
            let text = format!("not defined ({sessions}, returns do not vary)");
            return Self { text, interval: None };
        };
        let (low, high) = (sharpe - 1.96 * error, sharpe + 1.96 * error);
        let basis = format!("({sessions}, 95 % interval {low:.1} to {high:.1})");
        let text = if returns.values().len() < SESSIONS_MIN {
            format!("too few sessions to tell {basis}")
        } else if low <= 0.0 && high >= 0.0 {
            format!("not distinguishable from 0 {basis}")
        } else if high < 0.0 {
            format!("below 0 in this run {basis}")
        } else if sharpe > SHARPE_PLAUSIBLE {
            format!("above 0 in this run {basis}; implausible for daily bars: look for a leak")
        } else {
            format!("above 0 in this run {basis}; edge not established by one run")
        };
        Self { text, interval: Some((low, high)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sessions` returns of alternating size around `mean`.
    fn label(sessions: usize, mean: f64, spread: f64) -> String {
        let side = |day: usize| if day.is_multiple_of(2) { spread } else { -spread };
        let values = (0..sessions).map(|day| mean + side(day)).collect();
        SharpeLabel::of(&Returns::new(values).expect("finite")).text
    }

    #[test]
    fn claims_no_more_than_the_sessions_carry() {
        assert_eq!(label(0, 0.0, 0.0), "not defined (0 sessions, returns do not vary)");
        assert_eq!(label(1, 0.01, 0.0), "not defined (1 session, returns do not vary)");
        assert_eq!(label(60, 0.01, 0.0), "not defined (60 sessions, returns do not vary)");
        assert_eq!(
            label(10, 0.002, 0.01),
            "too few sessions to tell (10 sessions, 95 % interval -7.4 to 13.4)"
        );
        assert_eq!(
            label(60, 0.0004, 0.01),
            "not distinguishable from 0 (60 sessions, 95 % interval -3.4 to 4.7)"
        );
        assert_eq!(
            label(2520, 0.0007, 0.01),
            "above 0 in this run (2520 sessions, 95 % interval 0.5 to 1.7); \
             edge not established by one run"
        );
        assert!(label(252, 0.01, 0.01).ends_with("implausible for daily bars: look for a leak"));
        assert!(label(252, -0.005, 0.01).starts_with("below 0 in this run"));
    }
}
