//! What the tape promises of whatever daily bar it is made from.

use crate::{AssetClass, Bar, Market, SyntheticConfig, Tick};
use jiff::civil::date;
use messages::{Bars, Time};
use proptest::prelude::*;
use rust_decimal::Decimal;
use std::collections::BTreeMap;

const SLOT: i64 = 15_000_000_000;
const MINUTE: i64 = 60_000_000_000;

/// Prices in units of 10^-6, volume in shares; open and close lie within low and high.
fn daily_bars() -> impl Strategy<Value = ([i64; 4], i64)> {
    let price = prop_oneof![1_i64..2_000_000, 1_000_000_i64..5_000_000_000];
    let range = (price, 0.0..0.4_f64, 0.0..=1.0_f64, 0.0..=1.0_f64, any::<bool>());
    let volume = prop_oneof![1_i64..40, 40_i64..200_000, 200_000_i64..900_000_000];
    (range, volume).prop_map(|((low, width, open, close, cents), volume)| {
        let round = |price: i64| if cents { (price / 10_000).max(1) * 10_000 } else { price };
        let (low, high) = (round(low), round(low + (low as f64 * width) as i64));
        let within = |share: f64| round(low + ((high - low) as f64 * share) as i64);
        ([within(open), high, low, within(close)], volume)
    })
}

/// One symbol, one session: a full day, or half a day.
fn one_session([open, high, low, close]: [i64; 4], volume: f64, half: bool) -> Market {
    let [open, high, low, close] = [open, high, low, close].map(|units| units as f64 / 1e6);
    let mut bars = Bars::empty(if half { date(2024, 7, 3) } else { date(2024, 1, 3) });
    bars.push("A".into(), [open, high, low, close, volume, close]);
    Market::from_bars(vec![bars], &BTreeMap::from([("A".into(), "Energy".to_owned())])).unwrap()
}

fn ticks(market: &Market, asset: usize) -> Vec<Tick> {
    market.ticks(asset, Time(i64::MIN), Time(i64::MAX)).collect()
}

fn micros(units: i64) -> Decimal {
    Decimal::new(units, 6)
}

