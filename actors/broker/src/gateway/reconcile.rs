//! What did we miss? Asked after each connection of the stream, at each phase, and when a fill does not
//! follow from the one before.

use super::activities::{self, bookings};
use super::books::{self, Found};
use super::hearing::{Broke, Due};
use super::run::Run;
use super::venue_events::Told;
use super::world::{Timer, Venue, World};
use super::{BrokerError, account};
use alpaca::OrdersQuery;
use alpaca::model;
use messages::{AccountReported, Envelope, Message, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// On a flowing clock the account is compared so often.
const CHECK_EVERY: Duration = Duration::from_secs(60);
/// And so soon again where it differed, or something was under way.
const CHECK_AGAIN: Duration = Duration::from_secs(1);
/// Executions may show up in the account's list a moment after they show up in the order.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);
/// The halves of a statement are told one after the other: after the close marks still move, seldom for so long. A statement
/// that never adds up is said as it is, and reporting will say what is off.
const ADD_UP_MAX: u32 = 60;
const ADD_UP_PAUSE: Duration = Duration::from_secs(1);
/// Up to this many orders are asked for one by one; more are listed.
const SINGLE_MAX: usize = 3;
/// How much earlier than the first approval's own time an order or fill of it could be stamped.
const MARGIN_NANOS: i64 = 24 * 3600 * 1_000_000_000;

impl<W: World> Run<'_, W> {
    /// Says everything about open orders that the venue knows and the journal does not.
    pub(super) async fn reconcile(&mut self) -> Result<(), Broke> {
        for attempt in 1.. {
            let missing = self.round().await?;
            let Some(lacking) = missing else { break };
            if attempt == ATTEMPTS_MAX {
                return Err(Broke::Unclear(lacking));
            }
            self.pause(PAUSE).await?;
        }
        Ok(())
    }

    async fn pause(&mut self, pause: Duration) -> Result<(), Broke> {
        let (timer, until) = (self.timer, self.timer.now() + pause);
        let paused = async {
            timer.sleep_until(until).await;
            Ok(())
        };
        self.ask(paused).await
    }

    /// One round; what is still missing after it.
    async fn round(&mut self) -> Result<Option<BrokerError>, Broke> {
        let theirs = self.open_orders().await?;
        if self.on_orders(&theirs).await?.is_none() {
            return Ok(None);
        }
        let (client, since) = (self.client, self.since());
        let fills = self.ask(client.fills_after(since)).await?;
        let say = self.desk.on_activities(&fills)?;
        self.say_all(say).await?;
        Ok(self.on_orders(&theirs).await?)
    }

    /// What is missing of the first order that lacks executions.
    async fn on_orders(
        &mut self,
        theirs: &[model::Order],
    ) -> Result<Option<BrokerError>, BrokerError> {
        let mut missing = None;
        for order in theirs {
            let Told { say, fills_missing } = self.desk.on_venue_order(order)?;
            self.say_all(say).await?;
            if fills_missing && missing.is_none() {
                let client_order_id = order.client_order_id.clone();
                let ours = self.desk.orders[&client_order_id].filled.0;
                let theirs = order.filled_qty.to_string();
                missing = Some(BrokerError::MissingFills { client_order_id, theirs, ours });
            }
        }
        Ok(missing)
    }

    /// The venue's view of what is open or perhaps there, in the order of approval.
    async fn open_orders(&mut self) -> Result<Vec<model::Order>, Broke> {
        let open = self.desk.open();
        let wanted: Vec<(String, bool)> = open
            .into_iter()
            .map(|tracked| (tracked.order.client_order_id.clone(), tracked.venue_id.is_some()))
            .collect();
        let (mut listed, complete) = match wanted.len() {
            0..=SINGLE_MAX => (BTreeMap::new(), false),
            _ => self.listed().await?,
        };
        let mut found = Vec::new();
        for (id, accepted) in wanted {
            let order = match listed.remove(&id) {
                Some(order) => Some(order),
                None if complete && !accepted => None,
                None => {
                    let client = self.client;
                    self.ask(client.order_by_client_id(&id)).await?
                }
            };
            match order {
                Some(order) => found.push(order),
                None if accepted => {
                    return Err(Broke::Unclear(BrokerError::OrderLost { client_order_id: id }));
                }
                None => {}
            }
        }
        Ok(found)
    }

    /// All orders of late by client order id, and whether those are all: a full page may not be.
    async fn listed(&mut self) -> Result<(BTreeMap<String, model::Order>, bool), Broke> {
        let after = Some(self.since());
        let query = OrdersQuery { status: Some("all"), after, ..OrdersQuery::default() };
        let client = self.client;
        let orders = self.ask(client.orders(&query)).await?;
        let complete = orders.len() < OrdersQuery::PAGE;
        let by_id = orders.into_iter().map(|order| (order.client_order_id.clone(), order));
        Ok((by_id.collect(), complete))
    }

    fn since(&self) -> Time {
        Time(self.desk.first_approval().unwrap_or_default().0.saturating_sub(MARGIN_NANOS))
    }

    /// The venue's statement, if the session has come to its close, and what it holds that is no fill.
    pub(super) async fn report_account(&mut self) -> Result<(), Broke> {
        if !self.desk.account_due {
            return Ok(());
        }
        let mut told = self.statement().await?;
        for _ in 0..ADD_UP_MAX {
            if account::adds_up(&told.0) {
                break;
            }
            self.pause(ADD_UP_PAUSE).await?;
            told = self.statement().await?;
        }
        let (statement, at) = told;
        self.desk.account_due = false;
        self.say("account".to_owned(), at, Message::AccountReported(statement)).await?;
        Ok(())
    }

    /// The account, at a moment when no booking was under way.
    async fn statement(&mut self) -> Result<(AccountReported, Time), Broke> {
        loop {
            let known = self.books.heard();
            self.say_booked().await?;
            let client = self.client;
            let account = self.ask(client.account()).await?;
            let positions = self.ask(client.positions()).await?;
            let at = self.ask(client.clock()).await?.timestamp.0;
            self.say_booked().await?;
            // Bookings are few, and each is said once: this ends.
            if self.books.heard() == known {
                return Ok((account::statement(&account, &positions)?, at));
            }
        }
    }

    /// What the venue booked since the opening and the journal lacks.
    async fn say_booked(&mut self) -> Result<(), Broke> {
        let Some(since) = self.books.since() else { return Ok(()) };
        let client = self.client;
        let listed = self.ask(client.booked_after(activities::begin(since))).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let at = self.ask(client.clock()).await?.timestamp.0;
        let new = self.books.new_bookings(bookings(&listed)?, at);
        Ok(self.say_all(new).await?)
    }

    /// What the opening holds already: found by the conductor, journaled here.
    pub(super) async fn say_overnight(&mut self, opened: &Envelope) -> Result<(), BrokerError> {
        let Message::SessionOpened(session) = &opened.body else { return Ok(()) };
        let overnight = session.overnight.iter().flat_map(|overnight| overnight.booked.clone());
        self.say_all(overnight.map(|booked| books::said(booked, opened.at)).collect()).await
    }

    /// Our books against the venue's account: orders and fills first, then cash and shares, and only if no fill and
    /// no booking came in between. A difference that stays halts, with its table.
    pub(super) async fn check_books(&mut self) -> Result<(), Broke> {
        let idle = self.books.alarmed && !self.desk.wants_marks();
        let pause = if idle { CHECK_EVERY } else { self.checked().await? };
        // From now on: however long it took, there is time for orders in between.
        self.check = Due::new(self.timer.now() + pause);
        Ok(())
    }

    /// How soon to look again.
    async fn checked(&mut self) -> Result<Duration, Broke> {
        self.reconcile().await?;
        let known = self.books.heard();
        let (statement, at) = self.statement().await?;
        self.reconcile().await?;
        if self.books.heard() != known {
            return Ok(CHECK_AGAIN);
        }
        // Once is enough; and what is closed after it is priced all the same.
        let found = if self.books.alarmed { Found::Equal } else { self.books.look(&statement) };
        match found {
            Found::Equal => {
                self.say_marks(&statement, at).await?;
                Ok(CHECK_EVERY)
            }
            Found::Doubt => Ok(CHECK_AGAIN),
            Found::Broken(table) => {
                tracing::error!(table, "our books differ from the venue's account");
                let alarm = books::alarm(table, at);
                self.desk.on_entry(&alarm);
                self.say_all(vec![alarm]).await?;
                Ok(CHECK_EVERY)
            }
        }
    }

    async fn say_marks(&mut self, statement: &AccountReported, at: Time) -> Result<(), Broke> {
        if !self.desk.wants_marks() {
            return Ok(());
        }
        let marked = Message::Marked(account::marked(statement));
        Ok(self.say(format!("marked.{}", at.0), at, marked).await?)
    }
}
