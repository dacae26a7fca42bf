//! The exchange's sessions: which days it opens, and when.

use jiff::civil::{Date, Time as Clock, Weekday};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use jiff::{Timestamp, ToSpan, Zoned};
use messages::Time;
use std::ops::Range;

/// One trading day of XNYS: 09:30 to 16:00 New York, to 13:00 on a half day. Of crypto: a day of UTC.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub date: Date,
    /// The first midnight of the date, there: where the daily bar of this session is stamped.
    pub midnight: Time,
    pub open: Time,
    pub close: Time,
}

/// Sessions in ascending order.
#[derive(Clone, Debug)]
pub struct Calendar {
    sessions: Vec<Session>,
    zone: TimeZone,
    /// Every day is a session, all day.
    around_the_clock: bool,
}

impl Calendar {
    /// `dates` ascend. Whether they are days on which XNYS really opened is the caller's business:
    /// given bars decide.
    pub fn new(dates: impl IntoIterator<Item = Date>) -> Self {
        let zone = new_york();
        let sessions = dates.into_iter().map(|date| session(date, &zone)).collect();
        Self { sessions, zone, around_the_clock: false }
    }

    /// The days of UTC, as crypto trades: each is a session from midnight to midnight.
    pub fn around_the_clock(dates: impl IntoIterator<Item = Date>) -> Self {
        let sessions = dates.into_iter().map(utc_day).collect();
        Self { sessions, zone: TimeZone::UTC, around_the_clock: true }
    }

    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// How many sessions have opened by `now`, the one that opens right now included.
    pub fn opened_by(&self, now: Time) -> usize {
        self.sessions.partition_point(|session| session.open <= now)
    }

    /// How many sessions have closed by `now`: so many bars of each symbol are history.
    pub fn closed_by(&self, now: Time) -> usize {
        self.sessions.partition_point(|session| session.close <= now)
    }

    /// The session that is on: from its open up to, not including, its close.
    pub fn session_at(&self, now: Time) -> Option<usize> {
        let opened = self.opened_by(now);
        (opened > self.closed_by(now)).then(|| opened - 1)
    }

    /// Sessions of which some instant lies in `from < t <= to`, the close left out.
    pub fn between(&self, from: Time, to: Time) -> Range<usize> {
        let first = self.closed_by(Time(from.0.saturating_add(1)));
        first..self.opened_by(to).max(first)
    }

    /// When the exchange opens next after `now`; past the last session by the rules of XNYS.
    pub fn next_open(&self, now: Time) -> Time {
        match self.sessions.get(self.opened_by(now)) {
            Some(session) => session.open,
            None => self.by_rule(now, |session| session.open),
        }
    }

    /// When the exchange closes next after `now`; past the last session by the rules of XNYS.
    pub fn next_close(&self, now: Time) -> Time {
        match self.sessions.get(self.closed_by(now)) {
            Some(session) => session.close,
            None => self.by_rule(now, |session| session.close),
        }
    }

    /// The wall clock in New York; UTC for what trades around the clock.
    pub fn local(&self, now: Time) -> Zoned {
        timestamp(now).to_zoned(self.zone.clone())
    }

    /// The instant of a wall clock time there.
    pub fn instant(&self, date: Date, clock: Clock) -> Time {
        instant(date, clock, &self.zone)
    }

    fn by_rule(&self, now: Time, event: impl Fn(&Session) -> Time) -> Time {
        let mut date = self.local(now).date();
        loop {
            let candidate =
                if self.around_the_clock { utc_day(date) } else { session(date, &self.zone) };
            let opens = self.around_the_clock || is_xnys_session(date);
            if opens && event(&candidate) > now {
                return event(&candidate);
            }
            date = tomorrow(date);
        }
    }
}

/// The `count` sessions of XNYS from `first` on.
pub fn xnys_sessions(first: Date, count: usize) -> Vec<Date> {
    std::iter::successors(Some(first), |date| Some(tomorrow(*date)))
        .filter(|date| is_xnys_session(*date))
        .take(count)
        .collect()
}

/// Whether XNYS opens on `date`: by rule (weekends, holidays with their observance) and by the list
/// of special closures. Right for the years since 1970.
pub fn is_xnys_session(date: Date) -> bool {
    let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
    !weekend && !is_holiday(date) && !SPECIAL_CLOSURES.contains(&date)
}

/// Whether XNYS closes at 13:00: since 1992 the day after Thanksgiving, Christmas Eve and the day before
/// Independence Day where they are sessions and what follows is the holiday itself, but for a few.
pub fn is_half_day(date: Date) -> bool {
    let (month, day) = (date.month(), date.day());
    let after_thanksgiving =
        month == 11 && date.weekday() == Weekday::Friday && (23..=29).contains(&day);
    let eve = (month == 12 && day == 24) || (month == 7 && day == 3);
    let by_rule = date.year() >= 1992 && (after_thanksgiving || eve) && is_xnys_session(date);
    (by_rule && !FULL_DAYS.contains(&date)) || SPECIAL_HALF_DAYS.contains(&date)
}

