//! The states of an order, and everything that takes it from one to the next.

use super::admission::{Admitted, Purpose};
use super::exchange::Exchange;
use super::order::{ClassName, Event, Fill, OrderState, Status, TradeUpdate};
use super::orders::{Entry, Pending};
use super::refusal::Refusal;
use super::request::{NewOrder, OrderKind, PositionIntent, TimeInForce};
use messages::{Side, Time};
use rust_decimal::Decimal;

/// Days after which an order that is good till cancelled is cancelled by the venue.
const GTC_DAYS: i64 = 90;
const DAY: i64 = 86_400_000_000_000;

/// Something that was asked for and arrives later.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Due {
    Cancel(usize),
    /// `whole` is what both together are to fill.
    Replace {
        old: usize,
        new: usize,
        whole: Decimal,
    },
}

/// The state that `event` brings an order to. What has ended stays as it ended.
fn after(order: &OrderState, event: Event) -> Status {
    use Event as E;
    if matches!(event, E::OrderCancelRejected | E::OrderReplaceRejected) && !order.is_open() {
        return order.status;
    }
    assert!(order.is_open(), "{event} after {} of order {}", order.status, order.id);
    let working = if order.filled.is_zero() { Status::New } else { Status::PartiallyFilled };
    match event {
        E::Accepted => Status::Accepted,
        E::PendingNew => Status::PendingNew,
        E::New => Status::New,
        E::Held => Status::Held,
        E::PartialFill => Status::PartiallyFilled,
        E::Fill => Status::Filled,
        E::Canceled => Status::Canceled,
        E::Expired => Status::Expired,
        E::DoneForDay => Status::DoneForDay,
        E::Rejected => Status::Rejected,
        E::PendingCancel => Status::PendingCancel,
        E::PendingReplace => Status::PendingReplace,
        E::Replaced => Status::Replaced,
        E::OrderCancelRejected | E::OrderReplaceRejected => working,
        E::Restated => order.status,
        E::Stopped => Status::Stopped,
        E::Calculated => Status::Calculated,
        E::Suspended => Status::Suspended,
    }
}

impl Exchange {
    /// Places an order, or says in Alpaca's words why not.
    ///
    /// The answer is the order as it was taken. What happens to it from then on, perhaps at once, is
    /// told by [`Exchange::updates`].
    pub fn submit(&mut self, request: &NewOrder) -> Result<OrderState, Refusal> {
        let order = self.admit(request, Purpose::Order)?;
        Ok(self.place(order))
    }

    pub(super) fn place(&mut self, order: Admitted) -> OrderState {
        let at = self.take(order);
        let taken = self.snapshot(at);
        self.route(at);
        taken
    }

    fn take(&mut self, mut order: Admitted) -> usize {
        let exits = std::mem::take(&mut order.exits);
        let (asset, class) = (order.asset, order.class);
        let side = if class == ClassName::Oco { order.side } else { opposite(order.side) };
        let leg = Admitted {
            client_order_id: None,
            side,
            intent: PositionIntent::of(side, false),
            worst: Decimal::ZERO,
            ..order.clone()
        };
        let on = self.session_of(asset).is_some();
        let at = self.add(order, if on { Status::PendingNew } else { Status::Accepted }, None);
        for kind in exits {
            let leg = self.add(Admitted { kind, ..leg.clone() }, Status::Held, Some(at));
            self.orders.change(at, |entry| entry.legs.push(leg));
        }
        at
    }

