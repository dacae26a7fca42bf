//! The account from what was journaled alone, and what the venue's statement says to it. Pure.

use messages::{AccountReported, Alarm, Booked, Envelope, Message, MessageId, SessionOpened, Time};
use reporting::{Ledger, Mismatch, compare};
use std::collections::BTreeSet;

/// A statement that differs is asked for again: so often in a row it must say the same before it is believed.
const ALIKE_MIN: u32 = 3;
/// Days before the signal session from which on the venue's bookings are looked at: one may be dated by its trade.
pub(super) const LOOK_BACK_DAYS: i32 = 7;

/// Opening, fills and bookings of the session.
#[derive(Debug, Default)]
pub(super) struct Books {
    ledger: Option<Ledger>,
    /// Where the venue's bookings are looked at from.
    since: Option<messages::Date>,
    /// Executions and activities that the ledger has, by the key of their message.
    heard: BTreeSet<String>,
    /// The venue's ids of activities that need no saying: the opening holds them.
    opened_with: BTreeSet<String>,
    /// The last statement's differences, and how often in a row they were the same.
    doubt: Option<(Vec<Mismatch>, u32)>,
    pub(super) alarmed: bool,
}

/// What a comparison came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Equal,
    /// Different, perhaps only for a moment.
    Doubt,
    /// Different, and it stays so: the table.
    Broken(String),
}

impl Books {
    /// An entry of the journal, or our own words before they stand there.
    pub(super) fn hear(&mut self, entry: &Envelope) {
        match &entry.body {
            Message::SessionOpened(opened) => self.open(opened),
            Message::Filled(fill) => {
                if self.heard.insert(fill_key(&fill.client_order_id, fill.cumulative.0))
                    && let Some(ledger) = &mut self.ledger
                {
                    ledger.fill(entry.at, fill);
                }
            }
            Message::Booked(booked) => {
                if self.heard.insert(booked_key(booked))
                    && !booked.before_open
                    && let Some(ledger) = &mut self.ledger
                {
                    ledger.book(booked);
                }
            }
            Message::Alarm(alarm) if entry.id.author == messages::ActorId::Broker => {
                self.alarmed |= alarm.code == CODE;
            }
            _ => {}
        }
    }

    fn open(&mut self, opened: &SessionOpened) {
        self.ledger = Some(Ledger::new(opened.cash, &opened.positions));
        let back = jiff::Span::new().days(LOOK_BACK_DAYS);
        self.since = opened.signal_session.checked_sub(back).ok();
        let overnight = opened.overnight.iter().flat_map(|overnight| &overnight.activities);
        self.opened_with = overnight.cloned().collect();
    }

    pub(super) fn since(&self) -> Option<messages::Date> {
        self.since
    }

    /// Those that neither the opening nor an earlier message holds, as messages of the time `at`.
    pub(super) fn new_bookings(&self, listed: Vec<Booked>, at: Time) -> Vec<Envelope> {
        let new = listed.into_iter().filter(|booked| {
            !self.opened_with.contains(&booked.activity)
                && !self.heard.contains(&booked_key(booked))
        });
        new.map(|booked| said(booked, at)).collect()
    }

    /// How many executions and bookings are in the books: the same number before and after a statement was asked
    /// for means that nothing was under way.
    pub(super) fn heard(&self) -> usize {
        self.heard.len()
    }

    /// What the venue states at a moment when nothing is under way.
    pub(super) fn look(&mut self, statement: &AccountReported) -> Found {
        let Some(ledger) = &self.ledger else { return Found::Equal };
        let rows = compare(ledger, statement);
        if rows.is_empty() {
            self.doubt = None;
            return Found::Equal;
        }
        let times = match self.doubt.take() {
            Some((before, times)) if before == rows => times + 1,
            _ => 1,
        };
        let table: Vec<String> = rows.iter().map(ToString::to_string).collect();
        self.doubt = Some((rows, times));
        if times < ALIKE_MIN { Found::Doubt } else { Found::Broken(table.join("; ")) }
    }
}

