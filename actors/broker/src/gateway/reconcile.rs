//! What did we miss? Asked after each connection of the stream, at each phase, and when a fill does not
//! follow from the one before.

use super::activities::{self, bookings};
use super::books::{self, Found};
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
/// Up to this many orders are asked for one by one; more are listed.
const SINGLE_MAX: usize = 3;
/// How much earlier than the first approval's own time an order or fill of it could be stamped.
const MARGIN_NANOS: i64 = 24 * 3600 * 1_000_000_000;

impl<W: World> Run<'_, W> {
    /// Says everything about open orders that the venue knows and the journal does not.
    pub(super) async fn reconcile(&mut self) -> Result<(), BrokerError> {
        for attempt in 1.. {
            let missing = self.compare().await?;
            let Some(lacking) = missing else { break };
            if attempt == ATTEMPTS_MAX {
                return Err(lacking);
            }
            self.timer.sleep_until(self.timer.now() + PAUSE).await;
        }
        Ok(())
    }

    /// One round; what is still missing after it.
    async fn compare(&mut self) -> Result<Option<BrokerError>, BrokerError> {
        let theirs = self.open_orders().await?;
        if self.on_orders(&theirs).await?.is_none() {
            return Ok(None);
        }
        let fills = self.client.fills_after(self.since()).await?;
        let say = self.desk.on_activities(&fills)?;
        self.say_all(say).await?;
        self.on_orders(&theirs).await
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
    async fn open_orders(&self) -> Result<Vec<model::Order>, BrokerError> {
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
                None => self.client.order_by_client_id(&id).await?,
            };
            match order {
                Some(order) => found.push(order),
                None if accepted => return Err(BrokerError::OrderLost { client_order_id: id }),
                None => {}
            }
        }
        Ok(found)
    }

    /// All orders of late by client order id, and whether those are all: a full page may not be.
    async fn listed(&self) -> Result<(BTreeMap<String, model::Order>, bool), BrokerError> {
        let after = Some(self.since());
        let query = OrdersQuery { status: Some("all"), after, ..OrdersQuery::default() };
        let orders = self.client.orders(&query).await?;
        let complete = orders.len() < OrdersQuery::PAGE;
        let by_id = orders.into_iter().map(|order| (order.client_order_id.clone(), order));
        Ok((by_id.collect(), complete))
    }

    fn since(&self) -> Time {
        Time(self.desk.first_approval().unwrap_or_default().0.saturating_sub(MARGIN_NANOS))
    }

    /// The venue's statement, if the session has come to its close, and what it holds that is no fill.
    pub(super) async fn report_account(&mut self) -> Result<(), BrokerError> {
        if !self.desk.account_due {
            return Ok(());
        }
        let (statement, at) = self.statement().await?;
        self.desk.account_due = false;
        self.say("account".to_owned(), at, Message::AccountReported(statement)).await
    }

    /// The account, at a moment when no booking was under way.
    async fn statement(&mut self) -> Result<(AccountReported, Time), BrokerError> {
        loop {
            let known = self.books.heard();
            self.say_booked().await?;
            let (account, positions) =
                (self.client.account().await?, self.client.positions().await?);
            let at = self.client.clock().await?.timestamp.0;
            self.say_booked().await?;
            // Bookings are few, and each is said once: this ends.
            if self.books.heard() == known {
                return Ok((account::statement(&account, &positions)?, at));
            }
        }
    }

    /// What the venue booked since the opening and the journal lacks.
    async fn say_booked(&mut self) -> Result<(), BrokerError> {
        let Some(since) = self.books.since() else { return Ok(()) };
        let listed = self.client.booked_after(activities::begin(since)).await?;
        if listed.is_empty() {
            return Ok(());
        }
        let at = self.client.clock().await?.timestamp.0;
        let new = self.books.new_bookings(bookings(&listed)?, at);
        self.say_all(new).await
    }

    /// What the opening holds already: found by the conductor, journaled here.
    pub(super) async fn say_overnight(&mut self, opened: &Envelope) -> Result<(), BrokerError> {
        let Message::SessionOpened(session) = &opened.body else { return Ok(()) };
        let overnight = session.overnight.iter().flat_map(|overnight| overnight.booked.clone());
        self.say_all(overnight.map(|booked| books::said(booked, opened.at)).collect()).await
    }

    /// Our books against the venue's account: orders and fills first, then cash and shares, and only if no fill and
    /// no booking came in between. A difference that stays halts, with its table.
    pub(super) async fn check_books(&mut self) -> Result<(), BrokerError> {
        self.check_at = self.timer.now() + CHECK_EVERY;
        if self.books.alarmed {
            return Ok(());
        }
        self.reconcile().await?;
        let known = self.books.heard();
        let (statement, at) = self.statement().await?;
        self.reconcile().await?;
        if self.books.heard() != known {
            self.check_at = self.timer.now() + CHECK_AGAIN;
            return Ok(());
        }
        match self.books.look(&statement) {
            Found::Equal => Ok(()),
            Found::Doubt => {
                self.check_at = self.timer.now() + CHECK_AGAIN;
                Ok(())
            }
            Found::Broken(table) => {
                tracing::error!(table, "our books differ from the venue's account");
                let alarm = books::alarm(table, at);
                self.desk.on_entry(&alarm);
                self.say_all(vec![alarm]).await
            }
        }
    }
}
