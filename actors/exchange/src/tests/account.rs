//! Buying power, shorts, intents, permissions, closing.

use super::script::play;
use super::*;
use crate::{Account, ClosePosition, Part, Permissions, PositionIntent, Worth};
use expect_test::expect;

#[test]
fn margin_follows_the_positions() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    place(&mut exchange, "A buy 100 day");
    place(&mut exchange, "B sell 100 day");
    let account = exchange.account();
    let (long, short) = (decimal("10200"), decimal("-5200"));
    assert_eq!((account.long_value, account.short_value), (long, short));
    assert_eq!(account.equity, account.cash + long + short);
    assert_eq!(account.initial_margin, decimal("7700"));
    assert_eq!(account.maintenance_margin, decimal("4620"));
    assert_eq!(account.buying_power, Decimal::from(400_000) - long + short);
    assert_eq!(account.regt_buying_power, (account.equity - decimal("7700")) * Decimal::TWO);
    // The next day starts from the last close.
    advance(&mut exchange, 5, 8, 0);
    let Account { last_equity, last_maintenance_margin, buying_power, .. } = exchange.account();
    assert_eq!(last_maintenance_margin, (decimal("10250") + decimal("5250")) * decimal("0.3"));
    assert_eq!(buying_power, (last_equity - last_maintenance_margin) * Decimal::from(4));
}

#[test]
fn the_multiplier_is_what_one_may_have() {
    let mut exchange = exchange();
    let power = |exchange: &mut Exchange, multiplier_max: u8| {
        exchange.set_permissions(Permissions { multiplier_max, ..Permissions::default() });
        let account = exchange.account();
        (account.multiplier, account.buying_power)
    };
    assert_eq!(power(&mut exchange, 4), (4, decimal("400000")));
    assert_eq!(power(&mut exchange, 2), (2, decimal("200000")));
    assert_eq!(power(&mut exchange, 1), (1, decimal("100000")));
    assert!(!exchange.account().shorting_enabled);
    assert!(refused(&mut exchange, "A sell 1 opg").contains("not allowed to short"));
    assert!(refused(&mut exchange, "A buy 1000 opg").contains("insufficient buying power"));
    let mut poor = exchange_with(Usd(1_999_000_000));
    assert_eq!(power(&mut poor, 4), (1, decimal("1999")));
}

#[test]
fn the_owner_forbids() {
    let mut exchange = exchange();
    let all = Permissions::default();
    exchange.set_permissions(Permissions { trade: false, ..all });
    assert!(refused(&mut exchange, "A buy 1 opg").starts_with("403 40310000"));
    exchange.set_permissions(Permissions { short: false, ..all });
    assert!(refused(&mut exchange, "A sell 1 opg").contains("not allowed to short"));
    exchange.set_permissions(Permissions { fractional: false, ..all });
    assert!(refused(&mut exchange, "A buy 1.5 day").starts_with("403 40310000"));
    exchange.set_permissions(all);
    place(&mut exchange, "A buy 1.5 day");
}

#[test]
fn what_can_not_be_borrowed_is_not_sold_short() {
    let market = small_market()
        .with_asset("A", |asset| asset.shortable = false)
        .with_asset("B", |asset| asset.easy_to_borrow = false);
    let start = at(&market, date(2024, 1, 4), 9, 30);
    let mut exchange = Exchange::new(market, ExchangeConfig::new(Usd(100_000_000_000), 7, start));
    for symbol in ["A", "B"] {
        let refusal = refused(&mut exchange, &format!("{symbol} sell 1 day"));
        assert!(refusal.contains("cannot be sold short"), "{refusal}");
    }
    place(&mut exchange, "C sell 1 day");
}

#[test]
fn an_intent_must_be_what_happens() {
    let mut exchange = exchange();
    let with = |text: &str, intent| NewOrder { position_intent: Some(intent), ..order(text) };
    let wrong = exchange.submit(&with("A sell 1 opg", PositionIntent::SellToClose)).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "422 42210000: position intent mismatch, inferred: sell_to_open, specified: sell_to_close"
    );
    let right = exchange.submit(&with("A sell 1 opg", PositionIntent::SellToOpen)).unwrap();
    assert_eq!(right.intent, PositionIntent::SellToOpen);
}

