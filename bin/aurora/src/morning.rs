//! What the broker says before a session opens, and whether it is what the last session left.

use crate::conductor::Day;
use crate::failure::Failure;
use crate::opening::{Account, peak};
use ingest::store;
use messages::{
    AccountReported, Bars, Envelope, Holding, Kill, KillLevel, Message, Shares, Symbol, Usd,
};
use shell::Bus;
use std::collections::BTreeMap;
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
/// overnight, an order that is open already. What can't be explained here waits for a human.
pub async fn look(
    bus: &Bus,
    client: &alpaca::Client,
    day: Day,
) -> Result<(Account, Option<Kill>), Failure> {
    let now = broker::statement(client).await?;
    let before = before(bus, day).await?;
    let mut differences = before.statement.map_or_else(Vec::new, |then| differences(&then, &now));
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
            reason: format!("OVERNIGHT: {}", differences.join(", ")),
            operator: "session".to_owned(),
        };
        bus.kill(&kill).await?;
        halted = Some(kill);
    }
    let account = Account { positions: now.positions, cash: now.cash, equity: now.equity, peak };
    Ok((account, halted))
}

/// What the session before left.
#[derive(Default)]
struct Before {
    /// What the venue said after it; of a session that ended without an account, what it began with: if it traded
    /// all the same, that shows now.
    statement: Option<AccountReported>,
    /// The highest equity until then.
    peak: Option<Usd>,
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
    let mut before =
        Before { peak: peak(None, &entries), halted: latch.kill().is_some(), statement: None };
    for entry in entries {
        match entry.body {
            Message::AccountReported(reported) => before.statement = Some(reported),
            Message::SessionOpened(opened) => {
                let (cash, equity) = (opened.cash, opened.equity);
                before.halted |= opened.halted.is_some();
                before.statement =
                    Some(AccountReported { cash, equity, positions: opened.positions });
            }
            _ => {}
        }
    }
    Ok(before)
}

fn differences(then: &AccountReported, now: &AccountReported) -> Vec<String> {
    let quantities = |holdings: &[Holding]| -> BTreeMap<Symbol, Shares> {
        holdings.iter().map(|held| (held.symbol.clone(), held.quantity)).collect()
    };
    let (before, after) = (quantities(&then.positions), quantities(&now.positions));
    let mut symbols: Vec<&Symbol> = before.keys().chain(after.keys()).collect();
    symbols.sort();
    symbols.dedup();
    let none = Shares(0);
    let mut found: Vec<String> = symbols
        .into_iter()
        .map(|symbol| {
            (symbol, before.get(symbol).unwrap_or(&none), after.get(symbol).unwrap_or(&none))
        })
        .filter(|(_, before, after)| before != after)
        .map(|(symbol, before, after)| format!("{symbol} was {before} and is {after}"))
        .collect();
    if then.cash.cents() != now.cash.cents() {
        found.push(format!("cash was {} and is {}", then.cash, now.cash));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::{Price, Usd};

    fn statement(cash: i64, held: &[(&str, i64)]) -> AccountReported {
        let holding = |(symbol, quantity): &(&str, i64)| Holding {
            symbol: Symbol::from(*symbol),
            quantity: Shares(*quantity),
            average: Price(1),
            mark: Price(1),
        };
        let positions = held.iter().map(holding).collect();
        AccountReported { cash: Usd(cash), equity: Usd(0), positions }
    }

    #[test]
    fn what_changed_overnight_is_named() {
        let then = statement(1_000_000, &[("A", 10), ("B", -5)]);
        assert!(differences(&then, &then).is_empty());
        let now = statement(3_000_000, &[("A", 10), ("C", 7)]);
        assert_eq!(
            differences(&then, &now),
            ["B was -5 and is +0", "C was +0 and is +7", "cash was 1.00 and is 3.00"]
        );
    }
}
