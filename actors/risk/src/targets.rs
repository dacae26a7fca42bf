//! The message: rounded targets, what they add up to, and what held them back.

use crate::exposures::{Bounds, Totals};
use crate::portfolio::{Name, Portfolio, Stance};
use crate::rounding::{Rounded, round};
use crate::wish::wish;
use costs::{CostModel, Liquidity};
use messages::{SessionOpened, Shares, Target, Targets, Usd};

/// `hold` says why nothing is to be traded, if so.
///
/// `binding` is a list of `CODE symbol size`: `ADV`, `ORDER` and `NAME` (dollars) stopped one name; `GROSS`,
/// `GROSS_WORST`, `NET`, `BETA` and `SECTOR` (fractions of NAV) stopped the whole step; `GROSS_MAX` let nothing grow; `ROUNDING` made it smaller
/// (to the given theta); `RELIEF`: not a step was allowed, so risk is reduced at most. `NO_…` and `NOT_…` say why a held name is only reduced or kept, or (`NO_BETA`) that the
/// book's beta leaves it out. `SCORES_FLAT`, `SCORES_WITHHELD`, `HALTED`, … keep the whole book.
pub(crate) fn compute(
    portfolio: &Portfolio,
    opened: &SessionOpened,
    hold: Option<String>,
) -> Targets {
    let bounds = Bounds::no_worse(portfolio);
    let wished = if hold.is_none() { wish(portfolio) } else { None };
    let (rounded, mut binding) = match wished {
        Some(wished) => {
            let rounded = round(portfolio, &bounds, &wished);
            let binding = binding(portfolio, &bounds, &wished, &rounded);
            (rounded, binding)
        }
        None => (held(portfolio), vec![hold.unwrap_or_else(|| "SCORES_FLAT".to_owned())]),
    };
    let unknown_beta = |name: &&Name| name.beta.is_none() && name.held != Shares(0);
    for name in portfolio.names.iter().filter(unknown_beta) {
        let note = format!("NO_BETA {}", name.symbol);
        if !binding.contains(&note) {
            binding.push(note);
        }
    }
    let values: Vec<f64> = pairs(portfolio, &rounded).map(|(name, n)| name.value(n)).collect();
    Targets {
        signal_session: opened.signal_session,
        nav: opened.equity,
        targets: targets(portfolio, &rounded),
        exposures: Totals::of(portfolio, &values).exposures(portfolio),
        theta: rounded.theta,
        binding,
    }
}

fn pairs<'a>(
    portfolio: &'a Portfolio,
    rounded: &'a Rounded,
) -> impl Iterator<Item = (&'a Name, i64)> {
    portfolio.names.iter().zip(rounded.shares.iter().copied())
}

fn held(portfolio: &Portfolio) -> Rounded {
    let shares = portfolio.names.iter().map(|name| name.held.0).collect();
    Rounded { shares, values: portfolio.held(), theta_allowed: 0.0, theta: 0.0 }
}

fn targets(portfolio: &Portfolio, rounded: &Rounded) -> Vec<Target> {
    let target = |((name, shares), value): ((&Name, i64), &f64)| {
        let traded = Usd(name.mark.times(Shares(shares - name.held.0)).0.abs());
        // Where sigma is unknown the impact is left out, which is why nothing is *opened* in such a name;
        // where volume is unknown nothing is traded.
        let sigma_daily = name.sigma_daily.unwrap_or(0.0);
        let liquidity = Liquidity { adv: name.adv.unwrap_or(f64::NAN), sigma_daily };
        let (price, dollars) = (name.mark.to_f64(), traded.to_f64());
        Target {
            symbol: name.symbol.clone(),
            weight: if portfolio.nav > 0.0 { value / portfolio.nav } else { 0.0 },
            quantity: Shares(shares),
            held: name.held,
            mark: name.mark,
            cost_bp: CostModel::default().bp(liquidity, price, true, 0.0, dollars),
        }
    };
    let all = pairs(portfolio, rounded).zip(&rounded.values).map(target);
    all.filter(|target| target.held != Shares(0) || target.quantity != Shares(0)).collect()
}

fn binding(
    portfolio: &Portfolio,
    bounds: &Bounds,
    wished: &[f64],
    rounded: &Rounded,
) -> Vec<String> {
    let mut binding: Vec<String> =
        pairs(portfolio, rounded).flat_map(|(name, shares)| of_name(name, shares)).collect();
    if portfolio.over_gross_max {
        binding.push(format!("GROSS_MAX {:.4}", portfolio.limits.gross_max));
    }
    if rounded.theta_allowed < 1.0 {
        let theta = (rounded.theta_allowed + 1e-6).min(1.0);
        let step = |(from, to): (f64, &f64)| from + theta * (to - from);
        let beyond: Vec<f64> = portfolio.held().into_iter().zip(wished).map(step).collect();
        binding.extend(bounds.broken(portfolio, &Totals::of(portfolio, &beyond)));
    }
    if rounded.theta == 0.0 {
        binding.push("RELIEF".to_owned());
    } else if rounded.theta < rounded.theta_allowed {
        binding.push(format!("ROUNDING {:.4}", rounded.theta));
    }
    binding
}

fn of_name(name: &Name, shares: i64) -> Vec<String> {
    let mut notes = Vec::new();
    if let Stance::Reduce(why) | Stance::Keep(why) = name.stance {
        notes.push(format!("{why} {}", name.symbol));
    }
    let bounds = [name.highest, name.lowest].into_iter().filter(|bound| !bound.limit.is_empty());
    let mut bounds = bounds;
    let at = bounds.find(|bound| bound.shares == shares);
    let going = match name.stance {
        Stance::View { .. } => true,
        Stance::Reduce(_) => shares != 0,
        Stance::Keep(_) => false,
    };
    if let Some(bound) = at.filter(|_| going) {
        notes.push(format!("{} {} {:.0}", bound.limit, name.symbol, bound.size));
    }
    notes
}
