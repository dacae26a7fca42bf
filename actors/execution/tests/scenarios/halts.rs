//! Stop means stop, and the day still ends in order.

use crate::script::check;
use crate::{CROSSED, FLAT, desk, pair_day};
use expect_test::expect;

#[test]
fn a_kill_before_the_scores_keeps_the_book() {
    let opening = format!("{CROSSED}08:00 control kill ops fat finger");
    check(
        desk,
        &pair_day(&opening, ""),
        &expect![[r#"
        08:00 risk kill_acknowledged Halt #2
        08:00 execution kill_acknowledged Halt #2
        08:00 risk targets names=2 gross=0.2000 net=0.0000 beta=0.0000 theta=0.0000
            AAPL -100 -> -100 @ 100.00 cost=0.0bp
            MSFT +200 -> +200 @ 50.00 cost=0.0bp
            HALTED kill by "ops": fat finger
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

/// Defect 10 of the prior art: a restart did not hear of the kill, and traded.
#[test]
fn prior_art_10_a_kill_in_force_when_the_session_opens_keeps_the_book() {
    let opening = "
        08:00 session opened equity=100000 halted=yesterday
            AAPL tech +10 @ 100
            MSFT tech
    ";
    check(
        desk,
        &pair_day(opening, ""),
        &expect![[r#"
        08:00 risk targets names=1 gross=0.0100 net=0.0100 beta=0.0100 theta=0.0000
            AAPL +10 -> +10 @ 100.00 cost=0.0bp
            HALTED kill by "ops": yesterday
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn a_resume_before_the_scores_trades() {
    let opening = "
        08:00 session opened equity=100000 halted=yesterday
            AAPL tech
            MSFT tech
        08:00 control resume ops all clear
    ";
    check(
        desk,
        &pair_day(opening, ""),
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
    "#]],
    );
}

/// Targets were on their way when the kill came: execution hears the kill first and orders nothing.
#[test]
fn a_kill_that_overtakes_the_targets() {
    let opening = format!("{FLAT}08:00 control kill ops stop | after scores");
    check(
        desk,
        &pair_day(&opening, ""),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 risk kill_acknowledged Halt #4
        08:00 execution kill_acknowledged Halt #4
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

/// Execution had submitted before it heard; risk hears the kill before the orders.
#[test]
fn a_kill_between_submit_and_approval() {
    let opening = format!("{FLAT}08:00 control kill ops stop | after targets");
    check(
        desk,
        &pair_day(&opening, ""),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.6000 net=0.0000 beta=0.0000 theta=1.0000
            AAPL +0 -> +300 @ 100.00 cost=4.2bp
            MSFT +0 -> -600 @ 50.00 cost=4.2bp
            NAME AAPL 30000
            NAME MSFT 30000
        08:00 execution submit_order au-20240103-AAPL-0-0 buy 300 AAPL opg
        08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
        08:00 risk kill_acknowledged Halt #5
        08:00 execution kill_acknowledged Halt #5
        08:00 risk order_denied au-20240103-AAPL-0-0 buy 300 AAPL opg: HALTED kill by "ops": stop
        08:00 risk order_denied au-20240103-MSFT-0-0 sell 600 MSFT opg: HALTED kill by "ops": stop
        08:00 execution orders_working working=0 refused=2
        08:00 execution orders_done orders=2 filled=0 unfilled=0 denied=2 rejected=0
    "#]],
    );
}

/// The orders stand before the kill in the journal, so risk approves them: to stop what is approved and not sent
/// yet is the broker gateway's part. Orders of the same plan are not told apart by how fast risk reads.
#[test]
fn a_kill_right_behind_the_submitted_orders() {
    let opening = format!("{FLAT}08:00 control kill ops stop | after submit_order");
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 rejected: HALTED
        08:01 broker order_updated au-20240103-MSFT-0-0 rejected: HALTED
    ";
    check(
        desk,
        &pair_day(&opening, rest),
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
        08:00 risk kill_acknowledged Halt #7
        08:00 execution kill_acknowledged Halt #7
        08:01 execution orders_working working=0 refused=2
        08:01 execution orders_done orders=2 filled=0 unfilled=0 denied=0 rejected=2
    "#]],
    );
}

#[test]
fn a_kill_at_the_open_stops_second_legs_and_the_day_still_ends() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 accepted
        09:30 control kill ops stop
        09:30 broker filled au-20240103-AAPL-0-0 buy 100 AAPL @ 100.02 total 100 complete
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
        09:30 risk kill_acknowledged Halt #12
        09:30 execution kill_acknowledged Halt #12
        09:30 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

/// The fill that calls for the second leg stands before the kill, the order itself behind it.
#[test]
fn a_kill_between_a_fill_and_the_second_leg_it_calls_for() {
    let rest = "
        08:01 broker order_updated au-20240103-AAPL-0-0 accepted
        08:01 broker order_updated au-20240103-MSFT-0-0 canceled
        09:30 control kill ops stop | after filled
        09:30 broker filled au-20240103-AAPL-0-0 buy 100 AAPL @ 100.02 total 100 complete
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
        09:30 execution submit_order au-20240103-AAPL-1-0 buy 300 AAPL ioc
        09:30 risk kill_acknowledged Halt #13
        09:30 execution kill_acknowledged Halt #13
        09:30 risk order_denied au-20240103-AAPL-1-0 buy 300 AAPL ioc: HALTED kill by "ops": stop
        09:30 execution orders_done orders=3 filled=1 unfilled=1 denied=1 rejected=0
    "#]],
    );
}

#[test]
fn an_alarm_halts_for_the_session_and_no_resume_lifts_it() {
    let opening = format!(
        "{CROSSED}
        08:00 reporting alarm RECONCILIATION cash differs by 0.01
        08:00 control resume ops looks fine to me
        "
    );
    check(
        desk,
        &pair_day(&opening, ""),
        &expect![[r#"
        08:00 risk targets names=2 gross=0.2000 net=0.0000 beta=0.0000 theta=0.0000
            AAPL -100 -> -100 @ 100.00 cost=0.0bp
            MSFT +200 -> +200 @ 50.00 cost=0.0bp
            HALTED alarm RECONCILIATION: cash differs by 0.01
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}
