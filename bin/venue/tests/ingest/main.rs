//! What ingest makes of this venue: changes of name, series and latest data, and any sequence of the faults
//! that the venue has on request.

#![expect(clippy::unwrap_used, reason = "tests")]

mod faults;
mod names;
mod series;

use alpaca::{Client, Credentials, Patience};
use exchange::{ExchangeConfig, Market};
use ingest::{FetchOptions, Provenance};
use jiff::civil::Time as Clock;
use messages::{Bars, Date, Symbol, Time, Usd};
use std::sync::Arc;
use std::time::Duration;
use venue::{Venue, VenueConfig};

struct Source {
    venue: Venue,
    client: Client,
}

impl Source {
    /// At an hour of a day in New York.
    async fn at(market: &Arc<Market>, day: Date, hour: i8) -> Self {
        let now = market.calendar().instant(day, Clock::constant(hour, 0, 0, 0));
        let exchange = ExchangeConfig::new(Usd(1_000_000_000_000), 1, now);
        let venue = Venue::start(VenueConfig::new(Arc::clone(market), exchange)).await.unwrap();
        let client = Client::new(venue.endpoints(), Credentials::new("key", "secret")).unwrap();
        let patience = Patience {
            answer: Duration::from_secs(2),
            attempts_max: 3,
            total: Duration::from_secs(8),
        };
        Self { venue, client: client.patient(patience) }
    }

    async fn now(&self) -> Time {
        self.client.clock().await.unwrap().timestamp.0
    }
}

fn options() -> FetchOptions {
    FetchOptions::new("sip", "split")
}

fn provenance() -> Provenance {
    Provenance {
        source: "venue".into(),
        request: "everything".into(),
        at: "2024-03-18T22:00:00Z".into(),
        feed: "sip".into(),
        adjustment: "split".into(),
        raw_close: "raw_close".into(),
    }
}

/// What a fetch of `symbols` must give, from the market itself: all sessions up to `through`.
fn expected(market: &Market, symbols: &[Symbol], through: Date) -> Vec<Bars> {
    let sessions = market.bars().iter().filter(|bars| bars.session <= through);
    let only = |bars: &Bars| {
        let mut few = Bars::empty(bars.session);
        for symbol in symbols {
            if let Some(row) = bars.row(symbol) {
                let [open, high, low, close] =
                    [&bars.open, &bars.high, &bars.low, &bars.close].map(|column| column[row]);
                let (volume, raw_close) = (bars.volume[row].round(), bars.raw_close[row]);
                few.push(symbol.clone(), [open, high, low, close, volume, raw_close]);
            }
        }
        few
    };
    sessions.map(only).collect()
}
