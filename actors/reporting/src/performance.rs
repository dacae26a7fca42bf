use crate::book::Book;
use crate::chain::{Break, Chain};
use crate::metrics::{Returns, YEAR, turnover};
use crate::profit::Profit;
use crate::record::{Counts, Coverage, SessionRecord, Stopped};
use crate::sharpe::SharpeLabel;
use messages::{Date, DayReported, Usd};
use serde::{Serialize, Serializer};

/// A run in numbers: `performance_metrics.json`, and the end of `--json` output.
///
/// Rates are simple fractions (0.01 is 1 %), years have 252 sessions, money is in dollars. `None`
/// (`null`) is a number that does not exist, such as the Sharpe ratio of one session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Performance {
    /// First and last session with an account.
    pub from: Option<Date>,
    pub to: Option<Date>,
    /// How many have an account that agreed with the venue's.
    pub sessions: usize,
    pub stopped: Vec<Stopped>,
    /// Of the worst covered session; nothing at all if no session got as far as bars.
    pub coverage: Option<Coverage>,
    #[serde(flatten)]
    pub counts: Counts,
    /// Targets that sliced plans were short of at the end of their sessions, and the sessions that had any.
    pub unreached: usize,
    pub sessions_unreached: usize,

    /// Where sessions without an account break the chain of daily returns.
    pub breaks: Vec<Break>,

    /// Compounded, net of what the account paid: time-weighted, breaks included. It and what follows of wealth (CAGR,
    /// drawdown, Calmar) holds every move of the account; what follows of days (volatility to hit rate) holds those
    /// from close to close alone.
    pub total_return: Option<f64>,
    /// Of a short run, an extrapolation.
    pub cagr: Option<f64>,
    pub volatility: Option<f64>,
    /// Annualised, risk-free rate zero. Read it with its label.
    pub sharpe: Option<f64>,
    pub sharpe_label: String,
    /// 95 % confidence interval.
    pub sharpe_interval: Option<(f64, f64)>,
    /// Probability that the true Sharpe ratio exceeds zero.
    pub probabilistic_sharpe: Option<f64>,
    pub sortino: Option<f64>,
    pub calmar: Option<f64>,
    pub max_drawdown: Option<f64>,
    pub value_at_risk: Option<f64>,
    pub conditional_value_at_risk: Option<f64>,
    pub win_rate: Option<f64>,
    pub hit_rate: Option<f64>,

    /// Σ|trades| / (2 · mean NAV), a year.
    pub turnover: Option<f64>,
    /// After the close: mean over sessions.
    pub gross: Option<f64>,
    pub gross_last: Option<f64>,
    pub gross_max: Option<f64>,
    /// Mean of absolute values, so that a long day can't hide a short one.
    pub net: Option<f64>,
    pub net_last: Option<f64>,
    /// Mean of absolute values of the book's predicted beta.
    pub beta: Option<f64>,
    pub beta_last: Option<f64>,
    /// Largest absolute value.
    pub beta_max: Option<f64>,

    #[serde(serialize_with = "dollars")]
    pub traded: Usd,
    /// Implementation shortfall against the closes that orders were sized with, overnight moves
    /// included; positive is a cost.
    #[serde(serialize_with = "dollars")]
    pub shortfall: Usd,
    pub shortfall_bp: Option<f64>,
    #[serde(serialize_with = "optional_dollars")]
    pub initial_nav: Option<Usd>,
    #[serde(serialize_with = "optional_dollars")]
    pub final_nav: Option<Usd>,
    #[serde(serialize_with = "optional_dollars")]
    pub cash: Option<Usd>,
    /// Deposits less withdrawals, as the venue reported them; in no return.
    #[serde(serialize_with = "dollars")]
    pub transfers: Usd,
    /// Cash and shares that came or went between sessions and nobody reported why; in no return.
    #[serde(serialize_with = "dollars")]
    pub unreported_change: Usd,
    pub profit: Profit,
}

