//! Orders that are too late.

use super::*;
use alpaca::time::session_time;
use messages::{Env, Limits, SessionOpened};

pub(crate) fn opened() -> Message {
    let day = |text: &str| text.parse().unwrap();
    let limits = Limits {
        gross: 1.0,
        gross_max: 1.5,
        name_max: 0.03,
        net_max: 0.01,
        beta_max: 0.01,
        sector_net_max: 0.03,
        adv_share_max: 0.02,
        order_max: 0.05,
    };
    Message::SessionOpened(Box::new(SessionOpened {
        run_id: "test".into(),
        source: "test".into(),
        ..SessionOpened::new(Env::Paper, day("2024-01-03"), day("2024-01-02"), limits)
    }))
}

/// An order with `time_in_force`; whether it waits still when the venue's clock shows `wall`.
fn leaves(time_in_force: TimeInForce, day: &str, wall: &str) -> bool {
    let mut desk = Desk::default();
    desk.on_entry(&entry(Time(1), opened()));
    let order = Order { time_in_force, ..order("AAPL") };
    desk.on_entry(&entry(APPROVED, Message::OrderApproved(order)));
    desk.on_clock(session_time(day.parse().unwrap(), wall.parse().unwrap()));
    !desk.next_waiting().unwrap().is_withheld()
}

#[test]
fn an_order_leaves_in_time_or_never() {
    let (before, day, after) = ("2024-01-02", "2024-01-03", "2024-01-04");
    for (time_in_force, last, late) in [
        (TimeInForce::Opg, "09:27:59.999999999", "09:28:00"),
        (TimeInForce::Ioc, "09:59:59.999999999", "10:00:00"),
        (TimeInForce::Day, "09:59:59.999999999", "10:00:00"),
    ] {
        assert!(leaves(time_in_force, day, last) && !leaves(time_in_force, day, late));
        assert!(leaves(time_in_force, before, "20:00:00"), "the evening before");
        assert!(!leaves(time_in_force, after, "08:00:00"), "the next day");
    }
}

#[test]
fn what_expires_is_canceled_with_its_reason_and_others_go_on() {
    let mut desk = Desk::default();
    desk.on_entry(&entry(Time(1), opened()));
    let second = Order { time_in_force: TimeInForce::Ioc, ..order("MSFT") };
    for order in [order("AAPL"), second] {
        desk.on_entry(&entry(APPROVED, Message::OrderApproved(order)));
    }
    desk.on_clock(session_time("2024-01-03".parse().unwrap(), "09:31:00".parse().unwrap()));
    let said = desk.next_waiting().unwrap().on_withheld();
    assert_eq!(
        lines(&[said]),
        [
            "ID.canceled 14:28:00Z: ID canceled: EXPIRED opg orders leave before 09:28 New York of 2024-01-03"
        ]
    );
    let next = desk.next_waiting().unwrap();
    assert!(next.order.symbol.as_str() == "MSFT" && !next.is_withheld());
}
