use crate::columns::Columns;
use crate::exact::{log_whole, of_log_whole};
use crate::families;
use crate::lanes::{Lanes, WIDTH};
use crate::matrix::{CrossSection, Matrix, exposure};
use crate::series::{self, Bar, MARKET_SESSIONS, Series};
use crate::transform::{Guard, Transform, UNKNOWN_SECTOR};
use crate::universe::{Composition, Universe};
use crate::whitelist::{COUNT, SPECS};
use crate::window::Rows;
use messages::{Bars, Date, Features, Member};
use std::cmp::Ordering;
use std::collections::BTreeMap;

const MIN_PRICE: f64 = 5.0;
const MIN_ADV: f64 = 5e6;
/// Valid bars before a name may enter.
pub(crate) const MIN_HISTORY: u32 = 60;
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
    universe: Universe,
    today: Composition,
    /// From when on the universe is another.
    next_change: Option<Date>,
    series: Series,
    /// Of eight symbols.
    blocks: usize,
    /// Valid bars of each symbol so far; stops counting where it no longer matters.
    history: Vec<u32>,
    eligible: Vec<bool>,
    /// Names eligible per session; NaN before the first.
    breadth: Rows<f64>,
    sessions: usize,
    session: Option<Date>,
    /// Of the last session, among members: without a bar, with one that can't be true, without a sector.
    missing_bars: u32,
    invalid_bars: u32,
    no_sector: u32,
    output: Output,
}

/// The last cross-section that was asked for.
#[derive(Debug)]
struct Output {
    raw: Columns,
    values: Columns,
    exposures: Columns,
    tradable: Vec<bool>,
    refused: Vec<(usize, Guard)>,
    guards: Vec<(&'static str, u32)>,
}

impl Builder {
    /// Of a universe that does not change.
    ///
    /// # Panics
    /// If the symbols don't ascend.
    pub fn new(members: &[Member]) -> Self {
        Self::of(Universe::fixed(members))
    }

    pub fn of(universe: Universe) -> Self {
        let n = universe.symbols().len();
        let nobody = Composition { is_member: vec![false; n], sectors: vec![UNKNOWN_SECTOR; n] };
        Self {
            today: nobody,
            next_change: Some(Date::MIN),
            series: Series::new(n.div_ceil(WIDTH)),
            blocks: n.div_ceil(WIDTH),
            history: vec![0; n],
            eligible: vec![false; n],
            breadth: Rows::new(1, BREADTH_SESSIONS, f64::NAN),
            sessions: 0,
            session: None,
            missing_bars: 0,
            invalid_bars: 0,
            no_sector: 0,
            output: Output {
                raw: Columns::new(n, COUNT),
                values: Columns::new(n, COUNT),
                exposures: Columns::new(n, exposure::COUNT),
                tradable: vec![false; n],
                refused: Vec::new(),
                guards: Vec::new(),
            },
            universe,
        }
    }

    /// Takes a session into the windows. Symbols that are not of the universe are passed over; one
    /// without a valid bar is "no value" that session.
    ///
    /// # Panics
    /// If the session does not come after the one before it, or columns and symbols disagree.
    pub fn advance(&mut self, bars: &Bars) {
        self.take(bars, false);
    }

