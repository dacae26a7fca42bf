//! The trailing series of all names, eight by eight: what a session adds to them.

use crate::exact::{PairSums, Stretch, Sums, log_whole, log_wholes};
use crate::lanes::{Lanes, WIDTH};
use crate::window::{Counts, Maximum, Ring, Rows};

/// How far open and close may lie outside the day's range: prices come as `f32` from some sources.
const RANGE_TOLERANCE: f64 = 1e-6;

/// Sessions that the regression on the market looks at.
pub(crate) const MARKET_SESSIONS: usize = 252;
/// Windows of returns with the market's.
pub(crate) const WEEK: Stretch = Stretch::last(5);
pub(crate) const QUARTER: Stretch = Stretch::last(63);
pub(crate) const YEAR: Stretch = Stretch::last(MARKET_SESSIONS);
pub(crate) const YEAR_BUT_LAST_MONTH: Stretch = Stretch { skipped: 21, ..YEAR };

/// Of eight names. Prices in dollars, volume in shares, both split-adjusted; NaN where there is no bar.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) open: Lanes,
    pub(crate) high: Lanes,
    pub(crate) low: Lanes,
    pub(crate) close: Lanes,
    pub(crate) volume: Lanes,
    /// As traded that day.
    pub(crate) raw_close: Lanes,
}

impl Bar {
    pub(crate) const NONE: Self = Self {
        open: Lanes::NAN,
        high: Lanes::NAN,
        low: Lanes::NAN,
        close: Lanes::NAN,
        volume: Lanes::NAN,
        raw_close: Lanes::NAN,
    };

    #[inline(always)]
    pub(crate) fn set(
        &mut self,
        lane: usize,
        [open, high, low, close, volume, raw_close]: [f64; 6],
    ) {
        self.open.0[lane] = open;
        self.high.0[lane] = high;
        self.low.0[lane] = low;
        self.close.0[lane] = close;
        self.volume.0[lane] = volume;
        self.raw_close.0[lane] = raw_close;
    }

    /// Close location value: −1 at the low, +1 at the high.
    #[inline(always)]
    fn clv(&self) -> Lanes {
        let range = self.high - self.low;
        let place = (self.close * 2.0 - self.high - self.low) / range;
        place.zip(range, |place, range| if range == 0.0 { 0.0 } else { place })
    }

    #[inline(always)]
    fn typical(&self) -> Lanes {
        (self.high + self.low + self.close) / 3.0
    }
}

/// A row of numbers that can be a bar: open, high, low, close, volume, raw close.
#[inline(always)]
pub(crate) fn is_valid([open, high, low, close, volume, _]: [f64; 6]) -> bool {
    [open, high, low, close, volume].iter().all(|x| x.is_finite())
        && low > 0.0
        && volume > 0.0
        && low <= open.min(close) * (1.0 + RANGE_TOLERANCE)
        && high >= open.max(close) * (1.0 - RANGE_TOLERANCE)
}

/// As long as the longest window that reads them. Each derived value is worked out once, when its session
/// comes, from bars of that session and finite windows before it.
///
/// In rings that are only summed, "no value" is zero: how many values there are is counted once for all of
/// them, in `bars` or in `pairs`.
#[derive(Debug)]
pub(crate) struct Series {
    before: Box<[Bar]>,
    /// Sessions with a valid bar; and those of them that come right after another.
    pub(crate) bars: Counts,
    pub(crate) pairs: Counts,

    pub(crate) high_252: Maximum,
    /// Of the negated low.
    pub(crate) low_252: Maximum,
    pub(crate) high: Ring,
    pub(crate) low: Ring,
    /// Of yesterday, for what is told by two sessions: ln C and ln(H/L).
    log_close_before: Box<[Lanes]>,
    log_range_before: Box<[Lanes]>,
    pub(crate) close: Box<[Lanes]>,
    pub(crate) log_close: Rows<Lanes>,
    pub(crate) close_20: Ring,
    pub(crate) close_sum: Sums,
    /// ln C over the number of the session.
    pub(crate) log_close_over_time: PairSums,

