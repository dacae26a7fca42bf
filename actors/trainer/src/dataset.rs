use crate::dividends::Dividends;
use features::{Builder, Universe};
use messages::{Bars, Date, Member, Symbol, sha256_hex};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a training starts from. The audit runs the pipeline again on changed copies of it.
#[derive(Copy, Clone, Debug)]
pub struct Dataset<'a> {
    /// Ascending by session; also the bars of names that are no longer traded.
    pub history: &'a [Bars],
    pub members: Members<'a>,
    /// `None`: nobody knows them; labels are ex dividends.
    pub dividends: Option<&'a Dividends>,
    /// The last time this past was replaced.
    pub restated: Option<&'a Restated>,
}

/// A past that somebody has replaced, and why: what `--restate REASON` wrote beside the bars.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restated {
    pub reason: String,
    /// [`messages::history_sha256`] of the bars that were replaced.
    pub replaced_sha256: String,
}

/// Who belongs to the universe.
#[derive(Copy, Clone, Debug)]
pub enum Members<'a> {
    /// One list, with one snapshot of sectors.
    Listed {
        /// Ascending by symbol.
        members: &'a [Member],
        /// The day on which the list was known. Any session before it saw a list made with hindsight.
        as_of: Date,
        /// The day the members' sectors speak for.
        sectors_as_of: Date,
    },
    /// With effective dates, sectors too.
    Dated(&'a Universe),
}

impl<'a> Dataset<'a> {
    /// Of a list, with nothing known of dividends or restatements.
    pub fn listed(
        history: &'a [Bars],
        members: &'a [Member],
        as_of: Date,
        sectors_as_of: Date,
    ) -> Self {
        let members = Members::Listed { members, as_of, sectors_as_of };
        Self { history, members, dividends: None, restated: None }
    }

    pub fn with_history(self, history: &'a [Bars]) -> Self {
        Self { history, ..self }
    }
}

impl Members<'_> {
    /// Of the features of this universe.
    pub fn builder(&self) -> Builder {
        match self {
            Self::Listed { members, .. } => Builder::new(members),
            Self::Dated(universe) => Builder::of((*universe).clone()),
        }
    }

    /// Everybody who is or ever was a member, ascending.
    pub fn symbols(&self) -> Vec<Symbol> {
        match self {
            Self::Listed { members, .. } => members.iter().map(|m| m.symbol.clone()).collect(),
            Self::Dated(universe) => universe.symbols().to_vec(),
        }
    }

    /// Codes of the sectors of [`Self::symbols`] as they were known on a day.
    pub fn sectors(&self, session: Date) -> Vec<usize> {
        match self {
            Self::Listed { members, .. } => features::sector_codes(members),
            Self::Dated(universe) => universe.at(session).sectors,
        }
    }

    /// Equal if and only if members, sectors and their dates are.
    pub fn sha256(&self) -> String {
        match self {
            Self::Listed { members, .. } => {
                sha256_hex(&serde_json::to_vec(members).expect("members are plain data"))
            }
            Self::Dated(universe) => universe.sha256(),
        }
    }

    /// The day the list speaks for; of a dated one the first on which anybody was a member.
    pub fn as_of(&self) -> Date {
        match self {
            Self::Listed { as_of, .. } => *as_of,
            Self::Dated(universe) => universe.first_day(),
        }
    }

    /// The day the sectors speak for; of dated ones the first snapshot's.
    pub fn sectors_as_of(&self) -> Date {
        match self {
            Self::Listed { sectors_as_of, .. } => *sectors_as_of,
            Self::Dated(universe) => {
                universe.snapshots().keys().next().copied().unwrap_or(Date::MAX)
            }
        }
    }

    pub fn is_dated(&self) -> bool {
        matches!(self, Self::Dated(_))
    }

    /// Every snapshot of sectors, with the day from which on it was known.
    pub(crate) fn snapshots(&self) -> Vec<(Date, Cow<'_, [Member]>)> {
        match self {
            Self::Listed { members, sectors_as_of, .. } => {
                vec![(*sectors_as_of, Cow::Borrowed(*members))]
            }
            Self::Dated(universe) => {
                let member = |(symbol, sector): (&Symbol, &String)| Member {
                    symbol: symbol.clone(),
                    sector: sector.clone(),
                };
                let snapshots = universe.snapshots().iter();
                snapshots.map(|(day, of)| (*day, of.iter().map(member).collect())).collect()
            }
        }
    }
}
