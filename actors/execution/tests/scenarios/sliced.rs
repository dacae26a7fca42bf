//! A plan with the style `sliced`, in the words of the journal: 5 % of a minute's volume are $5,000.

use crate::desk;
use crate::script::check;
use expect_test::expect;

/// No edge: 100 of AAPL are to be sold and 90 of MSFT to be bought back.
const MORNING: &str = "
            08:00 session opened equity=100000 flatten_share=0.05 style=sliced participation=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores
                AAPL -1
                MSFT 1
";

fn after_the_morning(words: &str) -> String {
    format!("{MORNING}{words}")
}

/// Nothing goes into the auction. AAPL goes to flat and on from there; what it brings pays for MSFT; what a slice left
/// is tried again a minute later, under the next attempt.
#[test]
fn reducers_first_then_what_they_pay_for_minute_by_minute() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 style=sliced participation=0.05 edge=0.05 name_max=0.05
                AAPL tech +100 @ 100
                MSFT tech
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores
                AAPL -1
                MSFT 1
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 20 AAPL @ 101.00 total 20
            09:30 broker order_updated au-20240103-AAPL-0-0 canceled
            09:31 session tick 1
            09:31 broker filled au-20240103-AAPL-0-1 sell 50 AAPL @ 101.00 total 50 complete
            09:31 broker filled au-20240103-MSFT-0-0 buy 40 MSFT @ 50.10 total 40 complete
            09:32 session tick 2
            09:32 broker filled au-20240103-AAPL-0-2 sell 30 AAPL @ 100.50 total 30 complete
            09:32 broker filled au-20240103-MSFT-0-1 buy 60 MSFT @ 50.20 total 60 complete
            09:33 session tick 3
            09:33 broker filled au-20240103-AAPL-1-0 sell 50 AAPL @ 100.50 total 50 complete
            16:00 session phase close
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> -50 @ 100.00 cost=8.1bp
                MSFT +0 -> +100 @ 50.00 cost=6.8bp
                FALLBACK NO_FACTORS
                NAME AAPL 5000
                NAME MSFT 5000
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution orders_working working=2 refused=0
            09:31 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 95.95
            09:31 execution submit_order au-20240103-MSFT-0-0 buy 40 MSFT ioc limit 52.50
            09:31 risk order_approved au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 95.95
            09:31 risk order_approved au-20240103-MSFT-0-0 buy 40 MSFT ioc limit 52.50
            09:31 execution orders_working working=2 refused=0
            09:32 execution submit_order au-20240103-AAPL-0-2 sell 30 AAPL ioc limit 95.95
            09:32 execution submit_order au-20240103-MSFT-0-1 buy 60 MSFT ioc limit 52.60
            09:32 risk order_approved au-20240103-AAPL-0-2 sell 30 AAPL ioc limit 95.95
            09:32 risk order_approved au-20240103-MSFT-0-1 buy 60 MSFT ioc limit 52.60
            09:32 execution orders_working working=1 refused=0
            09:33 execution submit_order au-20240103-AAPL-1-0 sell 50 AAPL ioc limit 95.48
            09:33 risk order_approved au-20240103-AAPL-1-0 sell 50 AAPL ioc limit 95.48
            09:33 execution orders_done orders=6 filled=5 unfilled=1 denied=0 rejected=0
        "#]],
    );
}

/// A name that does not trade is left where it is, and the end of the day says so.
#[test]
fn what_is_not_reached_at_the_close_is_said() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 50 AAPL @ 99.90 total 50 complete
            09:30 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 session tick 1
            09:31 broker filled au-20240103-AAPL-0-1 sell 50 AAPL @ 99.80 total 50 complete
            09:31 broker order_updated au-20240103-MSFT-0-1 canceled
            16:00 session phase close
        ",
        ),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 execution orders_working working=2 refused=0
            09:31 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:31 execution submit_order au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:31 risk order_approved au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:31 risk order_approved au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:31 execution orders_working working=1 refused=0
            16:00 execution orders_done orders=4 filled=2 unfilled=2 denied=0 rejected=0 unreached=1: MSFT +90
        "#]],
    );
}

/// A refused name is given up for the session, by risk (the last price is too far from the close) or by the venue.
#[test]
fn what_is_refused_is_given_up() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 50 AAPL @ 94.90 total 50 complete
            09:30 broker order_updated au-20240103-MSFT-0-0 rejected: not today
            09:31 session tick 1
            09:32 session tick 2
        ",
        ),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 execution orders_working working=1 refused=1
            09:31 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 90.16
            09:31 risk order_denied au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 90.16: COLLAR last=94.90 reference=100.00
            09:31 execution orders_done orders=3 filled=1 unfilled=0 denied=1 rejected=1 unreached=2: AAPL -50 MSFT +90
        "#]],
    );
}

/// The last price changes while a slice is on its way to risk, which finds its limit too far from it: that is no reason to
/// give the name up, the next slice knows better.
#[test]
fn a_limit_that_a_mark_overtook_is_set_again() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 broker marked 99900 AAPL 101 MSFT 50 | after phase
            09:30 session phase open
            09:30 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 session tick 1
            ",
        ),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_denied au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00: COLLAR last=95.00 reference=101.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 execution orders_working working=2 refused=0
            09:31 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 95.95
            09:31 execution submit_order au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:31 risk order_approved au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 95.95
            09:31 risk order_approved au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
        "#]],
    );
}

