//! Where a session stands, read off its journal, and what the conductor does next.

use messages::{
    ActorId, DayReported, Envelope, Kill, KillLevel, Message, ModelPublished, Outcome, Phase,
    Shares, Symbol, Time,
};
use std::collections::BTreeMap;

/// Alarms after which no answer comes that could be waited for.
const ENDING: [&str; 6] = [
    "RECONCILIATION",
    "EXPOSURE_UNKNOWN",
    "NO_EQUITY",
    "TRAINING_FAILED",
    "WHITELIST_MISMATCH",
    "UNEXPECTED_BARS",
];

const COVERAGE: &str = "coverage: ";

/// What the journal says so far, as far as the conductor cares.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is an entry that was met or not")]
pub struct Seen {
    pub at: Time,
    pub working: bool,
    done: bool,
    opened: bool,
    closing: bool,
    /// The moment of the next phase has come, ready or not.
    pub due: bool,
    /// Execution has done what it can at this minute, and waits for the next.
    resting: bool,
    /// Minutes of the open market that were said.
    pub minute: u32,
    /// Of the strongest kill in force, as this journal has it.
    kill: Option<KillLevel>,
    /// After each, every kill counts anew.
    pub resumes: u32,
    /// The plan goes to the market minute by minute.
    sliced: bool,
    /// What it has left.
    pub unreached: BTreeMap<Symbol, Shares>,
    /// A resume lifts a kill; an alarm stays for the session.
    killed: Option<String>,
    alarmed: Option<String>,
    failed: Option<String>,
    breakers: risk::Latch,
    pub reported: Option<DayReported>,
    pub model: Option<ModelPublished>,
    pub outcome: Option<Outcome>,
}

#[derive(Debug, PartialEq)]
pub enum Step {
    Wait,
    Begin(Phase),
    /// The next minute.
    Tick,
    Close(Outcome),
    End,
}

impl Seen {
    pub fn take(&mut self, entry: &Envelope) {
        self.at = self.at.max(entry.at);
        self.breakers.see(entry);
        match &entry.body {
            Message::SessionOpened(opened) => {
                self.killed = opened.halted.as_ref().map(|kill| format!("killed: {}", kill.reason));
                self.kill = opened.halted.as_ref().map(|kill| kill.level);
                self.sliced = opened.is_sliced();
            }
            Message::CoverageFailed(_) => self.failed = Some(format!("{COVERAGE}{}", entry.body)),
            Message::ModelPublished(model) => self.model = Some(model.clone()),
            Message::OrdersWorking(_) => {
                (self.working, self.done) = (true, false);
                self.resting = self.opened;
            }
            Message::OrdersDone(done) => {
                (self.done, self.resting) = (true, false);
                self.unreached.clone_from(&done.unreached);
            }
            Message::Tick(tick) => (self.minute, self.resting) = (tick.minute, false),
            Message::PhaseBegan(began) => {
                (self.due, self.resting) = (false, false);
                match began.phase {
                    Phase::Open => self.opened = true,
                    Phase::Close => self.closing = true,
                }
            }
            Message::DayReported(day) => self.reported = Some(day.clone()),
            Message::Kill(kill) => {
                self.killed = Some(format!("killed: {}", kill.reason));
                self.kill = self.kill.max(Some(kill.level));
            }
            Message::Resume(_) => {
                (self.killed, self.kill) = (None, None);
                self.resumes += 1;
            }
            Message::Alarm(alarm) => {
                let text = format!("{}: {}", alarm.code, alarm.detail);
                // The broker's comparison halts at any hour, but the day goes on to its account: orders may be open.
                let ending =
                    ENDING.contains(&alarm.code.as_str()) && entry.id.author != ActorId::Broker;
                let place = if ending { &mut self.failed } else { &mut self.alarmed };
                place.get_or_insert(text);
            }
            Message::SessionClosed(closed) => self.outcome = Some(closed.outcome.clone()),
            _ => {}
        }
    }

    /// Why nothing more may be sent, if so.
    pub fn halted(&self) -> Option<&String> {
        let breaker = || self.breakers.kill().map(|kill| &kill.reason);
        self.failed.as_ref().or(self.alarmed.as_ref()).or_else(breaker).or(self.killed.as_ref())
    }

    /// Books that disagree with the venue's, and breakers, are no matter of one day: the kill that keeps them in force.
    pub fn must_latch(&self) -> Option<Kill> {
        let books = || {
            let broken = |text: &&String| text.starts_with("RECONCILIATION");
            let reason =
                self.failed.as_ref().filter(broken).or(self.alarmed.as_ref().filter(broken))?;
            let (reason, operator) = (reason.clone(), "session".to_owned());
            Some(Kill { reason, operator, ..Kill::default() })
        };
        self.breakers.kill().cloned().or_else(books)
    }

    /// The same, while no kill in force is as strong.
    pub fn unlatched(&self) -> Option<Kill> {
        self.must_latch().filter(|kill| self.lacks(kill.level))
    }

    /// No kill in force is as strong, as far as the journal knows.
    pub fn lacks(&self, level: KillLevel) -> bool {
        self.kill < Some(level)
    }

    /// Positions are being closed.
    fn flattens(&self) -> bool {
        self.kill == Some(KillLevel::Flatten)
    }

    /// Somebody waits for the next minute. On a flowing clock (`by_itself`) minutes also come while an order that
    /// hangs keeps execution from saying so.
    pub fn wants_minutes(&self, by_itself: bool) -> bool {
        let open = self.opened && !self.closing;
        let goes_on = (self.flattens() || self.sliced) && !self.done;
        open && (self.resting || (by_itself && goes_on))
    }

