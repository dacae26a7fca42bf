// REST of market data.
"use strict";
const {
    assert, check, coins, marketData, stocks,
} = require("./harness.cjs");

const WEEK = { start: new Date("2019-06-03T00:00:00Z"), end: new Date("2019-06-08T00:00:00Z"), timeframe: "1Day" };

check("reads daily bars", async () => {
    const answer = await marketData.stocks.stockBars({ symbols: "AAPL,MSFT", feed: "sip", ...WEEK });
    assert.deepEqual([answer.bars.AAPL.length, answer.bars.MSFT.length, answer.nextPageToken ?? null], [5, 5, null]);
    const normal = await marketData.getStockBarsFor("AAPL", { feed: "sip", ...WEEK });
    assert.equal(normal.length, 5);
});

check("follows the pages of bars", async () => {
    const bars = await marketData.collectStockBarsBySymbol({ symbols: ["AAPL", "MSFT"], limit: 3, feed: "sip", ...WEEK });
    assert.deepEqual(Object.entries(bars).map(([symbol, list]) => [symbol, list.length]).sort(),
        [["AAPL", 5], ["MSFT", 5]]);
});

check("reads the latest price", async () => {
    const trades = await marketData.stocks.stockLatestTrades({ symbols: "AAPL", feed: "iex" });
    assert.equal(await marketData.getLatestPrice("AAPL"), trades.trades.AAPL.p);
});

check("reads snapshots and quotes", async () => {
    const snapshots = await marketData.stocks.stockSnapshots({ symbols: "AAPL" });
    assert.ok(snapshots.AAPL.dailyBar.v > 0 && snapshots.AAPL.latestQuote.ap > 0);
    const quotes = await marketData.stocks.stockLatestQuotes({ symbols: "AAPL" });
    assert.ok(quotes.quotes.AAPL.bp < quotes.quotes.AAPL.ap);
});

check("reads the market of coins", async () => {
    const bars = await marketData.crypto.cryptoBars({ loc: "us", symbols: "BTC/USD", ...WEEK });
    assert.equal(bars.bars["BTC/USD"].length, 6);
    const books = await marketData.crypto.cryptoLatestOrderbooks({ loc: "us", symbols: "BTC/USD" });
    assert.ok(books.orderbooks["BTC/USD"].a.length > 0);
    const snapshots = await marketData.crypto.cryptoSnapshots({ loc: "us", symbols: "BTC/USD" });
    assert.ok(snapshots.snapshots["BTC/USD"].latestTrade.p > 0);
});
