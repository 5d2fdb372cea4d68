#!/bin/sh
# Puts what was built into one folder: the host without symbols, the components, the manifest.
set -eu
to=$1
mkdir -p "$to/target/wasm32-wasip2/release"
cp target/release/trm spin.toml "$to/"
cp target/wasm32-wasip2/release/fn_*.wasm "$to/target/wasm32-wasip2/release/"
if command -v strip >/dev/null; then strip "$to/trm"; fi