    /// ln(C/C1), and its absolute value.
    pub(crate) log_return: Ring,
    /// With Δ ln(C·V), and with the market's.
    pub(crate) returns_and_volume: PairSums,
    pub(crate) returns_and_market: PairSums,
    pub(crate) path: Ring,
    /// Σ min(r,0)², Σr³, Σr⁴.
    pub(crate) downside: Sums,
    pub(crate) cubes: Sums,
    pub(crate) fourth_powers: Sums,

    /// ln(O/C1), from the last close to the open.
    pub(crate) gap: Box<[Lanes]>,
    pub(crate) clv: Box<[Lanes]>,
    /// Overnight less intraday log return.
    pub(crate) tug: Ring,
    /// ln²(H/L).
    pub(crate) range_squared: Ring,
    pub(crate) true_range: Ring,
    /// ln(μ12 C/μ26 C); NaN where unknown.
    pub(crate) ppo: Ring,
    /// max(C − C1, 0) and |C − C1|.
    pub(crate) gain: Ring,
    pub(crate) change: Ring,

    /// C·V; NaN where unknown.
    pub(crate) dollar_volume: Ring,
    pub(crate) dollar_volume_sum: Sums,
    /// Mean of 21 dollar volumes and its logarithm, that of the session before, and today's ln(C·V).
    pub(crate) adv: Box<[Lanes]>,
    pub(crate) log_adv: Box<[Lanes]>,
    pub(crate) log_adv_before: Box<[Lanes]>,
    pub(crate) log_traded: Box<[Lanes]>,
    pub(crate) volume: Ring,
    /// Volume of the sessions that have a return, and the same with its sign.
    pub(crate) return_volume: Ring,
    pub(crate) signed_volume: Ring,
    pub(crate) clv_volume: Ring,
    /// Typical price times volume where the typical price rose, and where it fell.
    pub(crate) flow_up: Ring,
    pub(crate) flow_down: Ring,
    /// |r|/(C·V).
    pub(crate) illiquidity: Ring,
    /// Corwin and Schultz' two-day spread.
    pub(crate) spread: Ring,
}

impl Series {
    /// `blocks` of eight names.
    pub(crate) fn new(blocks: usize) -> Self {
        let ring = |capacity| Ring::new(blocks, capacity, Lanes::ZERO);
        let unknown = || vec![Lanes::NAN; blocks].into_boxed_slice();
        Self {
            before: vec![Bar::NONE; blocks].into_boxed_slice(),
            bars: Counts::new(blocks, 252),
            pairs: Counts::new(blocks, 126),
            high_252: Maximum::new(blocks, 252),
            low_252: Maximum::new(blocks, 252),
            high: Ring::new(blocks, 14, Lanes::NAN),
            low: Ring::new(blocks, 14, Lanes::NAN),
            log_close_before: unknown(),
            log_range_before: unknown(),
            close: unknown(),
            log_close: Rows::new(blocks, 253, Lanes::NAN),
            close_20: Ring::new(blocks, 20, Lanes::NAN),
            close_sum: Sums::new(blocks, &[12, 26, 50, 200], -70),
            log_close_over_time: PairSums::of_logs_over_time(blocks, &[Stretch::last(63)]),
            log_return: Ring::new(blocks, 21, Lanes::NAN),
            returns_and_volume: PairSums::of_logs(blocks, &[21, 63, 126].map(Stretch::last)),
            returns_and_market: PairSums::of_logs(
                blocks,
                &[WEEK, QUARTER, YEAR, YEAR_BUT_LAST_MONTH],
            ),
            path: ring(21),
            downside: Sums::new(blocks, &[63], -100),
            cubes: Sums::new(blocks, &[63], -100),
            fourth_powers: Sums::new(blocks, &[63], -100),
            gap: unknown(),
            clv: unknown(),
            tug: ring(21),
            range_squared: ring(21),
            true_range: ring(14),
            ppo: Ring::new(blocks, 9, Lanes::NAN),
            gain: ring(14),
            change: ring(14),
            dollar_volume: Ring::new(blocks, 21, Lanes::NAN),
            dollar_volume_sum: Sums::new(blocks, &[5, 21, 63], -60),
            adv: unknown(),
            log_adv: unknown(),
            log_adv_before: unknown(),
            log_traded: unknown(),
            volume: ring(21),
            return_volume: ring(21),
            signed_volume: ring(21),
            clv_volume: ring(21),
            flow_up: ring(14),
            flow_down: ring(14),
            illiquidity: ring(21),
            spread: ring(21),
        }
    }

