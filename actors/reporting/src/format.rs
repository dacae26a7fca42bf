//! Numbers for people, the same in the terminal and on the page.

use messages::Usd;

/// Stands for a number that does not exist.
const NONE: &str = "n/a";

/// `+1.23 %`; zero has no sign.
pub(crate) fn percent(fraction: Option<f64>) -> String {
    match fraction.map(|x| tidy(x * 100.0, 2)) {
        Some(x) if x != 0.0 => format!("{x:+.2} %"),
        _ => share(fraction),
    }
}

/// `1.23 %`, of what has no direction.
pub(crate) fn share(fraction: Option<f64>) -> String {
    fraction.map_or_else(|| NONE.to_owned(), |x| format!("{:.2} %", tidy(x * 100.0, 2)))
}

pub(crate) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |x| format!("{:.decimals$}", tidy(x, decimals)))
}

/// `$1,234,567.89`; a minus sign before the dollar.
pub(crate) fn money(amount: Usd) -> String {
    let cents = amount.cents();
    let sign = if cents < 0 { "-" } else { "" };
    let (whole, rest) = (cents.unsigned_abs() / 100, cents.unsigned_abs() % 100);
    format!("{sign}${}.{rest:02}", grouped(whole))
}

pub(crate) fn maybe_money(amount: Option<Usd>) -> String {
    amount.map_or_else(|| NONE.to_owned(), money)
}

/// `1,234,567`
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Without the sign of a zero that rounding made.
fn tidy(x: f64, decimals: usize) -> f64 {
    let unit = 10f64.powi(-(decimals as i32));
    if x.abs() < unit / 2.0 { 0.0 } else { x }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_well() {
        assert_eq!(money(Usd(1_234_567_891_234)), "$1,234,567.89");
        assert_eq!(money(Usd(-999_995_000)), "-$1,000.00");
        assert_eq!(percent(Some(-0.000_01)), "0.00 %");
        assert_eq!(percent(Some(0.000_05)), "+0.01 %");
        assert_eq!((percent(None), share(Some(0.5))), ("n/a".to_owned(), "50.00 %".to_owned()));
        assert_eq!(percent(Some(-0.0123)), "-1.23 %");
        assert_eq!(number(Some(-0.0001), 3), "0.000");
        assert_eq!(number(None, 3), "n/a");
        assert_eq!((grouped(7), grouped(1000)), ("7".to_owned(), "1,000".to_owned()));
    }
}
