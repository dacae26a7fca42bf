//! How time passes on the venue.

use messages::Time;
use std::str::FromStr;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

#[derive(Copy, Clone, Debug, PartialEq)]
pub enum ClockMode {
    /// The machine's clock. Where the exchange was to start does not matter.
    Real,
    /// From the start, so many times as fast as the machine's clock.
    Accelerated { speed: f64 },
    /// Only when told, by `POST /aurora/v1/clock`.
    Stepped,
}

impl FromStr for ClockMode {
    type Err = String;

    /// `real`, `stepped`, or a speed: `60x`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is none of `real`, `stepped`, or a speed like `60x`");
        match text {
            "real" => Ok(Self::Real),
            "stepped" => Ok(Self::Stepped),
            _ => {
                let speed: f64 =
                    text.strip_suffix('x').and_then(|s| s.parse().ok()).ok_or_else(wrong)?;
                let possible = speed.is_finite() && speed > 0.0;
                possible.then_some(Self::Accelerated { speed }).ok_or_else(wrong)
            }
        }
    }
}

/// A clock that runs by itself.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Running {
    mode: ClockMode,
    started: Instant,
    from: Time,
}

impl Running {
    pub(crate) fn start(mode: ClockMode, from: Time) -> Self {
        Self { mode, started: Instant::now(), from }
    }

    pub(crate) fn is_stepped(&self) -> bool {
        self.mode == ClockMode::Stepped
    }

    pub(crate) fn is_accelerated(&self) -> bool {
        matches!(self.mode, ClockMode::Accelerated { .. })
    }

    /// `None` for a stepped clock: whatever time it is, it still is.
    pub(crate) fn now(&self) -> Option<Time> {
        match self.mode {
            ClockMode::Stepped => None,
            ClockMode::Real => Some(wall()),
            ClockMode::Accelerated { speed } => {
                let passed = self.started.elapsed().as_nanos() as f64 * speed;
                Some(Time(self.from.0.saturating_add(passed as i64)))
            }
        }
    }
}

pub(crate) fn wall() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_named() {
        assert_eq!("real".parse(), Ok(ClockMode::Real));
        assert_eq!("stepped".parse(), Ok(ClockMode::Stepped));
        assert_eq!("2.5x".parse(), Ok(ClockMode::Accelerated { speed: 2.5 }));
        for wrong in ["", "fast", "x", "0x", "-1x", "nanx", "infx"] {
            assert!(ClockMode::from_str(wrong).is_err(), "{wrong}");
        }
    }
}
