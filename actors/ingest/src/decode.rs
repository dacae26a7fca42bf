//! Pages of bars, from JSON straight into columns: no object per bar, no text per time.

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// A page of `/v2/stocks/bars` or `/v1beta3/crypto/{loc}/bars`. Both keys must be there: without them a
/// body is no page, and half a body is no short page.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    #[serde(deserialize_with = "by_symbol")]
    pub bars: Vec<(String, Columns)>,
    #[serde(deserialize_with = "token")]
    pub next_page_token: Option<String>,
}

/// Bars of one symbol, in the order in which they came. A volume that is missing is NaN.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Columns {
    /// Left edge, nanoseconds from 1970 in UTC.
    pub time: Vec<i64>,
    pub open: Vec<f64>,
    pub high: Vec<f64>,
    pub low: Vec<f64>,
    pub close: Vec<f64>,
    pub volume: Vec<f64>,
}

impl Columns {
    pub(crate) fn len(&self) -> usize {
        self.time.len()
    }

    /// Open, high, low, close, volume.
    pub(crate) fn row(&self, at: usize) -> [f64; 5] {
        [self.open[at], self.high[at], self.low[at], self.close[at], self.volume[at]]
    }

    pub(crate) fn push(&mut self, time: i64, [open, high, low, close, volume]: [f64; 5]) {
        self.time.push(time);
        self.open.push(open);
        self.high.push(high);
        self.low.push(low);
        self.close.push(close);
        self.volume.push(volume);
    }

    /// Appends `more`: of raw prices only what a raw close needs.
    pub(crate) fn append(&mut self, more: &Columns, only_close: bool) {
        self.time.extend_from_slice(&more.time);
        self.close.extend_from_slice(&more.close);
        if !only_close {
            self.open.extend_from_slice(&more.open);
            self.high.extend_from_slice(&more.high);
            self.low.extend_from_slice(&more.low);
            self.volume.extend_from_slice(&more.volume);
        }
    }

    pub(crate) fn shrink(&mut self) {
        self.time.shrink_to_fit();
        for column in self.numbers() {
            column.shrink_to_fit();
        }
    }

    fn numbers(&mut self) -> [&mut Vec<f64>; 5] {
        let Self { open, high, low, close, volume, .. } = self;
        [open, high, low, close, volume]
    }
}

fn by_symbol<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<(String, Columns)>, D::Error> {
    struct Symbols;
    impl<'de> Visitor<'de> for Symbols {
        type Value = Vec<(String, Columns)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("bars by symbol")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(Vec::new())
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut symbols = Vec::new();
            while let Some((symbol, bars)) = map.next_entry::<String, Option<Columns>>()? {
                symbols.push((symbol, bars.unwrap_or_default()));
            }
            Ok(symbols)
        }
    }
    input.deserialize_any(Symbols)
}

/// There, even if null; and an empty one is none.
fn token<'de, D: Deserializer<'de>>(input: D) -> Result<Option<String>, D::Error> {
    Ok(Option::deserialize(input)?.filter(|token: &String| !token.is_empty()))
}

impl<'de> Deserialize<'de> for Columns {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Bars;
        impl<'de> Visitor<'de> for Bars {
            type Value = Columns;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of bars")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut bars: A) -> Result<Columns, A::Error> {
                let mut columns = Columns::default();
                while let Some(Row(time, values)) = bars.next_element()? {
                    columns.push(time, values);
                }
                Ok(columns)
            }
        }
        input.deserialize_seq(Bars)
    }
}

struct Row(i64, [f64; 5]);

const FIELDS: [&str; 5] = ["o", "h", "l", "c", "v"];

impl<'de> Deserialize<'de> for Row {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Bar;
        impl<'de> Visitor<'de> for Bar {
            type Value = Row;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a bar {t, o, h, l, c, v}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Row, A::Error> {
                let (mut time, mut values) = (None, [None; 5]);
                while let Some(key) = map.next_key()? {
                    match key {
                        Key::Time if time.is_none() => time = Some(map.next_value::<Instant>()?.0),
                        Key::Number(at) if values[at].is_none() => {
                            let volume = at == 4;
                            let value =
                                if volume { map.next_value()? } else { Some(map.next_value()?) };
                            values[at] = Some(value.unwrap_or(f64::NAN));
                        }
                        Key::Other => drop(map.next_value::<IgnoredAny>()?),
                        Key::Time | Key::Number(_) => {
                            return Err(A::Error::custom("a field twice"));
                        }
                    }
                }
                let time = time.ok_or_else(|| A::Error::missing_field("t"))?;
                values[4] = values[4].or(Some(f64::NAN));
                let mut row = [0.0; 5];
                for (at, value) in values.into_iter().enumerate() {
                    row[at] = value.ok_or_else(|| A::Error::missing_field(FIELDS[at]))?;
                }
                Ok(Row(time, row))
            }
        }
        input.deserialize_map(Bar)
    }
}

