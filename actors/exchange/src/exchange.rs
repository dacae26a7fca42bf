//! The state of the exchange, and how time passes on it.

use super::account::Book;
use super::ids::{Ids, account_id};
use super::market::Market;
use super::order::{
    Event, Fill, NewOrder, OrderFilter, OrderState, Refusal, Scope, Status, TradeUpdate,
};
use costs::CostModel;
use messages::{Date, Price, Side, Time, TimeInForce, Usd};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct ExchangeConfig {
    /// What the account starts with.
    pub cash: Usd,
    /// Of the ids.
    pub seed: u64,
    /// Where the clock starts. Sessions before it are history.
    pub start: Time,
    pub costs: CostModel,
    /// Share of a session's volume that the account can get of one symbol.
    pub volume_share_max: f64,
    /// Positions and open orders together, in multiples of equity.
    pub leverage_max: i64,
}

impl ExchangeConfig {
    pub fn new(cash: Usd, seed: u64, start: Time) -> Self {
        let costs = CostModel::default();
        Self { cash, seed, start, costs, volume_share_max: 0.05, leverage_max: 4 }
    }
}

/// One account on one exchange.
#[derive(Clone, Debug)]
pub struct Exchange {
    pub(super) market: Arc<Market>,
    pub(super) config: ExchangeConfig,
    pub(super) now: Time,
    pub(super) ids: Ids,
    /// In the order they were placed; `by_id`, `by_client_id` and `open` hold places in it.
    pub(super) orders: Vec<Entry>,
    by_id: BTreeMap<String, usize>,
    pub(super) by_client_id: BTreeMap<String, usize>,
    pub(super) open: BTreeSet<usize>,
    pub(super) cash: Usd,
    /// By place in the market's assets; never flat.
    pub(super) books: BTreeMap<usize, Book>,
    /// Last price, by place in the market's assets.
    pub(super) marks: Vec<Option<Price>>,
    /// What was executed in the session that is on, by asset.
    pub(super) executed: BTreeMap<usize, Executed>,
    /// Equity at the last two closes.
    pub(super) closing_equity: [Option<(Date, Usd)>; 2],
    fills: Vec<Fill>,
    updates: Vec<TradeUpdate>,
    update_count: u64,
}

/// An order and where its asset is found.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) state: OrderState,
    pub(super) asset: usize,
}

/// Of one symbol in one session: shares against the volume limit, dollars for the impact.
#[derive(Copy, Clone, Debug, Default)]
pub(super) struct Executed {
    pub(super) shares: i64,
    pub(super) bought: f64,
    pub(super) sold: f64,
}

