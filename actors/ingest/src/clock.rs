//! What time it is by the exchange's clock, which decides which bars are finished. A clock that is ahead would have the
//! bar of a session that is still on stored as its last word, so it is believed only where what it says is one with the
//! exchange's calendar, and, of Alpaca's, with this machine's clock.

use crate::error::IngestError;
use alpaca::Client;
use alpaca::model::{CalendarDay, Clock};
use alpaca::time::{new_york, session_date, session_time};
use jiff::{Span, Timestamp};
use messages::Time;

/// Days after today among which there is a session.
const AHEAD: i64 = 14;
/// How far Alpaca's clock and this machine's may be apart.
const APART_MAX: i64 = 300_000_000_000;

/// # Errors
/// The service fails; its clock contradicts its calendar, or, if it is Alpaca's, this machine's clock.
pub async fn now(client: &Client) -> Result<Time, IngestError> {
    let clock = client.clock().await.map_err(IngestError::Clock)?;
    let today = session_date(clock.timestamp.0);
    let ahead = today.saturating_add(Span::new().days(AHEAD));
    let calendar = client.calendar(today, ahead).await.map_err(IngestError::Clock)?;
    check(&clock, &calendar)?;
    if client.is_alpaca() {
        let here = i64::try_from(Timestamp::now().as_nanosecond());
        together(clock.timestamp.0, Time(here.unwrap_or(i64::MAX)))?;
    }
    Ok(clock.timestamp.0)
}

/// The calendar's next open and close after the clock's time must be those that the clock itself says.
fn check(clock: &Clock, calendar: &[CalendarDay]) -> Result<(), IngestError> {
    let now = clock.timestamp.0;
    let next =
        |times: &dyn Fn(&CalendarDay) -> Time| calendar.iter().map(times).find(|at| *at > now);
    let open = next(&|day| session_time(day.date, day.open));
    let close = next(&|day| session_time(day.date, day.close));
    let said = (clock.is_open, Some(clock.next_open.0), Some(clock.next_close.0));
    if said == (close < open, open, close) {
        return Ok(());
    }
    let words = |is_open: bool, open: Option<Time>, close: Option<Time>| {
        let at = |time: Option<Time>| time.map_or("in no known session".to_owned(), new_york);
        let state = if is_open { "open" } else { "closed" };
        format!("{state}, to open next {} and to close next {}", at(open), at(close))
    };
    Err(IngestError::WrongClock {
        said: format!(
            "the exchange's clock says it is {} and the market {}",
            new_york(now),
            words(said.0, said.1, said.2)
        ),
        other: format!("by its calendar it is then {}", words(close < open, open, close)),
        remedy: "try again, and if that does not help tell whoever runs it",
    })
}

fn together(exchange: Time, here: Time) -> Result<(), IngestError> {
    if exchange.0.abs_diff(here.0) <= APART_MAX.unsigned_abs() {
        return Ok(());
    }
    Err(IngestError::WrongClock {
        said: format!("the exchange's clock says it is {}", new_york(exchange)),
        other: format!("this machine's says {}", new_york(here)),
        remedy: "set this machine's clock, or try again",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alpaca::model::Stamp;
    use jiff::civil::{Date, date, time};

    fn day(date: Date, close: i8) -> CalendarDay {
        CalendarDay {
            date,
            open: time(9, 30, 0, 0),
            close: time(close, 0, 0, 0),
            session_open: None,
            session_close: None,
            settlement_date: None,
        }
    }

    /// A Friday that is a half day, a Monday.
    fn calendar() -> [CalendarDay; 2] {
        [day(date(2024, 11, 29), 13), day(date(2024, 12, 2), 16)]
    }

    fn at(day: i8, hour: i8, minute: i8) -> Time {
        let date = if day < 10 { date(2024, 12, day) } else { date(2024, 11, day) };
        session_time(date, time(hour, minute, 0, 0))
    }

    /// What an honest clock says at `now`, but for its time.
    fn clock(now: Time, timestamp: Time) -> Clock {
        let open = if now < at(29, 9, 30) { at(29, 9, 30) } else { at(2, 9, 30) };
        let close = if now < at(29, 13, 0) { at(29, 13, 0) } else { at(2, 16, 0) };
        Clock {
            timestamp: Stamp(timestamp),
            is_open: close < open,
            next_open: Stamp(open),
            next_close: Stamp(close),
        }
    }

    #[test]
    fn an_honest_clock_is_believed_at_any_time() {
        let moments = [at(29, 0, 0), at(29, 9, 30), at(29, 12, 59), at(29, 13, 0), at(1, 12, 0)];
        for now in moments {
            assert!(check(&clock(now, now), &calendar()).is_ok(), "{now:?}");
        }
    }

    #[test]
    fn one_that_is_ahead_or_behind_is_not_where_it_matters() {
        let moments = [at(29, 9, 0), at(29, 12, 0), at(29, 14, 0), at(2, 9, 0)];
        for now in moments {
            for said in moments.into_iter().filter(|said| *said != now) {
                // Over the weekend no session opens or closes.
                let same = now >= at(29, 13, 0) && said >= at(29, 13, 0);
                let error = check(&clock(now, said), &calendar()).err();
                assert_eq!(error.is_none(), same, "{now:?} {said:?}: {error:?}");
            }
        }
        let text = check(&clock(at(29, 12, 0), at(29, 14, 0)), &calendar()).unwrap_err();
        let said = "CLOCK: the exchange's clock says it is 2024-11-29T14:00:00-05:00 and the market open, to open next \
             2024-12-02T09:30:00-05:00 and to close next 2024-11-29T13:00:00-05:00, but by its calendar it is then closed";
        assert!(text.to_string().starts_with(said), "{text}");
        assert!(check(&clock(at(29, 12, 0), at(29, 12, 0)), &[]).is_err(), "no calendar");
    }

    #[test]
    fn minutes_from_this_machines_clock_are_too_many() {
        let here = at(29, 12, 0);
        assert!(together(at(29, 12, 5), here).is_ok() && together(at(29, 11, 55), here).is_ok());
        for said in [at(29, 12, 6), at(29, 11, 54), at(2, 12, 0)] {
            let text = together(said, here).unwrap_err().to_string();
            assert!(text.contains("this machine's says 2024-11-29T12:00:00-05:00"), "{text}");
        }
    }
}
