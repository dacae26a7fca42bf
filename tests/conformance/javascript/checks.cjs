// The official JavaScript SDK against a venue: runs every check in order, prints one line of JSON for each.
"use strict";
const { checks, within } = require("./harness.cjs");
require("./trading.cjs");
require("./data.cjs");
require("./streams.cjs");

(async () => {
    for (const { name, run } of checks) {
        const error = await within(20_000, "the check", run()).then(() => null, (error) => error);
        console.log(JSON.stringify({ name, error: error && (error.stack ?? String(error)) }));
    }
    process.exit(0);
})();
