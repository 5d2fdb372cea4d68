#!/usr/bin/env python3
"""What a use of the SDK adds to a component's size, held to the table in host/docs/reference.md.

tests/docs/sizes.py            builds tests/docs/sizes and compares
tests/docs/sizes.py --print    builds it and prints the table"""
import pathlib
import re
import subprocess
import sys

import markdown

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "tests/docs/sizes"
BUILT = ROOT / "target/wasm32-wasip2/release/examples"
REFERENCE = ROOT / "host/docs/reference.md"
HEAD = ["Use", "Adds (KB)", "Source"]
# How far a size may be from the table, in percent of it, and in any case.
PERCENT, KILOBYTES = 10, 10


def measure():
    """The size of each example in bytes, by its name."""
    command = ["cargo", "build", "--release", "--locked", "--examples", "--target", "wasm32-wasip2",
               "--target-dir", ROOT / "target", "--manifest-path", FOLDER / "Cargo.toml"]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, timeout=1200)
    names = sorted(path.stem for path in (FOLDER / "examples").glob("*.rs"))
    return {name: (BUILT / f"{name}.wasm").stat().st_size for name in names}


def table(text):
    """The table's figures in kilobytes, by the example that each row links to."""
    (rows,) = [rows for rows in markdown.tables(text) if rows[0] == HEAD]
    return {re.search(r"/([a-z_]+)\.rs\)", source)[1]: int(adds.replace(",", "")) for _, adds, source in rows[1:]}


def added(sizes):
    """What each example has more than the empty one, in kilobytes; of the empty one all."""
    empty = sizes["empty"]
    return {name: round((size - (empty if name != "empty" else 0)) / 1000) for name, size in sizes.items()}


def differences(measured, documented):
    """What is not as documented, as text."""
    found = [f"{name} is in one of both only" for name in sorted(measured.keys() ^ documented.keys())]
    for name in sorted(measured.keys() & documented.keys()):
        far = abs(measured[name] - documented[name])
        if far > max(KILOBYTES, documented[name] * PERCENT / 100):
            found.append(f"{name} adds {measured[name]} KB, the reference says {documented[name]} KB")
    return found


def main(arguments):
    """The exit status says whether the reference is right."""
    measured = added(measure())
    if arguments == ["--print"]:
        for name, adds in sorted(measured.items(), key=lambda entry: entry[1]):
            print(f"| {name} | {adds:,} | [{name}.rs](../../tests/docs/sizes/examples/{name}.rs) |")
        return 0
    found = differences(measured, table(REFERENCE.read_text()))
    print("\n".join(found) or f"{len(measured)} sizes are as documented")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
