//! Generated markets: plausible ones, and each way in which one can be degenerate.

#[path = "../../../../tests/support/rules.rs"]
mod shipped;

pub(crate) use shipped::rules;

use kernel::{Actor, Outbox};
use messages::{
    Date, Edge, Env, Envelope, ExecutionRules, Exposures, F32s, FactorCovariance, Features,
    Holding, Limits, Member, Message, MessageId, ModelRef, Price, RiskRules, Scores, SessionOpened,
    Shares, Style, Symbol, Targets, Time, Usd,
};
use proptest::collection::vec;
use proptest::prelude::*;
use risk::Risk;

#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) equity: f64,
    pub(crate) limits: Limits,
    pub(crate) names: Vec<Listing>,
    pub(crate) ruled: Option<Ruled>,
}

/// What sessions have since there are rules.
#[derive(Clone, Debug)]
pub(crate) struct Ruled {
    pub(crate) rules: RiskRules,
    pub(crate) edge: Option<Edge>,
    pub(crate) style: Style,
    /// Square: of the market and [`SECTORS`] on as many hidden factors.
    pub(crate) loadings: Option<Vec<f64>>,
}

pub(crate) const SECTORS: usize = 5;
/// All of a minute: a session's share of a name is traded in 39 of them at most.
pub(crate) const PARTICIPATION: f64 = 1.0;

/// Ways in which a market can be degenerate.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Plausible,
    OneSector,
    Collinear,
    Illiquid,
    Ineligible,
    Restricted,
    /// Positions of several times the equity.
    Drifted,
}

#[derive(Clone, Debug)]
pub(crate) struct Listing {
    pub(crate) member: bool,
    pub(crate) listed: bool,
    pub(crate) eligible: bool,
    pub(crate) sector: usize,
    pub(crate) close: f64,
    pub(crate) adv: f64,
    pub(crate) beta: f64,
    pub(crate) sigma: f64,
    pub(crate) score: Option<f32>,
    /// Fraction of equity held.
    pub(crate) held: f64,
}

/// Mostly `usual`, sometimes one of the values that break arithmetic.
fn odd(usual: impl Strategy<Value = f64> + 'static) -> BoxedStrategy<f64> {
    let broken = prop::sample::select(vec![f64::NAN, 0.0, -1.0, f64::INFINITY, 1e-300]);
    prop_oneof![30 => usual, 1 => broken].boxed()
}

fn listing(sectors: usize, drift: f64) -> impl Strategy<Value = Listing> {
    let usually = |percent: f64| prop::bool::weighted(percent);
    let about = (usually(0.95), usually(0.97), usually(0.9), 0..sectors);
    let close = odd((0.0_f64..7.0).prop_map(f64::exp));
    let adv = odd((10.0_f64..23.0).prop_map(f64::exp));
    let numbers = (close, adv, odd(0.2..2.0), odd(0.005..0.05));
    let score = prop::option::weighted(0.9, prop_oneof![20 => -1.0_f32..1.0, 1 => Just(f32::NAN)]);
    let held = prop_oneof![2 => Just(0.0), 3 => -drift..drift];
    (about, numbers, score, held).prop_map(|(about, numbers, score, held)| Listing {
        member: about.0,
        listed: about.1,
        // METHODS.md §1 (e): no name below $5 is eligible. Broken prices stay, to be refused.
        eligible: about.2 && !(0.0..5.0).contains(&numbers.0),
        sector: about.3,
        close: numbers.0,
        adv: numbers.1,
        beta: numbers.2,
        sigma: numbers.3,
        score,
        held,
    })
}

pub(crate) fn market() -> impl Strategy<Value = Market> {
    use Kind::*;
    let kinds =
        [Plausible, Plausible, OneSector, Collinear, Illiquid, Ineligible, Restricted, Drifted];
    prop::sample::select(kinds.to_vec()).prop_flat_map(market_of)
}

