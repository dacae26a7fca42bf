//! Pages add up, and time only adds.

use super::*;

/// One of the lists that come in pages, as a query without a limit.
fn histories() -> impl Strategy<Value = (&'static str, String)> {
    let stocks = prop::sample::subsequence(vec!["AAPL", "AMZN", "BRK.B", "NOSUCH", "GOOGL"], 1..5);
    let coins = prop::sample::subsequence(vec!["BTC/USD", "UNI/USD", "NO/USD"], 1..3);
    let list = prop_oneof![
        Just(("bars", "&timeframe=1Day&start=2019-01-01")),
        Just(("bars", "&timeframe=1Hour&start=2019-01-08&end=2019-01-14")),
        Just(("bars", "&timeframe=1Min&start=2019-01-15T20:00:00Z")),
        Just(("bars", "&timeframe=1Week&start=2018-12-01")),
        Just(("trades", "&start=2019-01-16T20:30:00Z")),
        Just(("quotes", "&start=2019-01-16T20:30:00Z&end=2019-01-16T21:30:00Z")),
    ];
    (stocks, coins, any::<bool>(), any::<bool>(), list).prop_map(
        |(stocks, coins, crypto, descending, (list, rest))| {
            let base = if crypto { "/v1beta3/crypto/us" } else { "/v2/stocks" };
            let symbols = if crypto { coins.join(",") } else { stocks.join(",") };
            let sort = if descending { "desc" } else { "asc" };
            (list, format!("{base}/{list}?symbols={symbols}&sort={sort}{rest}"))
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn small_pages_add_up_to_the_large_one((list, path) in histories(), limit in 3_usize..400) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let desk = Desk::at(9, 16, 0, 0).await;
            let (whole, one) = desk.pages(list, &format!("{path}&limit=10000")).await;
            let limit = limit.max(whole.len() / 40 + 1);
            let (parts, pages) = desk.pages(list, &format!("{path}&limit={limit}")).await;
            assert_eq!(one, 1);
            assert_eq!(pages, whole.len().div_ceil(limit).max(1));
            assert_eq!(parts, whole);
            for pair in whole.windows(2) {
                let later = read(&pair[1].1) > read(&pair[0].1);
                let ordered = if path.contains("desc") { !later } else { later };
                assert!(pair[0].0 < pair[1].0 || (pair[0].0 == pair[1].0 && ordered), "{pair:?}");
            }
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6))]

    /// As time goes by, what is shown only grows at its end: nothing of the future is there, and nothing of
    /// the past changes, but for the bar of a day that is not over.
    #[test]
    fn the_past_stays_and_the_future_is_not_there(
        seconds in prop::collection::btree_set(-20_000_i64..250_000, 4),
    ) {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let start = MARKET.calendar().sessions()[5].midnight;
            let times: Vec<Time> = seconds.iter().map(|s| Time(start.0 + s * SECOND)).collect();
            let desk = Desk::start(&MARKET, times[0]).await;
            let mut before: BTreeMap<String, Vec<(String, Value)>> = BTreeMap::new();
            for now in times {
                desk.step(now).await;
                for (list, rest, length) in [
                    ("trades", "", 0),
                    ("quotes", "", 0),
                    ("bars", "&timeframe=1Min", MINUTE),
                    ("bars", "&timeframe=1Day", 0),
                ] {
                    for base in ["/v2/stocks/{}?symbols=BA", "/v1beta3/crypto/us/{}?symbols=UNI/USD"] {
                        let path = base.replace("{}", list);
                        let path = format!("{path}&start=2019-01-09&end=2030-01-01&limit=10000{rest}");
                        let shown = desk.pages(list, &path).await.0;
                        assert!(shown.iter().all(|(_, item)| read(item).0 + length <= now.0));
                        let mut earlier = before.insert(path, shown.clone()).unwrap_or_default();
                        if rest.ends_with("1Day") {
                            earlier.pop();
                        }
                        assert_eq!(shown[..earlier.len()], earlier);
                    }
                }
            }
        });
    }
}
