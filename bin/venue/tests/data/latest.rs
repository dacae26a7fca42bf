//! Trades, quotes, and what is latest.

use super::*;

#[tokio::test]
async fn trades_and_quotes_are_the_tapes() {
    let desk = Desk::at(10, 12, 0, 7).await;
    let (start, now) = (time(10, 11, 58, 0), time(10, 12, 0, 7));
    let (from, at) = (Time(start.0 - 1), text(start));
    let asset = MARKET.find("AAPL").unwrap();
    let answer = desk.get(&format!("/v2/stocks/trades?symbols=AAPL&start={at}")).await;
    let trades = items(&answer, "trades", "AAPL");
    let ticks: Vec<_> = MARKET.ticks(asset, from, now).collect();
    assert_eq!(trades.len(), ticks.len());
    for (trade, tick) in trades.iter().zip(&ticks) {
        let expected = json!({"t": text(tick.at), "x": "Q", "p": trade["p"], "s": trade["s"],
            "c": ["@"], "i": tick.id, "z": "C"});
        assert_eq!(*trade, expected);
        assert_eq!(
            (trade["p"].to_string(), trade["s"].to_string()),
            (tick.price.to_string(), tick.size.to_string())
        );
    }
    let answer = desk.get(&format!("/v2/stocks/BRK.B/quotes?start={at}&feed=iex")).await;
    let quotes: Vec<_> = MARKET.quotes(MARKET.find("BRK.B").unwrap(), from, now).collect();
    for (shown, quote) in answer["quotes"].as_array().unwrap().iter().zip(&quotes) {
        assert_eq!(keys(shown), ["ap", "as", "ax", "bp", "bs", "bx", "c", "t", "z"]);
        assert_eq!(
            (&shown["ax"], &shown["z"], &shown["c"]),
            (&json!("V"), &json!("A"), &json!(["R"]))
        );
        assert_eq!(shown["bp"].to_string(), quote.bid.to_string());
        assert_eq!(shown["as"].to_string(), quote.ask_size.to_string());
        assert!(float(shown, "bp") < float(shown, "ap"));
    }
    assert_eq!(answer["quotes"].as_array().unwrap().len(), quotes.len());
    let path = format!("?symbols=ETH/USD&start={at}");
    let answer = desk.get(&format!("/v1beta3/crypto/us/trades{path}")).await;
    let trade = &items(&answer, "trades", "ETH/USD")[0];
    assert_eq!(keys(trade), ["i", "p", "s", "t", "tks"]);
    let answer = desk.get(&format!("/v1beta3/crypto/us/quotes{path}")).await;
    assert_eq!(keys(&items(&answer, "quotes", "ETH/USD")[0]), ["ap", "as", "bp", "bs", "t"]);
}

#[tokio::test]
async fn snapshots_are_what_the_other_endpoints_say() {
    // In a session, before one, and long behind the last.
    for now in [time(10, 12, 0, 7), time(10, 8, 0, 0), time(10, 9, 30, 0), time(29, 300, 0, 0)] {
        let desk = Desk::start(&MARKET, now).await;
        for (base, symbol, latest, day) in [
            ("/v2/stocks", "AAPL", ["trades/latest", "quotes/latest", "bars/latest"], "2019-01-02"),
            (
                "/v1beta3/crypto/us",
                "DOT/USD",
                ["latest/trades", "latest/quotes", "latest/bars"],
                "2019-01-02",
            ),
        ] {
            let all = desk.get(&format!("{base}/snapshots?symbols={symbol}")).await;
            let snapshot =
                if base == "/v2/stocks" { &all[symbol] } else { &all["snapshots"][symbol] };
            assert_eq!(
                keys(snapshot),
                ["dailyBar", "latestQuote", "latestTrade", "minuteBar", "prevDailyBar"]
            );
            for (path, (list, member)) in latest.iter().zip([
                ("trades", "latestTrade"),
                ("quotes", "latestQuote"),
                ("bars", "minuteBar"),
            ]) {
                let answer = desk.get(&format!("{base}/{path}?symbols={symbol}")).await;
                assert_eq!(answer[list][symbol], snapshot[member], "{symbol} {member}");
            }
            let path = format!(
                "{base}/bars?symbols={symbol}&timeframe=1Day&start={day}&sort=desc&limit=2"
            );
            let days = desk.get(&path).await;
            let days = items(&days, "bars", symbol);
            assert_eq!([&snapshot["dailyBar"], &snapshot["prevDailyBar"]], [&days[0], &days[1]]);
            for (list, member) in [("trades", "latestTrade"), ("quotes", "latestQuote")] {
                let path = format!("{base}/{list}?symbols={symbol}&start={day}&sort=desc&limit=1");
                let last = desk.get(&path).await;
                assert_eq!(items(&last, list, symbol)[0], snapshot[member], "the last of history");
            }
            let (trade, quote) = (&snapshot["latestTrade"], &snapshot["latestQuote"]);
            assert_eq!(snapshot["dailyBar"]["c"], trade["p"]);
            assert!(
                float(quote, "bp") < float(trade, "p") && float(trade, "p") < float(quote, "ap")
            );
        }
        let single = desk.get("/v2/stocks/AAPL/snapshot").await;
        let mut expected = desk.get("/v2/stocks/snapshots?symbols=AAPL").await["AAPL"].clone();
        expected["symbol"] = json!("AAPL");
        assert_eq!(single, expected);
        for (list, name) in [("trades", "trade"), ("quotes", "quote"), ("bars", "bar")] {
            let single = desk.get(&format!("/v2/stocks/AAPL/{list}/latest")).await;
            let multi = desk.get(&format!("/v2/stocks/{list}/latest?symbols=AAPL")).await;
            assert_eq!(single, json!({"symbol": "AAPL", name: multi[list]["AAPL"]}));
        }
    }
}