/// A bad print far from the close: nothing is sent around it, and a minute later the name goes on.
#[test]
fn one_bad_mark_gives_up_no_name() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 session phase open
            09:30 broker order_updated au-20240103-AAPL-0-0 canceled
            09:30 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 broker marked 99900 AAPL 110 MSFT 50
            09:31 session tick 1
            09:31 broker order_updated au-20240103-MSFT-0-1 canceled
            09:32 broker marked 99900 AAPL 100 MSFT 50
            09:32 session tick 2
            ",
        )
        .replace("style=sliced", "style=sliced marked=yes"),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 execution orders_working working=2 refused=0
            09:31 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 104.50
            09:31 execution submit_order au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:31 risk order_denied au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 104.50: COLLAR last=110.00 reference=100.00
            09:31 risk order_approved au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:31 execution orders_working working=2 refused=0
            09:32 execution submit_order au-20240103-AAPL-0-2 sell 50 AAPL ioc limit 95.00
            09:32 execution submit_order au-20240103-MSFT-0-2 buy 90 MSFT ioc limit 52.50
            09:32 risk order_approved au-20240103-AAPL-0-2 sell 50 AAPL ioc limit 95.00
            09:32 risk order_approved au-20240103-MSFT-0-2 buy 90 MSFT ioc limit 52.50
        "#]],
    );
}

/// A halt stops the slices; a resume lets them go on at the next tick.
#[test]
fn a_resume_goes_on_with_the_plan() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 50 AAPL @ 99.90 total 50 complete
            09:30 control kill ops wait
            09:30 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 session tick 1
            09:40 control resume ops go
            09:41 session tick 11
            09:41 broker filled au-20240103-AAPL-0-1 sell 50 AAPL @ 99.80 total 50 complete
            09:41 broker filled au-20240103-MSFT-0-1 buy 90 MSFT @ 50.00 total 90 complete
        ",
        ),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk kill_acknowledged Halt #12
            09:30 execution kill_acknowledged Halt #12
            09:30 execution orders_done orders=2 filled=1 unfilled=1 denied=0 rejected=0 unreached=2: AAPL -50 MSFT +90
            09:40 execution orders_working working=2 refused=0
            09:41 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:41 execution submit_order au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:41 risk order_approved au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:41 risk order_approved au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:41 execution orders_done orders=4 filled=3 unfilled=1 denied=0 rejected=0
        "#]],
    );
}

/// A flatten ends the plan for the session, and closes slice by slice what is held.
#[test]
fn a_flatten_takes_over() {
    check(
        desk,
        &after_the_morning(
            "
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 50 AAPL @ 99.90 total 50 complete
            09:30 control kill ops level=flatten
            09:30 broker filled au-20240103-MSFT-0-0 buy 40 MSFT @ 50.00 total 40
            09:30 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 session tick 1
            09:31 broker filled au-20240103-AAPL-2-0 sell 50 AAPL @ 99.80 total 50 complete
            09:31 control resume ops enough
            09:31 broker order_updated au-20240103-MSFT-2-0 canceled
            09:32 session tick 2
            16:00 session phase close
        ",
        ),
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:30 risk kill_acknowledged Flatten #12
            09:30 execution submit_order au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 94.91
            09:30 execution kill_acknowledged Flatten #12
            09:30 risk order_approved au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 94.91
            09:30 execution submit_order au-20240103-MSFT-2-0 buy 50 MSFT ioc limit 52.50
            09:30 risk order_approved au-20240103-MSFT-2-0 buy 50 MSFT ioc limit 52.50
            09:31 execution orders_done orders=4 filled=2 unfilled=2 denied=0 rejected=0
        "#]],
    );
}

/// More names than risk lets through in a minute take turns; nothing is denied.
#[test]
fn names_take_turns_where_a_minute_has_fewer_orders() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 style=sliced participation=0.05 orders_per_minute=1
                AAPL tech +100 @ 100
                MSFT tech -190 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores
                AAPL -1
                MSFT 1
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 50 AAPL @ 99.90 total 50 complete
            09:31 session tick 1
            09:31 broker filled au-20240103-MSFT-0-0 buy 100 MSFT @ 50.00 total 100 complete
            09:32 session tick 2
            09:32 broker filled au-20240103-AAPL-0-1 sell 50 AAPL @ 99.90 total 50 complete
            09:33 session tick 3
            09:33 broker filled au-20240103-MSFT-0-1 buy 90 MSFT @ 50.00 total 90 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -190 -> +0 @ 50.00 cost=7.5bp
                NO_EDGE unknown
            08:00 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:30 execution orders_working working=2 refused=0
            09:31 execution submit_order au-20240103-MSFT-0-0 buy 100 MSFT ioc limit 52.50
            09:31 risk order_approved au-20240103-MSFT-0-0 buy 100 MSFT ioc limit 52.50
            09:31 execution orders_working working=2 refused=0
            09:32 execution submit_order au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:32 risk order_approved au-20240103-AAPL-0-1 sell 50 AAPL ioc limit 94.91
            09:32 execution orders_working working=1 refused=0
            09:33 execution submit_order au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:33 risk order_approved au-20240103-MSFT-0-1 buy 90 MSFT ioc limit 52.50
            09:33 execution orders_done orders=4 filled=4 unfilled=0 denied=0 rejected=0
        "#]],
    );
}

/// The actors were late: nothing is lost but time.
#[test]
fn a_plan_that_comes_after_the_open_starts_at_the_next_tick() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 style=sliced participation=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            09:30 session phase open
            09:31 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            09:31 scoring scores
                AAPL -1
                MSFT 1
            09:32 session tick 2
        ",
        &expect![[r#"
            09:31 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            09:31 execution orders_working working=2 refused=0
            09:31 execution orders_working working=2 refused=0
            09:32 execution submit_order au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:32 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
            09:32 risk order_approved au-20240103-AAPL-0-0 sell 50 AAPL ioc limit 95.00
            09:32 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT ioc limit 52.50
        "#]],
    );
}
