//! The venue of a backtest of given weights: fills whole at the open, charges flat basis points, keeps an account of
//! its own. What it states is compared with our ledger every session, as Alpaca's statement is.

use super::plan::PlanError;
use costs::{Dealt, FlatCosts, mark};
use messages::{
    AccountReported, Bars, Booked, BookedKind, Date, Filled, Holding, Order, Shares, Symbol, Usd,
};
use reporting::Position;
use std::collections::BTreeMap;

#[derive(Debug)]
pub struct Venue {
    costs: FlatCosts,
    cash: Usd,
    /// None of them flat.
    book: BTreeMap<Symbol, Position>,
    /// Of the session, and not charged yet.
    traded: Usd,
}

impl Venue {
    pub fn new(costs: FlatCosts, cash: Usd) -> Self {
        Self { costs, cash, book: BTreeMap::new(), traded: Usd(0) }
    }

    /// The whole order at the open of `today`.
    pub fn fill(&mut self, order: &Order, today: &Bars) -> Result<Filled, PlanError> {
        let open = today.row(&order.symbol).map(|row| today.open[row]);
        let Some(Dealt { price, rounding }) =
            open.and_then(|open| self.costs.deal(order.side, order.quantity, open))
        else {
            let why = "it is to be traded there";
            return Err(no_price(&order.symbol, today.session, "open", why));
        };
        let fill = Filled {
            client_order_id: order.client_order_id.clone(),
            symbol: order.symbol.clone(),
            side: order.side,
            quantity: order.quantity,
            price,
            cumulative: order.quantity,
            complete: true,
            rounding,
        };
        let value = fill.value();
        self.traded += value;
        self.cash -= Usd(order.side.sign() * value.0);
        let held = self.book.entry(order.symbol.clone()).or_default();
        held.fill(fill.change(), price);
        if held.quantity == Shares(0) {
            self.book.remove(&order.symbol);
        }
        Ok(fill)
    }

    /// The commission of the day; `None` if nothing was traded or nothing is charged.
    pub fn charge(&mut self, date: Date) -> Option<Booked> {
        let traded = std::mem::take(&mut self.traded);
        let fee = self.costs.commission(traded);
        self.cash -= fee;
        (fee != Usd(0)).then(|| Booked {
            activity: format!("commission-{}", date.strftime("%Y%m%d")),
            date,
            kind: BookedKind::Fee,
            symbol: None,
            amount: -fee,
            shares: Shares(0),
            description: format!("commission, {} bp of {traded}", self.costs.commission_bp),
            before_open: false,
        })
    }

    /// At the closes of `today`.
    pub fn statement(&self, today: &Bars) -> Result<AccountReported, PlanError> {
        let positions: Vec<Holding> =
            self.book.iter().map(|held| holding(held, today)).collect::<Result<_, _>>()?;
        let equity = self.cash + positions.iter().map(Holding::value).sum();
        Ok(AccountReported { cash: self.cash, equity, positions })
    }
}

fn holding((symbol, held): (&Symbol, &Position), today: &Bars) -> Result<Holding, PlanError> {
    let close = today.row(symbol).map(|row| today.close[row]);
    match close.and_then(|close| mark(held.quantity, close)) {
        Some(Dealt { price, rounding }) => Ok(Holding {
            symbol: symbol.clone(),
            quantity: held.quantity,
            average: held.average(),
            mark: price,
            rounding,
        }),
        None => Err(no_price(symbol, today.session, "close", "it is held there")),
    }
}

pub fn no_price(symbol: &Symbol, date: Date, when: &'static str, why: &'static str) -> PlanError {
    PlanError::NoPrice { symbol: symbol.clone(), date, when, why }
}