    /// The phase that comes next, if one does.
    pub fn next_phase(&self) -> Option<Phase> {
        match (self.opened, self.closing) {
            (false, _) => Some(Phase::Open),
            (true, false) => Some(Phase::Close),
            (true, true) => None,
        }
    }

    pub fn next(&self, training: bool) -> Step {
        if self.outcome.is_some() {
            return Step::End;
        }
        // Without bars nothing is traded, but what a kill closes is closed.
        let goes_on = |reason: &&String| !(reason.starts_with(COVERAGE) && self.flattens());
        if let Some(reason) = self.failed.as_ref().filter(goes_on) {
            return Step::Close(Outcome::Stopped { reason: reason.clone() });
        }
        if training {
            return if self.model.is_some() { Step::Close(Outcome::Trained) } else { Step::Wait };
        }
        if self.reported.is_some() {
            let stopped = |reason: &String| Outcome::Stopped { reason: reason.clone() };
            return Step::Close(self.halted().map_or(Outcome::Traded, stopped));
        }
        match self.next_phase() {
            Some(Phase::Open) if self.working || self.due => Step::Begin(Phase::Open),
            Some(Phase::Close) if self.done || self.due => Step::Begin(Phase::Close),
            Some(Phase::Close) if self.resting => Step::Tick,
            None if self.due => Step::Close(Outcome::Stopped {
                reason: "NO_ACCOUNT: the day was not accounted for in time".to_owned(),
            }),
            _ => Step::Wait,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Alarm, MessageId, OrdersDone, OrdersWorking, PhaseBegan, Resume};

    fn seen(bodies: Vec<Message>) -> Seen {
        let mut seen = Seen::default();
        for body in bodies {
            seen.take(&entry(body));
        }
        seen
    }

    fn entry(body: Message) -> Envelope {
        Envelope { id: MessageId::event(ActorId::Session, "x"), at: Time(1), body }
    }

    fn working() -> Message {
        Message::OrdersWorking(OrdersWorking { working: 1, refused: 0 })
    }

    fn done() -> Message {
        Message::OrdersDone(OrdersDone { orders: 1, filled: 1, ..OrdersDone::default() })
    }

    fn began(phase: Phase) -> Message {
        Message::PhaseBegan(PhaseBegan { phase })
    }

    fn alarm(code: &str) -> Message {
        Message::Alarm(Alarm { code: code.into(), detail: "x".into(), symbol: None })
    }

    #[test]
    fn a_day_goes_on_when_its_actors_are_ready() {
        assert_eq!(seen(vec![]).next(false), Step::Wait);
        assert_eq!(seen(vec![working()]).next(false), Step::Begin(Phase::Open));
        let open = vec![working(), began(Phase::Open)];
        assert_eq!(seen(open.clone()).next(false), Step::Wait);
        assert_eq!(seen([open, vec![done()]].concat()).next(false), Step::Begin(Phase::Close));
    }

    #[test]
    fn a_moment_that_has_come_does_not_wait_for_anybody() {
        let mut late = seen(vec![]);
        late.due = true;
        assert_eq!(late.next(false), Step::Begin(Phase::Open));
        let mut late = seen(vec![began(Phase::Open)]);
        late.due = true;
        assert_eq!(late.next(false), Step::Begin(Phase::Close));
        let mut late = seen(vec![began(Phase::Open), began(Phase::Close)]);
        late.due = true;
        assert!(matches!(late.next(false), Step::Close(Outcome::Stopped { .. })));
    }

    #[test]
    fn a_sliced_plan_gets_its_minutes_though_an_order_hangs() {
        let open = || vec![working(), began(Phase::Open)];
        assert!(!seen(open()).wants_minutes(true), "nothing is left for them");
        let mut sliced = seen(open());
        sliced.sliced = true;
        assert!(sliced.wants_minutes(true) && !sliced.wants_minutes(false));
        assert_eq!(sliced.next(false), Step::Wait, "a stepped clock stands still");
        sliced.take(&entry(working()));
        assert_eq!(sliced.next(false), Step::Tick);
        sliced.take(&entry(done()));
        assert!(!sliced.wants_minutes(true));
        assert_eq!(sliced.next(false), Step::Begin(Phase::Close));
    }

    #[test]
    fn a_resume_lifts_a_kill_but_no_alarm() {
        let resume = || Message::Resume(Resume { operator: "ada".into(), reason: "ok".into() });
        let kill = || Message::Kill(Kill { reason: "drill".into(), ..Kill::default() });
        assert!(seen(vec![kill()]).halted().is_some());
        assert!(seen(vec![kill(), resume()]).halted().is_none());
        assert!(seen(vec![alarm("UNDECODABLE"), kill(), resume()]).halted().is_some());
    }

    #[test]
    fn what_has_no_answer_ends_the_day_and_broken_books_latch() {
        for code in ENDING {
            assert!(matches!(seen(vec![alarm(code)]).next(false), Step::Close(_)), "{code}");
        }
        assert!(seen(vec![alarm("RECONCILIATION")]).must_latch().is_some());
        assert!(seen(vec![alarm("UNEXPECTED_BARS")]).must_latch().is_none());
        let mut seen = seen(vec![]);
        let id = MessageId::event(ActorId::Broker, "reconciliation");
        seen.take(&Envelope { id, at: Time(1), body: alarm("RECONCILIATION") });
        assert_eq!(
            seen.next(false),
            Step::Wait,
            "the broker's own finding halts, the account ends"
        );
        assert!(seen.halted().is_some() && seen.must_latch().is_some());
    }
}
