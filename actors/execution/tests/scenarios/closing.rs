//! Closing positions: a kill of level `flatten`, in the words of the journal.

use crate::desk;
use crate::script::check;
use expect_test::expect;

/// The style `limit`: in the opening auction, but at no price beyond the collar (5 %) around the close; the second
/// leg around the last fill.
#[test]
fn orders_with_a_limit_stay_within_the_collar() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 style=limit
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores
                AAPL 1
                MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution submit_order au-20240103-AAPL-0-0 sell 100 AAPL opg limit 95.00
            08:00 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT opg limit 52.50
            08:00 risk order_approved au-20240103-AAPL-0-0 sell 100 AAPL opg limit 95.00
            08:00 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT opg limit 52.50
        "#]],
    );
}

/// Defects 9 and 10 of the prior art: an emergency stop that only cancelled, and a restart that forgot it. A kill
/// of level `flatten` in force at the opening: the opening auction closes what is held.
#[test]
fn prior_art_9_flatten_closes_what_is_held() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            08:01 broker order_updated au-20240103-AAPL-2-0 accepted
            08:01 broker order_updated au-20240103-MSFT-2-0 accepted
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-2-0 sell 100 AAPL @ 99.90 total 100 complete
            09:30 broker filled au-20240103-MSFT-2-0 buy 90 MSFT @ 50.10 total 90 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution submit_order au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:01 execution orders_working working=2 refused=0
            09:30 execution orders_done orders=2 filled=2 unfilled=0 denied=0 rejected=0
        "#]],
    );
}

/// What the auction leaves goes slice by slice: 5 % of a minute's volume ($5,000), within 5 % of the last price,
/// one per name and minute.
#[test]
fn what_the_auction_leaves_goes_in_slices() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            08:01 broker order_updated au-20240103-AAPL-2-0 accepted
            08:01 broker order_updated au-20240103-MSFT-2-0 accepted
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-2-0 sell 10 AAPL @ 90.05 total 10
            09:30 broker order_updated au-20240103-AAPL-2-0 expired
            09:30 broker filled au-20240103-MSFT-2-0 buy 90 MSFT @ 50.10 total 90 complete
            09:30 broker order_updated au-20240103-AAPL-2-1 accepted
            09:30 broker filled au-20240103-AAPL-2-1 sell 20 AAPL @ 89.00 total 20
            09:30 broker order_updated au-20240103-AAPL-2-1 canceled
            09:31 session tick 1
            09:31 broker filled au-20240103-AAPL-2-2 sell 50 AAPL @ 88.00 total 50 complete
            09:32 session tick 2
            09:32 broker filled au-20240103-AAPL-2-3 sell 20 AAPL @ 88.00 total 20 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution submit_order au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:01 execution orders_working working=2 refused=0
            09:30 execution submit_order au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 85.55
            09:30 risk order_approved au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 85.55
            09:30 execution orders_working working=1 refused=1
            09:31 execution submit_order au-20240103-AAPL-2-2 sell 50 AAPL ioc limit 84.55
            09:31 risk order_approved au-20240103-AAPL-2-2 sell 50 AAPL ioc limit 84.55
            09:31 execution orders_working working=1 refused=1
            09:32 execution submit_order au-20240103-AAPL-2-3 sell 20 AAPL ioc limit 83.60
            09:32 risk order_approved au-20240103-AAPL-2-3 sell 20 AAPL ioc limit 83.60
            09:32 execution orders_done orders=5 filled=3 unfilled=2 denied=0 rejected=0
        "#]],
    );
}

