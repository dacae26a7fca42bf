//! Targets never ask for what these limits forbid, so nothing else reaches them: that is why they are tested here, with
//! targets that nobody bounded.

use super::{Book, Gate};
use crate::testing::{opened, rules};
use messages::{
    Booked, BookedKind, DenyReason, Order, Overnight, Price, RiskRules, SessionOpened, Shares,
    Side, Symbol, Time, TimeInForce, Usd,
};

const DOLLAR: i64 = 1_000_000;

/// $100,000: orders up to $10,000, names to $20,000, gross to $50,000; $15,000 of each name a day.
struct Desk {
    gate: Gate,
    opened: SessionOpened,
    now: Time,
    ids: u32,
}

fn gate(books: &[(&str, i64, i64)]) -> Desk {
    let (mark, adv_limit) = (Some(Price(100 * DOLLAR)), Usd(15_000 * DOLLAR));
    let mut gate = Gate::default();
    for &(symbol, held, target) in books {
        let book = Book { held, target, mark, adv_limit, ..Book::default() };
        gate.books.insert(Symbol::from(symbol), book);
        gate.planned.orders += 1;
        gate.planned.turnover += Price(100 * DOLLAR).times(Shares((target - held).abs()));
    }
    Desk { gate, opened: opened(), now: Time(0), ids: 0 }
}

/// As [`gate`], with rules as `change` makes them.
fn ruled(books: &[(&str, i64, i64)], change: impl FnOnce(&mut RiskRules)) -> Desk {
    let mut desk = gate(books);
    let mut rules = RiskRules { plan_multiple: 100.0, orders_per_minute: 100, ..rules() };
    change(&mut rules);
    desk.opened.rules = Some(rules);
    desk
}

impl Desk {
    fn order(&mut self, symbol: &str, change: i64) -> Order {
        self.ids += 1;
        Order {
            client_order_id: format!("{symbol}-{}", self.ids),
            symbol: Symbol::from(symbol),
            side: if change > 0 { Side::Buy } else { Side::Sell },
            quantity: Shares(change.abs()),
            time_in_force: TimeInForce::Opg,
            leg: 0,
            reference: Price(100 * DOLLAR),
            limit: None,
        }
    }

    fn judge(&mut self, order: &Order) -> Result<(), DenyReason> {
        let Self { gate, opened, now, .. } = self;
        gate.check(order, opened, *now, None).inspect(|()| gate.reserve(order, opened, *now))
    }

    fn later(&mut self, seconds: i64) {
        self.now.0 += seconds * 1_000_000_000;
    }
}

fn judge(desk: &mut Desk, symbol: &str, change: i64) -> Result<(), DenyReason> {
    let order = desk.order(symbol, change);
    desk.judge(&order)
}

#[test]
fn one_order_has_a_size() {
    let mut gate = gate(&[("A", 0, 1_000)]);
    let (notional, limit) = (Usd(10_100 * DOLLAR), Usd(10_000 * DOLLAR));
    let denied = Err(DenyReason::OrderTooLarge { notional, limit });
    assert_eq!(judge(&mut gate, "A", 101), denied);
    assert_eq!(judge(&mut gate, "A", 100), Ok(()));
}

#[test]
fn one_session_trades_so_much_of_a_name_whatever_the_side() {
    let mut gate = gate(&[("A", 0, 1_000)]);
    assert_eq!(judge(&mut gate, "A", 100), Ok(()));
    let (notional, limit) = (Usd(15_100 * DOLLAR), Usd(15_000 * DOLLAR));
    assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::AdvShare { notional, limit }));
    assert_eq!(judge(&mut gate, "A", 50), Ok(()));
}

#[test]
fn a_name_may_not_grow_beyond_its_cap_but_may_shrink_from_above_it() {
    let mut gate = gate(&[("A", 150, 400), ("B", -300, 0)]);
    let (exposure, limit) = (Usd(20_100 * DOLLAR), Usd(20_000 * DOLLAR));
    assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::NameTooLarge { exposure, limit }));
    assert_eq!(judge(&mut gate, "A", 50), Ok(()));
    assert_eq!(judge(&mut gate, "B", 50), Ok(()));
}

