//! `card.html`: the card for people. One file, no script, nothing fetched from anywhere.

use crate::audit::{Finding, Status};
use crate::card::{Card, FoldCard};
use crate::train::Trained;
use messages::Date;
use reporting::html::chart::{Axis, Frame, chart, columns, line};
use reporting::html::{STYLE, escape};
use std::fmt::Write;

/// Columns that are named in the table of features.
const COLUMNS_SHOWN: usize = 45;
/// METHODS.md §8.
const DRIFT_WARN: f64 = 0.2;

pub(crate) fn page(trained: &Trained) -> String {
    let (card, id) = (&trained.card, escape(&trained.model.id));
    let mut page = format!(
        r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{id}: model card</title>
<style>
{STYLE}</style></head><body><main>
<header><h1>{id}</h1><p class="soft">{sessions} sessions from {first} to {last}, {members} names. SHA-256 {sha256}.</p></header>
"#,
        sessions = card.sessions,
        first = card.first_session,
        last = card.last_session,
        members = card.members,
        sha256 = &trained.model.sha256,
    );
    page += &tiles(card);
    let class = if card.refusals().is_empty() { "card verdict" } else { "card bad" };
    let _ = writeln!(page, r#"<section class="{class}"><b>{}.</b></section>"#, escape(&card.label));
    page += r#"<div class="grid">"#;
    page += &audit(&card.audit);
    page += &ic_over_time(&trained.series.ic);
    page += &ic_by_year(card);
    page += &deciles(card);
    page += &spread(trained);
    page += &learning(card);
    page += &folds(card);
    page += &features(card);
    page += "</div>\n<footer>";
    for caveat in &card.caveats {
        let _ = write!(page, "<p>{}.</p>", escape(caveat));
    }
    page + "</footer></main></body></html>\n"
}

fn tiles(card: &Card) -> String {
    let trials = &card.trials;
    let maybe = |value: Option<f64>, decimals: usize| {
        value.map_or("n/a".to_owned(), |value| format!("{value:.decimals$}"))
    };
    let net = card.spread.sharpe.iter().find(|sharpe| sharpe.cost_bp == trials.cost_bp);
    let tiles = [
        ("Rank IC, out of fold", format!("{:.4}", card.oof.neutral.mean)),
        ("t (Newey-West)", format!("{:.2}", card.oof.neutral.t)),
        ("IC on the raw return", format!("{:.4}", card.oof.raw.mean)),
        ("Sessions tested", card.oof.neutral.sessions.to_string()),
        ("Sharpe of the spread, net", maybe(net.and_then(|net| net.sharpe), 2)),
        ("DSR", maybe(trials.dsr, 3)),
        ("PBO", maybe(trials.pbo, 2)),
        ("Trials so far", trials.trials.to_string()),
    ];
    let mut html = String::from(r#"<section class="tiles">"#);
    for (name, value) in tiles {
        let _ = write!(
            html,
            r#"<div class="card tile"><div class="soft">{name}</div><div class="value">{value}</div></div>"#
        );
    }
    html + "</section>\n"
}

fn table(title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut html = format!(
        r#"<section class="card wide"><h2>{title}</h2><div class="scroll"><table class="figures"><tr>"#
    );
    for cell in head {
        let _ = write!(html, "<th>{cell}</th>");
    }
    html += "</tr>";
    for row in rows {
        html += "<tr>";
        for cell in row {
            let _ = write!(html, "<td>{}</td>", escape(&cell));
        }
        html += "</tr>";
    }
    html + "</table></div></section>\n"
}

fn audit(findings: &[Finding]) -> String {
    let mark = |status: Status| match status {
        Status::Pass => "PASS".to_owned(),
        other => format!("▲ {other}"),
    };
    let rows = findings.iter().map(|finding| {
        vec![finding.detector.to_string(), mark(finding.status), finding.found.clone()]
    });
    table("Leakage audit", &["Detector", "Verdict", "Measured"], rows)
}

fn ends(first: Option<Date>, last: Option<Date>) -> Vec<String> {
    [first, last].into_iter().flatten().map(|date| date.to_string()).collect()
}

/// Summed, so that a slope is a mean.
fn ic_over_time(daily: &[(Date, f64)]) -> String {
    let mut sum = 0.0;
    let mut values = vec![0.0];
    values.extend(daily.iter().map(|(_, ic)| {
        sum += ic;
        sum
    }));
    let axis = Axis::around(values.iter().copied(), true);
    let below = ends(daily.first().map(|d| d.0), daily.last().map(|d| d.0));
    let key = "sum of daily values; its slope is the mean";
    let frame = Frame { title: "Out-of-fold rank IC over time", key, below, wide: true };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| format!("{tick:.decimals$}"), &line(&values, &axis, ""))
}

fn sign(value: f64) -> &'static str {
    if value < 0.0 { "loss" } else { "" }
}