/// Orders of the plan are out: the gateway cancels them, and a name is closed only once its own has ended, by what
/// was filled.
#[test]
fn what_is_open_ends_before_it_is_closed() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores
                AAPL 1
                MSFT -1
            08:01 broker order_updated au-20240103-AAPL-0-0 accepted
            08:01 broker order_updated au-20240103-MSFT-0-0 accepted
            09:30 session phase open
            09:30 broker filled au-20240103-AAPL-0-0 sell 30 AAPL @ 100.00 total 30
            09:30 control kill ops level=flatten
            09:30 broker order_updated au-20240103-AAPL-0-0 canceled
            09:30 broker filled au-20240103-AAPL-2-0 sell 50 AAPL @ 99.90 total 50 complete
            09:31 session tick 1
            09:31 broker filled au-20240103-MSFT-0-0 buy 5 MSFT @ 50.00 total 5
            09:31 broker order_updated au-20240103-MSFT-0-0 canceled
            09:31 broker filled au-20240103-AAPL-2-1 sell 20 AAPL @ 99.90 total 20 complete
            09:32 session tick 2
            09:32 broker filled au-20240103-MSFT-2-0 buy 85 MSFT @ 50.00 total 85 complete
            09:32 broker filled au-20240103-MSFT-0-0 buy 2 MSFT @ 50.00 total 7
            09:32 broker filled au-20240103-MSFT-2-1 sell 2 MSFT @ 50.00 total 2 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +100 -> +0 @ 100.00 cost=7.6bp
                MSFT -90 -> +0 @ 50.00 cost=6.7bp
                NO_EDGE unknown
            08:00 execution submit_order au-20240103-AAPL-0-0 sell 100 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 buy 90 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-0-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 buy 90 MSFT opg
            08:01 execution orders_working working=2 refused=0
            09:30 risk kill_acknowledged Flatten #14
            09:30 execution kill_acknowledged Flatten #14
            09:30 execution submit_order au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            09:31 execution submit_order au-20240103-AAPL-2-1 sell 20 AAPL ioc limit 94.91
            09:31 risk order_approved au-20240103-AAPL-2-1 sell 20 AAPL ioc limit 94.91
            09:31 execution submit_order au-20240103-MSFT-2-0 buy 85 MSFT ioc limit 52.50
            09:31 risk order_approved au-20240103-MSFT-2-0 buy 85 MSFT ioc limit 52.50
            09:32 execution orders_done orders=5 filled=3 unfilled=2 denied=0 rejected=0
            09:32 execution submit_order au-20240103-MSFT-2-1 sell 2 MSFT ioc limit 47.50
            09:32 risk order_approved au-20240103-MSFT-2-1 sell 2 MSFT ioc limit 47.50
            09:32 execution orders_done orders=6 filled=4 unfilled=2 denied=0 rejected=0
        "#]],
    );
}

/// The market is open, the day's orders are done: the first slice leaves with the kill, the next a minute later at
/// the earliest.
#[test]
fn a_kill_in_the_open_market_closes_at_once() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            10:00 control kill ops level=flatten
            10:00 broker filled au-20240103-AAPL-2-0 sell 50 AAPL @ 99.90 total 50 complete
            10:00 broker order_updated au-20240103-MSFT-2-0 canceled
            10:00 session tick 30
            10:01 session tick 31
            10:01 broker filled au-20240103-AAPL-2-1 sell 50 AAPL @ 99.00 total 50 complete
            10:01 broker filled au-20240103-MSFT-2-1 buy 90 MSFT @ 50.00 total 90 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
            10:00 risk kill_acknowledged Flatten #8
            10:00 execution submit_order au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            10:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 52.50
            10:00 execution kill_acknowledged Flatten #8
            10:00 risk order_approved au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            10:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 52.50
            10:00 execution orders_working working=0 refused=0
            10:00 execution orders_working working=0 refused=0
            10:01 execution submit_order au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 94.91
            10:01 execution submit_order au-20240103-MSFT-2-1 buy 90 MSFT ioc limit 52.50
            10:01 risk order_approved au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 94.91
            10:01 risk order_approved au-20240103-MSFT-2-1 buy 90 MSFT ioc limit 52.50
            10:01 execution orders_done orders=4 filled=3 unfilled=1 denied=0 rejected=0
        "#]],
    );
}

