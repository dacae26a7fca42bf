//! What the venue says, as messages: the same ones whether it comes by the stream, as the answer to an
//! order, or when we ask. Pure.

use super::BrokerError;
use super::convert::{capped, present, price, shares, venue_side};
use super::desk::Desk;
use super::lifecycle::{Meaning, Standing, meaning, standing};
use super::tracked::Tracked;
use alpaca::model::{self, Activity, Status, TradeUpdate};
use messages::{
    ActorId, Alarm, Envelope, Filled, Message, MessageId, OrderStatus, Price, Shares, Time, Usd,
};

/// The largest whole price that an integer of micro-dollars holds.
const DOLLARS_MAX: i64 = i64::MAX / 1_000_000;

/// What to say to an event.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) say: Vec<Envelope>,
    /// More was filled than we have heard of: ask for the executions, then again for the order.
    pub(super) fills_missing: bool,
}

/// One execution, wherever it was read.
struct Execution {
    quantity: Shares,
    price: Price,
    cumulative: Shares,
    at: Time,
}

impl Desk {
    /// From the trade stream. Orders that are not this session's are ignored.
    pub(super) fn on_trade_update(&mut self, update: &TradeUpdate) -> Result<Told, BrokerError> {
        let Some(tracked) = self.orders.get_mut(&update.order.client_order_id) else {
            tracing::debug!(order = update.order.client_order_id, "not an order of this session");
            return Ok(Told::default());
        };
        let mut told = Told::default();
        match meaning(&update.event) {
            Meaning::State => {}
            Meaning::Execution => {
                tracked.accept(&update.order, &mut told)?;
                tracked.on_execution(&Execution::streamed(update)?, &mut told);
            }
            Meaning::StillThere => tracked.asked_back = false,
            Meaning::Undone(code) => tracked.undone(code, update, &mut told),
        }
        if !told.fills_missing {
            tracked.on_state(&update.order, Some(update.timestamp.0), &mut told)?;
        }
        self.heed(&told.say);
        Ok(told)
    }

    /// The order as an answer to a request shows it.
    pub(super) fn on_venue_order(&mut self, order: &model::Order) -> Result<Told, BrokerError> {
        let mut told = Told::default();
        if let Some(tracked) = self.orders.get_mut(&order.client_order_id) {
            // Whatever we asked for, it is open: the request was lost or refused.
            tracked.asked_back &= order.status == Status::PendingCancel;
            tracked.on_state(order, None, &mut told)?;
        }
        self.heed(&told.say);
        Ok(told)
    }

    /// Executions as the account lists them; those we know say nothing. They come oldest first, but
    /// those of one moment may come in any order: so again, until nothing follows any more.
    pub(super) fn on_activities(
        &mut self,
        fills: &[Activity],
    ) -> Result<Vec<Envelope>, BrokerError> {
        let mut told = Told::default();
        loop {
            let known = told.say.len();
            for fill in fills {
                let order_id = fill.order_id.as_deref().unwrap_or_default();
                if let Some(tracked) = self.by_venue_id(order_id) {
                    tracked.on_execution(&Execution::listed(fill)?, &mut told);
                }
            }
            if told.say.len() == known {
                self.heed(&told.say);
                return Ok(told.say);
            }
        }
    }

    /// An alarm of our own counts at once, not only when the journal brings it back.
    fn heed(&mut self, say: &[Envelope]) {
        for Envelope { at, body, .. } in say {
            if let Message::Alarm(alarm) = body {
                self.on_alarm(*at, alarm);
            }
        }
    }
}

