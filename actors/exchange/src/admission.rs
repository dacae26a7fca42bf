//! What the exchange takes and what it refuses, in Alpaca's words.

use super::asset::Asset;
use super::exchange::Exchange;
use super::order::ClassName;
use super::refusal::Refusal;
use super::request::{Exit, NewOrder, OrderClass, OrderKind, PositionIntent, Size, TimeInForce};
use super::terms::{check_terms, class_name, exits, is_fractional};
use jiff::civil::Time as Clock;
use messages::Side;
use rust_decimal::prelude::Signed;
use rust_decimal::{Decimal, RoundingStrategy};

/// Longest client order id, in characters.
const CLIENT_ORDER_ID_MAX: usize = 128;
/// Decimals of a quantity; coins have no more, of shares no more are taken.
pub(super) const QUANTITY_DECIMALS: u32 = 9;
/// Dollars that an order is worth at least: coins, and fractions of shares; coins at most.
const COIN_COST_MIN: Decimal = Decimal::TEN;
const FRACTION_COST_MIN: Decimal = Decimal::ONE;
const COIN_COST_MAX: Decimal = Decimal::from_parts(200_000, 0, 0, false, 0);
const MINUTE: i64 = 60_000_000_000;

/// An order that may be placed, in its simplest terms.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    pub(super) asset: usize,
    pub(super) client_order_id: Option<String>,
    pub(super) side: Side,
    pub(super) notional: Option<Decimal>,
    /// Of a notional order: an estimate.
    pub(super) quantity: Decimal,
    pub(super) kind: OrderKind,
    pub(super) time_in_force: TimeInForce,
    pub(super) extended_hours: bool,
    pub(super) class: ClassName,
    pub(super) exits: Vec<OrderKind>,
    pub(super) intent: PositionIntent,
    /// Dollars per share or coin that it is counted at, if it opens.
    pub(super) worst: Decimal,
}

/// What an order is for: a position is closed whatever it is worth.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Order,
    Liquidation,
}

impl Exchange {
    /// The whole policy, top to bottom; the first reason wins.
    pub(super) fn admit(
        &mut self,
        request: &NewOrder,
        purpose: Purpose,
    ) -> Result<Admitted, Refusal> {
        if !self.permissions.trade {
            return Err(Refusal::forbidden("new orders are rejected by user request"));
        }
        let name = request.symbol.as_str();
        let asset = self.market.find_alias(name).ok_or_else(|| unknown_asset(name))?;
        self.look(asset);
        let market = std::sync::Arc::clone(&self.market);
        let info = &market.assets()[asset];
        check_terms(info, request)?;
        if !self.permissions.fractional && !info.is_crypto() && is_fractional(request.size) {
            return Err(Refusal::forbidden("fractional trading is not enabled for this account"));
        }
        self.check_client_order_id(request.client_order_id.as_deref())?;
        self.check_auction_hours(info, request.time_in_force)?;
        let no_price = || Refusal::invalid(format!("asset \"{name}\" has no price yet"));
        let last = self.ledger.price(asset).ok_or_else(no_price)?;
        let (quantity, notional) = size(info, request, last)?;
        let kind = truncated(info, request.kind);
        let held = self.ledger.book(asset).quantity;
        let opens = held.signum() != Decimal::from(-request.side.sign());
        let mut order = Admitted {
            asset,
            client_order_id: request.client_order_id.clone(),
            side: request.side,
            notional,
            quantity,
            kind,
            time_in_force: request.time_in_force,
            extended_hours: request.extended_hours,
            class: class_name(&request.class),
            exits: exits(&request.class),
            intent: PositionIntent::of(request.side, opens),
            worst: worst_price(request.side, kind, last),
        };
        if let Some(notional) = notional {
            order.worst = notional / quantity;
        }
        if purpose == Purpose::Order {
            check_cost(info, &order, last)?;
        }
        self.check_position(info, request, &order, last)?;
        Ok(order)
    }

