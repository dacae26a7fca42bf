//! What did we miss? Asked after each connection of the stream, at each phase, and when a fill does not
//! follow from the one before.

use super::BrokerError;
use super::run::Run;
use super::venue_events::Told;
use alpaca::OrdersQuery;
use alpaca::model;
use messages::{Message, Time};
use std::collections::BTreeMap;
use std::time::Duration;

/// Executions may show up in the account's list a moment after they show up in the order.
const ATTEMPTS_MAX: u32 = 8;
const PAUSE: Duration = Duration::from_millis(250);
/// Up to this many orders are asked for one by one; more are listed.
const SINGLE_MAX: usize = 3;
/// How much earlier than the first approval's own time an order or fill of it could be stamped.
const MARGIN_NANOS: i64 = 24 * 3600 * 1_000_000_000;

impl Run<'_> {
    /// Says everything about open orders that the venue knows and the journal does not.
    pub(super) async fn reconcile(&mut self) -> Result<(), BrokerError> {
        for attempt in 1.. {
            let missing = self.compare().await?;
            let Some(lacking) = missing else { break };
            if attempt == ATTEMPTS_MAX {
                return Err(lacking);
            }
            tokio::time::sleep(PAUSE).await;
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

    /// The venue's statement, if the session has come to its close.
    pub(super) async fn report_account(&mut self) -> Result<(), BrokerError> {
        if !self.desk.account_due {
            return Ok(());
        }
        let (account, positions) = (self.client.account().await?, self.client.positions().await?);
        let at = self.client.clock().await?.timestamp.0;
        let statement = super::account::statement(&account, &positions)?;
        self.desk.account_due = false;
        self.say("account".to_owned(), at, Message::AccountReported(statement)).await
    }
}
