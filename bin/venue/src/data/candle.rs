//! Bars of every length. Days are read from the market's own daily bars, not made of trades; shorter ones
//! are made of minutes, longer ones of days.

use super::names::Named;
use super::render;
use super::request::{History, Scope};
use super::timeframe::Timeframe;
use exchange::calendar::Session;
use exchange::{Asset, AssetClass, Bar, Market};
use messages::Time;
use rust_decimal::Decimal;
use std::ops::Range;

#[derive(Copy, Clone, Debug, PartialEq)]
pub(super) struct Candle {
    pub(super) at: Time,
    open: f64,
    high: f64,
    low: f64,
    pub(super) close: f64,
    pub(super) volume: f64,
    pub(super) trades: u64,
    vwap: f64,
}

/// Bars of one asset, as somebody asks for them at a certain time.
#[derive(Copy, Clone)]
pub(super) struct Series<'a> {
    pub(super) market: &'a Market,
    pub(super) asset: usize,
    pub(super) timeframe: Timeframe,
    /// As traded; adjusted for splits otherwise.
    pub(super) raw: bool,
    pub(super) now: Time,
    /// Sessions that begin in this stretch, both included: those of a name, of which even a bar that is longer
    /// than a day holds no others.
    pub(super) from: Time,
    pub(super) through: Time,
}

impl<'a> Series<'a> {
    /// The last that is shown by now.
    pub(super) fn latest(scope: &Scope<'a>, asset: usize, timeframe: Timeframe) -> Option<Candle> {
        Self::of(scope, asset, timeframe).all(Time(i64::MIN), scope.now, true).next()
    }

    /// As the exchange trades them: adjusted for splits.
    pub(super) fn of(scope: &Scope<'a>, asset: usize, timeframe: Timeframe) -> Self {
        let (from, through) = (Time(i64::MIN), Time(i64::MAX));
        let (market, now) = (&scope.app.market, scope.now);
        Self { market, asset, timeframe, raw: false, now, from, through }
    }

