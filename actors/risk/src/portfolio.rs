//! What portfolio construction reads: every name that is held or may be, with what can be done about it.

use messages::{
    Date, Edge, Exposures, FactorCovariance, Features, Holding, Limits, Price, RiskRules,
    SessionOpened, Shares, Symbol, Usd,
};
use std::collections::BTreeMap;

/// Money here is micro-dollars in `f64`: whole numbers, hence exact, in books below nine billion.
#[derive(Debug)]
pub(crate) struct Portfolio {
    pub(crate) nav: f64,
    pub(crate) limits: Limits,
    /// Ascending.
    pub(crate) sectors: Vec<String>,
    /// Ascending by symbol.
    pub(crate) names: Vec<Name>,
    /// The book held is larger than any order may make it: nothing grows.
    pub(crate) over_gross_max: bool,
    /// A breaker of level 1 says that nothing grows, and why.
    pub(crate) reducing: Option<String>,
    /// That is traded.
    pub(crate) session: Date,
    pub(crate) rules: Option<RiskRules>,
    pub(crate) edge: Option<Edge>,
    pub(crate) factors: Option<FactorCovariance>,
    /// What the targets may ask for in all, as a fraction of NAV.
    pub(crate) turnover_max: f64,
}

#[derive(Debug)]
pub(crate) struct Name {
    pub(crate) symbol: Symbol,
    /// Index into `Portfolio::sectors`; `None` where the name is no member.
    pub(crate) sector: Option<usize>,
    pub(crate) held: Shares,
    pub(crate) mark: Price,
    pub(crate) beta: Option<f64>,
    pub(crate) sigma_daily: Option<f64>,
    /// Dollars.
    pub(crate) adv: Option<f64>,
    pub(crate) stance: Stance,
    /// Positions that one session may end in, `held` among them.
    pub(crate) lowest: Bound,
    pub(crate) highest: Bound,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stance {
    /// The model has a view and everything it takes to act on it is known.
    View { score: f64, variance: f64 },
    /// No view, or not to be held: towards zero as fast as liquidity allows. Why, by code.
    Reduce(&'static str),
    /// Can't be traded: counted as it is. Why, by code.
    Keep(&'static str),
}

/// How far a position may go, and the limit that says so.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub(crate) shares: i64,
    /// Empty if none but the direction does.
    pub(crate) limit: &'static str,
    /// Of the limit, in dollars.
    pub(crate) size: f64,
}

impl Portfolio {
    /// Every held name, and every other that can be opened today. `reducing`: why nothing may grow, if so.
    pub(crate) fn new(
        opened: &SessionOpened,
        features: Option<&Features>,
        reducing: Option<String>,
        score: impl Fn(&Symbol) -> Option<f64>,
    ) -> Self {
        let mut portfolio = Self::kept(opened, features);
        // Over the gross maximum nothing may grow, in whatever name: the gate would deny it.
        let gross: f64 = portfolio.held().iter().map(|value| value.abs()).sum();
        let over_gross_max = gross > share_of(opened.equity, opened.limits.gross_max).0 as f64;
        let held = portfolio.names.drain(..).map(|name| (name.symbol.clone(), name));
        let mut names: BTreeMap<Symbol, Name> = held.collect();
        for (features, row) in
            features.into_iter().flat_map(|f| (0..f.symbols.len()).map(move |row| (f, row)))
        {
            let symbol = &features.symbols[row];
            let flat = || Name::flat(symbol.clone());
            let mut name = names.remove(symbol).unwrap_or_else(flat);
            name.read(features, row, &portfolio.sectors, opened);
            name.stance = name.stance(features, row, score(symbol));
            if opened.rules.as_ref().is_some_and(|rules| rules.restricted.contains(symbol)) {
                name.stance = Stance::Keep("RESTRICTED");
            }
            if opened.was_reorganised(symbol) {
                name.stance = Stance::Keep("CORPORATE_ACTION");
            }
            if name.held != Shares(0) || matches!(name.stance, Stance::View { .. }) {
                name.bound(opened, over_gross_max || reducing.is_some());
                names.insert(symbol.clone(), name);
            }
        }
        Self { names: names.into_values().collect(), over_gross_max, reducing, ..portfolio }
    }

    /// Held names, none of which is to be traded.
    pub(crate) fn kept(opened: &SessionOpened, features: Option<&Features>) -> Self {
        let mut sectors: Vec<String> =
            opened.universe.iter().map(|member| member.sector.clone()).collect();
        sectors.sort_unstable();
        sectors.dedup();
        let held = opened.positions.iter().filter(|holding| holding.quantity != Shares(0));
        let names = held.map(|holding| {
            let mut name = Name::kept(holding);
            let row = features.and_then(|f| f.symbols.iter().position(|s| *s == name.symbol));
            if let Some((features, row)) = features.zip(row) {
                name.read(features, row, &sectors, opened);
            }
            name
        });
        let names = names.collect();
        Self {
            nav: opened.equity.0 as f64,
            limits: opened.limits.clone(),
            sectors,
            names,
            over_gross_max: false,
            reducing: None,
            session: opened.session,
            rules: opened.rules.clone(),
            edge: opened.edge.clone(),
            factors: features.and_then(|features| features.exposures.factors.clone()),
            turnover_max: opened.rules.as_ref().map_or(f64::INFINITY, |rules| rules.turnover_max),
        }
    }

    /// Micro-dollars held of each name.
    pub(crate) fn held(&self) -> Vec<f64> {
        self.names.iter().map(|name| name.value(name.held.0)).collect()
    }
}

impl Name {
    /// Held, at the broker's mark, nothing else known of it.
    fn kept(Holding { symbol, quantity, mark, .. }: &Holding) -> Self {
        let pinned = Bound { shares: quantity.0, limit: "KEPT", size: 0.0 };
        Self {
            symbol: symbol.clone(),
            sector: None,
            held: *quantity,
            mark: *mark,
            beta: None,
            sigma_daily: None,
            adv: None,
            stance: Stance::Keep("NO_PRICE"),
            lowest: pinned,
            highest: pinned,
        }
    }

    fn flat(symbol: Symbol) -> Self {
        let (quantity, mark) = (Shares(0), Price(0));
        Self::kept(&Holding { symbol, quantity, average: mark, mark, rounding: Usd(0) })
    }

    /// Takes what the day's features know of it.
    fn read(
        &mut self,
        features: &Features,
        row: usize,
        sectors: &[String],
        opened: &SessionOpened,
    ) {
        let Exposures { beta, sigma_daily, adv, close, .. } = &features.exposures;
        // Of a name that was split overnight the close is a price of its old shares: the broker's mark is of those held.
        let close = Price::from_f64(close[row]).filter(|_| !opened.was_reorganised(&self.symbol));
        self.mark = close.unwrap_or(self.mark);
        let member = opened.universe.iter().find(|member| member.symbol == self.symbol);
        self.sector = member.and_then(|member| sectors.binary_search(&member.sector).ok());
        self.beta = Some(beta[row]).filter(|beta| beta.is_finite());
        self.sigma_daily = positive(sigma_daily[row]);
        self.adv = positive(adv[row]);
    }

    /// The first reason not to act on a score wins.
    fn stance(&self, features: &Features, row: usize, score: Option<f64>) -> Stance {
        let Exposures { idio_daily, close, .. } = &features.exposures;
        if Price::from_f64(close[row]).is_none() {
            return Stance::Keep("NO_PRICE");
        }
        if self.adv.is_none() {
            return Stance::Keep("NO_ADV");
        }
        if self.sector.is_none() {
            return Stance::Reduce("NOT_IN_UNIVERSE");
        }
        if !features.eligible[row] {
            return Stance::Reduce("NOT_ELIGIBLE");
        }
        let Some(score) = score else {
            return Stance::Reduce("NO_SCORE");
        };
        if self.beta.is_none() {
            return Stance::Reduce("NO_BETA");
        }
        let variance = positive(idio_daily[row]).and_then(|sigma| positive(sigma * sigma));
        match (variance, self.sigma_daily) {
            (Some(variance), Some(_)) => Stance::View { score, variance },
            _ => Stance::Reduce("NO_SIGMA"),
        }
    }

    /// Sets how far the position may go this session; `shrinks`: towards zero only, whatever the view.
    fn bound(&mut self, opened: &SessionOpened, shrinks: bool) {
        let Self { held: Shares(held), mark, .. } = *self;
        let pinned = |limit| Bound { shares: held, limit, size: 0.0 };
        (self.lowest, self.highest) = match self.stance {
            Stance::Keep(why) => (pinned(why), pinned(why)),
            Stance::Reduce(_) | Stance::View { .. } => {
                // A short is a long seen from below.
                let above = self.reach(opened, held, mark);
                let below = self.reach(opened, -held, mark);
                (Bound { shares: -below.shares, ..below }, above)
            }
        };
        let floor = held.min(0);
        if self.lowest.shares < floor && short_barred(opened, &self.symbol).is_some() {
            self.lowest = Bound { shares: floor, limit: "SHORT", size: 0.0 };
        }
        if shrinks || matches!(self.stance, Stance::Reduce(_)) {
            for bound in [&mut self.lowest, &mut self.highest] {
                let shares = bound.shares.clamp(held.min(0), held.max(0));
                // Not how much the market bears but the direction: that is said elsewhere.
                let limit = if shares == bound.shares { bound.limit } else { "" };
                *bound = Bound { shares, limit, ..*bound };
            }
        }
        assert!(self.lowest.shares <= held && held <= self.highest.shares, "{self:?}");
    }

    /// The largest position to be had from `held` by buying.
    fn reach(&self, opened: &SessionOpened, held: i64, mark: Price) -> Bound {
        let SessionOpened { limits, equity, .. } = opened;
        let shares = |limit: Usd| limit.0 / mark.0;
        let bound = |limit, size: Usd, shares| Bound { shares, limit, size: size.to_f64() };
        let (adv, order) = (self.adv_limit(limits), order_limit(opened));
        let cap = share_of(*equity, limits.name_max);
        // Covering a short and going long are two orders, each of them limited.
        let covers = held < 0 && -held <= shares(order);
        let by_order = if covers { 0 } else { held } + shares(order);
        let bounds = [
            bound("ADV", adv, held + shares(adv)),
            bound("ORDER", order, by_order),
            // A cap that drift has broken may only shrink.
            bound("NAME", cap, shares(cap).max(held)),
        ];
        bounds.into_iter().min_by_key(|bound| bound.shares).expect("three bounds")
    }

    /// Dollars of it that one session may trade.
    pub(crate) fn adv_limit(&self, limits: &Limits) -> Usd {
        let adv = self.adv.unwrap_or(0.0);
        Usd((adv * limits.adv_share_max * 1e6).max(0.0) as i64)
    }

    /// Micro-dollars that `shares` are worth.
    pub(crate) fn value(&self, shares: i64) -> f64 {
        self.mark.times(Shares(shares)).0 as f64
    }
}

/// Largest single order.
pub(crate) fn order_limit(opened: &SessionOpened) -> Usd {
    let limit = share_of(opened.equity, opened.limits.order_max);
    opened.rules.as_ref().map_or(limit, |rules| limit.min(rules.order_max()))
}

/// Why nothing of `symbol` may be sold short, if so.
pub(crate) fn short_barred(opened: &SessionOpened, symbol: &Symbol) -> Option<&'static str> {
    let rules = opened.rules.as_ref()?;
    if !rules.shorts {
        return Some("NO_SHORTS");
    }
    if rules.not_shortable.contains(symbol) {
        return Some("NOT_SHORTABLE");
    }
    (opened.equity < rules.short_equity_min()).then_some("EQUITY")
}

/// `fraction` of `nav`, rounded down; nothing if the fraction is no number.
pub(crate) fn share_of(nav: Usd, fraction: f64) -> Usd {
    Usd((nav.0.max(0) as f64 * fraction.max(0.0)) as i64)
}

fn positive(x: f64) -> Option<f64> {
    Some(x).filter(|x| x.is_finite() && *x > 0.0)
}

#[cfg(test)]
mod tests;
