#!/usr/bin/env bash
# Training and scoring against Python's XGBoost, on the same matrix and the same model, in turn: the model's section of
# BENCHMARKS.md. Wants python3 and the folder AURORA_SHARED (default ../shared) with data/.
# usage: deploy/bench/model.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
shared="$(realpath "${AURORA_SHARED:-../shared}")"
export BENCH_WORK="${BENCH_WORK:-$(mktemp -d)}"
mkdir -p "$BENCH_WORK"
cargo build --locked --release --quiet --package aurora --bin aurora --example model_bench
target="${CARGO_TARGET_DIR:-target}"
aurora="$(realpath "$target/release/aurora")"
home="$BENCH_WORK/model-home"
[ -e "$home/model.json" ] || {
    "$aurora" import "$shared/data/equities_daily.parquet" --universe "$shared/data/universe_130.csv" \
        --sectors "$shared/data/sectors.csv" --events deploy/events.csv --home "$home" --json >/dev/null
    # A model that its audit refuses is none to time.
    "$aurora" train --home "$home" --json | tail -n 1 >"$home/model.json.new"
    mv "$home/model.json.new" "$home/model.json"
}
id="$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["model"]["id"])' "$home/model.json")"
[ -x "$BENCH_WORK/venv/bin/python" ] || python3 -m venv "$BENCH_WORK/venv"
"$BENCH_WORK/venv/bin/pip" install --quiet polars numpy scipy
export PYTHONPATH="$PWD/native" # the wheel whose library we link
echo "# $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
"$BENCH_WORK/venv/bin/pip" list 2>/dev/null | grep -iE '^(polars|numpy) '
"$BENCH_WORK/venv/bin/python" deploy/bench/model.py "$(realpath "$target/release/examples/model_bench")" \
    "$home/data/latest/feature_matrix.parquet" "$home/models" "$id" "${1:-3}"
