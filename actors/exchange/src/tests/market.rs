//! The synthetic market is what its module says.

use crate::{Market, SyntheticConfig};
use messages::{Symbol, history_sha256};

fn market(seed: u64, symbols: usize, sessions: usize) -> Market {
    Market::synthetic(&SyntheticConfig { seed, symbols, sessions, ..SyntheticConfig::default() })
}

/// Also a golden value: a change here changes every demonstration.
#[test]
fn a_seed_is_a_market_bit_for_bit() {
    let hash = |seed| history_sha256(market(seed, 20, 60).bars());
    assert_eq!(hash(7), hash(7));
    assert_ne!(hash(7), hash(8));
    assert_eq!(hash(7), "398ef10be97cb22d458e7c1b3c55fd08fa0546306eda915f77440c0c7152dd1c");
}

/// Which numbers a position draws does not depend on what it is called.
#[test]
fn names_change_no_number() {
    let hash = |seed, symbols: usize, sessions| {
        let market = market(seed, symbols, sessions);
        let numbers = |row: usize| -> Vec<u64> {
            let columns = market.bars().iter().flat_map(|bars| {
                [&bars.open, &bars.high, &bars.low, &bars.close, &bars.volume, &bars.raw_close]
            });
            columns.map(|column| column[row].to_bits()).collect()
        };
        let mut paths: Vec<Vec<u64>> = (0..symbols).map(numbers).collect();
        paths.sort();
        let bytes: Vec<u8> = paths.into_iter().flatten().flat_map(u64::to_le_bytes).collect();
        messages::sha256_hex(&bytes)
    };
    assert_eq!(
        [hash(7, 20, 60), hash(1, 130, 300)],
        [
            "0726f372e0e9e34cd00b99023f5f4d0c09dedaa191c0d6924c6fb993b2d82e4e",
            "ac704a12f034b6a224f56dd2995a96c81edfb03f9a71622e709fc9773a55caf2",
        ]
    );
}

#[test]
fn more_sessions_or_symbols_leave_the_others_as_they_were() {
    let (small, longer, larger) = (market(3, 15, 40), market(3, 15, 55), market(3, 25, 40));
    assert_eq!(small.bars(), &longer.bars()[..40]);
    for (few, many) in small.bars().iter().zip(larger.bars()) {
        for (row, symbol) in few.symbols.iter().enumerate() {
            let other = many.row(symbol).unwrap();
            assert_eq!(few.close[row].to_bits(), many.close[other].to_bits());
            assert_eq!(few.volume[row].to_bits(), many.volume[other].to_bits());
        }
    }
}

#[test]
fn bars_are_sound_on_exchange_days() {
    let market = market(5, 130, 300);
    let assets = market.equities();
    assert_eq!(assets.len(), 130);
    assert!(assets.windows(2).all(|pair| pair[0].symbol < pair[1].symbol));
    assert!(market.pairs().windows(2).all(|pair| pair[0].symbol < pair[1].symbol));
    assert_eq!(market.pairs().len(), 12);
    let mut sectors: Vec<&str> = assets.iter().map(|asset| asset.sector.as_str()).collect();
    sectors.sort_unstable();
    sectors.dedup();
    assert_eq!(sectors.len(), 11);
    for bars in market.bars() {
        assert!(bars.is_well_formed() && bars.symbols.len() == 130);
        assert!(crate::calendar::is_xnys_session(bars.session));
        for row in 0..130 {
            let (open, close) = (bars.open[row], bars.close[row]);
            let (high, low) = (bars.high[row], bars.low[row]);
            assert!(low <= open.min(close) && high >= open.max(close) && low >= 0.01);
            assert!(bars.volume[row] >= 100.0 && bars.volume[row] % 100.0 == 0.0);
            assert_eq!((close * 100.0).round() / 100.0, close);
        }
    }
}

/// Close to close, a row per session, a column per symbol.
fn log_returns(market: &Market) -> Vec<Vec<f64>> {
    let ratio = |pair: &[messages::Bars]| {
        pair[1].close.iter().zip(pair[0].close.iter()).map(|(b, a)| (b / a).ln()).collect()
    };
    market.bars().windows(2).map(ratio).collect()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mx, my) = (mean(x), mean(y));
    let cov = |a: &[f64], b: &[f64], ma: f64, mb: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
    };
    cov(x, y, mx, my) / (cov(x, x, mx, mx) * cov(y, y, my, my)).sqrt()
}

