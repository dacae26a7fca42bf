//! Alpaca's times and ours: RFC 3339 text, UTC nanoseconds, and wall clocks in New York.

use jiff::civil;
use jiff::fmt::temporal::Pieces;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use messages::{Date, Time};
use std::sync::LazyLock;
use thiserror::Error;

static NEW_YORK: LazyLock<TimeZone> = LazyLock::new(|| {
    TimeZone::get("America/New_York").expect("jiff carries the time zone database in the binary")
});

/// What bounds are cut to: with room to either side, so that reckoning from them does not overflow.
const FIRST: Date = civil::date(1678, 1, 1);
const LAST: Date = civil::date(2262, 1, 1);

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{text:?} is not an RFC 3339 time between 1678 and 2262")]
pub struct NotATime {
    text: String,
}

/// RFC 3339 with any offset and up to nine decimals.
pub fn parse(text: &str) -> Result<Time, NotATime> {
    let wrong = || NotATime { text: text.to_owned() };
    let timestamp: Timestamp = text.parse().map_err(|_| wrong())?;
    i64::try_from(timestamp.as_nanosecond()).map(Time).map_err(|_| wrong())
}

/// As [`parse`], of a bound that may lie outside of our times: cut to 1678 and 2262.
///
/// # Errors
/// It is no RFC 3339 time at all.
pub fn parse_bound(text: &str) -> Result<Time, NotATime> {
    let wrong = || NotATime { text: text.to_owned() };
    let pieces = Pieces::parse(text).map_err(|_| wrong())?;
    if pieces.time().is_none() || pieces.offset().is_none() {
        return Err(wrong());
    }
    match bound_date(pieces.date()) {
        FIRST => Ok(session_time(FIRST, civil::Time::midnight())),
        LAST => Ok(session_time(LAST, civil::Time::midnight())),
        _ => parse(text),
    }
}

/// A date as a bound: cut to what [`parse_bound`] cuts times to.
pub fn bound_date(date: Date) -> Date {
    date.clamp(FIRST, LAST)
}

/// RFC 3339 in UTC: `2024-01-03T14:30:00.000000001Z`.
pub fn utc(at: Time) -> String {
    timestamp(at).to_string()
}

/// RFC 3339 with New York's offset, as Alpaca's clock writes it: `2024-01-03T09:30:00-05:00`.
pub fn new_york(at: Time) -> String {
    let there = zoned(at);
    there.timestamp().display_with_offset(there.offset()).to_string()
}

/// The date in New York at `at`: the session a bar or an order belongs to.
pub fn session_date(at: Time) -> Date {
    zoned(at).date()
}

/// When clocks in New York show `wall` on `date`. Exchange hours never fall into a change of
/// daylight saving; a wall time that does not exist moves forward.
pub fn session_time(date: Date, wall: civil::Time) -> Time {
    let there = date
        .to_datetime(wall)
        .to_zoned(NEW_YORK.clone())
        .expect("session dates lie far within jiff's range");
    let nanos = i64::try_from(there.timestamp().as_nanosecond());
    Time(nanos.expect("session dates lie between 1678 and 2262"))
}

fn zoned(at: Time) -> Zoned {
    timestamp(at).to_zoned(NEW_YORK.clone())
}

fn timestamp(at: Time) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(at.0)).expect("every i64 of nanoseconds is a timestamp")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn offsets_and_nanoseconds_survive() {
        let at = parse("2021-05-30T09:09:24.634169784-04:00").unwrap();
        assert_eq!(utc(at), "2021-05-30T13:09:24.634169784Z");
        assert_eq!(new_york(at), "2021-05-30T09:09:24.634169784-04:00");
        assert_eq!(parse(&utc(at)), Ok(at));
        assert_eq!(parse(&new_york(at)), Ok(at));
    }

    #[test]
    fn bounds_are_cut_to_our_times() {
        let (first, last) = ("1678-01-01T04:56:02Z", "2262-01-01T05:00:00Z");
        for text in ["0001-01-01T00:00:00Z", "1677-12-31T23:59:59Z", "0000-01-01T00:00:00-05:00"] {
            assert_eq!(utc(parse_bound(text).unwrap()), first, "{text}");
        }
        for text in ["9999-12-31T23:59:59.999999Z", "2262-04-12T00:00:00Z"] {
            assert_eq!(utc(parse_bound(text).unwrap()), last, "{text}");
        }
        let text = "2021-05-30T09:09:24.634169784-04:00";
        assert_eq!(parse_bound(text), parse(text));
        for text in ["", "9999-12-31", "9999-12-31T00:00:00", "10000-01-01T00:00:00Z", "now"] {
            assert!(parse_bound(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_daily_bar_belongs_to_its_new_york_date() {
        assert_eq!(session_date(parse("2022-06-06T04:00:00Z").unwrap()), date(2022, 6, 6));
        assert_eq!(session_date(parse("2022-12-06T05:00:00Z").unwrap()), date(2022, 12, 6));
        assert_eq!(session_date(parse("2022-12-06T04:59:59Z").unwrap()), date(2022, 12, 5));
    }

    #[test]
    fn opening_moves_with_daylight_saving() {
        let open = |day| utc(session_time(day, time(9, 30, 0, 0)));
        assert_eq!(open(date(2024, 3, 8)), "2024-03-08T14:30:00Z");
        assert_eq!(open(date(2024, 3, 11)), "2024-03-11T13:30:00Z");
    }

    #[test]
    fn nonsense_is_named() {
        for text in ["", "2024-01-03", "2024-01-03T09:30:00", "9999-01-01T00:00:00Z", "now"] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(&format!("{text:?}")), "{error}");
        }
    }
}
