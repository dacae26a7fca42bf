//! What several targets do with the bytes they are given.

use alpaca::Codec;
use alpaca::model::{DataMessage, DataRequest, StreamMessage, StreamRequest};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A frame of either stream, from either side.
pub fn frames(codec: Codec, bytes: &[u8]) {
    if let Ok(messages) = DataMessage::decode(bytes) {
        let again = DataMessage::encode(codec, &messages);
        let twin = DataMessage::decode(&again).expect("what we encode, we decode");
        assert_eq!(DataMessage::encode(codec, &twin), again);
    }
    let _ = DataRequest::decode(codec, bytes);
    let _ = StreamRequest::decode(bytes);
    if let Ok(Some(message)) = StreamMessage::decode(bytes) {
        let again = message.encode(codec);
        let twin = StreamMessage::decode(&again).expect("what we encode, we decode");
        assert_eq!(twin.map(|twin| twin.encode(codec)), Some(again));
    }
}

/// A body of the REST API.
pub fn body<T: DeserializeOwned + Serialize>(bytes: &[u8]) {
    if let Ok(body) = serde_json::from_slice::<T>(bytes) {
        let again = serde_json::to_vec(&body).expect("a body is plain data");
        let twin: T = serde_json::from_slice(&again).expect("what we encode, we decode");
        assert_eq!(serde_json::to_vec(&twin).expect("a body is plain data"), again);
    }
}
