//! A trading day without a network: the same cores over a journal in memory, with the matching core of
//! the simulated venue driven directly. It plays the parts that gateways and conductor play over NATS,
//! and says their messages in their words.

use crate::conductor::Day;
use crate::failure::{Failure, fail};
use crate::opening::{Account, Opening};
use crate::wiring::{CORES, Files, core};
use exchange::{Event, Exchange};
use kernel::{Observer, Simulation};
use messages::{
    AccountReported, ActorId, Bars, Envelope, Filled, Holding, KillLevel, Message, MessageId,
    ModelRef, Order, OrderStatus, OrderUpdated, Outcome, Phase, PhaseBegan, Price, ScoresBefore,
    SessionClosed, Shares, Tick, Time, Usd,
};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const MINUTE: i64 = 60 * 1_000_000_000;

/// One session on the way through the actors.
pub struct Replay<'a> {
    exchange: &'a mut Exchange,
    simulation: Simulation,
    /// Entries whose consequences outside the journal have been carried out.
    carried_out: usize,
    /// What the conductor would latch, and the entries that it has seen.
    latch: risk::Latch,
    latched: Option<KillLevel>,
    seen: usize,
}

/// A session's journal, and how it ended.
pub struct Played {
    pub journal: Vec<Envelope>,
    pub outcome: Outcome,
}

/// `bars`: everything stored up to and including the signal session. `peak` and
/// `scored`: the highest equity of the sessions before, and what models said in them.
pub fn play(
    day: Day,
    opening: &Opening,
    (model, peak, scored): (Option<&ModelRef>, Option<Usd>, Option<ScoresBefore>),
    bars: &[Bars],
    files: &dyn Files,
    exchange: &mut Exchange,
    observer: &mut dyn Observer,
) -> Result<Played, Failure> {
    exchange.advance(day.start);
    let account = statement(exchange);
    let account = Account {
        positions: account.positions,
        cash: account.cash,
        equity: account.equity,
        peak,
        scored,
        overnight: None,
    };
    let opened = opening.message(&day, bars, account, model.cloned(), None)?;
    let built: Result<Vec<_>, _> =
        CORES.into_iter().map(|actor| core(actor, &opened, files)).collect();
    let simulation = Simulation::new(built.map_err(|error| fail(error.to_string()))?);
    let mut replay = Replay {
        exchange,
        simulation,
        carried_out: 0,
        latch: risk::Latch::default(),
        latched: None,
        seen: 0,
    };
    replay.say(ActorId::Session, "opened", day.start, Message::SessionOpened(Box::new(opened)));
    replay.bars(day, opening, bars);
    let outcome = replay.trade(day)?;
    let closed = Message::SessionClosed(SessionClosed { outcome: outcome.clone() });
    replay.say(ActorId::Session, "closed", day.close, closed);
    let journal: Vec<Envelope> = replay.simulation.since(0).cloned().collect();
    for (entry, position) in journal.iter().zip(1..) {
        observer.see(position, entry)?;
    }
    Ok(Played { journal, outcome })
}

