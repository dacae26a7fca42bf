//! The frame of a journal: what a session starts from and how it ends.

use crate::{
    Booked, Date, Edge, Env, ExecutionRules, Holding, Kill, RiskRules, ScoresBefore, Symbol, Usd,
    history_sha256,
};
use serde::{Deserialize, Serialize};

/// Everything the cores need to know that no other message of the journal says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionOpened {
    pub env: Env,
    /// Names one run over many sessions: the demo's, or the paper account's.
    pub run_id: String,
    /// Where the bars come from, for people: `synthetic market, seed 42`.
    pub source: String,
    /// Trading day, New York.
    pub session: Date,
    /// The session before it: its close is what signals are computed from.
    pub signal_session: Date,
    /// Ascending by symbol.
    pub universe: Vec<Member>,
    /// Of a dated universe: who was a member when and in which sector, over the sessions of the history and later. By it
    /// features of the past are made, and names that join later are fetched. Empty: `universe`, always.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub listed: Vec<Listed>,
    /// SHA-256 of the sector snapshot, and the date it speaks for.
    pub sectors_sha256: String,
    pub sectors_as_of: Date,
    pub limits: Limits,
    /// SHA-256 of the configuration file.
    pub config_sha256: String,
    pub whitelist_sha256: String,
    /// `None`: this session trains a model and trades nothing, or a user's own weights are traded.
    pub model: Option<ModelRef>,
    /// Bars before `signal_session`, which itself comes as a message.
    pub history: HistoryRef,
    /// As the broker reports them, ascending by symbol.
    pub positions: Vec<Holding>,
    pub cash: Usd,
    pub equity: Usd,
    /// A kill that was in force when the session opened.
    pub halted: Option<Kill>,
    /// `None` in journals from before there were any: such a session is judged by `limits` alone, with the book
    /// in closed form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<RiskRules>,
    /// Of `model`; `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edge: Option<Edge>,
    /// The highest equity of the account that earlier sessions saw; `None` where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peak_equity: Option<Usd>,
    /// What came between the books of the session before and this opening; `None`: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overnight: Option<Box<Overnight>>,
    /// `None` in journals from before there were any: such a session closes no positions by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution: Option<ExecutionRules>,
    /// What models said in earlier sessions; `None` where there were none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scored: Option<ScoresBefore>,
    /// The broker says [`crate::Marked`] each minute of the open market. Not where simulated time stands still between
    /// entries: what is held then would hang on how fast the machine is.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
}

impl SessionOpened {
    /// A day with its limits and nothing else: no members, no model, no history, no money, no rules, no name of the run.
    pub fn new(env: Env, session: Date, signal_session: Date, limits: Limits) -> Self {
        let history =
            HistoryRef { through: signal_session, sessions: 0, sha256: history_sha256([]) };
        Self {
            env,
            run_id: String::new(),
            source: String::new(),
            session,
            signal_session,
            universe: Vec::new(),
            listed: Vec::new(),
            sectors_sha256: String::new(),
            sectors_as_of: signal_session,
            limits,
            config_sha256: String::new(),
            whitelist_sha256: String::new(),
            model: None,
            history,
            positions: Vec::new(),
            cash: Usd(0),
            equity: Usd(0),
            halted: None,
            rules: None,
            edge: None,
            peak_equity: None,
            overnight: None,
            execution: None,
            scored: None,
            marked: false,
        }
    }

    /// A corporate action has moved its shares since the last session: what is known of it was of other shares.
    pub fn was_reorganised(&self, symbol: &Symbol) -> bool {
        let booked = self.overnight.iter().flat_map(|overnight| &overnight.booked);
        let mut actions = booked.filter(|booked| booked.kind.is_corporate_action());
        actions.any(|booked| booked.symbol.as_ref() == Some(symbol))
    }
}

/// Why an account opens with something else than the last session left. The broker journals what was booked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overnight {
    /// The venue's ids of everything booked of late that the opening holds already.
    pub activities: Vec<String>,
    /// Those of them that no earlier journal has.
    pub booked: Vec<Booked>,
    /// Rows of what differs from our books all the same: until a human adopts it, it differs every morning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexplained: Vec<String>,
    /// Where a human has taken the venue's word since, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adopted: Option<Adoption>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoption {
    pub operator: String,
    pub reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub symbol: Symbol,
    pub sector: String,
}

/// A name's time in a dated universe, in one sector.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listed {
    pub symbol: Symbol,
    /// First day as a member.
    pub from: Date,
    /// Last one; `None`: still a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub through: Option<Date>,
    pub sector: String,
}

/// Days after its last as a member for which a name's bars are wanted all the same: who holds it has to sell it, and the
/// longest label (63 sessions) reaches as far.
const WANTED_AFTER: i32 = 100;

impl Listed {
    pub fn holds(&self, session: Date) -> bool {
        self.from <= session && self.through.is_none_or(|through| session <= through)
    }

    /// Whether it was a member on any day from `first` to `last`.
    pub fn meets(&self, first: Date, last: Date) -> bool {
        self.from <= last && self.through.is_none_or(|through| first <= through)
    }

    /// Whether bars of `session` are wanted: from the first there are, before it joined, to some time after it left.
    pub fn wants(&self, session: Date) -> bool {
        let last = |through: Date| through.saturating_add(jiff::Span::new().days(WANTED_AFTER));
        self.through.is_none_or(|through| session <= last(through))
    }
}

/// Fractions of NAV unless the name says otherwise. None has a default: a limit nobody wrote down
/// is not a limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Sum of absolute weights that targets aim for.
    pub gross: f64,
    /// Sum of absolute weights that no order may exceed, open orders at their worst included.
    pub gross_max: f64,
    pub name_max: f64,
    pub net_max: f64,
    pub beta_max: f64,
    pub sector_net_max: f64,
    /// Share of a symbol's mean daily dollar volume that one session may trade.
    pub adv_share_max: f64,
    /// Largest single order.
    pub order_max: f64,
}

impl Limits {
    /// All of them the same.
    pub fn each(limit: f64) -> Self {
        Self {
            gross: limit,
            gross_max: limit,
            name_max: limit,
            net_max: limit,
            beta_max: limit,
            sector_net_max: limit,
            adv_share_max: limit,
            order_max: limit,
        }
    }
}

/// A model file by content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelRef {
    pub id: String,
    pub sha256: String,
}

/// Bars by content: the last `sessions` sessions up to and including `through`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryRef {
    pub through: Date,
    pub sessions: u32,
    /// [`crate::history_sha256`] of them.
    pub sha256: String,
}

#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    Open,
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseBegan {
    pub phase: Phase,
}

/// A minute of the open market has passed: for whoever has to act by and by. Said only while somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tick {
    /// Since the open.
    pub minute: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionClosed {
    pub outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Traded,
    Trained,
    /// Nothing (more) was traded, and why.
    Stopped {
        reason: String,
    },
}
