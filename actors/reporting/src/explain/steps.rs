//! One symbol's row of each message on the way.

use super::{BarStep, Contribution, FeatureStep, KillStep, Origin, ScoreStep, TargetStep};
use messages::{
    Bars, Envelope, Features, Kill, KillLevel, Message, Scores, SessionOpened, Symbol, Targets,
    history_sha256,
};

pub(super) fn target(at: u64, all: &Targets, symbol: &Symbol) -> Option<TargetStep> {
    let target = all.targets.iter().find(|target| target.symbol == *symbol)?;
    let another = |name: &str| {
        name != symbol.as_str() && all.targets.iter().any(|target| target.symbol.as_str() == name)
    };
    let of_another = |line: &&String| named(line).is_some_and(another);
    let ours = all.binding.iter().filter(|line| !of_another(line)).cloned();
    let (relaxed, binding) = ours.partition(|line| line.starts_with("RELAXED"));
    Some(TargetStep {
        at,
        weight: target.weight,
        quantity: target.quantity,
        held: target.held,
        mark: target.mark,
        nav: all.nav,
        cost_bp: target.cost_bp,
        theta: all.theta,
        binding,
        relaxed,
    })
}

/// The symbol in a line about one name, as risk writes them; a line of the book has none, whatever its words.
fn named(line: &str) -> Option<&str> {
    let mut words = line.split_whitespace();
    match words.next()? {
        "BROKEN" => words.next().filter(|what| *what == "NAME").and(words.next()),
        "ADV" | "ORDER" | "NAME" | "SHORT" | "RESTRICTED" | "CORPORATE_ACTION" => words.next(),
        code if code.starts_with("NO_") || code.starts_with("NOT_") => words.next(),
        _ => None,
    }
}

/// What closes positions when this order was submitted; `at` of a session that opened with it is its first entry.
pub(super) fn kill(before: &[(u64, Envelope)]) -> Option<KillStep> {
    before.iter().rev().find_map(|(at, entry)| {
        let kill = match &entry.body {
            Message::Kill(kill) => Some(kill),
            Message::SessionOpened(opened) => opened.halted.as_ref(),
            _ => None,
        };
        let Kill { level, reason, operator } =
            kill.filter(|kill| kill.level == KillLevel::Flatten)?.clone();
        Some(KillStep { at: *at, level, reason, operator })
    })
}

pub(super) fn score(at: u64, all: &Scores, symbol: &Symbol) -> Option<ScoreStep> {
    let row = all.symbols.iter().position(|name| name == symbol)?;
    let score = all.scores[row];
    let columns = all.names.len();
    let values = &all.contributions[row * columns..(row + 1) * columns];
    // The bias is last, and says nothing about this name.
    let told = all.names.iter().zip(values).take(columns.saturating_sub(1));
    let mut contributions: Vec<Contribution> =
        told.map(|(name, value)| Contribution { feature: name.clone(), value: *value }).collect();
    contributions.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    Some(ScoreStep {
        at,
        model_id: all.model_id.clone(),
        model_sha256: all.model_sha256.clone(),
        score,
        rank: 1 + all.scores.iter().filter(|other| **other > score).count(),
        names: all.symbols.len(),
        contributions,
        bias: values.last().copied(),
    })
}

pub(super) fn features(
    all: &Features,
    scores: Option<&Scores>,
    symbol: &Symbol,
) -> Vec<FeatureStep> {
    let Some(row) = all.symbols.iter().position(|name| name == symbol) else { return Vec::new() };
    let contribution = |name: &String| {
        let scores = scores?;
        let row = scores.symbols.iter().position(|scored| scored == symbol)?;
        let column = scores.names.iter().position(|known| known == name)?;
        scores.contributions.get(row * scores.names.len() + column).copied()
    };
    let first = row * all.names.len();
    let step = |(column, name): (usize, &String)| FeatureStep {
        name: name.clone(),
        raw: Some(all.raw[first + column]).filter(|value| value.is_finite()),
        transformed: Some(all.values[first + column]).filter(|value| value.is_finite()),
        contribution: contribution(name),
    };
    all.names.iter().enumerate().map(step).collect()
}

pub(super) fn bar(all: &Bars, symbol: &Symbol) -> Option<BarStep> {
    let row = all.row(symbol)?;
    Some(BarStep {
        open: all.open[row],
        high: all.high[row],
        low: all.low[row],
        close: all.close[row],
        volume: all.volume[row],
        raw_close: all.raw_close[row],
    })
}

pub(super) fn origin(opened: &SessionOpened, bars: Option<&Bars>) -> Origin {
    Origin {
        run_id: opened.run_id.clone(),
        env: opened.env,
        source: opened.source.clone(),
        model: opened.model.clone(),
        history: opened.history.clone(),
        bars_sha256: bars.map(|bars| history_sha256([bars])),
        whitelist_sha256: opened.whitelist_sha256.clone(),
        sectors_sha256: opened.sectors_sha256.clone(),
        config_sha256: opened.config_sha256.clone(),
    }
}
