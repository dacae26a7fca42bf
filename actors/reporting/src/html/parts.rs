use super::chart::{Axis, Frame, area, chart, columns, line, round_step};
use super::escape;
use crate::chain::Chain;
use crate::format::{grouped, money, number, percent, share};
use crate::metrics::Returns;
use messages::{DayReported, Usd};
use std::fmt::Write;

/// `days` is not empty.
pub(super) fn charts(days: &[&DayReported], chain: &Chain) -> String {
    let html = [equity(days), drawdown(days, chain), gross(days), net_and_beta(days)];
    html.concat() + &turnover(days) + &histogram(chain)
}

fn equity(days: &[&DayReported]) -> String {
    let closes = days.iter().map(|day| day.nav_close.to_f64());
    let values: Vec<f64> = std::iter::once(days[0].nav_open.to_f64()).chain(closes).collect();
    let axis = Axis::around(values.iter().copied(), false);
    let drawing = area(&values, axis.bottom(), &axis, "") + &line(&values, &axis, "");
    let last = money(days[days.len() - 1].nav_close);
    let frame = Frame { title: "Equity", key: &last, below: dates(days), wide: true };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| dollars(tick, decimals), &drawing)
}

fn drawdown(days: &[&DayReported], chain: &Chain) -> String {
    let returns = Returns::new(chain.steps()).expect("positive accounts have real returns");
    let values: Vec<f64> = std::iter::once(0.0).chain(returns.drawdowns()).collect();
    // A run that never fell still hangs from the top of its chart.
    let axis = Axis::around(values.iter().copied().chain([-0.001]), true);
    let drawing = area(&values, 0.0, &axis, "loss") + &line(&values, &axis, "loss");
    let deepest = format!("deepest {}", percent(returns.max_drawdown()));
    let frame = Frame { title: "Drawdown", key: &deepest, below: dates(days), wide: false };
    chart(&frame, &axis, percents(&axis), &drawing)
}

fn gross(days: &[&DayReported]) -> String {
    let values: Vec<f64> = days.iter().map(|day| day.exposures.gross).collect();
    let axis = Axis::around(values.iter().copied(), true);
    let drawing = area(&values, 0.0, &axis, "") + &line(&values, &axis, "");
    let last = format!("last {}", number(values.last().copied(), 3));
    let frame =
        Frame { title: "Gross exposure, of NAV", key: &last, below: dates(days), wide: false };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| number(Some(tick), decimals), &drawing)
}