    pub(super) fn add(&mut self, order: Admitted, status: Status, parent: Option<usize>) -> usize {
        let id = self.ids.next();
        let client_order_id = order.client_order_id.unwrap_or_else(|| self.ids.next());
        let info = &self.market.assets()[order.asset];
        let trails = matches!(order.kind, OrderKind::TrailingStop { .. });
        let mark = self.ledger.price(order.asset);
        self.submitted = self.now.max(Time(self.submitted.0.saturating_add(1)));
        let state = OrderState {
            id,
            client_order_id,
            asset: order.asset,
            symbol: info.symbol.clone(),
            crypto: info.is_crypto(),
            side: order.side,
            notional: order.notional,
            quantity: order.quantity.normalize(),
            kind: order.kind,
            time_in_force: order.time_in_force,
            class: order.class,
            extended_hours: order.extended_hours,
            intent: order.intent,
            status,
            filled: Decimal::ZERO,
            filled_value: Decimal::ZERO,
            high_water_mark: mark.filter(|_| trails),
            is_leg: parent.is_some(),
            legs: Vec::new(),
            replaces: None,
            replaced_by: None,
            created_at: self.submitted,
            submitted_at: self.submitted,
            updated_at: self.submitted,
            filled_at: None,
            canceled_at: None,
            expired_at: None,
            failed_at: None,
            replaced_at: None,
            expires_at: self.expiry(info.is_crypto(), order.time_in_force),
        };
        self.orders.add(Entry {
            state,
            working: false,
            triggered: false,
            passive: false,
            worst: order.worst,
            parent,
            legs: Vec::new(),
            pending: None,
            awaits: None,
        })
    }

    /// A close, unless the order ends by itself or never.
    fn expiry(&self, crypto: bool, time_in_force: TimeInForce) -> Option<Time> {
        let calendar = self.market.calendar();
        match time_in_force {
            TimeInForce::Day => Some(calendar.next_close(self.now)),
            TimeInForce::Gtc if !crypto => {
                Some(calendar.next_close(Time(self.now.0 + GTC_DAYS * DAY)))
            }
            _ => None,
        }
    }

    /// To the market if it is on; to the queue for its next open if not.
    pub(super) fn route(&mut self, at: usize) {
        if self.session_of(self.orders.get(at).state.asset).is_some() {
            self.arrive(at);
        } else {
            self.tell(at, Event::Accepted);
            self.end_if_immediate(at);
        }
    }

    /// It works from now on, and what is for now or never ends.
    pub(super) fn arrive(&mut self, at: usize) {
        self.start(at);
        self.meet_arrival(at);
        for leg in self.orders.get(at).legs.clone() {
            self.meet_arrival(leg);
        }
        self.end_if_immediate(at);
    }

    fn end_if_immediate(&mut self, at: usize) {
        let force = self.orders.get(at).state.time_in_force;
        if matches!(force, TimeInForce::Ioc | TimeInForce::Fok) {
            self.end(at, Event::Canceled);
        }
    }

    pub(super) fn can_start(&self, at: usize) -> bool {
        let entry = self.orders.get(at);
        !entry.working && entry.awaits.is_none() && entry.state.status != Status::Held
    }

    pub(super) fn start(&mut self, at: usize) {
        self.orders.change(at, |entry| entry.working = true);
        self.tell(at, Event::New);
    }

    /// Ends an order that is still open, and those that make no sense without it.
    pub(super) fn end(&mut self, at: usize, event: Event) {
        if !self.orders.is_open(at) {
            return;
        }
        self.tell(at, event);
        for leg in self.orders.get(at).legs.clone() {
            self.end(leg, event);
        }
        if let Some(sibling) = self.orders.sibling(at) {
            self.end(sibling, event);
        }
    }

    pub(super) fn tell_fill(&mut self, at: usize, fill: Fill) {
        let quantity = fill.quantity;
        if fill.leaves.is_zero() {
            self.record(at, Event::Fill, Some(fill));
            self.on_filled(at);
        } else {
            self.record(at, Event::PartialFill, Some(fill));
            self.on_part(at, quantity);
        }
    }

