//! When an approved order is too late to be sent.

use jiff::civil;
use messages::{Date, Order, Time, TimeInForce};

/// The venue's clock must be before this when the order leaves, New York wall time of its session:
/// the opening auction takes orders until two minutes before it; what is sent at once trades on a
/// view of the open, and half an hour after it there is none. What closes a position needs no view,
/// and a sliced plan is for the whole day.
fn wall(order: &Order, sliced: bool) -> civil::Time {
    match order.time_in_force {
        TimeInForce::Opg => civil::time(9, 28, 0, 0),
        TimeInForce::Ioc | TimeInForce::Day if sliced || order.is_closing() => {
            civil::time(16, 0, 0, 0)
        }
        TimeInForce::Ioc | TimeInForce::Day => civil::time(10, 0, 0, 0),
    }
}

/// From when on an order of `session` is not sent any more, and the words for it. `sliced`: the session's plan is.
pub(super) fn expiry(order: &Order, session: Date, sliced: bool) -> (Time, String) {
    let (wall, time_in_force) = (wall(order, sliced), order.time_in_force);
    let until = wall.strftime("%H:%M");
    let why = format!("EXPIRED {time_in_force} orders leave before {until} New York of {session}");
    (alpaca::time::session_time(session, wall), why)
}
