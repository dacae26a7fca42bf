//! W3C trace context: one trace per session, one span per handled message.

use messages::{Date, Env, SessionOpened, sha256_hex};
use std::cell::Cell;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

pub(crate) const TRACEPARENT: &str = "traceparent";

/// Who caused a message: a span of a trace.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    pub trace: u128,
    pub span: u64,
}

/// Trace of everything one session causes: the same for every process and every restart.
pub fn trace_id(env: Env, session: Date, run_id: &str) -> u128 {
    root(env, session, run_id).trace
}

impl TraceContext {
    /// What everything in a session that no entry caused descends from.
    pub fn root(opened: &SessionOpened) -> Self {
        root(opened.env, opened.session, &opened.run_id)
    }

    /// A new span below this one.
    pub(crate) fn child(self) -> Self {
        Self { trace: self.trace, span: random_u64() }
    }
}

fn root(env: Env, session: Date, run_id: &str) -> TraceContext {
    let hash = sha256_hex(format!("{env}/{run_id}/{session}").as_bytes());
    let trace = u128::from_str_radix(&hash[..32], 16).expect("a SHA-256 in hex");
    let span = u64::from_str_radix(&hash[32..48], 16).expect("a SHA-256 in hex");
    TraceContext { trace, span }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-01", self.trace, self.span)
    }
}

impl FromStr for TraceContext {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no traceparent");
        let mut parts = text.split('-');
        let (Some(version), Some(trace), Some(span), Some(flags)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        let hex = |part: &str| part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let sizes = [version.len(), trace.len(), span.len(), flags.len()] == [2, 32, 16, 2];
        if !sizes || ![version, trace, span, flags].into_iter().all(hex) {
            return Err(wrong());
        }
        let trace = u128::from_str_radix(trace, 16).map_err(|_| wrong())?;
        let span = u64::from_str_radix(span, 16).map_err(|_| wrong())?;
        if trace == 0 || span == 0 { Err(wrong()) } else { Ok(Self { trace, span }) }
    }
}

/// Unpredictability is not needed, only that no two spans of a trace meet: a counter per thread,
/// scattered by a bijection from a random start.
pub(crate) fn random_u64() -> u64 {
    thread_local! {
        static NEXT: Cell<u64> = Cell::new(RandomState::new().hash_one(std::process::id()));
    }
    loop {
        let mut span =
            NEXT.with(|next| next.replace(next.get().wrapping_add(0x9E37_79B9_7F4A_7C15)));
        span = (span ^ (span >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        span = (span ^ (span >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        span ^= span >> 31;
        if span != 0 {
            return span;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_has_one_trace_in_every_process() {
        let day = messages::Date::constant(2024, 1, 3);
        let trace = trace_id(Env::Paper, day, "run");
        assert_eq!(trace, trace_id(Env::Paper, day, "run"));
        assert_ne!(trace, trace_id(Env::Live, day, "run"));
        assert_ne!(trace, trace_id(Env::Paper, day, "other"));
        let expected = sha256_hex(b"paper/run/2024-01-03");
        assert_eq!(format!("{trace:032x}"), expected[..32]);
    }

    #[test]
    fn traceparent_reads_what_it_writes_and_refuses_the_rest() {
        let context = TraceContext { trace: 0xabc, span: 7 };
        let text = context.to_string();
        assert_eq!(text, "00-00000000000000000000000000000abc-0000000000000007-01");
        assert_eq!(text.parse(), Ok(context));
        assert_ne!(context.child().span, context.child().span);
        for bad in ["", "00-abc-7-01", "00-00000000000000000000000000000000-0000000000000007-01"] {
            assert!(bad.parse::<TraceContext>().is_err(), "{bad}");
        }
    }
}
