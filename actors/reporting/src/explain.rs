//! Why an order was sent: from the order back through target, score and features to the bars.

mod steps;
mod text;

use messages::{
    Bars, Date, Envelope, Features, Filled, HistoryRef, KillLevel, Message, ModelRef, Order, Price,
    Scores, SessionOpened, Shares, Side, Symbol, Targets, Usd,
};
use serde::Serialize;

/// The lineage of one order. Journal positions name the entries it rests on; what the journal does
/// not hold is `None`, not guessed. Money and prices are in micro-dollars, as in the journal.
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
    pub fills: Vec<FillStep>,
    /// Implementation shortfall of the fills against `reference`; positive is a cost. What the target predicted
    /// (`target.cost_bp`) holds spread and impact, this also the move from the close to the fill.
    pub shortfall: Usd,
    pub shortfall_bp: Option<f64>,
    /// What the target's prediction comes to for what was filled.
    pub predicted_cost: Option<Usd>,
    /// What an order that closes a position rests on; it has no target and no score then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kill: Option<KillStep>,
    pub target: Option<TargetStep>,
    pub score: Option<ScoreStep>,
    pub features_at: Option<u64>,
    /// Every feature, in the model's order.
    pub features: Vec<FeatureStep>,
    pub bars_at: Option<u64>,
    pub bar: Option<BarStep>,
    pub signal_session: Option<Date>,
    /// Everything the journal says of the order itself, in its words.
    pub life: Vec<LifeStep>,
    pub origin: Option<Origin>,
    /// W3C trace id of the session, for whoever knows how traces are named.
    pub trace_id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FillStep {
    pub at: u64,
    pub quantity: Shares,
    pub price: Price,
}

