//! Regulatory fees and borrow, by date (METHODS.md §5). Rates are a dated table: a date that it does not cover is
//! an error, never the nearest rate.
//!
//! Alpaca sums each fee over an account's day and rounds up to the cent, so [`DayFees`] takes a day's executions and
//! settles once.

use messages::{Date, Price, Shares, Side, Usd};
use thiserror::Error;

/// Rates hold from a date until the next row's.
#[derive(Copy, Clone, Debug)]
struct Row {
    from: (i16, i8, i8),
    /// In 1e-9 dollars per dollar sold (Section 31) or per share (TAF, CAT).
    nanos: i64,
    /// Of one execution, in micro-dollars; zero for none.
    cap: i64,
}

const fn row(year: i16, month: i8, day: i8, nanos: i64, cap: i64) -> Row {
    Row { from: (year, month, day), nanos, cap }
}

/// SEC, Section 31: per dollar sold. The first row is the highest rate of 2014 to 2019, used for all of them.
const SECTION_31: &[Row] = &[
    row(2014, 1, 1, 23_100, 0),
    row(2020, 2, 18, 22_100, 0),
    row(2021, 2, 25, 5_100, 0),
    row(2022, 5, 14, 22_900, 0),
    row(2023, 2, 27, 8_000, 0),
    row(2024, 5, 22, 27_800, 0),
    row(2025, 5, 14, 0, 0),
    row(2026, 4, 4, 20_600, 0),
];

/// FINRA's trading activity fee: per share sold. FINRA pauses it in the last quarter of 2026; whether Alpaca passes
/// that on is not known, so it is charged through.
const TAF: &[Row] = &[row(2024, 1, 1, 166_000, 8_300_000), row(2026, 1, 1, 195_000, 9_790_000)];

/// Consolidated audit trail: per share, both sides.
const CAT: &[Row] = &[row(2026, 5, 1, 3_000, 0)];

#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fee {
    Section31,
    Taf,
    Cat,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "the rate of {fee:?} on {date} is not known (the table starts {first}): leave that fee out by name, or add the rate to actors/costs/src/fees.rs"
)]
pub struct UnknownRate {
    pub fee: Fee,
    pub date: Date,
    pub first: Date,
}

impl Fee {
    pub const ALL: [Self; 3] = [Self::Section31, Self::Taf, Self::Cat];

    pub fn name(self) -> &'static str {
        match self {
            Self::Section31 => "Section 31",
            Self::Taf => "TAF",
            Self::Cat => "CAT",
        }
    }

    /// Those whose rate on `date` is known, and those whose is not.
    pub fn known(date: Date) -> (Vec<Self>, Vec<Self>) {
        Self::ALL.into_iter().partition(|fee| fee.rate(date).is_ok())
    }

    /// Of selling a dollar's worth at `price` on `date`, before it is rounded to the cent.
    pub fn of_sale(self, date: Date, price: f64) -> Result<f64, UnknownRate> {
        let nanos = self.rate(date)?.nanos as f64 / 1e9;
        Ok(match self {
            Self::Section31 => nanos,
            Self::Taf | Self::Cat => nanos / price,
        })
    }

    fn rate(self, date: Date) -> Result<Row, UnknownRate> {
        let table = match self {
            Self::Section31 => SECTION_31,
            Self::Taf => TAF,
            Self::Cat => CAT,
        };
        let from = |row: &Row| Date::constant(row.from.0, row.from.1, row.from.2);
        let known = table.iter().rev().find(|row| from(row) <= date).copied();
        known.ok_or_else(|| UnknownRate { fee: self, date, first: from(&table[0]) })
    }
}

/// What one account owes for one day, in the making.
#[derive(Clone, Debug)]
pub struct DayFees {
    /// Fees that are charged, with their rates and what has come together, in 1e-15 dollars.
    owed: Vec<(Fee, Row, i128)>,
}

impl DayFees {
    pub fn new(date: Date, fees: &[Fee]) -> Result<Self, UnknownRate> {
        let owed = fees.iter().map(|fee| Ok((*fee, fee.rate(date)?, 0)));
        Ok(Self { owed: owed.collect::<Result<_, _>>()? })
    }

    /// One execution.
    pub fn add(&mut self, side: Side, quantity: Shares, price: Price) {
        for (fee, row, owed) in &mut self.owed {
            let base = match (&fee, side) {
                (Fee::Section31, Side::Sell) => i128::from(price.times(quantity).0),
                (Fee::Taf, Side::Sell) | (Fee::Cat, _) => i128::from(quantity.0) * MICROS,
                (Fee::Section31 | Fee::Taf, Side::Buy) => 0,
            };
            let fee = base * i128::from(row.nanos);
            let cap = i128::from(row.cap) * NANOS;
            *owed += if cap > 0 { fee.min(cap) } else { fee };
        }
    }

