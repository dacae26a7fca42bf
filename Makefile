# `make demo` and `make test` do all their set-up themselves on a bare Debian or Ubuntu with Rust; deploy/setup.sh says
# what to do elsewhere. CARGO_TARGET_DIR is respected.
.DEFAULT_GOAL := help
.PHONY: help demo test bench fuzz soak fmt setup build clean

BINARIES := $(abspath $(or $(CARGO_TARGET_DIR),target)/debug)
AURORA := $(BINARIES)/aurora

help: ## what there is
	@grep -hE '^[a-z]+:.*##' Makefile | sed 's/:.*## /\t/' | expand -t 10

setup: ## everything that cargo does not bring: nats-server, XGBoost, libclang
	@deploy/setup.sh

build: setup
	@cargo build --locked --package aurora --package venue

demo: build ## the main job, end to end: a venue, bars, a model, 60 traded sessions, a report
	@$(AURORA) demo

# The same generated cases each time, so that a change is to blame for what fails; PROPTEST_RNG_SEED=N make test draws others.
test: export PROPTEST_RNG_SEED ?= 11
test: ## all the checks: format, clippy, every test, the real nats-server, the Python oracles and Alpaca's clients included
	@deploy/setup.sh --python
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	cargo nextest run --locked --workspace --no-fail-fast
	AURORA_BIN=$(AURORA) VENUE_BIN=$(BINARIES)/venue .tools/venv/bin/python -m pytest -q tests/python tests/conformance

bench: setup ## the figures of BENCHMARKS.md
	@deploy/bench.sh

fuzz: ## libFuzzer on every door that foreign bytes come in by, ten minutes each (tests/fuzz/fuzz.sh SECONDS TARGET…)
	@tests/fuzz/fuzz.sh

SECONDS ?= 600
SEED ?= 1000
soak: ## every interleaving of a kill, then simulated days with all that goes wrong, for SECONDS=600 from SEED=1000 on; a failure says how to play its day again
	SIM_EXHAUSTIVE=1 cargo test --locked --package broker --test sim kill:: -- --nocapture
	SIM_SECONDS=$(SECONDS) SIM_FIRST=$(SEED) cargo test --locked --package broker --test sim soak -- --exact --nocapture

fmt: ## format the code
	@cargo fmt --all

clean:
	@cargo clean