impl Replay<'_> {
    fn say(&mut self, author: ActorId, key: &str, at: Time, body: Message) {
        self.simulation.post(Envelope { id: MessageId::event(author, key), at, body });
    }

    fn bars(&mut self, day: Day, opening: &Opening, bars: &[Bars]) {
        let at = bars.partition_point(|bars| bars.session < day.signal_session);
        let none = Bars::empty(day.signal_session);
        let today = bars.get(at).filter(|bars| bars.session == day.signal_session).unwrap_or(&none);
        let before: Vec<&Bars> = bars[..at].iter().collect();
        let events = &opening.events;
        let (members, _) = opening.universe.on(day.signal_session);
        let body = match ingest::coverage::check(&members, today, &before, events) {
            Ok(()) => Message::Bars(today.clone()),
            Err(failed) => Message::CoverageFailed(failed),
        };
        self.say(ActorId::Ingest, "bars", day.start, body);
    }

    fn trade(&mut self, day: Day) -> Result<Outcome, Failure> {
        if let Some(failed) = self.find(|body| matches!(body, Message::CoverageFailed(_))) {
            return Ok(Outcome::Stopped { reason: format!("coverage: {failed}") });
        }
        self.carry_out();
        self.expect("OrdersWorking", |body| matches!(body, Message::OrdersWorking(_)))?;
        self.exchange.advance(day.open);
        let began = |phase| Message::PhaseBegan(PhaseBegan { phase });
        self.say(ActorId::Session, "open", day.open, began(Phase::Open));
        self.carry_out();
        self.minutes(day);
        self.exchange.advance(day.close);
        self.say(ActorId::Session, "close", day.close, began(Phase::Close));
        self.carry_out();
        self.expect("OrdersDone", |body| matches!(body, Message::OrdersDone(_)))?;
        let account = Message::AccountReported(statement(self.exchange));
        self.say(ActorId::Broker, "account", day.close, account);
        if let Some(alarm) = self.find(|body| matches!(body, Message::Alarm(_))) {
            return Ok(Outcome::Stopped { reason: alarm });
        }
        self.expect("DayReported", |body| matches!(body, Message::DayReported(_)))?;
        Ok(Outcome::Traded)
    }

    /// As long as execution waits for them, and the market is open.
    fn minutes(&mut self, day: Day) {
        for minute in 1.. {
            let at = Time(day.open.0 + i64::from(minute) * MINUTE);
            if at >= day.close || !self.is_resting() {
                return;
            }
            self.exchange.advance(at);
            let tick = Message::Tick(Tick { minute });
            self.say(ActorId::Session, &format!("tick.{minute}"), at, tick);
            self.carry_out();
        }
    }

    /// Execution's last word is that more will follow.
    fn is_resting(&self) -> bool {
        let said = |entry: &Envelope| match &entry.body {
            Message::OrdersWorking(_) => Some(true),
            Message::OrdersDone(_) => Some(false),
            _ => None,
        };
        self.simulation.since(0).filter_map(said).next_back().unwrap_or(false)
    }

    /// A breaker that trips is a kill, as the conductor makes it one.
    fn latch(&mut self) {
        for entry in self.simulation.since(self.seen) {
            self.latch.see(entry);
        }
        self.seen = self.simulation.journal().len();
        let kill = self.latch.kill().filter(|kill| self.latched < Some(kill.level)).cloned();
        if let Some(kill) = kill {
            self.latched = Some(kill.level);
            let key = format!("breaker.{:?}", kill.level).to_lowercase();
            self.say(ActorId::Control, &key, self.exchange.now(), Message::Kill(kill));
        }
    }

    fn find(&self, wanted: impl Fn(&Message) -> bool) -> Option<String> {
        self.simulation
            .since(0)
            .find(|entry| wanted(&entry.body))
            .map(|entry| entry.body.to_string())
    }

    fn expect(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Result<(), Failure> {
        let found = self.simulation.since(0).any(|entry| wanted(&entry.body));
        let last = || self.simulation.since(0).last().map_or(String::new(), ToString::to_string);
        if found {
            Ok(())
        } else {
            Err(fail(format!("no {what} came; the last entry is `{}`", last())))
        }
    }

    /// Sends approved orders to the exchange and says what it answers, until nothing moves any more.
    fn carry_out(&mut self) {
        loop {
            let seen = self.simulation.journal().len();
            let approved: Vec<Order> = self
                .simulation
                .since(self.carried_out)
                .filter_map(|entry| match &entry.body {
                    Message::OrderApproved(order) => Some(order.clone()),
                    _ => None,
                })
                .collect();
            self.carried_out = seen;
            for order in approved {
                self.submit(&order);
            }
            self.updates();
            self.latch();
            if self.simulation.journal().len() == seen {
                return;
            }
        }
    }

    fn submit(&mut self, order: &Order) {
        let request = exchange::NewOrder {
            client_order_id: Some(order.client_order_id.clone()),
            ..exchange::NewOrder::simple(
                order.symbol.clone(),
                order.side,
                order.quantity.0,
                order.limit.map_or(exchange::OrderKind::Market, |limit| {
                    exchange::OrderKind::Limit { limit: Decimal::new(limit.0, 6).normalize() }
                }),
                order.time_in_force,
            )
        };
        let now = self.exchange.now();
        let (status, venue_order_id, reason) = match self.exchange.submit(&request) {
            Ok(taken) => (OrderStatus::Accepted, taken.id, None),
            Err(refusal) => (OrderStatus::Rejected, String::new(), Some(refusal.message)),
        };
        self.updated(order.client_order_id.clone(), order, status, venue_order_id, reason, now);
        self.updates();
    }

    fn updated(
        &mut self,
        client_order_id: String,
        order: &Order,
        status: OrderStatus,
        venue_order_id: String,
        reason: Option<String>,
        at: Time,
    ) {
        let key = format!("{client_order_id}.{status}");
        let symbol = order.symbol.clone();
        let updated = OrderUpdated { client_order_id, symbol, venue_order_id, status, reason };
        self.say(ActorId::Broker, &key, at, Message::OrderUpdated(updated));
    }

    /// Says what happened on the exchange since the last time.
    fn updates(&mut self) {
        for update in self.exchange.updates() {
            let order = &update.order;
            if let Some(fill) = &update.execution {
                let body = Filled {
                    client_order_id: order.client_order_id.clone(),
                    symbol: fill.symbol.clone(),
                    side: fill.side,
                    quantity: shares(fill.quantity),
                    price: price(fill.price),
                    cumulative: shares(fill.cumulative),
                    complete: fill.leaves.is_zero(),
                    rounding: Usd(0),
                };
                let key = format!("fill.{}.{}", order.client_order_id, fill.cumulative);
                self.say(ActorId::Broker, &key, fill.at, Message::Filled(body));
            }
            let status = match update.event {
                Event::Canceled => OrderStatus::Canceled,
                Event::Expired => OrderStatus::Expired,
                _ => continue,
            };
            let body = OrderUpdated {
                client_order_id: order.client_order_id.clone(),
                symbol: order.symbol.clone(),
                venue_order_id: order.id.clone(),
                status,
                reason: None,
            };
            let key = format!("{}.{status}", order.client_order_id);
            self.say(ActorId::Broker, &key, update.at, Message::OrderUpdated(body));
        }
    }
}

fn statement(exchange: &Exchange) -> AccountReported {
    let account = exchange.account();
    let holding = |position: exchange::PositionState| Holding {
        symbol: position.symbol,
        quantity: shares(position.quantity),
        average: price(position.average),
        mark: price(position.mark),
        rounding: Usd(0),
    };
    let (cash, equity) = account.stated();
    AccountReported {
        cash: Usd(micros(cash)),
        equity: Usd(micros(equity)),
        positions: exchange.positions().into_iter().map(holding).collect(),
    }
}

/// Our cores trade whole shares of equities, at prices of four decimals.
fn shares(quantity: Decimal) -> Shares {
    assert!(quantity.is_integer(), "a fraction of a share: {quantity}");
    Shares(quantity.to_i64().expect("fewer shares than there are"))
}

fn price(price: Decimal) -> Price {
    Price(micros(price))
}

fn micros(amount: Decimal) -> i64 {
    let micros = amount * Decimal::from(1_000_000);
    assert!(micros.is_integer(), "finer than a millionth of a dollar: {amount}");
    micros.to_i64().expect("less money than there is")
}
