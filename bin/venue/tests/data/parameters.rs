//! What is taken, what is refused, what is not there.

use super::*;

#[tokio::test]
async fn what_is_wrong_is_refused_in_a_body_without_a_code() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let (bars, crypto) =
        ("/v2/stocks/bars?timeframe=1Day", "/v1beta3/crypto/us/bars?timeframe=1Day");
    let malformed = "invalid symbol: BTCUSD does not match ^[A-Z]+x?/[A-Z]+$";
    for (path, words) in [
        (bars.to_owned(), "symbols is required"),
        (format!("{bars}&symbols="), "symbols is required"),
        (format!("{bars}&symbols=,"), "symbols is required"),
        (format!("{bars}&symbols=aapl"), "invalid symbol: aapl"),
        (format!("{bars}&symbols=AAPL,BRK-B"), "invalid symbol: BRK-B"),
        (format!("{bars}&symbols=BTC/USD"), "invalid symbol: BTC/USD"),
        ("/v2/stocks/A%20B/bars?timeframe=1Day".to_owned(), "invalid symbol: A B"),
        ("/v2/stocks/AAPL,MSFT/bars?timeframe=1Day".to_owned(), "invalid symbol: AAPL,MSFT"),
        ("/v2/stocks/bars?symbols=AAPL".to_owned(), "timeframe is required"),
        (format!("{bars}&symbols=AAPL&limit=0"), "limit must be between 1 and 10000"),
        (format!("{bars}&symbols=AAPL&limit=10001"), "limit must be between 1 and 10000"),
        (format!("{bars}&symbols=AAPL&limit=ten"), "limit must be"),
        (format!("{bars}&symbols=AAPL&sort=up"), "invalid sort: up"),
        (format!("{bars}&symbols=AAPL&start=yesterday"), "invalid start: yesterday"),
        (format!("{bars}&symbols=AAPL&start=2019-13-01"), "invalid start"),
        (format!("{bars}&symbols=AAPL&end=2019-01-01T00:00:00"), "invalid end"),
        (
            format!("{bars}&symbols=AAPL&start=2019-01-03&end=2019-01-02"),
            "end should not be before start",
        ),
        (format!("{bars}&symbols=AAPL&adjustment=splits"), "invalid adjustment: splits"),
        (format!("{bars}&symbols=AAPL&feed=nyse"), "invalid feed: nyse"),
        (format!("{bars}&symbols=AAPL&asof=today"), "invalid asof: today"),
        (format!("{bars}&symbols=AAPL&currency=EUR"), "invalid currency: EUR"),
        (format!("{bars}&symbols=AAPL&page_token=zz"), "invalid page_token"),
        // MSFT|D|1546300800000000000, from another question.
        (
            format!("{bars}&symbols=AAPL&page_token=TVNGVHxEfDE1NDYzMDA4MDAwMDAwMDAwMDA="),
            "page_token is of another request: MSFT is not asked for",
        ),
        (crypto.to_owned(), "symbols is required"),
        (format!("{crypto}&symbols=BTCUSD"), malformed),
        (format!("{crypto}&symbols=btc/usd"), "does not match"),
        (format!("{crypto}&symbols=x/USD"), "does not match"),
        (
            "/v1beta3/crypto/mars/bars?symbols=BTC/USD&timeframe=1Day".to_owned(),
            "invalid location: mars",
        ),
        ("/v2/stocks/trades?symbols=AAPL&limit=-1".to_owned(), "limit must be"),
        ("/v2/stocks/quotes?symbols=a".to_owned(), "invalid symbol: a"),
        ("/v2/stocks/snapshots".to_owned(), "symbols is required"),
        ("/v2/stocks/trades/latest".to_owned(), "symbols is required"),
        ("/v2/stocks/aapl/trades/latest".to_owned(), "invalid symbol: aapl"),
        ("/v1beta3/crypto/us/latest/orderbooks?symbols=BTCUSD".to_owned(), malformed),
        ("/v2/stocks/meta/conditions/trade".to_owned(), "tape is required"),
        ("/v2/stocks/meta/conditions/trade?tape=D".to_owned(), "invalid tape: D"),
    ] {
        let (status, body) = desk.ask(&path).await;
        assert_eq!((status, keys(&body)), (400, vec!["message"]), "{path}: {body}");
        assert!(body["message"].as_str().unwrap().contains(words), "{path}: {body}");
    }
    for frame in ["60Min", "24Hour", "2Day", "5Month", "Min", "1min", "0Min", "1Year", "1.5Hour"] {
        let (status, body) =
            desk.ask(&format!("/v2/stocks/bars?symbols=AAPL&timeframe={frame}")).await;
        assert_eq!(status, 400, "{frame}");
        assert!(body["message"].as_str().unwrap().contains("invalid timeframe"), "{body}");
    }
}

