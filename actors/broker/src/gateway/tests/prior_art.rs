//! The defects of the system before this one that concern the broker, each by its number in PRIOR_ART.md §9. A test
//! here fails if the defect comes back.

use super::*;
use crate::gateway::convert::new_order;
use alpaca::time::session_time;

/// There: the emergency stop only cancelled what it knew of. Here a kill of either level wants every open order back, and
/// goes on wanting it until the venue says that it is over.
#[test]
fn prior_art_9_a_kill_wants_back_whatever_is_open_until_it_is_over() {
    for level in [KillLevel::Cancel, KillLevel::Flatten] {
        let mut desk = desk();
        desk.on_venue_order(&venue("new", 0)).unwrap();
        desk.on_entry(&entry(Time(20), kill(level)));
        assert_eq!(desk.unwanted(), ["v-1"], "{level:?}");
        desk.on_trade_update(&update("canceled", "canceled", 0, 0)).unwrap();
        assert!(desk.unwanted().is_empty());
    }
}

/// There: the switch was an environment variable that no running unit saw, and a restart traded again. Here it stands in
/// the journal: a gateway that starts anew withholds what the one before it would have withheld.
#[test]
fn prior_art_10_a_restart_does_not_forget_a_kill() {
    let journal = [
        entry(Time(1), expiry::opened()),
        entry(Time(5), kill(KillLevel::Halt)),
        entry(APPROVED, Message::OrderApproved(order("AAPL"))),
    ];
    for start in 0..3 {
        let mut desk = Desk::default();
        for entry in &journal {
            desk.on_entry(entry);
        }
        if start > 0 {
            desk.distrust();
        }
        assert!(desk.next_waiting().unwrap().is_withheld(), "start {start}");
    }
}

/// There: the signal's id never became the client order id, so that a repetition was a second order.
#[test]
fn prior_art_18_an_order_leaves_under_its_own_id_however_often_it_is_sent() {
    let (first, again) = (new_order(&order("AAPL")), new_order(&order("AAPL")));
    assert_eq!(first.client_order_id.as_deref(), Some(ID));
    assert_eq!(first, again);
}

/// There: times of day were fixed in UTC, an hour wrong for half of the year.
#[test]
fn prior_art_37_an_order_is_late_by_new_yorks_clock_in_winter_and_in_summer() {
    for (day, utc) in [("2024-01-03", "14:28:00Z"), ("2024-07-03", "13:28:00Z")] {
        let date = day.parse().unwrap();
        let (late, _) = crate::gateway::expiry::expiry(&order("AAPL"), date, false);
        assert_eq!(alpaca::time::utc(late), format!("{day}T{utc}"));
        assert_eq!(late, session_time(date, "09:28".parse().unwrap()));
    }
}