    /// Against the position there is, the other open orders, and the account.
    fn check_position(
        &self,
        info: &Asset,
        request: &NewOrder,
        order: &Admitted,
        last: Decimal,
    ) -> Result<(), Refusal> {
        let opens = order.intent == PositionIntent::of(order.side, true);
        if opens && order.side == Side::Sell {
            self.check_short(info, order)?;
        }
        if !opens && order.side == Side::Buy && is_fractional(request.size) {
            // Shorts are of whole shares.
            return Err(Refusal::invalid("fractional orders cannot close a short position"));
        }
        check_class(request, order, opens, last)?;
        self.check_wash(order, opens)?;
        if let Some(wanted) = request.position_intent.filter(|wanted| *wanted != order.intent) {
            return Err(Refusal::invalid(format!(
                "position intent mismatch, inferred: {}, specified: {wanted}",
                order.intent
            )));
        }
        if opens {
            let cost = order.worst * order.quantity;
            self.check_buying_power(info, cost, Decimal::ZERO)
        } else {
            let free = self.free_quantity(order.asset, Decimal::ZERO);
            self.check_available(info, order.quantity, free)
        }
    }

    pub(super) fn check_client_order_id(&self, id: Option<&str>) -> Result<(), Refusal> {
        let Some(id) = id else {
            return Ok(());
        };
        if id.chars().count() > CLIENT_ORDER_ID_MAX {
            let message = "client_order_id must be no more than 128 characters";
            return Err(Refusal::malformed(message));
        }
        if self.orders.place_of_client_id(id).is_some() {
            return Err(Refusal::malformed("client_order_id must be unique"));
        }
        Ok(())
    }

    /// Alpaca takes orders for the opening auction until two minutes before it, for the closing auction
    /// until ten minutes before it, and for the next session's from 19:00 on.
    pub(super) fn check_auction_hours(
        &self,
        info: &Asset,
        time_in_force: TimeInForce,
    ) -> Result<(), Refusal> {
        let calendar = self.market.calendar();
        let local = calendar.local(self.now);
        let sessions = calendar.sessions();
        let today = sessions.binary_search_by_key(&local.date(), |session| session.date);
        let Some(today) = today.ok().filter(|_| !info.is_crypto()) else {
            return Ok(());
        };
        let (end, message) = match time_in_force {
            TimeInForce::Opg => (
                sessions[today].open.0 - 2 * MINUTE,
                "opg orders are taken before 9:28am and after 7:00pm New York time",
            ),
            TimeInForce::Cls => (
                sessions[today].close.0 - 10 * MINUTE,
                "cls orders are taken before 3:50pm and after 7:00pm New York time",
            ),
            _ => return Ok(()),
        };
        if self.now.0 >= end && local.time() < Clock::constant(19, 0, 0, 0) {
            return Err(Refusal::invalid(message));
        }
        Ok(())
    }

    fn check_short(&self, info: &Asset, order: &Admitted) -> Result<(), Refusal> {
        let symbol = &info.symbol;
        if info.is_crypto() {
            return Err(insufficient_balance(coin(info), order.quantity, Decimal::ZERO));
        }
        if order.notional.is_some() || !order.quantity.fract().is_zero() {
            return Err(Refusal::invalid("fractional orders cannot be sold short"));
        }
        if !self.may_short() {
            return Err(Refusal::forbidden("account is not allowed to short"));
        }
        if !info.shortable || !info.easy_to_borrow {
            let message = format!("asset \"{symbol}\" cannot be sold short");
            return Err(Refusal::invalid(message));
        }
        Ok(())
    }

    /// An order that opens a position must not meet one that would open the opposite one.
    fn check_wash(&self, order: &Admitted, opens: bool) -> Result<(), Refusal> {
        let held = self.ledger.book(order.asset).quantity;
        let opening = |other: &&super::order::OrderState| other.opens() && held.is_zero();
        let mut others = self.orders.opposite(order.asset, order.side, None);
        if opens && others.any(|other| opening(&other)) {
            return Err(Refusal::forbidden(match order.side {
                Side::Sell => "cannot open a short sell while a long buy order is open",
                Side::Buy => "cannot open a long buy while a short sell order is open",
            }));
        }
        if order.class == ClassName::Simple { self.check_crossing(order) } else { Ok(()) }
    }

    /// Two open orders of one account must not be able to trade with each other.
    pub(super) fn check_crossing(&self, order: &Admitted) -> Result<(), Refusal> {
        let mut crossing = self.orders.opposite(order.asset, order.side, order.kind.limit());
        let Some(existing) = crossing.next() else {
            return Ok(());
        };
        let reason = match existing.kind {
            OrderKind::Limit { .. } => "opposite side limit order exists",
            _ => "opposite side market/stop order exists",
        };
        Err(Refusal::forbidden("potential wash trade detected. use complex orders")
            .with("existing_order_id", &existing.id)
            .with("reject_reason", &reason))
    }