fn ic_by_year(card: &Card) -> String {
    let years = &card.oof.by_year;
    let values: Vec<f64> = years.iter().map(|year| year.ic).collect();
    let axis = Axis::around(values.iter().copied(), true);
    let drawing = columns(&values, &axis, |at| {
        let year = &years[at];
        let t = year.t.map_or("n/a".to_owned(), |t| format!("{t:.2}"));
        let words = format!("{}: IC {:.4}, t {t}, {} sessions", year.year, year.ic, year.sessions);
        (sign(year.ic), words)
    });
    let below = years.iter().map(|year| year.year.to_string()).collect();
    let frame = Frame { title: "Rank IC by year", key: "", below, wide: false };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| format!("{tick:.decimals$}"), &drawing)
}

fn deciles(card: &Card) -> String {
    let values = &card.deciles_bp;
    let axis = Axis::around(values.iter().copied(), true);
    let drawing = columns(values, &axis, |at| {
        (sign(values[at]), format!("decile {}: {:.1} bp", at + 1, values[at]))
    });
    let below = (1..=values.len()).map(|decile| decile.to_string()).collect();
    let key = "bp over the horizon, less the day's mean; 10 is the best score";
    let frame = Frame { title: "Return by decile of the score", key, below, wide: false };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| format!("{tick:.decimals$}"), &drawing)
}

fn spread(trained: &Trained) -> String {
    let (card, periods) = (&trained.card, &trained.series.spread);
    let summed = |pick: fn(&(Date, f64, f64)) -> f64| -> Vec<f64> {
        let mut sum = 0.0;
        let sums = periods.iter().map(|period| {
            sum += pick(period) * 100.0;
            sum
        });
        std::iter::once(0.0).chain(sums).collect()
    };
    let (gross, net) = (summed(|p| p.1), summed(|p| p.2));
    let axis = Axis::around(gross.iter().chain(&net).copied(), true);
    let drawing = line(&gross, &axis, "") + &line(&net, &axis, "second");
    let key = format!(
        r#"<i></i>before costs<i class="second"></i>at {} bp of everything traded"#,
        card.trials.cost_bp
    );
    let below = ends(periods.first().map(|p| p.0), periods.last().map(|p| p.0));
    let title = "Best fifth less worst fifth, summed, %";
    let frame = Frame { title, key: &key, below, wide: true };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| format!("{tick:.decimals$}"), &drawing)
}

fn learning(card: &Card) -> String {
    let curve = |fold: &FoldCard| fold.curve.iter().map(|point| point.ic).collect::<Vec<_>>();
    let others: Vec<Vec<f64>> = card.folds.iter().map(curve).collect();
    let deployed = curve(&card.deployed);
    let axis = Axis::around(others.iter().flatten().chain(&deployed).copied(), true);
    let mut drawing: String = others.iter().map(|values| line(values, &axis, "second")).collect();
    drawing += &line(&deployed, &axis, "");
    let trees = [card.deployed.curve.first(), card.deployed.curve.last()];
    let below = trees.into_iter().flatten().map(|point| format!("{} trees", point.trees)).collect();
    let key = r#"<i></i>deployed<i class="second"></i>folds"#;
    let title = "Learning curves: rank IC on the validation dates";
    let frame = Frame { title, key, below, wide: true };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| format!("{tick:.decimals$}"), &drawing)
}

fn folds(card: &Card) -> String {
    let row = |(name, fold): (String, &FoldCard)| {
        let part = |part: &crate::card::Part| format!("{} to {}", part.first, part.last);
        let ic = fold.test_ic.map_or(String::new(), |ic| format!("{ic:.4}"));
        let test = fold.test.as_ref().map_or(String::new(), part);
        vec![name, part(&fold.fit), part(&fold.validation), test, fold.trees.to_string(), ic]
    };
    let numbered = (1..).zip(&card.folds).map(|(at, fold)| (format!("fold {at}"), fold));
    let all = numbered.chain([("deployed".to_owned(), &card.deployed)]);
    table("Folds", &["", "Fitted", "Trees chosen", "Tested", "Trees", "Test IC"], all.map(row))
}

fn features(card: &Card) -> String {
    let mut columns: Vec<_> = card.columns.iter().collect();
    columns.sort_by(|a, b| b.importance.total_cmp(&a.importance).then(a.name.cmp(&b.name)));
    let whole: f64 = columns.iter().map(|column| column.importance).sum();
    let rows = columns.into_iter().take(COLUMNS_SHOWN).map(|column| {
        let share = if whole > 0.0 { 100.0 * column.importance / whole } else { 0.0 };
        let drift = if column.drift >= DRIFT_WARN { "▲ " } else { "" };
        vec![column.name.clone(), format!("{share:.1} %"), format!("{drift}{:.3}", column.drift)]
    });
    let head = ["Feature", "Share of mean |SHAP|", "Drift of the last year (PSI)"];
    table("Features", &head, rows)
}
