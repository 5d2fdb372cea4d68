"""Measures every subject turn by turn on the same cores and writes what it saw; starts and stops all it needs."""
import argparse
import json
import os
import pathlib
import subprocess
import time

import beside
import languages
import measure
import report
import work
from subjects import ROOT, SECRETS, TRM, Cluster, get, install_node, subjects

ISOLATIONS = ("trm exclusive", "trm fresh", "trm shared")
# What is asked flat out; of the most of the slowest subject, the half is asked at a fixed rate.
HALF = 0.5


class Bench:
    """What all scenarios of one run share."""

    def __init__(self, cluster, options):
        self.cluster, self.options, self.told = cluster, options, {}

    def scenario(self, title, running, make, back=None):
        """Flat out, by rounds in which each subject has its turn; then all at one rate. `make` says what is asked,
        `back` takes back what was written and says how much that was."""
        print(title)
        # The sessions of all are begun before any is measured, and what was written is gone again.
        work.alike({name: process.url for name, process in running.items()}, make())
        if back:
            back()
        rounds = []
        for number in range(self.options.rounds + 1):
            asked, turn = make(), {}
            for name, process in running.items():
                if not asked.body:
                    # What the edge does not hold it would look for in Redis, for every request that may not be stored.
                    get(f"{process.url}{asked.paths[0]}")
                turn[name], answered = measure.flat_out(process.url, asked, self.options.connections, self.options.seconds, self.cluster.folder)
                assert not back or back() >= answered, f"{name} has answered writes that are not there"
            # The first round warms.
            if number:
                rounds.append(turn)
                print("   ", ", ".join(f"{name} {rate:,.0f}/s" for name, rate in turn.items()), flush=True)
        rate = HALF * min(measure.median([turn[name] for turn in rounds]) for name in running)
        steady = {name: self.at_rate(process, make(), rate, back) for name, process in running.items()}
        print(f"    at {rate:,.0f}/s:", ", ".join(f"{name} p99 {at['p99'] * 1e3:.2f} ms" for name, at in steady.items()), flush=True)
        self.told[title] = {"rounds": rounds, "steady": steady}

    def at_rate(self, process, asked, rate, back=None):
        at = measure.at_rate(process.url, asked, rate, self.options.connections, self.options.seconds, self.cluster.folder)
        assert not back or back() > 0
        return at

    def curve(self, running):
        """The cached job at shares of what the component can do."""
        print("latency against load")
        top = measure.median([turn["trm exclusive"] for turn in self.told["cached job"]["rounds"]])
        curve = {name: [] for name in running}
        for share in (0.1, 0.25, 0.5, 0.75, 0.9):
            for name, process in running.items():
                curve[name].append({"share": share, **self.at_rate(process, work.job(), share * top)})
            print(f"    at {share:.0%} of {top:,.0f}/s:", ", ".join(f"{name} p99 {line[-1]['p99'] * 1e3:.2f} ms" for name, line in curve.items()), flush=True)
        return curve

    def routes(self, found, uri):
        """The marketplace's routes in every isolation, in axum and in Express; the curve of the cached job."""
        names = (*ISOLATIONS, "axum", "express")
        running = {name: found[name].start(self.cluster) for name in names}
        pair = {name: running[name] for name in ("trm exclusive", "axum")}
        trm, back = running["trm exclusive"].url, lambda: work.take_back(uri)
        every_job = work.each_job(trm)
        self.scenario("cached job", running, work.job)
        self.scenario("edge hit", pair, work.edge)
        self.scenario("cached list", running, work.page)
        self.scenario("write", running, lambda: work.write(trm), back)
        curve = self.curve(pair)
        stop(running)
        small = {name: found[name].start(self.cluster, CACHE_L1_MAX_KEYS=1, REDIS_URL=None) for name in names}
        self.scenario("uncached job", small, lambda: every_job)
        self.scenario("uncached list", small, work.each_page)
        stop(small)
        return curve

    def languages(self, subject):
        """The cached job of one host in each language, by rounds in which each has its turn."""
        print("cached job in other languages")
        process, rounds = subject.start(self.cluster), []
        for number in range(self.options.rounds + 1):
            turn = {}
            for language in languages.LANGUAGES:
                asked = work.Work([work.JOB.replace("/api/jobs", f"/{language}")], work.PAST_EDGE)
                turn[language], _ = measure.flat_out(process.url, asked, self.options.connections, self.options.seconds, self.cluster.folder)
            # The first round warms.
            if number:
                rounds.append(turn)
                print("   ", ", ".join(f"{name} {rate:,.0f}/s" for name, rate in turn.items()), flush=True)
        process.stop()
        self.told["language"] = {"rounds": rounds, "steady": {}}

    def components(self, embedded, found):
        """The same components under other hosts, as far as those are here."""
        running = {name: embedded[name].start(self.cluster) for name in ISOLATIONS}
        running.update({name: subject.start(self.cluster) for name, subject in found.items()})
        self.scenario("one component", running, beside.openapi)
        if "spin up" in found:
            # Spin keeps cache and documents in one SQLite database, the host its documents in another.
            self.scenario("cached job, SQLite", {name: running[name] for name in (*ISOLATIONS, "spin up")}, work.job)
        stop(running)


def stop(running):
    for process in running.values():
        process.stop()


def starts(cluster, found, rounds):
    """Processes started one after another, in turns: of each subject, by its path."""
    told = {name: [] for name in found}
    for number in range(rounds + 1):
        for name, (subject, path) in found.items():
            took = measure.first_answer(subject, cluster, path)
            if number:
                told[name].append(took)
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
        others, missing = beside.subjects(cluster.folder)
        print("cold start, phase by phase")
        env = {**embedded["trm exclusive"].env, "TRM_MAX_INSTANCES": "1000"}
        phases = json.loads(subprocess.run([TRM, "bench"], env=env, check=True, stdout=subprocess.PIPE).stdout)
        print("process start to first answer")
        first = {"trm, SQLite": (embedded["trm exclusive"], work.JOB), "trm, MongoDB and Redis": (found["trm exclusive"], work.JOB),
                 "axum, SQLite": (embedded["axum"], work.JOB), "express, MongoDB and Redis": (found["express"], work.JOB)}
        if others:
            # What Spin compiles at its first start it has in its cache from then on.
            stop({name: subject.start(cluster) for name, subject in others.items()})
            first["trm, openapi.yaml"] = (embedded["trm exclusive"], beside.OPENAPI)
            first.update({f"{name}, openapi.yaml": (subject, beside.OPENAPI) for name, subject in others.items()})
        first = starts(cluster, first, options.starts)
        bench = Bench(cluster, options)
        curve = bench.routes(found, stores["MONGODB_URI"])
        bench.languages(languages.subject(found["trm exclusive"]))
        if others:
            bench.components(embedded, others)
        idle = embedded["trm exclusive"].start(cluster)
        time.sleep(20)
        memory = dict(zip(("resident", "own"), measure.resident(idle)))
        idle.stop()
    report.write(options, {"cores": os.cpu_count(), "phases": phases, "first answer": first, "throughput": bench.told,
                           "latency": curve, "idle": memory, "not measured": missing})


if __name__ == "__main__":
    main()
