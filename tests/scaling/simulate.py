"""Drives a measured capacity through the autoscaler on the document's load shapes; prints, plots, and says what holds.

    tests/scaling/run [requests a second of one core]

A pod is a queue served at its capacity. The autoscaler sees CPU through metrics-server (15 s old) and requests through
Prometheus (a rate over 2 minutes, scraped each 15 s); a pod serves once it is scheduled, started and ready.
"""
import argparse
import json
import math
import pathlib
import sys

import yaml

from hpa import CPU_INITIALIZATION, SYNC, Autoscaler

ROOT = pathlib.Path(__file__).resolve().parents[2]
STEP = 1.0
SCHEDULE, READY = 3, 10     # image present, process start, startupProbe's and readinessProbe's first success
CPU_LAG, RATE_WINDOW = 15, 120
MOST_WAITING = 30.0         # seconds in a queue after which a client gives up
TARGET_P95 = 0.200          # the document: under 200 ms, 500 ms at most
RESOURCES = {"request": 0.5, "limit": 2.0}


def shapes():
    """Requests a second at a time, by name: the document's k6 and Artillery phases, its targets, and a surge."""
    def staged(stages, unit):
        def at(now):
            level = 0.0
            for seconds, to in stages:
                if now < seconds:
                    return unit * (level + (to - level) * now / seconds)
                now, level = now - seconds, to
            return unit * level
        return at, sum(seconds for seconds, _ in stages)
    # k6: virtual users, each a request a second; Artillery: arrivals a second, two requests each.
    yield "k6 stages", *staged([(120, 100), (300, 100), (120, 200), (300, 200), (120, 0)], 1.0)
    yield "Artillery phases", *staged([(1, 10), (59, 10), (1, 50), (119, 50), (1, 100), (59, 100)], 2.0)
    yield "1,000/s, the target", *staged([(120, 1000), (600, 1000), (120, 0), (600, 0)], 1.0)
    yield "10,000/s, the maximum", *staged([(300, 10000), (900, 10000), (120, 1000), (900, 1000)], 1.0)
    yield "tenfold surge at once", *staged([(300, 1000), (1, 10000), (600, 10000), (1, 1000), (1200, 1000)], 1.0)


class Pods:
    """Pods that start, serve and end, sharing the load evenly; what is over their capacity waits."""

    def __init__(self, count, capacity):
        self.capacity, self.born, self.queue, self.lost = capacity, [-1000.0] * count, 0.0, 0.0

    def scale(self, now, count):
        del self.born[count:]
        self.born += [now] * (count - len(self.born))

    def ready(self, now):
        return sum(now - born >= SCHEDULE + READY for born in self.born)

    def serve(self, now, arrivals):
        """Requests served, and how long the last of them waited."""
        able = self.ready(now) * self.capacity * STEP
        self.queue += arrivals
        served = min(self.queue, able)
        self.queue -= served
        wait = self.queue / able * STEP if able else MOST_WAITING
        if wait > MOST_WAITING:
            self.lost += self.queue - MOST_WAITING * able / STEP
            self.queue = MOST_WAITING * able / STEP
        return served, min(wait, MOST_WAITING)


