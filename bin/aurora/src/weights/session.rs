//! One session of given weights: the cores over a journal in memory, with the words of gateways and conductor.

use super::plan::PlanError;
use super::sizing::Sizing;
use super::venue::{Venue, no_price};
use super::{Day, Run};
use crate::failure::{Failure, fail};
use costs::FlatCosts;
use execution::Execution;
use kernel::{Entry, Simulation};
use messages::{
    AccountReported, ActorId, Bars, Envelope, HistoryRef, Message, MessageId, Order, OrderStatus,
    OrderUpdated, Outcome, Phase, PhaseBegan, Price, SessionClosed, SessionOpened, Time,
    TimeInForce, Usd, history_sha256,
};
use reporting::Reporting;
use std::rc::Rc;

/// The account from session to session.
#[derive(Debug)]
pub struct Account {
    venue: Venue,
    /// The venue's last.
    statement: AccountReported,
    peak: Usd,
}

impl Account {
    pub fn new(costs: FlatCosts, cash: Usd) -> Self {
        let statement = AccountReported { cash, equity: cash, positions: Vec::new() };
        Self { venue: Venue::new(costs, cash), statement, peak: cash }
    }
}

/// How it ended, and its journal.
pub fn play(run: &Run, day: &Day, account: &mut Account) -> Result<(Outcome, Vec<Entry>), Failure> {
    let weights = run.plan.row(day.signal.session);
    check_closes(run, weights, account, day.signal)?;
    let cost_bp = run.costs.commission_bp + run.costs.slippage_bp;
    let simulation = Simulation::new(vec![
        Box::new(Sizing::new(weights.map(<[f64]>::to_vec), cost_bp, Rc::clone(&run.plan.sectors))),
        Box::new(Execution::new()),
        Box::new(Reporting::new()),
    ]);
    let mut play = Play { simulation, venue: &mut account.venue, day, carried_out: 0 };
    let opened = opening(run, day, &account.statement, account.peak);
    play.say(ActorId::Session, "opened", play.start(), Message::SessionOpened(Box::new(opened)));
    play.say(ActorId::Ingest, "bars", play.start(), Message::Bars(day.signal.clone()));
    let (outcome, statement) = play.trade()?;
    let closed = Message::SessionClosed(SessionClosed { outcome: outcome.clone() });
    play.say(ActorId::Session, "closed", day.hours.close, closed);
    let journal = play.simulation.into_journal();
    account.peak = account.peak.max(statement.equity);
    account.statement = statement;
    Ok((outcome, journal))
}

/// Every name that is wanted or held has a close to be sized with.
fn check_closes(
    run: &Run,
    weights: Option<&[f64]>,
    account: &Account,
    signal: &Bars,
) -> Result<(), PlanError> {
    let priced = |symbol| {
        let close = signal.row(symbol).map(|row| signal.close[row]);
        close.and_then(Price::from_f64).is_some()
    };
    let wanted = weights.into_iter().flatten().zip(&run.plan.members);
    let mut wanted = wanted.filter(|(weight, _)| **weight != 0.0).map(|(_, member)| &member.symbol);
    if let Some(symbol) = wanted.find(|symbol| !priced(symbol)) {
        return Err(no_price(symbol, signal.session, "close", "it has a weight there"));
    }
    match account.statement.positions.iter().find(|held| !priced(&held.symbol)) {
        Some(held) => Err(no_price(&held.symbol, signal.session, "close", "it is held there")),
        None => Ok(()),
    }
}

fn opening(run: &Run, day: &Day, account: &AccountReported, peak: Usd) -> SessionOpened {
    SessionOpened {
        session: day.hours.date,
        signal_session: day.signal.session,
        // Nobody here computes from history: none is vouched for.
        history: HistoryRef {
            through: day.signal.session,
            sessions: 0,
            sha256: history_sha256([]),
        },
        positions: account.positions.clone(),
        cash: account.cash,
        equity: account.equity,
        peak_equity: Some(peak),
        ..run.opening.clone()
    }
}

