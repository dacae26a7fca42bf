use crate::families::{self, Line, Residuals};
use crate::matrix::Matrix;
use crate::series::{Bar, Series};
use crate::transform::{self, Guard, UNKNOWN_SECTOR};
use crate::whitelist::{COUNT, SPECS};
use crate::window::{Ring, finite};
use messages::{Bars, Date, Exposures, F64s, Features, Member, Symbol};
use std::collections::{BTreeMap, BTreeSet};

/// Sessions that the regression on the market looks at.
const MARKET_SESSIONS: usize = 252;
/// Returns needed for a market return.
const MIN_MARKET_NAMES: usize = 20;
/// Sessions whose median number of names today's is measured by.
const BREADTH_SESSIONS: usize = 21;

/// The features of one universe, session by session.
///
/// A session costs the same however many came before it. Live this advances by one session, in
/// training it is folded over history: there is no second way to compute a feature.
#[derive(Debug)]
pub struct Builder {
    symbols: Vec<Symbol>,
    sectors: Vec<usize>,
    series: Vec<Series>,
    /// Equal-weighted mean log return of the names eligible that session.
    market: Ring,
    /// Names eligible per session.
    breadth: Ring,
    session: Option<Date>,
    /// Of the last session: members without a bar, and with one that can't be true.
    missing_bars: u32,
    invalid_bars: u32,
}

/// Codes from 0 up in the alphabetical order of the members' sectors; a sector without a name is
/// [`UNKNOWN_SECTOR`].
pub fn sector_codes(members: &[Member]) -> Vec<usize> {
    let names: BTreeSet<&str> =
        members.iter().map(|m| m.sector.as_str()).filter(|s| !s.is_empty()).collect();
    let codes: BTreeMap<&str, usize> = names.into_iter().zip(0..).collect();
    members
        .iter()
        .map(|member| codes.get(member.sector.as_str()).copied().unwrap_or(UNKNOWN_SECTOR))
        .collect()
}

impl Builder {
    /// # Panics
    /// If the symbols don't ascend.
    pub fn new(members: &[Member]) -> Self {
        let ascending = members.windows(2).all(|pair| pair[0].symbol < pair[1].symbol);
        assert!(ascending, "a universe ascends by symbol");
        Self {
            symbols: members.iter().map(|member| member.symbol.clone()).collect(),
            sectors: sector_codes(members),
            series: members.iter().map(|_| Series::new()).collect(),
            market: Ring::new(MARKET_SESSIONS),
            breadth: Ring::new(BREADTH_SESSIONS),
            session: None,
            missing_bars: 0,
            invalid_bars: 0,
        }
    }

    /// Takes a session into the windows. Symbols that are no members are passed over; a member
    /// without a valid bar is "no value" that session.
    ///
    /// # Panics
    /// If the session does not come after the one before it, or columns and symbols disagree.
    pub fn advance(&mut self, bars: &Bars) {
        assert!(bars.is_well_formed(), "bars of {} have uneven columns", bars.session);
        let before = self.session.replace(bars.session);
        assert!(before < Some(bars.session), "{} comes after {before:?}", bars.session);
        (self.missing_bars, self.invalid_bars) = (0, 0);
        let mut row = 0;
        for (symbol, series) in self.symbols.iter().zip(&mut self.series) {
            while bars.symbols.get(row).is_some_and(|other| other < symbol) {
                row += 1;
            }
            let bar = (bars.symbols.get(row) == Some(symbol)).then(|| bar_at(bars, row));
            let valid = bar.filter(Bar::is_valid);
            self.missing_bars += u32::from(bar.is_none());
            self.invalid_bars += u32::from(bar.is_some() && valid.is_none());
            series.push(valid);
        }
        self.market.push(self.market_return());
        self.breadth.push(self.series.iter().filter(|s| s.eligible).count() as f64);
    }

    /// [`Self::advance`], then the features of that session.
    pub fn cross_section(&mut self, bars: &Bars) -> Features {
        self.matrix(bars).into()
    }

    /// As [`Self::cross_section`], with values as they are before they are rounded to `f32`.
    pub fn matrix(&mut self, bars: &Bars) -> Matrix {
        self.advance(bars);
        let mut guards = BTreeMap::new();
        let mut count = |guard, times| *guards.entry(guard).or_insert(0) += times;
        count("missing_bar", self.missing_bars);
        count("invalid_bar", self.invalid_bars);

        let eligible: Vec<bool> = self.series.iter().map(|series| series.eligible).collect();
        let (beta, residuals) = self.market_model(&eligible);
        let raw = self.raw_rows(&eligible, &beta, &residuals);
        let values = self.transformed(&raw, &eligible, &beta, |guard| count(guard.code(), 1));
        let tradable = tradable(&eligible, &values);
        let sparse = eligible.iter().zip(&tradable).filter(|(before, after)| before != after);
        count("sparse_row", sparse.count() as u32);

        Matrix {
            session: bars.session,
            symbols: self.symbols.clone(),
            raw: raw.into_flattened(),
            values: values.into_flattened(),
            eligible,
            tradable,
            exposures: self.exposures(beta, &residuals),
            guards: guards.into_iter().filter(|(_, times)| *times > 0).collect(),
        }
    }

