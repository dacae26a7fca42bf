//! Where two messages differ, by the names of their fields on the wire.

use messages::Envelope;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// The first field that differs, with both values in words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) path: String,
    pub(super) recorded: String,
    pub(super) computed: String,
}

/// By bytes: what differs on the wire differs here, a NaN equals itself.
pub(super) fn first_field(recorded: &Envelope, computed: &Envelope) -> Option<Field> {
    let (recorded, computed) = (recorded.encode(), computed.encode());
    if recorded == computed {
        return None;
    }
    let read = |bytes: &[u8]| -> Wire {
        rmp_serde::from_slice(bytes).expect("what was encoded is MessagePack")
    };
    let (recorded, computed) = (read(&recorded), read(&computed));
    let body = recorded.get("body").cloned().unwrap_or(Wire::Nil);
    let mut field = differ("", &recorded, &computed, &body)?;
    if let Some(path) = field.path.strip_prefix("body.") {
        field.path = path.to_owned();
    }
    Some(field)
}

/// Any MessagePack value.
#[derive(Clone, Debug, PartialEq)]
enum Wire {
    Nil,
    Bool(bool),
    Int(i128),
    Float(u64),
    Text(String),
    Bytes(Vec<u8>),
    List(Vec<Wire>),
    Map(Vec<(String, Wire)>),
}

impl Wire {
    fn get(&self, name: &str) -> Option<&Wire> {
        let Wire::Map(fields) = self else { return None };
        fields.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    fn text(&self) -> Option<&str> {
        if let Wire::Text(text) = self { Some(text) } else { None }
    }

    /// All of a list of texts, or none.
    fn texts(&self, name: &str) -> Vec<&str> {
        let Some(Wire::List(items)) = self.get(name) else { return Vec::new() };
        items.iter().map(Wire::text).collect::<Option<_>>().unwrap_or_default()
    }
}

/// `body` is the recorded one: it names the rows and columns of a table.
fn differ(path: &str, recorded: &Wire, computed: &Wire, body: &Wire) -> Option<Field> {
    if recorded == computed {
        return None;
    }
    let differs = |recorded: String, computed: String| {
        Some(Field { path: path.to_owned(), recorded, computed })
    };
    match (recorded, computed) {
        (Wire::Map(ours), Wire::Map(theirs)) => {
            let names = ours.iter().chain(theirs).map(|(name, _)| name.as_str());
            let pair = |name: &str| {
                let nil = &Wire::Nil;
                (recorded.get(name).unwrap_or(nil), computed.get(name).unwrap_or(nil))
            };
            let inner = |name| if path.is_empty() { name } else { format!("{path}.{name}") };
            names.map(|name| (name, pair(name))).find_map(|(name, (ours, theirs))| {
                differ(&inner(name.to_owned()), ours, theirs, body)
            })
        }
        (Wire::List(ours), Wire::List(theirs)) => {
            let mut pairs = ours.iter().zip(theirs).enumerate();
            let found = pairs.find_map(|(at, (ours, theirs))| {
                differ(&format!("{path}[{}]", label(at, ours)), ours, theirs, body)
            });
            found.or_else(|| {
                differs(format!("{} items", ours.len()), format!("{} items", theirs.len()))
            })
        }
        (Wire::Bytes(ours), Wire::Bytes(theirs)) if ours.len() == theirs.len() => {
            column(path, ours, theirs, body)
        }
        _ => differs(recorded.to_string(), computed.to_string()),
    }
}

/// An item by its name, where it has one.
fn label(at: usize, item: &Wire) -> String {
    let name = ["symbol", "sector", "name"].into_iter().find_map(|key| item.get(key));
    name.map_or_else(|| at.to_string(), Wire::to_string)
}

/// The columns that are 32 bits wide; all others are of 64.
const NARROW: [&str; 3] = ["values", "scores", "contributions"];

fn column(path: &str, ours: &[u8], theirs: &[u8], body: &Wire) -> Option<Field> {
    let name = path.rsplit('.').next().unwrap_or(path);
    let width = if NARROW.contains(&name) { 4 } else { 8 };
    let differs = |(ours, theirs): (&[u8], &[u8])| ours != theirs;
    let at = ours.chunks(width).zip(theirs.chunks(width)).position(differs)?;
    let (rows, names) = (body.texts("symbols"), body.texts("names"));
    let columns = (ours.len() / width).checked_div(rows.len()).unwrap_or(0).max(1);
    let place = match (rows.get(at / columns), names.get(at % columns)) {
        (Some(symbol), Some(name)) if columns == names.len() => format!("{symbol}, {name}"),
        (Some(symbol), _) if columns == 1 => (*symbol).to_owned(),
        _ => at.to_string(),
    };
    let number = |bytes: &[u8]| float(&bytes[at * width..(at + 1) * width]);
    Some(Field {
        path: format!("{path}[{place}]"),
        recorded: number(ours),
        computed: number(theirs),
    })
}

fn float(bytes: &[u8]) -> String {
    match (<[u8; 4]>::try_from(bytes), <[u8; 8]>::try_from(bytes)) {
        (Ok(bytes), _) => format!("{:?}", f32::from_le_bytes(bytes)),
        (_, Ok(bytes)) => format!("{:?}", f64::from_le_bytes(bytes)),
        _ => format!("{bytes:02x?}"),
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wire::Nil => f.write_str("nothing"),
            Wire::Bool(value) => value.fmt(f),
            Wire::Int(value) => value.fmt(f),
            Wire::Float(bits) => write!(f, "{:?}", f64::from_bits(*bits)),
            Wire::Text(text) => f.write_str(text),
            Wire::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Wire::List(items) => write!(f, "{} items", items.len()),
            Wire::Map(fields) => {
                let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
                write!(f, "{{{}}}", names.join(", "))
            }
        }
    }
}

impl<'de> Deserialize<'de> for Wire {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Anything)
    }
}

struct Anything;

impl<'de> Visitor<'de> for Anything {
    type Value = Wire;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Wire, E> {
        Ok(Wire::Nil)
    }

    fn visit_none<E>(self) -> Result<Wire, E> {
        Ok(Wire::Nil)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Wire, D::Error> {
        Wire::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Wire, E> {
        Ok(Wire::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Wire, E> {
        Ok(Wire::Int(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Wire, E> {
        Ok(Wire::Int(value.into()))
    }

    fn visit_f32<E>(self, value: f32) -> Result<Wire, E> {
        Ok(Wire::Float(f64::from(value).to_bits()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Wire, E> {
        Ok(Wire::Float(value.to_bits()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Wire, E> {
        Ok(Wire::Text(value.to_owned()))
    }

    fn visit_bytes<E>(self, value: &[u8]) -> Result<Wire, E> {
        Ok(Wire::Bytes(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Wire, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Wire::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Wire, A::Error> {
        let mut map = Vec::new();
        while let Some((name, value)) = entries.next_entry()? {
            map.push((name, value));
        }
        Ok(Wire::Map(map))
    }
}