impl Tracked {
    /// Acceptance, then the end if there is one: but not before every fill is known.
    fn on_state(
        &mut self,
        order: &model::Order,
        at: Option<Time>,
        told: &mut Told,
    ) -> Result<(), BrokerError> {
        if order.status != Status::Rejected {
            self.accept(order, told)?;
        }
        let filled = capped(order.filled_qty, i64::MAX);
        let filled = shares(filled, &format!("filled_qty of {}", order.client_order_id))?;
        let stamp = || at.or(order.updated_at.map(|stamp| stamp.0));
        if filled > self.order.quantity {
            let known = stamp().or(order.created_at.map(|stamp| stamp.0));
            let at = present(known, &format!("updated_at of {}", order.client_order_id))?;
            self.doubt(filled, at, "", told);
        }
        self.lacks_fills = filled > self.filled && self.impossible.is_empty();
        if self.lacks_fills {
            told.fills_missing = true;
            return Ok(());
        }
        if let Some((status, reason)) = end_of(order).filter(|_| self.ended.is_none()) {
            let known = ended_at(order, status).or_else(stamp);
            let at = present(known, &format!("the time of the end of {}", order.client_order_id))?;
            self.venue_id.get_or_insert_with(|| order.id.clone());
            told.say.push(self.end(status, at, reason));
        }
        self.over |= order.status.is_terminal();
        Ok(())
    }

    /// The venue has it: said once, before anything else of it.
    fn accept(&mut self, order: &model::Order, told: &mut Told) -> Result<(), BrokerError> {
        self.agree(order)?;
        if self.venue_id.is_some() {
            return Ok(());
        }
        let created = order.created_at.or(order.submitted_at);
        let at = present(created, &format!("created_at of {}", order.client_order_id))?.0;
        self.venue_id = Some(order.id.clone());
        // An order that we had given up as unsent has ended; its fills still count.
        if self.ended.is_none() {
            told.say.push(self.updated(OrderStatus::Accepted, at, None));
        }
        Ok(())
    }

    /// What the venue has under our id is what we ordered.
    fn agree(&self, theirs: &model::Order) -> Result<(), BrokerError> {
        let ours = &self.order;
        let conflict = |field, theirs: String, ours: String| {
            let client_order_id = self.order.client_order_id.clone();
            Err(BrokerError::Conflict { client_order_id, field, theirs, ours })
        };
        if theirs.symbol != ours.symbol.as_str() {
            return conflict("symbol", theirs.symbol.clone(), ours.symbol.to_string());
        }
        if theirs.side != venue_side(ours.side) {
            return conflict("side", theirs.side.to_string(), ours.side.to_string());
        }
        if theirs.qty != Some(ours.quantity.0.into()) {
            let qty = theirs.qty.map_or_else(|| "none".to_owned(), |qty| qty.to_string());
            return conflict("quantity", qty, ours.quantity.0.to_string());
        }
        match &self.venue_id {
            Some(id) if *id != theirs.id => conflict("id", theirs.id.clone(), id.clone()),
            _ => Ok(()),
        }
    }

    fn on_execution(&mut self, execution: &Execution, told: &mut Told) {
        if execution.cumulative <= self.filled {
            return;
        }
        let said = self.filled_message(execution);
        let Message::Filled(fill) = &said.body else { unreachable!("it is a fill") };
        if execution.cumulative > self.order.quantity || !fill.is_well_formed() {
            let price = format!(", {} at {}", execution.quantity.0, execution.price);
            self.doubt(execution.cumulative, execution.at, &price, told);
            return;
        }
        if execution.cumulative - execution.quantity != self.filled {
            // What is missing is what can't be: asking again does not help.
            self.lacks_fills = self.impossible.is_empty();
            told.fills_missing |= self.lacks_fills;
            return;
        }
        self.filled = execution.cumulative;
        told.say.push(said);
        self.end_if_whole();
    }

    /// An execution that can't be true is nobody's fill. It stops the session, and as nothing that
    /// the venue says of this order counts any more, the order is over for everybody else.
    fn doubt(&mut self, cumulative: Shares, at: Time, paid: &str, told: &mut Told) {
        if !self.impossible.insert(cumulative) {
            return;
        }
        let messages::Order { client_order_id, symbol, quantity, .. } = self.order.clone();
        let claim = format!("the venue claims {} of {} filled{paid}", cumulative.0, quantity.0);
        let detail = format!(
            "{client_order_id}: {claim}: compare the account's activities with the journal before \
             anything else is traded"
        );
        let code = "IMPOSSIBLE_FILL".to_owned();
        let key = format!("impossible.{client_order_id}.{}", cumulative.0);
        let id = MessageId::event(ActorId::Broker, key);
        let body = Message::Alarm(Alarm { code, detail, symbol: Some(symbol) });
        told.say.push(Envelope { id, at, body });
        if self.ended.is_none() {
            let reason = Some(format!("IMPOSSIBLE_FILL {claim}"));
            told.say.push(self.end(OrderStatus::Canceled, at, reason));
        }
    }

