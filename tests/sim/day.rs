//! One trading day by its seed: a market, an account with a book in it, and what the cores upstream of risk would say.

use crate::dice::Dice;
use crate::net::State;
use crate::wire::{self, statement};
use exchange::{Exchange, ExchangeConfig, Market, NewOrder, OrderKind, SyntheticConfig};
use messages::{
    ActorId, Bars, Breakers, Date, Edge, Env, Envelope, ExecutionRules, Exposures, Features,
    HistoryRef, Limits, Member, Message, MessageId, ModelRef, Overnight, RiskRules, Scores,
    SessionOpened, Side, Style, Time, TimeInForce, Usd,
};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock};

const MINUTE: i64 = 60 * 1_000_000_000;
/// Markets that the days are taken from: each has sessions enough for many.
const MARKETS: u64 = 8;
const SESSIONS: usize = 48;

pub(crate) struct Day {
    /// Before the first message, with what was held overnight.
    pub(crate) exchange: Exchange,
    pub(crate) opened: SessionOpened,
    bars: Bars,
    features: Features,
    scores: Scores,
    pub(crate) start: Time,
    pub(crate) open: Time,
    pub(crate) close: Time,
    /// The market's n-th.
    session: usize,
    /// Activities that the venue lists and the opening holds.
    pub(crate) known: usize,
}

impl Day {
    /// `partial_fills`: see [`ExchangeConfig`].
    pub(crate) fn new(seed: u64, partial_fills: f64) -> Self {
        let mut dice = Dice::new(seed, 0);
        let market = market(seed % MARKETS);
        let session = 25 + dice.below(SESSIONS - 26);
        let sessions = market.calendar().sessions();
        let before = sessions[session - 1];
        let cash = Usd(1_000_000_000_000 + dice.below(2_000_000) as i64 * 1_000_000);
        let config = ExchangeConfig::new(cash, seed, Time(before.open.0 - 90 * MINUTE));
        let mut exchange =
            Exchange::new(market.clone(), ExchangeConfig { partial_fills, ..config });
        yesterday(&mut exchange, &market, session, before.open, &mut dice);
        Self::on(exchange, session, &mut dice)
    }

    /// The session after this one: with what is held then, and under the kill that is in force.
    pub(crate) fn next(&self, state: &State, seed: u64) -> Self {
        let mut dice = Dice::new(seed, 4);
        let mut day = Self::on(state.exchange.clone(), self.session + 1, &mut dice);
        let activities = state.booked.iter().map(|booked| booked.id.clone()).collect();
        day.opened.overnight = Some(Box::new(Overnight { activities, ..Overnight::default() }));
        day.opened.halted = state.latched();
        day.known = state.booked.len();
        day
    }

    fn on(mut exchange: Exchange, session: usize, dice: &mut Dice) -> Self {
        let market = exchange.market().clone();
        let sessions = market.calendar().sessions();
        let (before, today) = (sessions[session - 1], sessions[session]);
        let start = Time(today.open.0 - 90 * MINUTE);
        exchange.advance(start);
        drop(exchange.updates());
        let bars = market.bars()[session - 1].clone();
        let opened = opened(&exchange, &market, (before.date, today.date), dice);
        let features = features(&market, session, dice);
        let scores = scores(&features, dice);
        Self {
            exchange,
            opened,
            bars,
            features,
            scores,
            start,
            open: today.open,
            close: today.close,
            session,
            known: 0,
        }
    }

    /// Nothing held, and so many orders to come: of two names one is bought and one sold.
    pub(crate) fn small(orders: usize) -> Self {
        let mut day = Self::new(0, 0.0);
        let (market, start) = (day.exchange.market().clone(), day.start);
        let cash = Usd(1_000_000_000_000);
        day.exchange = Exchange::new(market, ExchangeConfig::new(cash, 0, start));
        day.opened.positions = Vec::new();
        (day.opened.cash, day.opened.equity) = (cash, cash);
        (day.opened.rules, day.opened.edge, day.opened.execution) = (None, None, None);
        for (row, eligible) in day.features.eligible.iter_mut().enumerate() {
            *eligible = row < orders;
        }
        for (row, score) in [(0, 1.0), (1, -1.0)] {
            day.scores.scores[row] = score;
        }
        // One alone in its sector, or two of different beta, can't be neutral and held.
        let sector = day.opened.universe[0].sector.clone();
        for member in &mut day.opened.universe {
            member.sector.clone_from(&sector);
        }
        day.features.exposures.beta = vec![1.0; day.features.symbols.len()].into();
        let limits = &mut day.opened.limits;
        (limits.net_max, limits.beta_max, limits.sector_net_max) = (1.0, 1.0, 1.0);
        day
    }

    /// The journal up to where risk takes over.
    pub(crate) fn morning(&self) -> Vec<Envelope> {
        let say = |id, body| Envelope { id, at: self.start, body };
        let opened = Message::SessionOpened(Box::new(self.opened.clone()));
        vec![
            say(MessageId::event(ActorId::Session, "opened"), opened),
            say(MessageId::event(ActorId::Ingest, "bars"), Message::Bars(self.bars.clone())),
            say(
                MessageId::answer(ActorId::Features, 2, 0),
                Message::Features(self.features.clone()),
            ),
            say(MessageId::answer(ActorId::Scoring, 3, 0), Message::Scores(self.scores.clone())),
        ]
    }
}

fn market(number: u64) -> Arc<Market> {
    static MADE: OnceLock<Mutex<BTreeMap<u64, Arc<Market>>>> = OnceLock::new();
    let mut made = MADE.get_or_init(Mutex::default).lock().expect("no test panics in here");
    let new = || {
        let symbols = 5 + (number as usize * 2) % 16;
        let config =
            SyntheticConfig { seed: number, symbols, sessions: SESSIONS, ..Default::default() };
        Arc::new(Market::synthetic(&config))
    };
    made.entry(number).or_insert_with(new).clone()
}