    /// What is still to come of a history.
    pub(super) fn history(
        self,
        history: &History,
        named: &Named,
    ) -> Box<dyn Iterator<Item = Candle> + 'a> {
        let series = Self { from: named.from, through: named.through, ..self };
        match history.rest(named, series.first_bar()) {
            Some((start, end)) if start <= end => series.all(start, end, history.descending),
            _ => Box::new(std::iter::empty()),
        }
    }

    /// Where the bar begins that holds the first instant of the stretch.
    fn first_bar(&self) -> Time {
        if !matches!(self.timeframe, Timeframe::Week | Timeframe::Months(_))
            || self.from.0 == i64::MIN
        {
            return self.from;
        }
        let calendar = self.market.sessions(self.asset);
        let day = self.timeframe.first_day(calendar.local(self.from).date());
        calendar.instant(day, jiff::civil::Time::midnight())
    }

    /// All that begin in `start..=end` and have begun by now.
    pub(super) fn all(
        self,
        start: Time,
        end: Time,
        descending: bool,
    ) -> Box<dyn Iterator<Item = Candle> + 'a> {
        match self.timeframe {
            Timeframe::Minutes(_) => {
                let sessions = self.sessions(|session| session.close > start, end);
                let within = move |candle: &Candle| (start..=end).contains(&candle.at);
                let of_day = move |session| self.of_day(session).into_iter().filter(within);
                if descending {
                    Box::new(sessions.rev().flat_map(move |session| of_day(session).rev()))
                } else {
                    Box::new(sessions.flat_map(of_day))
                }
            }
            Timeframe::Day => {
                let sessions = self.sessions(|session| session.midnight >= start, end);
                if descending {
                    Box::new(sessions.rev().filter_map(move |session| self.day(session)))
                } else {
                    Box::new(sessions.filter_map(move |session| self.day(session)))
                }
            }
            Timeframe::Week | Timeframe::Months(_) => {
                let candles = self.of_days(start, end).into_iter();
                if descending { Box::new(candles.rev()) } else { Box::new(candles) }
            }
        }
    }

    /// Those that have opened by now, from the first that passes on, up to the last that begins by `end`.
    fn sessions(&self, from: impl Fn(&Session) -> bool, end: Time) -> Range<usize> {
        let calendar = self.market.sessions(self.asset);
        let all = calendar.sessions();
        let first = all.partition_point(|session| !from(session));
        let behind = all.partition_point(|session| session.midnight <= end);
        first..behind.min(calendar.opened_by(self.now)).max(first)
    }

    fn info(&self) -> &'a Asset {
        &self.market.assets()[self.asset]
    }

    fn session(&self, session: usize) -> &'a Session {
        &self.market.sessions(self.asset).sessions()[session]
    }

    /// The given bar of a session that is over; of the one that is on, the day so far.
    fn day(&self, session: usize) -> Option<Candle> {
        let about = self.session(session);
        if about.close > self.now {
            let bar = self.market.day_so_far(self.asset, session, self.now)?;
            return Some(self.adjusted(Candle::from(&bar), session));
        }
        let (bars, row) = self.market.row(self.asset, session)?;
        let (trades, vwap) = self.market.trades_and_vwap(self.asset, session);
        let volume = bars.volume[row];
        let candle = Candle {
            at: about.midnight,
            open: bars.open[row],
            high: bars.high[row],
            low: bars.low[row],
            close: bars.close[row],
            volume: if self.info().is_crypto() { volume } else { volume.round() },
            trades,
            vwap,
        };
        Some(self.adjusted(candle, session))
    }

    /// Bars of minutes of one session, of those minutes that are over.
    fn of_day(&self, session: usize) -> Vec<Candle> {
        let (calendar, about) = (self.market.sessions(self.asset), self.session(session));
        let minutes = self.market.minutes(self.asset, about.open, self.now.min(about.close));
        let minutes: Vec<Bar> = minutes.collect();
        let start = |bar: &Bar| self.timeframe.start(calendar, about, bar.start);
        let together = |bars: &[Bar]| {
            self.adjusted(self.merged(start(&bars[0]), bars.iter().map(Candle::from)), session)
        };
        minutes.chunk_by(|a, b| start(a) == start(b)).map(together).collect()
    }

    /// Bars of days that begin in `start..=end`.
    fn of_days(&self, start: Time, end: Time) -> Vec<Candle> {
        let calendar = self.market.sessions(self.asset);
        let sessions = self.sessions(|session| session.midnight >= self.from, self.through);
        let sessions: Vec<usize> = sessions.collect();
        let first_day = |session: &usize| self.timeframe.first_day(self.session(*session).date);
        let together = |sessions: &[usize]| {
            let about = self.session(sessions[0]);
            let at = self.timeframe.start(calendar, about, about.open);
            let days: Vec<Candle> = if (start..=end).contains(&at) {
                sessions.iter().filter_map(|session| self.day(*session)).collect()
            } else {
                Vec::new()
            };
            (!days.is_empty()).then(|| self.merged(at, days.into_iter()))
        };
        sessions.chunk_by(|a, b| first_day(a) == first_day(b)).filter_map(together).collect()
    }

    /// One bar of several, at least one, in order.
    fn merged(&self, at: Time, mut bars: impl Iterator<Item = Candle>) -> Candle {
        let first = bars.next().expect("one at least");
        let mut all = Candle { at, ..first };
        let mut value = first.vwap * first.volume;
        for bar in bars {
            all.high = all.high.max(bar.high);
            all.low = all.low.min(bar.low);
            all.close = bar.close;
            all.volume = tidy(all.volume + bar.volume, 9);
            all.trades += bar.trades;
            value += bar.vwap * bar.volume;
        }
        if all.volume > 0.0 && all.volume != first.volume {
            let decimals = if self.info().class == AssetClass::Crypto { 9 } else { 6 };
            all.vwap = tidy(value / all.volume, decimals);
        }
        all
    }

    /// Undoes the adjustment for splits, where bars are wanted as traded: to hundredths of a cent, which
    /// is what an exchange quotes at most.
    fn adjusted(&self, candle: Candle, session: usize) -> Candle {
        let row = if self.raw { self.market.row(self.asset, session) } else { None };
        let Some((close, raw_close)) =
            row.map(|(bars, row)| (bars.close[row], bars.raw_close[row]))
        else {
            return candle;
        };
        if close == raw_close {
            return candle;
        }
        let ratio = raw_close / close;
        let price = |price: f64| if price == close { raw_close } else { tidy(price * ratio, 4) };
        Candle {
            open: price(candle.open),
            high: price(candle.high),
            low: price(candle.low),
            close: price(candle.close),
            volume: (candle.volume / ratio).round(),
            vwap: tidy(candle.vwap * ratio, 4),
            ..candle
        }
    }
}

impl Candle {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"t\":");
        render::time(out, self.at);
        for (name, value) in [
            (&b",\"o\":"[..], self.open),
            (b",\"h\":", self.high),
            (b",\"l\":", self.low),
            (b",\"c\":", self.close),
            (b",\"v\":", self.volume),
            (b",\"n\":", self.trades as f64),
            (b",\"vw\":", self.vwap),
        ] {
            out.extend_from_slice(name);
            render::number(out, value);
        }
        out.push(b'}');
    }
}

impl From<&Bar> for Candle {
    fn from(bar: &Bar) -> Self {
        Self {
            at: bar.start,
            open: float(bar.open),
            high: float(bar.high),
            low: float(bar.low),
            close: float(bar.close),
            volume: float(bar.volume),
            trades: bar.trades,
            vwap: float(bar.vwap),
        }
    }
}

/// The float that reads the same: both numbers of the quotient are exact.
fn float(value: Decimal) -> f64 {
    value.mantissa() as f64 / 10_f64.powi(value.scale() as i32)
}

/// Rounded to so many decimals, which takes away what adding floats leaves behind.
pub(super) fn tidy(value: f64, decimals: i32) -> f64 {
    let unit = 10_f64.powi(decimals);
    let units = (value * unit).round();
    if units < 9e15 { units / unit } else { value }
}
