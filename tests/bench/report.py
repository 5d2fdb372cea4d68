"""Writes what was measured: raw JSON, plots, and a page with every ratio beside its target; measures nothing."""
import json

import plots
from measure import median

# What is compared, in which scenario, against whom, and the least or most that is aimed at.
RATES = [
    ("cached job", "trm exclusive", "axum", 0.70), ("cached job", "trm exclusive", "express", 8.0),
    ("cached job", "trm shared", "axum", 0.70), ("cached job", "trm fresh", "axum", 0.25),
    ("edge hit", "trm exclusive", "axum", 0.90), ("uncached job", "trm exclusive", "axum", 0.85),
    ("uncached job", "trm exclusive", "express", None),
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
        rounds = told[scenario]
        ratio = median([turn[subject] / turn[beside] for turn in rounds])
        mine, other = (median([turn[name] for turn in rounds]) for name in (subject, beside))
        yield f"{scenario}: {subject}", f"{mine:,.0f}/s", f"{beside} {other:,.0f}/s", f"{ratio:.2f}", *_judged(ratio, least)


def _starts(told):
    middle = {name: median([one["answer"] for one in samples]) for name, samples in told.items()}
    express = middle["express, MongoDB and Redis"]
    for name, took in middle.items():
        target = _judged(express / took, 10) if name.startswith("trm") else ("none", "")
        yield name, f"{took * 1e3:.1f} ms", f"{express / took:.1f}", *target


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
    return "\n\n".join([
        "# Measured by tests/bench/run",
        f"On {told['cores']} cores with the load generator on them too; subjects took turns in one run. Only ratios mean anything elsewhere.",
        "## Throughput, closed loop\n\n" + _table(["scenario", "median", "beside", "ratio (median of rounds)", "target", ""], _rates(told["throughput"])),
        "## Process start to first answer\n\n" + _table(["subject", "median", "times sooner than Express", "target", ""], _starts(told["first answer"])),
        f"## Cold start inside the host, {phases['functions']} functions, microseconds\n\n"
        + _table(["phase", "samples", "p50", "p99", "p99.9", "target", ""], _phases(phases)),
        "## Latency at half of the component's maximum\n\n"
        + _table(["subject", "rate", "p50", "p99"], [(name, f"{at['rate']:,.0f}/s", f"{at['p50'] * 1e3:.2f} ms", f"{at['p99'] * 1e3:.2f} ms") for name, at in half.items()])
        + f"\n\nThe p99 is {ratio:.2f} of axum's; target: {' '.join(_judged(ratio, most=1.5))}.",
        "## Memory\n\n" + _table(["what", "measured", "target", ""], [
            ("idle host, all functions loaded", f"{told['idle']['resident'] / mib:.1f} MiB, of them {told['idle']['own'] / mib:.1f} its own", *_judged(round(told["idle"]["resident"] / mib, 1), most=64)),
            ("live instances of all functions, each after one request", f"{density['instances']:,} in {density['bytes'] / mib:,.0f} MiB: {per_gib:,} in a GiB", *_judged(per_gib, 5000))]),
        "Not measured, because not on the PATH: " + (", ".join(told["not on the PATH"]) or "nothing") + ".",
    ]) + "\n"


def write(options, told):
    """Everything into the folder that was asked for."""
    told["options"] = {"rounds": options.rounds, "seconds": options.seconds, "connections": options.connections}
    (options.out / "raw.json").write_text(json.dumps(told, indent=1))
    (options.out / "RESULTS.md").write_text(page(told))
    (options.out / "instantiate.svg").write_text(
        plots.histogram("One instance of a function, pooling allocator", "microseconds", told["phases"]["instantiations"]))
    latency = {name: [(at["rate"], at["p99"] * 1e3) for at in line] for name, line in told["latency"].items()}
    (options.out / "latency.svg").write_text(plots.lines("p99 against load, cached job", "requests a second", "milliseconds", latency))
    curve = {"resident": [(count, grown / (1 << 20)) for count, grown in told["phases"]["density"]["curve"]]}
    (options.out / "memory.svg").write_text(plots.lines("Memory against live instances", "instances", "MiB", curve))
    print(page(told))
    print(f"written to {options.out}")
