"""A host on MongoDB and Redis under a mixed load of constant rate, sampled until its time is over; breaks nothing.

Flat is: no request fails; and from the second third of the samples to the last the peak of memory grows by less than a
twentieth and 20 MiB (what the hash of one more password takes), the peak of descriptors by less than 8, and the median p99 by
less than half and 50 ms. The first third is for warming up."""
import math
import os
import pathlib
import statistics
import sys
import time

from chaos import JOBS, NEW, PAGES, RANKING
from cluster import Cluster, metric, sign_in
from rows import kinds, p99
from traffic import ask

UNITS = {"s": 1, "m": 60, "h": 3_600}
# The samples of a run, and the longest time between two: a token lives a quarter of an hour.
SAMPLES, APART = 24, 600
LOGIN = {"email": "admin@demo.example", "password": "demo-password"}
HEAD = "| After | Requests | Failed | p99 | Memory | Descriptors | Threads |\n|--:|--:|---|--:|--:|--:|--:|\n"
# Of each measure: its unit, what is taken of a third, the share by which that may grow, and what it may grow by besides.
BOUNDS = {"p99": ("ms", statistics.median, 0.5, 50), "memory": ("MiB", max, 0.05, 20), "descriptors": ("", max, 0, 8)}
# Reads by key, by page and by words; a sign-in; and writes that are taken back, so that the data stays as large as it is.
READS = [ask(JOBS), ask(RANKING), ask(PAGES), ask([f"/api/jobs/search?q={word}" for word in ("engineer", "berlin", "lead")])]
WRITES = [ask("/api/jobs", "POST", NEW), ask("/api/jobs/{acknowledged}", "DELETE")]
MIXED = [*(READS + WRITES) * 4, ask("/api/auth/login", "POST", LOGIN)]


def sample(host, seen):
    """What the last stretch of the load came to, and what the host holds now."""
    url = f"http://127.0.0.1:{host.metrics}"
    held = {name: metric(url, f"process_{of}") for name, of in
            [("memory", "resident_memory_bytes"), ("descriptors", "open_fds"), ("threads", "threads")]}
    held["memory"] /= 1 << 20
    return {"requests": len(seen), "failed": kinds(seen), "p99": p99(seen) or math.inf, **held}


def row(seconds, one):
    return (f"| {seconds:.0f} s | {one['requests']} | {one['failed']} | {one['p99']:.0f} ms | {one['memory']:.1f} MiB "
            f"| {one['descriptors']:.0f} | {one['threads']:.0f} |\n")


def not_flat(samples):
    """What is not as it should be, in words."""
    third = len(samples) // 3
    for name, (unit, taken, share, more) in BOUNDS.items():
        was, now = (taken([one[name] for one in part]) for part in (samples[third:2 * third], samples[2 * third:]))
        print(f"{name}: {was:.1f} {unit} in the second third, {now:.1f} {unit} in the last")
        if now > was * (1 + share) + more:
            yield f"{name} grew from {was:.1f} to {now:.1f} {unit}"
    if failed := [one["failed"] for one in samples if one["failed"] != "0"]:
        yield f"requests failed: {failed}"


def main(length):
    seconds = float(length[:-1]) * UNITS[length[-1]]
    with Cluster() as cluster:
        settings = {"MONGODB_URI": f"mongodb://127.0.0.1:{cluster.mongod().port}/trm",
                    "REDIS_URL": f"redis://127.0.0.1:{cluster.redis().port}"}
        cluster.sample(**settings)
        host = cluster.host("soak", **settings)
        samples, table, apart = [], HEAD, min(seconds / SAMPLES, APART)
        with cluster.traffic([host.place], MIXED, token=sign_in(host.url)) as traffic:
            print(HEAD, end="", flush=True)
            began = time.monotonic()
            while (passed := time.monotonic() - began) < seconds - apart / 2:
                time.sleep(max(0, apart * (len(samples) + 1) - passed))
                samples.append(sample(host, traffic.collect()))
                table += (line := row(apart * len(samples), samples[-1]))
                print(line, end="", flush=True)
                traffic.renew(sign_in(host.url))
        faults = list(not_flat(samples))
    if place := os.environ.get("TABLE"):
        pathlib.Path(place).write_text(table)
    if faults:
        sys.exit("\n".join(faults))
    print("test result: ok. 1 passed; 0 failed; a soak")


if __name__ == "__main__":
    main((sys.argv[1:] or ["2m"])[0])
