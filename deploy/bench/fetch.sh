#!/usr/bin/env bash
# `aurora fetch` against the simulated venue, paired with Alpaca's own Python client doing the same fetch to Parquet, and
# with a bare client that only reads the same pages: same venue, same run, alternating. Medians of ROUNDS (default 5).
# Prints the three figures of issue 3: wall against the pages alone, memory above the result, alpaca-py against aurora.
#   deploy/bench/fetch.sh [SYMBOLS=130] [SESSIONS=2520] [ROUNDS=5]
# Makes release builds in $CARGO_TARGET_DIR (PROFILE=debug SKIP_BUILD=1: what is there) and a Python with alpaca-py 0.44, pandas, pyarrow ($PYTHON; a venv is made without one).
set -euo pipefail
cd "$(dirname "$0")/../.."
symbols=${1:-130} sessions=${2:-2520} rounds=${3:-5}
target="${CARGO_TARGET_DIR:-target}/${PROFILE:-release}"
scratch=$(mktemp -d)
venue=""
trap '[ -n "$venue" ] && kill "$venue" 2>/dev/null; rm -rf "$scratch"' EXIT
if [ -z "${PYTHON:-}" ]; then
    python3 -m venv "$scratch/venv" && "$scratch/venv/bin/pip" -q install alpaca-py==0.44.0 pandas pyarrow
    PYTHON="$scratch/venv/bin/python"
fi
[ "${SKIP_BUILD:-}" ] || cargo build --locked --release --quiet --package aurora --package venue

"$target/venue" --symbols "$symbols" --sessions "$sessions" --listen 127.0.0.1:0 --data-rate-limit 1000000 \
    >"$scratch/venue.log" 2>&1 &
venue=$!
for _ in $(seq 600); do grep -q 127.0.0.1 "$scratch/venue.log" && break; sleep 0.1; done
address=$(grep -o '127\.0\.0\.1:[0-9]*' "$scratch/venue.log" | head -n 1)
export APCA_API_KEY_ID=key APCA_API_SECRET_KEY=secret VENUE="http://$address"
read -r from through < <("$PYTHON" deploy/bench/fetch_pages.py universe "$scratch/universe.csv")

fetch() { # one fresh `aurora fetch`: seconds, peak KiB
    rm -rf "$scratch/home"
    /usr/bin/time -f '%e %M' -o "$scratch/time" "$target/aurora" fetch --venue "$address" --universe "$scratch/universe.csv" \
        --from "$from" --through "$through" --home "$scratch/home" --json >"$scratch/said" 2>"$scratch/err" || { cat "$scratch/err" >&2; exit 1; }
    cat "$scratch/time"
}
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for round in $(seq "$rounds"); do
    fetch | tee -a "$scratch/aurora.txt" | sed "s/^/round $round aurora (s, KiB): /" >&2
    "$PYTHON" deploy/bench/fetch_pages.py pages "$scratch/universe.csv" "$from" "$through" >>"$scratch/bare.txt"
    "$PYTHON" deploy/bench/fetch_alpaca_py.py "$VENUE" "$scratch/universe.csv" "$from" "$through" "$scratch/py.parquet" >>"$scratch/py.txt"
done
ours=$(median <"$scratch/aurora.txt"); bare=$(median <"$scratch/bare.txt")
theirs=$(median <"$scratch/py.txt")
peak=$(sort -n -k2 "$scratch/aurora.txt" | tail -n 1 | cut -d' ' -f2)
rows=$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["rows"])' "$scratch/said")
file=$(stat -c %s "$scratch/home/data/latest/prices.parquet")
echo "$symbols symbols, $from to $through, adjusted and raw: $rows rows in $(tail -n 1 "$scratch/bare.txt" | cut -d' ' -f2) pages; medians of $rounds"
awk -v ours="$ours" -v bare="$bare" -v theirs="$theirs" -v peak="$peak" -v rows="$rows" -v file="$file" 'BEGIN {
    # In memory a row is six numbers of 8 bytes and a symbol: 24 bytes, and 32 of the heap for its letters.
    result = rows * (6 * 8 + 24 + 32) / 2 ^ 20; peak /= 2 ^ 10
    printf "aurora fetch        %.2f s, with gate, manifest, snapshot; the file has %.0f MiB\n", ours, file / 2 ^ 20
    printf "the pages alone     %.2f s, by a client that discards them: aurora takes %.2f times as long (goal: 1.3)\n", bare, ours / bare
    printf "alpaca-py 0.44.0    %.2f s to Parquet: %.1f times as long as aurora (goal: 5)\n", theirs, theirs / ours
    printf "peak memory         %.0f MiB, %.0f above the result of %.0f (goal: 400)\n", peak, peak - result, result
}'
