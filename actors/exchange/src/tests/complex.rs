//! Orders that belong together: bracket, oco, oto.

use super::script::play;
use super::*;
use expect_test::{Expect, expect};

fn check(script: &str, expected: &Expect) {
    expected.assert_eq(&play(&mut exchange(), script));
}

/// `A` opens at 102 and ranges from 100 to 104; which end comes first is the tape's business.
#[test]
fn a_bracket_takes_its_profit_or_cuts_its_loss() {
    check(
        "
        A buy 10 day profit=103.5 loss=95
        B buy 10 gtc profit=60 loss=50.5
        4 09:30
        4 16:00
        ",
        &expect![[r"
            A buy 10 day profit=103.5 loss=95
                #1 accepted A buy 0/10
            B buy 10 gtc profit=60 loss=50.5
                #4 accepted B buy 0/10
            4 09:30
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102.0332 -> 10
                #2 new A sell 0/10
                #4 new B buy 0/10
                #4 fill B buy 10/10 @52.0287 -> 10
                #5 new B sell 0/10
            4 16:00
                #2 fill A sell 10/10 @103.5 -> 0
                #3 canceled A sell 0/10
                #5 canceled B sell 0/10
                #6 new B sell 0/10
                #6 fill B sell 10/10 @50.4073 -> 0
        "]],
    );
}

#[test]
fn short_brackets_are_mirrored() {
    check(
        "
        4 09:30
        A sell 10 day profit=95 loss=103 loss_limit=103.5
        4 16:00
        ",
        &expect![[r"
            4 09:30
            A sell 10 day profit=95 loss=103 loss_limit=103.5
                #1 new A sell 0/10
                #1 fill A sell 10/10 @101.977 -> -10
                #2 new A buy 0/10
            4 16:00
                #2 canceled A buy 0/10
                #3 new A buy 0/10
                #3 fill A buy 10/10 @103.0333 -> 0
        "]],
    );
}

#[test]
fn a_stop_takes_over_from_the_profit() {
    check(
        "
        4 09:30
        A buy 10 day
        A sell 10 gtc limit=110 loss=101
        A sell 1 day
        4 16:00
        ",
        &expect![[r"
            4 09:30
            A buy 10 day
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102.023 -> 10
            A sell 10 gtc limit=110 loss=101
                #2 new A sell 0/10
            A sell 1 day
                403 40310000: insufficient qty available for order (requested: 1, available: 0)
            4 16:00
                #2 canceled A sell 0/10
                #3 new A sell 0/10
                #3 fill A sell 10/10 @100.9272 -> 0
        "]],
    );
}

#[test]
fn one_triggers_another() {
    check(
        "
        4 09:30
        A buy 10 day 101.5 oto loss=95
        B buy 10 day oto profit=53.5
        4 16:00
        ",
        &expect![[r"
            4 09:30
            A buy 10 day 101.5 oto loss=95
                #1 new A buy 0/10
            B buy 10 day oto profit=53.5
                #3 new B buy 0/10
                #3 fill B buy 10/10 @52.0235 -> 10
                #4 new B sell 0/10
            4 16:00
                #4 fill B sell 10/10 @53.5 -> 0
                #1 fill A buy 10/10 @101.5 -> 10
                #2 new A sell 0/10
                #2 expired A sell 0/10
        "]],
    );
}

#[test]
fn what_ends_an_entry_ends_its_exits() {
    check(
        "
        4 09:30
        A buy 10 day 99 profit=110 loss=95
        B buy 10 day 40 profit=60 loss=35
        cancel 1
        4 16:00
        5 09:30
        A buy 10 gtc profit=110 loss=95
        cancel 9
        A sell 10 gtc limit=110 loss=90
        cancel 10
        cancel 10
        ",
        &expect![[r"
            4 09:30
            A buy 10 day 99 profit=110 loss=95
                #1 new A buy 0/10
            B buy 10 day 40 profit=60 loss=35
                #4 new B buy 0/10
            cancel 1
                #1 canceled A buy 0/10
                #2 canceled A sell 0/10
                #3 canceled A sell 0/10
            4 16:00
                #4 expired B buy 0/10
                #5 expired B sell 0/10
                #6 expired B sell 0/10
            5 09:30
            A buy 10 gtc profit=110 loss=95
                #7 new A buy 0/10
                #7 fill A buy 10/10 @103.0207 -> 10
                #8 new A sell 0/10
            cancel 9
                #9 canceled A sell 0/10
                #8 canceled A sell 0/10
            A sell 10 gtc limit=110 loss=90
                #10 new A sell 0/10
            cancel 10
                #10 canceled A sell 0/10
                #11 canceled A sell 0/10
            cancel 10
        "]],
    );
}

/// Of `C` there are 50 shares a session: both exits are for what is left.
#[test]
fn a_partial_exit_leaves_its_sibling_the_rest() {
    check(
        "
        4 09:30
        C buy 40 gtc
        C sell 40 gtc limit=22.5 loss=15
        4 16:00
        8 16:00
        ",
        &expect![[r"
            4 09:30
            C buy 40 gtc
                #1 new C buy 0/40
                #1 fill C buy 40/40 @22.2068 -> 40
            C sell 40 gtc limit=22.5 loss=15
                #2 new C sell 0/40
            4 16:00
                #2 partial_fill C sell 10/40 @22.5 -> 30
                #3 restated C sell 0/30
            8 16:00
                #2 fill C sell 40/40 @23.9538 -> 0
                #3 canceled C sell 0/30
        "]],
    );
}

/// 50 of the 51 shares are sold again before the entry fills whole.
#[test]
fn exits_that_nothing_is_left_for_are_cancelled() {
    check(
        "
        4 09:30
        C buy 51 gtc 22.3 profit=40 loss=1
        C sell 49 gtc 23
        8 16:00
        ",
        &expect![[r"
            4 09:30
            C buy 51 gtc 22.3 profit=40 loss=1
                #1 new C buy 0/51
                #1 partial_fill C buy 50/51 @22.2271 -> 50
            C sell 49 gtc 23
                #4 new C sell 0/49
            8 16:00
                #4 fill C sell 49/49 @23.9523 -> 1
                #1 fill C buy 51/51 @22.3 -> 2
                #2 canceled C sell 0/51
                #3 canceled C sell 0/51
        "]],
    );
}

#[test]
fn legs_are_replaced_in_their_place() {
    check(
        "
        4 09:30
        A buy 10 day profit=110 loss=95
        replace 2 limit=103.5
        replace 3 stop=90
        replace 5 qty=9
        replace 4 qty=8
        B buy 10 day 45 profit=60 loss=40
        replace 7 qty=20 limit=60
        4 16:00
        ",
        &expect![[r"
            4 09:30
            A buy 10 day profit=110 loss=95
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102.023 -> 10
                #2 new A sell 0/10
            replace 2 limit=103.5
                #2 replaced A sell 0/10
                #4 new A sell 0/10
            replace 3 stop=90
                #3 replaced A sell 0/10
            replace 5 qty=9
                422 42210000: qty of a leg that waits is its order's
            replace 4 qty=8
                #4 replaced A sell 0/10
                #6 new A sell 0/8
            B buy 10 day 45 profit=60 loss=40
                #7 new B buy 0/10
            replace 7 qty=20 limit=60
                #7 replaced B buy 0/10
                #10 new B buy 0/20
                #10 fill B buy 20/20 @52.0245 -> 20
                #8 new B sell 0/20
            4 16:00
                #6 fill A sell 8/8 @103.5 -> 2
                #5 canceled A sell 0/8
                #8 expired B sell 0/20
                #9 expired B sell 0/20
        "]],
    );
}

#[test]
fn exits_must_make_sense() {
    check(
        "
        4 09:30
        A buy 10 day profit=101 loss=95
        A buy 10 day profit=110 loss=102
        A buy 10 day 90 profit=95 loss=89.995
        A buy 10 day 90 profit=95 loss=80.001
        A sell 10 day profit=110 loss=120
        A sell 10 day profit=90 loss=101
        A sell 10 day limit=110 loss=90
        A buy 1.5 day profit=110 loss=95
        A buy 10 ioc profit=110 loss=95
        A buy 10 day
        A sell 10 day profit=90 loss=110
        A sell 10 day limit=90 loss=95
        BTC/USD buy 1 gtc profit=50000 loss=10000
        ",
        &expect![[r"
            4 09:30
            A buy 10 day profit=101 loss=95
                422 42210000: take_profit.limit_price must be >= base_price + 0.01
            A buy 10 day profit=110 loss=102
                422 42210000: stop_loss.stop_price must be <= base_price - 0.01
            A buy 10 day 90 profit=95 loss=89.995
                422 42210000: invalid stop_loss.stop_price 89.995. sub-penny increment does not fulfill minimum pricing criteria
            A buy 10 day 90 profit=95 loss=80.001
                422 42210000: invalid stop_loss.stop_price 80.001. sub-penny increment does not fulfill minimum pricing criteria
            A sell 10 day profit=110 loss=120
                422 42210000: take_profit.limit_price must be <= base_price - 0.01
            A sell 10 day profit=90 loss=101
                422 42210000: stop_loss.stop_price must be >= base_price + 0.01
            A sell 10 day limit=110 loss=90
                403 40310000: oco orders must be exit orders
            A buy 1.5 day profit=110 loss=95
                422 42210000: fractional orders must be simple orders
            A buy 10 ioc profit=110 loss=95
                422 42210000: bracket orders must be DAY or GTC orders
            A buy 10 day
                #1 new A buy 0/10
                #1 fill A buy 10/10 @102.023 -> 10
            A sell 10 day profit=90 loss=110
                403 40310000: bracket orders must be entry orders
            A sell 10 day limit=90 loss=95
                422 42210000: take_profit.limit_price must be > stop_loss.stop_price
            BTC/USD buy 1 gtc profit=50000 loss=10000
                422 42210000: crypto orders not allowed for advanced order_class: bracket
        "]],
    );
}
