//! One rule each: matching, account, refusals.

use super::*;
use crate::{Extra, OrderFilter, Refusal, Scope, Status};

#[test]
fn an_opg_order_fills_in_the_auction_at_the_open_with_costs() {
    let mut exchange = exchange();
    let id = place(&mut exchange, "A buy 100 opg");
    assert_eq!(told(&mut exchange), "accepted A buy 0/100\n");
    advance(&mut exchange, 4, 9, 29);
    assert_eq!(told(&mut exchange), "");
    advance(&mut exchange, 4, 9, 30);
    // History: dollar volumes 100.5 m and 101.5 m, one return of ln(101.5 / 100.5). Half-spread 2 bp,
    // auction 1 bp, impact 0.8 * 0.0099010 * sqrt(10,200 / 101 m) = 0.796 bp: 102 becomes 102.03872.
    assert_eq!(told(&mut exchange), "new A buy 0/100\nfill A buy 100/100 @102.0388 -> 100\n");
    let account = exchange.account();
    assert_eq!(account.cash, decimal("89796.12"));
    assert_eq!(account.equity, decimal("99996.12"));
    let order = exchange.order(&id).unwrap();
    assert_eq!((order.status, order.average()), (Status::Filled, Some(decimal("102.0388"))));
}

#[test]
fn what_exceeds_five_percent_of_volume_is_cancelled_after_the_auction() {
    let mut exchange = exchange();
    place(&mut exchange, "C buy 60 opg");
    advance(&mut exchange, 4, 9, 30);
    let events = told(&mut exchange);
    assert!(events.contains("partial_fill C buy 50/60 @22."), "{events}");
    assert!(events.ends_with("canceled C buy 50/60\n"), "{events}");
    // The session's share is used up, whoever asks.
    place(&mut exchange, "C buy 1 ioc");
    assert_eq!(told(&mut exchange), "new C buy 0/1\ncanceled C buy 0/1\n");
    place(&mut exchange, "C buy 1 day");
    advance(&mut exchange, 4, 16, 0);
    assert_eq!(told(&mut exchange), "new C buy 0/1\nexpired C buy 0/1\n");
}

#[test]
fn a_symbol_without_a_bar_does_not_trade() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 20, 0);
    place(&mut exchange, "C buy 10 opg");
    advance(&mut exchange, 5, 12, 0);
    assert!(told(&mut exchange).ends_with("canceled C buy 0/10\n"));
}

#[test]
fn orders_in_session_fill_at_once_and_wait_outside_of_it() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 11, 0);
    let taken = exchange.submit(&order("A buy 10 ioc")).unwrap();
    assert_eq!(taken.status, Status::PendingNew);
    assert_eq!(told(&mut exchange), "new A buy 0/10\nfill A buy 10/10 @102.2031 -> 10\n");
    advance(&mut exchange, 4, 17, 0);
    place(&mut exchange, "A buy 10 ioc");
    assert_eq!(told(&mut exchange), "accepted A buy 0/10\ncanceled A buy 0/10\n");
    place(&mut exchange, "A buy 10 day");
    advance(&mut exchange, 5, 9, 30);
    let events = told(&mut exchange);
    assert!(events.contains("fill A buy 10/10 @103.03") && events.ends_with("-> 20\n"), "{events}");
}

#[test]
fn limits_fill_within_them_or_at_the_close_or_not() {
    let mut exchange = exchange();
    place(&mut exchange, "A buy 10 opg 101.99");
    place(&mut exchange, "A buy 11 opg 102.01");
    place(&mut exchange, "A buy 12 day 101.00");
    place(&mut exchange, "A buy 13 day 100.00");
    told(&mut exchange);
    advance(&mut exchange, 4, 9, 30);
    let events = told(&mut exchange);
    assert!(events.contains("canceled A buy 0/10"), "{events}");
    assert!(events.contains("fill A buy 11/11 @102.01 -> 11"), "{events}");
    advance(&mut exchange, 4, 16, 0);
    // The low is 100.00: through 101, not through 100.
    let end = "fill A buy 12/12 @101 -> 23\nexpired A buy 0/13\n";
    assert_eq!(told(&mut exchange), end);
}

