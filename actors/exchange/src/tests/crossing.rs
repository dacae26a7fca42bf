//! Limit orders that the market has crossed already, and orders that meet auctions only.

use super::script::play;
use super::*;
use crate::{Fill, ReplaceOrder, SyntheticConfig};
use expect_test::expect;
use proptest::prelude::*;
use std::sync::{Arc, LazyLock};

static MARKET: LazyLock<Arc<Market>> = LazyLock::new(|| {
    let config =
        SyntheticConfig { seed: 5, symbols: 3, sessions: 40, ..SyntheticConfig::default() };
    Arc::new(Market::synthetic(&config))
});

/// Every order that can fill in parts does.
fn in_parts(change: impl FnOnce(&mut ExchangeConfig)) -> Exchange {
    let market = small_market();
    let start = at(&market, date(2024, 1, 4), 10, 0);
    let mut config = ExchangeConfig::new(Usd(10_000_000_000_000), 7, start);
    config.partial_fills = 1.0;
    change(&mut config);
    Exchange::new(market, config)
}

/// Each fill costs what the market and the cost model say, whatever the limit.
fn at_the_market(exchange: &Exchange) {
    for fill in exchange.fills() {
        let worse = beyond(exchange.market(), fill);
        assert!(worse < decimal("0.005"), "{worse} beyond the market: {fill:?}");
    }
}

/// Part of the last trade's price that the fill is worse by.
fn beyond(market: &Market, fill: &Fill) -> Decimal {
    let last = market.last_tick(fill.asset, fill.at).unwrap().price;
    (fill.price - last) * Decimal::from(fill.side.sign()) / last
}

fn in_several(exchange: &Exchange, id: &str) {
    assert!(exchange.fills().filter(|fill| fill.order_id == id).count() > 1);
    assert!(!exchange.order(id).unwrap().is_open());
}

#[test]
fn what_is_left_of_a_marketable_limit_fills_at_the_market() {
    for text in ["A buy 1000 day 150", "A sell 1000 day 1", "BTC/USD buy 2 gtc 60000"] {
        let mut exchange = in_parts(|_| {});
        let id = place(&mut exchange, text);
        advance(&mut exchange, 4, 15, 0);
        in_several(&exchange, &id);
        at_the_market(&exchange);
    }
}

#[test]
fn so_does_what_a_share_of_the_volume_left_over() {
    let mut exchange = in_parts(|config| {
        config.partial_fills = 0.0;
        config.volume_share_max = 0.001;
    });
    let id = place(&mut exchange, "ETH/USD buy 25 gtc 4000");
    advance(&mut exchange, 7, 12, 0);
    in_several(&exchange, &id);
    at_the_market(&exchange);
}

#[test]
fn so_does_a_stop_limit_once_triggered_and_a_replaced_order() {
    let mut exchange = in_parts(|_| {});
    let stop = place(&mut exchange, "A buy 1000 day stop=100.5 limit=150");
    let far = place(&mut exchange, "B buy 1000 day 10");
    let change = ReplaceOrder { limit: Some(decimal("90")), ..ReplaceOrder::default() };
    let new = exchange.replace(&far, &change).unwrap().id;
    advance(&mut exchange, 4, 15, 0);
    in_several(&exchange, &stop);
    in_several(&exchange, &new);
    at_the_market(&exchange);
}

