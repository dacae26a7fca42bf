//! When an approved order is too late to be sent.

use jiff::civil;
use messages::{Date, Time, TimeInForce};

/// The venue's clock must be before this when the order leaves, New York wall time of its session:
/// the opening auction takes orders until two minutes before it; what is sent at once trades on a
/// view of the open, and half an hour after it there is none.
fn wall(time_in_force: TimeInForce) -> civil::Time {
    match time_in_force {
        TimeInForce::Opg => civil::time(9, 28, 0, 0),
        TimeInForce::Ioc | TimeInForce::Day => civil::time(10, 0, 0, 0),
    }
}

/// From when on an order of `session` is not sent any more, and the words for it.
pub(super) fn expiry(time_in_force: TimeInForce, session: Date) -> (Time, String) {
    let wall = wall(time_in_force);
    let until = wall.strftime("%H:%M");
    let why = format!("EXPIRED {time_in_force} orders leave before {until} New York of {session}");
    (alpaca::time::session_time(session, wall), why)
}
