// REST of trading.
"use strict";
const {
    MINUTE, assert, check, client, clock, failure, filled, move, sdk, trading,
} = require("./harness.cjs");

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