    /// Takes the bars of session number `time` in, valid or NaN; blocks come in order. The session's market
    /// return comes later: see [`Self::push_market`].
    #[inline(always)]
    pub(crate) fn push(&mut self, b: usize, bar: &Bar, time: i64) {
        let before = std::mem::replace(&mut self.before[b], *bar);
        let log_close = bar.close.ln();
        let log_close_before = std::mem::replace(&mut self.log_close_before[b], log_close);
        let log_return = log_close - log_close_before;
        self.bars.push(b, log_close);
        self.pairs.push(b, log_return);
        self.log_close.push(b, log_close);
        let known = log_close.0.map(|x| !x.is_nan());
        self.log_close_over_time.push(b, known, log_wholes(log_close), [time; WIDTH]);
        self.push_prices(b, bar, &before);
        self.push_ranges(b, bar, &before);
        self.push_returns(b, log_return);
        self.push_volumes(b, bar, &before, log_return);
        let log_open = bar.open.ln();
        self.gap[b] = log_open - log_close_before;
        self.tug.push(b, (self.gap[b] - (log_close - log_open)).or(0.0));
    }

    #[inline(always)]
    fn push_prices(&mut self, b: usize, bar: &Bar, before: &Bar) {
        self.close[b] = bar.close;
        self.close_20.push(b, bar.close);
        self.close_sum.push(b, bar.close);
        self.ppo.push(b, (self.mean_close(b, 12) / self.mean_close(b, 26)).ln());
        let change = bar.close - before.close;
        self.gain.push(b, change.max(Lanes::ZERO));
        self.change.push(b, change.abs().or(0.0));
    }

    #[inline(always)]
    fn push_ranges(&mut self, b: usize, bar: &Bar, before: &Bar) {
        let log_range = (bar.high / bar.low).ln();
        let log_range_before = std::mem::replace(&mut self.log_range_before[b], log_range);
        self.high_252.push(b, bar.high);
        self.low_252.push(b, -bar.low);
        self.high.push(b, bar.high);
        self.low.push(b, bar.low);
        self.clv[b] = bar.clv();
        self.range_squared.push(b, log_range.squared().or(0.0));
        self.true_range.push(b, true_range(bar, before).or(0.0));
        self.spread.push(b, corwin_schultz(bar, before, log_range_before).or(0.0));
    }

    #[inline(always)]
    fn push_returns(&mut self, b: usize, log_return: Lanes) {
        self.log_return.push(b, log_return);
        self.path.push(b, log_return.abs().or(0.0));
        let square = log_return.squared();
        let down = square.zip(log_return, |square, r| if r < 0.0 { square } else { 0.0 });
        self.downside.push(b, down);
        self.cubes.push(b, square * log_return);
        self.fourth_powers.push(b, square.squared());
    }

