//! The kill flag and the venue, with nothing between them: what is open is cancelled though NATS is gone and the
//! gateway, which can't run without its journal, with it.

use super::flag::Flag;
use super::world::Venue;
use alpaca::{AlpacaError, OrdersQuery};
use messages::{KillLevel, Order};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinHandle;

/// While something is open, and while nothing is: the venue counts our requests.
const AGAIN: Duration = Duration::from_secs(1);
const CALM: Duration = Duration::from_secs(5);

/// Runs beside the gateway, in the runtime it is made in, until it is dropped.
pub struct Guard(JoinHandle<()>);

impl Guard {
    pub fn start(client: alpaca::Client, kill_flag: PathBuf) -> Self {
        Self(tokio::spawn(watch_over(client, Flag::new(kill_flag))))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch_over(client: impl Venue, flag: Flag) {
    loop {
        let kill = flag.read().await.filter(|kill| kill.level > KillLevel::Halt);
        let Some(kill) = kill else {
            flag.stirred().await;
            continue;
        };
        let pause = match cancel_all(&client).await {
            Ok(0) => CALM,
            Ok(cancelled) => {
                tracing::warn!(cancelled, reason = kill.reason, "asked the open orders back");
                AGAIN
            }
            Err(error) => {
                tracing::error!(%error, "the kill flag wants orders back; trying again soon");
                AGAIN
            }
        };
        tokio::time::sleep(pause).await;
    }
}

/// How many of ours were open. What closes positions stays: it serves a kill of level `flatten`, and this flag may be weaker
/// than the kill in force, which nobody can ask for here.
async fn cancel_all(client: &impl Venue) -> Result<usize, AlpacaError> {
    let query = OrdersQuery { status: Some("open"), ..OrdersQuery::default() };
    let mut asked = 0;
    for order in client.orders(&query).await? {
        let id = &order.client_order_id;
        let serves = leg(id) == Some(Order::CLOSING);
        if !id.starts_with("au-") || serves {
            continue;
        }
        match client.cancel(&order.id).await {
            // Refused: it is over already, or it can't be now, and is asked again.
            Err(error) if error.refusal().is_none() => return Err(error),
            Ok(()) | Err(_) => asked += 1,
        }
    }
    Ok(asked)
}

/// Of `au-20240103-AAPL-2-0`: 2.
fn leg(client_order_id: &str) -> Option<u8> {
    client_order_id.rsplit('-').nth(1)?.parse().ok()
}
