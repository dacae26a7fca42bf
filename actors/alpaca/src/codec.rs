//! JSON and MessagePack, behind one pair of functions.
//!
//! Whatever comes in becomes a [`serde_json::Value`] first, so that both encodings go through the same
//! types afterwards; a MessagePack timestamp becomes the RFC 3339 text that JSON would have had.
//! Decoding never panics and allocates no more than what was sent: it reads what strangers send.

use crate::time;
use messages::Time;
use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_bytes::ByteBuf;
use serde_json::{Map, Number, Value};
use std::fmt;
use thiserror::Error;

/// How messages are written on a websocket.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub enum Codec {
    /// In text frames.
    #[default]
    Json,
    /// In binary frames.
    Msgpack,
}

/// The bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{detail}")]
pub struct CodecError {
    detail: String,
}

/// MessagePack's own type for times, as an extension.
const TIMESTAMP: i8 = -1;
const NANOS: i64 = 1_000_000_000;
/// Of arrays and maps within each other; serde_json allows as many.
const DEPTH_MAX: usize = 128;

impl Codec {
    /// As the `Content-Type` of a handshake names it; JSON if it names none. `None`: not spoken here.
    pub fn from_content_type(name: Option<&str>) -> Option<Self> {
        let essence = name.and_then(|name| name.split(';').next()).unwrap_or_default().trim();
        match essence.to_ascii_lowercase().as_str() {
            "" | "application/json" => Some(Self::Json),
            "application/msgpack" | "application/x-msgpack" => Some(Self::Msgpack),
            _ => None,
        }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Msgpack => "application/msgpack",
        }
    }

    /// By content: no JSON text starts with a byte that begins a MessagePack array or map.
    pub fn of(bytes: &[u8]) -> Self {
        match bytes.first() {
            Some(0x80..=0x9f | 0xdc..=0xdf) => Self::Msgpack,
            _ => Self::Json,
        }
    }

    /// One message, whatever it says. Times are RFC 3339 text.
    pub fn decode(self, bytes: &[u8]) -> Result<Value, CodecError> {
        match self {
            Self::Json => Ok(serde_json::from_slice(bytes)?),
            Self::Msgpack => {
                let mut rest = bytes;
                let mut deserializer = rmp_serde::Deserializer::new(&mut rest);
                deserializer.set_max_depth(DEPTH_MAX);
                let Unpacked(value) = Unpacked::deserialize(&mut deserializer)?;
                match rest.len() {
                    0 => Ok(value),
                    more => Err(CodecError::new(format!("{more} bytes after the message"))),
                }
            }
        }
    }

    pub fn read<T: DeserializeOwned>(self, bytes: &[u8]) -> Result<T, CodecError> {
        Ok(serde_json::from_value(self.decode(bytes)?)?)
    }

    /// Maps by name, in the order of their fields.
    pub fn write(self, message: &impl Serialize) -> Vec<u8> {
        match self {
            Self::Json => serde_json::to_vec(message).expect("messages are plain data"),
            Self::Msgpack => rmp_serde::to_vec_named(message).expect("messages are plain data"),
        }
    }
}

impl Codec {
    /// An array of messages that are written already.
    pub fn array(self, messages: &[impl AsRef<[u8]>]) -> Vec<u8> {
        let length = messages.iter().map(|message| message.as_ref().len() + 1).sum::<usize>();
        let mut out = Vec::with_capacity(length + 5);
        match self {
            Self::Json => {
                out.push(b'[');
                for (index, message) in messages.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    out.extend_from_slice(message.as_ref());
                }
                out.push(b']');
            }
            Self::Msgpack => {
                match u16::try_from(messages.len()) {
                    Ok(count @ 0..16) => out.push(0x90 | count as u8),
                    Ok(count) => {
                        out.push(0xdc);
                        out.extend_from_slice(&count.to_be_bytes());
                    }
                    Err(_) => {
                        out.push(0xdd);
                        out.extend_from_slice(&(messages.len() as u32).to_be_bytes());
                    }
                }
                for message in messages {
                    out.extend_from_slice(message.as_ref());
                }
            }
        }
        out
    }
}

impl CodecError {
    pub(crate) fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into() }
    }
}

