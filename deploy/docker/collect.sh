#!/bin/sh
# Puts what was built into one folder: the host without symbols, the components, the manifest.
#   collect.sh FOLDER [PROFILE=release]      PROFILE is the folder in which cargo left host and functions, `production` or `release`
set -eu
to=$1
profile=${2:-release}
mkdir -p "$to"
cp "target/$profile/trm" spin.toml "$to/"
# The manifest names the components where the profile `release` leaves them. The last two have functions in other languages.
for from in "target/wasm32-wasip2/$profile" target/javascript target/python; do
  folder=$from
  if [ "$from" = "target/wasm32-wasip2/$profile" ]; then folder=target/wasm32-wasip2/release; fi
  for component in "$from"/fn_*.wasm; do
    if [ -e "$component" ]; then
      mkdir -p "$to/$folder"
      cp "$component" "$to/$folder/"
    fi
  done
done
if command -v strip >/dev/null; then strip "$to/trm"; fi
