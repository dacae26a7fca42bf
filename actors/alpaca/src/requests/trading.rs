//! The trading API.

use crate::client::Api;
use crate::error::AlpacaError;
use crate::model::{
    Account, AccountConfigurations, Activity, Amount, Asset, CalendarDay, CancelOutcome, Clock,
    CloseOutcome, NewOrder, Order, PortfolioHistory, Position, ReplaceOrder, SetClock,
    SimulationClock,
};
use crate::{Client, time};
use messages::{Date, Time};
use std::fmt::Write;

/// `GET /v2/orders`. Alpaca has no page token here: page by `after`, ascending.
#[derive(Clone, Debug, Default)]
pub struct OrdersQuery {
    /// `open` (the default), `closed` or `all`.
    pub status: Option<&'static str>,
    /// Submitted after; exclusive.
    pub after: Option<Time>,
    pub symbols: Vec<String>,
}

/// `GET /v2/account/activities`, oldest first, 100 at a time.
#[derive(Clone, Debug, Default)]
pub struct ActivitiesQuery {
    /// Exclusive.
    pub after: Option<Time>,
    /// Id of the last activity of the page before.
    pub page_token: Option<String>,
}

/// `GET /v2/account/portfolio/history`: at most two of `start`, `end` and `period`.
#[derive(Clone, Debug, Default)]
pub struct PortfolioQuery {
    /// A number and `D`, `W`, `M` or `A`; a month if nothing is said.
    pub period: Option<String>,
    /// `1Min`, `5Min`, `15Min`, `1H`, `1D`; what is left out depends on the period.
    pub timeframe: Option<String>,
    pub start: Option<Time>,
    pub end: Option<Time>,
}

/// How much of a position to close.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Closing {
    All,
    Qty(Amount),
    /// 0 to 100.
    Percentage(Amount),
}

const ACTIVITIES_PER_PAGE: usize = 100;

impl OrdersQuery {
    /// Orders on a page; fewer mean that there are no more.
    pub const PAGE: usize = 500;
}

impl Client {
    pub async fn account(&self) -> Result<Account, AlpacaError> {
        self.get(Api::Trading, "/v2/account", &[]).await
    }

    pub async fn configurations(&self) -> Result<AccountConfigurations, AlpacaError> {
        self.get(Api::Trading, "/v2/account/configurations", &[]).await
    }

    /// Changes what `change` mentions; the answer is all of it.
    pub async fn configure(
        &self,
        change: &AccountConfigurations,
    ) -> Result<AccountConfigurations, AlpacaError> {
        self.patch("/v2/account/configurations", change).await
    }

    /// How the account's worth went.
    pub async fn portfolio_history(
        &self,
        query: &PortfolioQuery,
    ) -> Result<PortfolioHistory, AlpacaError> {
        let mut pairs = Vec::new();
        pairs.extend(query.period.clone().map(|period| ("period", period)));
        pairs.extend(query.timeframe.clone().map(|timeframe| ("timeframe", timeframe)));
        pairs.extend(query.start.map(|start| ("start", time::utc(start))));
        pairs.extend(query.end.map(|end| ("end", time::utc(end))));
        self.get(Api::Trading, "/v2/account/portfolio/history", &pairs).await
    }

    pub async fn positions(&self) -> Result<Vec<Position>, AlpacaError> {
        self.get(Api::Trading, "/v2/positions", &[]).await
    }

    /// By symbol or asset id; `None` if there is none.
    pub async fn position(&self, name: &str) -> Result<Option<Position>, AlpacaError> {
        let path = format!("/v2/positions/{}", segment(name));
        found(self.get(Api::Trading, &path, &[]).await)
    }

    /// By a market order, which is the answer. Refused while open orders hold the shares.
    pub async fn close_position(&self, name: &str, how: Closing) -> Result<Order, AlpacaError> {
        let query = match how {
            Closing::All => Vec::new(),
            Closing::Qty(qty) => vec![("qty", qty.to_string())],
            Closing::Percentage(percentage) => vec![("percentage", percentage.to_string())],
        };
        self.delete(&format!("/v2/positions/{}", segment(name)), &query).await
    }

    /// What became of each, and of each order that was cancelled first.
    pub async fn close_all_positions(
        &self,
        cancel_orders: bool,
    ) -> Result<Vec<CloseOutcome>, AlpacaError> {
        self.delete("/v2/positions", &[("cancel_orders", cancel_orders.to_string())]).await
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
        self.assets_of("us_equity").await
    }

    /// All active assets of a class: `us_equity`, `crypto`.
    pub async fn assets_of(&self, class: &str) -> Result<Vec<Asset>, AlpacaError> {
        let query = [("status", "active".to_owned()), ("asset_class", class.to_owned())];
        self.get(Api::Trading, "/v2/assets", &query).await
    }

    /// By symbol or id, active or not; `None` if there is none.
    pub async fn asset(&self, name: &str) -> Result<Option<Asset>, AlpacaError> {
        found(self.get(Api::Trading, &format!("/v2/assets/{}", segment(name)), &[]).await)
    }

    /// Sent once. After a transient error the order may exist: look it up before anything else.
    pub async fn submit_order(&self, order: &NewOrder) -> Result<Order, AlpacaError> {
        let subject = order.client_order_id.as_deref().unwrap_or(&order.symbol);
        self.post("/v2/orders", order, subject).await
    }

