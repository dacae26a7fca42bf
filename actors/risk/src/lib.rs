//! Decides what to hold and stands between every order and the broker.
//!
//! Three parts share one set of limits:
//! - *construction*: scores become whole-share targets that are neutral to the market, to beta and to sectors,
//!   within what a session can trade. `portfolio` says what may be done with each name, `plan` chooses the way
//!   to the wished book (`optimum` on the solver in [`program`], or `wish` in closed form), `rounding` makes shares of it,
//!   or `relief` reduces where a broken limit bars the way; `targets` says it;
//! - the *gate* (`gate`): every order is judged on the worst book that open orders could lead to;
//! - the *breakers* (`breakers`): losses and refusals that stop trading by themselves.
//!
//! Invariants
//! - No limit that held before is broken by the targets; one that a drifting market broke does not get worse.
//!   This is true of the rounded shares, not only of weights; what is beyond a limit all the same is said.
//! - Targets ask for nothing the gate would deny (their bounds include the worst case of half-filled plans). The
//!   exception is a plan of more orders than come through in a minute.
//! - After a halt nothing is approved, not even an order that reduces: a human said stop. After a kill of level `flatten`
//!   what closes a position is approved, and nothing else, until a resume; no other halt takes that back.
//! - `Targets` is said once per session that has scores (or scores withheld), whatever the state: where nothing
//!   may be traded it asks for what is held, and `binding` says why. After `CoverageFailed` nothing is said.
//!
//! A session without [`messages::RiskRules`] is one from before there were any, and is replayed as it was judged: the
//! closed form, no turnover limit, the checks of the gate that limits alone allow, no breakers.

mod breakers;
pub mod erc;
mod exposures;
mod gate;
mod halt;
mod neutral;
mod optimum;
mod plan;
mod portfolio;
pub mod program;
mod relief;
mod rounding;
mod targets;
#[cfg(test)]
mod testing;
mod views;
mod wish;

use breakers::Breakers;
pub use breakers::{Latch, peak_after, transferred};
use gate::Gate;
use halt::Halts;
use kernel::{Actor, Outbox};
use messages::{
    ActorId, Alarm, DenyReason, Envelope, Features, Message, Order, OrderDenied, Scores,
    SessionOpened, Time, Topic,
};
use portfolio::Portfolio;

const OPENED: &str = "SessionOpened is the first entry of a journal";

#[derive(Clone, Debug, Default)]
pub struct Risk {
    session: Option<Box<SessionOpened>>,
    features: Option<Features>,
    halts: Halts,
    breakers: Breakers,
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
            Topic::AccountReported,
            Topic::Marked,
            Topic::Booked,
            Topic::Kill,
            Topic::Resume,
            Topic::Alarm,
        ]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_session_opened(opened, out),
            Message::CoverageFailed(_) => self.halts.on_coverage_failed(),
            Message::Features(features) => self.features = Some(features.clone()),
            Message::Scores(scores) => self.on_scores(scores, out),
            Message::ScoresWithheld(withheld) => {
                self.hold(format!("SCORES_WITHHELD {}", withheld.reason), out);
            }
            Message::SubmitOrder(order) => out.send(self.judge(order, input.at)),
            Message::OrderUpdated(updated) => {
                self.gate.on_order_updated(updated);
                let trip = self.breakers.on_order_updated(updated);
                self.trip(trip, out);
            }
            Message::Filled(filled) => self.gate.on_filled(filled),
            Message::AccountReported(account) => {
                let trip = self.breakers.on_account(account);
                self.trip(trip, out);
            }
            Message::Marked(marked) => {
                self.gate.on_marked(marked);
                let trip = self.breakers.on_marked(input.at, marked);
                self.trip(trip, out);
            }
            Message::Booked(booked) => self.breakers.on_booked(booked),
            Message::Kill(kill) => self.halts.on_kill(kill),
            Message::Resume(_) => {
                self.halts.on_resume();
                self.breakers.on_resume();
            }
            Message::Alarm(alarm) => {
                self.halts.on_alarm(alarm);
                self.breakers.on_alarm(alarm);
            }
            _ => unreachable!("not listened to: {}", input.topic()),
        }
    }
}

impl Risk {
    pub fn new() -> Self {
        Self::default()
    }

    fn on_session_opened(&mut self, opened: &SessionOpened, out: &mut Outbox) {
        assert!(self.session.is_none(), "a core lives for one session");
        if let Some(kill) = &opened.halted {
            self.halts.on_kill(kill);
        }
        let trip = self.breakers.open(opened);
        self.gate.open(opened);
        self.session = Some(Box::new(opened.clone()));
        self.trip(trip, out);
    }

    fn on_scores(&mut self, scores: &Scores, out: &mut Outbox) {
        if let Some(reason) = self.refusal(scores) {
            return self.hold(reason, out);
        }
        let mut portfolio = Portfolio::new(
            self.opened(),
            self.features.as_ref(),
            self.breakers.reducing(),
            |symbol| score(scores, symbol),
        );
        self.say(&mut portfolio, None, out);
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
        let mut held = Portfolio::kept(self.opened(), self.features.as_ref());
        self.say(&mut held, Some(reason), out);
    }

    fn say(&mut self, portfolio: &mut Portfolio, hold: Option<String>, out: &mut Outbox) {
        assert!(!self.targets_said, "scores came twice in one session");
        self.targets_said = true;
        let opened = self.session.as_deref().expect(OPENED);
        let targets = targets::compute(portfolio, opened, hold);
        self.gate.on_targets(&targets, portfolio, opened);
        out.send(Message::Targets(targets));
    }

    fn judge(&mut self, order: &Order, at: Time) -> Message {
        let judged = self.check(order, at);
        let opened = self.session.as_ref().expect(OPENED);
        match judged {
            Ok(()) => {
                self.gate.reserve(order, opened, at);
                Message::OrderApproved(order.clone())
            }
            Err(reason) => Message::OrderDenied(OrderDenied { order: order.clone(), reason }),
        }
    }

    fn check(&mut self, order: &Order, at: Time) -> Result<(), DenyReason> {
        let opened = self.session.as_ref().expect(OPENED);
        if order.is_closing() && self.halts.flattens() {
            let adv = self.features.as_ref().and_then(|features| features.adv(&order.symbol));
            return self.gate.check_closing(order, opened, at, adv);
        }
        match self.halts.reason() {
            Some(reason) => Err(DenyReason::Halted { reason }),
            // A kill that is over: what it would have closed is held for its target again.
            None if order.is_closing() => Err(DenyReason::NotInTargets),
            None => self.gate.check(order, opened, at, self.breakers.reducing()),
        }
    }

    /// Said before anything acts on it; counts at once, not only when the journal brings it back.
    fn trip(&mut self, trip: Option<Alarm>, out: &mut Outbox) {
        if let Some(alarm) = trip {
            self.halts.on_alarm(&alarm);
            out.send(Message::Alarm(alarm));
        }
    }

    fn opened(&self) -> &SessionOpened {
        self.session.as_ref().expect(OPENED)
    }
}

fn score(scores: &Scores, symbol: &messages::Symbol) -> Option<f64> {
    let row = scores.symbols.iter().position(|scored| scored == symbol)?;
    Some(f64::from(scores.scores[row])).filter(|score| score.is_finite())
}
