//! Coins: around the clock, in fractions, for a fee, never short.

use super::script::play;
use super::*;
use crate::{Activity, Extra};
use expect_test::{Expect, expect};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&play(&mut exchange(), script));
}

#[test]
fn coins_trade_on_weekends_and_pay_a_fee() {
    let mut exchange = exchange();
    advance(&mut exchange, 6, 12, 0);
    place(&mut exchange, "BTCUSD buy 0.1 gtc");
    let position = exchange.positions().remove(0);
    assert_eq!(position.symbol.as_str(), "BTC/USD");
    assert_eq!(position.quantity, decimal("0.09975"));
    let fill = exchange.fills().next().unwrap().clone();
    assert_eq!(position.average, fill.price);
    assert_eq!((fill.quantity, fill.position), (decimal("0.1"), decimal("0.09975")));
    let last = exchange.market().price(position.asset, exchange.now()).unwrap();
    assert!(fill.price > last && fill.price < last * decimal("1.002"), "{last} {fill:?}");
    place(&mut exchange, "BTC/USD sell 0.05 ioc");
    let cash = exchange.account().cash;
    let fees: Vec<_> = exchange
        .activities()
        .iter()
        .filter_map(|activity| match activity {
            Activity::Fee(fee) => Some((fee.coins, fee.dollars)),
            Activity::Fill(_) | Activity::Booking(_) => None,
        })
        .collect();
    let sale = exchange.fills().next_back().unwrap();
    let dollars = (sale.price * decimal("0.05") * decimal("0.0025")).round_dp(9).normalize();
    assert_eq!(fees, [(decimal("0.00025"), Decimal::ZERO), (Decimal::ZERO, dollars)]);
    let paid = fill.price * decimal("0.1");
    assert_eq!(cash, Decimal::from(100_000) - paid + sale.price * decimal("0.05") - dollars);
    assert_eq!(exchange.positions()[0].quantity, decimal("0.04975"));
    let id = exchange.market().assets()[position.asset].id.clone();
    assert_eq!(exchange.position(&id), exchange.position("BTCUSD"));
}

#[test]
fn what_coins_do_not_know_is_refused() {
    check(
        "
        BTC/USD buy 0.1 day
        BTC/USD buy 0.1 fok
        BTC/USD buy 0.1 gtc stop=50000
        BTC/USD buy 0.1 gtc trail=100
        BTC/USD buy 0.1 gtc 40000 ext
        BTC/USD buy 0.0001 gtc
        BTC/USD buy $9.99 gtc
        BTC/USD buy $10 gtc
        BTC/USD buy 5 gtc
        BTC/USD buy 0.0000000001 gtc
        BTC/USD sell 1 gtc
        ETH/USD sell 1 ioc
        ETH/USD buy 60 gtc
        ",
        &expect![[r"
            BTC/USD buy 0.1 day
                422 42210000: invalid crypto time_in_force
            BTC/USD buy 0.1 fok
                422 42210000: invalid crypto time_in_force
            BTC/USD buy 0.1 gtc stop=50000
                422 42210000: invalid order type for crypto order
            BTC/USD buy 0.1 gtc trail=100
                422 42210000: invalid order type for crypto order
            BTC/USD buy 0.1 gtc 40000 ext
                422 42210000: extended hours are not for crypto orders
            BTC/USD buy 0.0001 gtc
                403 40310000: cost basis must be >= minimal amount of order 10
            BTC/USD buy $9.99 gtc
                403 40310000: cost basis must be >= minimal amount of order 10
            BTC/USD buy $10 gtc
                #1 new BTC/USD buy 0/0.000247534
                #1 fill BTC/USD buy 0.000247435/0.000247435 @40414.5495 -> 0.000246816
            BTC/USD buy 5 gtc
                403 40310000: cost basis must be <= maximal amount of order 200000
            BTC/USD buy 0.0000000001 gtc
                422 40010001: qty must be > 0
            BTC/USD sell 1 gtc
                403 40310000: insufficient balance for BTC (requested: 1, available: 0.000246816)
            ETH/USD sell 1 ioc
                403 40310000: insufficient balance for ETH (requested: 1, available: 0)
            ETH/USD buy 60 gtc
                403 40310000: insufficient balance for USD (requested: 127316.78, available: 99990.0000259444675)
        "]],
    );
}

#[test]
fn balances_are_named_in_refusals() {
    let mut exchange = exchange();
    place(&mut exchange, "ETH/USD buy 1 gtc");
    let refusal = exchange.submit(&order("ETH/USD sell 1 gtc")).unwrap_err();
    let message = "insufficient balance for ETH (requested: 1, available: 0.9975)";
    assert_eq!(refusal.to_string(), format!("403 40310000: {message}"));
    assert!(refusal.extras.contains(&("available", Extra::Text("0.9975".to_owned()))));
}

#[test]
fn coins_wait_for_their_limits_too() {
    check(
        "
        ETH/USD buy 1.0000000009 gtc 2038.5
        ETH/USD buy $100 gtc stop=2040 limit=2041
        4 23:00
        ETH/USD sell 0.5 gtc 2051
        6 23:00
        close ETHUSD 50%
        close ETH/USD
        ",
        &expect![[r"
            ETH/USD buy 1.0000000009 gtc 2038.5
                #1 new ETH/USD buy 0/1
            ETH/USD buy $100 gtc stop=2040 limit=2041
                #2 new ETH/USD buy 0/0.04899559
                #2 fill ETH/USD buy 0.04899559/0.04899559 @2041 -> 0.048873101
            4 23:00
                #1 fill ETH/USD buy 1/1 @2038.5 -> 1.046373101
            ETH/USD sell 0.5 gtc 2051
                #3 new ETH/USD sell 0/0.5
                #3 fill ETH/USD sell 0.5/0.5 @2051 -> 0.546373101
            6 23:00
            close ETHUSD 50%
                #4 new ETH/USD sell 0/0.27318655
                #4 fill ETH/USD sell 0.27318655/0.27318655 @2067.8501 -> 0.273186551
            close ETH/USD
                #5 new ETH/USD sell 0/0.273186551
                #5 fill ETH/USD sell 0.273186551/0.273186551 @2067.8499 -> 0
        "]],
    );
}

#[test]
fn coins_are_paid_in_cash() {
    let mut exchange = exchange();
    let before = exchange.account();
    assert_eq!(before.non_marginable_buying_power, decimal("100000"));
    place(&mut exchange, "ETH/USD buy $50000 gtc 1000");
    let account = exchange.account();
    assert_eq!(account.non_marginable_buying_power, decimal("50000"));
    assert_eq!(account.buying_power, decimal("350000"));
    let refusal = refused(&mut exchange, "BTC/USD buy $50001 gtc");
    assert!(refusal.contains("insufficient balance for USD (requested: 50001, available: 50000)"));
    assert!(place(&mut exchange, "BTC/USD buy $50000 gtc").len() == 36);
}
