"""Writes what was measured: raw JSON, plots, and a page with every ratio beside its target; measures nothing."""
import json

import plots
from measure import median

# What is compared, in which scenario, against whom, and the least or most that is aimed at.
RATES = [
    ("cached job", "trm exclusive", "axum", 0.70), ("cached job", "trm exclusive", "express", 8.0),
    ("cached job", "trm shared", "axum", 0.70), ("cached job", "trm fresh", "axum", 0.25),
    ("edge hit", "trm exclusive", "axum", 0.90), ("uncached job", "trm exclusive", "axum", 0.85),
    *[(scenario, "trm exclusive", beside, None) for scenario, beside in (
        ("uncached job", "express"), ("cached list", "axum"), ("cached list", "express"), ("uncached list", "axum"),
        ("uncached list", "express"), ("write", "axum"), ("write", "express"))],
    *[(scenario, f"trm {isolation}", "axum", None) for scenario in ("uncached job", "cached list", "uncached list", "write")
      for isolation in ("shared", "fresh")],
    *[("one component", f"trm {isolation}", "wasmtime serve", None) for isolation in ("exclusive", "shared", "fresh")],
    *[(scenario, f"trm {isolation}", "spin up", least if isolation == "fresh" else None)
      for scenario, least in (("one component", None), ("cached job, SQLite", 3.0)) for isolation in ("exclusive", "shared", "fresh")],
    # Each language in one host with the Rust function.
    ("language", "javascript", "rust", None), ("language", "python", "rust", None), ("language", "wasi02", "rust", None),
]


def _table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def _judged(value, least=None, most=None):
    if least is None and most is None:
        return "none", ""
    met = value >= least if least is not None else value <= most
    return f"at least {least}" if least is not None else f"at most {most}", "met" if met else "**missed**"


def _rates(told):
    for scenario, subject, beside, least in RATES:
        rounds = told.get(scenario, {}).get("rounds", [])
        # Another host may not be on the PATH.
        if not rounds or beside not in rounds[0]:
            continue
        ratio = median([turn[subject] / turn[beside] for turn in rounds])
        mine, other = (median([turn[name] for turn in rounds]) for name in (subject, beside))
        yield f"{scenario}: {subject}", f"{mine:,.0f}/s", f"{beside} {other:,.0f}/s", f"{ratio:.2f}", *_judged(ratio, least)


def _ms(seconds):
    return f"{seconds * 1e3:.2f} ms"


def _steady(told):
    for scenario, one in told.items():
        for name, at in one["steady"].items():
            yield scenario, name, f"{at['rate']:,.0f}/s", at["samples"], _ms(at["p50"]), _ms(at["p99"]), _ms(at["p99.9"])


def _starts(told):
    middle = {name: median([one["answer"] for one in samples]) for name, samples in told.items()}
    express = middle["express, MongoDB and Redis"]
    for name, took in middle.items():
        target = _judged(express / took, 10) if name in ("trm, SQLite", "trm, MongoDB and Redis") else ("none", "")
        ready = [one["ready"] for one in told[name] if "ready" in one]
        yield name, f"{took * 1e3:.1f} ms", f"{median(ready) * 1e3:.1f} ms" if ready else "", f"{express / took:.1f}", *target


def _beside_spin(told):
    """The one component's first answer beside Spin's, whose compile cache is warm; nothing where Spin was not there."""
    ours, spin = (told.get(f"{name}, openapi.yaml") for name in ("trm", "spin up"))
    if not spin:
        return ""
    ratio = median([one["answer"] for one in spin]) / median([one["answer"] for one in ours])
    return f"\n\nThe host of all functions answers for openapi.yaml {ratio:.1f} times sooner than `spin up`; target: {' '.join(_judged(ratio, 2.5))}."


def _phases(told):
    targets = {"instantiate": 10, "first request after loading": 300, "first request, nothing loaded": 300}
    for name, one in told["phases"].items():
        yield name, one["samples"], one["p50"], one["p99"], one["p99.9"], *_judged(one["p50"], most=targets.get(name))


def page(told):
    """The page, as Markdown."""
    phases, half = told["phases"], {name: line[2] for name, line in told["latency"].items()}
    ratio = half["trm exclusive"]["p99"] / half["axum"]["p99"]
    density, mib = phases["density"], 1 << 20
    per_gib = (1 << 30) // density["bytes_per_instance"]
    missing = "; ".join(f"{name}: {why}" for name, why in told["not measured"].items())
    return "\n\n".join([
        "# Measured by tests/bench/run",
        f"On {told['cores']} cores with the load generator on them too; subjects took turns in one run. Only ratios mean anything elsewhere.",
        "## Throughput, closed loop\n\n" + _table(["scenario", "median", "beside", "ratio (median of rounds)", "target", ""], _rates(told["throughput"])),
        "## Latency at one rate for all, half of what the slowest can do\n\n"
        + _table(["scenario", "subject", "rate", "samples", "p50", "p99", "p99.9"], _steady(told["throughput"])),
        "## Latency of the cached job at half of the component's maximum\n\n"
        + _table(["subject", "rate", "p50", "p99", "p99.9"], [(name, f"{at['rate']:,.0f}/s", _ms(at["p50"]), _ms(at["p99"]), _ms(at["p99.9"])) for name, at in half.items()])
        + f"\n\nThe p99 is {ratio:.2f} of axum's; target: {' '.join(_judged(ratio, most=1.5))}.",
        "## Process start to first answer, and to ready with all functions\n\n"
        + _table(["subject", "first answer, median", "ready, median", "times sooner than Express", "target", ""], _starts(told["first answer"]))
        + _beside_spin(told["first answer"]),
        f"## Cold start inside the host, {phases['functions']} functions, microseconds\n\n"
        + _table(["phase", "samples", "p50", "p99", "p99.9", "target", ""], _phases(phases)),
        "## Memory\n\n" + _table(["what", "measured", "target", ""], [
            ("idle host, all functions loaded", f"{told['idle']['resident'] / mib:.1f} MiB, of them {told['idle']['own'] / mib:.1f} its own", *_judged(round(told["idle"]["resident"] / mib, 1), most=64)),
            ("live instances of all functions, each after one request", f"{density['instances']:,} in {density['bytes'] / mib:,.0f} MiB: {per_gib:,} in a GiB", *_judged(per_gib, 5000))]),
        f"Not measured: {missing or 'nothing'}.",
    ]) + "\n"


def _plots(told):
    phases = told["phases"]
    yield "instantiate", plots.histogram("One instance of a function, pooling allocator", "microseconds", phases["samples"]["instantiate"])
    yield "cold", plots.histogram("First request of a function that nothing has touched, all functions in turn",
                                  "microseconds", phases["samples"]["first request, nothing loaded"])
    latency = {name: [(at["rate"], at["p99"] * 1e3) for at in line] for name, line in told["latency"].items()}
    yield "latency", plots.lines("p99 against load, cached job", "requests a second", "milliseconds", latency)
    curve = {"resident": [(count, grown / (1 << 20)) for count, grown in phases["density"]["curve"]]}
    yield "memory", plots.lines("Memory against live instances", "instances", "MiB", curve)


def write(options, told):
    """Everything into the folder that was asked for."""
    told["options"] = {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections}
    (options.out / "raw.json").write_text(json.dumps(told, indent=1))
    (options.out / "RESULTS.md").write_text(page(told))
    for name, plot in _plots(told):
        (options.out / f"{name}.svg").write_text(plot)
    print(page(told))
    print(f"written to {options.out}")
