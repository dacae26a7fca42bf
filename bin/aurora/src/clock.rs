//! When a session goes on. The venue's clock decides, never this machine's: a simulated day's outcome
//! must not depend on how fast the machine is, and a real one's not on how wrong its clock is.

use crate::failure::Failure;
use alpaca::Client;
use messages::Time;
use std::time::{Duration, Instant};

/// The venue is asked again at least this often while a moment is waited for.
const ASK: Duration = Duration::from_secs(30);
/// How long its pace is watched before it is relied on.
const PACE: Duration = Duration::from_secs(1);

pub enum SessionClock {
    /// Of our own venue: simulated time stands still until it is told otherwise.
    Stepped(Client),
    /// Of a venue whose time passes by itself, as fast as it likes.
    Flowing(Client),
}

impl SessionClock {
    /// Whether moments come by themselves, ready or not.
    pub fn is_flowing(&self) -> bool {
        matches!(self, Self::Flowing(_))
    }

    /// The venue's time.
    pub async fn now(&self) -> Result<Time, Failure> {
        let (SessionClock::Stepped(venue) | SessionClock::Flowing(venue)) = self;
        Ok(venue.clock().await?.timestamp.0)
    }

    /// Returns once it is `time` or later.
    pub async fn until(&self, time: Time) -> Result<(), Failure> {
        match self {
            SessionClock::Stepped(venue) => {
                if venue.clock().await?.timestamp.0 < time {
                    venue.set_clock(time).await?;
                }
                Ok(())
            }
            SessionClock::Flowing(venue) => wait(venue, time).await,
        }
    }
}

/// Sleeps as long as the venue's pace suggests, then looks again.
async fn wait(venue: &Client, time: Time) -> Result<(), Failure> {
    let (first, started) = (venue.clock().await?.timestamp.0, Instant::now());
    let mut now = first;
    let mut pause = Duration::from_millis(20);
    while now < time {
        tokio::time::sleep(pause).await;
        now = venue.clock().await?.timestamp.0;
        let pace = (now.0 - first.0) as f64 / started.elapsed().as_nanos() as f64;
        let left = (time.0 - now.0).max(0) as f64 / pace.max(1e-3) / 1e9;
        // Of a first moment no pace can be told.
        let most = if started.elapsed() < PACE { 0.1 } else { ASK.as_secs_f64() };
        pause = Duration::from_secs_f64(left.clamp(0.005, most));
    }
    Ok(())
}