#[tokio::test]
async fn before_anything_happened_there_is_nothing() {
    let desk = Desk::at(0, -24, 0, 0).await;
    assert_eq!(desk.get("/v2/stocks/snapshots?symbols=AAPL").await, json!({}));
    assert_eq!(desk.get("/v2/stocks/trades/latest?symbols=AAPL").await, json!({"trades": {}}));
    let books = desk.get("/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD").await;
    assert_eq!(books, json!({"orderbooks": {}}));
    for frame in ["1Min", "1Day", "1Week", "1Month"] {
        let path = format!("/v2/stocks/bars?symbols=AAPL&timeframe={frame}&start=2000-01-01");
        assert_eq!(desk.get(&path).await["bars"], json!({}));
    }
    desk.step(time(0, 9, 30, 0)).await;
    let snapshot = &desk.get("/v2/stocks/snapshots?symbols=AAPL").await["AAPL"];
    assert_eq!((&snapshot["minuteBar"], &snapshot["prevDailyBar"]), (&Value::Null, &Value::Null));
    assert_eq!(snapshot["dailyBar"]["n"], 1);
}

#[tokio::test]
async fn the_delayed_feed_is_a_quarter_of_an_hour_late() {
    let (late, then) = (Desk::at(10, 12, 0, 0).await, Desk::at(10, 11, 45, 0).await);
    for what in ["trades/latest", "quotes/latest", "bars/latest", "snapshots"] {
        let path = format!("/v2/stocks/{what}?symbols=AAPL,AMZN");
        let delayed = late.get(&format!("{path}&feed=delayed_sip")).await;
        assert_eq!(delayed, then.get(&path).await);
        assert_ne!(delayed, late.get(&path).await);
    }
}

#[tokio::test]
async fn order_books_surround_the_quote() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let books = desk.get("/v1beta3/crypto/us/latest/orderbooks?symbols=BTC/USD,SHIB/USD").await;
    let quotes = desk.get("/v1beta3/crypto/us/latest/quotes?symbols=BTC/USD,SHIB/USD").await;
    for symbol in ["BTC/USD", "SHIB/USD"] {
        let (book, quote) = (&books["orderbooks"][symbol], &quotes["quotes"][symbol]);
        assert_eq!(keys(book), ["a", "b", "t"]);
        assert_eq!(book["b"][0], json!({"p": quote["bp"], "s": quote["bs"]}));
        assert_eq!(book["a"][0], json!({"p": quote["ap"], "s": quote["as"]}));
        let prices = |side: &str| -> Vec<f64> {
            book[side].as_array().unwrap().iter().map(|level| float(level, "p")).collect()
        };
        assert!(prices("b").windows(2).all(|pair| pair[0] > pair[1]));
        assert!(prices("a").windows(2).all(|pair| pair[0] < pair[1]));
    }
}

#[tokio::test]
async fn auctions_are_the_first_trade_and_the_last() {
    let desk = Desk::at(10, 12, 0, 0).await;
    let answer = desk.get("/v2/stocks/auctions?symbols=AAPL&start=2019-01-02").await;
    let days = items(&answer, "auctions", "AAPL");
    assert_eq!(days.len(), 11);
    let asset = MARKET.find("AAPL").unwrap();
    for (day, bars) in days.iter().zip(MARKET.bars()) {
        assert_eq!(day["d"], json!(bars.session.to_string()));
        assert_eq!(float(&day["o"][0], "p"), bars.open[asset]);
        match day["c"].as_array().unwrap().first() {
            Some(closing) => assert_eq!(float(closing, "p"), bars.close[asset]),
            None => assert_eq!(bars.session, MARKET.bars()[10].session, "still open"),
        }
    }
    let page = desk.get("/v2/stocks/AAPL/auctions?start=2019-01-02&limit=10").await;
    assert!(page["next_page_token"].is_string());
}
