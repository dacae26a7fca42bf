//! What can be asked of Alpaca, one function per question.

use crate::client::Api;
use crate::error::AlpacaError;
use crate::model::{
    Account, Activity, Asset, BarsPage, CalendarDay, Clock, NewOrder, Order, Position, SetClock,
};
use crate::{Client, time};
use messages::{Date, Time};

/// `GET /v2/orders`. Alpaca has no page token here: page by `after`, ascending.
#[derive(Clone, Debug, Default)]
pub struct OrdersQuery {
    /// `open` (the default), `closed` or `all`.
    pub status: Option<&'static str>,
    /// Submitted after; exclusive.
    pub after: Option<Time>,
    pub symbols: Vec<String>,
}

/// `GET /v2/account/activities/FILL`, oldest first, 100 at a time.
#[derive(Clone, Debug, Default)]
pub struct ActivitiesQuery {
    /// Exclusive.
    pub after: Option<Time>,
    /// Id of the last activity of the page before.
    pub page_token: Option<String>,
}

/// `GET /v2/stocks/bars`. Pages are ordered by symbol, then time.
#[derive(Clone, Debug)]
pub struct BarsQuery {
    pub symbols: Vec<String>,
    /// `1Day`, `1Min`, …
    pub timeframe: String,
    /// Both inclusive.
    pub start: Time,
    pub end: Time,
    /// `raw`, `split`, `dividend`, `all`.
    pub adjustment: String,
    /// `sip`, `iex`, …
    pub feed: String,
    /// The day whose symbols are meant, so that a rename does not cut history off.
    pub asof: Option<Date>,
    pub page_token: Option<String>,
}

/// Largest pages that Alpaca gives.
const BARS_PER_PAGE: usize = 10_000;
const ACTIVITIES_PER_PAGE: usize = 100;

impl OrdersQuery {
    /// Orders on a page; fewer mean that there are no more.
    pub const PAGE: usize = 500;
}

impl Client {
    pub async fn account(&self) -> Result<Account, AlpacaError> {
        self.get(Api::Trading, "/v2/account", &[]).await
    }

    pub async fn positions(&self) -> Result<Vec<Position>, AlpacaError> {
        self.get(Api::Trading, "/v2/positions", &[]).await
    }

    pub async fn clock(&self) -> Result<Clock, AlpacaError> {
        self.get(Api::Trading, "/v2/clock", &[]).await
    }

    /// Trading days from `start` to `end`, both inclusive.
    pub async fn calendar(&self, start: Date, end: Date) -> Result<Vec<CalendarDay>, AlpacaError> {
        let query = [("start", start.to_string()), ("end", end.to_string())];
        self.get(Api::Trading, "/v2/calendar", &query).await
    }

    /// All active US equities.
    pub async fn assets(&self) -> Result<Vec<Asset>, AlpacaError> {
        let query = [("status", "active".to_owned()), ("asset_class", "us_equity".to_owned())];
        self.get(Api::Trading, "/v2/assets", &query).await
    }

    /// Sent once. After a transient error the order may exist: look it up before anything else.
    pub async fn submit_order(&self, order: &NewOrder) -> Result<Order, AlpacaError> {
        let subject = order.client_order_id.as_deref().unwrap_or(&order.symbol);
        self.post("/v2/orders", order, subject).await
    }

    /// `None` if this account has never seen the id.
    pub async fn order_by_client_id(&self, id: &str) -> Result<Option<Order>, AlpacaError> {
        let query = [("client_order_id", id.to_owned())];
        match self.get(Api::Trading, "/v2/orders:by_client_order_id", &query).await {
            Ok(order) => Ok(Some(order)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A page of orders, oldest first, 500 at most.
    pub async fn orders(&self, query: &OrdersQuery) -> Result<Vec<Order>, AlpacaError> {
        let mut pairs =
            vec![("limit", OrdersQuery::PAGE.to_string()), ("direction", "asc".to_owned())];
        pairs.extend(query.status.map(|status| ("status", status.to_owned())));
        pairs.extend(query.after.map(|after| ("after", time::utc(after))));
        if !query.symbols.is_empty() {
            pairs.push(("symbols", query.symbols.join(",")));
        }
        self.get(Api::Trading, "/v2/orders", &pairs).await
    }

    /// Asks for cancellation; whether and when it happens, the trade stream says. An order that is
    /// over already is a refusal.
    pub async fn cancel(&self, order_id: &str) -> Result<(), AlpacaError> {
        self.delete(&format!("/v2/orders/{order_id}")).await
    }

    /// A page of executions, oldest first, 100 at most.
    pub async fn fills(&self, query: &ActivitiesQuery) -> Result<Vec<Activity>, AlpacaError> {
        let mut pairs =
            vec![("direction", "asc".to_owned()), ("page_size", ACTIVITIES_PER_PAGE.to_string())];
        pairs.extend(query.after.map(|after| ("after", time::utc(after))));
        pairs.extend(query.page_token.clone().map(|token| ("page_token", token)));
        self.get(Api::Trading, "/v2/account/activities/FILL", &pairs).await
    }

    /// All executions after `after`, oldest first, over as many pages as there are.
    pub async fn fills_after(&self, after: Time) -> Result<Vec<Activity>, AlpacaError> {
        let mut all: Vec<Activity> = Vec::new();
        loop {
            let page_token = all.last().map(|last| last.id.clone());
            let query = ActivitiesQuery { after: Some(after), page_token };
            let page = self.fills(&query).await?;
            let complete = page.len() < ACTIVITIES_PER_PAGE;
            all.extend(page);
            if complete {
                return Ok(all);
            }
        }
    }

    /// One page; `next_page_token` leads to the next.
    pub async fn bars_page(&self, query: &BarsQuery) -> Result<BarsPage, AlpacaError> {
        let mut pairs = vec![
            ("symbols", query.symbols.join(",")),
            ("timeframe", query.timeframe.clone()),
            ("start", time::utc(query.start)),
            ("end", time::utc(query.end)),
            ("limit", BARS_PER_PAGE.to_string()),
            ("adjustment", query.adjustment.clone()),
            ("feed", query.feed.clone()),
            ("sort", "asc".to_owned()),
        ];
        pairs.extend(query.asof.map(|asof| ("asof", asof.to_string())));
        pairs.extend(query.page_token.clone().map(|token| ("page_token", token)));
        self.get(Api::Data, "/v2/stocks/bars", &pairs).await
    }

    /// Moves the clock of our own simulated venue, and with it its market. Alpaca answers 404.
    pub async fn set_clock(&self, now: Time) -> Result<Clock, AlpacaError> {
        self.post("/aurora/v1/clock", &SetClock { now: now.into() }, &time::utc(now)).await
    }
}
