// Websockets; at the end, everything is closed.
"use strict";
const {
    MINUTE, assert, check, client, clock, coins, filled, move, stocks, streaming, tradeUpdates, trading, url, within,
} = require("./harness.cjs");

check("hears trade updates", async () => {
    const stream = tradeUpdates();
    const seen = [];
    const done = new Promise((resolve) => stream.onTradeUpdate((update) => {
        seen.push(update);
        if (update.event === "fill") resolve();
    }));
    await streaming(stream, (it) => it.subscribeTradeUpdates(), async () => {
        const order = await filled({ symbol: "AAPL", qty: 1, side: "buy" });
        await within(10_000, "a fill", done);
        const fill = seen.at(-1);
        assert.deepEqual(seen.map((update) => update.event).slice(-2), ["new", "fill"]);
        assert.deepEqual([fill.order.id, Number(fill.qty), Number(fill.positionQty)], [order.id, 1, 7]);
        assert.equal(Number(fill.price), Number(order.filledAvgPrice));
    });
});

check("hears cancellations and expirations", async () => {
    const stream = tradeUpdates();
    const events = [];
    stream.onTradeUpdate((update) => events.push(`${update.event} ${update.order.clientOrderId}`));
    const until = async (wanted) => {
        for (let tries = 0; !events.includes(wanted); tries += 1) {
            assert.ok(tries < 1000, `no ${wanted} in ${events}`);
            await new Promise((resolve) => setTimeout(resolve, 10));
        }
    };
    await streaming(stream, (it) => it.subscribeTradeUpdates(), async () => {
        const limit = { symbol: "AAPL", qty: 1, side: "buy", limitPrice: 10 };
        const order = await trading.orders.limit({ ...limit, clientOrderId: "js-gone" });
        await trading.orders.deleteOrderByOrderID({ orderId: order.id });
        await move(MINUTE);
        await until("canceled js-gone");
        await trading.orders.limit({ ...limit, clientOrderId: "js-late" });
        await move(Date.parse("2019-06-12T20:01:00Z") - clock.now);
        await until("expired js-late");
    });
});

check("is told that its key is wrong on the trading stream", async () => {
    const options = { url: url.replace("http:", "ws:") + "/stream", reconnect: false };
    const stream = client({ secret: "wrong" }).trading.stream(options);
    stream.connect();
    assert.equal(await stream.waitForAuthentication(10_000), false);
    stream.disconnect();
});

check("submits and waits for the end of an order", async () => {
    await move(Date.parse("2019-06-13T15:00:00Z") - clock.now);
    const timer = setInterval(() => move(15_000), 100);
    try {
        const order = await trading.submitAndWait(
            { symbol: "AAPL", qty: 1, side: "buy", type: "market", timeInForce: "day" },
            { timeoutMs: 10_000, stream: tradeUpdatesConnected() });
        assert.equal(order.status, "filled");
    } finally {
        clearInterval(timer);
    }
});

/** `submitAndWait` subscribes by itself once the stream it is given is connected. */
function tradeUpdatesConnected() {
    const stream = tradeUpdates();
    setImmediate(() => stream.connect());
    return stream;
}

check("hears trades, quotes and bars of stocks with nanoseconds", async () => {
    const stream = stocks();
    const heard = {};
    const done = new Promise((resolve) => {
        const note = (kind) => (item) => {
            heard[kind] ??= item;
            if (Object.keys(heard).length === 3) resolve();
        };
        stream.onTrade(note("trade")).onQuote(note("quote")).onBar(note("bar"));
    });
    const subscribe = (it) => {
        it.subscribeForTrades(["AAPL"]);
        it.subscribeForQuotes(["AAPL"]);
        it.subscribeForBars(["*"]);
    };
    await streaming(stream, subscribe, async () => {
        await move(5 * MINUTE);
        await within(10_000, "trades, quotes and bars", done);
    });
    assert.ok(heard.trade.price > 0 && heard.trade.timestamp instanceof Date);
    assert.match(heard.trade.timestampRaw, /^2019-06-13T\d\d:\d\d:\d\d\.\d{9}Z$/);
    assert.ok(heard.quote.bidPrice < heard.quote.askPrice && heard.bar.volume > 0);
});

check("hears bars and order books of coins", async () => {
    const stream = coins();
    const heard = {};
    const done = new Promise((resolve) => {
        const note = (kind) => (item) => {
            heard[kind] ??= item;
            if (Object.keys(heard).length === 2) resolve();
        };
        stream.onBar(note("bar")).onOrderbook(note("book"));
    });
    const subscribe = (it) => {
        it.subscribeForBars(["BTC/USD"]);
        it.subscribeForOrderbooks(["BTC/USD"]);
    };
    await streaming(stream, subscribe, async () => {
        await move(5 * MINUTE);
        await within(10_000, "bars and books", done);
    });
    assert.equal(heard.bar.symbol, "BTC/USD");
    assert.ok(heard.book.bids[0].price < heard.book.asks[0].price);
});

check("closes all positions", async () => {
    const closed = await trading.closeAllPositions({ cancelOrders: true });
    assert.ok(closed.length >= 3);
    await move(MINUTE);
    assert.deepEqual(await trading.positions.getAllOpenPositions(), []);
});