/// Defect 21 of the prior art: what a sale would bring was spent before it was sold, and twice. The reducer of B is open
/// and may not fill, so it makes no room for A.
#[test]
fn prior_art_21_an_open_reducer_makes_no_room_for_an_opener() {
    let mut gate = gate(&[("A", 0, 100), ("B", 450, 0)]);
    assert_eq!(judge(&mut gate, "B", -100), Ok(()));
    let (gross, limit) = (Usd(50_100 * DOLLAR), Usd(50_000 * DOLLAR));
    assert_eq!(judge(&mut gate, "A", 51), Err(DenyReason::GrossTooLarge { gross, limit }));
    assert_eq!(judge(&mut gate, "A", 50), Ok(()));
}

#[test]
fn what_is_restricted_is_not_traded_even_to_reduce_it() {
    let mut desk = ruled(&[("A", 100, 0)], |rules| rules.restricted = vec!["A".into()]);
    assert_eq!(judge(&mut desk, "A", -100), Err(DenyReason::Restricted));
}

#[test]
fn after_a_split_overnight_nothing_of_the_name_is_traded() {
    for (kind, denied) in [
        (BookedKind::Split, true),
        (BookedKind::Reorganisation, true),
        (BookedKind::Dividend, false),
    ] {
        let mut desk = gate(&[("A", 100, 50), ("B", 0, 50)]);
        let booked = Booked {
            activity: "1".to_owned(),
            date: desk.opened.session,
            kind,
            symbol: Some("A".into()),
            amount: Usd(0),
            shares: Shares(0),
            description: String::new(),
            before_open: true,
        };
        let overnight = Overnight { booked: vec![booked], ..Overnight::default() };
        desk.opened.overnight = Some(Box::new(overnight));
        let said = judge(&mut desk, "A", -50);
        assert_eq!(said, if denied { Err(DenyReason::Restricted) } else { Ok(()) }, "{kind:?}");
        assert_eq!(judge(&mut desk, "B", 50), Ok(()));
    }
}

#[test]
fn an_order_has_a_size_in_dollars_too() {
    let mut desk = ruled(&[("A", 0, 100)], |rules| rules.order_max_usd = 5_000);
    let (notional, limit) = (Usd(5_100 * DOLLAR), Usd(5_000 * DOLLAR));
    assert_eq!(judge(&mut desk, "A", 51), Err(DenyReason::OrderTooLarge { notional, limit }));
    assert_eq!(judge(&mut desk, "A", 50), Ok(()));
}

/// Defect 17 of the prior art: its reference was compared with itself.
#[test]
fn prior_art_17_a_price_is_compared_with_what_the_market_paid() {
    let mut desk = ruled(&[("A", 0, 100)], |_| ());
    let mut order = desk.order("A", 10);
    order.time_in_force = TimeInForce::Ioc;
    assert_eq!(desk.judge(&order), Err(DenyReason::NoPrice));
    let reference = Price(100 * DOLLAR);
    for (last, verdict) in [(105, Ok(())), (95, Ok(())), (106, Err(())), (94, Err(()))] {
        let last = Price(last * DOLLAR);
        desk.gate.books.get_mut(&Symbol::from("A")).unwrap().last = Some(last);
        desk.later(60);
        order = Order { time_in_force: TimeInForce::Ioc, ..desk.order("A", 10) };
        let expected = verdict.map_err(|()| DenyReason::Collar { last, reference });
        assert_eq!(desk.judge(&order), expected);
    }
    desk.later(60);
    assert_eq!(judge(&mut desk, "A", 10), Ok(()), "the opening auction has no price yet");
}

