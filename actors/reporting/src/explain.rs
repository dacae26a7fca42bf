//! Why an order was sent: from the order back through target, score and features to the bars.

use messages::{
    Bars, Date, Envelope, Features, Filled, Message, Order, Price, Scores, Shares, Side, Symbol,
    Targets, Usd,
};
use serde::Serialize;
use std::fmt;

/// The largest contributions that are told.
const CONTRIBUTIONS: usize = 3;

/// The lineage of one order. Journal positions name the entries it rests on; what the journal does
/// not hold is `None`, not guessed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    pub session: Option<Date>,
    pub client_order_id: String,
    pub symbol: Symbol,
    pub side: Side,
    pub quantity: Shares,
    /// Close that the order was sized with.
    pub reference: Price,
    /// Journal position of the order.
    pub order_at: u64,
    pub outcome: String,
    pub fills: Vec<Execution>,
    /// Implementation shortfall of the fills against `reference`; positive is a cost.
    pub shortfall: Usd,
    pub shortfall_bp: Option<f64>,
    pub target: Option<TargetStep>,
    pub score: Option<ScoreStep>,
    pub features_at: Option<u64>,
    pub bars_at: Option<u64>,
    pub signal_session: Option<Date>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Execution {
    pub at: u64,
    pub quantity: Shares,
    pub price: Price,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetStep {
    pub at: u64,
    pub weight: f64,
    pub quantity: Shares,
    pub held: Shares,
    pub cost_bp: f64,
    /// Share of the way to the wished book that the limits allowed.
    pub theta: f64,
    /// Limits that bound this name or the whole book.
    pub binding: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreStep {
    pub at: u64,
    pub model_id: String,
    pub score: f32,
    /// 1 is the highest of `names`.
    pub rank: usize,
    pub names: usize,
    /// The largest by size, largest first; the bias is none.
    pub contributions: Vec<Contribution>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    pub feature: String,
    pub value: f32,
}

/// Explains the order with this id, or the one that filled last. `entries` are journal positions and
/// messages of one session. `None` if there is no such order.
pub fn explain_order(
    entries: &[(u64, Envelope)],
    client_order_id: Option<&str>,
) -> Option<Explanation> {
    let id = client_order_id.or_else(|| last_filled(entries))?;
    let submitted = |message: &Message| match message {
        Message::SubmitOrder(order) if order.client_order_id == id => Some(order.clone()),
        _ => None,
    };
    let (order_at, order) = find(entries, submitted)?;
    let symbol = &order.symbol;
    let before = &entries[..entries.partition_point(|(position, _)| *position < order_at)];
    let opened = find(before, |message| match message {
        Message::SessionOpened(opened) => Some((opened.session, opened.signal_session)),
        _ => None,
    });
    let fills = executions(entries, id);
    let change = |fill: &Execution| Shares(order.side.sign() * fill.quantity.0);
    let paid: Usd = fills.iter().map(|fill| fill.price.times(change(fill))).sum();
    let expected: Usd = fills.iter().map(|fill| order.reference.times(change(fill))).sum();
    let shortfall = paid - expected;
    Some(Explanation {
        session: opened.map(|(_, (session, _))| session),
        signal_session: opened.map(|(_, (_, signal))| signal),
        outcome: outcome(entries, &order, &fills),
        shortfall,
        shortfall_bp: (expected.0 != 0).then(|| shortfall.to_f64() / expected.to_f64().abs() * 1e4),
        target: find(before, targets).and_then(|(at, all)| target(at, &all, symbol)),
        score: find(before, scores).and_then(|(at, all)| score(at, &all, symbol)),
        features_at: find(before, |m| features(m, symbol)).map(|(at, ())| at),
        bars_at: find(before, |m| bars(m, symbol)).map(|(at, ())| at),
        order_at,
        fills,
        client_order_id: order.client_order_id,
        symbol: order.symbol,
        side: order.side,
        quantity: order.quantity,
        reference: order.reference,
    })
}

/// The newest entry that `pick` takes, with its journal position.
fn find<T>(entries: &[(u64, Envelope)], pick: impl Fn(&Message) -> Option<T>) -> Option<(u64, T)> {
    entries.iter().rev().find_map(|(at, entry)| pick(&entry.body).map(|found| (*at, found)))
}

fn last_filled(entries: &[(u64, Envelope)]) -> Option<&str> {
    entries.iter().rev().find_map(|(_, entry)| match &entry.body {
        Message::Filled(fill) => Some(fill.client_order_id.as_str()),
        _ => None,
    })
}

fn executions(entries: &[(u64, Envelope)], id: &str) -> Vec<Execution> {
    let mut seen = Vec::new();
    let mut fills = Vec::new();
    for (at, entry) in entries {
        let Message::Filled(Filled { client_order_id, quantity, price, cumulative, .. }) =
            &entry.body
        else {
            continue;
        };
        if client_order_id == id && !seen.contains(cumulative) {
            seen.push(*cumulative);
            fills.push(Execution { at: *at, quantity: *quantity, price: *price });
        }
    }
    fills
}

/// In a few words, the last thing that is known of the order.
fn outcome(entries: &[(u64, Envelope)], order: &Order, fills: &[Execution]) -> String {
    let filled: i64 = fills.iter().map(|fill| fill.quantity.0).sum();
    if filled >= order.quantity.0 {
        return "filled".to_owned();
    }
    let id = &order.client_order_id;
    let end = find(entries, |message| match message {
        Message::OrderDenied(denied) if denied.order.client_order_id == *id => {
            Some(format!("denied by risk: {}", denied.reason))
        }
        Message::OrderUpdated(updated)
            if updated.client_order_id == *id && updated.status.is_terminal() =>
        {
            let why = updated.reason.as_ref().map_or_else(String::new, |why| format!(": {why}"));
            Some(format!("{}{why}", updated.status))
        }
        _ => None,
    });
    match (end, filled) {
        (Some((_, end)), 0) => end,
        (Some((_, end)), _) => format!("{end} after a partial fill"),
        (None, 0) => "open".to_owned(),
        (None, _) => "partly filled".to_owned(),
    }
}

fn targets(message: &Message) -> Option<Targets> {
    if let Message::Targets(targets) = message { Some(targets.clone()) } else { None }
}

fn scores(message: &Message) -> Option<Scores> {
    if let Message::Scores(scores) = message { Some(scores.clone()) } else { None }
}

fn features(message: &Message, symbol: &Symbol) -> Option<()> {
    let Message::Features(Features { symbols, .. }) = message else { return None };
    symbols.contains(symbol).then_some(())
}

fn bars(message: &Message, symbol: &Symbol) -> Option<()> {
    let Message::Bars(Bars { symbols, .. }) = message else { return None };
    symbols.contains(symbol).then_some(())
}

fn target(at: u64, all: &Targets, symbol: &Symbol) -> Option<TargetStep> {
    let target = all.targets.iter().find(|target| target.symbol == *symbol)?;
    let of_another = |line: &str| {
        line.split_whitespace().any(|word| {
            word != symbol.as_str() && all.targets.iter().any(|t| t.symbol.as_str() == word)
        })
    };
    Some(TargetStep {
        at,
        weight: target.weight,
        quantity: target.quantity,
        held: target.held,
        cost_bp: target.cost_bp,
        theta: all.theta,
        binding: all.binding.iter().filter(|line| !of_another(line)).cloned().collect(),
    })
}

fn score(at: u64, all: &Scores, symbol: &Symbol) -> Option<ScoreStep> {
    let row = all.symbols.iter().position(|name| name == symbol)?;
    let score = all.scores[row];
    let columns = all.names.len();
    let values = &all.contributions[row * columns..(row + 1) * columns];
    // The bias is last, and says nothing about this name.
    let told = all.names.iter().zip(values).take(columns.saturating_sub(1));
    let mut contributions: Vec<Contribution> =
        told.map(|(name, value)| Contribution { feature: name.clone(), value: *value }).collect();
    contributions.sort_by(|a, b| b.value.abs().total_cmp(&a.value.abs()));
    contributions.truncate(CONTRIBUTIONS);
    Some(ScoreStep {
        at,
        model_id: all.model_id.clone(),
        score,
        rank: 1 + all.scores.iter().filter(|other| **other > score).count(),
        names: all.symbols.len(),
        contributions,
    })
}

/// One line, from the order back to its cause; `#n` is a journal position.
impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { client_order_id, side, quantity, symbol, order_at, outcome, .. } = self;
        write!(f, "{side} {} {symbol} ({client_order_id} #{order_at}): {outcome}", quantity.0)?;
        self.fmt_fills(f)?;
        match &self.target {
            Some(target) => target.fmt(f)?,
            None => write!(f, " <- no target in the journal")?,
        }
        match &self.score {
            Some(score) => score.fmt(f)?,
            None => write!(f, " <- no score in the journal")?,
        }
        if let Some(at) = self.features_at {
            write!(f, " <- features #{at}")?;
        }
        if let Some(at) = self.bars_at {
            write!(f, " <- bars #{at}")?;
        }
        self.signal_session.iter().try_for_each(|session| write!(f, " of {session}"))
    }
}

impl Explanation {
    fn fmt_fills(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fill) in self.fills.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            write!(f, "{comma} {} @ {} #{}", fill.quantity.0, fill.price, fill.at)?;
        }
        match self.shortfall_bp {
            Some(bp) => write!(f, ", {bp:+.1} bp against its close {}", self.reference),
            None => write!(f, ", sized at {}", self.reference),
        }
    }
}

impl fmt::Display for TargetStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, weight, quantity, held, cost_bp, .. } = self;
        let percent = weight * 100.0;
        write!(f, " <- target {quantity} from {held}, {percent:+.2} % of NAV, ")?;
        write!(f, "predicted cost {cost_bp:.1} bp #{at}")?;
        if self.binding.is_empty() {
            Ok(())
        } else {
            write!(f, " held by {}", self.binding.join(", "))
        }
    }
}

impl fmt::Display for ScoreStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, model_id, score, rank, names, contributions } = self;
        write!(f, " <- score {score:+.5}, rank {rank} of {names} by {model_id}")?;
        for (i, Contribution { feature, value }) in contributions.iter().enumerate() {
            write!(f, "{} {feature} {value:+.5}", if i == 0 { ":" } else { "," })?;
        }
        write!(f, " #{at}")
    }
}