/// Days before Independence Day of years that had the half day after it.
const FULL_DAYS: [Date; 2] = [day(1996, 7, 3), day(2002, 7, 3)];
const SPECIAL_HALF_DAYS: [Date; 5] =
    [day(1996, 7, 5), day(1997, 12, 26), day(1999, 12, 31), day(2002, 7, 5), day(2003, 12, 26)];
/// Elections, mourning, a blackout, storms, an attack; Washington's Birthday of 1970.
const SPECIAL_CLOSURES: [Date; 19] = [
    day(1970, 2, 23),
    day(1972, 11, 7),
    day(1972, 12, 28),
    day(1973, 1, 25),
    day(1976, 11, 2),
    day(1977, 7, 14),
    day(1980, 11, 4),
    day(1985, 9, 27),
    day(1994, 4, 27),
    day(2001, 9, 11),
    day(2001, 9, 12),
    day(2001, 9, 13),
    day(2001, 9, 14),
    day(2004, 6, 11),
    day(2007, 1, 2),
    day(2012, 10, 29),
    day(2012, 10, 30),
    day(2018, 12, 5),
    day(2025, 1, 9),
];

const fn day(year: i16, month: i8, day: i8) -> Date {
    jiff::civil::date(year, month, day)
}

fn is_holiday(date: Date) -> bool {
    let (year, month, day, weekday) = (date.year(), date.month(), date.day(), date.weekday());
    // A holiday on a Sunday is kept on Monday, one on a Saturday on Friday.
    let kept = |holiday_month: i8, holiday: i8| {
        month == holiday_month
            && (day == holiday
                || (day == holiday + 1 && weekday == Weekday::Monday)
                || (day == holiday - 1 && weekday == Weekday::Friday))
    };
    let nth_monday = |n: i8| weekday == Weekday::Monday && (day - 1) / 7 + 1 == n;
    let kept_by_rule = match month {
        // New Year's Day on a Saturday is not kept: 31 December 2021 was a session.
        1 => kept(1, 1) || (year >= 1998 && nth_monday(3)),
        2 => year >= 1971 && nth_monday(3),
        5 => year >= 1971 && weekday == Weekday::Monday && day > 24,
        6 => year >= 2022 && kept(6, 19),
        7 => kept(7, 4),
        9 => nth_monday(1),
        11 => weekday == Weekday::Thursday && (22..=28).contains(&day),
        12 => kept(12, 25),
        _ => false,
    };
    kept_by_rule || is_good_friday(date)
}

/// Two days before Easter Sunday (the Gregorian computus in its anonymous form).
fn is_good_friday(date: Date) -> bool {
    let year = i32::from(date.year());
    let (a, b, c) = (year % 19, year / 100, year % 100);
    let h = (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30;
    let l = (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let march_days = h + l - 7 * m + 22;
    let march = jiff::civil::date(date.year(), 3, 1);
    march.checked_add((march_days - 3).days()).is_ok_and(|good_friday| good_friday == date)
}

fn session(date: Date, zone: &TimeZone) -> Session {
    let closes = if is_half_day(date) { 13 } else { 16 };
    Session {
        date,
        midnight: instant(date, Clock::midnight(), zone),
        open: instant(date, Clock::constant(9, 30, 0, 0), zone),
        close: instant(date, Clock::constant(closes, 0, 0, 0), zone),
    }
}

fn utc_day(date: Date) -> Session {
    let midnight = |date| instant(date, Clock::midnight(), &TimeZone::UTC);
    let start = midnight(date);
    Session { date, midnight: start, open: start, close: midnight(tomorrow(date)) }
}

fn instant(date: Date, clock: Clock, zone: &TimeZone) -> Time {
    let zoned = date.to_datetime(clock).to_zoned(zone.clone()).expect("a date of this era");
    Time(i64::try_from(zoned.timestamp().as_nanosecond()).expect("before the year 2262"))
}

fn timestamp(time: Time) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(time.0)).expect("64-bit nanoseconds fit")
}

fn tomorrow(date: Date) -> Date {
    date.tomorrow().expect("before the year 9999")
}