/// Of bars that follow each other: what one bar over all of them shows, average price left out.
fn together(bars: &[Bar]) -> [Decimal; 5] {
    [
        bars[0].open,
        bars.iter().map(|bar| bar.high).max().unwrap(),
        bars.iter().map(|bar| bar.low).min().unwrap(),
        bars[bars.len() - 1].close,
        bars.iter().map(|bar| bar.volume).sum(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn trades_are_the_bar_and_nothing_more(bar in daily_bars(), half in any::<bool>()) {
        let ([open, high, low, close], volume) = bar;
        let market = one_session([open, high, low, close], volume as f64, half);
        let session = market.calendar().sessions()[0];
        let ticks = ticks(&market, 0);
        let (first, last) = (ticks[0], ticks[ticks.len() - 1]);
        prop_assert_eq!((first.at, first.price), (session.open, micros(open)));
        prop_assert_eq!((last.at, last.price), (Time(session.close.0 - SLOT), micros(close)));
        prop_assert_eq!(ticks.iter().map(|tick| tick.price).max(), Some(micros(high)));
        prop_assert_eq!(ticks.iter().map(|tick| tick.price).min(), Some(micros(low)));
        prop_assert_eq!(ticks.iter().map(|tick| tick.size).sum::<Decimal>(), Decimal::from(volume));
        let step = if low >= 1_000_000 { micros(10_000) } else { micros(100) };
        for tick in &ticks {
            prop_assert_eq!((tick.at.0 - session.open.0) % SLOT, 0);
            prop_assert!(tick.size > Decimal::ZERO);
            prop_assert!(volume < 4 || tick.size.is_integer(), "{}", tick.size);
            let own = [open, high, low, close].map(micros).contains(&tick.price);
            prop_assert!(own || (tick.price % step).is_zero(), "{} is off the grid", tick.price);
            prop_assert_eq!(tick.price, tick.price.normalize());
        }
        for pair in ticks.windows(2) {
            prop_assert!(pair[0].at < pair[1].at && pair[0].id < pair[1].id);
        }
    }

    #[test]
    fn minutes_add_up_to_the_day(bar in daily_bars(), half in any::<bool>()) {
        let ([open, high, low, close], volume) = bar;
        let market = one_session([open, high, low, close], volume as f64, half);
        let session = market.calendar().sessions()[0];
        let minutes: Vec<Bar> = market.minutes(0, Time(i64::MIN), Time(i64::MAX)).collect();
        let day = market.day_so_far(0, 0, session.close).unwrap();
        prop_assert_eq!(together(&minutes), [day.open, day.high, day.low, day.close, day.volume]);
        prop_assert_eq!(day.volume, Decimal::from(volume));
        prop_assert_eq!(minutes.iter().map(|bar| bar.trades).sum::<u64>(), day.trades);
        let (trades, vwap) = market.trades_and_vwap(0, 0);
        prop_assert_eq!((day.trades, day.vwap), (trades, Decimal::try_from(vwap).unwrap().round_dp(6)));
        for bar in &minutes {
            prop_assert_eq!((bar.start.0 - session.open.0) % MINUTE, 0);
            prop_assert!(bar.low <= bar.vwap && bar.vwap <= bar.high);
        }
    }

    /// The average price that a daily bar shows is that of its trades, as far as whole shares allow.
    #[test]
    fn the_average_price_is_that_of_the_trades(bar in daily_bars()) {
        let ([open, high, low, close], volume) = bar;
        let volume = volume + 100_000;
        let market = one_session([open, high, low, close], volume as f64, false);
        let value: Decimal = ticks(&market, 0).iter().map(|tick| tick.price * tick.size).sum();
        let shown = Decimal::try_from(market.trades_and_vwap(0, 0).1).unwrap();
        let off = (value / Decimal::from(volume) - shown).abs();
        prop_assert!(off <= micros(high - low) / Decimal::from(volume) + micros(1), "off by {off}");
    }

    /// However a stretch of time is cut, it has the same trades; so has a market that was asked before.
    #[test]
    fn stretches_of_time_join(cuts in prop::collection::btree_set(0_i64..200_000, 0..8)) {
        let market = synthetic();
        let start = market.calendar().sessions()[3].midnight.0;
        let end = 200_000;
        let time = |seconds: i64| Time(start + seconds * 1_000_000_000);
        for asset in [0, market.equities().len()] {
            let whole: Vec<Tick> = market.ticks(asset, time(0), time(end)).collect();
            let edges: Vec<i64> = [0].into_iter().chain(cuts.iter().copied()).chain([end]).collect();
            let parts = edges.windows(2).flat_map(|edge| market.ticks(asset, time(edge[0]), time(edge[1])));
            prop_assert_eq!(parts.collect::<Vec<_>>(), whole.clone());
            let mut backwards: Vec<Tick> = synthetic().ticks(asset, time(0), time(end)).rev().collect();
            backwards.reverse();
            prop_assert_eq!(backwards, whole);
        }
    }

    /// At any moment: nothing later is shown, and all that is shown agrees.
    #[test]
    fn nothing_is_shown_before_it_happens(seconds in -100_000_i64..900_000, asset in 0_usize..16) {
        let market = synthetic();
        let now = Time(market.calendar().sessions()[0].midnight.0 + seconds * 1_000_000_000);
        let asset = asset.min(market.assets().len() - 1);
        let seen = market.ticks(asset, Time(i64::MIN), now).last();
        prop_assert!(seen.is_none_or(|tick| tick.at <= now));
        prop_assert_eq!(market.last_tick(asset, now), seen);
        prop_assert_eq!(market.price(asset, now), seen.map(|tick| tick.price));
        let quote = market.quote(asset, now);
        prop_assert_eq!(quote.map(|quote| quote.at), seen.map(|tick| tick.at));
        prop_assert_eq!(market.quotes(asset, Time(i64::MIN), now).last(), quote);
        if let (Some(quote), Some(tick)) = (quote, seen) {
            prop_assert!(Decimal::ZERO < quote.bid && quote.bid < tick.price && tick.price < quote.ask);
            prop_assert!(quote.bid_size > Decimal::ZERO && quote.ask_size > Decimal::ZERO);
            let depth = market.depth(asset, now).unwrap();
            prop_assert_eq!((depth.bids[0], depth.asks[0]),
                ((quote.bid, quote.bid_size), (quote.ask, quote.ask_size)));
            prop_assert!(depth.bids.windows(2).all(|pair| pair[0].0 > pair[1].0));
            prop_assert!(depth.asks.windows(2).all(|pair| pair[0].0 < pair[1].0));
        }
        if let Some(bar) = market.minutes(asset, Time(i64::MIN), now).next_back() {
            prop_assert!(bar.start.0 + MINUTE <= now.0);
        }
        if let Some(session) = market.session_of(asset, now) {
            let day = market.day_so_far(asset, session, now).unwrap();
            prop_assert_eq!(Some(day.close), seen.map(|tick| tick.price));
            prop_assert!(day.volume <= market.daily(asset, session).unwrap().volume);
        }
    }
}

/// Four equities and the twelve pairs over ten sessions.
fn synthetic() -> Market {
    let config =
        SyntheticConfig { seed: 4, symbols: 4, sessions: 10, ..SyntheticConfig::default() };
    Market::synthetic(&config)
}

#[test]
fn a_bar_is_bounded_by_all_of_its_prices() {
    // Given bars need not be sound: here the close lies above the high. All of it trades all the same.
    let market = one_session([10_000_000, 11_000_000, 9_000_000, 12_000_000], 1e6, false);
    let prices: Vec<Decimal> = ticks(&market, 0).iter().map(|tick| tick.price).collect();
    assert_eq!(prices.iter().max(), Some(&Decimal::from(12)));
    assert_eq!(prices.iter().min(), Some(&Decimal::from(9)));
    assert_eq!(market.daily(0, 0).unwrap().high, Decimal::from(11));
}

#[test]
fn thin_names_have_minutes_without_trades_and_liquid_ones_have_none() {
    let minutes = |volume| {
        let market = one_session([10_000_000, 11_000_000, 9_000_000, 10_000_000], volume, false);
        market.minutes(0, Time(i64::MIN), Time(i64::MAX)).count()
    };
    assert_eq!(minutes(1e6), 390);
    assert!((2..=4).contains(&minutes(5.0)));
    assert!((60..150).contains(&minutes(5e4)), "{}", minutes(5e4));
    let market = one_session([10_000_000, 11_000_000, 9_000_000, 10_000_000], 0.0, false);
    assert_eq!(
        (market.last_tick(0, Time(i64::MAX)), market.quote(0, Time(i64::MAX))),
        (None, None)
    );
}

#[test]
fn a_quote_is_as_wide_as_the_cost_model_says() {
    let market = synthetic();
    let session = market.calendar().sessions()[8];
    for asset in 0..4 {
        let tick = market.last_tick(asset, session.open).unwrap();
        let quote = market.quote(asset, session.open).unwrap();
        let adv = market.liquidity_of(asset, 8).unwrap().adv;
        let price = tick.price.try_into().unwrap();
        let half = costs::half_spread_bp(adv, price) * price / 1e4;
        let shown: f64 = ((quote.ask - quote.bid) / Decimal::TWO).try_into().unwrap();
        assert!(shown >= half - 1e-9 && shown < half + 0.01, "{shown} for {half}");
    }
}

#[test]
fn pairs_trade_around_the_clock_and_keep_their_scale() {
    let config = SyntheticConfig { symbols: 1, sessions: 1_500, ..SyntheticConfig::default() };
    let market = Market::synthetic(&config);
    let days = market.days(AssetClass::Crypto);
    let (first, last) = (market.bars()[0].session, market.bars()[1_499].session);
    assert_eq!((days[0].session, days[days.len() - 1].session), (first, last));
    assert_eq!(days.len() as i32, (last - first).get_days() + 1);
    for pair in days.windows(2) {
        assert_eq!(pair[0].close, pair[1].open, "the market never closes");
    }
    let bitcoin = market.find("BTC/USD").unwrap();
    let row = bitcoin - 1;
    let (lowest, highest) = days.iter().fold((f64::MAX, 0.0_f64), |(low, high), bars| {
        (low.min(bars.low[row]), high.max(bars.high[row]))
    });
    assert!(lowest > 4_500.0 && highest < 450_000.0, "{lowest} {highest}");
    let saturday = market.calendar_of(AssetClass::Crypto).sessions()[3];
    assert_eq!(saturday.date, date(2019, 1, 5));
    let on_saturday = market.ticks(bitcoin, Time(saturday.open.0 - 1), Time(saturday.close.0 - 1));
    let sizes: Decimal = on_saturday.map(|tick| tick.size).sum();
    assert_eq!(sizes, market.daily(bitcoin, 3).unwrap().volume);
    assert_eq!(Ok(days[3].volume[row]), sizes.try_into());
    let thin = market.find("SHIB/USD").unwrap();
    let minutes = market.minutes(thin, saturday.open, saturday.close).count();
    assert!((50..1_000).contains(&minutes), "{minutes}");
}

#[test]
fn behind_the_last_day_and_before_the_first_there_is_nothing() {
    let market = synthetic();
    for (asset, info) in market.assets().iter().enumerate() {
        let sessions = market.calendar_of(info.class).sessions();
        let end = sessions[sessions.len() - 1].close;
        let closing = market.last_tick(asset, Time(end.0 - 1)).unwrap();
        assert_eq!(closing.at, Time(end.0 - SLOT));
        assert_eq!(market.last_tick(asset, Time(i64::MAX)), Some(closing));
        assert_eq!(market.ticks(asset, closing.at, Time(i64::MAX)).count(), 0);
        assert_eq!(market.minutes(asset, end, Time(i64::MAX)).count(), 0);
        assert_eq!(market.daily(asset, sessions.len()), None);
        assert_eq!(market.price(asset, Time(0)), None);
        assert_eq!(market.ticks(asset, Time(i64::MIN), Time(0)).count(), 0);
    }
}
