//! Decides what to hold and stands between every order and the broker.
//!
//! Two halves share one set of limits:
//! - *construction* (`portfolio` → `wish` → `rounding`, or `relief` where a broken limit bars the way): scores become whole-share targets
//!   that are neutral to the market, to beta and to sectors, within what a session can trade;
//! - the *gate* (`gate`): every order is judged on the worst book that open orders could lead to.
//!
//! Invariants
//! - No limit that held before is broken by the targets; one that a drifting market broke does not get worse.
//!   This is true of the rounded shares, not only of weights.
//! - Targets ask for nothing the gate would deny (their bounds include the worst case of half-filled plans).
//! - After a halt nothing is approved, not even an order that reduces: a human said stop.
//! - `Targets` is said once per session that has scores (or scores withheld), whatever the state: where nothing
//!   may be traded it asks for what is held, and `binding` says why. After `CoverageFailed` nothing is said.
//!
//! Absent: no solver, no turnover limit, no cancel or flatten on a kill (this core halts only).

pub mod covariance;
mod exposures;
mod gate;
mod halt;
mod portfolio;
pub mod program;
mod relief;
mod rounding;
mod targets;
mod wish;

use gate::Gate;
use halt::Halts;
use kernel::{Actor, Outbox};
use messages::{
    ActorId, DenyReason, Envelope, Features, Message, Order, OrderDenied, Scores, SessionOpened,
    Topic,
};
use portfolio::Portfolio;

#[derive(Debug, Default)]
pub struct Risk {
    session: Option<Box<SessionOpened>>,
    features: Option<Features>,
    halts: Halts,
    gate: Gate,
    targets_said: bool,
}

impl Actor for Risk {
    fn id(&self) -> ActorId {
        ActorId::Risk
    }

    fn listens(&self) -> &'static [Topic] {
        &[
            Topic::SessionOpened,
            Topic::CoverageFailed,
            Topic::Features,
            Topic::Scores,
            Topic::ScoresWithheld,
            Topic::SubmitOrder,
            Topic::OrderUpdated,
            Topic::Filled,
            Topic::Kill,
            Topic::Resume,
            Topic::Alarm,
        ]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_session_opened(opened),
            Message::CoverageFailed(_) => self.halts.on_coverage_failed(),
            Message::Features(features) => self.features = Some(features.clone()),
            Message::Scores(scores) => self.on_scores(scores, out),
            Message::ScoresWithheld(withheld) => {
                self.hold(format!("SCORES_WITHHELD {}", withheld.reason), out);
            }
            Message::SubmitOrder(order) => out.send(self.judge(order)),
            Message::OrderUpdated(updated) => self.gate.on_order_updated(updated),
            Message::Filled(filled) => self.gate.on_filled(filled),
            Message::Kill(kill) => self.halts.on_kill(kill),
            Message::Resume(_) => self.halts.on_resume(),
            Message::Alarm(alarm) => self.halts.on_alarm(alarm),
            _ => unreachable!("not listened to: {}", input.topic()),
        }
    }
}

impl Risk {
    pub fn new() -> Self {
        Self::default()
    }

    fn on_session_opened(&mut self, opened: &SessionOpened) {
        assert!(self.session.is_none(), "a core lives for one session");
        if let Some(kill) = &opened.halted {
            self.halts.on_kill(kill);
        }
        self.gate.open(opened);
        self.session = Some(Box::new(opened.clone()));
    }

    fn on_scores(&mut self, scores: &Scores, out: &mut Outbox) {
        if let Some(reason) = self.refusal(scores) {
            return self.hold(reason, out);
        }
        let portfolio =
            Portfolio::new(self.opened(), self.features.as_ref(), |symbol| score(scores, symbol));
        self.say(&portfolio, None, out);
    }

    /// Why these scores may not be traded on at all.
    fn refusal(&self, scores: &Scores) -> Option<String> {
        let opened = self.opened();
        if let Some(reason) = self.halts.reason() {
            return Some(format!("HALTED {reason}"));
        }
        if opened.equity.0 <= 0 {
            return Some(format!("NO_EQUITY {}", opened.equity));
        }
        let Some(features) = &self.features else {
            return Some("NO_FEATURES".to_owned());
        };
        if scores.session != opened.signal_session || features.session != opened.signal_session {
            return Some(format!("STALE features {} scores {}", features.session, scores.session));
        }
        let expected = opened.model.as_ref().map(|model| model.sha256.as_str());
        (expected != Some(scores.model_sha256.as_str()))
            .then(|| format!("WRONG_MODEL {}", scores.model_id))
    }

    /// Targets that keep every position.
    fn hold(&mut self, reason: String, out: &mut Outbox) {
        let held = Portfolio::kept(self.opened(), self.features.as_ref());
        self.say(&held, Some(reason), out);
    }

    fn say(&mut self, portfolio: &Portfolio, hold: Option<String>, out: &mut Outbox) {
        assert!(!self.targets_said, "scores came twice in one session");
        self.targets_said = true;
        let targets = targets::compute(portfolio, self.opened(), hold);
        self.gate.on_targets(&targets, portfolio);
        out.send(Message::Targets(targets));
    }

    fn judge(&mut self, order: &Order) -> Message {
        let halted = self.halts.reason().map(|reason| DenyReason::Halted { reason });
        match halted.map_or_else(|| self.gate.check(order), Err) {
            Ok(()) => {
                self.gate.reserve(order);
                Message::OrderApproved(order.clone())
            }
            Err(reason) => Message::OrderDenied(OrderDenied { order: order.clone(), reason }),
        }
    }

    fn opened(&self) -> &SessionOpened {
        self.session.as_ref().expect("SessionOpened is the first entry of a journal")
    }
}

fn score(scores: &Scores, symbol: &messages::Symbol) -> Option<f64> {
    let row = scores.symbols.iter().position(|scored| scored == symbol)?;
    Some(f64::from(scores.scores[row])).filter(|score| score.is_finite())
}
