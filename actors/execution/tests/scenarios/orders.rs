//! Orders on their way, and what can go wrong with them.

use crate::script::check;
use crate::{CROSSED, FLAT, desk, pair_day};
use expect_test::expect;

#[test]
fn an_order_is_accepted_filled_and_done() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-AAPL-0-0 buy 100 AAPL @ 100.02 total 100
        09:30 broker filled au-20240103-AAPL-0-0 buy 200 AAPL @ 100.03 total 300 complete
        09:30 broker filled au-20240103-MSFT-0-0 sell 600 MSFT @ 49.98 total 600 complete
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:01 execution orders_working working=2 refused=0
        09:30 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn a_position_crosses_zero_in_two_legs() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-AAPL-0-0 buy 60 AAPL @ 100.02 total 60
        09:30 broker filled au-20240103-AAPL-0-0 buy 40 AAPL @ 100.02 total 100 complete
        09:30 broker filled au-20240103-MSFT-0-0 sell 200 MSFT @ 49.98 total 200 complete
        09:31 broker order_updated au-20240103-AAPL-1-0 accepted
        09:31 broker filled au-20240103-AAPL-1-0 buy 300 AAPL @ 100.04 total 300 complete
        09:31 broker order_updated au-20240103-MSFT-1-0 accepted
        09:31 broker filled au-20240103-MSFT-1-0 sell 100 MSFT @ 49.97 total 100
        09:31 broker order_updated au-20240103-MSFT-1-0 canceled
    ";
    check(
        desk,
        &pair_day(CROSSED, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL -100 -> +300 @ 100.00 cost=4.4bp
            MSFT +200 -> -600 @ 50.00 cost=4.4bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:01 execution orders_working working=2 refused=0
        09:30 execution submit_order au-20240103-AAPL-1-0 buy 300 AAPL ioc
        09:30 risk order_approved au-20240103-AAPL-1-0 buy 300 AAPL ioc
        09:30 execution submit_order au-20240103-MSFT-1-0 sell 600 MSFT ioc
        09:30 risk order_approved au-20240103-MSFT-1-0 sell 600 MSFT ioc
        09:31 execution orders_done orders=4 filled=3 unfilled=1 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn no_second_leg_follows_a_first_that_did_not_fill_whole() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 rejected: asset not tradable
        09:30 broker filled au-20240103-AAPL-0-0 buy 60 AAPL @ 100.02 total 60
        09:30 broker order_updated au-20240103-AAPL-0-0 canceled
    ";
    check(
        desk,
        &pair_day(CROSSED, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL -100 -> +300 @ 100.00 cost=4.4bp
            MSFT +200 -> -600 @ 50.00 cost=4.4bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:01 execution orders_working working=1 refused=1
        09:30 execution orders_done orders=2 filled=0 unfilled=1 denied=0 rejected=1
    "#]],
    );
}

#[test]
fn a_rejected_order_is_counted_and_not_retried() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 rejected: insufficient buying power
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-MSFT-0-0 sell 600 MSFT @ 49.98 total 600 complete
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:01 execution orders_working working=1 refused=1
        09:30 execution orders_done orders=2 filled=1 unfilled=0 denied=0 rejected=1
    "#]],
    );
}

#[test]
fn a_partial_fill_then_a_cancel_ends_an_order() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-MSFT-0-0 sell 250 MSFT @ 49.98 total 250
        09:30 broker order_updated au-20240103-MSFT-0-0 canceled
        09:30 broker order_updated au-20240103-AAPL-0-0 expired
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:01 execution orders_working working=2 refused=0
        09:30 execution orders_done orders=2 filled=0 unfilled=2 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn a_late_fill_after_a_cancel_is_counted_and_changes_no_state() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker order_updated au-20240103-MSFT-0-0 canceled
        09:31 broker filled au-20240103-MSFT-0-0 sell 600 MSFT @ 49.98 total 600 complete
        09:31 broker filled au-20240103-AAPL-0-0 buy 300 AAPL @ 100.02 total 300 complete
        09:32 broker order_updated au-20240103-AAPL-0-0 canceled
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:01 execution orders_working working=2 refused=0
        09:31 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn a_fill_may_overtake_the_acceptance() {
    let rest = "
        09:30 broker filled au-20240103-AAPL-0-0 buy 300 AAPL @ 100.02 total 300 complete
        09:30 broker order_updated au-20240103-AAPL-0-0 accepted
        09:30 broker filled au-20240103-MSFT-0-0 sell 10 MSFT @ 49.98 total 10
        09:30 broker order_updated au-20240103-MSFT-0-0 expired
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        09:30 execution orders_working working=2 refused=0
        09:30 execution orders_done orders=2 filled=1 unfilled=1 denied=0 rejected=0
    "#]],
    );
}

/// The day ends as it should, without the second leg that would have followed.
#[test]
fn more_filled_than_ordered_is_an_alarm_and_the_day_goes_on() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-AAPL-0-0 buy 60 AAPL @ 100.02 total 60
        09:30 broker filled au-20240103-AAPL-0-0 buy 60 AAPL @ 100.02 total 120 complete
        09:30 broker filled au-20240103-AAPL-0-0 buy 60 AAPL @ 100.02 total 180 complete
        09:30 broker filled au-20240103-MSFT-0-0 sell 200 MSFT @ 49.98 total 200 complete
    ";
    check(
        desk,
        &pair_day(CROSSED, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL -100 -> +300 @ 100.00 cost=4.4bp
            MSFT +200 -> -600 @ 50.00 cost=4.4bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 100 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 200 MSFT opg
        08:01 execution orders_working working=2 refused=0
        09:30 execution alarm OVERFILL: au-20240103-AAPL-0-0: 120 filled of 100 ordered
        09:30 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn word_of_an_order_that_is_not_ours_is_an_alarm_and_the_day_goes_on() {
    let rest = "
        08:01 broker order_updated au-20240103-ZION-0-0 accepted
        08:01 broker filled au-20240103-ZION-0-0 buy 60 ZION @ 20.00 total 60
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 broker filled au-20240103-AAPL-0-0 buy 300 AAPL @ 100.02 total 300 complete
        09:30 broker filled au-20240103-MSFT-0-0 sell 600 MSFT @ 49.98 total 600 complete
    ";
    check(
        desk,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:01 execution alarm UNKNOWN_ORDER: au-20240103-ZION-0-0 is no order of this session
        08:01 execution orders_working working=2 refused=0
        09:30 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn reducers_go_before_openers() {
    let opening = "
        08:00 session opened equity=100000
            AAPL tech
            MSFT tech
            ZION - +10 @ 20
    ";
    let features = "
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            ZION close=20 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 1
            MSFT -1
    ";
    check(
        desk,
        &format!("{opening}{features}"),
        &expect![[r#"
        08:00 risk targets names=3 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            ZION +10 -> +0 @ 20.00 cost=3.6bp
            NAME AAPL 30000
            NAME MSFT 30000
            NOT_IN_UNIVERSE ZION
        08:00 execution submit_order au-20240103-ZION-0-0 sell 10 ZION opg
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk order_approved au-20240103-ZION-0-0 sell 10 ZION opg
        08:00 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
    "#]],
    );
}