def simulate(spec, load, length, core, service):
    """The course of one shape: a row for each second."""
    metrics = {metric.get("resource", metric.get("pods", {})).get("name")
               or metric["pods"]["metric"]["name"]: metric for metric in spec["metrics"]}
    cpu_target = metrics["cpu"]["resource"]["target"]["averageUtilization"] / 100 * RESOURCES["request"]
    rate_target = float(metrics["http_requests_per_second"]["pods"]["target"]["averageValue"])
    scaler, pods = Autoscaler(spec), Pods(spec["minReplicas"], core * RESOURCES["limit"])
    rows, rates, cpus = [], [], []
    for second in range(int(length)):
        arrivals = load(second) * STEP
        served, wait = pods.serve(second, arrivals)
        count = len(pods.born)
        busy = served / core / max(1, pods.ready(second))  # cores, in each ready pod
        rates.append(served)
        cpus.append(busy)
        if second % SYNC == 0 and second:
            # The rate stands over two minutes: it is late by design, and CPU is what sees a surge first.
            seen = rates[-RATE_WINDOW:]
            per_pod = sum(seen) / len(seen) / count
            old = cpus[max(0, len(cpus) - 1 - CPU_LAG)]
            young = sum(second - born < CPU_INITIALIZATION and second - born < SCHEDULE + READY for born in pods.born)
            ratio = old / cpu_target
            if ratio > 1 and young:
                # Pods that are not ready yet count as idle on the way up.
                ratio = max(1.0, ratio * (count - young) / count)
            pods.scale(second, scaler.step(second, count, [ratio, 0.5, per_pod / rate_target]))
        # An M/D/c queue's waiting below saturation, by Sakasegawa's formula, and what is queued above it.
        use = min(0.999, served / max(1e-9, pods.ready(second) * pods.capacity * STEP))
        servers = max(1, pods.ready(second)) * RESOURCES["limit"]
        random = use ** (math.sqrt(2 * (servers + 1)) - 1) / (servers * (1 - use)) / 2
        p95 = wait + service * (1 + 3 * random)
        rows.append({"second": second, "load": arrivals / STEP, "replicas": count, "ready": pods.ready(second),
                     "queue": pods.queue, "p95": p95, "served": served})
    return rows, pods.lost


def verdict(rows, lost):
    """What the document asks of one shape."""
    total = sum(row["load"] for row in rows) or 1.0
    good = sum(row["served"] for row in rows if row["p95"] <= TARGET_P95)
    return {"replicas": (min(row["replicas"] for row in rows), max(row["replicas"] for row in rows)),
            "queue": max(row["queue"] for row in rows), "worst": max(row["p95"] for row in rows),
            "within": good / max(1.0, sum(row["served"] for row in rows)), "lost": lost / total}


def plot(rows, width=72, height=8):
    """Load and pods over time, as text."""
    most = max(row["load"] for row in rows) or 1.0
    pods = max(row["replicas"] for row in rows)
    columns = [rows[min(len(rows) - 1, n * len(rows) // width)] for n in range(width)]
    lines = []
    for level in range(height, 0, -1):
        line = ""
        for row in columns:
            load, have = row["load"] / most * height >= level - 0.5, row["replicas"] / pods * height >= level - 0.5
            line += "#" if load and have else "." if load else "|" if have else " "
        lines.append(f"    {line}")
    return "\n".join(lines + [f"    {'-' * width}", f"    # load and pods, . load only, | pods only; at most {most:.0f}/s and {pods} pods"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("core", type=float, help="requests a second of one core, measured")
    parser.add_argument("--service", type=float, default=0.002, help="p95 of an unloaded request in seconds, measured")
    parser.add_argument("--json", help="where to write every row")
    chosen = parser.parse_args()
    spec = yaml.safe_load((ROOT / "deploy/k8s/hpa.yaml").read_text())["spec"]
    print(f"one core serves {chosen.core:.0f}/s; a pod of {RESOURCES['limit']:g} cores {chosen.core * RESOURCES['limit']:.0f}/s\n")
    failed, everything = [], {}
    for name, load, length in shapes():
        rows, lost = simulate(spec, load, length, chosen.core, chosen.service)
        found = verdict(rows, lost)
        everything[name] = rows
        print(f"{name}: {found['replicas'][0]} to {found['replicas'][1]} pods, queue at most {found['queue']:.0f}, "
              f"worst p95 {found['worst'] * 1000:.0f} ms, {found['within']:.2%} of requests under 200 ms, {found['lost']:.3%} lost")
        print(plot(rows) + "\n")
        if found["lost"] > 0.001 or found["within"] < 0.95:
            failed.append(name)
    if chosen.json:
        pathlib.Path(chosen.json).write_text(json.dumps(everything))
    if failed:
        sys.exit(f"the targets do not hold for: {', '.join(failed)}")


if __name__ == "__main__":
    main()
