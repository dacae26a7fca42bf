//! A column of numbers as little-endian bytes in one MessagePack `bin`: read by
//! `numpy.frombuffer(x, "<f8")` or four lines of any other language, without our code.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::{Deref, DerefMut};

macro_rules! column {
    ($(#[$doc:meta])* $name:ident, $item:ty, $width:literal) => {
        $(#[$doc])*
        #[derive(Clone, Default)]
        pub struct $name(pub Vec<$item>);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let bytes: Vec<u8> = self.0.iter().flat_map(|x| x.to_le_bytes()).collect();
                serializer.serialize_bytes(&bytes)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Bytes;
                impl de::Visitor<'_> for Bytes {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{}-byte little-endian numbers", $width)
                    }
                    fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<$name, E> {
                        let (chunks, rest) = bytes.as_chunks::<$width>();
                        if !rest.is_empty() {
                            return Err(E::invalid_length(bytes.len(), &self));
                        }
                        Ok($name(chunks.iter().map(|chunk| <$item>::from_le_bytes(*chunk)).collect()))
                    }
                }
                deserializer.deserialize_bytes(Bytes)
            }
        }

        /// By bits: a NaN equals itself, so that "the same answer" means the same bytes.
        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.len() == other.0.len()
                    && self.0.iter().zip(&other.0).all(|(a, b)| a.to_bits() == b.to_bits())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl Deref for $name {
            type Target = Vec<$item>;
            fn deref(&self) -> &Vec<$item> {
                &self.0
            }
        }

        impl DerefMut for $name {
            fn deref_mut(&mut self) -> &mut Vec<$item> {
                &mut self.0
            }
        }

        impl From<Vec<$item>> for $name {
            fn from(items: Vec<$item>) -> Self {
                Self(items)
            }
        }
    };
}

column!(/// 64-bit floats; NaN is "no value".
    F64s, f64, 8);
column!(/// 32-bit floats; NaN is "no value".
    F32s, f32, 4);
