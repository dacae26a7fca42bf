//! Bars of every length.

use super::*;

#[tokio::test]
async fn daily_bars_are_the_markets_with_all_eight_fields() {
    let desk = Desk::at(20, 20, 0, 0).await;
    let answer =
        desk.get("/v2/stocks/bars?symbols=AAPL,BRK.B,NOSUCH&timeframe=1Day&start=2019-01-01").await;
    assert_eq!(answer["next_page_token"], Value::Null);
    assert_eq!(keys(&answer["bars"]), ["AAPL", "BRK.B"]);
    for symbol in ["AAPL", "BRK.B"] {
        let (bars, asset) = (items(&answer, "bars", symbol), MARKET.find(symbol).unwrap());
        assert_eq!(bars.len(), 21);
        for (session, (bar, day)) in bars.iter().zip(MARKET.bars()).enumerate() {
            assert_eq!(keys(bar), ["c", "h", "l", "n", "o", "t", "v", "vw"]);
            assert_eq!(bar["t"], json!(format!("{}T05:00:00Z", day.session)));
            let row = [&day.open, &day.high, &day.low, &day.close].map(|column| column[asset]);
            assert_eq!(["o", "h", "l", "c"].map(|key| float(bar, key)), row);
            assert_eq!(bar["v"], json!(day.volume[asset] as u64), "an integer");
            let (trades, vwap) = MARKET.trades_and_vwap(asset, session);
            assert_eq!((&bar["n"], float(bar, "vw")), (&json!(trades), vwap));
        }
    }
    let single = desk.get("/v2/stocks/AAPL/bars?timeframe=1D&start=2019-01-01").await;
    assert_eq!(single["bars"], answer["bars"]["AAPL"]);
    assert_eq!(single["symbol"], "AAPL");
    let pairs = "BTC/USD,ETH%2FUSD,NO/USD";
    let coins = format!("/v1beta3/crypto/us/bars?symbols={pairs}&timeframe=1Day&start=2019-01-01");
    let answer = desk.get(&coins).await;
    assert_eq!(keys(&answer["bars"]), ["BTC/USD", "ETH/USD"]);
    let days = MARKET.days(AssetClass::Crypto);
    let bars = items(&answer, "bars", "BTC/USD");
    // Today's, too: at 20:00 in New York on 31 January it is February in UTC.
    let row = MARKET.find("BTC/USD").unwrap() - MARKET.equities().len();
    assert_eq!(bars.len(), 31);
    for (bar, day) in bars.iter().zip(days).take(30) {
        assert_eq!(bar["t"], json!(format!("{}T00:00:00Z", day.session)));
        assert_eq!((float(bar, "c"), float(bar, "v")), (day.close[row], day.volume[row]));
    }
}

#[tokio::test]
async fn daylight_saving_moves_midnight() {
    let config = SyntheticConfig {
        symbols: 1,
        sessions: 5,
        first: date(2019, 3, 7),
        ..SyntheticConfig::default()
    };
    let market = Arc::new(Market::synthetic(&config));
    let desk = Desk::start(&market, market.calendar().sessions()[4].close).await;
    let answer = desk.get("/v2/stocks/GOOGL/bars?timeframe=1Day&start=2019-03-01").await;
    let stamps: Vec<&str> =
        answer["bars"].as_array().unwrap().iter().map(|bar| bar["t"].as_str().unwrap()).collect();
    assert_eq!(
        stamps[..3],
        ["2019-03-07T05:00:00Z", "2019-03-08T05:00:00Z", "2019-03-11T04:00:00Z"]
    );
}

/// Each longer frame is what the shorter ones add up to.
#[tokio::test]
async fn frames_add_up() {
    let desk = Desk::at(25, 17, 0, 0).await;
    for (base, symbol) in [("/v2/stocks/bars", "AMZN"), ("/v1beta3/crypto/us-1/bars", "SHIB/USD")] {
        let bars = async |frame: &str| -> Vec<Value> {
            let path = format!("{base}?symbols={symbol}&start=2018-12-30&limit=10000");
            let (all, _) = desk.pages("bars", &format!("{path}&timeframe={frame}")).await;
            all.into_iter().map(|(_, bar)| bar).collect()
        };
        for (long, short) in [
            ("1Day", "1Min"),
            ("1Day", "7Min"),
            ("1Day", "1Hour"),
            ("4Hour", "1Min"),
            ("1Week", "1Day"),
            ("1Month", "1Day"),
            ("12Month", "1Month"),
        ] {
            let (long_bars, mut rest) = (bars(long).await, bars(short).await);
            assert!(!long_bars.is_empty() && rest.len() > long_bars.len());
            for (n, bar) in long_bars.iter().enumerate() {
                let end = long_bars.get(n + 1).map_or(i64::MAX, |next| read(next).0);
                let behind = rest.iter().position(|short| read(short).0 >= end);
                let later = rest.split_off(behind.unwrap_or(rest.len()));
                assert!(rest.iter().all(|short| read(short) >= read(bar)));
                assert!(shows(bar, &together(&rest)), "{symbol} {long} {bar} of {short} {rest:?}");
                let value: f64 = rest.iter().map(|x| float(x, "vw") * float(x, "v")).sum();
                let vwap = value / float(bar, "v");
                assert!((vwap - float(bar, "vw")).abs() < 1e-4 * vwap, "{bar} {vwap}");
                rest = later;
            }
            assert!(rest.is_empty());
        }
    }
}

