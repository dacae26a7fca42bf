//! Any bytes that a subject may carry: no panic, and what decodes encodes back to something that decodes to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use messages::Envelope;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(envelope) = Envelope::decode(bytes) {
        let again = envelope.encode();
        let twin = Envelope::decode(&again).expect("what we encode, we decode");
        assert_eq!(twin.encode(), again);
    }
    let _ = Envelope::decode_all(bytes);
});
