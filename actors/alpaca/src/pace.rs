//! Staying below a rate limit, across everything that shares a client.

use reqwest::header::HeaderMap;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, sleep_until};

const MINUTE: Duration = Duration::from_secs(60);

/// At most `per_minute` requests in any minute, and none while the server asks for a pause.
#[derive(Debug)]
pub(crate) struct Pace {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    per_minute: Option<usize>,
    /// Requests of the last minute, oldest first.
    sent: VecDeque<Instant>,
    paused_until: Option<Instant>,
}

impl Pace {
    /// `None`: as fast as the server's own answers allow.
    pub(crate) fn new(per_minute: Option<usize>) -> Self {
        let state = State { per_minute, sent: VecDeque::new(), paused_until: None };
        Self { state: Mutex::new(state) }
    }

    /// Waits for a place and takes it.
    pub(crate) async fn wait(&self) {
        while let Some(until) = self.with(|state| state.take(Instant::now())) {
            sleep_until(until).await;
        }
    }

    /// Reads `X-RateLimit-*` of an answer: nothing left means nothing is sent before the reset.
    pub(crate) fn heard(&self, headers: &HeaderMap) {
        let number = |name| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
        if number("x-ratelimit-remaining") == Some(0)
            && let Some(reset) = number("x-ratelimit-reset")
        {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let pause = Duration::from_secs(reset).saturating_sub(now).min(MINUTE);
            self.with(|state| state.paused_until = Some(Instant::now() + pause));
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    /// `None` if a request may go now (and is counted), else when to ask again.
    fn take(&mut self, now: Instant) -> Option<Instant> {
        if let Some(until) = self.paused_until.filter(|until| *until > now) {
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
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_sees_more_than_the_limit() {
        let start = Instant::now();
        let mut state = State { per_minute: Some(3), sent: VecDeque::new(), paused_until: None };
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

    #[tokio::test]
    async fn an_exhausted_server_is_left_alone_until_its_reset() {
        let pace = Pace::new(None);
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut headers = HeaderMap::new();
        headers.insert("X-RateLimit-Remaining", "0".parse().unwrap());
        headers.insert("X-RateLimit-Reset", (seconds + 3600).to_string().parse().unwrap());
        pace.heard(&headers);
        let until = pace.with(|state| state.take(Instant::now())).expect("paused");
        assert!(until <= Instant::now() + MINUTE, "a skewed clock costs a minute at most");
        headers.insert("X-RateLimit-Reset", "1".parse().unwrap());
        pace.heard(&headers);
        assert_eq!(pace.with(|state| state.take(Instant::now())), None);
    }
}
