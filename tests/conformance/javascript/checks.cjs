// The official JavaScript SDK against a venue: prints one line of JSON a check.
// Arguments: the venue's URL, key id, secret key. Its clock is stepped; it begins at 10:00 on 2019-06-12.
"use strict";
const assert = require("node:assert/strict");
const sdk = require("@alpacahq/alpaca-trade-api");

const [url, keyId, secret] = process.argv.slice(2);
const checks = [];
const check = (name, run) => checks.push({ name, run });
const MINUTE = 60_000;
let now = Date.parse("2019-06-12T14:00:00Z");

/** A client of the SDK whose requests go to the venue instead of Alpaca's hosts. */
function client(options = {}) {
    const fetchApi = (address, init) => fetch(String(address).replace(/^https:\/\/[a-z.-]+\.markets/, url), init);
    return new sdk.Alpaca({ keyId, secret, fetchApi, rateLimit: false, retry: false, ...options });
}

const alpaca = client();
const { trading, marketData } = alpaca;

async function move(milliseconds) {
    now += milliseconds;
    const body = JSON.stringify({ now: new Date(now).toISOString() });
    const answer = await fetch(`${url}/aurora/v1/clock`, { method: "POST", body });
    assert.equal(answer.status, 200);
}

async function filled(input) {
    const order = await trading.orders.market(input);
    await move(MINUTE);
    return trading.orders.getOrderByOrderID({ orderId: order.id });
}

/** The error that `promise` has to fail with. */
async function failure(promise) {
    return promise.then(() => assert.fail("it did not fail"), (error) => error);
}

function within(milliseconds, what, promise) {
    const timeout = new Promise((_, reject) => {
        setTimeout(() => reject(new Error(`waited for ${what}`)), milliseconds).unref();
    });
    return Promise.race([promise, timeout]);
}

/** Runs `work` with a stream that the venue has acknowledged, and ends it. */
async function streaming(stream, subscribe, work) {
    const ready = new Promise((resolve) => stream.on(sdk.streaming.EVENT.SUBSCRIPTION, resolve));
    stream.onConnect(() => subscribe(stream));
    stream.connect();
    try {
        await within(10_000, "the subscription", ready);
        return await work();
    } finally {
        stream.disconnect();
    }
}

const tradeUpdates = () => trading.stream({ url: url.replace("http:", "ws:") + "/stream", reconnect: false });
const stocks = () => marketData.stockStream({ url: url.replace("http:", "ws:") + "/v2/iex", reconnect: false });
const coins = () => marketData.cryptoStream({
    url: url.replace("http:", "ws:") + "/v1beta3/crypto/us", reconnect: false,
});

check("reads the account", async () => {
    const account = await trading.account.getAccount();
    assert.equal(account.status, "ACTIVE");
    assert.equal(Number(account.equity), 100000);
});

check("validates its connection", async () => {
    assert.equal((await trading.validateConnection()).ok, true);
});

check("fails typed on a wrong key", async () => {
    const error = await failure(client({ secret: "wrong" }).trading.account.getAccount());
    assert.ok(error instanceof sdk.AuthError, String(error));
    assert.equal(error.status, 401);
    assert.equal((await client({ secret: "wrong" }).trading.validateConnection()).status, 401);
});

check("reads the clock", async () => {
    const clock = await trading.clock.legacyClock();
    assert.equal(clock.isOpen, true);
    assert.equal(new Date(clock.nextClose).toISOString(), "2019-06-12T20:00:00.000Z");
});

check("reads the calendar", async () => {
    const start = new Date("2019-07-01T12:00:00Z");
    const days = await trading.calendar.legacyCalendar({ start, end: new Date("2019-07-05T12:00:00Z") });
    assert.equal(days.length, 4);
    assert.deepEqual(days.map((day) => day.close), ["16:00", "16:00", "13:00", "16:00"]);
});

check("lists assets of both classes", async () => {
    const equities = await trading.assets.getV2Assets({ status: "active" });
    const pairs = await trading.assets.getV2Assets({ assetClass: "crypto" });
    assert.ok(equities.some((asset) => asset.symbol === "AAPL"));
    assert.ok(pairs.some((asset) => asset.symbol === "BTC/USD"));
});