pub(crate) fn market_of(kind: Kind) -> impl Strategy<Value = Market> {
    let equity = prop_oneof![3 => Just(1e6), 1 => Just(5e3), 1 => Just(200.0), 1 => Just(3e8)];
    let drift = match kind {
        Kind::Drifted => prop_oneof![Just(0.4), Just(5.0)].boxed(),
        _ => prop_oneof![Just(0.0001), Just(0.03), Just(0.2)].boxed(),
    };
    let sectors = if kind == Kind::OneSector { 1..2 } else { 1..SECTORS + 1 };
    let shape = (sectors, drift, 0_usize..32);
    let listings = shape.prop_flat_map(|(sectors, drift, n)| vec(listing(sectors, drift), n));
    let caps = (prop_oneof![Just(0.03), Just(0.2)], prop_oneof![Just(0.02), Just(0.1)]);
    let ruled = prop::option::weighted(0.8, ruled());
    (equity, listings, caps, ruled).prop_map(move |(equity, mut names, caps, mut ruled)| {
        for name in &mut names {
            match kind {
                Kind::Collinear => name.beta = 1.0,
                Kind::Illiquid => name.adv = 0.0,
                Kind::Ineligible => name.eligible = false,
                _ => {}
            }
        }
        if let (Kind::Restricted, Some(ruled)) = (kind, &mut ruled) {
            ruled.rules.restricted = (0..names.len()).map(symbol).collect();
        }
        Market { equity, limits: limits(caps.0, caps.1), names, ruled }
    })
}

fn ruled() -> impl Strategy<Value = Ruled> {
    let k = 1 + SECTORS;
    let some = |most| vec(0_usize..50, 0..most);
    let usually = prop::bool::weighted(0.8);
    let numbers =
        (prop_oneof![Just(5.0), Just(500.0)], prop_oneof![Just(0.02), Just(0.5), Just(3.0)]);
    let edge =
        prop_oneof![6 => Just(0.05), 2 => Just(0.004), 1 => Just(-0.01), 1 => Just(f64::NAN)];
    let loadings = prop::option::weighted(0.9, vec(-0.01..0.01_f64, k * k));
    let lists = (some(4), some(8));
    let style = prop::sample::select(vec![Style::Auction, Style::Limit, Style::Sliced]);
    let about = (style, lists);
    (numbers, usually, about, prop::option::weighted(0.95, edge), loadings).prop_map(
        |((risk_aversion, turnover_max), shorts, (style, lists), edge, loadings)| {
            let (restricted, not_shortable) = lists;
            Ruled {
                rules: RiskRules {
                    risk_aversion,
                    turnover_max,
                    shorts,
                    restricted: restricted.into_iter().map(symbol).collect(),
                    not_shortable: not_shortable.into_iter().map(symbol).collect(),
                    ..rules()
                },
                edge: edge.map(|oof_ic| Edge { oof_ic, horizon: 5 }),
                style,
                loadings,
            }
        },
    )
}

fn limits(name_max: f64, order_max: f64) -> Limits {
    Limits {
        gross: 1.0,
        gross_max: 1.6,
        name_max,
        net_max: 0.01,
        beta_max: 0.01,
        sector_net_max: 0.03,
        adv_share_max: 0.02,
        order_max,
    }
}

impl Market {
    pub(crate) fn is_sliced(&self) -> bool {
        self.ruled.as_ref().is_some_and(|ruled| ruled.style == Style::Sliced)
    }

    pub(crate) fn opened(&self) -> SessionOpened {
        let rows = || self.names.iter().enumerate();
        let members = rows().filter(|(_, name)| name.member);
        let holding = |(row, name): (usize, &Listing)| {
            let mark = Price::from_f64(name.close.min(1e4)).unwrap_or(Price(10_000_000));
            let quantity = Shares((name.held * self.equity / mark.to_f64()).round() as i64);
            Holding { symbol: symbol(row), quantity, average: mark, mark, rounding: Usd(0) }
        };
        SessionOpened {
            run_id: "property".to_owned(),
            source: "a test".to_owned(),
            universe: members
                .map(|(row, name)| Member { symbol: symbol(row), sector: sector(name) })
                .collect(),
            model: Some(ModelRef { id: "m".to_owned(), sha256: "m".to_owned() }),
            positions: rows().map(holding).filter(|held| held.quantity != Shares(0)).collect(),
            equity: Usd::from_f64(self.equity).unwrap(),
            rules: self.ruled.as_ref().map(|ruled| ruled.rules.clone()),
            edge: self.ruled.as_ref().and_then(|ruled| ruled.edge.clone()),
            execution: self.ruled.as_ref().map(|ruled| ExecutionRules {
                style: ruled.style,
                collar: 0.05,
                flatten_share: 0.05,
                participation: Some(PARTICIPATION),
            }),
            ..SessionOpened::new(
                Env::Backtest,
                day("2024-01-03"),
                day("2024-01-02"),
                self.limits.clone(),
            )
        }
    }

