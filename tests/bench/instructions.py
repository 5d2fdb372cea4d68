#!/usr/bin/env python3
"""How many instructions one warm request costs, as callgrind counts them: no clock, so the same on a busy machine.

Compares each with instructions.json and fails where one costs a tenth more. `--keep` writes the file anew; `--profile FOLDER`
keeps what callgrind wrote, for callgrind_annotate, and the guest's code. Everything between the socket and the guest counts, the kernel does not."""
import argparse
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "deploy")]

# What the image runs: all of a program optimised at once. `tests/runner/cargo production` builds it.
os.environ.setdefault("TRM_PROFILE", "production")

from cluster import PROFILE, ROOT, TARGET, TRM, Cluster, get, until  # noqa: E402

BASELINE = HERE / "instructions.json"
JOB = "/api/jobs/650000000300000000000001"
# What is asked, and with which headers. The edge passes on what must be neither stored nor taken from a store.
PAST_EDGE = "Cache-Control: no-cache, no-store\r\n"
ASKED = {"edge hit": ([JOB], ""), "cached job": ([JOB], PAST_EDGE), "cached job, fresh": ([JOB.replace("/api/jobs", "/fresh")], PAST_EDGE),
         "health": (["/health"], "")}
# Where L1 has room for one entry, nine jobs by turns come from the store each time. Of two it would keep one.
ONE_KEY = {"uncached job": ([JOB[:-1] + digit for digit in "123456789"], PAST_EDGE)}
WARM, COUNTED = 300, 500
# Other than this much of the baseline is a change.
TOLERANCE = 0.10
# Valgrind knows AVX2 and nothing later.
LEVEL = "x86-64-v3"


def manifest(folder):
    """The job route alone, in a warm instance and in a fresh one: nothing else is compiled and nothing else runs."""
    spin = tomllib.loads((ROOT / "spin.toml").read_text())
    job = spin["component"]["jobs-by-id"]
    route = next(one["route"] for one in spin["trigger"]["http"] if one["component"] == "jobs-by-id")
    granted = job["tool"]["trm"]
    documents = ", ".join(f'{name} = "{access}"' for name, access in granted["documents"].items())
    file = folder / "spin.toml"
    text = 'spin_manifest_version = 2\n[application]\nname = "instructions"\n'
    for name, route, isolation in (("warm", route, "exclusive"), ("fresh", "/fresh/:id", "fresh")):
        text += f"""[[trigger.http]]
route = "{route}"
component = "{name}"
[component.{name}]
source = "{TARGET}/wasm32-wasip2/{PROFILE}/fn_jobs_by_id.wasm"
[component.{name}.tool.trm]
isolation = "{isolation}"
cache = {json.dumps(granted["cache"])}
documents = {{ {documents} }}
"""
    file.write_text(text)
    return file


def ask(connection, paths, headers, times):
    """One after the other on one connection, so that nothing happens side by side."""
    for turn in range(times):
        path = paths[turn % len(paths)]
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n".encode())
        head, _, body = connection.recv(65536).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200"), head
        length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
        while len(body) < length:
            body += connection.recv(65536)


def control(process, *words):
    subprocess.run(["callgrind_control", *words, str(process.pid)], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def totals(file):
    line = next(line for line in file.read_text().splitlines() if line.startswith(("summary:", "totals:")))
    return int(line.split()[1])


def of_host(cluster, name, asked, kept, settings):
    """What each of these costs in one host. One run for all, each into a file of its own; counting is off until it is warm."""
    counted, out = {}, cluster.folder / name
    host = cluster.host(name, ready=False, before=(
        "valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--instr-atstart=no", "--smc-check=none",
        "--max-stackframe=4000000"), **settings)
    until("the host answers", lambda: get(f"{host.url}{JOB}", timeout=60)[0] == 200, most=300)
    for part, (what, (paths, headers)) in enumerate(asked.items(), start=1):
        with socket.create_connection(("127.0.0.1", host.port), 60) as connection:
            ask(connection, paths, headers, WARM)
            control(host, "-i", "on")
            control(host, "-z")
            ask(connection, paths, headers, COUNTED)
            control(host, "-d")
            control(host, "-i", "off")
        wrote = until("callgrind wrote", lambda: next(cluster.folder.glob(f"{name}.{part}*"), None))
        counted[what] = round(totals(wrote) / COUNTED)
        if kept:
            shutil.copy(wrote, kept / f"{what.replace(',', '').replace(' ', '-')}.callgrind")
    host.stop(most=120)
    return counted


def count(cluster, kept):
    folder = cluster.folder
    file = manifest(folder)
    settings = {"TRM_MANIFEST": str(file), "TRM_DATA_DIR": str(folder / "data"), "TRM_MAX_INSTANCES": "6",
                "NODE_ENV": "production", "CACHE_L1_TTL": "3600", "TOKIO_WORKER_THREADS": "1",
                # Where valgrind and what controls it meet.
                "TMPDIR": tempfile.gettempdir()}
    subprocess.run([TRM, "build", "--cpu", LEVEL], env={"PATH": "/usr/bin:/bin", "HOME": "/", **settings}, check=True,
                   stdout=subprocess.DEVNULL)
    cluster.sample(**settings)
    counted = {**of_host(cluster, "counted", ASKED, kept, settings),
               **of_host(cluster, "one-key", ONE_KEY, kept, {**settings, "CACHE_L1_MAX_KEYS": "1"})}
    if kept:
        # The guest's functions have no names in the profile: `nm` tells which stands where in this.
        shutil.copy(next(folder.glob("target/trm/*.cwasm")), kept / "guest.cwasm")
    return counted


def main():
    words = argparse.ArgumentParser()
    words.add_argument("--keep", action="store_true")
    words.add_argument("--profile", type=pathlib.Path)
    words = words.parse_args()
    if words.profile:
        words.profile.mkdir(parents=True, exist_ok=True)
    subprocess.run([ROOT / "tests/runner/install.py", "valgrind"], check=True)
    with Cluster() as cluster:
        counted = count(cluster, words.profile)
    if words.keep:
        BASELINE.write_text(json.dumps(counted, indent=2) + "\n")
    baseline, failed = json.loads(BASELINE.read_text()), []
    for name, instructions in counted.items():
        change = instructions / baseline[name] - 1
        print(f"{name}: {instructions} instructions a request, {change:+.1%}")
        if change > TOLERANCE:
            failed.append(name)
        elif change < -TOLERANCE:
            print("  fewer than before: tests/bench/instructions.py --keep holds it there")
    passed = len(counted) - len(failed)
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {len(failed)} failed; more than a tenth above instructions.json fails")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
