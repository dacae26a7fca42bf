//! The state of the exchange, and how time passes on it.

use super::account::{Closing, Ledger};
use super::asset::AssetClass;
use super::ids::{Ids, account_id};
use super::lifecycle::Due;
use super::market::Market;
use super::matching::{Meeting, Way};
use super::order::{Activity, Event, Fill, OrderState, TradeUpdate};
use super::orders::Orders;
use super::random::Random;
use super::request::{OrderFilter, Permissions, Scope, TimeInForce};
use costs::CostModel;
use messages::{Time, Usd};
use rust_decimal::Decimal;
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct ExchangeConfig {
    /// What the account starts with.
    pub cash: Usd,
    /// Of the ids, and of which fills are partial.
    pub seed: u64,
    /// Where the clock starts. Sessions before it are history.
    pub start: Time,
    pub costs: CostModel,
    /// Share of a session's volume that the account can get of one symbol.
    pub volume_share_max: f64,
    /// Of buying power: 1 (cash only), 2 (overnight margin) or 4 (intraday).
    pub multiplier: u8,
    /// Probability that an order that could fill whole gets a random part of it first (Alpaca's paper
    /// trading: 0.1).
    pub partial_fills: f64,
    /// Nanoseconds that a cancel or a replacement takes; see [`Exchange::set_lag`].
    pub lag: i64,
}

impl ExchangeConfig {
    pub fn new(cash: Usd, seed: u64, start: Time) -> Self {
        Self {
            cash,
            seed,
            start,
            costs: CostModel::default(),
            volume_share_max: 0.05,
            multiplier: 4,
            partial_fills: 0.0,
            lag: 0,
        }
    }
}

/// One account on one exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(super) market: Arc<Market>,
    pub(super) config: ExchangeConfig,
    pub(super) permissions: Permissions,
    pub(super) now: Time,
    pub(super) ids: Ids,
    pub(super) random: Random,
    pub(super) orders: Orders,
    /// Of the last order; no two share it, so that they can be listed by time.
    pub(super) submitted: Time,
    pub(super) ledger: Ledger,
    /// What was executed in the session that is on, by asset.
    pub(super) executed: BTreeMap<usize, Executed>,
    /// Cancels and replacements that are on their way, by when they arrive.
    pub(super) due: BTreeMap<(Time, u64), Due>,
    /// The last two closes.
    pub(super) closings: [Option<Closing>; 2],
    pub(super) updates: Vec<TradeUpdate>,
    pub(super) update_count: u64,
}

/// Of one symbol in one session: quantity against the volume limit, dollars for the impact.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Executed {
    pub(super) session: usize,
    pub(super) quantity: Decimal,
    pub(super) bought: f64,
    pub(super) sold: f64,
}

/// What happens next whatever anybody asks for.
enum Next {
    Open(usize),
    Close(usize),
    Due((Time, u64)),
}

impl Exchange {
    pub fn new(market: impl Into<Arc<Market>>, config: ExchangeConfig) -> Self {
        let market = market.into();
        let now = config.start;
        let cash = Decimal::new(config.cash.0, 6).normalize();
        let marks = (0..market.assets().len()).map(|asset| market.price(asset, now)).collect();
        Self {
            now,
            permissions: Permissions::default(),
            ids: Ids::new(config.seed),
            random: Random::new(config.seed, PARTIAL_FILLS),
            orders: Orders::default(),
            submitted: Time(i64::MIN),
            ledger: Ledger::new(cash, marks, market.equities().len()),
            executed: BTreeMap::new(),
            due: BTreeMap::new(),
            closings: [None; 2],
            updates: Vec::new(),
            update_count: 0,
            market,
            config,
        }
    }

    pub fn now(&self) -> Time {
        self.now
    }

    pub fn market(&self) -> &Arc<Market> {
        &self.market
    }

    pub fn account_id(&self) -> String {
        account_id(self.config.seed)
    }

    pub fn permissions(&self) -> &Permissions {
        &self.permissions
    }

    /// Holds for orders from now on.
    pub fn set_permissions(&mut self, permissions: Permissions) {
        self.permissions = permissions;
    }

    /// From now on a cancel or a replacement takes so many nanoseconds of the exchange's time: until
    /// then the order is `pending_cancel` or `pending_replace`, and may fill first. 0: at once.
    pub fn set_lag(&mut self, nanos: i64) {
        self.config.lag = nanos.max(0);
    }

