//! Orders that execution would never write, and the reason each is denied for.

use crate::script::check;
use crate::{CROSSED, FLAT, pair_day, risk_alone};
use expect_test::expect;

#[test]
fn only_what_the_targets_ask_for_is_approved() {
    let rest = "
        08:01 execution submit_order au-20240103-AAPL-0-0 sell 1 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-1 buy 301 AAPL opg @ 100
        08:01 execution submit_order au-20240103-XYZ-0-0 buy 1 XYZ opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-2 buy 200 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-2 buy 100 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-3 buy 101 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-4 buy 100 AAPL opg @ 99
        08:01 execution submit_order au-20240103-AAPL-0-5 buy 100 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-6 buy 1 AAPL opg @ 100
    ";
    check(
        risk_alone,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:01 risk order_denied au-20240103-AAPL-0-0 sell 1 AAPL opg: NOT_IN_TARGETS
        08:01 risk order_denied au-20240103-AAPL-0-1 buy 301 AAPL opg: NOT_IN_TARGETS
        08:01 risk order_denied au-20240103-XYZ-0-0 buy 1 XYZ opg: NOT_IN_TARGETS
        08:01 risk order_approved au-20240103-AAPL-0-2 buy 200 AAPL opg
        08:01 risk order_denied au-20240103-AAPL-0-2 buy 100 AAPL opg: DUPLICATE
        08:01 risk order_denied au-20240103-AAPL-0-3 buy 101 AAPL opg: NOT_IN_TARGETS
        08:01 risk order_denied au-20240103-AAPL-0-4 buy 100 AAPL opg: NO_REFERENCE
        08:01 risk order_approved au-20240103-AAPL-0-5 buy 100 AAPL opg
        08:01 risk order_denied au-20240103-AAPL-0-6 buy 1 AAPL opg: NOT_IN_TARGETS
    "#]],
    );
}

#[test]
fn an_order_before_the_targets_is_not_in_them() {
    let order = "08:00 execution submit_order au-20240103-AAPL-0-0 buy 1 AAPL opg @ 100";
    check(
        risk_alone,
        &format!("{FLAT}{order}"),
        &expect![[r#"
        08:00 risk order_denied au-20240103-AAPL-0-0 buy 1 AAPL opg: NOT_IN_TARGETS
    "#]],
    );
}

#[test]
fn the_first_of_two_legs_ends_at_flat() {
    let rest = "
        08:01 execution submit_order au-20240103-AAPL-0-0 buy 101 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-0-1 buy 100 AAPL opg @ 100
        08:01 execution submit_order au-20240103-AAPL-1-0 buy 300 AAPL ioc @ 100
        09:30 broker filled au-20240103-AAPL-0-1 buy 100 AAPL @ 100.02 total 100 complete
        09:30 execution submit_order au-20240103-AAPL-1-1 buy 300 AAPL ioc @ 100
    ";
    check(
        risk_alone,
        &pair_day(CROSSED, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL -100 -> +300 @ 100.00 cost=4.4bp
            MSFT +200 -> -600 @ 50.00 cost=4.4bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:01 risk order_denied au-20240103-AAPL-0-0 buy 101 AAPL opg: NOT_IN_TARGETS
        08:01 risk order_approved au-20240103-AAPL-0-1 buy 100 AAPL opg
        08:01 risk order_denied au-20240103-AAPL-1-0 buy 300 AAPL ioc: NOT_IN_TARGETS
        09:30 risk order_approved au-20240103-AAPL-1-1 buy 300 AAPL ioc
    "#]],
    );
}

/// What a cancel releases is released once, and a late fill takes nothing back.
#[test]
fn a_cancel_releases_what_did_not_fill() {
    let rest = "
        08:01 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg @ 100
        09:30 broker filled au-20240103-AAPL-0-0 buy 120 AAPL @ 100.02 total 120
        09:30 broker order_updated au-20240103-AAPL-0-0 canceled
        09:30 broker order_updated au-20240103-AAPL-0-0 canceled
        09:31 execution submit_order au-20240103-AAPL-0-1 buy 181 AAPL opg @ 100
        09:31 broker filled au-20240103-AAPL-0-0 buy 80 AAPL @ 100.02 total 200
        09:31 execution submit_order au-20240103-AAPL-0-2 buy 101 AAPL opg @ 100
        09:31 execution submit_order au-20240103-AAPL-0-3 buy 100 AAPL opg @ 100
    ";
    check(
        risk_alone,
        &pair_day(FLAT, rest),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:01 risk order_approved au-20240103-AAPL-0-0 buy 300 AAPL opg
        09:31 risk order_denied au-20240103-AAPL-0-1 buy 181 AAPL opg: NOT_IN_TARGETS
        09:31 risk order_denied au-20240103-AAPL-0-2 buy 101 AAPL opg: NOT_IN_TARGETS
        09:31 risk order_approved au-20240103-AAPL-0-3 buy 100 AAPL opg
    "#]],
    );
}
