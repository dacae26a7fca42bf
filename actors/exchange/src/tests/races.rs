//! Replacing and cancelling, and fills that come in between.

use super::script::play;
use super::*;
use crate::{ReplaceOrder, Status};
use expect_test::{Expect, expect};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&play(&mut exchange(), script));
}

#[test]
fn a_replacement_is_a_new_order() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    let old = place(&mut exchange, "A buy 10 day 90");
    advance(&mut exchange, 4, 9, 31);
    let change = ReplaceOrder { limit: Some(decimal("91")), ..ReplaceOrder::default() };
    let new = exchange.replace(&old, &change).unwrap();
    let old = exchange.order(&old).unwrap();
    assert_eq!((old.status, new.status), (Status::Replaced, Status::New));
    assert_eq!((&old.replaced_by, &new.replaces), (&Some(new.id.clone()), &Some(old.id.clone())));
    assert_eq!((new.created_at, new.submitted_at), (old.created_at, exchange.now()));
    assert_ne!(new.client_order_id, old.client_order_id);
    assert_eq!(new.kind.limit(), Some(decimal("91")));
    assert_eq!(told(&mut exchange), "new A buy 0/10\nreplaced A buy 0/10\nnew A buy 0/10\n");
    let mine = ReplaceOrder { client_order_id: Some("mine".to_owned()), ..ReplaceOrder::default() };
    let third = exchange.replace(&new.id, &mine).unwrap();
    assert_eq!(third.client_order_id, "mine");
    assert!(exchange.replace(&third.id, &mine).unwrap_err().message.contains("must be unique"));
    assert_eq!(exchange.replace("nobody", &mine).unwrap_err().status, 404);
}