#[test]
fn a_bucket_of_tokens_fills_with_the_time_of_messages() {
    let mut desk = ruled(&[("A", 0, 1_000)], |rules| rules.orders_per_minute = 6);
    for shares in 1..=6 {
        assert_eq!(judge(&mut desk, "A", shares), Ok(()));
    }
    let denied = Err(DenyReason::TooManyOrders { per_minute: 6 });
    assert_eq!(judge(&mut desk, "A", 7), denied);
    desk.later(9);
    assert_eq!(judge(&mut desk, "A", 7), denied);
    desk.later(1);
    assert_eq!(judge(&mut desk, "A", 7), Ok(()));
    assert_eq!(judge(&mut desk, "A", 8), denied);
    // No more than a bucket, however long nothing came.
    desk.later(3_600);
    for shares in 9..=14 {
        assert_eq!(judge(&mut desk, "A", shares), Ok(()));
    }
    assert_eq!(judge(&mut desk, "A", 15), denied);
}

/// Defect 18 of the prior art: its ids were not sent, and nothing knew the time.
#[test]
fn prior_art_18_the_same_order_again_is_denied_by_id_and_by_content() {
    let mut desk = ruled(&[("A", 0, 100)], |_| ());
    let order = desk.order("A", 10);
    assert_eq!(desk.judge(&order), Ok(()));
    assert_eq!(desk.judge(&order), Err(DenyReason::Duplicate));
    desk.later(59);
    assert_eq!(judge(&mut desk, "A", 10), Err(DenyReason::SameAgain { seconds: 59 }));
    assert_eq!(judge(&mut desk, "A", 11), Ok(()));
    let second_leg = Order { leg: 1, ..desk.order("A", 10) };
    assert_eq!(desk.judge(&second_leg), Ok(()));
    desk.later(1);
    assert_eq!(judge(&mut desk, "A", 10), Ok(()));
}

#[test]
fn nothing_is_traded_with_oneself() {
    let mut desk = ruled(&[("A", 50, 100)], |_| ());
    assert_eq!(judge(&mut desk, "A", 10), Ok(()));
    // The targets of a session don't change; if they did, the open order would stand in the way.
    desk.gate.books.get_mut(&Symbol::from("A")).unwrap().target = 0;
    assert_eq!(judge(&mut desk, "A", -10), Err(DenyReason::Wash { open: "A-1".to_owned() }));
}

/// Three tenths of $20,000 held; a short of a $4 stock needs all it is worth.
#[test]
fn margin_is_left_whatever_fills() {
    let mut desk = ruled(&[("A", 200, 0), ("B", 0, -100)], |rules| rules.equity_left_min = 0.92);
    let (left, limit) = (Usd(91_000 * DOLLAR), Usd(92_000 * DOLLAR));
    assert_eq!(judge(&mut desk, "B", -100), Err(DenyReason::BuyingPower { left, limit }));
    assert_eq!(judge(&mut desk, "B", -66), Ok(()));
    assert_eq!(judge(&mut desk, "A", -100), Ok(()), "needs no more than before");
    let margin = |held, dollars: i64| {
        let mark = Some(Price(dollars * DOLLAR));
        Book { held, mark, ..Book::default() }.maintenance()
    };
    assert_eq!([margin(100, 100), margin(-100, 100)], [Usd(3_000 * DOLLAR); 2]);
    assert_eq!(
        [margin(-100, 10), margin(-100, 4), margin(-100, 2)].map(|m| m.0 / DOLLAR),
        [500, 400, 250]
    );
}

/// Defects 20 and 36 of the prior art: whether shorts were allowed hung on which file one read.
#[test]
fn prior_art_36_shorts_are_allowed_in_one_place() {
    let short = |why: &str| Err(DenyReason::Short { why: why.to_owned() });
    let book = [("A", 10, -10)];
    let mut none = ruled(&book, |rules| rules.shorts = false);
    assert_eq!(judge(&mut none, "A", -11), Err(DenyReason::NotInTargets), "flat comes first");
    assert_eq!(judge(&mut none, "A", -10), Ok(()));
    let book = [("A", 0, -10), ("B", -20, -10)];
    let mut none = ruled(&book, |rules| rules.shorts = false);
    assert_eq!(judge(&mut none, "A", -10), short("NO_SHORTS"));
    assert_eq!(judge(&mut none, "B", 10), Ok(()), "covering is no short sale");
    let mut listed = ruled(&book, |rules| rules.not_shortable = vec!["A".into()]);
    assert_eq!(judge(&mut listed, "A", -10), short("NOT_SHORTABLE"));
    let mut poor = ruled(&book, |rules| rules.short_equity_min_usd = 100_001);
    assert_eq!(judge(&mut poor, "A", -10), short("EQUITY"));
    assert_eq!(judge(&mut ruled(&book, |_| ()), "A", -10), Ok(()));
}

