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
        if !self.on_orders(&theirs).await? {
            return Ok(None);
        }
        let fills = self.client.fills_after(self.since()).await?;
        let told = self.desk.on_activities(&fills)?;
        self.say_all(told.say).await?;
        if !self.on_orders(&theirs).await? {
            return Ok(None);
        }
        let behind = theirs.values().find_map(|order| {
            let ours = self.desk.orders.get(&order.client_order_id)?.filled.0;
            let theirs = super::convert::shares(order.filled_qty, "filled_qty").ok()?.0;
            let client_order_id = order.client_order_id.clone();
            (theirs > ours).then_some(BrokerError::MissingFills { client_order_id, theirs, ours })
        });
        Ok(behind)
    }

    /// True if executions are missing.
    async fn on_orders(
        &mut self,
        theirs: &BTreeMap<String, model::Order>,
    ) -> Result<bool, BrokerError> {
        let mut missing = false;
        for order in theirs.values() {
            let Told { say, fills_missing } = self.desk.on_venue_order(order)?;
            self.say_all(say).await?;
            missing |= fills_missing;
        }
        Ok(missing)
    }

    /// The venue's view of what is open or perhaps there, by client order id.
    async fn open_orders(&self) -> Result<BTreeMap<String, model::Order>, BrokerError> {
        let wanted: Vec<(String, bool)> = self
            .desk
            .open()
            .map(|tracked| (tracked.order.client_order_id.clone(), tracked.venue_id.is_some()))
            .collect();
        let mut listed =
            if wanted.len() > SINGLE_MAX { self.listed().await? } else { BTreeMap::new() };
        let mut found = BTreeMap::new();
        for (id, accepted) in wanted {
            let order = match listed.remove(&id) {
                Some(order) => Some(order),
                None => self.client.order_by_client_id(&id).await?,
            };
            match order {
                Some(order) => drop(found.insert(id, order)),
                None if accepted => return Err(BrokerError::OrderLost { client_order_id: id }),
                None => {}
            }
        }
        Ok(found)
    }

    /// A page of 500 orders, the newest session's; whoever is not on it is asked for by name.
    async fn listed(&self) -> Result<BTreeMap<String, model::Order>, BrokerError> {
        let after = Some(self.since());
        let query = OrdersQuery { status: Some("all"), after, ..OrdersQuery::default() };
        let orders = self.client.orders(&query).await?;
        Ok(orders.into_iter().map(|order| (order.client_order_id.clone(), order)).collect())
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
