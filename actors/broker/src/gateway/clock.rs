//! The venue's clock, asked now and then.

use super::world::Timer;
use messages::Time;
use std::time::Duration;

/// A reading counts for so long, and a failed one is not repeated sooner.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// Moments are those of the gateway's own timer.
#[derive(Debug, Default)]
pub(super) struct VenueClock {
    reading: Option<(Time, Duration)>,
    asked: Option<Duration>,
}

impl VenueClock {
    /// Time has passed on the venue in another way than here: ask again.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// The venue's time, by a reading that is fresh enough and has aged by our own clock.
    pub(super) fn now(&self, timer: &impl Timer) -> Option<Time> {
        let (Time(then), read) = self.reading?;
        let age = timer.now().saturating_sub(read);
        let nanos = i64::try_from(age.as_nanos()).ok()?;
        (age < ASK_EVERY).then(|| Time(then.saturating_add(nanos)))
    }

    /// The last reading is too old, or there is none.
    pub(super) fn is_due(&self, timer: &impl Timer) -> bool {
        self.asked.is_none_or(|asked| timer.now() >= asked + ASK_EVERY)
    }

    pub(super) fn ask(&mut self, now: Duration) {
        self.asked = Some(now);
    }

    /// Aged from before the question, which was asked at `asked`: rather too late than too early. Worth nothing if it was
    /// forgotten meanwhile.
    pub(super) fn tell(&mut self, time: Time, asked: Duration) {
        if self.asked == Some(asked) {
            self.reading = Some((time, asked));
        }
    }

    /// It can't be read: there is no time until it is.
    pub(super) fn lose(&mut self) {
        self.reading = None;
    }

    pub(super) fn is_lost(&self) -> bool {
        self.asked.is_some() && self.reading.is_none()
    }
}
