"""Requests that one second of processor time serves, by kind of request; then the simulation for the mix of them.

Processor time is the host's own, as it exports it: so the load generator on the same cores takes nothing away.
"""
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "deploy")]

from cluster import Cluster, get, metric  # noqa: E402

JOB = "/api/jobs/650000000300000000000001"
# Shares as the document hopes: 85 % of reads are answered by the cache.
SHARES = {"cached": 0.85, "database": 0.15}


def measure(host, kind, seconds, script=None):
    """Requests for each second of the host's processor time, and the p95 at a light load."""
    path = {"cached": JOB, "database": "/api/jobs/66"}[kind]
    def wrk(connections, length):
        command = ["wrk", "-t1", f"-c{connections}", f"-d{length}s", "--latency", f"{host.url}{path}"]
        said = subprocess.run(command + (["-s", script] if script else []), check=True, capture_output=True, text=True).stdout
        # What is not there is asked of the database and answered 404.
        assert script or "Non-2xx" not in said, said
        return said
    wrk(4, 2)
    before = metric(host.url, "process_cpu_seconds_total")
    said = wrk(32, seconds)
    used = metric(host.url, "process_cpu_seconds_total") - before
    count = int(re.search(r"(\d+) requests in", said).group(1))
    light = re.search(r"99%\s+([\d.]+)(us|ms|s)", wrk(1, 3))
    p99 = float(light.group(1)) * {"us": 1e-6, "ms": 1e-3, "s": 1.0}[light.group(2)]
    return count / used, p99


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with Cluster() as cluster:
        redis, mongod = cluster.redis(), cluster.mongod()
        stores = {"MONGODB_URI": f"mongodb://127.0.0.1:{mongod.port}/trm", "REDIS_URL": f"redis://127.0.0.1:{redis.port}"}
        cluster.sample(**stores)
        host = cluster.host("measured", **stores)
        assert get(host.url + JOB)[0] == 200
        # Each request asks for what nobody has asked for before.
        script = cluster.folder / "cold.lua"
        script.write_text('local n = 0\nrequest = function() n = n + 1\n'
                          'return wrk.format(nil, wrk.path .. string.format("%022x", n)) end\n')
        core, slow = {}, 0.0
        for kind in SHARES:
            core[kind], p99 = measure(host, kind, seconds, script if kind == "database" else None)
            slow = max(slow, p99)
            print(f"{kind:9} {core[kind]:8.0f} requests for each second of processor time, p99 {p99 * 1000:.1f} ms alone")
    mixed = 1 / sum(share / core[kind] for kind, share in SHARES.items())
    print(f"at {SHARES['cached']:.0%} hits one core serves {mixed:.0f}/s\n", flush=True)
    sys.exit(subprocess.run([sys.executable, HERE / "simulate.py", str(mixed), "--service", f"{slow:.4f}"]).returncode)


if __name__ == "__main__":
    main()
