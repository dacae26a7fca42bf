use crate::orders::order_line;
use crate::record::{Counts, Coverage, Execution, Opening, SessionRecord, Stopped};
use messages::{
    Adopted, Adoption, ByOrder, Envelope, Message, OrderStatus, Outcome, SessionOpened, Shares,
};
use std::collections::BTreeMap;

/// Gathers one session's record from its journal.
#[derive(Debug)]
pub(crate) struct Collector {
    record: SessionRecord,
    coverage: Option<Coverage>,
    counts: Counts,
    /// Cumulative quantity after each execution.
    executions: ByOrder<Vec<Shares>>,
}

impl Collector {
    pub(crate) fn new(opened: &SessionOpened) -> Self {
        let overnight = opened.overnight.as_deref();
        let record = SessionRecord {
            run_id: opened.run_id.clone(),
            source: opened.source.clone(),
            env: opened.env,
            session: opened.session,
            day: None,
            stopped: None,
            alarms: Vec::new(),
            orders: Vec::new(),
            signal_session: Some(opened.signal_session),
            opening: Some(Opening { cash: opened.cash, positions: opened.positions.clone() }),
            fills: Vec::new(),
            booked: overnight.map_or_else(Vec::new, |overnight| overnight.booked.clone()),
            adopted: overnight.and_then(|overnight| overnight.adopted.clone()),
            unreached: BTreeMap::new(),
        };
        let counts = Counts::default();
        Self { record, coverage: None, counts, executions: ByOrder::default() }
    }

    /// The record, where this entry gives the folder something to write.
    pub(crate) fn see(&mut self, entry: &Envelope) -> Option<&SessionRecord> {
        match &entry.body {
            Message::SubmitOrder(order) => {
                self.counts.orders += 1;
                self.record.orders.push(order_line(self.record.session, order));
            }
            Message::OrderDenied(_) => self.counts.denied += 1,
            Message::OrderUpdated(updated) if updated.status == OrderStatus::Rejected => {
                self.counts.rejects += 1;
            }
            Message::Filled(fill) => {
                let place = self.executions.insert_with(&fill.client_order_id, Vec::new);
                let known = self.executions.at_mut(place);
                if !known.contains(&fill.cumulative) {
                    known.push(fill.cumulative);
                    self.counts.fills += 1;
                    self.record.fills.push(Execution {
                        at: entry.at,
                        client_order_id: fill.client_order_id.clone(),
                        symbol: fill.symbol.clone(),
                        change: fill.change(),
                        price: fill.price,
                        rounding: fill.rounding,
                    });
                }
            }
            Message::Booked(booked)
                if self.record.booked.iter().all(|known| known.activity != booked.activity) =>
            {
                self.record.booked.push(booked.clone());
            }
            Message::Adopted(Adopted { operator, reason, .. }) => {
                let (operator, reason) = (operator.clone(), reason.clone());
                self.record.adopted = Some(Adoption { operator, reason });
            }
            Message::OrdersDone(done) => self.record.unreached.clone_from(&done.unreached),
            Message::CoverageFailed(failed) => {
                self.coverage = Some(Coverage { expected: failed.expected, got: failed.got });
            }
            Message::Alarm(alarm) => {
                let said = format!("{} {}: {}", entry.id.author, alarm.code, alarm.detail);
                self.record.alarms.push(said);
            }
            Message::DayReported(day) => {
                self.record.day = Some(day.clone());
                return Some(&self.record);
            }
            Message::SessionClosed(closed) => return self.on_session_closed(&closed.outcome),
            _ => {}
        }
        None
    }

    /// A session that trained a model is none of a run's trading days.
    fn on_session_closed(&mut self, outcome: &Outcome) -> Option<&SessionRecord> {
        let reason = match outcome {
            Outcome::Trained => return None,
            Outcome::Traded if self.record.day.is_some() => return Some(&self.record),
            Outcome::Traded => "closed without an account".to_owned(),
            Outcome::Stopped { reason } => reason.clone(),
        };
        let counted = self.record.day.is_some();
        self.record.stopped = Some(Stopped {
            session: self.record.session,
            reason,
            coverage: self.coverage,
            counts: if counted { Counts::default() } else { self.counts },
        });
        Some(&self.record)
    }
}
