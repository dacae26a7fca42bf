//! Single features against what they must not know.

use super::{Case, Detector, Finding};
use crate::TrainError;
use crate::folds::Rows;
use crate::ic::{daily_ic, mean};
use crate::panel::Panel;
use crate::workers::side_by_side;
use messages::Bars;

/// Mean daily IC of a feature with the next session's return.
const NEXT_RETURN_IC_MAX: f64 = 0.15;
/// And with the label.
const LABEL_IC_MAX: f64 = 0.1;

pub(super) fn findings(case: Case<'_>) -> Result<[Finding; 2], TrainError> {
    let panel = case.panel;
    let tomorrow = next_returns(panel, case.data.history);
    let rows = Rows::from(0..panel.rows(0..panel.labelled()).end);
    let columns = panel.names.len();
    let both = side_by_side(case.config.threads, columns, |column| {
        let values: Vec<f32> = panel.values.iter().skip(column).step_by(columns).copied().collect();
        let ic = |outcome: &dyn Fn(usize) -> f64| {
            let daily = daily_ic(panel, &rows, &values, outcome);
            if daily.is_empty() { 0.0 } else { mean(daily.iter().map(|(_, ic)| *ic)) }
        };
        Ok((ic(&|row| tomorrow[row]), ic(&|row| f64::from(panel.labels[row]))))
    })?;
    let (next, label): (Vec<f64>, Vec<f64>) = both.into_iter().unzip();
    Ok([
        largest(
            panel,
            &next,
            Detector::FutureReturn,
            NEXT_RETURN_IC_MAX,
            "the next session's return",
        ),
        largest(panel, &label, Detector::LabelInFeatures, LABEL_IC_MAX, "the label"),
    ])
}

fn largest(panel: &Panel, ics: &[f64], detector: Detector, most: f64, what: &str) -> Finding {
    let beyond = ics.iter().filter(|ic| ic.abs() > most).count();
    let top =
        (0..ics.len()).fold(0, |top, at| if ics[at].abs() > ics[top].abs() { at } else { top });
    let found = format!(
        "largest single-feature IC with {what} {:.4} ({}), limit {most}",
        ics[top], panel.names[top]
    );
    Finding::none(detector, beyond, found)
}

/// Per row: log return from the signal's close to the next; NaN where one is missing.
fn next_returns(panel: &Panel, history: &[Bars]) -> Vec<f64> {
    let mut returns = vec![f64::NAN; panel.labels.len()];
    for day in &panel.days {
        let Some(tomorrow) = history.get(day.index + 1) else { continue };
        let today = &history[day.index];
        for row in day.rows.clone() {
            let symbol = panel.symbol(row);
            if let (Some(a), Some(b)) = (today.row(symbol), tomorrow.row(symbol)) {
                returns[row] = (tomorrow.close[b] / today.close[a]).ln();
            }
        }
    }
    returns
}
