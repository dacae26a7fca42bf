//! Orders that wait for a price or a time: limits, stops, trailing stops, auctions, good till cancelled.

use super::script::play;
use super::*;
use expect_test::{Expect, expect};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&play(&mut exchange(), script));
}

/// On 2024-01-04 `A` opens at 102, ranges from 100 to 104 and closes at 102.5.
#[test]
fn limits_wait_for_the_market_to_trade_through_them() {
    check(
        "
        4 10:00
        A buy 10 day 100.01
        A buy 11 day 100
        B buy 1 gtc 49.99
        4 16:00
        5 16:00
        B sell 1 gtc 55.01
        8 16:00
        ",
        &expect![[r"
            4 10:00
            A buy 10 day 100.01
                #1 new A buy 0/10
            A buy 11 day 100
                #2 new A buy 0/11
            B buy 1 gtc 49.99
                #3 new B buy 0/1
            4 16:00
                #1 fill A buy 10/10 @100.01 -> 10
                #2 expired A buy 0/11
            5 16:00
            B sell 1 gtc 55.01
                403 40310000: cannot open a short sell while a long buy order is open
            8 16:00
        "]],
    );
}

#[test]
fn stops_trigger_and_then_fill_at_the_market_or_wait_as_limits() {
    check(
        "
        4 09:30
        A buy 10 day
        A sell 4 day stop=100.5
        A sell 3 day stop=100.5 limit=100.4
        A sell 3 day stop=99.99
        B sell 2 day stop=50.2 limit=60
        4 16:00
        ",
        &expect![[r"
            4 09:30
            A buy 10 day
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102.023 -> 10
            A sell 4 day stop=100.5
                #2 new A sell 0/4
            A sell 3 day stop=100.5 limit=100.4
                #3 new A sell 0/3
            A sell 3 day stop=99.99
                #4 new A sell 0/3
            B sell 2 day stop=50.2 limit=60
                #5 new B sell 0/2
            4 16:00
                #2 fill A sell 4/4 @100.3983 -> 6
                #3 fill A sell 3/3 @100.4 -> 3
                #4 expired A sell 0/3
                #5 expired B sell 0/2
        "]],
    );
}

#[test]
fn trailing_stops_follow_the_best_price() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    place(&mut exchange, "A buy 10 day");
    let sell = place(&mut exchange, "A sell 10 day trail=0.5");
    let short = place(&mut exchange, "B buy 1 day trail%=2");
    let (mut best, mut least) = (Decimal::from(102), Decimal::from(52));
    let open = exchange.now();
    let mut until = |exchange: &mut Exchange, minutes: i64| {
        let to = Time(open.0 + minutes * 60_000_000_000);
        let market = std::sync::Arc::clone(exchange.market());
        for tick in market.ticks(0, exchange.now(), to) {
            best = best.max(tick.price);
        }
        for tick in market.ticks(1, exchange.now(), to) {
            least = least.min(tick.price);
        }
        exchange.advance(to);
        (best, least)
    };
    let mut minutes = 1;
    while exchange.order(&sell).unwrap().is_open() {
        let (best, _) = until(&mut exchange, minutes);
        let order = exchange.order(&sell).unwrap();
        if order.is_open() {
            assert_eq!(order.high_water_mark, Some(best));
            assert_eq!(order.stop(), Some((best - decimal("0.5")).normalize()));
        }
        minutes += 1;
    }
    let fill = exchange.fills().next_back().unwrap().clone();
    let tick = exchange.market().last_tick(0, fill.at).unwrap();
    assert_eq!(tick.at, fill.at);
    let stop = exchange.order(&sell).unwrap().stop().unwrap();
    assert!(tick.price <= stop && fill.price < tick.price, "{tick:?} {fill:?} {stop}");
    while exchange.order(&short).unwrap().is_open() && minutes < 380 {
        let (_, least) = until(&mut exchange, minutes);
        let order = exchange.order(&short).unwrap();
        if order.is_open() {
            assert_eq!(order.high_water_mark, Some(least));
            assert_eq!(order.stop(), Some((least * decimal("1.02")).normalize()));
        }
        minutes += 1;
    }
}

#[test]
fn auctions_have_their_hours_and_their_prices() {
    check(
        "
        A buy 10 opg 102
        A buy 5 cls
        B buy 5 opg 51
        4 09:28
        B buy 1 opg
        4 09:30
        4 15:49
        B buy 5 cls 52.4
        B buy 5 cls 53
        4 15:50
        A buy 1 cls
        4 16:00
        4 19:00
        A sell 5 cls
        5 16:00
        ",
        &expect![[r"
            A buy 10 opg 102
                #1 accepted A buy 0/10
            A buy 5 cls
                #2 accepted A buy 0/5
            B buy 5 opg 51
                #3 accepted B buy 0/5
            4 09:28
            B buy 1 opg
                422 42210000: opg orders are taken before 9:28am and after 7:00pm New York time
            4 09:30
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102 -> 10
                #2 new A buy 0/5
                #3 new B buy 0/5
                #3 canceled B buy 0/5
            4 15:49
            B buy 5 cls 52.4
                #4 new B buy 0/5
            B buy 5 cls 53
                #5 new B buy 0/5
            4 15:50
            A buy 1 cls
                422 42210000: cls orders are taken before 3:50pm and after 7:00pm New York time
            4 16:00
                #2 fill A buy 5/5 @102.5351 -> 15
                #4 canceled B buy 0/5
                #5 fill B buy 5/5 @52.5282 -> 5
            4 19:00
            A sell 5 cls
                #6 accepted A sell 0/5
            5 16:00
                #6 new A sell 0/5
                #6 fill A sell 5/5 @103.4689 -> 10
        "]],
    );
}

#[test]
fn fill_or_kill_and_immediate_or_cancel() {
    check(
        "
        C buy 60 ioc
        4 10:00
        C buy 60 fok
        C buy 20 fok
        C buy 60 ioc
        A buy 1 ioc 90
        A buy 1 fok 110
        ",
        &expect![[r"
            C buy 60 ioc
                #1 accepted C buy 0/60
                #1 canceled C buy 0/60
            4 10:00
            C buy 60 fok
                #2 new C buy 0/60
                #2 canceled C buy 0/60
            C buy 20 fok
                #3 new C buy 0/20
                #3 fill C buy 20/20 @22.1566 -> 20
            C buy 60 ioc
                #4 new C buy 0/60
                #4 partial_fill C buy 30/60 @22.2741 -> 50
                #4 canceled C buy 30/60
            A buy 1 ioc 90
                #5 new A buy 0/1
                #5 canceled A buy 0/1
            A buy 1 fok 110
                #6 new A buy 0/1
                #6 fill A buy 1/1 @102.2513 -> 1
        "]],
    );
}

#[test]
fn good_till_cancelled_lasts_over_sessions_and_not_for_ever() {
    let mut exchange = exchange();
    let id = place(&mut exchange, "A buy 1 gtc 10");
    let day = place(&mut exchange, "A buy 1 day 10");
    let local = |at: Option<Time>, exchange: &Exchange| {
        let local = exchange.market().calendar().local(at.unwrap());
        local.strftime("%Y-%m-%d %H:%M").to_string()
    };
    let expires =
        |exchange: &Exchange, id: &str| local(exchange.order(id).unwrap().expires_at, exchange);
    assert_eq!(expires(&exchange, &id), "2024-04-03 16:00");
    assert_eq!(expires(&exchange, &day), "2024-01-04 16:00");
    advance(&mut exchange, 9, 12, 0);
    assert!(exchange.order(&id).unwrap().is_open() && !exchange.order(&day).unwrap().is_open());
    exchange.cancel(&id).unwrap();
    assert!(told(&mut exchange).ends_with("expired A buy 0/1\ncanceled A buy 0/1\n"));
}

#[test]
fn forms_that_do_not_go_together_are_refused() {
    check(
        "
        A buy 1 gtc ext
        A buy 1 opg 100 ext
        A buy 1 day 100 ext profit=110 loss=90
        A buy 1 gtc 100 ext oto loss=90
        A buy 1 opg stop=110
        A buy 1 ioc stop=110 limit=111
        A buy 1 ioc trail=1
        A buy 1 day trail=0
        A buy 1 day trail%=100
        A buy 1 day 0
        A buy 1 day stop=100.001
        A buy 1 day stop=100 limit=99.999
        A buy 1 day limit=0.12345
        4 10:00
        A buy 1 gtc 90 ext
        ",
        &expect![[r"
            A buy 1 gtc ext
                422 42210000: extended hours order must be DAY or GTC limit orders
            A buy 1 opg 100 ext
                422 42210000: extended hours order must be DAY or GTC limit orders
            A buy 1 day 100 ext profit=110 loss=90
                422 42210000: extended hours order must be simple order
            A buy 1 gtc 100 ext oto loss=90
                422 42210000: extended hours order must be simple order
            A buy 1 opg stop=110
                422 42210000: stop orders must be DAY or GTC orders
            A buy 1 ioc stop=110 limit=111
                422 42210000: stop orders must be DAY or GTC orders
            A buy 1 ioc trail=1
                422 42210000: trailing stop orders must be DAY or GTC orders
            A buy 1 day trail=0
                422 40010001: trail_price must be > 0
            A buy 1 day trail%=100
                422 40010001: trail_percent must be > 0 and < 100
            A buy 1 day 0
                422 40010001: limit price must be > 0
            A buy 1 day stop=100.001
                422 42210000: invalid stop_price 100.001. sub-penny increment does not fulfill minimum pricing criteria
            A buy 1 day stop=100 limit=99.999
                422 42210000: invalid limit_price 99.999. sub-penny increment does not fulfill minimum pricing criteria
            A buy 1 day limit=0.12345
                422 42210000: invalid limit_price 0.12345. sub-penny increment does not fulfill minimum pricing criteria
            4 10:00
            A buy 1 gtc 90 ext
                #1 new A buy 0/1
        "]],
    );
}
