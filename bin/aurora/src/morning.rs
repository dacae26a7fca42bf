//! What the broker says before a session opens, and whether it is what the last session left.

use crate::books;
use crate::conductor::Day;
use crate::failure::Failure;
use crate::opening::{Account, peak};
use ingest::store;
use messages::{
    Bars, Envelope, Kill, KillLevel, Message, Overnight, ScoresBefore, SessionOpened, Usd,
};
use shell::Bus;
use std::collections::BTreeSet;
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
            if let Ok(Envelope { at, body: Message::Bars(bars), .. }) = entry
                && Some(bars.session) > known
            {
                tracing::warn!(session = %bars.session, "bars are stored late, from their journal");
                store::append_session(prices, &bars, at)?;
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
    differences.extend(strays(client, &BTreeSet::new()).await?);
    let mut halted = bus.latched_kill().await?;
    // Who resumed since is content with what was lost until now.
    let peak = before.peak.filter(|_| !before.halted || halted.is_some());
    if !differences.is_empty() {
        let kill = overnight_kill(&differences, halted.as_ref());
        // One that says it already is in force since an attempt to open, or since the morning before.
        if halted.as_ref() != Some(&kill) {
            bus.kill(&kill).await?;
        }
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

/// Of a kill because of what was found before the open.
const OVERNIGHT: &str = "OVERNIGHT: ";
/// Between that and a kill that was in force already.
const BESIDES: &str = "; and before that, ";

/// The kill for `differences`: as strong as the one in force, whose words it keeps.
fn overnight_kill(differences: &[String], in_force: Option<&Kill>) -> Kill {
    let mut reason = format!("{OVERNIGHT}{}; see `aurora reconcile`", differences.join("; "));
    // What an earlier morning found is looked for anew each morning.
    let words = in_force.and_then(|kill| match kill.reason.strip_prefix(OVERNIGHT) {
        Some(found) => found.split_once(BESIDES).map(|(_, words)| words.to_owned()),
        None => Some(format!("{:?} by {}: {}", kill.level, kill.operator, kill.reason)),
    });
    if let Some(words) = words {
        reason = format!("{reason}{BESIDES}{words}");
    }
    let level = in_force.map_or(KillLevel::Halt, |kill| kill.level);
    Kill { level, reason, operator: "session".to_owned() }
}

/// What stands in the way of a resume: of what halted the open session when it opened, all that neither the venue explains
/// by now nor a human has adopted. Between sessions nothing does: the next morning looks.
pub async fn still_differs(bus: &Bus, client: &alpaca::Client) -> Result<Vec<String>, Failure> {
    let today = alpaca::time::session_date(client.clock().await?.timestamp.0);
    let (compared, _) = books::look(bus, client, None, today).await?;
    let mut ours = BTreeSet::new();
    if let Some(session) = bus.open_session_date().await? {
        for (_, entry, _) in bus.read_journal(session).await? {
            if let Ok(Envelope { body: Message::SubmitOrder(order), .. }) = entry {
                ours.insert(order.client_order_id);
            }
        }
    }
    let mut differences = compared.overnight.unexplained;
    differences.extend(strays(client, &ours).await?);
    Ok(differences)
}

/// Whether the session opened with a difference, so that [`still_differs`] has to be asked.
pub fn differed(opened: &SessionOpened) -> bool {
    opened.halted.as_ref().is_some_and(|kill| kill.reason.starts_with(OVERNIGHT))
}

/// Orders that are open and none of `ours`.
async fn strays(client: &alpaca::Client, ours: &BTreeSet<String>) -> Result<Vec<String>, Failure> {
    let open = alpaca::OrdersQuery { status: Some("open"), ..alpaca::OrdersQuery::default() };
    let orders = client.orders(&open).await?.into_iter();
    let strays = orders.filter(|order| !ours.contains(&order.client_order_id));
    Ok(strays.map(|order| format!("order {} is open", order.client_order_id)).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kill(level: KillLevel, reason: &str) -> Kill {
        Kill { level, reason: reason.to_owned(), operator: "ada".to_owned() }
    }

    #[test]
    fn a_difference_is_said_beside_whatever_kill_is_in_force_and_takes_nothing_from_it() {
        let found = ["cash ours 1 venue 2".to_owned()];
        let first = overnight_kill(&found, None);
        assert_eq!(first.level, KillLevel::Halt);
        assert_eq!(first.reason, "OVERNIGHT: cash ours 1 venue 2; see `aurora reconcile`");
        assert_eq!(overnight_kill(&found, Some(&first)), first, "every morning the same");

        let drill = kill(KillLevel::Flatten, "a drill");
        let both = overnight_kill(&found, Some(&drill));
        assert_eq!((both.level, both.operator.as_str()), (KillLevel::Flatten, "session"));
        let words = "; and before that, Flatten by ada: a drill";
        assert!(both.reason == format!("{}{words}", first.reason), "{both:?}");
        assert_eq!(overnight_kill(&found, Some(&both)), both);
        let other = overnight_kill(&["order x is open".to_owned()], Some(&both));
        assert_eq!(
            other.reason,
            format!("OVERNIGHT: order x is open; see `aurora reconcile`{words}")
        );
    }
}