    /// With wider vectors where the processor has them: the same to the bit, for they do in each lane what
    /// one instruction does to one number (and no product is fused with a sum).
    fn take(&mut self, bars: &Bars, is_asked: bool) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") {
            #[expect(
                unsafe_code,
                reason = "the compiler can't know which processor this will be"
            )]
            // SAFETY: all it asks for is a processor that has AVX2, and this one does.
            return unsafe { self.take_widely(bars, is_asked) };
        }
        self.take_plainly(bars, is_asked);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn take_widely(&mut self, bars: &Bars, is_asked: bool) {
        self.take_plainly(bars, is_asked);
    }

    /// Takes a session in and, if it `is_asked` for, works its features out. What this calls is inlined, so
    /// that it is compiled twice.
    #[inline(always)]
    fn take_plainly(&mut self, bars: &Bars, is_asked: bool) {
        let before = self.session.replace(bars.session);
        assert!(before < Some(bars.session), "{} comes after {before:?}", bars.session);
        if self.next_change.is_some_and(|change| change <= bars.session) {
            self.today = self.universe.at(bars.session);
            self.next_change = self.universe.next_change(bars.session);
        }
        self.push_bars(bars);
        self.sessions += 1;
        let market = self.market_return();
        (0..self.blocks).for_each(|block| self.series.push_market(block, market));
        self.breadth.push(0, self.eligible.iter().filter(|eligible| **eligible).count() as f64);
        if is_asked {
            self.output.exposures.clear();
            self.market_model();
            self.raw_features();
            self.transform();
        }
    }

    /// [`Self::advance`], then the features of that session.
    pub fn cross_section(&mut self, bars: &Bars) -> Features {
        self.columns(bars).features()
    }

    /// As [`Self::cross_section`], with values as they are before they are rounded to `f32`.
    pub fn matrix(&mut self, bars: &Bars) -> Matrix {
        self.columns(bars).matrix()
    }

    /// As [`Self::cross_section`], without a copy.
    pub fn columns(&mut self, bars: &Bars) -> CrossSection<'_> {
        self.take(bars, true);
        let tradable = tradable(&self.eligible, &self.output.values);
        self.output.tradable = tradable;
        self.output.guards = self.guards();
        CrossSection {
            session: bars.session,
            symbols: self.universe.symbols(),
            raw: &self.output.raw,
            values: &self.output.values,
            eligible: &self.eligible,
            tradable: &self.output.tradable,
            sectors: &self.today.sectors,
            refused: &self.output.refused,
            guards: &self.output.guards,
            exposures: &self.output.exposures,
            series: &self.series,
            sector_names: self.universe.sectors(),
        }
    }

    /// Block by block; a symbol's row is where the last one's ended.
    #[inline(always)]
    fn push_bars(&mut self, bars: &Bars) {
        assert!(bars.is_well_formed(), "bars of {} have uneven columns", bars.session);
        (self.missing_bars, self.invalid_bars, self.no_sector) = (0, 0, 0);
        let symbols = self.universe.symbols();
        let mut row = 0;
        for block in 0..self.blocks {
            let first = block * WIDTH;
            let mut bar = Bar::NONE;
            for (lane, symbol) in symbols[first..].iter().take(WIDTH).enumerate() {
                let mut numbers = None;
                while let Some(other) = bars.symbols.get(row) {
                    match other.cmp(symbol) {
                        Ordering::Less => row += 1,
                        Ordering::Equal => {
                            numbers = Some(bar_at(bars, row));
                            break;
                        }
                        Ordering::Greater => break,
                    }
                }
                let valid = numbers.filter(|numbers| series::is_valid(*numbers));
                if let Some(numbers) = valid {
                    bar.set(lane, numbers);
                }
                let counts = u32::from(self.today.is_member[first + lane]);
                self.missing_bars += counts * u32::from(numbers.is_none());
                self.invalid_bars += counts * u32::from(numbers.is_some() && valid.is_none());
                let no_sector = self.today.sectors[first + lane] == UNKNOWN_SECTOR;
                self.no_sector += counts * u32::from(no_sector);
            }
            self.series.push(block, &bar, self.sessions as i64);
            for (lane, i) in (first..symbols.len()).take(WIDTH).enumerate() {
                let there = u32::from(!bar.close.0[lane].is_nan());
                self.history[i] = MIN_HISTORY.min(self.history[i] + there);
                // A NaN compares false, so what is unknown is not eligible.
                self.eligible[i] = self.today.is_member[i]
                    && self.today.sectors[i] != UNKNOWN_SECTOR
                    && bar.close.0[lane] > 0.0
                    && bar.raw_close.0[lane] >= MIN_PRICE
                    && self.series.adv[block].0[lane] >= MIN_ADV
                    && self.history[i] >= MIN_HISTORY;
            }
        }
    }

    /// Equal-weighted mean log return of today's eligible names. A sum of whole numbers: the order of
    /// names does not matter.
    #[inline(always)]
    fn market_return(&self) -> f64 {
        let (mut n, mut sum) = (0, 0);
        for (block, names) in self.eligible.chunks(WIDTH).enumerate() {
            for (eligible, r) in names.iter().zip(self.series.log_return.today(block).0) {
                if *eligible && !r.is_nan() {
                    n += 1;
                    sum += log_whole(r);
                }
            }
        }
        if n >= MIN_MARKET_NAMES { of_log_whole(sum as f64 / n as f64) } else { f64::NAN }
    }

    /// Beta of everybody, also of those that may not be traded today: risk holds some of them.
    #[inline(always)]
    fn market_model(&mut self) {
        if self.sessions < MARKET_SESSIONS {
            return;
        }
        let exposures = &mut self.output.exposures;
        let mut lines = Columns::new(self.eligible.len(), 2);
        for block in 0..self.blocks {
            let [slope, error_squared] = families::regression(&self.series, block);
            lines.set_block(0, block, slope);
            lines.set_block(1, block, error_squared);
        }
        let beta = families::vasicek(&lines[0], &lines[1], &self.eligible);
        exposures.column_mut(exposure::BETA).copy_from_slice(&beta);
    }

    #[inline(always)]
    fn raw_features(&mut self) {
        let (s, Output { raw, exposures, .. }) = (&self.series, &mut self.output);
        let mut quarter = Columns::new(self.eligible.len(), 1);
        for block in 0..self.blocks {
            let names = &self.eligible[block * WIDTH..];
            let eligible = Lanes(std::array::from_fn(|lane| {
                if names.get(lane) == Some(&true) { 0.0 } else { f64::NAN }
            }));
            let beta = exposures.block(exposure::BETA, block);
            let residuals = families::residuals(s, block, beta);
            let volatility = families::volatility(s, block);
            let mut set = |first: usize, features: &[Lanes]| {
                for (f, lanes) in (first..).zip(features) {
                    raw.set_block(f, block, lanes.finite().where_known(eligible));
                }
            };
            set(0, &families::returns(s, block));
            set(14, &volatility);
            set(23, &[beta, residuals.sd_63 * families::YEAR.sqrt()]);
            set(25, &families::oscillators(s, block));
            set(32, &families::volume(s, block));
            set(42, &[residuals.resrev_5, residuals.resmom_252_21]);
            quarter.set_block(0, block, families::log_return_between(s, block, 0, 63));
            exposures.set_block(exposure::SIGMA, block, volatility[0] / families::YEAR.sqrt());
            exposures.set_block(exposure::IDIO, block, residuals.sd_63);
            exposures.set_block(exposure::ADV, block, s.adv[block]);
            exposures.set_block(exposure::CLOSE, block, s.close[block]);
        }
        let sector_momentum =
            families::sector_momentum(&quarter[0], &self.eligible, &self.today.sectors);
        raw.column_mut(COUNT - 1).copy_from_slice(&sector_momentum);
    }

    /// Column by column; a column that a guard refuses is missing for all names.
    #[inline(always)]
    fn transform(&mut self) {
        let Output { raw, values, exposures, refused, .. } = &mut self.output;
        values.clear();
        refused.clear();
        if is_breadth_lost(&self.breadth) {
            return refused.extend((0..COUNT).map(|f| (f, Guard::Names)));
        }
        let beta = &exposures[exposure::BETA];
        let mut transform = Transform::new(&self.eligible, beta, &self.today.sectors);
        for (f, spec) in SPECS.iter().enumerate() {
            transform.column(f, &raw[f], spec.norm, spec.neutral, values);
        }
        *refused = transform.finish(values);
    }

    fn guards(&self) -> Vec<(&'static str, u32)> {
        let mut guards = BTreeMap::from([
            ("missing_bar", self.missing_bars),
            ("invalid_bar", self.invalid_bars),
            ("no_sector", self.no_sector),
        ]);
        for (_, guard) in &self.output.refused {
            *guards.entry(guard.code()).or_insert(0) += 1;
        }
        let sparse = self.eligible.iter().zip(&self.output.tradable).filter(|(a, b)| a != b);
        guards.insert("sparse_row", sparse.count() as u32);
        guards.into_iter().filter(|(_, times)| *times > 0).collect()
    }
}