    #[inline(always)]
    fn push_volumes(&mut self, b: usize, bar: &Bar, before: &Bar, log_return: Lanes) {
        let traded = bar.close * bar.volume;
        let log_traded = traded.ln();
        let log_traded_before = std::mem::replace(&mut self.log_traded[b], log_traded);
        self.dollar_volume.push(b, traded);
        self.dollar_volume_sum.push(b, traded);
        self.adv[b] = self.mean_dollar_volume(b, 21);
        self.log_adv_before[b] = std::mem::replace(&mut self.log_adv[b], self.adv[b].ln());
        self.returns_and_volume.push(
            b,
            log_return.0.map(|r| !r.is_nan()),
            log_wholes(log_return),
            log_wholes(log_traded - log_traded_before),
        );
        self.illiquidity.push(b, (log_return.abs() / traded).or(0.0));

        self.volume.push(b, bar.volume.or(0.0));
        self.return_volume.push(b, bar.volume.where_known(log_return).or(0.0));
        self.signed_volume.push(b, bar.volume.zip(log_return, signed).or(0.0));
        self.clv_volume.push(b, (self.clv[b] * bar.volume).or(0.0));
        let (typical, rise) = (bar.typical(), bar.typical() - before.typical());
        let flow = typical * bar.volume;
        self.flow_up.push(b, flow.zip(rise, |flow, rise| if rise > 0.0 { flow } else { 0.0 }));
        self.flow_down.push(b, flow.zip(rise, |flow, rise| if rise < 0.0 { flow } else { 0.0 }));
    }

    /// The market's return of the session that was pushed, NaN if unknown.
    #[inline(always)]
    pub(crate) fn push_market(&mut self, b: usize, market: f64) {
        let log_return = self.log_return.today(b);
        let both = log_return.0.map(|r| !r.is_nan() && !market.is_nan());
        self.returns_and_market.push(b, both, log_wholes(log_return), [log_whole(market); WIDTH]);
    }

    #[inline(always)]
    pub(crate) fn mean_close(&self, b: usize, length: usize) -> Lanes {
        self.close_sum.sum(b, length) / self.bars.enough(b, length)
    }

    #[inline(always)]
    pub(crate) fn mean_dollar_volume(&self, b: usize, length: usize) -> Lanes {
        self.dollar_volume_sum.sum(b, length) / self.bars.enough(b, length)
    }

    /// Standard deviation of log returns over `length` sessions.
    #[inline(always)]
    pub(crate) fn sd(&self, b: usize, length: usize) -> Lanes {
        self.returns_and_volume.window(b, Stretch::last(length)).sd_x(self.pairs.enough(b, length))
    }
}

#[inline(always)]
fn true_range(bar: &Bar, before: &Bar) -> Lanes {
    let (up, down) = (bar.high - before.close, bar.low - before.close);
    (bar.high - bar.low).max(up.abs()).max(down.abs()).where_known(up)
}

/// `volume` with the sign of `r`, zero where that is zero.
#[inline(always)]
fn signed(volume: f64, r: f64) -> f64 {
    if r > 0.0 {
        volume
    } else if r < 0.0 {
        -volume
    } else {
        0.0
    }
}

/// Corwin & Schultz (2012): spread from two days' highs and lows. An overnight gap shifts the second
/// day's range back to the first close; a negative estimate counts as zero.
#[inline(always)]
fn corwin_schultz(bar: &Bar, before: &Bar, log_range_before: Lanes) -> Lanes {
    let zero = Lanes::ZERO;
    let shift = (before.close - bar.high).max(zero) - (bar.low - before.close).max(zero);
    let (high, low) = (bar.high + shift, bar.low + shift);
    let beta = log_range_before.squared() + (high / low).ln().squared();
    let gamma = (before.high.max(high) / before.low.min(low)).ln().squared();
    let k = 3.0 - 2.0 * 2.0_f64.sqrt();
    let alpha = ((beta * 2.0).sqrt() - beta.sqrt()) / k - (gamma / k).sqrt();
    let growth = alpha.exp();
    let spread = (growth - Lanes::all(1.0)) * 2.0 / (growth + Lanes::all(1.0));
    spread.map(|spread| if spread < 0.0 { 0.0 } else { spread })
}
