//! METHODS.md §7 against its vectors (`design/methods/vectors.json`), made by empyrical-reloaded 0.7.1
//! and, for the probabilistic Sharpe ratio, by scipy.

use reporting::metrics::{Returns, probabilistic_sharpe, turnover};

const RETURNS: [f64; 20] = [
    0.01, -0.005, 0.003, 0.0, -0.012, 0.008, 0.004, -0.002, 0.006, -0.015, 0.011, 0.002, -0.004,
    0.007, -0.001, 0.005, -0.006, 0.009, -0.003, 0.001,
];
const BENCHMARK: [f64; 20] = [
    0.008, -0.004, 0.001, 0.002, -0.01, 0.005, 0.006, -0.003, 0.002, -0.011, 0.007, 0.003, -0.002,
    0.004, 0.0, 0.003, -0.005, 0.006, -0.001, 0.002,
];

fn returns(values: &[f64]) -> Returns {
    Returns::new(values.to_vec()).expect("finite")
}

#[track_caller]
fn close(got: Option<f64>, expected: f64) {
    let got = got.expect("a number");
    assert!((got - expected).abs() <= 1e-9 * expected.abs(), "{got} is not {expected}");
}

#[test]
fn returns_alone() {
    let r = returns(&RETURNS);
    close(r.cumulative(), 0.017_670_890_380_953_708);
    close(r.cagr(), 0.246_960_326_307_296_8);
    close(r.volatility(), 0.112_237_905_221_101_91);
    close(r.sharpe(0.0), 2.020_707_706_128_493);
    close(r.sharpe(0.0002), 1.571_661_549_211_050_4);
    close(r.sortino(0.0), 2.979_057_335_583_800_4);
    close(r.downside_risk(0.0), 0.076_131_465_242_697_14);
    close(r.max_drawdown(), -0.014_999_999_999_999_97);
    close(r.calmar(), 16.464_021_753_819_82);
    close(r.profit_factor(), 1.374_999_999_999_999_6);
    close(r.tail_ratio(), 0.827_160_493_827_160_7);
    close(r.value_at_risk(), -0.012_15);
    close(r.conditional_value_at_risk(), -0.015);
    close(r.stability(), 0.405_595_273_521_254_24);
    close(r.skewness(), -0.575_528_694_909_202_3);
    close(r.kurtosis(), 2.716_760_266_183_644);
    close(r.win_rate(), 0.578_947_368_421_052_7);
    close(r.hit_rate(), 0.55);
}

#[test]
fn returns_against_a_benchmark() {
    let (r, b) = (returns(&RETURNS), returns(&BENCHMARK));
    close(r.beta(&b), 1.298_827_566_485_559_3);
    close(r.alpha(&b), 0.014_150_841_355_378_585);
    close(r.tracking_error(&b), 0.038_498_803_809_168_44);
    close(r.information_ratio(&b), 1.636_414_479_584_34);
    let short = returns(&BENCHMARK[1..]);
    assert_eq!((r.beta(&short), r.tracking_error(&short)), (None, None));
}

#[test]
fn probabilistic_sharpe_ratio() {
    let r = returns(&RETURNS);
    close(r.sharpe_daily(0.0), 0.127_292_620_542_09);
    close(r.probabilistic_sharpe(0.0), 0.703_279_764_946_355_5);
    // The example of Bailey and López de Prado 2014: their deflated Sharpe ratio, 0.9004.
    let sharpe = 2.5 / 250f64.sqrt();
    let deflated = probabilistic_sharpe(sharpe, 0.113_172_001_865_132_14, 1250.0, -3.0, 10.0);
    close(deflated, 0.900_396_834_449_390_3);
}

#[test]
fn the_error_of_a_sharpe_ratio_is_that_of_normal_returns_for_normal_moments() {
    // Two-point returns have no skew and kurtosis 1: the radicand is 1, the error √(252 / (T − 1)).
    let flips: Vec<f64> = (0..60).map(|day| if day % 2 == 0 { 0.01 } else { -0.009 }).collect();
    close(returns(&flips).sharpe_error(), (252.0_f64 / 59.0).sqrt());
}

#[test]
fn what_does_not_exist_is_none() {
    let constant = returns(&[0.001; 30]);
    assert_eq!((constant.sharpe(0.0), constant.sortino(0.0)), (None, None));
    assert_eq!((constant.skewness(), constant.probabilistic_sharpe(0.0)), (None, None));
    assert_eq!((constant.calmar(), constant.profit_factor()), (None, None));
    assert_eq!(returns(&RETURNS).beta(&returns(&[0.001; 20])), None);
    let empty = returns(&[]);
    assert_eq!((empty.cumulative(), empty.cagr(), empty.volatility()), (None, None, None));
    assert_eq!((empty.max_drawdown(), empty.value_at_risk(), empty.hit_rate()), (None, None, None));
    assert_eq!((empty.conditional_value_at_risk(), empty.stability()), (None, None));
    let one = returns(&[0.01]);
    assert_eq!((one.volatility(), one.sharpe(0.0), one.sharpe_error()), (None, None, None));
    assert_eq!(turnover(1.0, 0.0, 1), None);
    assert_eq!(turnover(1.0, 1.0, 0), None);
}

#[test]
fn what_is_no_return_is_refused_by_its_place() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.01] {
        let error = Returns::new(vec![0.01, bad]).expect_err("no return");
        assert_eq!(error.index, 1);
        assert!(error.to_string().contains("return 1 is"), "{error}");
    }
    assert!(Returns::new(vec![-1.0]).is_ok());
}

#[test]
fn the_first_day_can_be_a_drawdown() {
    let r = returns(&[-0.1, 0.05]);
    close(r.max_drawdown(), -0.1);
    assert_eq!(r.drawdowns().len(), 2);
    close(returns(&[0.1, 0.1]).max_drawdown().map(|d| d + 1.0), 1.0);
}

#[test]
fn turnover_counts_one_way_and_a_year() {
    // $100,000 traded each way in 126 sessions on a NAV of $100,000: once round, twice a year.
    close(turnover(200_000.0, 100_000.0, 126), 2.0);
}