impl From<serde_json::Error> for CodecError {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<rmp_serde::decode::Error> for CodecError {
    fn from(error: rmp_serde::decode::Error) -> Self {
        Self::new(error.to_string())
    }
}

/// A time in one of the extension's three forms, the shortest that holds it.
#[derive(Serialize)]
#[serde(rename = "_ExtStruct")]
pub(crate) struct PackedTime((i8, ByteBuf));

impl PackedTime {
    pub(crate) fn of(at: Time) -> Self {
        let (seconds, nanos) = (at.0.div_euclid(NANOS), at.0.rem_euclid(NANOS) as u32);
        let bytes = match (u32::try_from(seconds), u64::try_from(seconds)) {
            (Ok(seconds), _) if nanos == 0 => seconds.to_be_bytes().to_vec(),
            (_, Ok(seconds)) if seconds < 1 << 34 => {
                ((u64::from(nanos) << 34) | seconds).to_be_bytes().to_vec()
            }
            _ => [&nanos.to_be_bytes()[..], &seconds.to_be_bytes()[..]].concat(),
        };
        Self((TIMESTAMP, ByteBuf::from(bytes)))
    }
}

/// `None` if these are not the bytes of a timestamp extension, or of one beyond our times.
fn unpack_time(bytes: &[u8]) -> Option<Time> {
    let (seconds, nanos) = match bytes.len() {
        4 => (i64::from(u32::from_be_bytes(bytes.try_into().ok()?)), 0),
        8 => {
            let both = u64::from_be_bytes(bytes.try_into().ok()?);
            (i64::try_from(both & ((1 << 34) - 1)).ok()?, i64::try_from(both >> 34).ok()?)
        }
        12 => {
            let nanos = u32::from_be_bytes(bytes[..4].try_into().ok()?);
            (i64::from_be_bytes(bytes[4..].try_into().ok()?), i64::from(nanos))
        }
        _ => return None,
    };
    let nanos = Some(nanos).filter(|nanos| *nanos < NANOS)?;
    let at = i128::from(seconds) * i128::from(NANOS) + i128::from(nanos);
    i64::try_from(at).ok().map(Time)
}

/// Any MessagePack as JSON would say it.
struct Unpacked(Value);

impl<'de> Deserialize<'de> for Unpacked {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Unpacker).map(Unpacked)
    }
}

struct Unpacker;

impl<'de> Visitor<'de> for Unpacker {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("what JSON can say, or a timestamp")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    /// A float of four bytes is taken for the decimal that it prints as.
    fn visit_f32<E: de::Error>(self, value: f32) -> Result<Value, E> {
        self.visit_f64(value.to_string().parse().unwrap_or_else(|_| value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value);
        number.map(Value::Number).ok_or_else(|| E::custom("a number that is not finite"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Unpacked(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((key, Unpacked(value))) = entries.next_entry::<String, Unpacked>()? {
            all.insert(key, value);
        }
        Ok(Value::Object(all))
    }

    /// How rmp-serde hands over an extension: its type, then its bytes.
    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Value, D::Error> {
        let (kind, bytes) = <(i8, ByteBuf)>::deserialize(inner)?;
        let at = Some(bytes).filter(|_| kind == TIMESTAMP).and_then(|bytes| unpack_time(&bytes));
        match at {
            Some(at) => Ok(Value::String(time::utc(at))),
            None => Err(de::Error::custom(format_args!("extension {kind} is no timestamp"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Stamp;
    use serde_json::json;

    fn round(at: i64) -> (usize, Value) {
        let bytes = Codec::Msgpack.write(&Stamp(Time(at)));
        (bytes.len(), Codec::Msgpack.decode(&bytes).unwrap())
    }

    #[test]
    fn times_take_the_shortest_form_and_keep_their_nanoseconds() {
        assert_eq!(round(0), (6, json!("1970-01-01T00:00:00Z")));
        assert_eq!(round(1_700_000_000 * NANOS + 1).1, json!("2023-11-14T22:13:20.000000001Z"));
        assert_eq!(round(1_700_000_000 * NANOS + 1).0, 10);
        assert_eq!(round(-1), (15, json!("1969-12-31T23:59:59.999999999Z")));
        for at in [i64::MIN, i64::MAX, NANOS - 1, i64::from(u32::MAX) * NANOS] {
            assert_eq!(round(at).1, json!(time::utc(Time(at))));
        }
    }

    #[test]
    fn json_and_msgpack_say_the_same() {
        let value = json!({"a": [1, -1, 1.5, u64::MAX, null, true, "x"], "b": {"c": []}});
        for codec in [Codec::Json, Codec::Msgpack] {
            let bytes = codec.write(&value);
            assert_eq!(Codec::of(&bytes), codec);
            assert_eq!(codec.decode(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn arrays_of_what_is_written_already() {
        for codec in [Codec::Json, Codec::Msgpack] {
            for count in [0, 1, 15, 16, 300, 70_000] {
                let messages: Vec<u64> = (0..count).collect();
                let written: Vec<_> = messages.iter().map(|message| codec.write(message)).collect();
                assert_eq!(codec.array(&written), codec.write(&messages), "{codec:?} {count}");
            }
        }
    }

    #[test]
    fn nonsense_is_an_error() {
        let deep = [vec![0x91; 100_000], vec![0xc0]].concat();
        let cases: [&[u8]; 9] = [
            b"",
            &[0x91],
            &[0xdd, 0xff, 0xff, 0xff, 0xff],
            &[0xc0, 0xc0],
            &[0x81, 0x01, 0x02],
            &[0xd4, 0x05, 0x00],
            &[0xd7, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
            &[0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0],
            &deep,
        ];
        for bytes in cases {
            assert!(Codec::Msgpack.decode(bytes).is_err(), "{bytes:x?}");
        }
        assert!(Codec::Json.decode("[".repeat(100_000).as_bytes()).is_err());
    }

    #[test]
    fn content_types() {
        assert_eq!(Codec::from_content_type(None), Some(Codec::Json));
        assert_eq!(Codec::from_content_type(Some("application/msgpack")), Some(Codec::Msgpack));
        assert_eq!(
            Codec::from_content_type(Some("Application/JSON; charset=utf-8")),
            Some(Codec::Json)
        );
        assert_eq!(Codec::from_content_type(Some("text/xml")), None);
    }
}
