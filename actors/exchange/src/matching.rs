//! How an order that meets a price fills.

use super::admission::truncate;
use super::costs::{Fillable, against};
use super::exchange::{Exchange, Executed};
use super::order::{Activity, Event, Fee, Fill, OrderState, Status};
use super::orders::Entry;
use super::request::{OrderKind, TimeInForce};
use messages::Side;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Of what is received in a trade of coins: 25 basis points.
const COIN_FEE: Decimal = Decimal::from_parts(25, 0, 0, false, 4);

/// A price, and how an order comes upon it.
#[derive(Copy, Clone, Debug)]
pub(super) struct Meeting {
    pub(super) price: Decimal,
    pub(super) session: usize,
    pub(super) way: Way,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// At an open or a close.
    Auction,
    /// It arrives in a market that is on.
    Arrival,
    /// It was there before.
    Tick,
}

impl Exchange {
    pub(super) fn meet_tick(&mut self, at: usize, price: Decimal) {
        if let Some(session) = self.session_of(self.orders.get(at).state.asset) {
            self.meet(at, Meeting { price, session, way: Way::Tick });
        }
    }

    /// At the last price, if the asset's market is on.
    pub(super) fn meet_arrival(&mut self, at: usize) {
        let asset = self.orders.get(at).state.asset;
        if let Some(session) = self.session_of(asset) {
            self.look(asset);
            let price = self.mark_of(asset);
            self.meet(at, Meeting { price, session, way: Way::Arrival });
        }
    }

    /// Fills the order as far as stop, limit and volume allow; perhaps not at all.
    pub(super) fn meet(&mut self, at: usize, meeting: Meeting) {
        let force = self.orders.get(at).state.time_in_force;
        let early = force.waits_for_auction() && meeting.way != Way::Auction;
        if early || !self.orders.is_open(at) {
            return;
        }
        if self.orders.get(at).state.status == Status::Held {
            if !self.is_guard_reached(at, meeting) {
                return;
            }
            self.take_over(at);
        }
        let entry = self.orders.get(at);
        if !entry.working || entry.state.remaining().is_zero() {
            return;
        }
        self.follow(at, meeting.price);
        if !self.is_triggered(at, meeting.price) {
            return;
        }
        let rested = self.rested(at, meeting.price);
        match self.orders.get(at).state.kind.limit() {
            Some(limit) if rested && meeting.way == Way::Tick => {
                self.meet_resting(at, meeting, limit);
            }
            _ => self.meet_market(at, meeting),
        }
    }

    /// Whether it rested at its limit until it met this price. An order that was crossed before is for
    /// the market: its limit is only the worst that it takes.
    fn rested(&mut self, at: usize, price: Decimal) -> bool {
        let Entry { state, passive, .. } = self.orders.get(at);
        let crossed = |limit| is_worse(state.side, limit, price);
        let (rested, rests) = (*passive, !state.kind.limit().is_some_and(crossed));
        if rested != rests {
            self.orders.change(at, |entry| entry.passive = rests);
        }
        rested
    }

    /// The price as it is, with spread and impact, but no worse than a limit.
    fn meet_market(&mut self, at: usize, meeting: Meeting) {
        let order = &self.orders.get(at).state;
        let (asset, side, limit) = (order.asset, order.side, order.kind.limit());
        if limit.is_some_and(|limit| is_worse(side, meeting.price, limit)) {
            return;
        }
        let Some(liquidity) = self.market.liquidity_of(asset, meeting.session) else {
            return;
        };
        let quantity = self.fillable(at, meeting, meeting.price);
        if quantity.is_zero() {
            return;
        }
        let dollars = (meeting.price * quantity).to_f64().unwrap_or_default();
        let before = self.executed_in(asset, meeting.session);
        let before = if side == Side::Buy { before.bought } else { before.sold };
        let info = &self.market.assets()[asset];
        let fillable = Fillable {
            price: meeting.price,
            liquidity,
            auction: meeting.way == Way::Auction,
            coins: info.is_crypto(),
        };
        let bp = fillable.bp(&self.config.costs, before, dollars);
        let price = against(side, meeting.price, bp, fillable.decimals());
        let price = limit.map_or(price, |limit| no_worse(side, price, limit));
        self.fill(at, meeting, quantity, price, dollars);
    }