#[tokio::test]
async fn what_is_right_is_taken() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let bars = "/v2/stocks/bars?symbols=AAPL&start=2019-01-02";
    for frame in [
        "1Min", "59Min", "1T", "1Hour", "23H", "1Day", "1D", "1Week", "1W", "1Month", "2M",
        "3Month", "4M", "6Month", "12Month",
    ] {
        let answer = desk.get(&format!("{bars}&timeframe={frame}")).await;
        let some = answer["bars"].as_object().unwrap().len() == 1;
        assert_eq!(some, !frame.ends_with('M') && !frame.ends_with("Month"), "{frame}");
    }
    for more in [
        "feed=sip",
        "feed=iex",
        "asof=2019-01-05",
        "asof=-",
        "adjustment=raw",
        "adjustment=all",
        "adjustment=split,dividend",
        "adjustment=spin-off",
        "sort=desc",
        "limit=10000",
        "page_token=",
    ] {
        let answer = desk.get(&format!("{bars}&timeframe=1Day&{more}")).await;
        assert_eq!(items(&answer, "bars", "AAPL").len(), 11, "{more}");
        assert_eq!(keys(&answer), ["bars", "next_page_token"]);
    }
    let answer = desk.get(&format!("{bars}&timeframe=1Day&currency=USD")).await;
    assert_eq!(answer["currency"], "USD");
    for location in ["us", "us-1", "us-2", "eu-1", "bs-1"] {
        let path = format!("/v1beta3/crypto/{location}/latest/trades?symbols=BTC/USD");
        assert_eq!(keys(&desk.get(&path).await["trades"]), ["BTC/USD"]);
    }
}

#[tokio::test]
async fn nobody_knows_what_is_unknown() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let empty = |list: &str| json!({list: {}, "next_page_token": null});
    for list in ["bars", "trades", "quotes"] {
        let path = format!("/v2/stocks/{list}?symbols=NOSUCH&timeframe=1Day");
        assert_eq!(desk.get(&path).await, empty(list));
        let path = format!("/v1beta3/crypto/us/{list}?symbols=NO/SUCH&timeframe=1Day");
        assert_eq!(desk.get(&path).await, empty(list));
        let single = desk.get(&format!("/v2/stocks/NOSUCH/{list}?timeframe=1Day")).await;
        assert_eq!(single, json!({list: [], "symbol": "NOSUCH", "next_page_token": null}));
        let latest = desk.get(&format!("/v2/stocks/{list}/latest?symbols=NOSUCH,AAPL")).await;
        assert_eq!(keys(&latest[list]), ["AAPL"]);
        let (status, body) = desk.ask(&format!("/v2/stocks/NOSUCH/{list}/latest")).await;
        let words = format!("no {} found for NOSUCH", list.trim_end_matches('s'));
        assert_eq!((status, body), (404, json!({"message": words})));
    }
    assert_eq!(desk.get("/v2/stocks/snapshots?symbols=NOSUCH").await, json!({}));
    assert_eq!(desk.ask("/v2/stocks/NOSUCH/snapshot").await.0, 404);
    let none = desk.get("/v1beta3/crypto/us/snapshots?symbols=NO/SUCH").await;
    assert_eq!(none, json!({"snapshots": {}}));
    // What is traded elsewhere is not traded here.
    for feed in ["otc", "boats", "overnight"] {
        let path =
            format!("/v2/stocks/bars?symbols=AAPL&timeframe=1Day&start=2019-01-02&feed={feed}");
        assert_eq!(desk.get(&path).await, empty("bars"));
    }
    assert_eq!(desk.ask("/v2/stocks/orderbooks/latest?symbols=AAPL").await.0, 404);
    // A pair is no share, and a share no pair.
    assert_eq!(desk.get("/v2/stocks/snapshots?symbols=BTC").await, json!({}));
}

#[tokio::test]
async fn letters_are_explained() {
    let desk = Desk::at(10, 12, 0, 0).await;
    assert_eq!(desk.get("/v2/stocks/meta/exchanges").await["V"], "IEX");
    assert_eq!(desk.get("/v2/stocks/meta/conditions/trade?tape=A").await[" "], "Regular Sale");
    assert_eq!(desk.get("/v2/stocks/meta/conditions/trade?tape=C").await["@"], "Regular Sale");
    assert!(desk.get("/v2/stocks/meta/conditions/quote?tape=B").await["R"].is_string());
    assert_eq!(desk.ask("/v2/stocks/meta/conditions/news?tape=B").await.0, 404);
}
