//! Staying below a rate limit, across everything that shares a client.
//!
//! Three things hold requests back: our own limit per minute, what the server says is left of its
//! (`X-RateLimit-*`), and a pause that it asked for with a 429 (`Retry-After`, or until the reset).

use reqwest::header::HeaderMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep_until};

const MINUTE: Duration = Duration::from_secs(60);

/// Hands out places for requests.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    per_minute: Option<usize>,
    /// Requests of the last minute, oldest first.
    sent: VecDeque<Instant>,
    paused_until: Option<Instant>,
    /// What the server has left for us, and until when that holds.
    left: Option<(u64, Instant)>,
    /// Requests without an answer yet: the server may not have counted them.
    open: u64,
}

/// A request on its way; over when dropped.
#[derive(Debug)]
pub(crate) struct Place<'a>(&'a Pace);

impl Pace {
    /// `None`: as fast as the server's own answers allow.
    pub(crate) fn new(per_minute: Option<usize>) -> Self {
        Self { state: Mutex::new(State { per_minute, ..State::default() }) }
    }

    /// Waits for a place and takes it.
    pub(crate) async fn wait(&self) -> Place<'_> {
        while let Some(until) = self.with(|state| state.take(Instant::now())) {
            sleep_until(until).await;
        }
        Place(self)
    }

    /// How long nothing will be sent from now on.
    pub(crate) fn paused(&self) -> Duration {
        self.with(|state| state.paused_until.map_or(Duration::ZERO, |until| until - Instant::now()))
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Place<'_> {
    /// Reads an answer's headers. `refused`: it was a 429, so there is nothing left whatever they say.
    pub(crate) fn heard(self, headers: &HeaderMap, refused: bool) {
        let (now, since_1970) = (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH));
        let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        let reset = number("x-ratelimit-reset").map(|reset| {
            let passed = since_1970.unwrap_or_default();
            // A clock that is wrong costs a minute at most.
            now + Duration::from_secs(reset).saturating_sub(passed).min(MINUTE)
        });
        let asked = number("retry-after").map(|wait| now + Duration::from_secs(wait).min(MINUTE));
        self.0.with(|state| {
            if refused {
                state.paused_until = asked.or(reset).max(state.paused_until);
            }
            if let (Some(left), Some(reset)) = (number("x-ratelimit-remaining"), reset) {
                state.left = Some((left.saturating_sub(state.open - 1), reset));
            }
        });
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.with(|state| state.open -= 1);
    }
}

impl State {
    /// `None` if a request may go now (and is counted), else when to ask again.
    fn take(&mut self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
            return Some(until);
        }
        self.left = self.left.filter(|(_, until)| *until > now);
        if let Some((0, until)) = self.left {
            return Some(until);
        }
        while self.sent.front().is_some_and(|oldest| *oldest + MINUTE <= now) {
            self.sent.pop_front();
        }
        if let Some(limit) = self.per_minute {
            if self.sent.len() >= limit {
                return self.sent.front().map(|oldest| *oldest + MINUTE);
            }
            self.sent.push_back(now);
        }
        if let Some((left, _)) = &mut self.left {
            *left -= 1;
        }
        self.open += 1;
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_sees_more_than_the_limit() {
        let start = Instant::now();
        let mut state = State { per_minute: Some(3), ..State::default() };
        let (mut now, mut taken) = (start, Vec::new());
        for _ in 0..20 {
            while let Some(until) = state.take(now) {
                assert!(until > now, "waiting must get us on");
                now = until;
            }
            taken.push(now);
            now += Duration::from_secs(7);
        }
        assert!(taken.windows(4).all(|four| four[3] - four[0] >= MINUTE));
        assert!(taken[19] - start < MINUTE * 7, "and it is used: 3 a minute");
    }

    fn headers(pairs: &[(&'static str, u64)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (name.parse().expect("a name"), value.to_string().parse().expect("a number"))
        });
        pairs.collect()
    }

    fn in_an_hour() -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 3600
    }

    fn next(pace: &Pace) -> Option<Instant> {
        pace.with(|state| state.take(Instant::now()))
    }

    #[tokio::test]
    async fn what_the_server_has_left_is_used_and_no_more() {
        let pace = Pace::new(None);
        let (first, second) = (pace.wait().await, pace.wait().await);
        let left = [("x-ratelimit-remaining", 3), ("x-ratelimit-reset", in_an_hour())];
        first.heard(&headers(&left), false);
        assert_eq!((next(&pace), next(&pace)), (None, None), "three, and one of them is open");
        let until = next(&pace).expect("nothing left");
        assert!(until <= Instant::now() + MINUTE, "a skewed clock costs a minute at most");
        let past = [("x-ratelimit-remaining", 0), ("x-ratelimit-reset", 1)];
        second.heard(&headers(&past), false);
        assert_eq!(next(&pace), None, "the reset has been");
    }

    #[tokio::test]
    async fn a_refusal_is_a_pause_for_all() {
        let pace = Pace::new(None);
        pace.wait().await.heard(&headers(&[("retry-after", 7)]), false);
        assert_eq!(pace.paused(), Duration::ZERO, "only a refusal is one");
        pace.wait().await.heard(&headers(&[]), true);
        assert_eq!(pace.paused(), Duration::ZERO, "for as long as the caller thinks fit");
        pace.wait().await.heard(&headers(&[("retry-after", 7)]), true);
        assert!(pace.paused() > Duration::from_secs(6) && next(&pace).is_some());
    }
}
