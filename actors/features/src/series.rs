//! One symbol's trailing series: what a session adds to them, and whether the symbol may be traded.

use crate::window::{Ring, positive};

const MIN_PRICE: f64 = 5.0;
const MIN_ADV: f64 = 5e6;
const MIN_HISTORY: u32 = 60;

/// How far open and close may lie outside the day's range: prices come as `f32` from some sources.
const RANGE_TOLERANCE: f64 = 1e-6;

/// Prices in dollars, volume in shares, both split-adjusted.
#[derive(Copy, Clone, Debug)]
pub(crate) struct Bar {
    pub(crate) open: f64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    pub(crate) volume: f64,
    /// As traded that day.
    pub(crate) raw_close: f64,
}

impl Bar {
    const NONE: Self = Self {
        open: f64::NAN,
        high: f64::NAN,
        low: f64::NAN,
        close: f64::NAN,
        volume: f64::NAN,
        raw_close: f64::NAN,
    };

    pub(crate) fn is_valid(&self) -> bool {
        let Self { open, high, low, close, volume, .. } = *self;
        [open, high, low, close, volume].iter().all(|x| x.is_finite())
            && low > 0.0
            && volume > 0.0
            && low <= open.min(close) * (1.0 + RANGE_TOLERANCE)
            && high >= open.max(close) * (1.0 - RANGE_TOLERANCE)
    }

    /// Close location value: −1 at the low, +1 at the high.
    fn clv(&self) -> f64 {
        let Self { high, low, close, .. } = *self;
        if high > low { (2.0 * close - high - low) / (high - low) } else { if_known(close, 0.0) }
    }

    fn typical(&self) -> f64 {
        (self.high + self.low + self.close) / 3.0
    }
}

/// Rings as long as the longest window that reads them. A session without a bar is NaN in all.
///
/// Each derived value is worked out once, when its session comes, from bars of that session and
/// finite windows before it.
#[derive(Debug)]
pub(crate) struct Series {
    last: Bar,
    /// Valid bars so far; stops counting where it no longer matters.
    history: u32,
    pub(crate) eligible: bool,

    pub(crate) high: Ring,
    pub(crate) low: Ring,
    pub(crate) close: Ring,
    pub(crate) log_close: Ring,
    /// ln(C/C1).
    pub(crate) log_return: Ring,
    /// ln(O/C1), from the last close to the open.
    pub(crate) gap: Ring,
    /// Overnight less intraday log return.
    pub(crate) tug: Ring,
    pub(crate) clv: Ring,
    /// ln²(H/L).
    pub(crate) range_squared: Ring,
    pub(crate) true_range: Ring,
    /// ln(μ12 C/μ26 C).
    pub(crate) ppo: Ring,
    /// C·V.
    pub(crate) dollar_volume: Ring,
    /// Mean of 21 dollar volumes.
    pub(crate) adv: Ring,
    /// Δ ln(C·V).
    pub(crate) dollar_volume_change: Ring,
    pub(crate) volume: Ring,
    /// Volume of the sessions that have a return, and the same with its sign.
    pub(crate) return_volume: Ring,
    pub(crate) signed_volume: Ring,
    pub(crate) clv_volume: Ring,
    /// Typical price times volume where the typical price rose; 0 where it did not. And where it fell.
    pub(crate) flow_up: Ring,
    pub(crate) flow_down: Ring,
    /// |r|/(C·V).
    pub(crate) illiquidity: Ring,
    /// Corwin and Schultz' two-day spread.
    pub(crate) spread: Ring,
}

impl Series {
    pub(crate) fn new() -> Self {
        Self {
            last: Bar::NONE,
            history: 0,
            eligible: false,
            high: Ring::new(252),
            low: Ring::new(252),
            close: Ring::new(253),
            log_close: Ring::new(63),
            log_return: Ring::new(252),
            gap: Ring::new(1),
            tug: Ring::new(21),
            clv: Ring::new(1),
            range_squared: Ring::new(21),
            true_range: Ring::new(14),
            ppo: Ring::new(9),
            dollar_volume: Ring::new(63),
            adv: Ring::new(2),
            dollar_volume_change: Ring::new(21),
            volume: Ring::new(21),
            return_volume: Ring::new(21),
            signed_volume: Ring::new(21),
            clv_volume: Ring::new(21),
            flow_up: Ring::new(14),
            flow_down: Ring::new(14),
            illiquidity: Ring::new(21),
            spread: Ring::new(21),
        }
    }