    fn features(&self) -> Features {
        let rows: Vec<(usize, &Listing)> =
            self.names.iter().enumerate().filter(|(_, name)| name.listed).collect();
        let column =
            |of: fn(&Listing) -> f64| rows.iter().map(|row| of(row.1)).collect::<Vec<_>>().into();
        Features {
            session: day("2024-01-02"),
            symbols: rows.iter().map(|(row, _)| symbol(*row)).collect(),
            names: Vec::new(),
            whitelist_sha256: String::new(),
            values: F32s::default(),
            raw: Vec::new().into(),
            eligible: rows.iter().map(|(_, name)| name.eligible).collect(),
            exposures: Exposures {
                beta: column(|name| name.beta),
                sigma_daily: column(|name| name.sigma),
                idio_daily: column(|name| name.sigma * 0.8),
                adv: column(|name| name.adv),
                close: column(|name| name.close),
                factors: self.factors(),
            },
            guards: Vec::new(),
        }
    }

    /// Loadings times themselves: positive semidefinite, often of low rank.
    fn factors(&self) -> Option<FactorCovariance> {
        let loadings = self.ruled.as_ref()?.loadings.as_ref()?;
        let k = 1 + SECTORS;
        let row = |at: usize| &loadings[at * k..][..k];
        let product = |a: usize, b: usize| row(a).iter().zip(row(b)).map(|(a, b)| a * b).sum();
        let covariance: Vec<f64> = (0..k * k).map(|at| product(at / k, at % k)).collect();
        Some(FactorCovariance {
            sectors: (0..SECTORS).map(|sector| format!("sector {sector}")).collect(),
            covariance: covariance.into(),
            shrinkage: 0.0,
            sessions: 252,
        })
    }

    fn scores(&self) -> Scores {
        let scored: Vec<(Symbol, f32)> = self
            .names
            .iter()
            .enumerate()
            .filter_map(|(row, name)| Some((symbol(row), name.score?)))
            .collect();
        Scores {
            session: day("2024-01-02"),
            symbols: scored.iter().map(|(symbol, _)| symbol.clone()).collect(),
            scores: scored.iter().map(|(_, score)| *score).collect::<Vec<_>>().into(),
            model_id: "m".to_owned(),
            model_sha256: "m".to_owned(),
            whitelist_sha256: String::new(),
            names: Vec::new(),
            contributions: F32s::default(),
            undecided: Vec::new(),
        }
    }

    /// The journal up to the scores.
    pub(crate) fn morning(&self) -> Vec<Message> {
        vec![
            Message::SessionOpened(Box::new(self.opened())),
            Message::Features(self.features()),
            Message::Scores(self.scores()),
        ]
    }

    pub(crate) fn targets(&self) -> Targets {
        let (mut risk, mut out) = (Risk::new(), Outbox::default());
        for (message, position) in self.morning().into_iter().zip(1..) {
            risk.handle(position, &envelope(message, position), &mut out);
        }
        match out.messages() {
            [Message::Targets(targets)] => targets.clone(),
            other => panic!("one answer expected: {other:?}"),
        }
    }

    pub(crate) fn listing(&self, symbol: &Symbol) -> &Listing {
        &self.names[symbol.as_str()[1..].parse::<usize>().unwrap()]
    }
}

pub(crate) fn envelope(body: Message, number: u64) -> Envelope {
    let author = body.topic().author().unwrap();
    Envelope { id: MessageId::event(author, number.to_string()), at: Time(0), body }
}

fn symbol(row: usize) -> Symbol {
    Symbol::from(format!("S{row:03}"))
}

pub(crate) fn sector(name: &Listing) -> String {
    format!("sector {}", name.sector)
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}