/// Once a session.
pub(super) fn alarm(table: String, at: Time) -> Envelope {
    let id = MessageId::event(messages::ActorId::Broker, "reconciliation");
    let body = Message::Alarm(Alarm { code: CODE.to_owned(), detail: table, symbol: None });
    Envelope { id, at, body }
}

/// A booking as a message: once by the venue's id of it, over starts as over sessions.
pub(super) fn said(booked: Booked, at: Time) -> Envelope {
    let id = MessageId::event(messages::ActorId::Broker, booked_key(&booked));
    Envelope { id, at, body: Message::Booked(booked) }
}

const CODE: &str = "RECONCILIATION";

fn fill_key(client_order_id: &str, cumulative: i64) -> String {
    format!("fill.{client_order_id}.{cumulative}")
}

fn booked_key(booked: &Booked) -> String {
    format!("booked.{}", booked.activity)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::tests::opened_with;
    use messages::{ActorId, BookedKind, Date, Filled, Holding, Price, Shares, Side, Usd};

    fn entry(body: Message) -> Envelope {
        Envelope { id: MessageId::event(ActorId::Broker, "x"), at: Time(1), body }
    }

    fn held(quantity: i64) -> Vec<Holding> {
        let price = Price(10_000_000);
        let symbol = "A".into();
        vec![Holding {
            symbol,
            quantity: Shares(quantity),
            average: price,
            mark: price,
            rounding: Usd(0),
        }]
    }

    fn fill(cumulative: i64) -> Envelope {
        entry(Message::Filled(Filled {
            client_order_id: "au-1".to_owned(),
            symbol: "A".into(),
            side: Side::Buy,
            quantity: Shares(10),
            price: Price(10_000_000),
            cumulative: Shares(cumulative),
            complete: false,
            rounding: Usd(0),
        }))
    }

    fn fee(activity: &str) -> Booked {
        Booked {
            activity: activity.to_owned(),
            date: Date::constant(2024, 1, 3),
            kind: BookedKind::Fee,
            symbol: None,
            amount: Usd(-1_000_000),
            shares: Shares(0),
            description: String::new(),
            before_open: false,
        }
    }

    fn statement(dollars: i64, quantity: i64) -> AccountReported {
        AccountReported {
            cash: Usd(dollars * 1_000_000),
            equity: Usd(0),
            positions: held(quantity),
        }
    }

    /// 1,000 in cash and 5 A; the opening holds the activity `old` already.
    fn books() -> Books {
        let mut books = Books::default();
        books.hear(&entry(opened_with(Usd(1_000_000_000), held(5), &["old"])));
        books
    }

    #[test]
    fn fills_and_bookings_count_once_whoever_tells_of_them() {
        let mut books = books();
        for cumulative in [10, 10, 20] {
            books.hear(&fill(cumulative));
        }
        let new = books.new_bookings(vec![fee("old"), fee("new")], Time(3));
        assert_eq!(new.len(), 1);
        new.iter().chain(&new).for_each(|said| books.hear(said));
        assert!(books.new_bookings(vec![fee("new")], Time(4)).is_empty());
        assert_eq!(books.heard(), 3);
        assert_eq!(books.look(&statement(1_000 - 200 - 1, 25)), Found::Equal);
    }

    #[test]
    fn only_a_difference_that_stays_the_same_is_one() {
        let mut books = books();
        let wrong = statement(990, 6);
        assert_eq!(books.look(&wrong), Found::Doubt);
        assert_eq!(books.look(&statement(980, 7)), Found::Doubt, "something is under way");
        assert_eq!(books.look(&wrong), Found::Doubt);
        assert_eq!(books.look(&wrong), Found::Doubt);
        let table = "A ours +5 venue +6 off -1; cash ours 1000.00 venue 990.00 off 10.00";
        assert_eq!(books.look(&wrong), Found::Broken(table.to_owned()));
        assert_eq!(books.look(&statement(1_000, 5)), Found::Equal);
        assert_eq!(books.look(&wrong), Found::Doubt, "it starts again");
    }

    #[test]
    fn an_alarm_is_said_once_a_session() {
        let mut books = books();
        books.hear(&alarm("A ours +5 venue +6 off -1".to_owned(), Time(2)));
        assert!(books.alarmed);
    }
}
