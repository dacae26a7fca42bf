//! The book that is worth its risk and its costs: [`Program`], filled in from what the session knows (METHODS.md §4).
//!
//! - α = IC·σ(h)·z (Grinold): IC is the model's out-of-fold rank IC, at most .03, because more than that is
//!   believed of nobody; σ(h) the idiosyncratic volatility over the horizon; z the score, clipped and neutralised
//!   again over the names that may be held today.
//! - Risk over the horizon: idiosyncratic variance halfway, in logs, to the median of its sector, and the factors'.
//! - Costs: half the spread, the opening auction and regulatory fees by dollar; impact by its square, equal to the
//!   square-root law at half of what liquidity allows and below it for less, because the law is no quadratic.
//!
//! Costs are of one way, alpha is of h sessions, and the book is solved for anew every session: what is bought today
//! is worth buying if α over the horizon pays for getting in, and it is sold once holding on is worth less than
//! getting out. That leaves a band in which nothing is traded: a name whose α changes by less than its costs stays as
//! it is. With an IC of .03 and an idiosyncratic volatility of 1.5 % a day, a name one standard deviation out is
//! worth 10 bp over five sessions, against 2 to 6 bp to get there: the middle of the list is left alone, the ends
//! are traded. A smaller IC trades less, and one that does not pay for the spread trades nothing. That is the
//! answer, not a fault to be tuned away. Charging a round trip over one horizon instead would count the way out of
//! every position that is held on to.

use crate::portfolio::{Name, Portfolio, Stance};
use crate::program::{Program, Soft, Unsolved};
use crate::views::{View, neutralised};
use crate::wish::clip;
use costs::{CostModel, Fee, half_spread_bp};
use messages::{Date, FactorCovariance, RiskRules};

/// No more is believed of a model, whatever its card says.
const IC_MAX: f64 = 0.03;

/// What the solver would hold.
#[derive(Debug)]
pub(crate) struct Optimum {
    /// Micro-dollars, a row per name.
    pub(crate) values: Vec<f64>,
    /// By how much the turnover limit gave way, as a fraction of NAV.
    pub(crate) extra_turnover: f64,
}

/// What is made of a card's IC.
pub(crate) fn ic_used(oof_ic: f64) -> f64 {
    // A NaN is no edge.
    if oof_ic > 0.0 { oof_ic.min(IC_MAX) } else { 0.0 }
}

/// `ic`: as [`ic_used`]; `horizon` in sessions.
pub(crate) fn optimum(
    portfolio: &Portfolio,
    rules: &RiskRules,
    factors: &FactorCovariance,
    views: &[View],
    (ic, horizon): (f64, u32),
) -> Result<Optimum, Unsolved> {
    let views = neutralised(portfolio, views).unwrap_or_default();
    let solution = program(portfolio, rules, factors, &views, (ic, f64::from(horizon))).solve()?;
    let values = solution.weights.iter().map(|weight| weight * portfolio.nav).collect();
    let turnover = solution.relaxed.iter().find(|(soft, _)| *soft == Soft::Turnover);
    Ok(Optimum { values, extra_turnover: turnover.map_or(0.0, |(_, by)| *by) })
}

fn program(
    portfolio: &Portfolio,
    rules: &RiskRules,
    factors: &FactorCovariance,
    views: &[View],
    (ic, horizon): (f64, f64),
) -> Program {
    let Portfolio { nav, limits, names, sectors, session, .. } = portfolio;
    let mut alpha = vec![0.0; names.len()];
    for view in views {
        if free(&names[view.row]) {
            alpha[view.row] = ic * (view.variance * horizon).sqrt() * view.z;
        }
    }
    let column = |of: &dyn Fn(&Name) -> f64| names.iter().map(of).collect::<Vec<f64>>();
    let costs = CostModel::default();
    Program {
        alpha,
        held: column(&|name| name.value(name.held.0) / nav),
        beta: column(&|name| name.beta.unwrap_or(0.0)),
        sector: names.iter().map(|name| name.sector).collect(),
        sectors: sectors.len(),
        idio_variance: idio_variance(portfolio).iter().map(|daily| daily * horizon).collect(),
        factor_covariance: factor_covariance(sectors, factors, horizon),
        linear_cost: column(&|name| linear_cost(&costs, name, *session)),
        quadratic_cost: column(&|name| quadratic_cost(&costs, name, limits.adv_share_max, *nav)),
        // What has no view goes to zero as far as it can, what can't be traded stays.
        lowest: column(&|name| clip(portfolio, name, if viewed(name) { f64::MIN } else { 0.0 })),
        highest: column(&|name| clip(portfolio, name, if viewed(name) { f64::MAX } else { 0.0 })),
        gross_max: limits.gross.min(limits.gross_max),
        beta_max: limits.beta_max,
        net_max: limits.net_max,
        sector_net_max: limits.sector_net_max,
        turnover_max: rules.turnover_max,
        risk_aversion: rules.risk_aversion,
    }
}

fn viewed(name: &Name) -> bool {
    matches!(name.stance, Stance::View { .. })
}

/// Is there anything to choose? Where a session can't trade a single share, what it would cost is no number.
fn free(name: &Name) -> bool {
    viewed(name) && name.lowest.shares < name.highest.shares
}

