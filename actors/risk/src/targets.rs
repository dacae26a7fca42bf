//! The message: rounded targets, what they add up to, and what held them back.

use crate::exposures::{Bounds, Totals};
use crate::plan::{Plan, plan};
use crate::portfolio::{Name, Portfolio, Stance, share_of};
use crate::rounding::{Rounded, round};
use costs::{CostModel, Liquidity};
use messages::{SessionOpened, Shares, Target, Targets, Usd};
use std::collections::BTreeSet;

/// `hold` says why nothing is to be traded, if so.
///
/// `binding` is a list of `CODE symbol size`:
/// - of one name (dollars): `ADV`, `ORDER`, `NAME`, `SHORT` stopped it; `NO_…`, `NOT_…` and `RESTRICTED` say why what is
///   held is only reduced or kept, or (`NO_BETA`) that the book's beta leaves it out;
/// - of the book (fractions of NAV): `GROSS`, `GROSS_WORST`, `NET`, `BETA`, `SECTOR`, `TURNOVER` are reached or stopped the
///   whole step; `GROSS_MAX` and `BREAKER` let nothing grow; `ROUNDING` made the step smaller (to the given theta); `RELIEF`: not
///   a step was allowed, so risk is reduced at most;
/// - of how it came about: `NO_EDGE` (with the IC): out of everything; `FALLBACK` (why): the closed form stands in for
///   the solver; `SCORES_FLAT`, `SCORES_WITHHELD`, `HALTED`, … keep the whole book;
/// - of the *rounded* book, whatever it came from: `RELAXED` (limits that may give way) and `BROKEN` (gross, names: only
///   by what was held before), each with how far beyond the limit it is.
pub(crate) fn compute(
    portfolio: &mut Portfolio,
    opened: &SessionOpened,
    hold: Option<String>,
) -> Targets {
    let limits = Bounds::limits(portfolio);
    let planned = hold.map_or_else(|| plan(portfolio), Err);
    let portfolio = &*portfolio;
    let (rounded, mut binding) = match planned {
        Ok(Plan { values, notes }) => {
            let bounds = Bounds::no_worse(portfolio);
            let rounded = round(portfolio, &bounds, &values);
            let binding = [notes, binding(portfolio, &bounds, &values, &rounded)].concat();
            (rounded, binding)
        }
        Err(reason) => (held(portfolio), vec![reason]),
    };
    let unknown_beta = |name: &&Name| name.beta.is_none() && name.held != Shares(0);
    for name in portfolio.names.iter().filter(unknown_beta) {
        let note = format!("NO_BETA {}", name.symbol);
        if !binding.contains(&note) {
            binding.push(note);
        }
    }
    let values: Vec<f64> = pairs(portfolio, &rounded).map(|(name, n)| name.value(n)).collect();
    let totals = Totals::of(portfolio, &values);
    // Journals from before there were rules did not say it.
    if portfolio.rules.is_some() && portfolio.nav > 0.0 {
        binding.extend(limits.beyond(portfolio, &totals));
        binding.extend(names_beyond(portfolio, &values));
    }
    // The same limit may have been met on two ways.
    let mut said = BTreeSet::new();
    binding.retain(|note| said.insert(note.clone()));
    Targets {
        signal_session: opened.signal_session,
        nav: opened.equity,
        targets: targets(portfolio, &rounded),
        exposures: totals.exposures(portfolio),
        theta: rounded.theta,
        binding,
    }
}

/// Names that drift has carried beyond their cap and that are not back yet.
fn names_beyond<'a>(
    portfolio: &'a Portfolio,
    values: &'a [f64],
) -> impl Iterator<Item = String> + 'a {
    let cap = share_of(Usd(portfolio.nav as i64), portfolio.limits.name_max).0 as f64;
    let names = portfolio.names.iter().zip(values);
    names.filter(move |(_, value)| value.abs() > cap).map(move |(name, value)| {
        format!("BROKEN NAME {} {:.6}", name.symbol, (value.abs() - cap) / portfolio.nav)
    })
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
    if let Some(reason) = &portfolio.reducing {
        binding.push(format!("BREAKER {reason}"));
    }
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
