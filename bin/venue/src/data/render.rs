//! Numbers and times as JSON, by hand: a fetch of ten years is half a million bars.

use messages::Time;
use rust_decimal::Decimal;

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// Not negative. As short as it goes, so that whole numbers have no fraction.
pub(super) fn number(out: &mut Vec<u8>, value: f64) {
    for (scale, unit) in [(0, 1.0), (6, 1e6), (9, 1e9)] {
        let units = (value * unit).round();
        // Below 2^53 and a power of ten that is exact: reading the text back gives the same float.
        if units < 9e15 && units / unit == value {
            return scaled(out, units as u64, scale);
        }
    }
    out.extend_from_slice(value.to_string().as_bytes());
}

/// Not negative.
pub(super) fn decimal(out: &mut Vec<u8>, value: Decimal) {
    match u64::try_from(value.mantissa()) {
        Ok(units) => scaled(out, units, value.scale() as usize),
        Err(_) => out.extend_from_slice(value.normalize().to_string().as_bytes()),
    }
}

/// As text in quotes, with whatever of it needs escaping escaped.
pub(super) fn text(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(out, value).expect("text, into memory");
}

/// RFC 3339 in UTC, in quotes, with as many decimals as it needs: `"2024-01-03T14:30:00.5Z"`.
pub(super) fn time(out: &mut Vec<u8>, at: Time) {
    let (seconds, nanos) = (at.0.div_euclid(SECOND), at.0.rem_euclid(SECOND));
    let (days, second) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
    let (year, month, day) = civil(days);
    out.push(b'"');
    padded(out, year as u64, 4);
    for (mark, value) in [
        (b'-', month),
        (b'-', day),
        (b'T', second / 3600),
        (b':', second / 60 % 60),
        (b':', second % 60),
    ] {
        out.push(mark);
        padded(out, value as u64, 2);
    }
    if nanos > 0 {
        fraction(out, nanos as u64, 9);
    }
    out.extend_from_slice(b"Z\"");
}

/// Year, month and day of a number of days since 1970, by Hinnant's `civil_from_days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// `units * 10^-scale`.
fn scaled(out: &mut Vec<u8>, units: u64, scale: usize) {
    let unit = 10_u64.pow(scale as u32);
    let whole = units / unit;
    padded(out, whole, 1);
    if !units.is_multiple_of(unit) {
        fraction(out, units % unit, scale);
    }
}

/// The decimals of something below one, without zeros at the end.
fn fraction(out: &mut Vec<u8>, units: u64, scale: usize) {
    out.push(b'.');
    padded(out, units, scale);
    while out.last() == Some(&b'0') {
        out.pop();
    }
}

/// With so many digits at least.
fn padded(out: &mut Vec<u8>, mut value: u64, digits: usize) {
    let mut buffer = [b'0'; 20];
    let mut at = buffer.len();
    while value > 0 {
        at -= 1;
        buffer[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&buffer[at.min(buffer.len() - digits)..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).expect("ASCII")
    }

    #[test]
    fn numbers_are_short_and_whole_ones_have_no_fraction() {
        for (value, text) in [
            (0.0, "0"),
            (100.0, "100"),
            (193.99, "193.99"),
            (0.000_009_466, "0.000009466"),
            (1e15, "1000000000000000"),
            (3.5e-13, "0.00000000000035"),
        ] {
            assert_eq!(written(|out| number(out, value)), text);
        }
        assert_eq!(written(|out| decimal(out, Decimal::new(12_340, 3))), "12.34");
        assert_eq!(written(|out| text(out, "a\"b")), "\"a\\\"b\"");
    }

    proptest! {
        #[test]
        fn what_is_read_back_is_what_was_written(value in prop_oneof![
            0.0..1e12_f64,
            (0_u32..u32::MAX).prop_map(|cents| f64::from(cents) / 100.0),
            (0_u64..1 << 50).prop_map(|units| units as f64 / 1e9),
        ]) {
            let read: f64 = written(|out| number(out, value)).parse().unwrap();
            prop_assert_eq!(read.to_bits(), value.to_bits());
        }

        #[test]
        fn times_are_what_another_implementation_writes(
            seconds in -4_000_000_000_i64..8_000_000_000,
            nanos in prop_oneof![Just(0), 0..SECOND],
        ) {
            let at = Time(seconds * SECOND + nanos);
            prop_assert_eq!(written(|out| time(out, at)), format!("\"{}\"", alpaca::time::utc(at)));
        }

        #[test]
        fn decimals_are_exact(units in 0_i64..i64::MAX, scale in 0_u32..10) {
            let value = Decimal::new(units, scale);
            prop_assert_eq!(written(|out| decimal(out, value)), value.normalize().to_string());
        }
    }
}