/// The first piece is what rested; the rest of it is an order that the market has crossed.
#[test]
fn an_order_that_rested_pays_its_limit_once_and_never_more() {
    let mut exchange = in_parts(|_| {});
    let id = place(&mut exchange, "A buy 20000 day 101.5");
    assert!(exchange.fills().next().is_none());
    advance(&mut exchange, 4, 16, 0);
    in_several(&exchange, &id);
    let prices: Vec<Decimal> = exchange.fills().map(|fill| fill.price).collect();
    assert_eq!(prices[0], decimal("101.5"));
    assert!(prices.iter().all(|price| *price <= decimal("101.5")), "{prices:?}");
    assert!(prices.iter().any(|price| *price < decimal("101.5")), "{prices:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_order_that_keeps_crossing_pays_the_market_and_its_cost(
        asset in 0_usize..5,
        buy: bool,
        quantity in 2_i64..200,
        far in 20_i64..60,
        triggered: bool,
        seed: u64,
    ) {
        let open = MARKET.calendar().sessions()[20].open;
        let mut config =
            ExchangeConfig::new(Usd(50_000_000_000_000), seed, Time(open.0 + 1_000_000_000));
        config.partial_fills = 1.0;
        let mut exchange = Exchange::new(Arc::clone(&MARKET), config);
        let info = &MARKET.assets()[asset];
        let last = MARKET.price(asset, exchange.now()).unwrap();
        let buy = buy || info.is_crypto();
        let of = |percent: i64| (last * Decimal::new(percent, 2)).round_dp(2);
        let (limit, stop) = if buy { (100 + far, 90) } else { (100 - far, 110) };
        let limit = of(limit);
        let kind = if triggered && !info.is_crypto() {
            OrderKind::StopLimit { stop: of(stop), limit }
        } else {
            OrderKind::Limit { limit }
        };
        let quantity = if info.is_crypto() { Decimal::new(quantity, 2) } else { quantity.into() };
        let request = NewOrder {
            symbol: info.symbol.clone(),
            side: if buy { Side::Buy } else { Side::Sell },
            size: Size::Quantity(quantity),
            kind,
            ..order("A buy 1 gtc")
        };
        if exchange.submit(&request).is_ok() {
            exchange.advance(Time(open.0 + 3 * 3_600_000_000_000));
            prop_assert!(exchange.fills().count() > 0);
            at_the_market(&exchange);
        }
    }
}

#[test]
fn an_order_for_the_close_waits_for_it_whatever_else_works() {
    expect![[r"
        4 10:00
        A buy 5 cls
            #1 new A buy 0/5
        A buy 7 cls 150
            #2 new A buy 0/7
        A buy 1 day 10
            #3 new A buy 0/1
        4 15:59
        4 16:00
            #1 fill A buy 5/5 @102.5326 -> 5
            #2 fill A buy 7/7 @102.5344 -> 12
            #3 expired A buy 0/1
    "]]
    .assert_eq(&play(
        &mut exchange(),
        "
        4 10:00
        A buy 5 cls
        A buy 7 cls 150
        A buy 1 day 10
        4 15:59
        4 16:00
        ",
    ));
}

#[test]
fn a_replacement_that_is_for_now_or_never_does_not_rest() {
    expect![[r"
        4 10:00
        A buy 10 day 10
            #1 new A buy 0/10
        replace 1 ioc
            #1 replaced A buy 0/10
            #2 new A buy 0/10
            #2 canceled A buy 0/10
        A buy 10 day 10
            #3 new A buy 0/10
        replace 3 fok limit=11
            #3 replaced A buy 0/10
            #4 new A buy 0/10
            #4 canceled A buy 0/10
        A buy 10 day 10
            #5 new A buy 0/10
        lag 60
        replace 5 ioc limit=12
            #5 pending_replace A buy 0/10
        4 10:02
            #5 replaced A buy 0/10
            #6 new A buy 0/10
            #6 canceled A buy 0/10
    "]]
    .assert_eq(&play(
        &mut exchange(),
        "
        4 10:00
        A buy 10 day 10
        replace 1 ioc
        A buy 10 day 10
        replace 3 fok limit=11
        A buy 10 day 10
        lag 60
        replace 5 ioc limit=12
        4 10:02
        ",
    ));
}

#[test]
fn an_exit_cannot_become_one_for_now_or_never() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 10, 0);
    let id = place(&mut exchange, "A buy 10 day 10 profit=120 loss=9");
    let leg = exchange.order(&id).unwrap().legs.remove(0).id;
    let change = ReplaceOrder { time_in_force: Some(TimeInForce::Ioc), ..ReplaceOrder::default() };
    for id in [id, leg] {
        let refusal = exchange.replace(&id, &change).unwrap_err().to_string();
        assert!(refusal.contains("bracket orders must be DAY or GTC orders"), "{refusal}");
    }
}