#[test]
fn a_cancel_ends_what_is_open_and_nothing_else() {
    let mut exchange = exchange();
    let (first, second) =
        (place(&mut exchange, "A buy 1 day"), place(&mut exchange, "B buy 1 opg"));
    exchange.cancel(&first).unwrap();
    exchange.cancel(&first).unwrap();
    assert!(told(&mut exchange).ends_with("canceled A buy 0/1\n"));
    advance(&mut exchange, 4, 9, 30);
    let refusal = exchange.cancel(&second).unwrap_err();
    assert_eq!(refusal.to_string(), "422 42210000: order is already in \"filled\" state");
    assert_eq!(exchange.cancel("nobody").unwrap_err().status, 404);
    let (a, b) = (place(&mut exchange, "A buy 1 day 50"), place(&mut exchange, "B buy 1 day 20"));
    let cancelled: Vec<String> = exchange.cancel_all().into_iter().map(|one| one.id).collect();
    assert_eq!(cancelled, [a, b]);
    assert!(exchange.cancel_all().is_empty());
}

#[test]
fn partial_then_cancel_keeps_what_was_filled() {
    let mut exchange = exchange();
    let id = place(&mut exchange, "C buy 60 day");
    advance(&mut exchange, 4, 10, 0);
    assert_eq!(exchange.order(&id).unwrap().status, Status::PartiallyFilled);
    exchange.cancel(&id).unwrap();
    let order = exchange.order(&id).unwrap();
    assert_eq!(
        (order.status, order.filled, order.remaining()),
        (Status::Canceled, decimal("50"), decimal("10"))
    );
    assert_eq!(exchange.positions()[0].quantity, decimal("50"));
}

#[test]
fn a_position_is_closed_before_it_is_reversed() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 10, 0);
    place(&mut exchange, "A buy 10 ioc");
    let refusal = exchange.submit(&order("A sell 15 ioc")).unwrap_err();
    let message = "insufficient qty available for order (requested: 15, available: 10)";
    assert_eq!(refusal.to_string(), format!("403 40310000: {message}"));
    assert!(refusal.extras.contains(&("existing_qty", Extra::Text("10".to_owned()))));
    place(&mut exchange, "A sell 10 ioc");
    assert!(exchange.positions().is_empty());
    place(&mut exchange, "A sell 5 ioc");
    assert_eq!(exchange.positions()[0].quantity, decimal("-5"));
    assert!(refused(&mut exchange, "A buy 6 ioc").contains("(requested: 6, available: 5)"));
    // Open orders hold what they are about to close.
    place(&mut exchange, "A buy 4 day 90");
    assert!(refused(&mut exchange, "A buy 2 ioc").contains("(requested: 2, available: 1)"));
    assert_eq!(exchange.positions()[0].available, decimal("-1"));
}

#[test]
fn opposite_open_orders_are_refused() {
    let mut exchange = exchange();
    place(&mut exchange, "A buy 10 opg");
    let short = refused(&mut exchange, "A sell 1 opg");
    assert!(short.contains("cannot open a short sell while a long buy order is open"), "{short}");
    place(&mut exchange, "B sell 10 opg");
    let long = refused(&mut exchange, "B buy 1 opg");
    assert!(long.contains("cannot open a long buy while a short sell order is open"), "{long}");
    advance(&mut exchange, 4, 10, 0);
    place(&mut exchange, "A buy 10 day 90");
    place(&mut exchange, "A sell 5 day 110");
    let refusal: Refusal = exchange.submit(&order("A sell 1 day")).unwrap_err();
    assert!(refusal.message.contains("potential wash trade"), "{refusal}");
    assert_eq!(refusal.extras[0].0, "existing_order_id");
}

#[test]
fn malformed_orders_are_refused_in_the_venues_words() {
    let mut exchange = exchange();
    for (text, words) in [
        ("ZZZZ buy 1 day", "422 42210000: asset \"ZZZZ\" not found"),
        ("A buy 0 day", "422 40010001: qty must be > 0"),
        ("A buy -3 day", "422 40010001: qty must be > 0"),
        ("A buy 1 day 10.001", "invalid limit_price 10.001. sub-penny"),
        ("A buy 1 day 0.50001", "sub-penny"),
    ] {
        let got = refused(&mut exchange, text);
        assert!(got.contains(words), "{text}: {got}");
    }
    let named =
        |id: &str| NewOrder { client_order_id: Some(id.to_owned()), ..order("A buy 1 opg") };
    exchange.submit(&named("mine")).unwrap();
    let again = exchange.submit(&named("mine")).unwrap_err().to_string();
    assert_eq!(again, "422 40010001: client_order_id must be unique");
    let id = exchange.order_by_client_id("mine").unwrap().id.clone();
    exchange.cancel(&id).unwrap();
    assert!(exchange.submit(&named("mine")).is_err(), "reserved for ever");
    assert!(exchange.submit(&named(&"é".repeat(128))).is_ok());
    assert!(exchange.submit(&named(&"x".repeat(129))).is_err());
    advance(&mut exchange, 4, 9, 27);
    place(&mut exchange, "B buy 1 opg");
    advance(&mut exchange, 4, 9, 28);
    assert!(refused(&mut exchange, "B buy 1 opg").contains("opg orders are taken before"));
    advance(&mut exchange, 4, 19, 0);
    place(&mut exchange, "B buy 1 opg");
    // A Saturday.
    advance(&mut exchange, 6, 12, 0);
    place(&mut exchange, "B buy 1 opg");
}

