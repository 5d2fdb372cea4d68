"""Measures every subject turn by turn on the same cores and writes what it saw; starts and stops all it needs."""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import time

import languages
import measure
import report
from subjects import PAST_EDGE, ROOT, SECRETS, TRM, Cluster, get, install_node, subjects

JOB = "/api/jobs/650000000300000000000001"
ONE = [JOB]


def jobs(url):
    """Paths of jobs, as the list names them."""
    status, text = get(f"{url}/api/jobs?limit=100")
    assert status == 200, text
    return [f"/api/jobs/{job['id']}" for job in json.loads(text)["data"]]


def compare(running, paths, header, options, folder):
    """Requests a second of each, by rounds in which each has its turn."""
    rounds = []
    for number in range(options.rounds + 1):
        for process in running.values():
            # What the edge does not hold it would look for in Redis, for every request that may not be stored.
            get(f"{process.url}{paths[0]}")
        turn = {name: measure.flat_out(process.url, paths, header, options.connections, options.seconds, folder)
                for name, process in running.items()}
        # The first round warms.
        if number:
            rounds.append(turn)
            print("   ", ", ".join(f"{name} {rate:,.0f}/s" for name, rate in turn.items()), flush=True)
    return rounds


def throughput(cluster, found, options):
    folder, told = cluster.folder, {}
    running = {name: subject.start(cluster) for name, subject in found.items()}
    paths = jobs(running["trm exclusive"].url)
    print("cached job, through the component")
    told["cached job"] = compare(running, ONE, PAST_EDGE, options, folder)
    print("edge hit")
    pair = {name: running[name] for name in ("trm exclusive", "axum")}
    told["edge hit"] = compare(pair, ONE, None, options, folder)
    print("latency against load")
    top = measure.median([turn["trm exclusive"] for turn in told["cached job"]])
    curve = {name: [] for name in pair}
    for share in (0.1, 0.25, 0.5, 0.75, 0.9):
        for name, process in pair.items():
            p50, p99 = measure.at_rate(process.url, JOB, PAST_EDGE, share * top, options.connections, options.seconds, folder)
            curve[name].append({"share": share, "rate": share * top, "p50": p50, "p99": p99})
        print(f"    at {share:.0%} of {top:,.0f}/s:", ", ".join(f"{name} p99 {line[-1]['p99'] * 1e3:.2f} ms" for name, line in curve.items()), flush=True)
    for process in running.values():
        process.stop()
    print("uncached job, from MongoDB")
    small = {name: found[name].start(cluster, CACHE_L1_MAX_KEYS=1, REDIS_URL=None) for name in ("trm exclusive", "axum", "express")}
    told["uncached job"] = compare(small, paths, PAST_EDGE, options, folder)
    for process in small.values():
        process.stop()
    return told, curve


def by_language(cluster, subject, options):
    """The cached job of one host in each language, by rounds in which each has its turn."""
    print("cached job in other languages")
    process, rounds = subject.start(cluster), []
    for number in range(options.rounds + 1):
        turn = {language: measure.flat_out(process.url, [JOB.replace("/api/jobs", f"/{language}")], PAST_EDGE, options.connections,
                                           options.seconds, cluster.folder) for language in languages.LANGUAGES}
        # The first round warms.
        if number:
            rounds.append(turn)
            print("   ", ", ".join(f"{name} {rate:,.0f}/s" for name, rate in turn.items()), flush=True)
    process.stop()
    return rounds


def starts(cluster, found, rounds):
    told = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, subject in found.items():
            took, opened = measure.first_answer(subject, cluster, JOB)
            if number:
                told[name].append({"answer": took, "port": opened})
    for name, samples in told.items():
        print(f"    {name}: {measure.median([sample['answer'] for sample in samples]) * 1e3:.1f} ms", flush=True)
    return told


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each measurement")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--starts", type=int, default=20, help="processes started of each subject")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "target/bench/results")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    install_node()
    with Cluster() as cluster:
        redis, mongod = cluster.redis(), cluster.mongod()
        stores = {"MONGODB_URI": f"mongodb://127.0.0.1:{mongod.port}/trm", "REDIS_URL": f"redis://127.0.0.1:{redis.port}"}
        cluster.sample(**SECRETS, **stores)
        data = cluster.folder / "embedded"
        cluster.sample(**SECRETS, TRM_DATA_DIR=data)
        embedded, found = subjects({}, data), subjects(stores, data)
        print("cold start, phase by phase")
        env = {**embedded["trm exclusive"].env, "TRM_MAX_INSTANCES": "1000"}
        phases = json.loads(subprocess.run([TRM, "bench"], env=env, check=True, stdout=subprocess.PIPE).stdout)
        print("process start to first answer")
        first = {"trm, SQLite": embedded["trm exclusive"], "trm, MongoDB and Redis": found["trm exclusive"],
                 "axum, SQLite": embedded["axum"], "express, MongoDB and Redis": found["express"]}
        first = starts(cluster, first, options.starts)
        rates, curve = throughput(cluster, found, options)
        rates["language"] = by_language(cluster, languages.subject(found["trm exclusive"]), options)
        idle = embedded["trm exclusive"].start(cluster)
        time.sleep(20)
        memory = dict(zip(("resident", "own"), measure.resident(idle)))
        idle.stop()
    missing = [name for name in ("wasmtime", "spin") if not shutil.which(name)]
    report.write(options, {"cores": os.cpu_count(), "phases": phases, "first answer": first, "throughput": rates,
                           "latency": curve, "idle": memory, "not on the PATH": missing})


if __name__ == "__main__":
    main()
