#!/usr/bin/env bash
# Given weights, 130 names, 1,260 sessions, about 163,000 trades: `aurora backtest --weights` against the plain numpy loop,
# backtrader, zipline-reloaded and nautilus_trader, in turn, on the same panel: the backtest section of BENCHMARKS.md.
# Wants python3, a package registry for pip, and the folder AURORA_SHARED (default ../shared) with bench/ and data/.
# Panel, weights and the peers' environment stay in BENCH_WORK, so that a second run is quick.
# usage: deploy/bench/backtest.sh [ROUNDS [PEER…]], by default 3 rounds of every peer: numpy backtrader zipline nautilus
set -euo pipefail
cd "$(dirname "$0")/../.."
shared="$(realpath "${AURORA_SHARED:-../shared}")"
export BENCH_WORK="${BENCH_WORK:-$(mktemp -d)}"
export AURORA_REAL_DATA="${AURORA_REAL_DATA:-$shared/data}" PYTHONDONTWRITEBYTECODE=1
rounds="${1:-3}"
shift || true
peers=("${@:-numpy}")
[ $# -gt 0 ] || peers=(numpy backtrader zipline nautilus)
mkdir -p "$BENCH_WORK"
python="$BENCH_WORK/venv/bin/python"
[ -x "$python" ] || python3 -m venv "$BENCH_WORK/venv"
declare -A package=([numpy]=numpy [backtrader]=backtrader [zipline]="zipline-reloaded empyrical-reloaded>=0.7" [nautilus]=nautilus_trader)
"$python" -m pip install --quiet numpy pandas pyarrow polars
for peer in "${peers[@]}"; do
    # A peer that can't be installed here is said and left out of the table; the others are measured.
    # shellcheck disable=SC2086 # zipline's needs an empyrical that knows numpy 2, which pip wouldn't choose: two words
    "$python" -m pip install --quiet ${package[$peer]} || echo "# ${package[$peer]} can't be installed here" >&2
done
(
    cd "$shared/bench"
    [ -f "$BENCH_WORK/panel_130.parquet" ] || "$python" make_panels.py
    [ -f "$BENCH_WORK/feat_polars_130.parquet" ] || "$python" feat_polars.py 130 save
    [ -f "$BENCH_WORK/weights_130.parquet" ] || "$python" make_weights.py 130
)
cargo build --locked --release --quiet --package aurora
aurora="$(realpath "${CARGO_TARGET_DIR:-target}/release/aurora")"
[ -f "$BENCH_WORK/home/data/latest/prices.parquet" ] || "$aurora" --home "$BENCH_WORK/home" import \
    "$BENCH_WORK/panel_130.parquet" --universe "$shared/data/universe_130.csv" --sectors-as-of 2024-03-05 --allow-partial
echo "# $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version), load $(cut -d' ' -f1 /proc/loadavg)"
"$python" deploy/bench/backtest.py "$shared/bench" "$aurora" "$rounds" "${peers[@]}"