fn net_and_beta(days: &[&DayReported]) -> String {
    let net: Vec<f64> = days.iter().map(|day| day.exposures.net).collect();
    // Of a run without features nobody knows the betas.
    let beta: Option<Vec<f64>> = days.iter().map(|day| day.exposures.beta).collect();
    let axis = Axis::around(net.iter().chain(beta.iter().flatten()).copied(), true);
    let mut drawing = line(&net, &axis, "");
    let (mut title, mut key) = ("Net, of NAV", "");
    if let Some(beta) = beta {
        drawing += &line(&beta, &axis, "second");
        (title, key) = ("Net and beta, of NAV", r#"<i></i>net<i class="second"></i>beta"#);
    }
    let frame = Frame { title, key, below: dates(days), wide: false };
    let decimals = axis.decimals();
    chart(&frame, &axis, |tick| number(Some(tick), decimals), &drawing)
}

fn turnover(days: &[&DayReported]) -> String {
    let turned = |day: &&DayReported| day.traded.to_f64() / (2.0 * day.nav_open.to_f64());
    let values: Vec<f64> = days.iter().map(turned).collect();
    let axis = Axis::around(values.iter().copied(), true);
    let describe = |i: usize| ("", format!("{}: {}", days[i].session, share(Some(values[i]))));
    let drawing = columns(&values, &axis, describe);
    let title = "Turnover per session, of NAV";
    let frame = Frame { title, key: "", below: dates(days), wide: false };
    chart(&frame, &axis, percents(&axis), &drawing)
}

fn histogram(chain: &Chain) -> String {
    let values = chain.returns();
    let low = values.iter().copied().fold(0.0, f64::min);
    let high = values.iter().copied().fold(0.0, f64::max);
    let bins_wished = (2.0 * (values.len() as f64).sqrt()).clamp(4.0, 30.0);
    let step = round_step(((high - low) / bins_wished).max(1e-5));
    let first = (low / step).floor();
    let count = ((high / step).floor() - first) as usize + 1;
    let mut bins = vec![0.0; count];
    for value in &values {
        let bin = ((value / step).floor() - first) as usize;
        bins[bin.min(count - 1)] += 1.0;
    }
    let edge = |i: usize| (first + i as f64) * step;
    let axis = Axis::counting(bins.iter().copied());
    let describe = |i: usize| {
        let class = if edge(i) < -step / 2.0 { "loss" } else { "" };
        let range = format!("{} to {}", percent(Some(edge(i))), percent(Some(edge(i + 1))));
        (class, format!("{range}: {} sessions", bins[i]))
    };
    let drawing = columns(&bins, &axis, describe);
    let title = "Sessions by return";
    let below = vec![percent(Some(edge(0))), percent(Some(edge(count)))];
    let frame = Frame { title, key: "", below, wide: false };
    chart(&frame, &axis, |tick| number(Some(tick), 0), &drawing)
}

pub(super) fn sectors(day: &DayReported) -> String {
    let nets = &day.exposures.sectors;
    let widest = nets.iter().map(|s| s.net.abs()).fold(1e-9, f64::max);
    let mut rows = String::new();
    for sector in nets {
        let width = sector.net.abs() / widest * 50.0;
        let (side, class) = if sector.net < 0.0 { ("right", "loss") } else { ("left", "") };
        let _ = write!(
            rows,
            r#"<span>{}</span><span class="track"><i class="{class}" style="{side}:50%;width:{width:.1}%"></i></span><span class="num">{}</span>"#,
            escape(&sector.sector),
            percent(Some(sector.net)),
        );
    }
    format!(
        r#"<section class="card"><h2>Sector nets after {}, of NAV</h2><div class="nets">{rows}</div></section>
"#,
        day.session
    )
}

pub(super) fn positions(day: &DayReported) -> String {
    let mut rows = String::from(
        "<tr><th>Symbol</th><th>Shares</th><th>Average</th><th>Mark</th><th>Value</th>\
         <th>Of NAV</th><th>Unrealised</th></tr>",
    );
    for held in &day.positions {
        let value = held.mark.times(held.quantity);
        let gain = value - held.average.times(held.quantity);
        let weight = percent(Some(value.to_f64() / day.nav_close.to_f64()));
        let sign = if held.quantity.0 < 0 { "-" } else { "" };
        let _ = write!(
            rows,
            "<tr><td>{}</td><td>{sign}{}</td><td>{}</td><td>{}</td><td>{}</td><td>{weight}</td><td>{}</td></tr>",
            escape(held.symbol.as_str()),
            grouped(held.quantity.0.unsigned_abs()),
            money(Usd(held.average.0)),
            money(Usd(held.mark.0)),
            money(value),
            money(gain),
        );
    }
    format!(
        r#"<section class="card wide"><h2>Positions after {} ({})</h2><div class="scroll"><table>{rows}</table></div></section>
"#,
        day.session,
        day.positions.len()
    )
}

fn dates(days: &[&DayReported]) -> Vec<String> {
    let last = days.len() - 1;
    match last {
        0 => vec![days[0].session.to_string()],
        1..6 => vec![days[0].session.to_string(), days[last].session.to_string()],
        _ => [0, last / 2, last].map(|i| days[i].session.to_string()).into(),
    }
}

fn percents(axis: &Axis) -> impl Fn(f64) -> String {
    let decimals = axis.decimals().saturating_sub(2);
    move |tick| format!("{} %", number(Some(tick * 100.0), decimals))
}

/// An axis label: `$1,010,000`, with decimals only where ticks need them.
fn dollars(amount: f64, decimals: usize) -> String {
    let cents = money(Usd::from_f64(amount).unwrap_or_default());
    match decimals {
        0 => cents.split('.').next().unwrap_or(&cents).to_owned(),
        _ => cents,
    }
}
