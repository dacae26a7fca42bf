//! Alpaca's decimals as our integers and back: exactly, or not at all.

use super::BrokerError;
use alpaca::model::{self, Amount, NewOrder};
use messages::{Order, Price, Shares, Side, TimeInForce, Usd};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

const MICRO: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

pub(super) fn shares(amount: Amount, what: &str) -> Result<Shares, BrokerError> {
    whole(amount.0).map(Shares).ok_or_else(|| not(what, amount, "we hold and trade whole shares"))
}

pub(super) fn price(amount: Amount, what: &str) -> Result<Price, BrokerError> {
    let micros = micros(amount.0).filter(|micros| *micros > 0);
    micros
        .map(Price)
        .ok_or_else(|| not(what, amount, "prices are positive, with six decimals at most"))
}

pub(super) fn usd(amount: Amount, what: &str) -> Result<Usd, BrokerError> {
    micros(amount.0).map(Usd).ok_or_else(|| not(what, amount, "dollars have six decimals at most"))
}

/// A mean of prices, which the venue has rounded already: to the nearest $0.000001.
pub(super) fn mean_price(amount: Amount, what: &str) -> Result<Price, BrokerError> {
    let rounded = amount.0.round_dp_with_strategy(6, RoundingStrategy::MidpointAwayFromZero);
    price(Amount(rounded), what)
}

/// `most` where the amount is larger.
pub(super) fn capped(amount: Amount, most: i64) -> Amount {
    Amount(amount.0.min(Decimal::from(most)))
}

pub(super) fn present<T>(value: Option<T>, what: &str) -> Result<T, BrokerError> {
    value.ok_or_else(|| BrokerError::Incomplete { what: what.to_owned() })
}

/// An order for whole shares, under our id. One that closes a position says so: the venue refuses it if it would open one.
pub(super) fn new_order(order: &Order) -> NewOrder {
    let time_in_force = match order.time_in_force {
        TimeInForce::Day => model::TimeInForce::Day,
        TimeInForce::Opg => model::TimeInForce::Opg,
        TimeInForce::Ioc => model::TimeInForce::Ioc,
    };
    let (symbol, quantity) = (order.symbol.as_str(), Amount::from(order.quantity.0));
    let client_order_id = Some(order.client_order_id.clone());
    let market = NewOrder::market(symbol, venue_side(order.side), quantity, time_in_force);
    let closes = match order.side {
        Side::Buy => "buy_to_close",
        Side::Sell => "sell_to_close",
    };
    NewOrder {
        client_order_id,
        r#type: order.limit.map_or(model::OrderType::Market, |_| model::OrderType::Limit),
        limit_price: order.limit.map(dollars),
        position_intent: order.is_closing().then(|| closes.to_owned()),
        ..market
    }
}

fn dollars(Price(micros): Price) -> Amount {
    Amount(Decimal::new(micros, 6).normalize())
}

pub(super) fn venue_side(side: Side) -> model::Side {
    match side {
        Side::Buy => model::Side::Buy,
        Side::Sell => model::Side::Sell,
    }
}

fn micros(value: Decimal) -> Option<i64> {
    whole(value.checked_mul(MICRO)?)
}

fn whole(value: Decimal) -> Option<i64> {
    value.is_integer().then(|| value.to_i64()).flatten()
}

fn not(what: &str, amount: Amount, why: &'static str) -> BrokerError {
    BrokerError::NotRepresentable { what: what.to_owned(), value: amount.to_string(), why }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn amount(text: &str) -> Amount {
        Amount(text.parse().unwrap())
    }

    #[test]
    fn what_fits_is_exact() {
        assert_eq!(price(amount("105.898847"), "").unwrap(), Price(105_898_847));
        assert_eq!(usd(amount("-85523.79"), "").unwrap(), Usd(-85_523_790_000));
        assert_eq!(usd(amount("9223372036854.775807"), "").unwrap(), Usd(i64::MAX));
        assert_eq!(shares(amount("-100.000"), "").unwrap(), Shares(-100));
        assert_eq!(mean_price(amount("1.0000005"), "").unwrap(), Price(1_000_001));
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let text = price(amount("105.8988475"), "price of au-1").unwrap_err().to_string();
        assert!(text.contains("price of au-1") && text.contains("105.8988475"), "{text}");
        assert!(price(amount("0"), "").is_err() && price(amount("-1"), "").is_err());
        assert!(shares(amount("0.5"), "").is_err());
        assert!(usd(amount("9223372036854.775808"), "").is_err());
        assert!(usd(amount("79228162514264337593543950335"), "").is_err());
    }

    proptest! {
        #[test]
        fn amounts_agree_with_our_own_reading_of_decimals(micros in any::<i64>()) {
            let text = Usd(micros).to_string();
            prop_assert_eq!(usd(amount(&text), "").unwrap(), Usd(micros));
        }
    }
}