    fn market_return(&self) -> f64 {
        let returns = self.series.iter().filter(|series| series.eligible);
        let returns = returns.map(|series| series.log_return.today()).filter(|r| !r.is_nan());
        let (n, sum) = returns.fold((0, 0.0), |(n, sum), r| (n + 1, sum + r));
        if n >= MIN_MARKET_NAMES { sum / n as f64 } else { f64::NAN }
    }

    /// Of every member, also those that may not be traded today: risk holds some of them.
    fn market_model(&self, eligible: &[bool]) -> (Vec<f64>, Vec<Residuals>) {
        let Some(market) = self.market.last(MARKET_SESSIONS) else {
            let n = self.symbols.len();
            return (vec![f64::NAN; n], vec![Residuals::UNKNOWN; n]);
        };
        let returns: Vec<&[f64]> = self
            .series
            .iter()
            .map(|series| series.log_return.last(MARKET_SESSIONS).unwrap_or_default())
            .collect();
        let lines: Vec<Line> = returns.iter().map(|r| families::line(r, market)).collect();
        let beta = families::vasicek(&lines, eligible);
        let residuals =
            returns.iter().zip(&beta).map(|(r, b)| families::residuals(r, market, *b)).collect();
        (beta, residuals)
    }

    fn raw_rows(
        &self,
        eligible: &[bool],
        beta: &[f64],
        residuals: &[Residuals],
    ) -> Vec<[f64; COUNT]> {
        let quarter: Vec<f64> =
            self.series.iter().map(|s| families::log_return_between(s, 0, 63)).collect();
        let sector_momentum = families::sector_momentum(&quarter, eligible, &self.sectors);
        let row = |i: usize| {
            if !eligible[i] {
                return [f64::NAN; COUNT];
            }
            let (series, residuals) = (&self.series[i], &residuals[i]);
            let mut row = [f64::NAN; COUNT];
            row[..14].copy_from_slice(&families::returns(series));
            row[14..23].copy_from_slice(&families::volatility(series));
            row[23] = beta[i];
            row[24] = residuals.sd_63 * families::YEAR.sqrt();
            row[25..32].copy_from_slice(&families::oscillators(series));
            row[32..42].copy_from_slice(&families::volume(series));
            row[42] = residuals.resrev_5;
            row[43] = residuals.resmom_252_21;
            row[44] = sector_momentum[i];
            row.map(finite)
        };
        (0..self.symbols.len()).map(row).collect()
    }

    /// Column by column; a column that a guard refuses is missing for all names.
    fn transformed(
        &self,
        raw: &[[f64; COUNT]],
        eligible: &[bool],
        beta: &[f64],
        mut refused: impl FnMut(Guard),
    ) -> Vec<[f64; COUNT]> {
        let mut out = vec![[f64::NAN; COUNT]; raw.len()];
        for (f, spec) in SPECS.iter().enumerate() {
            let column: Vec<f64> = raw.iter().map(|row| row[f]).collect();
            let result = if self.is_breadth_lost() {
                Err(Guard::Names)
            } else {
                transform::checked(&column, eligible, beta, &self.sectors, spec.norm, spec.neutral)
            };
            match result {
                Ok(column) => out.iter_mut().zip(column).for_each(|(row, value)| row[f] = value),
                Err(guard) => refused(guard),
            }
        }
        out
    }

    /// Fewer than half of the usual number of names today: something is wrong with the data.
    fn is_breadth_lost(&self) -> bool {
        let Some(window) = self.breadth.last(BREADTH_SESSIONS) else { return false };
        let mut sorted = window.to_vec();
        sorted.sort_unstable_by(f64::total_cmp);
        self.breadth.today() < 0.5 * sorted[BREADTH_SESSIONS / 2]
    }

    fn exposures(&self, beta: Vec<f64>, residuals: &[Residuals]) -> Exposures {
        let column = |value: fn(&Series) -> f64| -> F64s {
            self.series.iter().map(value).collect::<Vec<_>>().into()
        };
        Exposures {
            beta: beta.into(),
            sigma_daily: column(|series| series.log_return.sd(21)),
            idio_daily: residuals.iter().map(|r| r.sd_63).collect::<Vec<_>>().into(),
            adv: column(|series| series.adv.today()),
            close: column(|series| series.close.today()),
        }
    }
}

/// A model is not asked about a name of which it would see less than 80 % of the features.
fn tradable(eligible: &[bool], values: &[[f64; COUNT]]) -> Vec<bool> {
    let has_enough =
        |row: &[f64; COUNT]| 5 * row.iter().filter(|v| !v.is_nan()).count() >= 4 * COUNT;
    eligible.iter().zip(values).map(|(&eligible, row)| eligible && has_enough(row)).collect()
}

fn bar_at(bars: &Bars, row: usize) -> Bar {
    Bar {
        open: bars.open[row],
        high: bars.high[row],
        low: bars.low[row],
        close: bars.close[row],
        volume: bars.volume[row],
        raw_close: bars.raw_close[row],
    }
}