/// Daily, of names with a view: the geometric mean of a name's and of the median of its sector. The others are
/// not chosen, so theirs does not matter.
fn idio_variance(portfolio: &Portfolio) -> Vec<f64> {
    let names = &portfolio.names;
    let own = |name: &Name| match name.stance {
        Stance::View { variance, .. } => Some(variance),
        Stance::Reduce(_) | Stance::Keep(_) => None,
    };
    let median = |sector: Option<usize>| {
        let mut all: Vec<f64> =
            names.iter().filter(|name| name.sector == sector).filter_map(own).collect();
        all.sort_unstable_by(f64::total_cmp);
        let middle = |at: usize| all.get(at).map_or(0.0, |variance| variance.ln());
        // In logs the median of an even number is between the two in the middle.
        f64::midpoint(middle(all.len() / 2), middle(all.len().saturating_sub(1) / 2))
    };
    let medians: Vec<f64> =
        (0..portfolio.sectors.len()).map(|sector| median(Some(sector))).collect();
    let shrunk = |name: &Name| {
        let own = own(name)?;
        Some(f64::midpoint(own.ln(), medians[name.sector?]).exp())
    };
    names.iter().map(|name| shrunk(name).unwrap_or(0.0)).collect()
}

/// In the order of our sectors; one that no name of the cross-section is in has none.
fn factor_covariance(sectors: &[String], factors: &FactorCovariance, horizon: f64) -> Vec<f64> {
    let place = |sector: &String| factors.sectors.iter().position(|factor| factor == sector);
    let places: Vec<Option<usize>> =
        [Some(0)].into_iter().chain(sectors.iter().map(|s| place(s).map(|at| at + 1))).collect();
    let k = 1 + factors.sectors.len();
    let at = |a: &Option<usize>, b: &Option<usize>| {
        a.zip(*b).map_or(0.0, |(a, b)| factors.covariance[a * k + b] * horizon)
    };
    places.iter().flat_map(|a| places.iter().map(move |b| at(a, b))).collect()
}

/// Per dollar traded. A fee on selling is paid once for two trades.
fn linear_cost(costs: &CostModel, name: &Name, session: Date) -> f64 {
    if !free(name) {
        return 0.0;
    }
    let price = name.mark.to_f64();
    // A fee whose rate on that day nobody wrote down is left out: it is a fraction of a basis point.
    let fees = Fee::ALL.into_iter().filter_map(|fee| fee.of_sale(session, price).ok());
    let bp = half_spread_bp(name.adv.unwrap_or(0.0), price) + costs.auction_bp;
    bp / 1e4 + fees.sum::<f64>() / 2.0
}

/// Per square of the share of NAV that is traded.
fn quadratic_cost(costs: &CostModel, name: &Name, adv_share_max: f64, nav: f64) -> f64 {
    let (Some(adv), Some(sigma), true) = (name.adv, name.sigma_daily, free(name)) else {
        return 0.0;
    };
    let share = adv_share_max / 2.0;
    let traded = share * adv * 1e6 / nav;
    costs::cost_bp(0.0, costs.impact, sigma, share) / 1e4 / traded
}

#[cfg(test)]
mod tests {
    use super::{CostModel, Name, Stance, factor_covariance, ic_used, quadratic_cost};
    use crate::portfolio::Bound;
    use crate::testing::{opened, rules};
    use messages::{FactorCovariance, Price, SessionOpened, Shares, Symbol};

    /// Defect 15 of the prior art: its volumes were drawn at random. Twice the name's own volume, half the price of a
    /// trade; at half of what liquidity allows it is the square-root law's.
    #[test]
    fn prior_art_15_costs_are_of_the_names_own_volume() {
        let opened = SessionOpened { rules: Some(rules()), ..opened() };
        let name = |adv: f64| Name {
            symbol: Symbol::from("A"),
            sector: Some(0),
            held: Shares(0),
            mark: Price(100_000_000),
            beta: Some(1.0),
            sigma_daily: Some(0.016),
            adv: Some(adv),
            stance: Stance::View { score: 0.0, variance: 1e-4 },
            lowest: Bound { shares: -1, limit: "", size: 0.0 },
            highest: Bound { shares: 1, limit: "", size: 0.0 },
        };
        let nav = opened.equity.0 as f64;
        let price = |adv| quadratic_cost(&CostModel::default(), &name(adv), 0.02, nav);
        assert!((price(2e6) / price(1e6) - 0.5).abs() < 1e-12);
        // 1 % of $1m is a tenth of NAV, at .8 · 1.6 % · √.01.
        assert!((price(1e6) * 0.1 - 0.8 * 0.016 * 0.1).abs() < 1e-12, "{}", price(1e6));
    }

    #[test]
    fn of_an_edge_as_much_is_believed_as_is_credible() {
        assert_eq!([0.01, 0.2, -0.01, f64::NAN].map(ic_used), [0.01, 0.03, 0.0, 0.0]);
    }

    /// Defect 13 of the prior art: there a sector was a symbol's first letter, or a place in a list.
    #[test]
    fn prior_art_13_factors_are_found_by_the_names_of_their_sectors() {
        let factors = FactorCovariance {
            sectors: vec!["b".to_owned(), "c".to_owned()],
            covariance: vec![1.0, 2.0, 3.0, 2.0, 4.0, 5.0, 3.0, 5.0, 6.0].into(),
            shrinkage: 0.0,
            sessions: 252,
        };
        let ours = ["a", "c", "b"].map(str::to_owned);
        let expected =
            [1.0, 0.0, 3.0, 2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 6.0, 5.0, 2.0, 0.0, 5.0, 4.0];
        let twice: Vec<f64> = expected.iter().map(|x| 2.0 * x).collect();
        assert_eq!(factor_covariance(&ours, &factors, 2.0), twice);
    }
}