check("finds an asset whose name has a slash", async () => {
    const asset = await trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "BTC/USD" });
    assert.equal(asset.symbol, "BTC/USD");
});

check("fails typed on an unknown asset", async () => {
    const error = await failure(trading.assets.getV2AssetsSymbolOrAssetId({ symbolOrAssetId: "ZZZZ" }));
    assert.ok(error instanceof sdk.NotFoundError, String(error));
    assert.deepEqual([error.status, error.code, error.message], [404, 40410000, "asset not found for ZZZZ"]);
});

check("buys at the market", async () => {
    const order = await filled({ symbol: "AAPL", qty: 10, side: "buy", clientOrderId: "js-1" });
    assert.deepEqual([order.status, order.filledQty, order.clientOrderId], ["filled", "10", "js-1"]);
    assert.ok(Number(order.filledAvgPrice) > 0 && order.filledAt instanceof Date);
});

check("buys for dollars", async () => {
    const order = await filled({ symbol: "SPY", notional: "500", side: "buy" });
    assert.equal(order.status, "filled");
    assert.equal(order.notional, "500");
});

check("places and cancels a limit order", async () => {
    const order = await trading.orders.limit({ symbol: "AAPL", qty: 1, side: "buy", limitPrice: "10.25" });
    assert.deepEqual([order.type, order.limitPrice, order.qty], ["limit", "10.25", "1"]);
    await trading.orders.deleteOrderByOrderID({ orderId: order.id });
    await move(MINUTE);
    const after = await trading.orders.getOrderByOrderID({ orderId: order.id });
    assert.equal(after.status, "canceled");
});

check("places stop, stop-limit and trailing-stop orders", async () => {
    const common = { symbol: "MSFT", qty: 1, side: "buy" };
    const stop = await trading.orders.stop({ ...common, stopPrice: 9000 });
    const limit = await trading.orders.stopLimit({ ...common, stopPrice: 9000, limitPrice: 9001 });
    const trail = await trading.orders.trailingStop({ ...common, trailPercent: 50 });
    assert.deepEqual([stop.type, limit.type, trail.type], ["stop", "stop_limit", "trailing_stop"]);
    assert.ok(Number(trail.hwm) > 0);
    await trading.orders.deleteAllOrders();
    await move(MINUTE);
});

check("replaces an order", async () => {
    const order = await trading.orders.limit({ symbol: "AAPL", qty: 2, side: "buy", limitPrice: 10 });
    await move(MINUTE);
    const patchOrderRequest = { qty: "3", limitPrice: "11" };
    const next = await trading.orders.patchOrderByOrderId({ orderId: order.id, patchOrderRequest });
    assert.notEqual(next.id, order.id);
    assert.deepEqual([next.replaces, next.qty, next.limitPrice], [order.id, "3", "11"]);
    await move(MINUTE);
    assert.equal((await trading.orders.getOrderByOrderID({ orderId: order.id })).status, "replaced");
    await trading.orders.deleteAllOrders();
    await move(MINUTE);
});

check("places a bracket", async () => {
    const order = await trading.orders.bracket({
        symbol: "TSLA", qty: 2, side: "buy", takeProfit: { limitPrice: 9000 }, stopLoss: { stopPrice: 1 },
    });
    assert.equal(order.orderClass, "bracket");
    assert.deepEqual(order.legs.map((leg) => leg.status), ["held", "held"]);
    await move(MINUTE);
    const nested = await trading.orders.getOrderByOrderID({ orderId: order.id, nested: true });
    assert.equal(nested.status, "filled");
    assert.equal(nested.legs.length, 2);
});

check("finds an order by its client order id", async () => {
    const order = await trading.orders.getOrderByClientOrderId({ clientOrderId: "js-1" });
    assert.equal(order.symbol, "AAPL");
});

check("lists orders by status, symbol and side", async () => {
    const closed = await trading.orders.getAllOrders({ status: "closed", symbols: ["AAPL"], side: "buy", limit: 500 });
    assert.ok(closed.length >= 4 && closed.every((order) => order.symbol === "AAPL"));
    const classes = await trading.orders.getAllOrders({ status: "all", assetClass: ["us_equity", "crypto"] });
    assert.ok(classes.length > closed.length);
});

