//! When a session goes on: a stepped clock is moved by us, the wall clock is waited for.

use crate::failure::{Failure, fail};
use alpaca::Client;
use messages::Time;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub enum SessionClock {
    /// Of our own venue: simulated time stands still until it is told otherwise, so that a day's
    /// outcome does not depend on how fast this machine is.
    Stepped(Client),
    Wall,
}

impl SessionClock {
    /// Returns once it is `time` or later.
    pub async fn until(&self, time: Time) -> Result<(), Failure> {
        match self {
            SessionClock::Stepped(venue) => {
                let now = venue.clock().await?.timestamp.0;
                if now < time {
                    venue.set_clock(time).await?;
                }
                Ok(())
            }
            SessionClock::Wall => {
                let left = time.0 - wall_now()?.0;
                if left > 0 {
                    tokio::time::sleep(Duration::from_nanos(left.unsigned_abs())).await;
                }
                Ok(())
            }
        }
    }
}

fn wall_now() -> Result<Time, Failure> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    i64::try_from(since.as_nanos()).map(Time).map_err(|_| fail("this machine's clock is absurd"))
}
