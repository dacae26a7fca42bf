//! Scores become targets.

use crate::script::check;
use crate::{FLAT, desk, pair_day};
use expect_test::expect;

#[test]
fn the_first_day_starts_from_flat() {
    check(
        desk,
        "
        08:00 session opened equity=1000000 name_max=0.2
            AAPL tech
            CVX  energy
            MSFT tech
            NVDA tech
            SLB  energy
            XOM  energy
        08:00 features features
            AAPL close=187.15 adv=1e10 beta=1.10 sigma=0.015
            CVX  close=149.16 adv=1.2e9 beta=0.70 sigma=0.013
            MSFT close=370.87 adv=9e9 beta=1.05 sigma=0.014
            NVDA close=481.68 adv=2e10 beta=1.70 sigma=0.028
            SLB  close=52.04 adv=6e8 beta=0.95 sigma=0.021
            XOM  close=99.98 adv=1.8e9 beta=0.75 sigma=0.013
        08:00 scoring scores
            AAPL -0.4
            CVX  0.3
            MSFT 1.1
            NVDA 0.2
            SLB  -0.9
            XOM  0.5
        ",
        &expect![[r#"
            08:00 risk targets names=6 gross=0.7986 net=0.0000 beta=0.0001 theta=1.0000
                AAPL +0 -> -1068 @ 187.15 cost=2.5bp
                CVX +0 -> -70 @ 149.16 cost=2.3bp
                MSFT +0 -> +343 @ 370.87 cost=2.4bp
                NVDA +0 -> +151 @ 481.68 cost=2.4bp
                SLB +0 -> -3631 @ 52.04 cost=5.0bp
                XOM +0 -> +1994 @ 99.98 cost=3.1bp
                NAME AAPL 200000
            08:00 execution submit_order au-20240103-AAPL-0-0 sell 1068 AAPL opg
            08:00 execution submit_order au-20240103-CVX-0-0 sell 70 CVX opg
            08:00 execution submit_order au-20240103-MSFT-0-0 buy 343 MSFT opg
            08:00 execution submit_order au-20240103-NVDA-0-0 buy 151 NVDA opg
            08:00 execution submit_order au-20240103-SLB-0-0 sell 3631 SLB opg
            08:00 execution submit_order au-20240103-XOM-0-0 buy 1994 XOM opg
            08:00 risk order_approved au-20240103-AAPL-0-0 sell 1068 AAPL opg
            08:00 risk order_approved au-20240103-CVX-0-0 sell 70 CVX opg
            08:00 risk order_approved au-20240103-MSFT-0-0 buy 343 MSFT opg
            08:00 risk order_approved au-20240103-NVDA-0-0 buy 151 NVDA opg
            08:00 risk order_approved au-20240103-SLB-0-0 sell 3631 SLB opg
            08:00 risk order_approved au-20240103-XOM-0-0 buy 1994 XOM opg
        "#]],
    );
}

#[test]
fn liquidity_and_order_size_hold_single_names_back() {
    check(
        desk,
        "
        08:00 session opened equity=1000000
            AAPL tech
            MSFT tech
        08:00 features features
            AAPL close=100 adv=4e6 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 1
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.1600 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +0 -> +800 @ 100.00 cost=39.6bp
                MSFT +0 -> -1600 @ 50.00 cost=5.0bp
                ADV AAPL 80000
            08:00 execution submit_order au-20240103-AAPL-0-0 buy 800 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 sell 1600 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-0-0 buy 800 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 sell 1600 MSFT opg
        "#]],
    );
}

#[test]
fn what_may_not_be_held_is_reduced_and_what_cannot_be_traded_is_kept() {
    check(
        desk,
        "
        08:00 session opened equity=100000
            AAPL tech
            GONE - +20 @ 40
            HALT tech -30 @ 10
            MSFT tech
            OLD - +10 @ 30
            WEAK tech +50 @ 20
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            HALT close=nan adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            OLD  close=31 adv=5e8 beta=1 sigma=0.02
            WEAK close=20 adv=20000 beta=nan sigma=0.02 ineligible
        08:00 scoring scores
            AAPL 1
            HALT 2
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=6 gross=0.6140 net=0.0080 beta=-0.0060 theta=1.0000
                AAPL +0 -> +297 @ 100.00 cost=4.2bp
                GONE +20 -> +20 @ 40.00 cost=0.0bp
                HALT -30 -> -30 @ 10.00 cost=0.0bp
                MSFT +0 -> -600 @ 50.00 cost=4.2bp
                OLD +10 -> +0 @ 31.00 cost=3.1bp
                WEAK +50 -> +30 @ 20.00 cost=39.6bp
                NO_PRICE GONE
                NO_PRICE HALT
                NAME MSFT 30000
                NOT_IN_UNIVERSE OLD
                NOT_ELIGIBLE WEAK
                ADV WEAK 400
                NO_BETA GONE
                NO_BETA WEAK
            08:00 execution submit_order au-20240103-OLD-0-0 sell 10 OLD opg
            08:00 execution submit_order au-20240103-WEAK-0-0 sell 20 WEAK opg
            08:00 execution submit_order au-20240103-AAPL-0-0 buy 297 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 sell 600 MSFT opg
            08:00 risk order_approved au-20240103-OLD-0-0 sell 10 OLD opg
            08:00 risk order_approved au-20240103-WEAK-0-0 sell 20 WEAK opg
            08:00 risk order_approved au-20240103-AAPL-0-0 buy 297 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 sell 600 MSFT opg
        "#]],
    );
}

/// Covering the liquid short would leave the illiquid long alone in its sector, whose limit is broken as it is. So
/// the long is reduced by what the day bears, and everything else waits.
#[test]
fn a_broken_limit_that_bars_the_way_is_relieved_first() {
    check(
        desk,
        "
        08:00 session opened equity=100000
            AAPL tech
            MSFT tech
            SLB  energy +2000 @ 10
            XOM  energy -1500 @ 10
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            SLB  close=10 adv=5e4 beta=1 sigma=0.02 ineligible
            XOM  close=10 adv=5e8 beta=1 sigma=0.02 ineligible
        08:00 scoring scores
            AAPL 1
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.3400 net=0.0400 beta=0.0400 theta=0.0000
                SLB +2000 -> +1900 @ 10.00 cost=39.6bp
                XOM -1500 -> -1500 @ 10.00 cost=0.0bp
                NOT_ELIGIBLE SLB
                ADV SLB 1000
                NOT_ELIGIBLE XOM
                NET 0.0500
                BETA 0.0500
                SECTOR energy 0.0500
                RELIEF
            08:00 execution submit_order au-20240103-SLB-0-0 sell 100 SLB opg
            08:00 risk order_approved au-20240103-SLB-0-0 sell 100 SLB opg
        "#]],
    );
}

/// Reducers may not fill while openers do: half of a book is exchanged for another, not all of it.
#[test]
fn exchanging_the_book_leaves_room_for_the_worst_case() {
    check(
        desk,
        "
        08:00 session opened equity=100000 gross=0.6 gross_max=0.9
            AAPL tech
            MSFT tech
            SLB  tech +300 @ 100
            XOM  tech -300 @ 100
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            SLB  close=100 adv=5e8 beta=1 sigma=0.02 ineligible
            XOM  close=100 adv=5e8 beta=1 sigma=0.02 ineligible
        08:00 scoring scores
            AAPL 1
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=4 gross=0.6000 net=0.0000 beta=0.0000 theta=0.5000
                AAPL +0 -> +150 @ 100.00 cost=3.9bp
                MSFT +0 -> -300 @ 50.00 cost=3.9bp
                SLB +300 -> +150 @ 100.00 cost=3.9bp
                XOM -300 -> -150 @ 100.00 cost=3.9bp
                NOT_ELIGIBLE SLB
                NOT_ELIGIBLE XOM
                GROSS_WORST 0.9000
            08:00 execution submit_order au-20240103-SLB-0-0 sell 150 SLB opg
            08:00 execution submit_order au-20240103-XOM-0-0 buy 150 XOM opg
            08:00 execution submit_order au-20240103-AAPL-0-0 buy 150 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 sell 300 MSFT opg
            08:00 risk order_approved au-20240103-SLB-0-0 sell 150 SLB opg
            08:00 risk order_approved au-20240103-XOM-0-0 buy 150 XOM opg
            08:00 risk order_approved au-20240103-AAPL-0-0 buy 150 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 sell 300 MSFT opg
        "#]],
    );
}

/// A cap that the market broke: back to it, whatever the score says.
#[test]
fn a_name_above_its_cap_goes_back_to_it() {
    check(
        desk,
        "
        08:00 session opened equity=100000 name_max=0.2
            AAPL tech +250 @ 100
            MSFT tech -500 @ 50
            NONE tech +10 @ 10
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            NONE close=10 adv=nan beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 1
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=3 gross=0.4000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +250 -> +199 @ 100.00 cost=3.5bp
                MSFT -500 -> -400 @ 50.00 cost=3.5bp
                NONE +10 -> +10 @ 10.00 cost=0.0bp
                NO_ADV NONE
            08:00 execution submit_order au-20240103-AAPL-0-0 sell 51 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 buy 100 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-0-0 sell 51 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 buy 100 MSFT opg
        "#]],
    );
}

#[test]
fn an_order_limit_counts_for_each_leg() {
    check(
        desk,
        "
        08:00 session opened equity=100000 order_max=0.1
            AAPL tech -90 @ 100
            MSFT tech +360 @ 50
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=25 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 1
            MSFT -1
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.2000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL -90 -> +100 @ 100.00 cost=4.0bp
                MSFT +360 -> -400 @ 25.00 cost=4.0bp
                ORDER AAPL 10000
                ORDER MSFT 10000
            08:00 execution submit_order au-20240103-AAPL-0-0 buy 90 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 sell 360 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-0-0 buy 90 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 sell 360 MSFT opg
        "#]],
    );
}

#[test]
fn over_the_gross_maximum_nothing_grows() {
    check(
        desk,
        "
        08:00 session opened equity=100000 order_max=1 name_max=1
            AAPL tech +900 @ 100
            MSFT tech -1800 @ 50
            NVDA tech
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
            NVDA close=400 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 1
            MSFT -2
            NVDA 1
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=1.0000 net=0.0000 beta=0.0000 theta=1.0000
                AAPL +900 -> +500 @ 100.00 cost=4.4bp
                MSFT -1800 -> -1000 @ 50.00 cost=4.4bp
                GROSS_MAX 1.6000
            08:00 execution submit_order au-20240103-AAPL-0-0 sell 400 AAPL opg
            08:00 execution submit_order au-20240103-MSFT-0-0 buy 800 MSFT opg
            08:00 risk order_approved au-20240103-AAPL-0-0 sell 400 AAPL opg
            08:00 risk order_approved au-20240103-MSFT-0-0 buy 800 MSFT opg
        "#]],
    );
}

#[test]
fn scores_withheld_keep_the_book() {
    check(
        desk,
        "
        08:00 session opened equity=100000
            AAPL tech +100 @ 100
            MSFT tech -200 @ 50
        08:00 features features
            AAPL close=101 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores_withheld FLAT sd=1e-9
        ",
        &expect![[r#"
            08:00 risk targets names=2 gross=0.2010 net=0.0010 beta=0.0010 theta=0.0000
                AAPL +100 -> +100 @ 101.00 cost=0.0bp
                MSFT -200 -> -200 @ 50.00 cost=0.0bp
                SCORES_WITHHELD FLAT sd=1e-9
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
        "#]],
    );
}

#[test]
fn equal_scores_keep_the_book() {
    check(
        desk,
        "
        08:00 session opened equity=100000
            AAPL tech +100 @ 100
            MSFT tech
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
            MSFT close=50 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores
            AAPL 0.3
            MSFT 0.3
        ",
        &expect![[r#"
            08:00 risk targets names=1 gross=0.1000 net=0.1000 beta=0.1000 theta=0.0000
                AAPL +100 -> +100 @ 100.00 cost=0.0bp
                SCORES_FLAT
            08:00 execution orders_working working=0 refused=0
            08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
        "#]],
    );
}

#[test]
fn scores_of_another_model_or_day_are_not_traded_on() {
    let features = "
        08:00 features features 2023-12-29
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
    ";
    let scores = "
        08:00 scoring scores
            AAPL 1
    ";
    check(
        desk,
        &format!("{FLAT}{features}{scores}"),
        &expect![[r#"
        08:00 risk targets names=0 gross=0.0000 net=0.0000 beta=0.0000 theta=0.0000
            STALE features 2023-12-29 scores 2024-01-02
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
    check(
        desk,
        &format!("{FLAT}{scores}"),
        &expect![[r#"
        08:00 risk targets names=0 gross=0.0000 net=0.0000 beta=0.0000 theta=0.0000
            NO_FEATURES
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
    let other = "
        08:00 features features
            AAPL close=100 adv=5e8 beta=1 sigma=0.02
        08:00 scoring scores model=m2
            AAPL 1
    ";
    check(
        desk,
        &format!("{FLAT}{other}"),
        &expect![[r#"
        08:00 risk targets names=0 gross=0.0000 net=0.0000 beta=0.0000 theta=0.0000
            WRONG_MODEL m2
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn without_equity_nothing_is_opened() {
    let opening = "
        08:00 session opened equity=-5
            AAPL tech +1 @ 100
            MSFT tech
    ";
    check(
        desk,
        &pair_day(opening, ""),
        &expect![[r#"
        08:00 risk targets names=1 gross=0.0000 net=0.0000 beta=0.0000 theta=0.0000
            AAPL +1 -> +1 @ 100.00 cost=0.0bp
            NO_EQUITY -5.00
        08:00 execution orders_working working=0 refused=0
        08:00 execution orders_done orders=0 filled=0 unfilled=0 denied=0 rejected=0
    "#]],
    );
}

#[test]
fn an_uncovered_universe_is_answered_by_silence() {
    check(desk, &format!("{FLAT}08:00 ingest coverage_failed MSFT"), &expect![[""]]);
}