    /// A limit that waited fills at its price when the market trades through it.
    fn meet_resting(&mut self, at: usize, meeting: Meeting, limit: Decimal) {
        let order = &self.orders.get(at).state;
        let (asset, side) = (order.asset, order.side);
        if !is_worse(side, limit, meeting.price)
            || self.market.liquidity_of(asset, meeting.session).is_none()
        {
            return;
        }
        let quantity = self.fillable(at, meeting, limit);
        if !quantity.is_zero() {
            let dollars = (limit * quantity).to_f64().unwrap_or_default();
            self.fill(at, meeting, quantity, limit, dollars);
        }
    }

    /// What it can get of what it lacks; a random part of it where those are configured.
    fn fillable(&mut self, at: usize, meeting: Meeting, price: Decimal) -> Decimal {
        let order = &self.orders.get(at).state;
        let wanted = affordable(order, price).unwrap_or(order.remaining());
        let whole = !order.crypto && order.notional.is_none() && order.quantity.fract().is_zero();
        let obtainable = self.obtainable(order.asset, meeting.session).max(Decimal::ZERO);
        let quantity = wanted.min(obtainable);
        let quantity = if whole { quantity.floor() } else { quantity };
        let lasting = matches!(order.time_in_force, TimeInForce::Day | TimeInForce::Gtc);
        if order.time_in_force == TimeInForce::Fok && quantity < wanted {
            return Decimal::ZERO;
        }
        if lasting && self.config.partial_fills > 0.0 && meeting.way != Way::Auction {
            return self.random_part(quantity, whole);
        }
        quantity
    }

    fn random_part(&mut self, quantity: Decimal, whole: bool) -> Decimal {
        if self.random.uniform() >= self.config.partial_fills {
            return quantity;
        }
        let share = Decimal::new((self.random.uniform() * 1e6) as i64, 6);
        let part = if whole { (quantity * share).floor() } else { truncate(quantity * share) };
        if part.is_zero() { quantity } else { part }
    }

    /// What is left of the account's share of the session's volume.
    pub(super) fn obtainable(&self, asset: usize, session: usize) -> Decimal {
        let Some(daily) = self.market.daily(asset, session) else {
            return Decimal::ZERO;
        };
        let share = daily.volume.to_f64().unwrap_or_default() * self.config.volume_share_max;
        let limit = if self.market.assets()[asset].is_crypto() {
            truncate(Decimal::try_from(share).unwrap_or_default())
        } else {
            Decimal::from(share as i64)
        };
        limit - self.executed_in(asset, session).quantity
    }

    fn executed_in(&self, asset: usize, session: usize) -> Executed {
        let executed = self.executed.get(&asset).filter(|executed| executed.session == session);
        executed.copied().unwrap_or(Executed { session, ..Executed::default() })
    }

    /// `dollars` is the value that the impact of later orders counts from.
    fn fill(&mut self, at: usize, meeting: Meeting, most: Decimal, price: Decimal, dollars: f64) {
        let order = &self.orders.get(at).state;
        let (asset, side, crypto) = (order.asset, order.side, order.crypto);
        let affordable = affordable(order, price);
        let quantity = affordable.map_or(most, |affordable| affordable.min(most));
        let price = price.normalize();
        if quantity.is_zero() {
            return;
        }
        self.orders.change(at, |entry| {
            let order = &mut entry.state;
            // An order for dollars is for as much as they buy.
            if let Some(affordable) = affordable {
                order.quantity = (order.filled + affordable).normalize();
            }
            order.filled = (order.filled + quantity).normalize();
            order.filled_value += price * quantity;
        });
        let mut executed = self.executed_in(asset, meeting.session);
        executed.quantity += quantity;
        match side {
            Side::Buy => executed.bought += dollars,
            Side::Sell => executed.sold += dollars,
        }
        self.executed.insert(asset, executed);
        let mut fill = self.execution(at, quantity.normalize(), price);
        let fee = crypto.then(|| self.fee(&fill));
        let coins = fee.as_ref().map_or(Decimal::ZERO, |fee| fee.coins);
        fill.position = (fill.position - coins).normalize();
        self.ledger.book_activity(Activity::Fill(fill.clone()), price);
        if let Some(fee) = fee {
            self.ledger.book_activity(Activity::Fee(fee), price);
        }
        self.tell_fill(at, fill);
    }

