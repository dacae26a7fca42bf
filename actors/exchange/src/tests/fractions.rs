//! Fractions of shares, and orders for dollars.

use super::script::play;
use super::*;
use expect_test::{Expect, expect};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&play(&mut exchange(), script));
}

#[test]
fn fractions_are_bought_and_sold() {
    check(
        "
        4 09:30
        A buy 1.123456789 day
        A sell 0.5 day
        A sell 0.623456790 day
        A sell 0.623456789 day
        ",
        &expect![[r"
            4 09:30
            A buy 1.123456789 day
                #1 new A buy 0/1.123456789
                #1 fill A buy 1.123456789/1.123456789 @102.0213 -> 1.123456789
            A sell 0.5 day
                #2 new A sell 0/0.5
                #2 fill A sell 0.5/0.5 @101.979 -> 0.623456789
            A sell 0.623456790 day
                403 40310000: insufficient qty available for order (requested: 0.62345679, available: 0.623456789)
            A sell 0.623456789 day
                #3 new A sell 0/0.623456789
                #3 fill A sell 0.623456789/0.623456789 @101.9785 -> 0
        "]],
    );
}

#[test]
fn dollars_buy_what_they_buy() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 11, 0);
    let id = place(&mut exchange, "A buy $1000 day");
    let order = exchange.order(&id).unwrap();
    let spent = order.filled * order.average().unwrap();
    assert_eq!((order.notional, order.filled), (Some(decimal("1000")), order.quantity));
    assert!(spent <= Decimal::from(1000) && spent > decimal("999.999999"), "{spent}");
    let id = place(&mut exchange, "A sell $500 day");
    let order = exchange.order(&id).unwrap();
    let last = exchange.market().price(0, exchange.now()).unwrap();
    assert_eq!(order.filled, crate::admission::truncate(Decimal::from(500) / last));
    assert!(refused(&mut exchange, "A sell $600 day").contains("insufficient qty available"));
    // Limits and stops take dollars too.
    let id = place(&mut exchange, "B buy $100 day 60");
    let order = exchange.order(&id).unwrap();
    assert!(order.filled * order.average().unwrap() > decimal("99.99999"));
}

#[test]
fn the_rules_of_fractions() {
    let market = small_market().with_asset("B", |asset| asset.fractionable = false);
    let start = at(&market, date(2024, 1, 4), 9, 30);
    let mut exchange = Exchange::new(market, ExchangeConfig::new(Usd(100_000_000_000), 7, start));
    let script = "
        A buy 0.5 gtc
        A buy $10 ioc
        A buy 0.5 day trail=1
        A buy $0.99 day
        A buy 0.009 day
        A buy 0.1234567891 day
        A sell 0.5 day
        A sell $10 day
        B buy 0.5 day
        B buy $10 day
        B buy 3 day
        close B 50%
        close B 10%
        A buy $1 day
        close A
        ";
    expect![[r#"
        A buy 0.5 gtc
            422 42210000: fractional orders must be DAY orders
        A buy $10 ioc
            422 42210000: fractional orders must be DAY orders
        A buy 0.5 day trail=1
            422 42210000: fractional orders can't be trailing stop orders
        A buy $0.99 day
            403 40310000: cost basis must be >= minimal amount of order 1
        A buy 0.009 day
            403 40310000: cost basis must be >= minimal amount of order 1
        A buy 0.1234567891 day
            422 40010001: qty can have no more than 9 decimal places
        A sell 0.5 day
            422 42210000: fractional orders cannot be sold short
        A sell $10 day
            422 42210000: fractional orders cannot be sold short
        B buy 0.5 day
            403 40310000: asset "B" is not fractionable
        B buy $10 day
            403 40310000: asset "B" is not fractionable
        B buy 3 day
            #1 new B buy 0/3
            #1 fill B buy 3/3 @52.0223 -> 3
        close B 50%
            #2 new B sell 0/1
            #2 fill B sell 1/1 @51.9783 -> 2
        close B 10%
            422 40010001: qty must be > 0
        A buy $1 day
            #3 new A buy 0/0.009803921
            #3 fill A buy 0.009801951/0.009801951 @102.0205 -> 0.009801951
        close A
            #4 new A sell 0/0.009801951
            #4 fill A sell 0.009801951/0.009801951 @101.9795 -> 0
    "#]]
    .assert_eq(&play(&mut exchange, script));
}
