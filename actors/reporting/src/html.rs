//! `report.html`: one file, no script, nothing fetched from anywhere.

pub mod chart;
mod parts;
mod profit;

use crate::book::Book;
use crate::chain::Chain;
use crate::format::{grouped, maybe_money, money, number, percent, share};
use crate::performance::Performance;
use crate::record::SessionRecord;
use crate::sharpe::SESSIONS_MIN;
use messages::{DayReported, Env};
use std::fmt::Write;

/// For every page of ours.
pub const STYLE: &str = include_str!("html/style.css");

/// `records` is not empty.
pub(crate) fn page(records: &[&SessionRecord], performance: &Performance, book: &Book) -> String {
    let first = records[0];
    let days: Vec<&DayReported> = records.iter().filter_map(|r| r.day.as_ref()).collect();
    let run = escape(&first.run_id);
    let mut page = format!(
        r#"<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{run}: report</title>
<style>
{style}</style></head><body><main>
<header><h1>{run}</h1><p class="soft">{period}. Bars: {source}. {nature}.</p></header>
"#,
        style = STYLE,
        period = period(performance),
        nature = nature(first.env),
        source = escape(&first.source),
    );
    page += &tiles(performance);
    let label = escape(&performance.sharpe_label);
    let _ = writeln!(
        page,
        r#"<section class="card verdict"><b>Sharpe ratio {}: {label}.</b></section>"#,
        number(performance.sharpe, 2)
    );
    page += &troubles(records, performance);
    if let Some(last) = days.last() {
        page += r#"<div class="grid">"#;
        page += &parts::charts(&days, &Chain::of(records, book));
        page += &parts::sectors(last);
        page += &figures(performance);
        page += &parts::positions(last);
        page += &profit::profit(book, &performance.profit);
        page += "</div>\n";
    }
    page += FOOTER;
    page
}

const FOOTER: &str = "<footer>Returns are simple, from close to close and net of what the account paid; a year has 252 sessions; \
    the risk-free rate is zero. The account is computed from fills alone and agreed with the venue's \
    statement in every session counted here. Beta is the book's, from predicted betas of its names. \
    Turnover is traded value over twice the NAV. Shortfall compares fills with the closes that orders were \
    sized with, so it holds the overnight move as well as spread and impact.</footer>\n\
    </main></body></html>\n";

/// Text as HTML content or a quoted attribute.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Whose money it was.
fn nature(env: Env) -> &'static str {
    match env {
        Env::Backtest => "Backtest: simulated fills, nobody's money",
        Env::Dryrun => "Dry run: simulated fills, nobody's money",
        Env::Paper => "Paper account: the venue's simulated fills, nobody's money",
        Env::Live => "Live account",
    }
}

fn period(performance: &Performance) -> String {
    match (performance.from, performance.to) {
        (Some(from), Some(to)) if performance.sessions == 1 && from == to => {
            format!("One session, {from}")
        }
        (Some(from), Some(to)) => {
            format!("{} sessions, {from} to {to}", grouped(performance.sessions as u64))
        }
        _ => "No session with an account".to_owned(),
    }
}

