use crate::exposures::{Betas, Sectors, exposures};
use crate::ledger::Ledger;
use crate::reconcile::{Agreed, reconcile};
use kernel::{Actor, Outbox};
use messages::{
    AccountReported, ActorId, Alarm, Bars, Booked, BookedKind, ByOrder, Date, DayReported,
    Envelope, Features, Filled, Message, Order, OrderStatus, OrderUpdated, Price, SessionOpened,
    Shares, Time, Topic, Usd,
};
use std::collections::BTreeSet;

/// Keeps the session's account from fills alone and compares it with the venue's statement.
///
/// Equal: `DayReported`. Different: `Alarm{RECONCILIATION}` with every difference, and no
/// `DayReported`. A held name without a known beta or sector: `Alarm{EXPOSURE_UNKNOWN}`; equity that
/// no return can be computed from: `Alarm{NO_EQUITY}`. It does not judge, correct or trade.
#[derive(Debug, Default)]
pub struct Reporting {
    /// From `SessionOpened` on.
    day: Option<Day>,
}

impl Reporting {
    pub fn new() -> Self {
        Self::default()
    }
}

impl Actor for Reporting {
    fn id(&self) -> ActorId {
        ActorId::Reporting
    }

    /// Only what it uses: an undecodable entry on a topic that an actor listens to halts trading.
    fn listens(&self) -> &'static [Topic] {
        &[
            Topic::SessionOpened,
            Topic::Bars,
            Topic::Features,
            Topic::SubmitOrder,
            Topic::OrderDenied,
            Topic::OrderUpdated,
            Topic::Filled,
            Topic::Booked,
            Topic::AccountReported,
        ]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        if let Message::SessionOpened(opened) = &input.body {
            self.day = Some(Day::new(opened));
            return;
        }
        let day = self.day.as_mut().expect("a journal begins with SessionOpened");
        match &input.body {
            Message::Bars(bars) => day.on_bars(bars),
            Message::Features(features) => day.on_features(features),
            Message::SubmitOrder(order) => day.on_submit_order(order),
            Message::OrderDenied(_) => day.denied += 1,
            Message::OrderUpdated(updated) => day.on_order_updated(updated),
            Message::Filled(fill) => day.on_filled(input.at, fill),
            Message::Booked(booked) => day.on_booked(booked),
            Message::AccountReported(statement) => {
                if let Some(answer) = day.on_account_reported(statement) {
                    out.send(answer);
                }
            }
            other => unreachable!("does not listen to {}", other.topic()),
        }
    }
}

#[derive(Debug)]
struct Day {
    session: Date,
    nav_open: Usd,
    sectors: Sectors,
    /// `None` where there will be none: a session without a model has no features.
    betas: Option<Betas>,
    covered: u32,
    ledger: Ledger,
    known: ByOrder<Known>,
    /// The venue's ids of what it booked.
    activities: BTreeSet<String>,
    /// Fills of orders that nobody here submitted.
    strangers: Vec<String>,
    /// Deposits less withdrawals since the opening: no return.
    transferred: Usd,
    traded: Usd,
    shortfall: Usd,
    orders: u32,
    fills: u32,
    rejects: u32,
    denied: u32,
    reported: bool,
}

/// An order that somebody has spoken of.
#[derive(Debug, Default)]
struct Known {
    /// The close it was sized with; `None`: nobody here submitted it.
    reference: Option<Price>,
    /// Cumulative quantity after each execution. With the order's id it is the name of one, which counts once however
    /// often it is heard of.
    executions: Vec<Shares>,
}

impl Day {
    fn new(opened: &SessionOpened) -> Self {
        let members = opened.universe.iter();
        Self {
            session: opened.session,
            nav_open: opened.equity,
            sectors: members.map(|m| (m.symbol.clone(), m.sector.clone())).collect(),
            betas: opened.model.is_some().then(Betas::new),
            covered: 0,
            ledger: Ledger::new(opened.cash, &opened.positions),
            known: ByOrder::default(),
            activities: BTreeSet::new(),
            strangers: Vec::new(),
            transferred: Usd(0),
            traded: Usd(0),
            shortfall: Usd(0),
            orders: 0,
            fills: 0,
            rejects: 0,
            denied: 0,
            reported: false,
        }
    }