    /// `released`: what an order that this one replaces holds back.
    pub(super) fn check_buying_power(
        &self,
        info: &Asset,
        cost: Decimal,
        released: Decimal,
    ) -> Result<(), Refusal> {
        let cost = cost.round_dp(2).normalize();
        if info.is_crypto() {
            let cash = (self.spendable() + released).normalize();
            let short = cost > cash;
            return if short { Err(insufficient_balance("USD", cost, cash)) } else { Ok(()) };
        }
        let power = (self.buying_power() + released).normalize();
        if cost > power {
            return Err(Refusal::forbidden("insufficient buying power")
                .with("buying_power", &power)
                .with("cost_basis", &cost));
        }
        Ok(())
    }

    /// What no open order holds of the position, unsigned.
    pub(super) fn free_quantity(&self, asset: usize, released: Decimal) -> Decimal {
        self.ledger.book(asset).quantity.abs() - self.orders.held_quantity(asset) + released
    }

    /// Whether the position still has what an order is to close.
    pub(super) fn check_available(
        &self,
        info: &Asset,
        requested: Decimal,
        available: Decimal,
    ) -> Result<(), Refusal> {
        let (requested, available) = (requested.normalize(), available.normalize());
        if requested <= available {
            return Ok(());
        }
        if info.is_crypto() {
            return Err(insufficient_balance(coin(info), requested, available));
        }
        let asset = self.market.find(info.symbol.as_str()).expect("it is one of the market's");
        let related =
            self.orders.open_of(asset).filter(|at| !self.orders.hold(*at).quantity.is_zero());
        let related: Vec<String> = related.map(|at| self.orders.get(at).state.id.clone()).collect();
        let message = format!(
            "insufficient qty available for order (requested: {requested}, available: {available})"
        );
        let refusal = Refusal::forbidden(message)
            .with("available", &available)
            .with("existing_qty", &self.ledger.book(asset).quantity.abs().normalize())
            .with("held_for_orders", &self.orders.held_quantity(asset).normalize())
            .with("symbol", &info.symbol);
        Err(if related.is_empty() { refusal } else { refusal.with_list("related_orders", related) })
    }
}

/// What is traded for dollars: `ETH` of `ETH/USD`.
fn coin(info: &Asset) -> &str {
    let symbol = info.symbol.as_str();
    symbol.split_once('/').map_or(symbol, |(coin, _)| coin)
}

fn unknown_asset(name: &str) -> Refusal {
    Refusal::invalid(format!("asset \"{name}\" not found"))
}

fn insufficient_balance(of: &str, requested: Decimal, available: Decimal) -> Refusal {
    let (requested, available) = (requested.normalize(), available.normalize());
    Refusal::forbidden(format!(
        "insufficient balance for {of} (requested: {requested}, available: {available})"
    ))
    .with("available", &available)
    .with("symbol", &of)
}

