#!/bin/sh
# Makes the root of the final image: /app, the libraries that the host is linked with, certificates,
# and a writable /data for a container that is given no volume.
set -eu
to=$1
mkdir -p "$to/etc/ssl/certs" "$to/data" "$to/tmp"
cp -a /app "$to/app"
# Their artefacts serve without them.
find "$to/app/target" -name 'fn_*.wasm' -delete
# "libm.so.6 => /lib/…/libm.so.6 (0x…)", and the loader, which has no arrow.
ldd /app/trm | sed -n 's/.*=> \(\/[^ ]*\).*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' | while read -r library; do
  mkdir -p "$to$(dirname "$library")"
  cp -L "$library" "$to$library"
done
cp /etc/ssl/certs/ca-certificates.crt "$to/etc/ssl/certs/"
echo 'trm:x:1001:1001::/app:/none' >"$to/etc/passwd"
echo 'trm:x:1001:' >"$to/etc/group"
echo 'hosts: files dns' >"$to/etc/nsswitch.conf"
