//! Losses and refusals at which trading stops by itself (METHODS.md §6), as a latch: a level, once reached, is never
//! left in a session, and across sessions only by an operator's resume.
//!
//! | level | what happens | said by |
//! |---|---|---|
//! | 1 | drawdown found at the opening: orders that reduce only, growth is taken out of the targets | `BREAKER …` in `binding` |
//! | 1 | loss of the day, in the open market or at the close | `Alarm` `BREAKER_HALT` |
//! | 2 | and the venue refusing three orders in a row | `Alarm` `BREAKER_CANCEL` |
//! | 3 | | `Alarm` `BREAKER_FLATTEN` |
//!
//! The alarm stands in the journal before anybody acts on it and halts the session for every actor. The conductor latches
//! it at once, and before he closes the session at the latest, as a kill of its level, which every actor acknowledges and
//! the next `SessionOpened` carries; he reads it off the same entries by the same rules ([`Latch`]), so that it does not
//! hang on who is quicker. From there on it is a kill like a human's: breaker, kill message, latch, act. Drawdown is measured
//! from the peak that `SessionOpened` carries (since the last resume), so it needs no memory of ours.
//!
//! Money that is transferred in or out is neither loss nor gain: what comes in the session is taken out of the close's
//! equity before that is judged, and overnight the peak is scaled as the account is ([`peak_after`]). What was lost before
//! a resume is what its operator is content with: losses and refusals count from there on.
//!
//! Losses are judged where the venue states the equity: at the opening, each minute of a market whose time flows
//! ([`messages::Marked`]), after the close. Of two marks in a row the better one counts: one bad print closes nothing. Once books and account disagree marks
//! judge nothing more.
//!
//! Absent: marks where time is stepped (simulated sessions are judged at opening and close); "3 σ of the target volatility", because no volatility is targeted; halving gross
//! (level 1 lets nothing grow instead); a stale feed and a lost heartbeat, which are the shell's. Open orders are cancelled by the broker gateway,
//! positions closed by execution, through the gate (`gate::closing`). A reconciliation break is reporting's alarm, which halts the same way.

use messages::{
    AccountReported, Alarm, Booked, BookedKind, Breakers as Levels, Envelope, Kill, KillLevel,
    Marked, Message, OrderStatus, OrderUpdated, SessionOpened, Time, Usd,
};

#[derive(Clone, Debug, Default)]
pub(crate) struct Breakers {
    /// `None` in sessions without rules.
    levels: Option<Levels>,
    /// What losses of the day are counted from: the opening, or the last resume.
    equity: Usd,
    peak: Usd,
    /// As last stated, without what was transferred since the opening.
    now: Usd,
    /// The mark before, and when it was made.
    marked: Option<(Time, Usd)>,
    /// The venue's account is not what our books say: what it is worth is no loss that was traded.
    disputed: bool,
    /// Into the account since the opening.
    transferred: Usd,
    rejects: u32,
    /// Level 1, from the opening on.
    reducing: Option<String>,
    /// 0 before anything was said.
    said: usize,
}

/// Of two marks that are judged together.
const APART_MIN: i64 = 50_000_000_000;

/// What each level says, and the kill that keeps it in force.
const CODES: [(&str, KillLevel); 3] = [
    ("BREAKER_HALT", KillLevel::Halt),
    ("BREAKER_CANCEL", KillLevel::Cancel),
    ("BREAKER_FLATTEN", KillLevel::Flatten),
];

fn kill_of(alarm: &Alarm) -> Option<Kill> {
    let (_, level) = CODES.into_iter().find(|(code, _)| *code == alarm.code)?;
    let reason = format!("{}: {}", alarm.code, alarm.detail);
    Some(Kill { level, reason, operator: "session".to_owned() })
}

/// What a journal trips, whether or not risk has said so yet: for the conductor, who has to latch it before he closes
/// the session. A resume in the session clears it.
#[derive(Debug, Default)]
pub struct Latch {
    breakers: Breakers,
    kill: Option<Kill>,
}

impl Latch {
    /// The next entry of the journal.
    pub fn see(&mut self, entry: &Envelope) {
        let alarm = match &entry.body {
            Message::SessionOpened(opened) => self.breakers.open(opened),
            Message::OrderUpdated(updated) => self.breakers.on_order_updated(updated),
            Message::AccountReported(account) => self.breakers.on_account(account),
            Message::Marked(marked) => self.breakers.on_marked(entry.at, marked),
            Message::Alarm(alarm) => {
                self.breakers.on_alarm(alarm);
                None
            }
            Message::Booked(booked) => {
                self.breakers.on_booked(booked);
                None
            }
            Message::Resume(_) => {
                self.breakers.on_resume();
                self.kill = None;
                None
            }
            _ => None,
        };
        if let Some(alarm) = alarm {
            self.kill = kill_of(&alarm);
        }
    }

    /// What keeps the highest level in force.
    pub fn kill(&self) -> Option<&Kill> {
        self.kill.as_ref()
    }
}

