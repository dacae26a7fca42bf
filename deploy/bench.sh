#!/usr/bin/env bash
# The figures of BENCHMARKS.md, measured here and now: release build, one thing at a time. Paired comparisons run their
# two sides in one process, alternating. About 15 minutes, most of it the first release build.
set -euo pipefail
cd "$(dirname "$0")/.."
target="${CARGO_TARGET_DIR:-target}"
aurora="$target/release/aurora"
home=$(mktemp -d); trap 'rm -rf "$home"' EXIT

echo "# $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
cargo build --locked --release --quiet --package aurora --package shell --examples --bins

echo "## hop: the shell against a bare async-nats loop doing the same publish, ack, read"
"$target/release/examples/hop_bench" 7 3000

measure() { # name, arguments of aurora
    local name=$1; shift
    /usr/bin/env time -f "$name: %e s, %U s user, %M KiB" "$aurora" "$@" --home "$home" --run "$name" --json >/dev/null 2>"$home/err" \
        || { cat "$home/err" >&2; exit 1; }
    tail -n 1 "$home/err"
}
command -v time >/dev/null || apt-get install -qy time >/dev/null
echo "## whole runs: wall time, user time, peak memory of the process"
measure demo demo
measure backtest backtest
if [ -e ../shared/data/equities_daily.parquet ]; then
    "$aurora" import ../shared/data/equities_daily.parquet --universe ../shared/data/universe_130.csv \
        --sectors ../shared/data/sectors.csv --events deploy/events.csv --home "$home" --json >/dev/null
    measure demo-real demo --bars "$home/data/latest/prices.parquet" --from 2022-01-03
    measure backtest-real backtest --bars "$home/data/latest/prices.parquet" --from 2022-01-03
fi
