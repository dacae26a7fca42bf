//! The venue's clock, asked now and then.

use super::world::{Timer, Venue};
use alpaca::AlpacaError;
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

    /// Reads the clock if the last reading is too old.
    ///
    /// # Errors
    /// The venue refuses to tell. Where it only does not answer there is no time until it does.
    pub(super) async fn refresh(
        &mut self,
        client: &impl Venue,
        timer: &impl Timer,
    ) -> Result<(), AlpacaError> {
        let now = timer.now();
        if self.asked.is_some_and(|asked| now < asked + ASK_EVERY) {
            return Ok(());
        }
        self.asked = Some(now);
        match client.clock().await {
            // Aged from before the question: rather too late than too early.
            Ok(clock) => self.reading = Some((clock.timestamp.0, now)),
            Err(error) if error.is_transient() => {
                tracing::error!(%error, "no order leaves while the venue's clock can't be read");
                self.reading = None;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
