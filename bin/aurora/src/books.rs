//! Our books from journals alone, and what the venue says to them: every morning, and when `aurora reconcile` asks.

use crate::failure::Failure;
use messages::{
    AccountReported, Adopted, Adoption, Booked, Date, Envelope, Message, Overnight, SessionOpened,
};
use reporting::{Ledger, Mismatch, compare};
use shell::Bus;
use std::collections::BTreeSet;

/// What the journals amount to, since the last moment at which our books were known to be right: the account of a
/// session that agreed, a statement that a human adopted, or else the first session there is.
#[derive(Debug)]
pub struct Ours {
    pub ledger: Ledger,
    /// The last session in them.
    pub through: Option<Date>,
    /// The venue's ids of what is in them already.
    known: BTreeSet<String>,
    /// From which on the venue's bookings are asked for; `None`: from today.
    since: Option<Date>,
    /// An adoption that no session has followed yet.
    adopted: Option<Adoption>,
    /// Executions of the last session.
    pub fills: usize,
}

/// The venue's account beside our books.
#[derive(Debug)]
pub struct Compared {
    pub statement: AccountReported,
    /// What nothing explains: a row each.
    pub mismatches: Vec<Mismatch>,
    /// What explains the rest.
    pub overnight: Overnight,
}

/// The account now, and how it differs from the books of all sessions before `before` (`None`: of all).
pub async fn look(
    bus: &Bus,
    client: &alpaca::Client,
    before: Option<Date>,
    today: Date,
) -> Result<(Compared, Option<Ours>), Failure> {
    let ours = ours(bus, before).await?;
    let since = ours.as_ref().and_then(|ours| ours.since).map_or(today, |since| since.min(today));
    let since = broker::look_back(since);
    let (statement, listed) = broker::account_since(client, since).await?;
    Ok(compared(ours, statement, listed))
}

fn compared(
    mut ours: Option<Ours>,
    statement: AccountReported,
    listed: Vec<Booked>,
) -> (Compared, Option<Ours>) {
    let activities = listed.iter().map(|booked| booked.activity.clone()).collect();
    let mut overnight = Overnight { activities, ..Overnight::default() };
    let mut mismatches = Vec::new();
    // The first session begins with what there is.
    if let Some(ours) = &mut ours {
        let new = listed.into_iter().filter(|booked| !ours.known.contains(&booked.activity));
        overnight.booked = new.map(|booked| Booked { before_open: true, ..booked }).collect();
        overnight.booked.iter().for_each(|booked| ours.ledger.book(booked));
        overnight.adopted.clone_from(&ours.adopted);
        mismatches = compare(&ours.ledger, &statement);
        overnight.unexplained = mismatches.iter().map(ToString::to_string).collect();
    }
    (Compared { statement, mismatches, overnight }, ours)
}

/// `None`: there was no session.
async fn ours(bus: &Bus, before: Option<Date>) -> Result<Option<Ours>, Failure> {
    let adopted = bus.adopted().await?.map(|(_, adopted)| adopted);
    let mut journals: Vec<Vec<Envelope>> = Vec::new();
    let mut sessions = bus.sessions().await?;
    sessions.retain(|session| before.is_none_or(|before| *session < before));
    for session in sessions.into_iter().rev() {
        if adopted.as_ref().and_then(|adopted| adopted.through) >= Some(session) {
            break;
        }
        let journal = bus.read_journal(session).await?;
        let entries: Vec<Envelope> =
            journal.into_iter().filter_map(|(_, entry, _)| entry.ok()).collect();
        let agreed = agrees(&entries);
        journals.push(entries);
        if agreed {
            return Ok(Ours::of(None, journals.iter().rev()));
        }
    }
    Ok(Ours::of(adopted, journals.iter().rev()))
}

/// A session whose opening was explained and whose end agreed with the venue.
fn agrees(entries: &[Envelope]) -> bool {
    let explained = entries.iter().any(|entry| match &entry.body {
        Message::SessionOpened(opened) => {
            opened.overnight.as_ref().is_none_or(|overnight| overnight.unexplained.is_empty())
        }
        _ => false,
    });
    explained && entries.iter().any(|entry| matches!(entry.body, Message::DayReported(_)))
}

impl Ours {
    /// From an adoption, or else the first journal's opening, over `journals` in order of time.
    fn of<'a>(
        adopted: Option<Adopted>,
        journals: impl IntoIterator<Item = &'a Vec<Envelope>>,
    ) -> Option<Self> {
        let mut ours = adopted.map(|adopted| Self {
            ledger: Ledger::new(adopted.statement.cash, &adopted.statement.positions),
            since: adopted.through,
            through: adopted.through,
            known: adopted.activities.into_iter().collect(),
            adopted: Some(Adoption { operator: adopted.operator, reason: adopted.reason }),
            fills: 0,
        });
        for entry in journals.into_iter().flatten() {
            match &entry.body {
                Message::SessionOpened(opened) => match &mut ours {
                    None => ours = Some(Self::opened(opened)),
                    Some(ours) => ours.reopened(opened),
                },
                _ => ours.iter_mut().for_each(|ours| ours.hear(entry)),
            }
        }
        ours
    }

    fn opened(opened: &SessionOpened) -> Self {
        let overnight = opened.overnight.iter().flat_map(|overnight| &overnight.activities);
        Self {
            ledger: Ledger::new(opened.cash, &opened.positions),
            through: Some(opened.session),
            known: overnight.cloned().collect(),
            since: Some(opened.session),
            adopted: None,
            fills: 0,
        }
    }

    fn reopened(&mut self, opened: &SessionOpened) {
        self.since = self.since.or(Some(opened.session));
        (self.through, self.fills, self.adopted) = (Some(opened.session), 0, None);
        for booked in opened.overnight.iter().flat_map(|overnight| &overnight.booked) {
            self.book(booked);
        }
    }

    fn hear(&mut self, entry: &Envelope) {
        match &entry.body {
            Message::Filled(fill) => {
                // Within a session an execution's message is there once: its id is the execution's.
                self.ledger.fill(entry.at, fill);
                self.fills += 1;
            }
            Message::Booked(booked) => self.book(booked),
            _ => {}
        }
    }

    fn book(&mut self, booked: &Booked) {
        if self.known.insert(booked.activity.clone()) {
            self.ledger.book(booked);
        }
    }

    /// What our books hold by the venue's ids, and what it lists now besides.
    pub fn known(&self, overnight: &Overnight) -> Vec<String> {
        self.known.union(&overnight.activities.iter().cloned().collect()).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