    fn on_bars(&mut self, bars: &Bars) {
        let members = bars.symbols.iter().filter(|symbol| self.sectors.contains_key(*symbol));
        self.covered = members.count() as u32;
    }

    fn on_features(&mut self, features: &Features) {
        let betas = features.symbols.iter().cloned().zip(features.exposures.beta.iter().copied());
        self.betas = Some(betas.filter(|(_, beta)| beta.is_finite()).collect());
    }

    fn on_submit_order(&mut self, order: &Order) {
        self.orders += 1;
        let place = self.known.insert_with(&order.client_order_id, Known::default);
        self.known.at_mut(place).reference = Some(order.reference);
    }

    fn on_order_updated(&mut self, updated: &OrderUpdated) {
        if updated.status == OrderStatus::Rejected {
            self.rejects += 1;
        }
    }

    /// What the opening cash holds already changes it no more.
    fn on_booked(&mut self, booked: &Booked) {
        if !booked.before_open && self.activities.insert(booked.activity.clone()) {
            self.ledger.book(booked);
            if booked.kind == BookedKind::Transfer {
                self.transferred += booked.amount;
            }
        }
    }

    fn on_filled(&mut self, at: Time, fill: &Filled) {
        let id = &fill.client_order_id;
        let place = self.known.insert_with(id, Known::default);
        let known = self.known.at_mut(place);
        if known.executions.contains(&fill.cumulative) {
            return;
        }
        known.executions.push(fill.cumulative);
        self.ledger.fill(at, fill);
        self.fills += 1;
        self.traded += fill.value();
        match known.reference {
            Some(reference) => {
                let paid = Usd(fill.side.sign() * fill.value().0);
                self.shortfall += paid - reference.times(fill.change());
            }
            None => self.strangers.push(format!("{id} filled but never submitted")),
        }
    }

    fn on_account_reported(&mut self, statement: &AccountReported) -> Option<Message> {
        if self.reported {
            return None;
        }
        self.ledger.pair_halves();
        let agreed = match reconcile(&self.ledger, statement) {
            Ok(agreed) if self.strangers.is_empty() => agreed,
            compared => {
                let mut rows = compared.err().unwrap_or_default();
                rows.extend(self.strangers.iter().cloned());
                return Some(Message::Alarm(alarm("RECONCILIATION", rows.join("; "))));
            }
        };
        match self.report(agreed) {
            Ok(report) => {
                self.reported = true;
                Some(Message::DayReported(report))
            }
            Err(alarm) => Some(Message::Alarm(alarm)),
        }
    }

    fn report(&self, agreed: Agreed) -> Result<DayReported, Alarm> {
        let Agreed { equity, positions } = agreed;
        if self.nav_open.0 <= 0 || equity.0 <= 0 {
            let detail = format!("open {} close {equity}", self.nav_open);
            return Err(alarm("NO_EQUITY", detail));
        }
        let exposures = exposures(&positions, equity, self.betas.as_ref(), &self.sectors)
            .map_err(|unknown| alarm("EXPOSURE_UNKNOWN", unknown.join("; ")))?;
        Ok(DayReported {
            session: self.session,
            nav_open: self.nav_open,
            nav_close: equity,
            cash: self.ledger.cash(),
            daily_return: (equity - self.transferred - self.nav_open).to_f64()
                / self.nav_open.to_f64(),
            traded: self.traded,
            slippage: self.shortfall,
            exposures,
            expected: self.sectors.len() as u32,
            covered: self.covered,
            orders: self.orders,
            fills: self.fills,
            rejects: self.rejects,
            denied: self.denied,
            positions,
        })
    }
}

fn alarm(code: &str, detail: String) -> Alarm {
    Alarm { code: code.to_owned(), detail, symbol: None }
}