impl Breakers {
    /// A drawdown of the second level or more, which nobody has resumed from, halts at once.
    pub(crate) fn open(&mut self, opened: &SessionOpened) -> Option<Alarm> {
        let SessionOpened { equity, peak_equity, rules, .. } = opened;
        self.levels = rules.as_ref().map(|rules| rules.breakers.clone());
        self.equity = *equity;
        self.peak = peak_equity.unwrap_or(*equity).max(*equity);
        self.now = *equity;
        let levels = self.levels.as_ref().filter(|_| equity.0 > 0)?;
        let lost = loss(self.peak, *equity);
        let reached = level(levels.drawdown, lost);
        let detail = format!("DRAWDOWN {lost:.4} of {:.4}", levels.drawdown[reached.max(1) - 1]);
        self.reducing = (reached > 0).then(|| detail.clone());
        if reached > 1 { self.trip(reached, detail) } else { None }
    }

    /// Why only what reduces a position may be ordered, if so.
    pub(crate) fn reducing(&self) -> Option<String> {
        self.reducing.clone()
    }

    /// A named human says that trading may go on as before: what is lost from here on is judged anew.
    pub(crate) fn on_resume(&mut self) {
        self.reducing = None;
        (self.said, self.rejects) = (0, 0);
        if let Some((_, marked)) = self.marked.take() {
            self.now = marked;
        }
        (self.equity, self.peak) = (self.now, self.now);
    }

    /// What the opening holds already is in its equity and in its peak.
    pub(crate) fn on_booked(&mut self, booked: &Booked) {
        if !booked.before_open {
            self.transferred += transferred(booked);
        }
    }

    /// Refused in a row; what the venue accepts starts the count again.
    pub(crate) fn on_order_updated(&mut self, updated: &OrderUpdated) -> Option<Alarm> {
        let most = self.levels.as_ref()?.rejects_in_a_row;
        match updated.status {
            OrderStatus::Rejected => self.rejects += 1,
            OrderStatus::Accepted | OrderStatus::Filled => self.rejects = 0,
            OrderStatus::Canceled | OrderStatus::Expired => {}
        }
        let tripped = self.rejects >= most;
        let detail = format!("REJECTS {} in a row", self.rejects);
        if tripped { self.trip(2, detail) } else { None }
    }

    /// The venue's statement after the close.
    pub(crate) fn on_account(&mut self, account: &AccountReported) -> Option<Alarm> {
        self.marked = None;
        self.judge(account.equity - self.transferred)
    }

    /// Two in a row may be one print, if they were made within moments: after a new connection, say.
    pub(crate) fn on_marked(&mut self, at: Time, marked: &Marked) -> Option<Alarm> {
        let early = self.marked.is_some_and(|(before, _)| at.0 - before.0 < APART_MIN);
        if early || self.disputed {
            return None;
        }
        let equity = marked.equity - self.transferred;
        let (_, before) = self.marked.replace((at, equity))?;
        self.judge(before.max(equity))
    }

    pub(crate) fn on_alarm(&mut self, alarm: &Alarm) {
        self.disputed |= alarm.code == "RECONCILIATION";
    }

    /// `equity` is without transfers.
    fn judge(&mut self, equity: Usd) -> Option<Alarm> {
        self.now = equity;
        let levels = self.levels.clone()?;
        let (day, drawdown) = (loss(self.equity, self.now), loss(self.peak, self.now));
        let of_day = level(levels.day_loss, day);
        // The first level of drawdown lets a session go on reducing: it is found at the next opening.
        let of_drawdown = level(levels.drawdown, drawdown);
        let of_drawdown = if of_drawdown > 1 { of_drawdown } else { 0 };
        if of_drawdown > of_day {
            let limit = levels.drawdown[of_drawdown - 1];
            self.trip(of_drawdown, format!("DRAWDOWN {drawdown:.4} of {limit:.4}"))
        } else if of_day > 0 {
            self.trip(of_day, format!("DAY_LOSS {day:.4} of {:.4}", levels.day_loss[of_day - 1]))
        } else {
            None
        }
    }

    /// Each level once, and none after a higher one.
    fn trip(&mut self, level: usize, detail: String) -> Option<Alarm> {
        if level <= self.said {
            return None;
        }
        self.said = level;
        Some(Alarm { code: CODES[level - 1].0.to_owned(), detail, symbol: None })
    }
}

/// Into the account from outside, if that is what `booked` is.
pub fn transferred(booked: &Booked) -> Usd {
    if booked.kind == BookedKind::Transfer { booked.amount } else { Usd(0) }
}

/// The highest equity, `peak`, of an account that has `equity` now, `transferred` of it from outside: as much higher than
/// that as it was before, so that a drawdown is the same fraction.
pub fn peak_after(peak: Usd, equity: Usd, transferred: Usd) -> Usd {
    let before = equity - transferred;
    if transferred.0 == 0 {
        return peak;
    }
    if before.0 <= 0 || equity.0 <= 0 {
        // No fraction of nothing.
        return peak + transferred;
    }
    let scaled = i128::from(peak.0) * i128::from(equity.0) / i128::from(before.0);
    Usd(i64::try_from(scaled).unwrap_or(i64::MAX))
}

/// How many of `levels` a loss reaches.
fn level(levels: [f64; 3], lost: f64) -> usize {
    levels.iter().filter(|level| lost >= **level).count()
}

/// As a fraction of `from`; everything, where there is nothing to lose from.
fn loss(from: Usd, to: Usd) -> f64 {
    if from.0 > 0 { (from - to).to_f64() / from.to_f64() } else { 1.0 }
}

#[cfg(test)]
mod tests;
