#!/usr/bin/env bash
# The quadratic programme of risk against cvxpy on the same solver, on the same problems, in turn: the solver's section of
# BENCHMARKS.md. Wants python3.
# usage: deploy/bench/risk.sh [PROBLEMS]
set -euo pipefail
cd "$(dirname "$0")/../.."
export BENCH_WORK="${BENCH_WORK:-$(mktemp -d)}"
mkdir -p "$BENCH_WORK"
[ -x "$BENCH_WORK/venv/bin/python" ] || {
    python3 -m venv "$BENCH_WORK/venv"
    "$BENCH_WORK/venv/bin/pip" install --quiet cvxpy clarabel numpy
}
cargo build --locked --release --quiet --package risk --example solve
target="${CARGO_TARGET_DIR:-target}"
echo "# $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
"$BENCH_WORK/venv/bin/pip" list 2>/dev/null | grep -iE '^(cvxpy|clarabel|numpy) '
for names in 130 1000; do
    "$BENCH_WORK/venv/bin/python" deploy/bench/risk.py "$(realpath "$target/release/examples/solve")" "$names" "${1:-100}"
done