/// AAPL has lost a tenth overnight and MSFT has gained one: limits around yesterday's close would reach nobody. The venue's
/// marks say where the market is; they also price the next slice better than the fill of a minute ago.
#[test]
fn slices_are_priced_where_the_market_is() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            09:31 broker marked 99900 AAPL 90 MSFT 55
            10:00 control kill ops level=flatten
            10:00 broker filled au-20240103-AAPL-2-0 sell 50 AAPL @ 89.90 total 50 complete
            10:00 broker filled au-20240103-MSFT-2-0 buy 90 MSFT @ 55.00 total 90 complete
            10:00 broker marked 99800 AAPL 84
            10:01 session tick 31
            10:01 broker filled au-20240103-AAPL-2-1 sell 50 AAPL @ 83.90 total 50 complete
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
            10:00 risk kill_acknowledged Flatten #9
            10:00 execution submit_order au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 85.50
            10:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 57.75
            10:00 execution kill_acknowledged Flatten #9
            10:00 risk order_approved au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 85.50
            10:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 57.75
            10:00 execution orders_working working=0 refused=0
            10:01 execution submit_order au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 79.80
            10:01 risk order_approved au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 79.80
            10:01 execution orders_done orders=3 filled=3 unfilled=0 denied=0 rejected=0
        "#]],
    );
}

/// A limit that risk finds too far from the last price, which has changed on its way, is set again a minute later.
#[test]
fn a_mark_that_overtakes_an_order_gives_up_no_name() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +40 @ 100
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            10:00 broker marked 99900 AAPL 101 | after kill
            10:00 control kill ops level=flatten
            10:01 session tick 31
        ",
        &expect![[r#"
            08:00 risk targets names=1 gross=0.0400 net=0.0400 beta=0.0400 theta=0.0000
                AAPL +40 -> +40 @ 100.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.030000
                RELAXED BETA 0.030000
                RELAXED SECTOR tech 0.010000
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
            10:00 risk kill_acknowledged Flatten #8
            10:00 execution submit_order au-20240103-AAPL-2-0 sell 40 AAPL ioc limit 95.00
            10:00 execution kill_acknowledged Flatten #8
            10:00 risk order_denied au-20240103-AAPL-2-0 sell 40 AAPL ioc limit 95.00: COLLAR last=95.00 reference=101.00
            10:00 execution orders_working working=0 refused=0
            10:01 execution submit_order au-20240103-AAPL-2-1 sell 40 AAPL ioc limit 95.95
            10:01 risk order_approved au-20240103-AAPL-2-1 sell 40 AAPL ioc limit 95.95
        "#]],
    );
}

#[test]
fn a_resume_ends_it() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            10:00 control kill ops level=flatten
            10:00 broker filled au-20240103-AAPL-2-0 sell 50 AAPL @ 99.90 total 50 complete
            10:00 broker filled au-20240103-MSFT-2-0 buy 40 MSFT @ 50.00 total 40
            10:00 control resume ops enough
            10:00 broker order_updated au-20240103-MSFT-2-0 canceled
            10:01 session tick 31
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
            10:00 risk kill_acknowledged Flatten #8
            10:00 execution submit_order au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            10:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 52.50
            10:00 execution kill_acknowledged Flatten #8
            10:00 risk order_approved au-20240103-AAPL-2-0 sell 50 AAPL ioc limit 95.00
            10:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT ioc limit 52.50
            10:00 execution orders_done orders=2 filled=1 unfilled=1 denied=0 rejected=0
        "#]],
    );
}

/// A weaker kill takes nothing from a stronger one, and an alarm does not stop what a kill closes.
#[test]
fn neither_a_halt_nor_an_alarm_ends_it() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 control kill ops level=halt
            08:00 reporting alarm RECONCILIATION cash differs by 0.01
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
        ",
        &expect![[r#"
            08:00 risk kill_acknowledged Halt #2
            08:00 execution kill_acknowledged Halt #2
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution submit_order au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT opg
        "#]],
    );
}

#[test]
fn halt_and_cancel_close_nothing() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            10:00 control kill ops level=halt
            10:00 control kill ops level=cancel
            10:01 session tick 31
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
            10:00 risk kill_acknowledged Halt #8
            10:00 execution kill_acknowledged Halt #8
            10:00 risk kill_acknowledged Cancel #11
            10:00 execution kill_acknowledged Cancel #11
        "#]],
    );
}

