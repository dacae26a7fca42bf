//! How long bars are, and where they begin.

use exchange::calendar::{Calendar, Session};
use jiff::ToSpan;
use jiff::civil::Date;
use messages::Time;

const MINUTE: i64 = 60_000_000_000;

#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) enum Timeframe {
    /// Counted from midnight, each day anew; hours are 60 of them.
    Minutes(i64),
    Day,
    /// From Monday on.
    Week,
    /// Counted from January, each year anew.
    Months(i8),
}

impl Timeframe {
    /// `[1-59]Min`, `[1-23]Hour`, `1Day`, `1Week`, `[1,2,3,4,6,12]Month`, or with T, H, D, W, M.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let number: i64 = number.parse().ok().filter(|_| !number.starts_with('0'))?;
        match (unit, number) {
            ("Min" | "T", 1..=59) => Some(Self::Minutes(number)),
            ("Hour" | "H", 1..=23) => Some(Self::Minutes(60 * number)),
            ("Day" | "D", 1) => Some(Self::Day),
            ("Week" | "W", 1) => Some(Self::Week),
            ("Month" | "M", 1 | 2 | 3 | 4 | 6 | 12) => Some(Self::Months(number as i8)),
            _ => None,
        }
    }

    /// Where the bar begins that something of `session` at `at` belongs to.
    pub(super) fn start(self, calendar: &Calendar, session: &Session, at: Time) -> Time {
        match self {
            Self::Minutes(minutes) => {
                let length = minutes * MINUTE;
                let passed = at.0 - session.midnight.0;
                Time(session.midnight.0 + passed.div_euclid(length) * length)
            }
            Self::Day => session.midnight,
            Self::Week | Self::Months(_) => {
                calendar.instant(self.first_day(session.date), jiff::civil::Time::midnight())
            }
        }
    }

    /// The first date of the bar that `date` belongs to.
    pub(super) fn first_day(self, date: Date) -> Date {
        match self {
            Self::Minutes(_) | Self::Day => date,
            Self::Week => {
                let since_monday = i32::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(since_monday.days()).unwrap_or(date)
            }
            Self::Months(months) => {
                let first = (date.month() - 1) / months * months + 1;
                Date::new(date.year(), first, 1).unwrap_or(date)
            }
        }
    }

    /// As page tokens spell it.
    pub(super) fn code(self) -> char {
        match self {
            Self::Minutes(_) => 'M',
            Self::Day => 'D',
            Self::Week => 'W',
            Self::Months(_) => 'O',
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn what_alpaca_has_and_nothing_else() {
        for (text, frame) in [
            ("1Min", Timeframe::Minutes(1)),
            ("59T", Timeframe::Minutes(59)),
            ("1Hour", Timeframe::Minutes(60)),
            ("23H", Timeframe::Minutes(23 * 60)),
            ("1Day", Timeframe::Day),
            ("1D", Timeframe::Day),
            ("1Week", Timeframe::Week),
            ("12M", Timeframe::Months(12)),
            ("6Month", Timeframe::Months(6)),
        ] {
            assert_eq!(Timeframe::parse(text), Some(frame), "{text}");
        }
        for text in [
            "",
            "Min",
            "0Min",
            "60Min",
            "01Min",
            "24Hour",
            "2Day",
            "2Week",
            "5Month",
            "1min",
            "1Min ",
            "-1Min",
            "1",
            "1Year",
            "99999999999999999999Min",
        ] {
            assert_eq!(Timeframe::parse(text), None, "{text}");
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_where_they_are_counted() {
        let wednesday = date(2024, 8, 14);
        for (frame, first) in [
            (Timeframe::Week, date(2024, 8, 12)),
            (Timeframe::Months(1), date(2024, 8, 1)),
            (Timeframe::Months(3), date(2024, 7, 1)),
            (Timeframe::Months(4), date(2024, 5, 1)),
            (Timeframe::Months(12), date(2024, 1, 1)),
            (Timeframe::Day, wednesday),
        ] {
            assert_eq!(frame.first_day(wednesday), first, "{frame:?}");
        }
    }
}