/// From the database compiled in: the same on every machine, and no file is read.
fn new_york() -> TimeZone {
    TimeZoneDatabase::bundled().get("America/New_York").expect("compiled in")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn the_holidays_of_2024_to_2026_are_those_the_exchange_published() {
        let closed = |year: i16| -> Vec<Date> {
            let days = std::iter::successors(Some(date(year, 1, 1)), |day| Some(tomorrow(*day)));
            days.take_while(|day| day.year() == year)
                .filter(|day| day.weekday().to_monday_one_offset() < 6 && !is_xnys_session(*day))
                .collect()
        };
        let of = |year, days: &[(i8, i8)]| -> Vec<Date> {
            days.iter().map(|(month, day)| date(year, *month, *day)).collect()
        };
        let y2024 = [
            (1, 1),
            (1, 15),
            (2, 19),
            (3, 29),
            (5, 27),
            (6, 19),
            (7, 4),
            (9, 2),
            (11, 28),
            (12, 25),
        ];
        assert_eq!(closed(2024), of(2024, &y2024));
        let y2025 = [
            (1, 1),
            (1, 9),
            (1, 20),
            (2, 17),
            (4, 18),
            (5, 26),
            (6, 19),
            (7, 4),
            (9, 1),
            (11, 27),
            (12, 25),
        ];
        assert_eq!(closed(2025), of(2025, &y2025));
        let y2026 = [
            (1, 1),
            (1, 19),
            (2, 16),
            (4, 3),
            (5, 25),
            (6, 19),
            (7, 3),
            (9, 7),
            (11, 26),
            (12, 25),
        ];
        assert_eq!(closed(2026), of(2026, &y2026));
    }

    #[test]
    fn years_have_as_many_sessions_as_they_had() {
        // From the tables of the Python package exchange_calendars.
        let of_old = [(1970, 254), (1972, 251), (1980, 253), (1985, 252), (1994, 252), (1997, 253)];
        let of_late = [(2016, 252), (2018, 251), (2020, 253), (2021, 252), (2023, 250)];
        for (year, sessions) in of_old.into_iter().chain(of_late) {
            let days = std::iter::successors(Some(date(year, 1, 1)), |day| Some(tomorrow(*day)));
            let count =
                days.take_while(|d| d.year() == year).filter(|d| is_xnys_session(*d)).count();
            assert_eq!(count, sessions, "{year}");
        }
    }

    #[test]
    fn half_days_close_at_one() {
        let of_late = [(2024, 7, 3), (2024, 11, 29), (2024, 12, 24), (2025, 7, 3), (2020, 11, 27)];
        for half in of_late.into_iter().chain([(1992, 11, 27), (1996, 7, 5), (2003, 12, 26)]) {
            assert!(is_half_day(date(half.0, half.1, half.2)), "{half:?}");
        }
        for full in [(1991, 11, 29), (1996, 7, 3), (2002, 7, 3)] {
            assert!(!is_half_day(date(full.0, full.1, full.2)), "{full:?}");
        }
        // 2021-12-24 was the holiday itself, 2026-07-03 too; 2021-07-02 was a full day.
        for full in [(2021, 12, 24), (2026, 7, 3), (2021, 7, 2), (2024, 7, 5), (2022, 7, 1)] {
            assert!(!is_half_day(date(full.0, full.1, full.2)), "{full:?}");
        }
        let calendar = Calendar::new([date(2024, 7, 3)]);
        assert_eq!(
            calendar.local(calendar.sessions()[0].close).to_string(),
            "2024-07-03T13:00:00-04:00[America/New_York]"
        );
    }

    #[test]
    fn open_includes_the_first_instant_and_not_the_last() {
        let calendar = Calendar::new([date(2024, 1, 2), date(2024, 1, 3)]);
        let session = calendar.sessions()[0];
        assert_eq!(calendar.session_at(Time(session.open.0 - 1)), None);
        assert_eq!(calendar.session_at(session.open), Some(0));
        assert_eq!(calendar.session_at(session.close), None);
        assert_eq!(calendar.next_open(session.open), calendar.sessions()[1].open);
        assert_eq!(calendar.next_close(session.open), session.close);
        // Behind the last one: by rule.
        let after = calendar.next_open(calendar.sessions()[1].close);
        assert_eq!(calendar.local(after).date(), date(2024, 1, 4));
    }

    #[test]
    fn around_the_clock_one_day_ends_where_the_next_begins() {
        let calendar = Calendar::around_the_clock([date(2024, 1, 6), date(2024, 1, 7)]);
        let [saturday, sunday] = calendar.sessions() else { panic!("two days") };
        assert_eq!(saturday.close, sunday.open);
        assert_eq!(calendar.session_at(Time(sunday.open.0 - 1)), Some(0));
        assert_eq!(calendar.session_at(sunday.open), Some(1));
        assert_eq!(calendar.next_open(sunday.open), sunday.close);
        assert_eq!(calendar.next_close(sunday.close).0 - sunday.close.0, 86_400_000_000_000);
        assert_eq!(calendar.between(saturday.open, sunday.open), 0..2);
        assert_eq!(calendar.between(Time(saturday.close.0 - 1), sunday.open), 1..2);
        assert_eq!(calendar.between(sunday.close, Time(i64::MAX)), 2..2);
        assert_eq!(calendar.local(sunday.open).to_string(), "2024-01-07T00:00:00+00:00[UTC]");
    }
}