impl Exchange {
    pub fn new(market: impl Into<Arc<Market>>, config: ExchangeConfig) -> Self {
        let market = market.into();
        let now = config.start;
        let mut exchange = Self {
            now,
            ids: Ids::new(config.seed),
            cash: config.cash,
            marks: vec![None; market.assets().len()],
            market,
            config,
            orders: Vec::new(),
            by_id: BTreeMap::new(),
            by_client_id: BTreeMap::new(),
            open: BTreeSet::new(),
            books: BTreeMap::new(),
            executed: BTreeMap::new(),
            closing_equity: [None; 2],
            fills: Vec::new(),
            updates: Vec::new(),
            update_count: 0,
        };
        exchange.mark_from_history();
        exchange
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

    /// Passes every open and close up to and including `to`, in order.
    ///
    /// # Panics
    /// If `to` is in the past.
    pub fn advance(&mut self, to: Time) {
        assert!(to >= self.now, "time goes back from {} to {}", self.now.0, to.0);
        while let Some((at, session, opens)) = self.next_event().filter(|event| event.0 <= to) {
            self.now = at;
            if opens { self.on_open(session) } else { self.on_close(session) }
        }
        self.now = to;
    }

    /// When, which session, and whether it opens.
    fn next_event(&self) -> Option<(Time, usize, bool)> {
        let calendar = self.market.calendar();
        let (opened, closed) = (calendar.opened_by(self.now), calendar.closed_by(self.now));
        if opened > closed {
            return Some((calendar.sessions()[closed].close, closed, false));
        }
        calendar.sessions().get(opened).map(|session| (session.open, opened, true))
    }

    fn on_open(&mut self, session: usize) {
        self.executed.clear();
        self.mark_session(session, true);
        for at in self.open_orders() {
            self.tell(at, Event::New);
            self.meet_open(at, session, true);
            if self.orders[at].state.time_in_force == TimeInForce::Opg {
                self.end(at, Event::Canceled);
            }
        }
    }

    fn on_close(&mut self, session: usize) {
        for at in self.open_orders() {
            self.meet_range(at, session);
            self.end(at, Event::Expired);
        }
        self.mark_session(session, false);
        let date = self.market.calendar().sessions()[session].date;
        self.closing_equity = [self.closing_equity[1], Some((date, self.equity()))];
    }

    /// Places an order, or says in Alpaca's words why not: unknown symbol; a client order id used
    /// before; a price finer than a tick; `opg` between 09:28 and 19:00 of a session's day; more than
    /// the position holds in the direction that closes it (to reverse: close, then open); an order in
    /// the other direction is open; not enough buying power.
    ///
    /// The answer is the order as it was taken. What happens to it from then on, perhaps at once, is
    /// told by [`Exchange::updates`].
    pub fn submit(&mut self, request: NewOrder) -> Result<OrderState, Refusal> {
        let admitted = self.admit(&request)?;
        let session = self.market.calendar().session_at(self.now);
        let at = self.take(request, admitted.asset, admitted.opens, session.is_some());
        let taken = self.orders[at].state.clone();
        let event = if session.is_some() { Event::New } else { Event::Accepted };
        self.tell(at, event);
        if let Some(session) = session {
            self.meet_open(at, session, false);
        }
        if taken.time_in_force == TimeInForce::Ioc {
            self.end(at, Event::Canceled);
        }
        Ok(taken)
    }

    /// Cancels an open order at once. Cancelling twice is no error, as at Alpaca.
    pub fn cancel(&mut self, id: &str) -> Result<(), Refusal> {
        let unknown = || Refusal::not_found(format!("order not found for {id}"));
        let at = *self.by_id.get(id).ok_or_else(unknown)?;
        match self.orders[at].state.status {
            Status::Canceled => {}
            status @ (Status::Filled | Status::Expired) => {
                return Err(Refusal::invalid(format!("order is already in \"{status}\" state")));
            }
            _ => self.end(at, Event::Canceled),
        }
        Ok(())
    }

    /// Cancels whatever is open; their ids, oldest first.
    pub fn cancel_all(&mut self) -> Vec<String> {
        let open = self.open_orders();
        for at in &open {
            self.end(*at, Event::Canceled);
        }
        open.iter().map(|at| self.orders[*at].state.id.clone()).collect()
    }

    pub fn order(&self, id: &str) -> Option<&OrderState> {
        self.by_id.get(id).map(|at| &self.orders[*at].state)
    }

    pub fn order_by_client_id(&self, client_order_id: &str) -> Option<&OrderState> {
        self.by_client_id.get(client_order_id).map(|at| &self.orders[*at].state)
    }

    pub fn orders(&self, filter: &OrderFilter) -> Vec<&OrderState> {
        let place = |id: &Option<String>| id.as_ref().map(|id| self.by_id.get(id).copied());
        let (after, before) = (place(&filter.after_order), place(&filter.before_order));
        // An id nobody knows bounds nothing in: there is no order behind or before it.
        let bounded = |at: &usize| {
            after.is_none_or(|bound| bound.is_some_and(|bound| *at > bound))
                && before.is_none_or(|bound| bound.is_some_and(|bound| *at < bound))
        };
        let matching = |at: usize| Some(&self.orders[at].state).filter(|order| filter.takes(order));
        let places = (0..self.orders.len()).filter(bounded);
        let limit = filter.limit.unwrap_or(usize::MAX);
        if filter.ascending {
            places.filter_map(matching).take(limit).collect()
        } else {
            places.rev().filter_map(matching).take(limit).collect()
        }
    }

    /// Every execution so far, oldest first.
    pub fn fills(&self) -> &[Fill] {
        &self.fills
    }

    /// What happened since this was last called, in order.
    pub fn updates(&mut self) -> Vec<TradeUpdate> {
        std::mem::take(&mut self.updates)
    }

    pub(super) fn open_orders(&self) -> Vec<usize> {
        self.open.iter().copied().collect()
    }

    fn take(&mut self, request: NewOrder, asset: usize, opens: bool, session_on: bool) -> usize {
        let at = self.orders.len();
        let id = self.ids.next();
        let client_order_id = request.client_order_id.unwrap_or_else(|| self.ids.next());
        let calendar = self.market.calendar();
        let expires_at = calendar.next_close(self.now);
        let state = OrderState {
            asset_id: self.market.assets()[asset].id.clone(),
            status: if session_on { Status::PendingNew } else { Status::Accepted },
            symbol: request.symbol,
            side: request.side,
            quantity: request.quantity,
            kind: request.kind,
            time_in_force: request.time_in_force,
            opens,
            filled: messages::Shares(0),
            filled_value: Usd(0),
            created_at: self.now,
            updated_at: self.now,
            filled_at: None,
            canceled_at: None,
            expired_at: None,
            expires_at: (request.time_in_force == TimeInForce::Day).then_some(expires_at),
            id,
            client_order_id,
        };
        self.by_id.insert(state.id.clone(), at);
        self.by_client_id.insert(state.client_order_id.clone(), at);
        self.open.insert(at);
        self.orders.push(Entry { state, asset });
        at
    }

    /// Ends an order that is still open; nothing if it is not.
    fn end(&mut self, at: usize, event: Event) {
        if self.open.contains(&at) {
            self.tell(at, event);
        }
    }

    pub(super) fn tell(&mut self, at: usize, event: Event) {
        self.record(at, event, None);
    }

    pub(super) fn tell_fill(&mut self, at: usize, fill: Fill) {
        let event = if fill.leaves.0 == 0 { Event::Fill } else { Event::PartialFill };
        self.fills.push(fill.clone());
        self.record(at, event, Some(fill));
    }

    fn record(&mut self, at: usize, event: Event, execution: Option<Fill>) {
        let order = &mut self.orders[at].state;
        order.updated_at = self.now;
        match event {
            Event::Accepted => order.status = Status::Accepted,
            Event::New => order.status = Status::New,
            Event::PartialFill => order.status = Status::PartiallyFilled,
            Event::Fill => (order.status, order.filled_at) = (Status::Filled, Some(self.now)),
            Event::Canceled => {
                (order.status, order.canceled_at) = (Status::Canceled, Some(self.now));
            }
            Event::Expired => (order.status, order.expired_at) = (Status::Expired, Some(self.now)),
        }
        if !order.is_open() {
            self.open.remove(&at);
        }
        self.update_count += 1;
        let (order, number) = (order.clone(), self.update_count);
        self.updates.push(TradeUpdate { event, at: self.now, number, order, execution });
    }
}

impl OrderFilter {
    fn takes(&self, order: &OrderState) -> bool {
        let in_scope = match self.scope {
            Scope::Open => order.is_open(),
            Scope::Closed => !order.is_open(),
            Scope::All => true,
        };
        in_scope
            && (self.symbols.is_empty() || self.symbols.contains(&order.symbol))
            && self.side.is_none_or(|side: Side| side == order.side)
            && self.after.is_none_or(|after| order.created_at > after)
            && self.until.is_none_or(|until| order.created_at < until)
    }
}