/// Exits lie on both sides of the price that the position is entered at.
fn check_class(
    request: &NewOrder,
    order: &Admitted,
    opens: bool,
    last: Decimal,
) -> Result<(), Refusal> {
    let refuse = |message: String, base: Decimal| {
        Err(Refusal::invalid(message).with("base_price", &base.normalize()))
    };
    let (take_profit, stop_loss) = match &request.class {
        OrderClass::Simple => return Ok(()),
        OrderClass::Oco { .. } if opens => {
            return Err(Refusal::forbidden("oco orders must be exit orders"));
        }
        OrderClass::Bracket { .. } | OrderClass::Oto(_) if !opens => {
            let class = order.class;
            return Err(Refusal::forbidden(format!("{class} orders must be entry orders")));
        }
        OrderClass::Bracket { take_profit, stop_loss } => {
            (Some(*take_profit), Some(stop_loss.stop))
        }
        OrderClass::Oco { stop_loss } => (request.kind.limit(), Some(stop_loss.stop)),
        OrderClass::Oto(Exit::TakeProfit(limit)) => (Some(*limit), None),
        OrderClass::Oto(Exit::StopLoss(stop_loss)) => (None, Some(stop_loss.stop)),
    };
    let cent = Decimal::new(1, 2);
    // The position is long if it is entered by a buy, or left by a sell.
    let up = Decimal::from(if opens { order.side.sign() } else { -order.side.sign() });
    let (above, below, sign) =
        if up > Decimal::ZERO { (">=", "<=", "+") } else { ("<=", ">=", "-") };
    let other = if sign == "+" { "-" } else { "+" };
    if let Some((profit, loss)) = take_profit.zip(stop_loss)
        && (profit - loss) * up < cent
    {
        let relation = &above[..1];
        return refuse(
            format!("take_profit.limit_price must be {relation} stop_loss.stop_price"),
            last,
        );
    }
    if !opens {
        return Ok(());
    }
    let base = order.kind.limit().unwrap_or(last);
    match (take_profit, stop_loss) {
        (Some(profit), _) if (profit - base) * up < cent => {
            refuse(format!("take_profit.limit_price must be {above} base_price {sign} 0.01"), base)
        }
        (_, Some(loss)) if (base - loss) * up < cent => {
            refuse(format!("stop_loss.stop_price must be {below} base_price {other} 0.01"), base)
        }
        _ => Ok(()),
    }
}

fn check_cost(info: &Asset, order: &Admitted, last: Decimal) -> Result<(), Refusal> {
    let cost = order.notional.unwrap_or(order.quantity * order.kind.limit().unwrap_or(last));
    let fraction = order.notional.is_some() || !order.quantity.fract().is_zero();
    let least = match (info.is_crypto(), fraction) {
        (true, _) => COIN_COST_MIN,
        (false, true) => FRACTION_COST_MIN,
        (false, false) => return Ok(()),
    };
    if cost < least {
        return Err(Refusal::forbidden(format!(
            "cost basis must be >= minimal amount of order {least}"
        )));
    }
    if info.is_crypto() && cost > COIN_COST_MAX {
        return Err(Refusal::forbidden(format!(
            "cost basis must be <= maximal amount of order {COIN_COST_MAX}"
        )));
    }
    Ok(())
}

/// Quantity, and the dollars it was given in. A purchase for dollars comes to what they buy when it
/// fills, a sale to what they are worth now.
fn size(
    info: &Asset,
    request: &NewOrder,
    last: Decimal,
) -> Result<(Decimal, Option<Decimal>), Refusal> {
    match request.size {
        Size::Quantity(quantity) => {
            let quantity = if info.is_crypto() { truncate(quantity) } else { quantity };
            let nothing = || Refusal::malformed("qty must be > 0");
            (!quantity.is_zero()).then_some((quantity, None)).ok_or_else(nothing)
        }
        Size::Notional(notional) => {
            let quantity = truncate(notional / request.kind.limit().unwrap_or(last));
            let nothing = || Refusal::malformed("notional is too small");
            (!quantity.is_zero()).then_some((quantity, Some(notional))).ok_or_else(nothing)
        }
    }
}

pub(super) fn truncate(quantity: Decimal) -> Decimal {
    quantity.round_dp_with_strategy(QUANTITY_DECIMALS, RoundingStrategy::ToZero)
}

fn truncated(info: &Asset, kind: OrderKind) -> OrderKind {
    if !info.is_crypto() {
        return kind;
    }
    match kind {
        OrderKind::Limit { limit } => OrderKind::Limit { limit: truncate(limit) },
        OrderKind::StopLimit { stop, limit } => {
            OrderKind::StopLimit { stop: truncate(stop), limit: truncate(limit) }
        }
        other => other,
    }
}

/// What a share or coin of an opening order is counted at: a buy at its limit, or 4 % above the last
/// price or its stop; a short sale at 3 % above the last price, or its limit if that is higher.
pub(super) fn worst_price(side: Side, kind: OrderKind, last: Decimal) -> Decimal {
    let percent = |percent: i64| Decimal::new(percent, 2);
    match side {
        Side::Sell => kind.limit().unwrap_or_default().max(last * percent(103)),
        Side::Buy => match kind {
            OrderKind::Limit { limit } | OrderKind::StopLimit { limit, .. } => limit,
            OrderKind::Stop { stop } => stop.max(last) * percent(104),
            OrderKind::Market | OrderKind::TrailingStop { .. } => last * percent(104),
        },
    }
}