    /// Takes the session's bar in; `None` if there is no valid one.
    pub(crate) fn push(&mut self, bar: Option<Bar>) {
        let bar = bar.unwrap_or(Bar::NONE);
        let before = self.last;
        self.push_prices(&bar, &before);
        self.push_volumes(&bar, &before);
        self.history = MIN_HISTORY.min(self.history + u32::from(!bar.close.is_nan()));
        // A NaN compares false, so what is unknown is not eligible.
        self.eligible = bar.close > 0.0
            && bar.raw_close >= MIN_PRICE
            && self.adv.today() >= MIN_ADV
            && self.history >= MIN_HISTORY;
        self.last = bar;
    }

    fn push_prices(&mut self, bar: &Bar, before: &Bar) {
        let gap = (bar.open / before.close).ln();
        self.high.push(bar.high);
        self.low.push(bar.low);
        self.close.push(bar.close);
        self.log_close.push(bar.close.ln());
        self.log_return.push((bar.close / before.close).ln());
        self.gap.push(gap);
        self.tug.push(gap - (bar.close / bar.open).ln());
        self.clv.push(bar.clv());
        self.range_squared.push((bar.high / bar.low).ln().powi(2));
        self.true_range.push(true_range(bar, before));
        self.ppo.push((self.close.mean(12) / self.close.mean(26)).ln());
        self.spread.push(corwin_schultz(bar, before));
    }

    fn push_volumes(&mut self, bar: &Bar, before: &Bar) {
        let log_return = self.log_return.today();
        let (traded, traded_before) = (bar.close * bar.volume, before.close * before.volume);
        let (typical, rise) = (bar.typical(), bar.typical() - before.typical());
        let flow = if_known(rise, typical * bar.volume);
        self.dollar_volume.push(traded);
        self.adv.push(self.dollar_volume.mean(21));
        self.dollar_volume_change.push((traded / traded_before).ln());
        self.volume.push(bar.volume);
        self.return_volume.push(if_known(log_return, bar.volume));
        self.signed_volume.push(sign(log_return) * bar.volume);
        self.clv_volume.push(bar.clv() * bar.volume);
        self.flow_up.push(if rise > 0.0 { flow } else { if_known(flow, 0.0) });
        self.flow_down.push(if rise < 0.0 { flow } else { if_known(flow, 0.0) });
        self.illiquidity.push(log_return.abs() / positive(traded));
    }
}

fn true_range(bar: &Bar, before: &Bar) -> f64 {
    if before.close.is_nan() {
        return f64::NAN;
    }
    (bar.high - bar.low).max((bar.high - before.close).abs()).max((bar.low - before.close).abs())
}

/// `value`, unless it hangs on something that is not there.
fn if_known(x: f64, value: f64) -> f64 {
    if x.is_nan() { f64::NAN } else { value }
}

/// −1, 0 or 1 (`f64::signum` has no 0); NaN stays.
fn sign(x: f64) -> f64 {
    if x == 0.0 { 0.0 } else { x.signum() }
}

/// Corwin & Schultz (2012): spread from two days' highs and lows. An overnight gap shifts the second
/// day's range back to the first close; a negative estimate counts as zero.
fn corwin_schultz(bar: &Bar, before: &Bar) -> f64 {
    if bar.close.is_nan() || before.close.is_nan() {
        return f64::NAN;
    }
    let shift = (before.close - bar.high).max(0.0) - (bar.low - before.close).max(0.0);
    let (high, low) = (bar.high + shift, bar.low + shift);
    let beta = (before.high / before.low).ln().powi(2) + (high / low).ln().powi(2);
    let gamma = (before.high.max(high) / before.low.min(low)).ln().powi(2);
    let k = 3.0 - 2.0 * 2.0_f64.sqrt();
    let alpha = ((2.0 * beta).sqrt() - beta.sqrt()) / k - (gamma / k).sqrt();
    let spread = 2.0 * (alpha.exp() - 1.0) / (1.0 + alpha.exp());
    if spread < 0.0 { 0.0 } else { spread }
}
