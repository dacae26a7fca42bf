//! Amounts and times as Alpaca writes them.

#![expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]

use crate::codec::PackedTime;
use crate::time;
use messages::Time;
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// An exact decimal: written as a string (`"3648.11"`), read from a string or a number.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount(pub Decimal);

/// A moment: written in UTC (`"2024-01-03T14:30:00Z"`), read with any offset.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stamp(pub Time);

impl From<Decimal> for Amount {
    fn from(value: Decimal) -> Self {
        Self(value)
    }
}

impl From<i64> for Amount {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl From<Time> for Stamp {
    fn from(at: Time) -> Self {
        Self(at)
    }
}

impl fmt::Display for Amount {
    /// Without trailing zeros.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.normalize().fmt(f)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl de::Visitor<'_> for AmountVisitor {
    type Value = Amount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a decimal number, as a string or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Amount, E> {
        let exact = Decimal::from_str_exact(text);
        exact.map(Amount).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Amount, E> {
        Ok(Amount(value.into()))
    }

    /// The shortest decimal that names this float is what the sender wrote.
    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Amount, E> {
        self.visit_str(&value.to_string())
    }
}

/// Text in JSON, the timestamp extension in MessagePack.
impl Serialize for Stamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            serializer.collect_str(&time::utc(self.0))
        } else {
            PackedTime::of(self.0).serialize(serializer)
        }
    }
}

impl<'de> Deserialize<'de> for Stamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(StampVisitor)
    }
}

struct StampVisitor;

impl de::Visitor<'_> for StampVisitor {
    type Value = Stamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an RFC 3339 time")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Stamp, E> {
        time::parse(text).map(Stamp).map_err(E::custom)
    }
}

/// For `with`: written with New York's offset, as the clock does.
pub(super) mod new_york {
    use super::Stamp;
    use crate::time;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::model) fn serialize<S: Serializer>(at: &Stamp, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&time::new_york(at.0))
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        d: D,
    ) -> Result<Stamp, D::Error> {
        Stamp::deserialize(d)
    }
}

/// For `with`: wall time to the minute, `09:30`.
pub(super) mod wall {
    use jiff::civil::Time;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(in crate::model) fn serialize<S: Serializer>(wall: &Time, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&wall.strftime("%H:%M"))
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Time, D::Error> {
        let text = String::deserialize(d)?;
        Time::strptime("%H:%M", &text)
            .map_err(|_| de::Error::custom(format_args!("{text:?} is not a wall time HH:MM")))
    }
}

/// For `serialize_with`: market data; whole numbers without a fraction (`131`, not `131.0`).
pub(super) fn number<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    let whole = *value as i64;
    if whole as f64 == *value && whole.abs() < 1 << 53 {
        serializer.serialize_i64(whole)
    } else {
        serializer.serialize_f64(*value)
    }
}

/// For `serialize_with`, beside `skip_serializing_if`.
#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
pub(super) fn some_number<S: Serializer>(value: &Option<f64>, s: S) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => number(value, s),
        None => s.serialize_none(),
    }
}

/// For `with`: columns of numbers with gaps, as portfolio history has them.
pub(super) mod numbers {
    use super::number;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    struct Number(f64);

    impl Serialize for Number {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            number(&self.0, serializer)
        }
    }

    pub(in crate::model) fn serialize<S: Serializer>(
        column: &[Option<f64>],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(column.iter().map(|value| value.map(Number)))
    }

    pub(in crate::model) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<Option<f64>>, D::Error> {
        Option::deserialize(deserializer).map(Option::unwrap_or_default)
    }
}

/// For `deserialize_with`: `null` is the empty value.
pub(super) fn or_empty<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}
