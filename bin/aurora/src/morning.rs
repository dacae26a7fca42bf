//! What the broker says before a session opens, and whether it is what the last session left.

use crate::books;
use crate::conductor::Day;
use crate::failure::Failure;
use crate::opening::{Account, peak};
use ingest::store;
use messages::{Bars, Envelope, Kill, KillLevel, Message, Overnight, ScoresBefore, Usd};
use shell::Bus;
use std::path::Path;
use std::sync::Arc;

/// The stored bars, with what journals hold and the store lacks: ingest may have died between the two.
pub async fn history(bus: &Bus, prices: &Path, day: Day) -> Result<Arc<Vec<Bars>>, Failure> {
    let read = || store::trading_prices(prices).map_err(|error| Failure::from(error).finally());
    let bars = read()?;
    let known = bars.last().map(|bars| bars.session);
    if known.is_none_or(|known| known >= day.history_session) {
        return Ok(bars);
    }
    let later =
        bus.sessions().await?.into_iter().filter(|date| Some(*date) > known && *date < day.session);
    for session in later {
        for (_, entry, _) in bus.read_journal(session).await? {
            if let Ok(Envelope { body: Message::Bars(bars), .. }) = entry
                && Some(bars.session) > known
            {
                tracing::warn!(session = %bars.session, "bars are stored late, from their journal");
                store::append_session(prices, &bars)?;
            }
        }
    }
    read()
}

/// The account, and why nothing may be sent, if so: a kill in force, a position or cash that changed
/// overnight, an order that is open already. What the venue's bookings don't explain (fees, dividends, transfers,
/// splits) waits for a human.
pub async fn look(
    bus: &Bus,
    client: &alpaca::Client,
    day: Day,
) -> Result<(Account, Option<Kill>), Failure> {
    let (compared, _) = books::look(bus, client, Some(day.session), day.session).await?;
    let (now, overnight) = (compared.statement, compared.overnight);
    let before = before(bus, day).await?;
    let mut differences = overnight.unexplained.clone();
    let open = alpaca::OrdersQuery { status: Some("open"), ..alpaca::OrdersQuery::default() };
    for order in client.orders(&open).await? {
        differences.push(format!("order {} is open", order.client_order_id));
    }
    let mut halted = bus.latched_kill().await?;
    // Who resumed since is content with what was lost until now.
    let peak = before.peak.filter(|_| !before.halted || halted.is_some());
    if halted.is_none() && !differences.is_empty() {
        let kill = Kill {
            level: KillLevel::Halt,
            reason: format!("OVERNIGHT: {}; see `aurora reconcile`", differences.join("; ")),
            operator: "session".to_owned(),
        };
        bus.kill(&kill).await?;
        halted = Some(kill);
    }
    let account = Account {
        positions: now.positions,
        cash: now.cash,
        equity: now.equity,
        peak,
        scored: before.scored,
        overnight: Some(overnight).filter(|overnight| *overnight != Overnight::default()),
    };
    Ok((account, halted))
}

/// What the session before left.
#[derive(Default)]
struct Before {
    /// The highest equity until then.
    peak: Option<Usd>,
    /// What models said until then.
    scored: Option<ScoresBefore>,
    /// It was halted, or ended so.
    halted: bool,
}

async fn before(bus: &Bus, day: Day) -> Result<Before, Failure> {
    let sessions = bus.sessions().await?;
    let Some(last) = sessions.into_iter().rfind(|session| *session < day.session) else {
        return Ok(Before::default());
    };
    let journal = bus.read_journal(last).await?;
    let entries: Vec<Envelope> =
        journal.into_iter().filter_map(|(_, entry, _)| entry.ok()).collect();
    let mut latch = risk::Latch::default();
    for entry in &entries {
        latch.see(entry);
    }
    let mut before = Before {
        peak: peak(None, &entries),
        scored: scoring::remember(None, &entries),
        halted: latch.kill().is_some(),
    };
    before.halted |= entries.iter().any(|entry| match &entry.body {
        Message::SessionOpened(opened) => opened.halted.is_some(),
        _ => false,
    });
    Ok(before)
}