struct Play<'a> {
    simulation: Simulation,
    venue: &'a mut Venue,
    day: &'a Day<'a>,
    /// Entries whose approved orders have been taken to the venue.
    carried_out: usize,
}

impl Play<'_> {
    fn start(&self) -> Time {
        Time(self.day.hours.open.0 - 90 * 60 * 1_000_000_000)
    }

    fn say(&mut self, author: ActorId, key: impl Into<String>, at: Time, body: Message) {
        self.simulation.post(Envelope { id: MessageId::event(author, key), at, body });
    }

    fn trade(&mut self) -> Result<(Outcome, AccountReported), Failure> {
        let Day { today, hours, .. } = *self.day;
        let waiting = self.approved();
        for order in &waiting {
            self.accept(order, self.start());
        }
        let began = |phase| Message::PhaseBegan(PhaseBegan { phase });
        self.say(ActorId::Session, "open", hours.open, began(Phase::Open));
        for order in &waiting {
            self.fill(order)?;
        }
        // Second legs, from flat: at the same open.
        for order in self.approved() {
            debug_assert_eq!(order.time_in_force, TimeInForce::Ioc);
            self.accept(&order, hours.open);
            self.fill(&order)?;
        }
        self.expect("OrdersDone", |body| matches!(body, Message::OrdersDone(_)))?;
        self.say(ActorId::Session, "close", hours.close, began(Phase::Close));
        if let Some(booked) = self.venue.charge(hours.date) {
            let key = booked.activity.clone();
            self.say(ActorId::Broker, key, hours.close, Message::Booked(booked));
        }
        let statement = self.venue.statement(today)?;
        let said = Message::AccountReported(statement.clone());
        self.say(ActorId::Broker, "account", hours.close, said);
        if let Some(reason) = self.find(|body| matches!(body, Message::Alarm(_))) {
            return Ok((Outcome::Stopped { reason }, statement));
        }
        self.expect("DayReported", |body| matches!(body, Message::DayReported(_)))?;
        Ok((Outcome::Traded, statement))
    }

    /// Orders that were approved since the last time.
    fn approved(&mut self) -> Vec<Order> {
        let new = self.simulation.since(self.carried_out);
        let orders = new.filter_map(|entry| match &entry.body {
            Message::OrderApproved(order) => Some(order.clone()),
            _ => None,
        });
        let orders = orders.collect();
        self.carried_out = self.simulation.journal().len();
        orders
    }

    fn accept(&mut self, order: &Order, at: Time) {
        let (id, status) = (&order.client_order_id, OrderStatus::Accepted);
        let updated = OrderUpdated {
            client_order_id: id.clone(),
            symbol: order.symbol.clone(),
            venue_order_id: id.clone(),
            status,
            reason: None,
        };
        self.say(ActorId::Broker, format!("{id}.{status}"), at, Message::OrderUpdated(updated));
    }

    fn fill(&mut self, order: &Order) -> Result<(), PlanError> {
        let fill = self.venue.fill(order, self.day.today)?;
        let key = format!("fill.{}.{}", fill.client_order_id, fill.cumulative.0);
        self.say(ActorId::Broker, key, self.day.hours.open, Message::Filled(fill));
        Ok(())
    }

    fn find(&self, wanted: impl Fn(&Message) -> bool) -> Option<String> {
        let found = self.simulation.since(0).find(|entry| wanted(&entry.body));
        found.map(|entry| entry.body.to_string())
    }

    fn expect(&self, what: &str, wanted: impl Fn(&Message) -> bool) -> Result<(), Failure> {
        let last = || self.simulation.since(0).last().map_or(String::new(), ToString::to_string);
        // It is among the last.
        match self.simulation.since(0).rev().find(|entry| wanted(&entry.body)) {
            Some(_) => Ok(()),
            None => Err(fail(format!("no {what} came; the last entry is `{}`", last()))),
        }
    }
}