#[test]
fn what_can_not_be_replaced() {
    check(
        "
        A buy 10 day 90
        replace 1 limit=91
        4 09:30
        replace 1 limit=90
        replace 1 stop=91
        replace 1 trail=1
        replace 1 qty=1.5
        replace 1 qty=0
        replace 1 limit=91.001
        replace 1 qty=10000
        A buy $100 day 90
        replace 2 limit=91
        cancel 1
        replace 1 limit=91
        ",
        &expect![[r#"
            A buy 10 day 90
                #1 accepted A buy 0/10
            replace 1 limit=91
                422 42210000: unable to replace order, order isn't sent to exchange yet
            4 09:30
                #1 new A buy 0/10
            replace 1 limit=90
                422 42210000: order parameters are not changed
            replace 1 stop=91
                422 40010001: limit orders require no stop price
            replace 1 trail=1
                422 40010001: only trailing stop orders have a trail
            replace 1 qty=1.5
                422 42210000: qty of a replacement must be whole shares
            replace 1 qty=0
                422 40010001: qty must be > 0
            replace 1 limit=91.001
                422 42210000: invalid limit_price 91.001. sub-penny increment does not fulfill minimum pricing criteria
            replace 1 qty=10000
                403 40310000: insufficient buying power
            A buy $100 day 90
                #2 new A buy 0/1.111111111
            replace 2 limit=91
                422 42210000: notional orders can't be replaced
            cancel 1
                #1 canceled A buy 0/10
            replace 1 limit=91
                422 42210000: order is already in "canceled" state
        "#]],
    );
}

#[test]
fn a_replacement_is_checked_against_what_there_is() {
    check(
        "
        4 09:30
        B buy 10 day
        replace 1 qty=5
        B sell 10 day 60
        replace 2 qty=11
        B sell 1 day trail=1
        replace 2 qty=9 gtc
        B sell 1 day trail=10
        replace 4 trail=12
        ",
        &expect![[r#"
            4 09:30
            B buy 10 day
                #1 new B buy 0/10
                #1 fill B buy 10/10 @52.0235 -> 10
            replace 1 qty=5
                422 42210000: order is already in "filled" state
            B sell 10 day 60
                #2 new B sell 0/10
            replace 2 qty=11
                403 40310000: insufficient qty available for order (requested: 11, available: 10)
            B sell 1 day trail=1
                403 40310000: insufficient qty available for order (requested: 1, available: 0)
            replace 2 qty=9 gtc
                #2 replaced B sell 0/10
                #3 new B sell 0/9
            B sell 1 day trail=10
                #4 new B sell 0/1
            replace 4 trail=12
                #4 replaced B sell 0/1
                #5 new B sell 0/1
        "#]],
    );
}

/// `C` has 50 shares a session for us: 10 of 60 remain for the replacement.
#[test]
fn what_was_filled_is_not_ordered_again() {
    check(
        "
        4 09:30
        C buy 60 gtc
        replace 1 qty=50
        replace 1 qty=70
        8 09:30
        ",
        &expect![[r"
            4 09:30
            C buy 60 gtc
                #1 new C buy 0/60
                #1 partial_fill C buy 50/60 @22.2271 -> 50
            replace 1 qty=50
                422 42210000: qty must be > filled_qty
            replace 1 qty=70
                #1 replaced C buy 50/60
                #2 new C buy 0/20
            8 09:30
                #2 fill C buy 20/20 @24.0452 -> 70
        "]],
    );
}

#[test]
fn cancels_take_their_time_and_fills_may_come_first() {
    check(
        "
        4 09:30
        lag 60
        A buy 10 day 90
        cancel 1
        cancel 1
        replace 1 limit=91
        4 09:31
        cancel 1
        lag 23400
        A buy 10 day 101
        cancel 2
        4 16:00
        5 09:30
        ",
        &expect![[r#"
            4 09:30
            lag 60
            A buy 10 day 90
                #1 new A buy 0/10
            cancel 1
                #1 pending_cancel A buy 0/10
            cancel 1
            replace 1 limit=91
                422 42210000: unable to replace order in "pending_cancel" state
            4 09:31
                #1 canceled A buy 0/10
            cancel 1
            lag 23400
            A buy 10 day 101
                #2 new A buy 0/10
            cancel 2
                #2 pending_cancel A buy 0/10
            4 16:00
                #2 fill A buy 10/10 @101 -> 10
            5 09:30
                #2 order_cancel_rejected A buy 10/10
        "#]],
    );
}

#[test]
fn replacements_take_their_time_and_fills_may_come_first() {
    check(
        "
        4 09:30
        lag 60
        A buy 10 day 90
        replace 1 limit=91
        cancel 1
        replace 1 limit=92
        4 09:31
        lag 20000
        A buy 10 day 101
        replace 3 qty=12
        4 16:00
        ",
        &expect![[r#"
            4 09:30
            lag 60
            A buy 10 day 90
                #1 new A buy 0/10
            replace 1 limit=91
                #1 pending_replace A buy 0/10
            cancel 1
                422 42210000: order is already in "pending_replace" state
            replace 1 limit=92
                422 42210000: unable to replace order in "pending_replace" state
            4 09:31
                #1 replaced A buy 0/10
                #2 new A buy 0/10
            lag 20000
            A buy 10 day 101
                #3 new A buy 0/10
            replace 3 qty=12
                #3 pending_replace A buy 0/10
            4 16:00
                #3 fill A buy 10/10 @101 -> 10
                #3 order_replace_rejected A buy 10/10
                #4 rejected A buy 0/12
                #2 expired A buy 0/10
        "#]],
    );
}

/// While a replacement is on its way the larger of the two counts.
#[test]
fn buying_power_holds_the_larger_of_the_two() {
    let mut exchange = exchange();
    advance(&mut exchange, 4, 9, 30);
    exchange.set_lag(60_000_000_000);
    let power = |exchange: &Exchange| exchange.account().buying_power;
    assert_eq!(power(&exchange), decimal("400000"));
    let first = place(&mut exchange, "A buy 100 gtc 90");
    assert_eq!(power(&exchange), decimal("391000"));
    let quantity = |quantity: &str| ReplaceOrder {
        quantity: Some(decimal(quantity)),
        ..ReplaceOrder::default()
    };
    let second = exchange.replace(&first, &quantity("50")).unwrap().id;
    assert_eq!(power(&exchange), decimal("391000"));
    advance(&mut exchange, 4, 9, 31);
    assert_eq!(power(&exchange), decimal("395500"));
    let third = exchange.replace(&second, &quantity("200")).unwrap().id;
    assert_eq!(power(&exchange), decimal("382000"));
    advance(&mut exchange, 4, 9, 32);
    assert_eq!(power(&exchange), decimal("382000"));
    exchange.set_lag(0);
    exchange.cancel(&third).unwrap();
    assert_eq!(power(&exchange), decimal("400000"));
}
