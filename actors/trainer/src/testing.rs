//! Markets and pipelines with known answers, reproducible bit for bit.

use crate::chance::Chance;
use crate::dataset::Dataset;
use crate::ic::NAMES_MIN;
use crate::panel::{BEFORE, Day, Panel, Source, Timing};
use crate::pipeline::Pipeline;
use crate::progress::Watch;
use crate::{TrainConfig, TrainError, label};
use messages::{Bars, Date, Features, Member, Symbol, history_sha256};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Small enough for a test, with enough out-of-fold dates for the audit to decide.
pub(crate) fn small() -> TrainConfig {
    TrainConfig {
        test_sessions: 126,
        validation_sessions: 40,
        train_sessions_min: 80,
        trees_min: 20,
        trees_max: 30,
        depth: 3,
        min_child_weight: 50.0,
        threads: 2,
        ..TrainConfig::default()
    }
}

/// Sessions that [`small`] needs for a decision, and some.
pub(crate) const SESSIONS: usize = 663;

pub(crate) fn quiet() -> Watch<'static> {
    Watch::new(&|_| ControlFlow::Continue(()))
}

/// Consecutive calendar days: the trainer counts sessions, it does not know holidays.
pub(crate) fn date(index: usize) -> Date {
    let start = Date::constant(2016, 1, 1);
    start.checked_add(jiff_days(index)).expect("tests stay in this century")
}

fn jiff_days(days: usize) -> std::time::Duration {
    std::time::Duration::from_secs(86_400 * days as u64)
}

/// Roughly normal.
fn normal(chance: &mut Chance) -> f64 {
    (0..12).map(|_| chance.uniform()).sum::<f64>() - 6.0
}

/// Random walks with a common factor in four sectors. Some names are listed late, some leave early, some
/// are halted for a while; and tomorrow's return holds `edge` times [`omen`].
pub(crate) struct Market {
    pub(crate) history: Vec<Bars>,
    pub(crate) members: Vec<Member>,
}

impl Market {
    pub(crate) fn new(sessions: usize, names: usize, seed: u32) -> Self {
        Self::with_edge(sessions, names, seed, 0.0)
    }

    pub(crate) fn with_edge(sessions: usize, names: usize, seed: u32, edge: f64) -> Self {
        let sectors = ["Energy", "Health", "Tech", "Utilities"];
        let member = |i: usize| Member {
            symbol: Symbol::from(format!("S{i:03}")),
            sector: sectors[i % sectors.len()].to_owned(),
        };
        let members: Vec<Member> = (0..names).map(member).collect();
        let mut chance = Chance::new(seed, 1_000);
        let mut closes = vec![50.0; names];
        let mut history = Vec::with_capacity(sessions);
        for session in 0..sessions {
            let mut bars = Bars::empty(date(session));
            let factor = 0.008 * normal(&mut chance);
            for (i, member) in members.iter().enumerate() {
                let beta = 0.5 + i as f64 / names as f64;
                let known = session.checked_sub(1).map_or(0.0, |before| omen(before, i));
                let drift = 0.015 * (edge * known + normal(&mut chance));
                let open: f64 = closes[i] * (0.004 * normal(&mut chance)).exp();
                let close = open * (beta * factor + drift).exp();
                let high = open.max(close) * (1.0 + 0.004 * chance.uniform());
                let low = open.min(close) * (1.0 - 0.004 * chance.uniform());
                let volume = (2e6 * (0.3 * normal(&mut chance)).exp()).round();
                closes[i] = close;
                if is_traded(i, session, sessions) {
                    bars.push(member.symbol.clone(), [open, high, low, close, volume, close]);
                }
            }
            history.push(bars);
        }
        Self { history, members }
    }

    /// A list and sectors that were known from the first day on.
    pub(crate) fn data(&self) -> Dataset<'_> {
        let known = self.history[0].session;
        Dataset::listed(&self.history, &self.members, known, known)
    }
}

fn is_traded(name: usize, session: usize, sessions: usize) -> bool {
    match name % 10 {
        // Listed late, gone early, halted for three weeks.
        1 => session > sessions / 2,
        3 => session < sessions * 4 / 5,
        7 => !(400..415).contains(&session),
        _ => true,
    }
}

/// Noise that belongs to a session and a name.
pub(crate) fn omen(session: usize, name: usize) -> f64 {
    noise(session, name, 0)
}

/// In ±√3, evenly: SplitMix64 of the three.
pub(crate) fn noise(session: usize, name: usize, column: usize) -> f64 {
    let mut z = (session as u64) << 40 | (name as u64) << 16 | column as u64;
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let uniform = ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
    (uniform - 0.5) * 12_f64.sqrt()
}

/// The real pipeline, but for features that cost nothing: the first is [`omen`], the others are noise.
pub(crate) struct Cheap {
    pub(crate) columns: usize,
}

impl Pipeline for Cheap {
    fn label(&self, _: &Features, _: &[usize], returns: &[f64]) -> Vec<f64> {
        returns.iter().map(|value| value * 20.0).collect()
    }

    fn panel(
        &self,
        data: Dataset<'_>,
        config: &TrainConfig,
        _watch: Watch<'_>,
    ) -> Result<Panel, TrainError> {
        let horizon = config.horizon;
        let mut panel = Panel {
            source: Source {
                history_sha256: history_sha256(data.history),
                members_sha256: "members".to_owned(),
                members: data.members.symbols().len(),
                first: data.history[0].session,
                through: data.history[data.history.len() - 1].session,
                sessions: data.history.len(),
            },
            whitelist_sha256: features::whitelist::sha256(),
            names: features::whitelist::names()[..self.columns]
                .iter()
                .map(ToString::to_string)
                .collect(),
            days: Vec::new(),
            values: Vec::new(),
            labels: Vec::new(),
            returns: Vec::new(),
            owners: Vec::new(),
            symbols: data.members.symbols(),
            timing: Timing::next_open(horizon),
            guards: BTreeMap::new(),
            twins: Vec::new(),
        };
        for (index, bars) in data.history.iter().enumerate().skip(BEFORE) {
            let names: Vec<usize> = (0..panel.symbols.len())
                .filter(|name| bars.row(&panel.symbols[*name]).is_some())
                .collect();
            if names.len() < NAMES_MIN {
                continue;
            }
            let first = panel.labels.len();
            let ahead = data.history.get(index + 1..=index + 1 + horizon);
            let symbols: Vec<Symbol> =
                names.iter().map(|name| panel.symbols[*name].clone()).collect();
            let returns = ahead.map_or(vec![f64::NAN; names.len()], |held| {
                label::forward_returns(&symbols, held, data.dividends)
            });
            for (name, value) in names.iter().zip(&returns) {
                panel.owners.push(*name as u32);
                panel.returns.push(*value);
                panel.labels.push((value * 20.0) as f32);
                panel.values.extend((0..self.columns).map(|column| match column {
                    // Some values are missing.
                    last if last + 1 == self.columns && (index + name) % 7 == 0 => f32::NAN,
                    column => noise(index, *name, column) as f32,
                }));
            }
            let rows = first..panel.labels.len();
            panel.days.push(Day { session: bars.session, index, rows });
        }
        Ok(panel)
    }
}

/// The cheap panel of a market.
pub(crate) fn cheap_panel(market: &Market, columns: usize) -> Panel {
    Cheap { columns }.panel(market.data(), &TrainConfig::default(), quiet()).expect("a panel")
}
