// What the checks share: the SDK's clients pointed at a venue, and its clock.
// Arguments of the program: the venue's URL, key id, secret key. The clock is stepped; it begins at 10:00 on 2019-06-12.
"use strict";
const assert = require("node:assert/strict");
const sdk = require("@alpacahq/alpaca-trade-api");

const [url, keyId, secret] = process.argv.slice(2);
const checks = [];
const check = (name, run) => checks.push({ name, run });
const MINUTE = 60_000;
const clock = { now: Date.parse("2019-06-12T14:00:00Z") };

/** A client of the SDK whose requests go to the venue instead of Alpaca's hosts. */
function client(options = {}) {
    const fetchApi = (address, init) => fetch(String(address).replace(/^https:\/\/[a-z.-]+\.markets/, url), init);
    return new sdk.Alpaca({ keyId, secret, fetchApi, rateLimit: false, retry: false, ...options });
}

const { trading, marketData } = client();

async function move(milliseconds) {
    clock.now += milliseconds;
    const body = JSON.stringify({ now: new Date(clock.now).toISOString() });
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

module.exports = {
    MINUTE, assert, check, checks, client, clock, coins, failure, filled, marketData, move, sdk, stocks, streaming,
    tradeUpdates, trading, url, within,
};