/// What is held when the day begins: long, short or nothing of each name.
fn yesterday(
    exchange: &mut Exchange,
    market: &Market,
    session: usize,
    open: Time,
    dice: &mut Dice,
) {
    for asset in market.equities() {
        let close = market.bars()[session - 2].row(&asset.symbol);
        let close = close.map_or(100.0, |row| market.bars()[session - 2].close[row]);
        let quantity = (dice.between(0.0, 150_000.0) / close) as i64;
        let side = if dice.once_in(2) { Side::Buy } else { Side::Sell };
        if dice.once_in(3) || quantity == 0 {
            continue;
        }
        let symbol = asset.symbol.clone();
        let order = NewOrder::simple(symbol, side, quantity, OrderKind::Market, TimeInForce::Opg);
        // Some names can't be sold short: then nothing is held of them.
        drop(exchange.submit(&order));
    }
    exchange.advance(open);
}

fn opened(
    exchange: &Exchange,
    market: &Market,
    (signal, session): (Date, Date),
    dice: &mut Dice,
) -> SessionOpened {
    let account = statement(exchange);
    let members: Vec<Member> = market.members();
    let rules = (!dice.once_in(3)).then(|| rules(dice));
    SessionOpened {
        run_id: "simulation".to_owned(),
        source: "simulation".to_owned(),
        universe: members,
        sectors_sha256: "s".to_owned(),
        config_sha256: "c".to_owned(),
        whitelist_sha256: "w".to_owned(),
        model: Some(ModelRef { id: "m".to_owned(), sha256: "m".to_owned() }),
        history: HistoryRef { through: signal, sessions: 1, sha256: "h".to_owned() },
        positions: account.positions,
        cash: account.cash,
        equity: account.equity,
        edge: rules.as_ref().map(|_| Edge { oof_ic: 0.5, horizon: 5 }),
        execution: rules.as_ref().filter(|_| dice.once_in(2)).map(|_| execution(dice)),
        marked: rules.is_some(),
        rules,
        ..SessionOpened::new(
            Env::Backtest,
            session,
            signal,
            Limits {
                gross: 0.9,
                gross_max: 1.4,
                name_max: 0.25,
                net_max: 0.2,
                beta_max: 0.3,
                sector_net_max: 0.3,
                adv_share_max: 0.02,
                order_max: 0.3,
            },
        )
    }
}

/// Of a sliced plan some targets are too much for a day.
fn execution(dice: &mut Dice) -> ExecutionRules {
    let sliced = dice.once_in(2);
    ExecutionRules {
        style: if sliced { Style::Sliced } else { Style::Auction },
        collar: 0.9,
        flatten_share: 0.1,
        participation: sliced.then(|| dice.between(0.02, 0.5)),
    }
}

/// Wide where the reference knows nothing of them: it has no gate.
fn rules(dice: &mut Dice) -> RiskRules {
    RiskRules {
        risk_aversion: dice.between(1.0, 10.0),
        turnover_max: 2.0,
        restricted: Vec::new(),
        shorts: true,
        not_shortable: Vec::new(),
        short_equity_min_usd: 2_000,
        order_max_usd: 10_000_000,
        collar: 0.9,
        orders_per_minute: 1_000,
        equity_left_min: 0.0,
        plan_multiple: 3.0,
        breakers: Breakers {
            day_loss: [0.5, 0.6, 0.7],
            drawdown: [0.5, 0.6, 0.7],
            rejects_in_a_row: 3,
        },
    }
}

fn features(market: &Market, session: usize, dice: &mut Dice) -> Features {
    let bars = &market.bars()[session - 1];
    let n = bars.symbols.len();
    let mut draw =
        |low: f64, high: f64| (0..n).map(|_| dice.between(low, high)).collect::<Vec<_>>();
    let exposures = Exposures {
        beta: draw(0.6, 1.5).into(),
        sigma_daily: draw(0.015, 0.03).into(),
        idio_daily: draw(0.01, 0.02).into(),
        adv: (0..n).map(|row| bars.close[row] * bars.volume[row]).collect::<Vec<_>>().into(),
        close: bars.close.clone(),
        factors: None,
    };
    Features {
        session: bars.session,
        symbols: bars.symbols.clone(),
        names: Vec::new(),
        whitelist_sha256: "w".to_owned(),
        values: Vec::new().into(),
        raw: Vec::new().into(),
        eligible: vec![true; n],
        exposures,
        guards: Vec::new(),
    }
}

fn scores(features: &Features, dice: &mut Dice) -> Scores {
    let score = |_| dice.between(-1.0, 1.0) as f32;
    Scores {
        session: features.session,
        symbols: features.symbols.clone(),
        scores: features.symbols.iter().map(score).collect::<Vec<_>>().into(),
        model_id: "m".to_owned(),
        model_sha256: "m".to_owned(),
        whitelist_sha256: "w".to_owned(),
        names: Vec::new(),
        contributions: Vec::new().into(),
        undecided: Vec::new(),
    }
}

/// Shares and cash of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Books {
    pub(crate) cash: i64,
    pub(crate) shares: BTreeMap<String, i64>,
}

impl Books {
    pub(crate) fn of(exchange: &Exchange) -> Self {
        let cash = wire::micros(exchange.account().cash);
        let held = exchange.positions().into_iter();
        let shares =
            held.map(|held| (held.symbol.to_string(), wire::shares(held.quantity).0)).collect();
        Self { cash, shares }
    }
}
