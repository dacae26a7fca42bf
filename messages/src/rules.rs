//! How a book is built and what stands between an order and the venue, beyond [`crate::Limits`]: written down in
//! the configuration, carried by `SessionOpened`. Nothing here has a default.

use crate::{Price, SessionOpened, Shares, Symbol, Usd};
use serde::{Deserialize, Serialize};

/// Fractions are of NAV unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RiskRules {
    /// λ: how much expected return a unit of variance over the horizon costs.
    pub risk_aversion: f64,
    /// Sum of absolute trades that one session's targets may ask for.
    pub turnover_max: f64,
    /// Not traded at all: what is held of them stays.
    pub restricted: Vec<Symbol>,
    /// May anything be held short?
    pub shorts: bool,
    /// Names that can't be borrowed, or only dearly: held long or not at all.
    pub not_shortable: Vec<Symbol>,
    /// Equity below which nothing is sold short.
    pub short_equity_min_usd: u32,
    /// Largest single order, whatever the equity.
    pub order_max_usd: u32,
    /// How far the last price of a symbol may be from the order's reference, as a fraction of it.
    pub collar: f64,
    /// Token bucket: so many at once, and so many more in a minute.
    pub orders_per_minute: u32,
    /// Equity that must be left after margin if everything that is open fills.
    pub equity_left_min: f64,
    /// Orders and turnover of a session, as multiples of what its targets ask for.
    pub plan_multiple: f64,
    pub breakers: Breakers,
}

/// Losses (fractions, positive) at which trading stops by itself, in three levels: no more risk; and open orders
/// cancelled; and positions closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Breakers {
    /// Of the session.
    pub day_loss: [f64; 3],
    /// From the highest equity.
    pub drawdown: [f64; 3],
    /// Refused by the venue in a row: the second level.
    pub rejects_in_a_row: u32,
}

/// How orders reach the market.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutionRules {
    pub style: Style,
    /// How far a limit may be from the last price, as a fraction of it.
    pub collar: f64,
    /// Share of the mean volume of a minute that closing a position may take.
    pub flatten_share: f64,
    /// The same of a plan with the style [`Style::Sliced`], which can't be without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub participation: Option<f64>,
}

/// When the orders of a plan go to the market, and what they take: any price, or none beyond a limit.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// At the market, in the opening auction.
    Auction,
    /// In the opening auction too, at the limit that the collar sets; what it does not reach expires.
    Limit,
    /// Minute by minute from the open on, each slice at the limit that the collar sets; nothing in the auction.
    Sliced,
}

/// Of the regular session.
const MINUTES: f64 = 390.0;

impl SessionOpened {
    /// Whether the plan goes to the market minute by minute.
    pub fn is_sliced(&self) -> bool {
        self.execution.as_ref().is_some_and(|rules| rules.style == Style::Sliced)
    }

    /// How many shares one order of a sliced plan may have. `None` in a session with another style.
    ///
    /// `adv`: dollars a day.
    pub fn plan_slice(&self, mark: Price, adv: Option<f64>) -> Option<Shares> {
        let execution = self.execution.as_ref().filter(|_| self.is_sliced())?;
        self.slice(execution.participation? / MINUTES, mark, adv)
    }

    /// How many shares one order may have that closes a position. `None` in a session that closes none. In the opening
    /// auction it is what the session may trade at all, later what a minute may.
    ///
    /// `adv`: dollars a day.
    pub fn closing_slice(&self, auction: bool, mark: Price, adv: Option<f64>) -> Option<Shares> {
        let execution = self.execution.as_ref()?;
        let share =
            if auction { self.limits.adv_share_max } else { execution.flatten_share / MINUTES };
        self.slice(share, mark, adv)
    }

    /// `share` of a day's volume in shares; one at least, or what is small would never be traded. Where no volume is known
    /// only the largest order limits it.
    fn slice(&self, share: f64, mark: Price, adv: Option<f64>) -> Option<Shares> {
        let rules = self.rules.as_ref()?;
        let volume = adv.filter(|adv| adv.is_finite() && *adv > 0.0);
        let volume = volume.and_then(|adv| Usd::from_f64(adv * share));
        let most = volume.map_or(rules.order_max(), |volume| volume.min(rules.order_max()));
        (mark.0 > 0).then(|| Shares((most.0 / mark.0).max(1)))
    }
}

/// What the card of the session's model promises.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// Mean daily rank IC on sessions that the model had not seen.
    pub oof_ic: f64,
    /// Sessions that a score looks ahead.
    pub horizon: u32,
}

impl RiskRules {
    pub fn order_max(&self) -> Usd {
        dollars(self.order_max_usd)
    }

    pub fn short_equity_min(&self) -> Usd {
        dollars(self.short_equity_min_usd)
    }
}

fn dollars(dollars: u32) -> Usd {
    Usd(i64::from(dollars) * 1_000_000)
}
