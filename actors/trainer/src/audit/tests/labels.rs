//! Leaks in the labels alone: features and returns are sound.

use super::*;

/// Only the labels: returns, and what is declared, are sound.
#[test]
fn leak_8_labels_from_the_signals_own_close() {
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        let returns = panel.returns.clone();
        close_to_close(&mut panel, data);
        for row in 0..panel.labels.len() {
            panel.labels[row] /= 20.0;
        }
        panel.returns = returns;
        panel
    };
    fires("8 labels from the signal's own close", Detector::Execution, &Panels(leak));
}

#[test]
fn leak_8_labels_neutral_to_the_beta_of_a_week_later() {
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        let sectors = data.members.sectors(data.history[0].session);
        let mut builder = data.members.builder();
        let days: Vec<_> = data.history.iter().map(|bars| builder.cross_section(bars)).collect();
        let labelled = panel.days[..panel.labelled()].to_vec();
        for day in labelled {
            let mut features = days[day.index].clone();
            features.exposures.beta = days[day.index + 5].exposures.beta.clone();
            let mut returns = vec![f64::NAN; features.symbols.len()];
            for row in day.rows.clone() {
                returns[panel.owners[row] as usize] = panel.returns[row];
            }
            let labels = crate::label::neutral(&features, &sectors, &returns);
            for row in day.rows.clone() {
                panel.labels[row] = labels[panel.owners[row] as usize] as f32;
            }
        }
        panel
    };
    fires("8 labels neutral to the beta of t+5", Detector::Execution, &Panels(leak));
}

/// A label that changes when the years after it are taken away.
#[test]
fn leak_13_labels_scaled_with_what_comes_later() {
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        let scale = 1.0 / data.history.len() as f32;
        panel.labels.iter_mut().for_each(|label| *label *= scale);
        panel
    };
    fires("13 labels scaled with the whole sample", Detector::Truncation, &Panels(leak));
}

/// A dividend that nobody held the name for: it had left at a last close before the ex-date.
#[test]
fn leak_8_dividends_of_who_has_left() {
    let market = Market::new(SESSIONS, NAMES, 5);
    let gone = SESSIONS * 4 / 5;
    let left = market.members.iter().enumerate().filter(|(name, _)| name % 10 == 3);
    let paid: Vec<_> = left
        .map(|(_, member)| (member.symbol.clone(), market.history[gone].session, 9.0))
        .collect();
    let dividends = crate::Dividends::new(paid);
    let data = Dataset { dividends: Some(&dividends), ..market.data() };
    let count = |pipeline: &dyn Pipeline| {
        let raw = pipeline.panel(data, &small(), quiet()).unwrap();
        let held = |row: &usize| {
            let (day, symbol) = (at(&raw, *row), raw.symbol(*row));
            (gone - 5..gone - 1).contains(&day) && dividends.of(symbol).next().is_some()
        };
        let case = Case {
            pipeline,
            data,
            config: &small(),
            raw: &raw,
            panel: &raw,
            folds: &[],
            trials: &[],
        };
        (0..raw.labels.len())
            .filter(held)
            .filter(|row| structure::differs(case, at(&raw, *row), *row))
            .count()
    };
    assert_eq!(count(&Standard), 0);
    let leak = |mut panel: Panel, data: Dataset<'_>| {
        for row in 0..panel.labels.len() {
            let day = at(&panel, row);
            if (gone - 5..gone - 1).contains(&day)
                && dividends.of(panel.symbol(row)).next().is_some()
            {
                let entry = &data.history[day + 1];
                let bought = entry.open[entry.row(panel.symbol(row)).unwrap()];
                panel.returns[row] = (panel.returns[row].exp() + 9.0 / bought).ln();
            }
        }
        panel
    };
    assert_eq!(count(&Panels(leak)), 4 * 4, "each is noticed");
}