/// The kill of level `flatten` in force.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KillStep {
    /// Of the kill, or of the opening that carries it.
    pub at: u64,
    pub level: KillLevel,
    pub reason: String,
    pub operator: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TargetStep {
    pub at: u64,
    pub weight: f64,
    pub quantity: Shares,
    pub held: Shares,
    pub mark: Price,
    pub nav: Usd,
    pub cost_bp: f64,
    /// Share of the way to the wished book that the limits allowed.
    pub theta: f64,
    /// Limits that bound this name or the whole book.
    pub binding: Vec<String>,
    /// Limits that had to give way, and by how much.
    pub relaxed: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ScoreStep {
    pub at: u64,
    pub model_id: String,
    pub model_sha256: String,
    pub score: f32,
    /// 1 is the highest of `names`.
    pub rank: usize,
    pub names: usize,
    /// Of every feature, largest by size first; with `bias` they sum to the score.
    pub contributions: Vec<Contribution>,
    pub bias: Option<f32>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Contribution {
    pub feature: String,
    pub value: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FeatureStep {
    pub name: String,
    /// Before the cross-sectional transform; `None` where missing.
    pub raw: Option<f64>,
    /// What the model read.
    pub transformed: Option<f32>,
    /// To the score.
    pub contribution: Option<f32>,
}

/// The symbol's bar of the signal session: dollars and shares.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BarStep {
    pub open: f64,
    pub high: f64,
    pub low: f64,
    pub close: f64,
    pub volume: f64,
    pub raw_close: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LifeStep {
    pub at: u64,
    pub says: String,
}

/// What the session rests on, by content.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Origin {
    pub run_id: String,
    pub env: messages::Env,
    pub source: String,
    pub model: Option<ModelRef>,
    /// Bars before the signal session.
    pub history: HistoryRef,
    /// Of the signal session's bars, as [`messages::history_sha256`] has it.
    pub bars_sha256: Option<String>,
    pub whitelist_sha256: String,
    pub sectors_sha256: String,
    pub config_sha256: String,
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
    let opened = find(before, opened).map(|(_, opened)| opened);
    // What targets, scores and features say is not why an order closes a position.
    let plan: &[(u64, Envelope)] = if order.is_closing() { &[] } else { before };
    let (features, scores, bars) = (find(plan, features), find(plan, scores), find(before, bars));
    let fills = executions(entries, id);
    let change = |fill: &FillStep| Shares(order.side.sign() * fill.quantity.0);
    let paid: Usd = fills.iter().map(|fill| fill.price.times(change(fill))).sum();
    let expected: Usd = fills.iter().map(|fill| order.reference.times(change(fill))).sum();
    let shortfall = paid - expected;
    let target = find(plan, targets).and_then(|(at, all)| steps::target(at, all, symbol));
    let predicted =
        |target: &TargetStep| Usd::from_f64(target.cost_bp / 1e4 * expected.abs().to_f64());
    let features = features.filter(|(_, all)| all.symbols.contains(symbol));
    let bars = bars.filter(|(_, all)| all.symbols.contains(symbol));
    Some(Explanation {
        session: opened.map(|opened| opened.session),
        signal_session: opened.map(|opened| opened.signal_session),
        outcome: outcome(entries, &order, &fills),
        shortfall,
        shortfall_bp: (expected.0 != 0).then(|| shortfall.to_f64() / expected.to_f64().abs() * 1e4),
        predicted_cost: target.as_ref().and_then(predicted),
        kill: order.is_closing().then(|| steps::kill(before)).flatten(),
        target,
        score: scores.and_then(|(at, all)| steps::score(at, all, symbol)),
        features_at: features.map(|(at, _)| at),
        features: features.map_or_else(Vec::new, |(_, all)| {
            steps::features(all, scores.map(|(_, all)| all), symbol)
        }),
        bars_at: bars.map(|(at, _)| at),
        bar: bars.and_then(|(_, all)| steps::bar(all, symbol)),
        life: life(entries, id),
        origin: opened.map(|opened| steps::origin(opened, bars.map(|(_, all)| all))),
        trace_id: None,
        order_at,
        fills,
        client_order_id: order.client_order_id,
        symbol: order.symbol,
        side: order.side,
        quantity: order.quantity,
        reference: order.reference,
    })
}

/// Ids of the orders of `symbol`, in the order they were submitted.
pub fn orders_of(entries: &[(u64, Envelope)], symbol: &Symbol) -> Vec<String> {
    let id = |(_, entry): &(u64, Envelope)| match &entry.body {
        Message::SubmitOrder(order) if order.symbol == *symbol => {
            Some(order.client_order_id.clone())
        }
        _ => None,
    };
    entries.iter().filter_map(id).collect()
}

/// The last target for `symbol`: why there was, or was not, an order.
pub fn target_of(entries: &[(u64, Envelope)], symbol: &Symbol) -> Option<TargetStep> {
    find(entries, targets).and_then(|(at, all)| steps::target(at, all, symbol))
}

fn find<'a, T: 'a>(
    entries: &'a [(u64, Envelope)],
    pick: impl Fn(&'a Message) -> Option<T>,
) -> Option<(u64, T)> {
    entries.iter().rev().find_map(|(at, entry)| pick(&entry.body).map(|found| (*at, found)))
}

fn last_filled(entries: &[(u64, Envelope)]) -> Option<&str> {
    entries.iter().rev().find_map(|(_, entry)| match &entry.body {
        Message::Filled(fill) => Some(fill.client_order_id.as_str()),
        _ => None,
    })
}

fn executions(entries: &[(u64, Envelope)], id: &str) -> Vec<FillStep> {
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
            fills.push(FillStep { at: *at, quantity: *quantity, price: *price });
        }
    }
    fills
}

fn life(entries: &[(u64, Envelope)], id: &str) -> Vec<LifeStep> {
    let about = |body: &Message| match body {
        Message::SubmitOrder(order) | Message::OrderApproved(order) => order.client_order_id == id,
        Message::OrderDenied(denied) => denied.order.client_order_id == id,
        Message::OrderUpdated(updated) => updated.client_order_id == id,
        Message::Filled(fill) => fill.client_order_id == id,
        _ => false,
    };
    let steps = entries.iter().filter(|(_, entry)| about(&entry.body));
    steps.map(|(at, entry)| LifeStep { at: *at, says: entry.to_string() }).collect()
}

/// In a few words, the last thing that is known of the order.
fn outcome(entries: &[(u64, Envelope)], order: &Order, fills: &[FillStep]) -> String {
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

fn opened(message: &Message) -> Option<&SessionOpened> {
    if let Message::SessionOpened(opened) = message { Some(opened) } else { None }
}

fn targets(message: &Message) -> Option<&Targets> {
    if let Message::Targets(targets) = message { Some(targets) } else { None }
}

fn scores(message: &Message) -> Option<&Scores> {
    if let Message::Scores(scores) = message { Some(scores) } else { None }
}

fn features(message: &Message) -> Option<&Features> {
    if let Message::Features(features) = message { Some(features) } else { None }
}

fn bars(message: &Message) -> Option<&Bars> {
    if let Message::Bars(bars) = message { Some(bars) } else { None }
}