#[test]
fn limits_that_do_not_cross_may_face_each_other() {
    let text = play(
        &mut exchange(),
        "
        4 09:30
        A buy 10 day
        A buy 5 day 90
        A sell 5 day 110
        A sell 5 day 90
        A buy 1 day 110
        A buy 1 day
        A sell 1 day stop=80
        A sell 1 day stop=80 limit=91
        ",
    );
    expect![[r"
        4 09:30
        A buy 10 day
            #1 new A buy 0/10
            #1 fill A buy 10/10 @102.023 -> 10
        A buy 5 day 90
            #2 new A buy 0/5
        A sell 5 day 110
            #3 new A sell 0/5
        A sell 5 day 90
            403 40310000: potential wash trade detected. use complex orders
        A buy 1 day 110
            403 40310000: potential wash trade detected. use complex orders
        A buy 1 day
            403 40310000: potential wash trade detected. use complex orders
        A sell 1 day stop=80
            403 40310000: potential wash trade detected. use complex orders
        A sell 1 day stop=80 limit=91
            #4 new A sell 0/1
    "]]
    .assert_eq(&text);
}

#[test]
fn positions_are_closed_in_parts_and_whole() {
    let text = play(
        &mut exchange(),
        "
        close A
        4 09:30
        A buy 10 day
        B sell 3 day
        close A 25%
        close A 3
        close A 5
        close A 0
        close A 101%
        close B 50%
        B buy 0.5 day
        B buy $10 day
        A sell 4 gtc 110
        close A
        close all
        ",
    );
    expect![[r"
        close A
            404 40410000: position does not exist
        4 09:30
        A buy 10 day
            #1 new A buy 0/10
            #1 fill A buy 10/10 @102.023 -> 10
        B sell 3 day
            #2 new B sell 0/3
            #2 fill B sell 3/3 @51.9777 -> -3
        close A 25%
            #3 new A sell 0/2.5
            #3 fill A sell 2.5/2.5 @101.9783 -> 7.5
        close A 3
            #4 new A sell 0/3
            #4 fill A sell 3/3 @101.9771 -> 4.5
        close A 5
            403 40310000: insufficient qty available for order (requested: 5, available: 4.5)
        close A 0
            422 40010001: qty must be > 0
        close A 101%
            422 40010001: percentage must be between 0 and 100
        close B 50%
            #5 new B buy 0/1
            #5 fill B buy 1/1 @52.0217 -> -2
        B buy 0.5 day
            422 42210000: fractional orders cannot close a short position
        B buy $10 day
            422 42210000: fractional orders cannot close a short position
        A sell 4 gtc 110
            #6 new A sell 0/4
        close A
            403 40310000: insufficient qty available for order (requested: 4.5, available: 0.5)
        close all
            #6 canceled A sell 0/4
            #7 new A sell 0/4.5
            #7 fill A sell 4.5/4.5 @101.9762 -> 0
            #8 new B buy 0/2
            #8 fill B buy 2/2 @52.0226 -> 0
    "]]
    .assert_eq(&text);
}

#[test]
fn closing_everything_reports_orders_and_positions() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    place(&mut exchange, "A buy 10 day");
    let id = place(&mut exchange, "A sell 10 gtc limit=110 loss=90");
    let blocked = exchange.close_all(false);
    assert_eq!((blocked.len(), blocked[0].subject.as_str()), (1, "A"));
    let refusal = blocked[0].outcome.as_ref().unwrap_err();
    assert_eq!(refusal.status, 403);
    let names: Vec<&str> = refusal.extras.iter().map(|(name, _)| *name).collect();
    let expected = ["available", "existing_qty", "held_for_orders", "symbol", "related_orders"];
    assert_eq!(names, expected);
    let closed = exchange.close_all(true);
    let subjects: Vec<&str> = closed.iter().map(|closed| closed.subject.as_str()).collect();
    assert_eq!(subjects, [id.as_str(), "A"]);
    assert!(closed.iter().all(|closed| closed.outcome.is_ok()));
    assert!(exchange.positions().is_empty());
    let none = ClosePosition { symbol: "A".into(), part: Part::Whole };
    assert_eq!(
        exchange.close_position(&none).unwrap_err().to_string(),
        "404 40410000: position does not exist"
    );
}

#[test]
fn todays_profit_counts_from_the_last_close_or_from_the_purchase() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    place(&mut exchange, "A buy 10 day");
    let bought = exchange.positions().remove(0);
    assert_eq!(bought.value_before, bought.cost);
    advance(&mut exchange, 5, 9, 30);
    place(&mut exchange, "A buy 5 day");
    place(&mut exchange, "A sell 1 day");
    let held = exchange.positions().remove(0);
    let expected = decimal("10") * decimal("102.5") + decimal("4") * held.average;
    assert!((held.value_before - expected).abs() < decimal("0.0001"), "{held:?} {expected}");
    advance(&mut exchange, 8, 8, 0);
    assert_eq!(exchange.positions()[0].value_before, decimal("14") * decimal("103.5"));
}

/// Equity at any past instant is what the account said then.
#[test]
fn equity_is_remembered() {
    let mut exchange = exchange();
    place(&mut exchange, "A buy 100 opg");
    place(&mut exchange, "BTC/USD buy 0.5 gtc");
    let worth = |account: Account| Worth { cash: account.cash, equity: account.equity };
    let mut said = vec![(exchange.now(), worth(exchange.account()))];
    for (day, hour, minute) in
        [(4, 9, 29), (4, 9, 30), (4, 12, 0), (4, 16, 0), (5, 3, 0), (7, 1, 1)]
    {
        advance(&mut exchange, day, hour, minute);
        said.push((exchange.now(), worth(exchange.account())));
    }
    let (times, worths): (Vec<Time>, Vec<Worth>) = said.into_iter().unzip();
    assert_eq!(exchange.worth_at(&times), worths);
}

/// Now, at the last close, and in the history of both: one rounding of cash.
#[test]
fn what_is_stated_agrees() {
    let mut exchange = exchange();
    place(&mut exchange, "BTC/USD buy 0.123456789 gtc");
    place(&mut exchange, "A buy 10 opg");
    advance(&mut exchange, 4, 16, 0);
    let (then, account) = (exchange.now(), exchange.account());
    let (cash, equity) = account.stated();
    assert!(cash != account.cash && cash.scale() <= 2 && equity != account.equity);
    advance(&mut exchange, 5, 12, 0);
    let now = exchange.account();
    let stated = exchange.worth_at(&[then, exchange.now()]).into_iter().map(Worth::stated);
    let stated: Vec<Decimal> = stated.map(|worth| worth.equity).collect();
    assert_eq!(stated, [equity, now.stated().1]);
    assert_eq!((now.stated_last_equity(), now.last_equity), (equity, account.equity));
}
