#!/usr/bin/env bash
# The 45 features against polars and pandas, on the same panels of real bars, alternating, CPU seconds: the features
# section of BENCHMARKS.md. Wants python3 and the folder AURORA_SHARED (default ../shared) with bench/ and data/.
# usage: deploy/bench/features.sh [ROUNDS]
set -euo pipefail
cd "$(dirname "$0")/../.."
shared="$(realpath "${AURORA_SHARED:-../shared}")"
export BENCH_WORK="${BENCH_WORK:-$(mktemp -d)}"
mkdir -p "$BENCH_WORK"
[ -x "$BENCH_WORK/venv/bin/python" ] || {
    python3 -m venv "$BENCH_WORK/venv"
    "$BENCH_WORK/venv/bin/pip" install --quiet polars pandas numpy pyarrow
}
cargo build --locked --release --quiet --package features --example features_bench
target="${CARGO_TARGET_DIR:-target}"
echo "# $(nproc) cores, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
"$BENCH_WORK/venv/bin/pip" list 2>/dev/null | grep -E '^(polars|pandas|numpy) '
for names in 130 1000; do
    "$BENCH_WORK/venv/bin/python" deploy/bench/features.py "$shared" "$(realpath "$target/release/examples/features_bench")" "$names" "${1:-3}"
done