impl Performance {
    /// `records` in order of time, `book` of the same. `None` if there is nothing to speak about.
    ///
    /// # Panics
    /// If a NAV is not positive: the reporting actor says no such day.
    pub fn of(records: &[&SessionRecord], book: &Book) -> Option<Self> {
        let days: Vec<&DayReported> = records.iter().filter_map(|r| r.day.as_ref()).collect();
        let stopped: Vec<Stopped> = records.iter().filter_map(|r| r.stopped.clone()).collect();
        if days.is_empty() && stopped.is_empty() {
            return None;
        }
        let chain = Chain::of(records, book);
        let known = |values| Returns::new(values).expect("positive accounts have real returns");
        let (returns, wealth) = (known(chain.returns()), known(chain.steps()));
        let missed: usize = chain.breaks.iter().map(|gap| gap.sessions.len()).sum();
        let cagr = cagr(&wealth, days.len() + missed);
        let max_drawdown = wealth.max_drawdown();
        let traded: Usd = days.iter().map(|day| day.traded).sum();
        let shortfall: Usd = days.iter().map(|day| day.slippage).sum();
        let nav = days.iter().map(|day| day.nav_open.to_f64()).sum::<f64>() / days.len() as f64;
        let (first, last) = (days.first(), days.last());
        let label = SharpeLabel::of(&returns);
        let gross = Series::of(&days, |day| day.exposures.gross);
        let net = Series::of(&days, |day| day.exposures.net);
        let beta = Series::known(&days, |day| day.exposures.beta);
        Some(Self {
            from: first.map(|day| day.session),
            to: last.map(|day| day.session),
            sessions: days.len(),
            coverage: coverage(&days, &stopped),
            counts: counts(&days, &stopped),
            unreached: records.iter().map(|record| record.unreached.len()).sum(),
            sessions_unreached: records.iter().filter(|r| !r.unreached.is_empty()).count(),
            breaks: chain.breaks,
            total_return: wealth.cumulative(),
            cagr,
            volatility: returns.volatility(),
            sharpe: returns.sharpe(0.0),
            sharpe_label: label.text,
            sharpe_interval: label.interval,
            probabilistic_sharpe: returns.probabilistic_sharpe(0.0),
            sortino: returns.sortino(0.0),
            calmar: calmar(cagr, max_drawdown),
            max_drawdown,
            value_at_risk: returns.value_at_risk(),
            conditional_value_at_risk: returns.conditional_value_at_risk(),
            win_rate: returns.win_rate(),
            hit_rate: returns.hit_rate(),
            turnover: turnover(traded.to_f64(), nav, days.len()),
            gross: gross.mean,
            gross_last: gross.last,
            gross_max: gross.largest,
            net: net.mean,
            net_last: net.last,
            beta: beta.mean,
            beta_last: beta.last,
            beta_max: beta.largest,
            traded,
            shortfall,
            shortfall_bp: (traded.0 > 0).then(|| shortfall.to_f64() / traded.to_f64() * 1e4),
            initial_nav: first.map(|day| day.nav_open),
            final_nav: last.map(|day| day.nav_close),
            cash: last.map(|day| day.cash),
            transfers: chain.transfers,
            unreported_change: chain.unexplained,
            profit: Profit::of(book),
            stopped,
        })
    }
}

/// Sessions in a break count as time, though they have no return of their own.
fn cagr(wealth: &Returns, sessions: usize) -> Option<f64> {
    let grown = (1.0 + wealth.cumulative()?).powf(YEAR / sessions as f64) - 1.0;
    grown.is_finite().then_some(grown)
}

fn calmar(cagr: Option<f64>, max_drawdown: Option<f64>) -> Option<f64> {
    let depth = max_drawdown?.abs();
    (depth >= 1e-12).then_some(cagr? / depth)
}

/// What a figure of the book was over a run: size on average, at the end, at most.
struct Series {
    mean: Option<f64>,
    last: Option<f64>,
    largest: Option<f64>,
}

impl Series {
    fn of(days: &[&DayReported], figure: impl Fn(&DayReported) -> f64) -> Self {
        Self::known(days, |day| Some(figure(day)))
    }

    /// Of the days on which it is known.
    fn known(days: &[&DayReported], figure: impl Fn(&DayReported) -> Option<f64>) -> Self {
        let sizes: Vec<f64> = days.iter().filter_map(|day| figure(day)).map(f64::abs).collect();
        Self {
            mean: (!sizes.is_empty()).then(|| sizes.iter().sum::<f64>() / sizes.len() as f64),
            last: days.last().and_then(|day| figure(day)),
            largest: sizes.into_iter().reduce(f64::max),
        }
    }
}

fn coverage(days: &[&DayReported], stopped: &[Stopped]) -> Option<Coverage> {
    let reported = days.iter().map(|day| Coverage { expected: day.expected, got: day.covered });
    let all = reported.chain(stopped.iter().filter_map(|stop| stop.coverage));
    all.min_by(|a, b| share(*a).total_cmp(&share(*b)))
}

fn share(coverage: Coverage) -> f64 {
    f64::from(coverage.got) / f64::from(coverage.expected.max(1))
}

fn counts(days: &[&DayReported], stopped: &[Stopped]) -> Counts {
    let day = |day: &&DayReported| Counts {
        orders: day.orders,
        fills: day.fills,
        rejects: day.rejects,
        denied: day.denied,
    };
    let all = days.iter().map(day).chain(stopped.iter().map(|stop| stop.counts));
    all.fold(Counts::default(), |sum, counts| Counts {
        orders: sum.orders + counts.orders,
        fills: sum.fills + counts.fills,
        rejects: sum.rejects + counts.rejects,
        denied: sum.denied + counts.denied,
    })
}

/// A JSON number, which holds every amount below a billion dollars to the last micro-dollar.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn dollars<S: Serializer>(amount: &Usd, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(amount.to_f64())
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn optional_dollars<S: Serializer>(amount: &Option<Usd>, serializer: S) -> Result<S::Ok, S::Error> {
    amount.map(Usd::to_f64).serialize(serializer)
}