/// Fewer than half of the usual number of names today: something is wrong with the data.
fn is_breadth_lost(breadth: &Rows<f64>) -> bool {
    let mut sorted: [f64; BREADTH_SESSIONS] = std::array::from_fn(|t| *breadth.ago(0, t));
    sorted.sort_unstable_by(f64::total_cmp);
    // A NaN, history that is too short, sorts last and compares false.
    !sorted[BREADTH_SESSIONS - 1].is_nan()
        && *breadth.ago(0, 0) < 0.5 * sorted[BREADTH_SESSIONS / 2]
}

/// A model is not asked about a name of which it would see less than 80 % of the features.
fn tradable(eligible: &[bool], values: &Columns) -> Vec<bool> {
    let mut known = vec![0_u32; eligible.len()];
    for f in 0..COUNT {
        for (known, value) in known.iter_mut().zip(&values[f]) {
            *known = known.wrapping_add(u32::from(!value.is_nan()));
        }
    }
    let has_enough = |known: u32| 5 * known as usize >= 4 * COUNT;
    eligible.iter().zip(known).map(|(&eligible, known)| eligible && has_enough(known)).collect()
}

#[inline(always)]
fn bar_at(bars: &Bars, row: usize) -> [f64; 6] {
    let Bars { open, high, low, close, volume, raw_close, .. } = bars;
    [open[row], high[row], low[row], close[row], volume[row], raw_close[row]]
}