    /// Passes everything that happens up to and including `to`, in order: ticks, then what was asked
    /// for and arrives at that instant, opens and closes. However time is cut, the same happens.
    ///
    /// # Panics
    /// If `to` is in the past.
    pub fn advance(&mut self, to: Time) {
        assert!(to >= self.now, "time goes back from {} to {}", self.now.0, to.0);
        while let Some((at, next)) = self.next().filter(|(at, _)| *at <= to) {
            self.walk(at);
            match next {
                Next::Open(session) => self.on_open(session),
                Next::Close(session) => self.on_close(session),
                Next::Due(key) => self.on_due(key),
            }
        }
        self.walk(to);
        self.look_at_positions();
    }

    fn next(&self) -> Option<(Time, Next)> {
        let calendar = self.market.calendar();
        let (opened, closed) = (calendar.opened_by(self.now), calendar.closed_by(self.now));
        let session = if opened > closed {
            Some((calendar.sessions()[closed].close, Next::Close(closed)))
        } else {
            calendar.sessions().get(opened).map(|session| (session.open, Next::Open(opened)))
        };
        let due = self.due.keys().next().map(|key| (key.0, Next::Due(*key)));
        match (session, due) {
            // What arrives at the instant of an open or a close is in time for it.
            (Some(session), Some(due)) => Some(if due.0 <= session.0 { due } else { session }),
            (session, due) => session.or(due),
        }
    }

    /// Lets the ticks up to and including `to` meet the orders that wait for them.
    fn walk(&mut self, to: Time) {
        while self.now < to {
            let end = to.min(Time(self.now.0.saturating_add(DAY)));
            let mut ticks = Vec::new();
            for asset in self.awaited() {
                let ticks_of = self.market.ticks(asset, self.now, end);
                ticks.extend(ticks_of.map(|tick| (tick.at, asset, tick.price)));
            }
            if ticks.is_empty() && end != to && self.orders.assets().next().is_none() {
                break;
            }
            ticks.sort_by_key(|(at, asset, _)| (*at, *asset));
            for (at, asset, price) in ticks {
                self.now = at;
                self.on_tick(asset, price);
            }
            self.now = end;
        }
        self.now = to;
    }

    /// Assets with an order that a tick may change something for, ascending.
    fn awaited(&self) -> Vec<usize> {
        let waits = |asset: &usize| {
            let mut orders = self.orders.open_of(*asset).map(|at| self.orders.get(at));
            orders.any(|entry| entry.working && !entry.state.time_in_force.waits_for_auction())
        };
        self.orders.assets().filter(waits).collect()
    }

    /// The auction is what happens to equities at the instant of the open; their tick of then is its
    /// echo.
    fn on_tick(&mut self, asset: usize, price: Decimal) {
        let info = &self.market.assets()[asset];
        let opens = |session: usize| self.market.calendar().sessions()[session].open == self.now;
        if !info.is_crypto() && self.market.calendar().session_at(self.now).is_some_and(opens) {
            return;
        }
        self.ledger.mark(asset, price);
        let orders: Vec<usize> = self.orders.open_of(asset).collect();
        for at in orders {
            self.meet_tick(at, price);
        }
    }

    fn on_open(&mut self, session: usize) {
        self.mark_equities(session, true);
        for at in self.orders.open() {
            if self.orders.is_open(at) && !self.orders.get(at).state.crypto {
                self.open_order(at, session);
            }
        }
    }

    fn open_order(&mut self, at: usize, session: usize) {
        let entry = self.orders.get(at);
        let (asset, force) = (entry.state.asset, entry.state.time_in_force);
        if self.can_start(at) {
            self.start(at);
        }
        if force == TimeInForce::Cls || !self.orders.is_open(at) {
            return;
        }
        if let Some(daily) = self.market.daily(asset, session) {
            self.meet(at, Meeting { price: daily.open, session, way: Way::Auction });
        }
        if force == TimeInForce::Opg {
            self.end(at, Event::Canceled);
        }
    }

    fn on_close(&mut self, session: usize) {
        for at in self.orders.open() {
            let order = &self.orders.get(at).state;
            let (asset, force) = (order.asset, order.time_in_force);
            if force == TimeInForce::Cls && !order.crypto && self.orders.is_open(at) {
                if let Some(daily) = self.market.daily(asset, session) {
                    self.meet(at, Meeting { price: daily.close, session, way: Way::Auction });
                }
                self.end(at, Event::Canceled);
            }
        }
        for at in self.orders.open() {
            if self.orders.get(at).state.expires_at.is_some_and(|expires| expires <= self.now) {
                self.end(at, Event::Expired);
            }
        }
        self.mark_equities(session, false);
        self.look_at_positions();
        let date = self.market.calendar().sessions()[session].date;
        self.closings = [self.closings[1], Some(self.ledger.closing(date))];
    }

