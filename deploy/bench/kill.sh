#!/usr/bin/env bash
# From a kill to its last acknowledgement, six actors over a real nats-server: see actors/broker/examples/kill_bench.rs.
# usage: deploy/bench/kill.sh [KILLS]
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo build --locked --release --quiet --package broker --example kill_bench
target="${CARGO_TARGET_DIR:-target}"
echo "# $(nproc) cores, load $(cut -d' ' -f1-3 /proc/loadavg), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(rustc --version)"
exec "$target/release/examples/kill_bench" "${1:-1000}"