#[test]
fn a_day_has_a_plan_and_no_more_than_so_many_times_it() {
    let mut desk = ruled(&[("A", 0, 100)], |rules| rules.plan_multiple = 2.0);
    assert_eq!(judge(&mut desk, "A", 10), Ok(()));
    assert_eq!(judge(&mut desk, "A", 11), Ok(()));
    assert_eq!(judge(&mut desk, "A", 12), Err(DenyReason::DayOrders { orders: 3, limit: 2 }));
    let mut desk = ruled(&[("A", 0, 100)], |rules| rules.plan_multiple = 1.5);
    desk.gate.planned.orders = 10;
    assert_eq!(judge(&mut desk, "A", 90), Ok(()));
    desk.gate.release("A-1");
    let (turnover, limit) = (Usd(18_000 * DOLLAR), Usd(15_000 * DOLLAR));
    desk.later(61);
    assert_eq!(judge(&mut desk, "A", 90), Err(DenyReason::DayTurnover { turnover, limit }));
}

#[test]
fn a_breaker_lets_reducers_through() {
    let mut desk = ruled(&[("A", 100, 0), ("B", 0, 50)], |_| ());
    let reason = "DRAWDOWN".to_owned();
    for (symbol, change, verdict) in
        [("A", -50, Ok(())), ("B", 50, Err(DenyReason::Breaker { reason: reason.clone() }))]
    {
        let order = desk.order(symbol, change);
        let Desk { gate, opened, now, .. } = &mut desk;
        assert_eq!(gate.check(&order, opened, *now, Some(reason.clone())), verdict);
    }
}

/// A sliced plan: no order has more than its share of a minute, and each leg counts as as many orders as it has slices.
#[test]
fn a_slice_has_a_size() {
    let mut gate = gate(&[("A", 0, 1_000)]);
    gate.gate.books.get_mut(&Symbol::from("A")).unwrap().slice = Some(Shares(60));
    let (notional, limit) = (Usd(6_100 * DOLLAR), Usd(6_000 * DOLLAR));
    assert_eq!(judge(&mut gate, "A", 61), Err(DenyReason::AdvShare { notional, limit }));
    assert_eq!(judge(&mut gate, "A", 60), Ok(()));
    for (held, target, slice, orders) in [
        (0, 0, Some(60), 0),
        (0, 60, Some(60), 1),
        (100, -61, Some(60), 4),
        (-5, -300, Some(60), 5),
        (-5, -300, None, 1),
        (100, -61, None, 2),
    ] {
        let book = Book { target, slice: slice.map(Shares), ..Book::default() };
        assert_eq!(book.orders_to(held), orders, "{held} {target} {slice:?}");
    }
}

/// The first slice of a name comes before any fill of it: its limit is the price that is judged.
#[test]
fn a_limit_around_the_reference_needs_no_fill_before_it() {
    let mut desk = ruled(&[("A", 0, 100)], |_| {});
    let mut slice = |limit: Option<i64>| {
        let limit = limit.map(|dollars| Price(dollars * DOLLAR));
        let order = Order { time_in_force: TimeInForce::Ioc, limit, ..desk.order("A", 10) };
        desk.judge(&order)
    };
    assert_eq!(slice(None), Err(DenyReason::NoPrice));
    assert!(matches!(slice(Some(106)), Err(DenyReason::Collar { .. })));
    assert_eq!(slice(Some(105)), Ok(()));
}
