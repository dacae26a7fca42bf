//! Puts together what a session starts from: the first entry of its journal.

use crate::conductor::Day;
use crate::config::Config;
use crate::failure::{Failure, fail};
use ingest::{Events, Universe};
use messages::{
    Bars, Edge, Env, Envelope, Holding, Kill, Member, Message, ModelRef, Overnight, ScoresBefore,
    SessionOpened, Usd, sha256_hex,
};
use std::path::PathBuf;
use trainer::Registry;

/// Sessions of history that features are computed from: 252 for the longest window, 60 for a name to
/// become eligible, 21 for its liquidity, and room to spare. A session that trains takes all there is.
pub const HISTORY_SESSIONS: u32 = 400;

/// What stays the same over the sessions of a run.
#[derive(Clone, Debug)]
pub struct Opening {
    pub env: Env,
    pub run_id: String,
    pub universe: Universe,
    /// Of the bars: `synthetic market, seed 42`, a file, or a host.
    pub source: String,
    /// Who may lack a bar and whose move is real: what the gate of a backtest goes by.
    pub events: Events,
    pub config: Config,
    /// The registry, whose cards say what models promise. Scoring loads no model whose card was tampered with.
    pub models: PathBuf,
}

/// What the broker reports before the session.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    pub positions: Vec<Holding>,
    pub cash: Usd,
    pub equity: Usd,
    /// The highest that earlier sessions saw.
    pub peak: Option<Usd>,
    /// What models said in earlier sessions.
    pub scored: Option<ScoresBefore>,
    /// What explains that it is not what the session before left.
    pub overnight: Option<Overnight>,
}

/// The highest equity after a session's journal, `before` included, as it is of what the account then is: transfers are
/// no gain and no loss (see [`risk::peak_after`]). A resume starts it anew: what was lost before is what the operator is
/// content with.
pub fn peak<'a>(
    before: Option<Usd>,
    journal: impl IntoIterator<Item = &'a Envelope>,
) -> Option<Usd> {
    // `equity` is without what was transferred since the opening, as the peak is until the end.
    let (mut peak, mut equity, mut transferred) = (before, Usd(0), Usd(0));
    for entry in journal {
        match &entry.body {
            Message::SessionOpened(opened) => {
                equity = opened.equity;
                peak = opened.peak_equity.or(peak).max(Some(equity));
            }
            Message::AccountReported(reported) => {
                equity = reported.equity - transferred;
                peak = peak.max(Some(equity));
            }
            Message::Marked(marked) => equity = marked.equity - transferred,
            Message::Booked(booked) if !booked.before_open => {
                transferred += risk::transferred(booked);
            }
            Message::Resume(_) => peak = Some(equity),
            _ => {}
        }
    }
    peak.map(|peak| risk::peak_after(peak, equity + transferred, transferred))
}

/// The highest equity that a session begins with: `account.peak`, of the account as it was before the night's transfers.
fn peak_at_open(account: &Account) -> Option<Usd> {
    let booked = account.overnight.iter().flat_map(|overnight| &overnight.booked);
    let transferred = booked.map(risk::transferred).sum();
    let peak = account.peak.map(|peak| risk::peak_after(peak, account.equity, transferred));
    peak.max(Some(account.equity))
}

impl Opening {
    /// `bars`: everything stored, of which the sessions before the signal session are vouched for. They
    /// must reach up to it: features across a hole would be wrong without looking wrong.
    pub fn message(
        &self,
        day: &Day,
        bars: &[Bars],
        account: Account,
        model: Option<ModelRef>,
        halted: Option<Kill>,
    ) -> Result<SessionOpened, Failure> {
        let before = bars.partition_point(|bars| bars.session < day.signal_session);
        let last = bars[..before].last().ok_or_else(|| {
            let text = "no bars before {}: run `aurora fetch` or `aurora import`";
            fail(text.replace("{}", &day.signal_session.to_string()))
        })?;
        if last.session != day.history_session {
            return Err(fail(format!(
                "the stored bars end with {}, but the session before {} is {}: run `aurora fetch`, then \
                 start again",
                last.session, day.signal_session, day.history_session
            )));
        }
        let most = if model.is_some() { HISTORY_SESSIONS } else { u32::MAX };
        let sessions = u32::try_from(before).unwrap_or(u32::MAX).min(most);
        let (history, _) = ingest::store::history(bars, last.session, sessions)?;
        let (universe, sectors_as_of) = self.universe.on(day.signal_session);
        if universe.is_empty() {
            return Err(fail(format!(
                "the universe has no members on {}: mend its dates, and `aurora fetch --universe CSV` again",
                day.signal_session
            )));
        }
        let first = before.saturating_sub(sessions as usize);
        let listed = self.universe.listed_since(bars[first].session);
        let edge = model.as_ref().map(|model| self.edge(model)).transpose()?;
        let peak_equity = peak_at_open(&account);
        Ok(SessionOpened {
            env: self.env,
            run_id: self.run_id.clone(),
            source: self.source.clone(),
            session: day.session,
            signal_session: day.signal_session,
            sectors_sha256: sectors_sha256(&universe),
            universe,
            listed,
            sectors_as_of,
            limits: self.config.limits.clone(),
            config_sha256: self.config.sha256.clone(),
            whitelist_sha256: features::whitelist::sha256(),
            model,
            history,
            positions: account.positions,
            cash: account.cash,
            equity: account.equity,
            halted,
            rules: Some(self.config.risk.clone()),
            edge,
            peak_equity,
            overnight: account.overnight.map(Box::new),
            execution: Some(self.config.execution.clone()),
            scored: account.scored,
            marked: false,
        })
    }

    fn edge(&self, model: &ModelRef) -> Result<Edge, Failure> {
        let card = Registry::new(&self.models).card(&model.id)?;
        let horizon = u32::try_from(card.config.horizon).unwrap_or(u32::MAX);
        Ok(Edge { oof_ic: card.oof.neutral.mean, horizon })
    }
}

/// Over `symbol TAB sector` lines, ascending by symbol.
pub fn sectors_sha256(members: &[Member]) -> String {
    let lines: String =
        members.iter().map(|member| format!("{}\t{}\n", member.symbol, member.sector)).collect();
    sha256_hex(lines.as_bytes())
}

#[cfg(test)]
mod tests;