    /// An entry sets its exits to work, an exit ends the other one.
    fn on_filled(&mut self, at: usize) {
        if let Some(sibling) = self.orders.sibling(at) {
            self.end(sibling, Event::Canceled);
            return;
        }
        let mut legs = self.orders.get(at).legs.clone();
        legs.retain(|leg| self.orders.is_open(*leg));
        let Some(first) = legs.first().copied() else {
            return;
        };
        let leg = &self.orders.get(first).state;
        if self.free_quantity(leg.asset, Decimal::ZERO) < leg.quantity {
            // Other orders have sold what this one bought.
            for leg in legs {
                self.end(leg, Event::Canceled);
            }
            return;
        }
        self.start(first);
        for leg in legs {
            self.meet_arrival(leg);
        }
    }

    /// What one exit has filled the other one need not.
    fn on_part(&mut self, at: usize, quantity: Decimal) {
        let Some(sibling) = self.orders.sibling(at).filter(|other| self.orders.is_open(*other))
        else {
            return;
        };
        self.orders.change(sibling, |entry| {
            entry.state.quantity = (entry.state.quantity - quantity).normalize();
        });
        self.tell(sibling, Event::Restated);
    }

    pub(super) fn tell(&mut self, at: usize, event: Event) {
        self.record(at, event, None);
    }

    fn record(&mut self, at: usize, event: Event, execution: Option<Fill>) {
        let now = self.now;
        self.orders.change(at, |entry| {
            let order = &mut entry.state;
            order.status = after(order, event);
            // Orders of one instant are nanoseconds apart.
            let now = now.max(order.submitted_at);
            order.updated_at = now;
            match event {
                Event::Fill => order.filled_at = Some(now),
                Event::Canceled => order.canceled_at = Some(now),
                Event::Expired => order.expired_at = Some(now),
                Event::Rejected => order.failed_at = Some(now),
                Event::Replaced => order.replaced_at = Some(now),
                _ => {}
            }
        });
        let order = self.snapshot(at);
        self.update_count += 1;
        let number = self.update_count;
        self.updates.push(TradeUpdate { event, at: now, number, order, execution });
    }

    /// Cancels an open order, and what belongs to it. Cancelling twice is no error, as at Alpaca.
    pub fn cancel(&mut self, id: &str) -> Result<(), Refusal> {
        let unknown = || Refusal::not_found(format!("order not found for {id}"));
        let at = self.orders.place(id).ok_or_else(unknown)?;
        let entry = self.orders.get(at);
        let already =
            |status: Status| Refusal::invalid(format!("order is already in \"{status}\" state"));
        match (entry.state.status, entry.pending) {
            (Status::Canceled, _) => Ok(()),
            (status, _) if status.is_terminal() => Err(already(status)),
            (_, Some(Pending::Cancel)) => Ok(()),
            (_, Some(Pending::ReplaceBy(_))) => Err(already(Status::PendingReplace)),
            (Status::Held, _) => {
                self.end(at, Event::Canceled);
                Ok(())
            }
            _ => {
                self.cancel_later(at);
                Ok(())
            }
        }
    }

    fn cancel_later(&mut self, at: usize) {
        if self.config.lag == 0 {
            return self.end(at, Event::Canceled);
        }
        self.orders.change(at, |entry| entry.pending = Some(Pending::Cancel));
        self.tell(at, Event::PendingCancel);
        self.queue(Due::Cancel(at));
    }

    pub(super) fn queue(&mut self, due: Due) {
        let arrives = Time(self.now.0.saturating_add(self.config.lag));
        self.due.insert((arrives, self.update_count), due);
    }

    pub(super) fn on_due(&mut self, key: (Time, u64)) {
        match self.due.remove(&key).expect("it is its own key") {
            Due::Cancel(at) if self.orders.is_open(at) => self.end(at, Event::Canceled),
            Due::Cancel(at) => self.tell(at, Event::OrderCancelRejected),
            Due::Replace { old, new, whole } => self.carry_out_replacement(old, new, whole),
        }
    }
}

fn opposite(side: Side) -> Side {
    match side {
        Side::Buy => Side::Sell,
        Side::Sell => Side::Buy,
    }
}