fn tiles(p: &Performance) -> String {
    let counts = p.counts;
    let tiles = [
        ("Return", percent(p.total_return)),
        ("Max drawdown", percent(p.max_drawdown)),
        ("Final NAV", maybe_money(p.final_nav)),
        ("Beta, mean size", number(p.beta, 3)),
        ("Coverage", p.coverage_text()),
        ("Orders", grouped(counts.orders.into())),
        ("Fills", grouped(counts.fills.into())),
        ("Rejects", grouped(counts.rejects.into())),
    ];
    let mut html = String::from(r#"<section class="tiles">"#);
    for (name, value) in tiles {
        let _ = write!(
            html,
            r#"<div class="card tile"><div class="soft">{name}</div><div class="value">{}</div></div>"#,
            escape(&value)
        );
    }
    html + "</section>\n"
}

/// Stopped sessions and alarms: nobody shall have to look for them.
fn troubles(records: &[&SessionRecord], performance: &Performance) -> String {
    let mut items = String::new();
    for gap in &performance.breaks {
        let _ = write!(items, "<li>{}</li>", escape(&gap.to_string()));
    }
    for record in records {
        let stop = record.stopped.iter().map(|stop| format!("stopped: {}", stop.reason));
        for text in stop.chain(record.alarms.iter().map(|alarm| format!("alarm: {alarm}"))) {
            let _ = write!(items, "<li>{} {}</li>", record.session, escape(&text));
        }
    }
    if items.is_empty() {
        return items;
    }
    format!(
        "<section class=\"card bad\"><h2>Stopped sessions, alarms, breaks</h2><ul>{items}</ul></section>\n"
    )
}

fn figures(p: &Performance) -> String {
    let cagr = match p.sessions {
        0..SESSIONS_MIN => "CAGR, too few sessions".to_owned(),
        n if n < 252 => format!("CAGR, extrapolated from {n} sessions"),
        _ => "CAGR".to_owned(),
    };
    let rows = [
        ("Total return", percent(p.total_return)),
        (cagr.as_str(), percent(p.cagr.filter(|_| p.sessions >= SESSIONS_MIN))),
        ("Volatility, annualised", share(p.volatility)),
        ("Sharpe ratio", format!("{}, {}", number(p.sharpe, 2), p.sharpe_label)),
        ("Probability that the true Sharpe ratio is above 0", number(p.probabilistic_sharpe, 3)),
        ("Sortino ratio", number(p.sortino, 2)),
        ("Max drawdown", percent(p.max_drawdown)),
        ("Calmar ratio", number(p.calmar, 2)),
        ("Value at risk, 5 % of sessions", percent(p.value_at_risk)),
        ("Mean loss beyond it", percent(p.conditional_value_at_risk)),
        ("Sessions won, of those that moved", share(p.win_rate)),
        ("Turnover a year", number(p.turnover, 1)),
        ("Gross, mean / last / most", three(p.gross, p.gross_last, p.gross_max)),
        ("Net, mean size / last", two(p.net, p.net_last)),
        ("Beta, mean size / last / most", three(p.beta, p.beta_last, p.beta_max)),
        ("Coverage of the universe, worst session", p.coverage_text()),
        ("Orders / fills", format!("{} / {}", p.counts.orders, p.counts.fills)),
        ("Orders refused", p.rejects_text()),
        ("Targets that sliced plans were short of / in sessions", short_of(p)),
        ("Traded value", maybe_money(Some(p.traded))),
        ("Implementation shortfall", p.shortfall_text()),
        (
            "NAV, first / last",
            format!("{} / {}", maybe_money(p.initial_nav), maybe_money(p.final_nav)),
        ),
        ("Cash", maybe_money(p.cash)),
        ("Deposits less withdrawals, in no return", maybe_money(Some(p.transfers))),
        (
            "Came or went between sessions, unexplained, in no return",
            maybe_money(Some(p.unreported_change)),
        ),
        ("Profit of the account", maybe_money(Some(p.profit.net))),
        ("Fees and borrow, paid / modelled", costs_text(p)),
        ("Profit net of modelled fees and borrow", maybe_money(Some(p.profit.net_modelled))),
    ];
    let mut html = String::from(
        r#"<section class="card wide"><h2>Figures</h2><div class="scroll"><table class="figures">"#,
    );
    for (name, value) in rows {
        let _ = write!(html, "<tr><td>{}</td><td>{}</td></tr>", escape(name), escape(&value));
    }
    html + "</table></div></section>\n"
}

fn short_of(p: &Performance) -> String {
    format!("{} / {}", p.unreached, p.sessions_unreached)
}

fn costs_text(p: &Performance) -> String {
    let paid = money(p.profit.fees_paid + p.profit.borrow_paid);
    format!("{paid} / {}", money(p.profit.modelled_fees + p.profit.modelled_borrow))
}

fn two(a: Option<f64>, b: Option<f64>) -> String {
    format!("{} / {}", number(a, 3), number(b, 3))
}

fn three(a: Option<f64>, b: Option<f64>, c: Option<f64>) -> String {
    format!("{} / {}", two(a, b), number(c, 3))
}