    /// Our books hold an execution that the venue takes back: nobody knows any more what is held.
    fn undone(&mut self, code: &str, update: &TradeUpdate, told: &mut Told) {
        let messages::Order { client_order_id, symbol, .. } = self.order.clone();
        let which = update.execution_id.clone().unwrap_or_else(|| update.timestamp.0.0.to_string());
        if !self.undone.insert(which.clone()) {
            return;
        }
        let detail = format!(
            "{client_order_id}: the venue takes execution {which} back or changes it: compare the account's activities \
             with the journal before anything else is traded"
        );
        let id = MessageId::event(ActorId::Broker, format!("undone.{client_order_id}.{which}"));
        let body = Message::Alarm(Alarm { code: code.to_owned(), detail, symbol: Some(symbol) });
        told.say.push(Envelope { id, at: update.timestamp.0, body });
    }

    fn filled_message(&self, execution: &Execution) -> Envelope {
        let messages::Order { client_order_id, symbol, side, quantity: ordered, .. } =
            self.order.clone();
        let Execution { quantity, price, cumulative, at } = *execution;
        let key = format!("fill.{client_order_id}.{}", cumulative.0);
        let complete = cumulative >= ordered;
        let rounding = Usd(0);
        let body = Filled {
            client_order_id,
            symbol,
            side,
            quantity,
            price,
            cumulative,
            complete,
            rounding,
        };
        Envelope { id: MessageId::event(ActorId::Broker, key), at, body: Message::Filled(body) }
    }
}

impl Execution {
    fn streamed(update: &TradeUpdate) -> Result<Self, BrokerError> {
        let of = |field: &str| format!("{field} of a fill of {}", update.order.client_order_id);
        Self::new(update.qty, update.price, Some(update.order.filled_qty), update.timestamp.0, of)
    }

    fn listed(fill: &Activity) -> Result<Self, BrokerError> {
        let of = |field: &str| format!("{field} of activity {}", fill.id);
        let at = present(fill.transaction_time, &of("transaction_time"))?.0;
        Self::new(fill.qty, fill.price, fill.cum_qty, at, of)
    }

    fn new(
        quantity: Option<model::Amount>,
        paid: Option<model::Amount>,
        cumulative: Option<model::Amount>,
        at: Time,
        of: impl Fn(&str) -> String,
    ) -> Result<Self, BrokerError> {
        // Absurd sizes are capped, not refused: they are judged as fills (see `doubt`).
        let count = |amount, field: &str| {
            shares(capped(present(amount, &of(field))?, i64::MAX), &of(field))
        };
        let quantity = count(quantity, "qty")?;
        let cumulative = count(cumulative, "cumulative quantity")?;
        if quantity.0 <= 0 {
            let (what, value) = (of("qty"), quantity.0.to_string());
            let why = "an execution has a positive quantity";
            return Err(BrokerError::NotRepresentable { what, value, why });
        }
        let paid = capped(present(paid, &of("price"))?, DOLLARS_MAX);
        let price = price(paid, &of("price"))?;
        Ok(Self { quantity, price, cumulative, at })
    }
}

/// How an order ended short of its quantity; `None` while it may still fill, or if it filled whole.
fn end_of(order: &model::Order) -> Option<(OrderStatus, Option<String>)> {
    let Standing::Ended(status, reason) = standing(&order.status) else { return None };
    let by = order.replaced_by.as_ref().filter(|_| order.status == Status::Replaced);
    let by = by.map_or_else(String::new, |by| format!(", by {by}"));
    Some((status, reason.map(|reason| format!("{reason}{by}"))))
}

fn ended_at(order: &model::Order, status: OrderStatus) -> Option<Time> {
    let stamp = match status {
        OrderStatus::Canceled => order.canceled_at.or(order.replaced_at),
        OrderStatus::Expired => order.expired_at,
        OrderStatus::Rejected => order.failed_at,
        OrderStatus::Accepted | OrderStatus::Filled => None,
    };
    stamp.map(|stamp| stamp.0)
}