check("fails typed on a refused order", async () => {
    const unknown = await failure(trading.orders.market({ symbol: "ZZZZ", qty: 1, side: "buy" }));
    assert.ok(unknown instanceof sdk.ValidationError, String(unknown));
    assert.equal(unknown.code, 42210000);
    const poor = await failure(trading.orders.limit({ symbol: "AAPL", qty: 1e6, side: "buy", limitPrice: 100 }));
    assert.ok(poor instanceof sdk.PermissionError, String(poor));
    assert.equal(poor.code, 40310000);
    const missing = await failure(trading.orders.getOrderByClientOrderId({ clientOrderId: "nobody" }));
    assert.ok(missing instanceof sdk.NotFoundError, String(missing));
});

check("reads positions", async () => {
    const held = await trading.positions.getOpenPosition({ symbolOrAssetId: "AAPL" });
    assert.deepEqual([held.side, held.qty, held.assetClass], ["long", "10", "us_equity"]);
    const all = await trading.positions.getAllOpenPositions();
    assert.ok(all.some((position) => position.assetId === held.assetId));
});

check("closes a part of a position", async () => {
    const order = await trading.positions.deleteOpenPosition({ symbolOrAssetId: "AAPL", qty: 4 });
    assert.deepEqual([order.side, order.qty], ["sell", "4"]);
    await move(MINUTE);
    assert.equal((await trading.positions.getOpenPosition({ symbolOrAssetId: "AAPL" })).qty, "6");
});

check("lists activities and follows their pages", async () => {
    const all = await trading.accountActivities.getAccountActivities({ activityTypes: ["FILL"] });
    assert.ok(all.length >= 4 && all.every((item) => item.activityType === "FILL"));
    const collected = await trading.collectActivities({ activityTypes: ["FILL"], pageSize: 2 });
    assert.deepEqual(collected.map((item) => item.id), all.map((item) => item.id));
});

check("reads the portfolio history", async () => {
    const history = await trading.portfolioHistory.getAccountPortfolioHistory({ period: "1D", timeframe: "5Min" });
    assert.ok(history.timestamp.length > 0 && history.timestamp.length === history.equity.length);
    assert.equal(typeof history.baseValue, "number");
});

check("changes a configuration", async () => {
    const accountConfigurations = { suspendTrade: true };
    const changed = await trading.accountConfigurations.patchAccountConfig({ accountConfigurations });
    assert.equal(changed.suspendTrade, true);
    await trading.accountConfigurations.patchAccountConfig({ accountConfigurations: { suspendTrade: false } });
    assert.equal((await trading.accountConfigurations.getAccountConfig()).suspendTrade, false);
});

check("keeps a watchlist", async () => {
    const createWatchlistRequest = { name: "js", symbols: ["AAPL"] };
    const list = await trading.watchlists.postWatchlist({ createWatchlistRequest });
    assert.deepEqual(list.assets.map((asset) => asset.symbol), ["AAPL"]);
    assert.equal((await trading.watchlists.getWatchlists()).length, 1);
    await trading.watchlists.deleteWatchlistById({ watchlistId: list.id });
    assert.equal((await trading.watchlists.getWatchlists()).length, 0);
});

check("trades a coin", async () => {
    const order = await trading.orders.submit({
        symbol: "BTC/USD", qty: "0.1", side: "buy", type: "market", timeInForce: "gtc",
    });
    await move(MINUTE);
    assert.equal((await trading.orders.getOrderByOrderID({ orderId: order.id })).status, "filled");
    const held = await trading.positions.getOpenPosition({ symbolOrAssetId: "BTCUSD" });
    assert.ok(Number(held.qty) < 0.1 && Number(held.qty) > 0.099);
});

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
        await move(Date.parse("2019-06-12T20:01:00Z") - now);
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
    await move(Date.parse("2019-06-13T15:00:00Z") - now);
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

(async () => {
    for (const { name, run } of checks) {
        const error = await within(20_000, "the check", run()).then(() => null, (error) => error);
        console.log(JSON.stringify({ name, error: error && (error.stack ?? String(error)) }));
    }
    process.exit(0);
})();