enum Key {
    Time,
    /// Index into [`FIELDS`].
    Number(usize),
    Other,
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Name;
        impl Visitor<'_> for Name {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field of a bar")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                let number = FIELDS.into_iter().position(|field| field == name);
                Ok(match (name, number) {
                    ("t", _) => Key::Time,
                    (_, Some(at)) => Key::Number(at),
                    _ => Key::Other,
                })
            }
        }
        input.deserialize_identifier(Name)
    }
}

struct Instant(i64);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Instant;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Instant, E> {
                let parsed = whole_seconds(text.as_bytes()).map(|seconds| seconds * 1_000_000_000);
                match parsed {
                    Some(nanos) => Ok(Instant(nanos)),
                    None => alpaca::time::parse(text).map(|at| Instant(at.0)).map_err(E::custom),
                }
            }
        }
        input.deserialize_str(Text)
    }
}

/// `2024-03-08T05:00:00Z`, the form in which nearly all times come, without a detour; `None` for any
/// other, which takes the long way. Years 1700 to 2199, and no leap seconds.
fn whole_seconds(text: &[u8]) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| {
        text[range].iter().try_fold(0_i64, |value, digit| {
            digit.is_ascii_digit().then(|| value * 10 + i64::from(digit - b'0'))
        })
    };
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'Z')];
    if text.len() != 20 || marks.iter().any(|(at, mark)| text[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *lengths.get(usize::try_from(month - 1).ok()?)?;
    let sound = (1700..2200).contains(&year) && (1..=length).contains(&day);
    if !sound || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before: i64 = lengths[..(month - 1) as usize].iter().sum();
    let leaps = |year: i64| year / 4 - year / 100 + year / 400;
    let days = (year - 1970) * 365 + leaps(year - 1) - leaps(1969) + before + day - 1;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Time;
    use proptest::prelude::*;

    fn page(text: &str) -> Result<Page, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn bars_become_columns() {
        let page = page(
            r#"{"currency":"USD","next_page_token":"","bars":{"A":[
                {"t":"2024-03-08T05:00:00Z","o":1,"h":2.5,"l":0.5,"c":1.25,"v":10,"n":3,"vw":1.5,"new":{"x":[1]}},
                {"c":1,"l":1,"h":1,"o":1,"t":"2024-03-08T09:30:00.000000001-05:00"}],"B":null,"C":[]}}"#,
        )
        .unwrap();
        assert_eq!(page.next_page_token, None);
        let names: Vec<_> =
            page.bars.iter().map(|(name, bars)| (name.as_str(), bars.len())).collect();
        assert_eq!(names, [("A", 2), ("B", 0), ("C", 0)]);
        let bars = &page.bars[0].1;
        assert_eq!(bars.row(0), [1.0, 2.5, 0.5, 1.25, 10.0]);
        assert_eq!(bars.time, [1_709_874_000_000_000_000, 1_709_908_200_000_000_001]);
        assert!(bars.volume[1].is_nan());
        assert!(self::page(r#"{"bars":null,"next_page_token":null}"#).unwrap().bars.is_empty());
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for (text, expected) in [
            ("{}", "missing field `bars`"),
            (r#"{"bars":{}}"#, "missing field `next_page_token`"),
            (
                r#"{"bars":{"A":[{"t":"2024-03-08T05:00:00Z","h":1,"l":1,"c":1,"v":1}]},"next_page_token":null}"#,
                "missing field `o`",
            ),
            (
                r#"{"bars":{"A":[{"o":1,"h":1,"l":1,"c":1,"v":1}]},"next_page_token":null}"#,
                "missing field `t`",
            ),
            (
                r#"{"bars":{"A":[{"t":"2024-02-30T05:00:00Z"}]},"next_page_token":null}"#,
                "2024-02-30",
            ),
            (r#"{"bars":{"A":[{"o":1,"o":1}]},"next_page_token":null}"#, "a field twice"),
            (r#"{"bars":{"A":[{"o":null}]},"next_page_token":null}"#, "invalid type: null"),
            (r#"{"bars":[],"next_page_token":null}"#, "bars by symbol"),
            (r#"{"bars":{"A":[{"t":"2024-03-08T05:00:00Z","o":1,"h":1"#, "EOF"),
        ] {
            let error = page(text).expect_err(text);
            assert!(error.contains(expected), "{error}");
        }
    }

    proptest! {
        #[test]
        fn the_short_way_to_a_time_is_the_long_way(seconds in -8_520_336_000_i64..7_258_118_400) {
            let text = alpaca::time::utc(Time(seconds * 1_000_000_000));
            prop_assert_eq!(whole_seconds(text.as_bytes()), Some(seconds));
        }

        #[test]
        fn nothing_breaks_it(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            let _ = whole_seconds(&bytes);
        }
    }
}