#[test]
fn buying_power_is_four_times_equity_less_positions_and_open_orders() {
    let mut exchange = exchange_with(Usd(10_000_000_000));
    assert_eq!(exchange.account().buying_power, decimal("40000"));
    // 101.50 * 1.04 * 378 = 39,901.68.
    place(&mut exchange, "A buy 378 opg");
    assert_eq!(exchange.account().buying_power, decimal("98.32"));
    let refusal = exchange.submit(&order("B buy 2 opg")).unwrap_err();
    assert_eq!(refusal.to_string(), "403 40310000: insufficient buying power");
    assert_eq!(
        refusal.extras,
        [("buying_power", "98.32"), ("cost_basis", "107.12")]
            .map(|(name, value)| (name, Extra::Text(value.to_owned())))
    );
    place(&mut exchange, "B buy 1 opg");
    assert!(refused(&mut exchange, &format!("B buy {} opg", i64::MAX)).contains("insufficient"));
    let mut poor = exchange_with(Usd(1_999_000_000));
    assert!(refused(&mut poor, "A sell 1 opg").contains("account is not allowed to short"));
}

#[test]
fn marks_follow_the_day() {
    let mut exchange = exchange();
    place(&mut exchange, "A buy 10 opg");
    let mark = |exchange: &Exchange| exchange.positions()[0].mark;
    advance(&mut exchange, 4, 9, 30);
    assert_eq!(mark(&exchange), decimal("102"));
    advance(&mut exchange, 4, 16, 0);
    assert_eq!(mark(&exchange), decimal("102.5"));
    let equity = exchange.account().equity;
    assert_eq!(exchange.account().last_equity, decimal("100000"));
    advance(&mut exchange, 5, 9, 0);
    assert_eq!((mark(&exchange), exchange.account().last_equity), (decimal("102.5"), equity));
    assert_eq!(exchange.positions()[0].last_close, Some(decimal("102.5")));
    advance(&mut exchange, 5, 9, 31);
    assert_eq!(mark(&exchange), decimal("103.14"));
    assert_eq!(exchange.market().price(0, exchange.now()), Some(decimal("103.14")));
}

#[test]
fn orders_are_listed_by_scope_symbol_and_place() {
    let mut exchange = exchange();
    let ids = ["A buy 1 opg", "B buy 1 opg", "A buy 2 opg"].map(|text| place(&mut exchange, text));
    exchange.cancel(&ids[0]).unwrap();
    let listed = |filter: OrderFilter| -> Vec<usize> {
        let orders = exchange.orders(&filter).into_iter();
        orders
            .map(|order: crate::OrderState| ids.iter().position(|id| *id == order.id).unwrap())
            .collect()
    };
    let all = || OrderFilter { scope: Scope::All, ..OrderFilter::default() };
    assert_eq!(listed(OrderFilter::default()), [2, 1]);
    assert_eq!(listed(OrderFilter { scope: Scope::Closed, ..all() }), [0]);
    assert_eq!(listed(OrderFilter { ascending: true, limit: Some(2), ..all() }), [0, 1]);
    assert_eq!(listed(OrderFilter { symbols: vec!["A".into()], ..all() }), [2, 0]);
    assert_eq!(listed(OrderFilter { after_order: Some(ids[0].clone()), ..all() }), [2, 1]);
    assert_eq!(listed(OrderFilter { before_order: Some(ids[2].clone()), ..all() }), [1, 0]);
    // No two share a time.
    let second = exchange.order(&ids[1]).unwrap().submitted_at;
    assert_eq!(listed(OrderFilter { after: Some(second), ..all() }), [2]);
    assert_eq!(listed(OrderFilter { until: Some(second), ..all() }), [0]);
    assert_eq!(listed(OrderFilter { before_order: Some("?".to_owned()), ..all() }), [0; 0]);
}

#[test]
#[should_panic(expected = "time goes back")]
fn time_never_goes_back() {
    let mut exchange = exchange();
    exchange.advance(Time(exchange.now().0 - 1));
}