#[test]
fn returns_look_like_returns() {
    let market = market(1, 60, 1500);
    let returns = log_returns(&market);
    let index: Vec<f64> = returns.iter().map(|row| mean(row)).collect();
    let second = mean(&index.iter().map(|r| r * r).collect::<Vec<_>>());
    let annual = (second * 252.0).sqrt();
    assert!((0.10..0.30).contains(&annual), "market volatility {annual}");
    let column = |n: usize| -> Vec<f64> { returns.iter().map(|row| row[n]).collect() };
    let (mut kurtosis, mut clustering, mut with_market, mut volume) = (0.0, 0.0, 0.0, 0.0);
    for n in 0..60 {
        let r = column(n);
        let size: Vec<f64> = r.iter().map(|r| r.abs()).collect();
        let square = mean(&r.iter().map(|r| r * r).collect::<Vec<_>>());
        kurtosis += mean(&r.iter().map(|r| r.powi(4)).collect::<Vec<_>>()) / square.powi(2) / 60.0;
        clustering += correlation(&size[1..], &size[..size.len() - 1]) / 60.0;
        with_market += correlation(&r, &index) / 60.0;
        let traded: Vec<f64> =
            market.bars()[1..].iter().map(|bars| (bars.volume[n] * bars.close[n]).ln()).collect();
        volume += correlation(&size, &traded) / 60.0;
    }
    assert!((5.0..30.0).contains(&kurtosis), "kurtosis {kurtosis}");
    assert!((0.05..0.35).contains(&clustering), "clustering {clustering}");
    assert!((0.3..0.75).contains(&with_market), "correlation with the market {with_market}");
    assert!((0.2..0.8).contains(&volume), "volume with size of move {volume}");
}

fn ranks(x: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]));
    let mut ranks = vec![0.0; x.len()];
    order.iter().zip(0..).for_each(|(place, rank)| ranks[*place] = f64::from(rank));
    ranks
}

/// Less the mean of the symbol's sector: a plain stand-in for beta and sector neutrality.
fn neutral(market: &Market, row: &[f64]) -> Vec<f64> {
    let sector = |n: usize| &market.assets()[n].sector;
    let of_sector = |n: usize| {
        let peers: Vec<f64> =
            (0..row.len()).filter(|m| sector(*m) == sector(n)).map(|m| row[m]).collect();
        mean(&peers)
    };
    (0..row.len()).map(|n| row[n] - of_sector(n)).collect()
}

/// Rank IC of what bars alone tell (reversal plus half of momentum, volatility-scaled) with the
/// neutral return from the next open to the fifth after it.
#[test]
fn the_edge_is_there_and_modest() {
    let market = market(1, 130, 2000);
    let own: Vec<Vec<f64>> = log_returns(&market).iter().map(|row| neutral(&market, row)).collect();
    let mut ics = [const { Vec::new() }; 3];
    for t in (260..own.len() - 7).step_by(2) {
        let total = |n: usize, back: std::ops::Range<usize>| -> f64 {
            let window = &own[t - back.end + 1..=t - back.start];
            let sum: f64 = window.iter().map(|row| row[n]).sum();
            sum / window.iter().map(|row| row[n] * row[n]).sum::<f64>().sqrt()
        };
        let reversal: Vec<f64> = (0..130).map(|n| -total(n, 0..5)).collect();
        let momentum: Vec<f64> = (0..130).map(|n| total(n, 21..252)).collect();
        let both: Vec<f64> = reversal.iter().zip(&momentum).map(|(r, m)| r + 0.5 * m).collect();
        let (from, to) = (&market.bars()[t + 2].open, &market.bars()[t + 7].open);
        let label: Vec<f64> = to.iter().zip(from.iter()).map(|(b, a)| (b / a).ln()).collect();
        let label = ranks(&neutral(&market, &label));
        for (ic, signal) in ics.iter_mut().zip([reversal, momentum, both]) {
            ic.push(correlation(&ranks(&signal), &label));
        }
    }
    let [reversal, momentum, both] = ics.map(|ic| mean(&ic));
    println!("rank IC: reversal {reversal:.4}, momentum {momentum:.4}, both {both:.4}");
    assert!((0.015..0.045).contains(&both), "both {both}");
    assert!(reversal > 0.005 && momentum > 0.0, "reversal {reversal}, momentum {momentum}");
}

#[test]
fn tickers_are_those_that_people_know_and_stay_as_a_market_grows() {
    let symbols = |seed, count| -> Vec<Symbol> {
        market(seed, count, 1).members().into_iter().map(|member| member.symbol).collect()
    };
    let (few, many) = (symbols(9, 30), symbols(9, 200));
    for known in ["AAPL", "MSFT", "AMZN", "TSLA", "SPY", "GOOGL", "META", "NVDA", "BRK.B", "BF.B"] {
        assert!(few.contains(&Symbol::from(known)), "{known}");
    }
    assert!(few.iter().all(|symbol| many.contains(symbol)));
    assert_eq!(many.len(), 200);
    let market = market(9, 30, 1);
    let of = |symbol: &str| market.asset(&Symbol::from(symbol)).unwrap();
    let listed = |symbol| (of(symbol).exchange.as_str(), of(symbol).tape());
    assert_eq!(listed("AAPL"), ("NASDAQ", 'C'));
    assert_eq!(listed("BRK.B"), ("NYSE", 'A'));
    assert_eq!(listed("SPY"), ("ARCA", 'B'));
    assert_eq!(of("AAPL").sector, "Information Technology");
    assert_eq!(market.equities().iter().filter(|asset| !asset.fractionable).count(), 3);
}