    /// Each fee as it has come together, before the rounding of the day, down to the micro-dollar.
    pub fn exact(&self) -> Vec<(Fee, Usd)> {
        let micros =
            |owed: i128| i64::try_from(owed / NANOS).expect("a day's fees are below a trillion");
        self.owed.iter().map(|(fee, _, owed)| (*fee, Usd(micros(*owed)))).collect()
    }

    /// Each fee, rounded up to the cent.
    pub fn settle(&self) -> Vec<(Fee, Usd)> {
        let cents = |owed: i128| (owed + CENT - 1) / CENT;
        let settled = |(fee, _, owed): &(Fee, Row, i128)| {
            let cents = i64::try_from(cents(*owed)).expect("a day's fees are below a trillion");
            (*fee, Usd(cents * 10_000))
        };
        self.owed.iter().map(settled).collect()
    }
}

const MICROS: i128 = 1_000_000;
const NANOS: i128 = 1_000_000_000;
/// In 1e-15 dollars.
const CENT: i128 = 10_000_000_000_000;

/// A year's borrow of stock that is easy to borrow (METHODS.md §5).
pub const EASY_TO_BORROW: f64 = 0.005;

/// Stock is borrowed in round lots of so many shares.
pub const BORROW_LOT: i64 = 100;

/// What it costs to borrow stock worth `value` for `days` calendar days (three over a weekend) at a yearly `rate`:
/// value times rate over 360, rounded up to the cent.
pub fn borrow(value: Usd, rate: f64, days: u32) -> Usd {
    let cents = value.0.abs() as f64 * rate * f64::from(days) / 360.0 / 10_000.0;
    Usd((cents - 1e-9).ceil() as i64 * 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn day(date: Date, trades: &[(Side, i64, i64)]) -> Vec<(Fee, Usd)> {
        let mut fees = DayFees::new(date, &Fee::ALL).unwrap();
        for (side, quantity, dollars) in trades {
            fees.add(*side, Shares(*quantity), Price(dollars * 1_000_000));
        }
        fees.settle()
    }

    fn cents(fees: &[(Fee, Usd)]) -> Vec<i64> {
        fees.iter().map(|(_, usd)| usd.0 / 10_000).collect()
    }

    /// `fees` in methods/vectors.json.
    #[test]
    fn the_vectors_hold() {
        let june = date(2026, 6, 1);
        assert_eq!(cents(&day(june, &[(Side::Sell, 1_000, 50)])), [103, 20, 1]);
        assert_eq!(cents(&day(june, &[(Side::Sell, 60_000, 10)])), [1236, 979, 18]);
    }

    #[test]
    fn the_day_is_rounded_not_the_trade_and_the_cap_is_of_the_trade() {
        let june = date(2026, 6, 1);
        let many: Vec<(Side, i64, i64)> = vec![(Side::Sell, 10, 50); 100];
        assert_eq!(day(june, &many), day(june, &[(Side::Sell, 1_000, 50)]));
        let two = [(Side::Sell, 60_000, 10), (Side::Sell, 60_000, 10)];
        assert_eq!(cents(&day(june, &two))[1], 2 * 979);
    }

    #[test]
    fn who_buys_pays_the_audit_trail_only() {
        assert_eq!(cents(&day(date(2026, 6, 1), &[(Side::Buy, 60_000, 10)])), [0, 0, 18]);
    }

    #[test]
    fn rates_change_on_their_day() {
        let section_31 = |date| {
            let mut fees = DayFees::new(date, &[Fee::Section31]).unwrap();
            fees.add(Side::Sell, Shares(10_000), Price(100_000_000));
            cents(&fees.settle())[0]
        };
        assert_eq!(section_31(date(2024, 5, 21)), 800);
        assert_eq!(section_31(date(2024, 5, 22)), 2780);
        assert_eq!(section_31(date(2025, 12, 31)), 0);
    }

    #[test]
    fn a_sale_costs_what_the_day_settles() {
        let june = date(2026, 6, 1);
        let fees = Fee::ALL.map(|fee| fee.of_sale(june, 50.0).unwrap() * 50_000.0);
        let settled = [1.03, 0.195, 0.003];
        assert!(fees.iter().zip(settled).all(|(a, b)| (a - b).abs() < 1e-9), "{fees:?}");
    }

    #[test]
    fn a_date_before_the_table_is_an_error_that_names_it() {
        let error = DayFees::new(date(2023, 6, 1), &Fee::ALL).unwrap_err();
        assert_eq!((error.fee, error.first), (Fee::Taf, date(2024, 1, 1)));
        assert!(error.to_string().contains("2023-06-01"), "{error}");
    }

    #[test]
    fn a_weekend_is_three_days_of_borrow() {
        let value = Usd(-1_000_000_000_000);
        assert_eq!(borrow(value, 0.005, 1), Usd(13_890_000));
        assert_eq!(borrow(value, 0.005, 3), Usd(41_670_000));
        assert_eq!(borrow(Usd(0), 0.005, 3), Usd(0));
    }
}