    fn mark_equities(&mut self, session: usize, opening: bool) {
        for asset in 0..self.market.equities().len() {
            if let Some(daily) = self.market.daily(asset, session) {
                self.ledger.mark(asset, if opening { daily.open } else { daily.close });
            }
        }
    }

    /// Positions are worth what the last tick says.
    fn look_at_positions(&mut self) {
        for asset in self.ledger.held() {
            self.look(asset);
        }
    }

    /// At opens and closes all equities are marked; in between and around the clock one has to look.
    pub(super) fn look(&mut self, asset: usize) {
        if self.session_of(asset).is_some()
            && let Some(price) = self.market.price(asset, self.now)
        {
            self.ledger.mark(asset, price);
        }
    }

    /// The session of the asset's market that is on.
    pub(super) fn session_of(&self, asset: usize) -> Option<usize> {
        self.market.session_of(asset, self.now)
    }

    pub fn order(&self, id: &str) -> Option<OrderState> {
        self.orders.place(id).map(|at| self.snapshot(at))
    }

    pub fn order_by_client_id(&self, client_order_id: &str) -> Option<OrderState> {
        self.orders.place_of_client_id(client_order_id).map(|at| self.snapshot(at))
    }

    /// With its legs.
    pub(super) fn snapshot(&self, at: usize) -> OrderState {
        let entry = self.orders.get(at);
        let mut order = entry.state.clone();
        order.legs = entry.legs.iter().map(|leg| self.orders.get(*leg).state.clone()).collect();
        order
    }

    pub fn orders(&self, filter: &OrderFilter) -> Vec<OrderState> {
        let place = |id: &Option<String>| id.as_ref().map(|id| self.orders.place(id));
        let (after, before) = (place(&filter.after_order), place(&filter.before_order));
        // An id nobody knows bounds nothing in: there is no order behind or before it.
        let bounded = |at: &usize| {
            after.is_none_or(|bound| bound.is_some_and(|bound| *at > bound))
                && before.is_none_or(|bound| bound.is_some_and(|bound| *at < bound))
        };
        let takes = |at: &usize| {
            let entry = self.orders.get(*at);
            let parent = entry.parent.filter(|_| filter.nested).map(|at| self.orders.get(at));
            // A leg is inside of its order, if that is listed.
            filter.takes(&entry.state) && !parent.is_some_and(|entry| filter.takes(&entry.state))
        };
        let listed = |at: usize| {
            let order = self.snapshot(at);
            if filter.nested { order } else { OrderState { legs: Vec::new(), ..order } }
        };
        let places = (0..self.orders.count()).filter(bounded).filter(takes);
        let limit = filter.limit.unwrap_or(usize::MAX);
        if filter.ascending {
            places.take(limit).map(listed).collect()
        } else {
            places.rev().take(limit).map(listed).collect()
        }
    }

    /// Every execution so far, oldest first.
    pub fn fills(&self) -> impl DoubleEndedIterator<Item = &Fill> {
        self.activities().iter().filter_map(|activity| match activity {
            Activity::Fill(fill) => Some(fill),
            Activity::Fee(_) | Activity::Booking(_) => None,
        })
    }

    /// Everything that moved the account so far, oldest first.
    pub fn activities(&self) -> &[Activity] {
        &self.ledger.activities
    }

    /// What happened since this was last called, in order.
    pub fn updates(&mut self) -> Vec<TradeUpdate> {
        std::mem::take(&mut self.updates)
    }

    pub(super) fn class_calendar(&self, asset: usize) -> &super::calendar::Calendar {
        let crypto = self.market.assets()[asset].is_crypto();
        self.market.calendar_of(if crypto { AssetClass::Crypto } else { AssetClass::UsEquity })
    }
}

/// Stream of random numbers; those of the synthetic market count from 0.
const PARTIAL_FILLS: u64 = 1 << 40;
/// Ticks are walked a day at a time: that bounds memory.
const DAY: i64 = 86_400_000_000_000;

impl OrderFilter {
    fn takes(&self, order: &OrderState) -> bool {
        let in_scope = match self.scope {
            Scope::Open => order.is_open(),
            Scope::Closed => !order.is_open(),
            Scope::All => true,
        };
        in_scope
            && (self.symbols.is_empty() || self.symbols.contains(&order.symbol))
            && self.side.is_none_or(|side| side == order.side)
            && self.crypto.is_none_or(|crypto| crypto == order.crypto)
            && self.after.is_none_or(|after| order.submitted_at > after)
            && self.until.is_none_or(|until| order.submitted_at < until)
    }
}