    /// Sent once. The answer is a new order in the old one's place; if the old one fills first, the
    /// trade stream says that the new one was rejected.
    pub async fn replace_order(
        &self,
        order_id: &str,
        change: &ReplaceOrder,
    ) -> Result<Order, AlpacaError> {
        self.patch(&format!("/v2/orders/{}", segment(order_id)), change).await
    }

    /// By Alpaca's id, its legs with it; `None` if this account has never seen it.
    pub async fn order(&self, order_id: &str) -> Result<Option<Order>, AlpacaError> {
        let path = format!("/v2/orders/{}", segment(order_id));
        found(self.get(Api::Trading, &path, &[("nested", "true".to_owned())]).await)
    }

    /// `None` if this account has never seen the id.
    pub async fn order_by_client_id(&self, id: &str) -> Result<Option<Order>, AlpacaError> {
        let query = [("client_order_id", id.to_owned())];
        found(self.get(Api::Trading, "/v2/orders:by_client_order_id", &query).await)
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
        self.delete(&format!("/v2/orders/{}", segment(order_id)), &[]).await
    }

    /// Asks for cancellation of all open orders: what was made of each request.
    pub async fn cancel_all(&self) -> Result<Vec<CancelOutcome>, AlpacaError> {
        self.delete("/v2/orders", &[]).await
    }

    /// A page of executions, oldest first, 100 at most.
    pub async fn fills(&self, query: &ActivitiesQuery) -> Result<Vec<Activity>, AlpacaError> {
        self.get(Api::Trading, "/v2/account/activities/FILL", &query.pairs()).await
    }

    /// A page of all that moved the account, oldest first, 100 at most.
    pub async fn activities(&self, query: &ActivitiesQuery) -> Result<Vec<Activity>, AlpacaError> {
        self.get(Api::Trading, "/v2/account/activities", &query.pairs()).await
    }

    /// All executions after `after`, oldest first, over as many pages as there are.
    pub async fn fills_after(&self, after: Time) -> Result<Vec<Activity>, AlpacaError> {
        self.activities_after("/v2/account/activities/FILL", &[], after).await
    }

    /// All that moved the account after `after` and was no execution, oldest first, over as many pages as there are.
    pub async fn booked_after(&self, after: Time) -> Result<Vec<Activity>, AlpacaError> {
        let category = [("category", "non_trade_activity".to_owned())];
        self.activities_after("/v2/account/activities", &category, after).await
    }

    async fn activities_after(
        &self,
        path: &str,
        which: &[(&'static str, String)],
        after: Time,
    ) -> Result<Vec<Activity>, AlpacaError> {
        let mut all: Vec<Activity> = Vec::new();
        loop {
            let page_token = all.last().map(|last| last.id.clone());
            let query = ActivitiesQuery { after: Some(after), page_token };
            let pairs = [query.pairs().as_slice(), which].concat();
            let page: Vec<Activity> = self.get(Api::Trading, path, &pairs).await?;
            let complete = page.len() < ACTIVITIES_PER_PAGE;
            if let Some(again) = page.iter().find(|new| all.iter().any(|old| old.id == new.id)) {
                return Err(AlpacaError::Pages {
                    request: format!("GET {path} {:?}", query.page_token),
                    detail: format!("activity {} was on a page before", again.id),
                });
            }
            all.extend(page);
            if complete {
                return Ok(all);
            }
        }
    }

    /// Moves the clock of our own simulated venue, and with it its market. Alpaca answers 404.
    pub async fn set_clock(&self, now: Time) -> Result<Clock, AlpacaError> {
        self.post("/aurora/v1/clock", &SetClock { now: now.into() }, &time::utc(now)).await
    }

    /// Whether it is our own simulated venue with a clock that stands still until [`Client::set_clock`] moves it.
    pub async fn is_stepped(&self) -> Result<bool, AlpacaError> {
        let clock: Option<SimulationClock> =
            found(self.get(Api::Trading, "/aurora/v1/clock", &[]).await)?;
        Ok(clock.is_some_and(|clock| clock.stepped))
    }
}

impl ActivitiesQuery {
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs =
            vec![("direction", "asc".to_owned()), ("page_size", ACTIVITIES_PER_PAGE.to_string())];
        pairs.extend(self.after.map(|after| ("after", time::utc(after))));
        pairs.extend(self.page_token.clone().map(|token| ("page_token", token)));
        pairs
    }
}

/// `None` for a 404 in Alpaca's own form.
fn found<T>(answer: Result<T, AlpacaError>) -> Result<Option<T>, AlpacaError> {
    match answer {
        Ok(body) => Ok(Some(body)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

/// As one piece of a path: `BTC/USD` becomes `BTC%2FUSD`.
fn segment(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                text.push(char::from(byte));
            }
            _ => write!(text, "%{byte:02X}").expect("writing to a String"),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_piece_of_a_path() {
        assert_eq!(segment("BTC/USD"), "BTC%2FUSD");
        assert_eq!(segment("BRK.B"), "BRK.B");
        assert_eq!(segment("../x?y"), "..%2Fx%3Fy");
    }
}