    fn execution(&mut self, at: usize, quantity: Decimal, price: Decimal) -> Fill {
        let order = &self.orders.get(at).state;
        let change = quantity * Decimal::from(order.side.sign());
        Fill {
            id: self.ids.next(),
            order_id: order.id.clone(),
            asset: order.asset,
            symbol: order.symbol.clone(),
            side: order.side,
            quantity,
            price,
            cumulative: order.filled,
            leaves: order.remaining().normalize(),
            position: (self.ledger.book(order.asset).quantity + change).normalize(),
            at: self.now,
        }
    }

    /// A buyer pays in coins, a seller in dollars.
    fn fee(&mut self, fill: &Fill) -> Fee {
        let (coins, dollars) = match fill.side {
            Side::Buy => ((fill.quantity * COIN_FEE).round_dp(9), Decimal::ZERO),
            Side::Sell => (Decimal::ZERO, (fill.quantity * fill.price * COIN_FEE).round_dp(9)),
        };
        Fee {
            id: self.ids.next(),
            fill_id: fill.id.clone(),
            order_id: fill.order_id.clone(),
            asset: fill.asset,
            symbol: fill.symbol.clone(),
            coins: coins.normalize(),
            dollars: dollars.normalize(),
            price: fill.price,
            at: fill.at,
        }
    }

    /// A trailing stop takes the best price with it.
    fn follow(&mut self, at: usize, price: Decimal) {
        let order = &self.orders.get(at).state;
        if matches!(order.kind, OrderKind::TrailingStop { .. }) && !self.orders.get(at).triggered {
            let best = match (order.high_water_mark, order.side) {
                (None, _) => price,
                (Some(best), Side::Sell) => best.max(price),
                (Some(best), Side::Buy) => best.min(price),
            };
            self.orders.change(at, |entry| entry.state.high_water_mark = Some(best));
        }
    }

    /// An order without a stop always is; one with a stop from when it is reached.
    fn is_triggered(&mut self, at: usize, price: Decimal) -> bool {
        let entry = self.orders.get(at);
        let reached = |stop| is_reached(entry.state.side, price, stop);
        let triggered = entry.triggered || entry.state.stop().is_none_or(reached);
        if triggered && !entry.triggered {
            self.orders.change(at, |entry| entry.triggered = true);
        }
        triggered
    }

    /// A waiting stop whose sibling works.
    fn is_guard_reached(&self, at: usize, meeting: Meeting) -> bool {
        let order = &self.orders.get(at).state;
        let armed = self.orders.sibling(at).is_some_and(|other| self.orders.get(other).working);
        armed && order.stop().is_some_and(|stop| is_reached(order.side, meeting.price, stop))
    }

    /// The stop of a pair of exits takes the place of the other one.
    fn take_over(&mut self, at: usize) {
        if let Some(other) = self.orders.sibling(at).filter(|other| self.orders.is_open(*other)) {
            self.tell(other, Event::Canceled);
        }
        self.start(at);
    }
}

/// What is left of an order's dollars, in shares or coins; `None` if it was not placed for dollars. A
/// sale for dollars is for the quantity they came to when it was placed.
fn affordable(order: &OrderState, price: Decimal) -> Option<Decimal> {
    let notional = order.notional.filter(|_| order.side == Side::Buy)?;
    Some(truncate((notional - order.filled_value) / price).max(Decimal::ZERO))
}

/// Whether a trader on `side` would rather have `limit` than `price`.
fn is_worse(side: Side, price: Decimal, limit: Decimal) -> bool {
    match side {
        Side::Buy => price > limit,
        Side::Sell => price < limit,
    }
}

fn no_worse(side: Side, price: Decimal, limit: Decimal) -> Decimal {
    if is_worse(side, price, limit) { limit } else { price }
}

fn is_reached(side: Side, price: Decimal, stop: Decimal) -> bool {
    match side {
        Side::Buy => price >= stop,
        Side::Sell => price <= stop,
    }
}