#[tokio::test]
async fn bars_begin_where_alpacas_do() {
    let desk = Desk::at(25, 17, 0, 0).await;
    let stamps = async |path: &str| -> Vec<String> {
        let answer = desk.get(path).await;
        let lists = answer["bars"].as_object().unwrap().values();
        lists
            .flat_map(|bars| bars.as_array().unwrap())
            .map(|bar| bar["t"].as_str().unwrap().to_owned())
            .collect()
    };
    let stocks = "/v2/stocks/bars?symbols=AAPL&start=2019-01-01";
    let coins = "/v1beta3/crypto/us/bars?symbols=BTC/USD&start=2019-01-01";
    let day = "2019-01-03T";
    let hours = stamps(&format!("{stocks}&timeframe=1Hour&limit=7")).await;
    assert_eq!((&*hours[0], &*hours[6]), ("2019-01-02T14:00:00Z", "2019-01-02T20:00:00Z"));
    let quarters = stamps(&format!("{stocks}&timeframe=15Min&limit=1")).await;
    assert_eq!(quarters, ["2019-01-02T14:30:00Z"]);
    let weeks = stamps(&format!("{stocks}&timeframe=1Week")).await;
    assert_eq!(weeks[0], "2019-01-07T05:00:00Z", "2018-12-31 lies before the start");
    let months = stamps(&format!("{stocks}&timeframe=1Month")).await;
    assert_eq!(months, ["2019-01-01T05:00:00Z", "2019-02-01T05:00:00Z"]);
    assert_eq!(stamps(&format!("{stocks}&timeframe=6M")).await, ["2019-01-01T05:00:00Z"]);
    let four = stamps(&format!("{coins}&timeframe=4Hour&limit=10")).await;
    let on_third: Vec<&str> =
        four.iter().filter_map(|stamp| stamp.strip_prefix(day)).take(3).collect();
    assert_eq!(on_third, ["00:00:00Z", "04:00:00Z", "08:00:00Z"]);
    let weeks = stamps(&format!("{coins}&timeframe=1Week")).await;
    assert_eq!(weeks[0], "2019-01-07T00:00:00Z");
}

#[tokio::test]
async fn bounds_are_inclusive_and_dates_are_whole_days() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let count = async |query: &str| -> usize {
        let answer = desk.get(&format!("/v2/stocks/AAPL/bars?timeframe={query}")).await;
        answer["bars"].as_array().unwrap().len()
    };
    assert_eq!(count("1Day&start=2019-01-03T05:00:00Z&end=2019-01-04T05:00:00Z").await, 2);
    assert_eq!(
        count("1Day&start=2019-01-03T05:00:00.000000001Z&end=2019-01-04T00:00:00-05:00").await,
        1
    );
    assert_eq!(count("1Day&start=2019-01-03&end=2019-01-04").await, 2);
    assert_eq!(count("1Min&start=2019-01-03&end=2019-01-03").await, 390);
    assert_eq!(count("1Min&start=2019-01-03T14:30:00Z&end=2019-01-03T14:32:00Z").await, 3);
    assert_eq!(count("1Day&start=2019-01-05&end=2019-01-06").await, 0, "a weekend");
    // Without a start, today; without an end, now. The day so far is one of the bars.
    assert_eq!(count("1Min").await, 150);
    assert_eq!(count("1Day").await, 1);
    assert_eq!(count("1Day&start=2019-01-02&end=2030-01-01").await, 11);
    assert_eq!(count("1Day&start=2030-01-01").await, 0);
    assert_eq!(count("1Day&start=").await, 1, "empty is absent");
    let answer = desk.get("/v1beta3/crypto/us/bars?symbols=BTC/USD&timeframe=1Hour").await;
    assert_eq!(items(&answer, "bars", "BTC/USD").len(), 17, "since midnight in UTC");
}

/// Two for one after the first of two days.
#[tokio::test]
async fn prices_are_as_traded_or_adjusted_for_the_split() {
    let mut days = [Bars::empty(date(2024, 1, 2)), Bars::empty(date(2024, 1, 3))];
    days[0].push("A".into(), [50.0, 52.0, 49.0, 51.5, 2_000_000.0, 103.0]);
    days[1].push("A".into(), [51.0, 53.0, 50.0, 52.5, 1_000_000.0, 52.5]);
    let sectors = BTreeMap::from([("A".into(), "Energy".to_owned())]);
    let market = Arc::new(Market::from_bars(days.into(), &sectors).unwrap());
    let desk = Desk::start(&market, market.calendar().sessions()[1].close).await;
    let bars = async |query: &str| -> Vec<[f64; 6]> {
        let answer = desk.get(&format!("/v2/stocks/A/bars?start=2024-01-01&{query}")).await;
        let list = answer["bars"].as_array().unwrap().iter();
        list.map(|bar| ["o", "h", "l", "c", "v", "vw"].map(|key| float(bar, key))).collect()
    };
    let second = [51.0, 53.0, 50.0, 52.5, 1e6, 51.625];
    let (raw, split) =
        ([100.0, 104.0, 98.0, 103.0, 1e6, 101.25], [50.0, 52.0, 49.0, 51.5, 2e6, 50.625]);
    for adjustment in
        ["", "&adjustment=raw", "&adjustment=dividend", "&adjustment=spin-off,dividend"]
    {
        assert_eq!(bars(&format!("timeframe=1Day{adjustment}")).await, [raw, second]);
    }
    for adjustment in ["split", "all", "split,spin-off"] {
        assert_eq!(bars(&format!("timeframe=1Day&adjustment={adjustment}")).await, [split, second]);
    }
    let week = bars("timeframe=1Month&adjustment=split").await;
    assert_eq!(week, [[50.0, 53.0, 49.0, 52.5, 3e6, 50.958_333]]);
    let minutes = bars("timeframe=23Hour&end=2024-01-02").await;
    assert_eq!(minutes[0][..4], raw[..4]);
    assert_eq!(minutes[0][4], 1e6);
}