#[cfg(test)]
mod tests {
    use super::*;
    use messages::Symbol;

    fn next(state: &mut u64) -> f64 {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*state >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Halts, and names that come late.
    fn bars(members: &[Member], state: &mut u64, session: usize) -> Bars {
        let date = Date::new(
            2000 + session as i16 / 300,
            1 + (session / 25 % 12) as i8,
            1 + (session % 25) as i8,
        );
        let mut bars = Bars::empty(date.expect("a date"));
        for (i, member) in members.iter().enumerate() {
            let close = 50.0 + 20.0 * next(state) + i as f64;
            let (high, low) =
                (close * (1.0 + 0.02 * next(state)), close * (1.0 - 0.02 * next(state)));
            let volume = (1e6 * (0.5 + next(state))).round();
            if next(state) > 0.002 && session > 3 * i {
                bars.push(member.symbol.clone(), [close, high, low, close, volume, close]);
            }
        }
        bars
    }

    /// On a processor without wide vectors there is nothing to compare; its numbers are the goldens all the same.
    #[test]
    fn wide_vectors_give_the_same_bits() {
        let member = |i: usize| Member {
            symbol: Symbol::from(format!("N{i:02}")),
            sector: format!("{}", i % 4),
        };
        let members: Vec<_> = (0..45).map(member).collect();
        let (mut wide, mut plain) = (Builder::new(&members), Builder::new(&members));
        let (mut state, mut known) = (7, 0);
        for session in 0..330 {
            let bars = bars(&members, &mut state, session);
            wide.take(&bars, session % 10 == 0);
            plain.take_plainly(&bars, session % 10 == 0);
            for (f, spec) in SPECS.iter().enumerate() {
                for (a, b) in [
                    (&wide.output.raw[f], &plain.output.raw[f]),
                    (&wide.output.values[f], &plain.output.values[f]),
                ] {
                    // which NaN it is, processors choose
                    let bits = |x: &f64| if x.is_nan() { 0 } else { x.to_bits() };
                    assert!(a.iter().map(bits).eq(b.iter().map(bits)), "{}", spec.name);
                    known += a.iter().filter(|x| !x.is_nan()).count();
                }
            }
            assert_eq!(wide.output.refused, plain.output.refused);
        }
        assert!(known > 10_000, "{known}");
    }
}
