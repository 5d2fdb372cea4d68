#!/bin/sh
# Puts what was built into one folder: the host without symbols, the components, the manifest.
set -eu
to=$1
mkdir -p "$to"
cp target/release/trm spin.toml "$to/"
# The last two where there are functions in these languages.
for folder in target/wasm32-wasip2/release target/javascript target/python; do
  for component in "$folder"/fn_*.wasm; do
    if [ -e "$component" ]; then
      mkdir -p "$to/$folder"
      cp "$component" "$to/$folder/"
    fi
  done
done
if command -v strip >/dev/null; then strip "$to/trm"; fi
