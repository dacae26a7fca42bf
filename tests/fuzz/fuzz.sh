#!/usr/bin/env bash
# Runs the fuzz targets, each for so many seconds (600), from its kept corpus; a finding ends with exit code 1 and its
# file under artifacts/. `fuzz.sh 60 message` runs one for a minute. Installs cargo-fuzz. The corpora are
# inputs that libFuzzer made from messages of our own, packed; nothing of anybody else's is in them.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-600}; [ $# -gt 0 ] && shift
work=${AURORA_FUZZ:-${XDG_CACHE_HOME:-$HOME/.cache}/aurora-fuzz}
export CARGO_TARGET_DIR=$work/target RUSTC_BOOTSTRAP=1 # libFuzzer's instrumentation is a nightly option of a stable compiler
cargo fuzz --version >/dev/null 2>&1 || { echo "fuzz: installing cargo-fuzz" >&2; cargo install cargo-fuzz --locked --quiet; }
[ $# -gt 0 ] || set -- $(cargo fuzz list --fuzz-dir tests/fuzz)
for target in "$@"; do
    echo "fuzz: $target for $seconds s" >&2
    corpus=$work/corpus/$target kept=tests/fuzz/corpus/$target.tar.gz
    mkdir -p "$corpus" "$work/artifacts/$target"
    [ -e "$kept" ] && tar xzf "$kept" -C "$corpus"
    cargo fuzz run --fuzz-dir tests/fuzz "$target" "$corpus" -- -max_total_time="$seconds" -max_len=8192 \
        -rss_limit_mb=2048 -timeout=10 -print_final_stats=1 -artifact_prefix="$work/artifacts/$target/" 2> "$work/$target.log" \
        || { tail -n 40 "$work/$target.log" >&2; echo "fuzz: $target: see $work/artifacts/$target and $work/$target.log" >&2; exit 1; }
    grep -E 'stat::number_of_executed_units|^Done' "$work/$target.log" >&2 || true
    if [ -n "${AURORA_FUZZ_KEEP:-}" ]; then # the smallest inputs that still reach every edge
        rm -rf "$corpus.least"; mkdir "$corpus.least"
        cargo fuzz run --fuzz-dir tests/fuzz "$target" "$corpus.least" "$corpus" -- -set_cover_merge=1 -use_counters=0 2>/dev/null
        tar czf "$kept" --sort=name --mtime=@0 --owner=0 --group=0 -C "$corpus.least" .
    fi
done