/// Nobody knows what is held of AAPL, and MSFT may not be traded: both stay, and the close says so.
#[test]
fn what_can_not_be_closed_is_said() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 restricted=MSFT halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 broker alarm IMPOSSIBLE_FILL of=AAPL the venue claims 200 of 100 filled
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            09:30 session phase open
            16:00 session phase close
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1450 net=0.0550 beta=0.0550 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                MSFT -90 -> -90 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.045000
                RELAXED BETA 0.045000
                RELAXED SECTOR tech 0.025000
            08:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:00 risk order_denied au-20240103-MSFT-2-0 buy 90 MSFT opg: RESTRICTED
            08:00 execution orders_working working=0 refused=1
            08:00 execution orders_done orders=1 filled=0 unfilled=0 denied=1 rejected=0
            16:00 execution alarm FLATTEN_INCOMPLETE: AAPL +100, MSFT -90
        "#]],
    );
}

#[test]
fn a_venue_that_refuses_is_asked_five_times() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech
            08:00 features features
                AAPL close=100 adv=3.9e7 beta=1 sigma=0.02
                MSFT close=50 adv=3.9e7 beta=1 sigma=0.02
            08:00 scoring scores_withheld FLAT
            08:01 broker order_updated au-20240103-AAPL-2-0 rejected: halted
            09:30 session phase open
            09:30 broker order_updated au-20240103-AAPL-2-1 rejected: halted
            09:31 session tick 1
            09:31 broker order_updated au-20240103-AAPL-2-2 rejected: halted
            09:32 session tick 2
            09:32 broker order_updated au-20240103-AAPL-2-3 rejected: halted
            09:33 session tick 3
            09:33 broker order_updated au-20240103-AAPL-2-4 rejected: halted
            16:00 session phase close
        ",
        &expect![[r#"
            08:00 risk targets names=1 gross=0.1000 net=0.1000 beta=0.1000 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                SCORES_WITHHELD FLAT
                RELAXED NET 0.090000
                RELAXED BETA 0.090000
                RELAXED SECTOR tech 0.070000
            08:00 execution submit_order au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:01 execution orders_working working=0 refused=1
            09:30 execution submit_order au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 95.00
            09:30 risk order_approved au-20240103-AAPL-2-1 sell 50 AAPL ioc limit 95.00
            09:30 execution orders_working working=0 refused=1
            09:31 execution submit_order au-20240103-AAPL-2-2 sell 50 AAPL ioc limit 95.00
            09:31 risk order_approved au-20240103-AAPL-2-2 sell 50 AAPL ioc limit 95.00
            09:31 execution orders_working working=0 refused=1
            09:32 execution submit_order au-20240103-AAPL-2-3 sell 50 AAPL ioc limit 95.00
            09:32 risk order_approved au-20240103-AAPL-2-3 sell 50 AAPL ioc limit 95.00
            09:32 execution orders_working working=0 refused=1
            09:33 execution submit_order au-20240103-AAPL-2-4 sell 50 AAPL ioc limit 95.00
            09:33 risk order_approved au-20240103-AAPL-2-4 sell 50 AAPL ioc limit 95.00
            09:33 execution orders_done orders=5 filled=0 unfilled=0 denied=0 rejected=5
            16:00 execution alarm FLATTEN_INCOMPLETE: AAPL +100
        "#]],
    );
}

/// No bars, so no volumes: nothing is traded, but what the kill closes is closed, whole, for $250,000 at most.
#[test]
fn without_bars_it_is_closed_all_the_same() {
    check(
        desk,
        "
            08:00 session opened equity=100000 flatten_share=0.05 halted=drill level=flatten
                AAPL tech +100 @ 100
                MSFT tech -90 @ 50
            08:00 ingest coverage_failed MSFT
        ",
        &expect![[r#"
            08:00 execution submit_order au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-2-0 buy 90 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-2-0 sell 100 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-2-0 buy 90 MSFT opg
        "#]],
    );
}
