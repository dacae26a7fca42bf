use crate::watch::{self, GuardWatch};
use crate::{Builder, Universe, UniverseError, whitelist};
use kernel::{Actor, Outbox};
use messages::{ActorId, Alarm, Bars, Date, Envelope, Features, Message, SessionOpened, Topic};

/// One session's feature actor: history at the opening, features for the bars that come.
#[derive(Debug)]
pub struct FeaturesActor {
    history: Vec<Bars>,
    today: Option<Today>,
}

#[derive(Debug)]
struct Today {
    signal_session: Date,
    builder: Builder,
    watch: GuardWatch,
}

impl FeaturesActor {
    /// `history`: sessions before the signal session, ascending; what `SessionOpened.history` vouches
    /// for, its hash checked by the caller. [`crate::HISTORY_SESSIONS`] are enough.
    pub fn new(history: Vec<Bars>) -> Self {
        Self { history, today: None }
    }

    fn on_session_opened(&mut self, opened: &SessionOpened, out: &mut Outbox) {
        if opened.whitelist_sha256 != whitelist::sha256() {
            let theirs = &opened.whitelist_sha256;
            return out.send(alarm(
                "WHITELIST_MISMATCH",
                format!(
                    "the session asks for features {theirs}, this program computes {}",
                    whitelist::sha256()
                ),
            ));
        }
        let mut builder = match universe(opened) {
            Ok(universe) => Builder::of(universe),
            Err(error) => return out.send(alarm("UNIVERSE", error.to_string())),
        };
        let history = std::mem::take(&mut self.history);
        let watched = history.len().saturating_sub(watch::SESSIONS as usize - 1);
        let mut watch = GuardWatch::new(watched);
        for (t, bars) in history.iter().enumerate() {
            if t < watched {
                builder.advance(bars);
            } else {
                watch.see(&builder.columns(bars));
            }
        }
        self.today = Some(Today { signal_session: opened.signal_session, builder, watch });
    }

    /// Each session's bars come once: whatever else comes is not what this session was opened for.
    fn on_bars(&mut self, bars: &Bars, out: &mut Outbox) {
        match self.today.take() {
            Some(mut today) if bars.session == today.signal_session => {
                out.send(Message::Features(today.features(bars)));
            }
            Some(today) => {
                let detail = format!("{}, expected {}", bars.session, today.signal_session);
                self.today = Some(today);
                out.send(alarm("UNEXPECTED_BARS", detail));
            }
            None => out.send(alarm(
                "UNEXPECTED_BARS",
                format!(
                    "{}: features are computed once, in a session that was opened",
                    bars.session
                ),
            )),
        }
    }
}

impl Today {
    /// Guards that fired too often of late stand among the counters: `alert hi_252`, on so many sessions.
    fn features(&mut self, bars: &Bars) -> Features {
        let columns = self.builder.columns(bars);
        let alerts = self.watch.see(&columns);
        let mut features = columns.features();
        features.exposures.factors = columns.factors();
        let named = |alert: watch::GuardAlert| (format!("alert {}", alert.feature), alert.refused);
        features.guards.extend(alerts.into_iter().map(named));
        features
    }
}

impl Actor for FeaturesActor {
    fn id(&self) -> ActorId {
        ActorId::Features
    }

    fn listens(&self) -> &'static [Topic] {
        &[Topic::SessionOpened, Topic::Bars]
    }

    fn handle(&mut self, _position: u64, input: &Envelope, out: &mut Outbox) {
        match &input.body {
            Message::SessionOpened(opened) => self.on_session_opened(opened, out),
            Message::Bars(bars) => self.on_bars(bars, out),
            other => unreachable!("not listened to: {}", other.topic()),
        }
    }
}

/// As the training had it: of a dated one also what was true of the sessions before.
fn universe(opened: &SessionOpened) -> Result<Universe, UniverseError> {
    if opened.listed.is_empty() {
        return Ok(Universe::fixed(&opened.universe));
    }
    Universe::listed(&opened.listed)
}

fn alarm(code: &str, detail: String) -> Message {
    Message::Alarm(Alarm { code: code.to_owned(), detail, symbol: None })
}
