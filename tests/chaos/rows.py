"""The row of a table that a load comes to, before, during and after a fault; breaks nothing."""
import collections
import os
import pathlib

HEAD = ("| Scenario | Requests | Failed before | Failed during | Failed after | p99 before | during | after "
        "| Writes acknowledged | Lost | Well again after |\n|---|--:|--:|---|---|--:|--:|--:|--:|--:|--:|\n")


def p99(seen):
    """In milliseconds, of those that were answered well; none where nothing was."""
    took = sorted(one.took for one in seen if not one.bad)
    return took[min(len(took) - 1, len(took) * 99 // 100)] * 1000 if took else None


def shown(milliseconds):
    return "–" if milliseconds is None else f"{milliseconds:.0f} ms"


def kinds(seen):
    """How many failed, by kind."""
    counted = collections.Counter(one.kind for one in seen if one.bad)
    return ", ".join(f"{count} × {kind}" for kind, count in sorted(counted.items())) or "0"


class Row:
    """What one scenario came to. The fault lasted from `broken` to `mended`."""

    def __init__(self, name, traffic, broken, mended, kept):
        self.name, self.seen = name, sorted(traffic.seen)
        # What was under way when it broke belongs to the fault.
        self.before = [one for one in self.seen if one.begun + one.took < broken]
        self.during = [one for one in self.seen if broken <= one.begun + one.took and one.begun < mended]
        self.after = [one for one in self.seen if one.begun >= mended]
        self.acknowledged = len(traffic.acknowledged)
        self.lost = self.acknowledged - kept
        bad = [one.begun + one.took for one in self.seen if one.bad and one.begun + one.took >= mended]
        self.recovery = max(bad, default=mended) - mended

    def __str__(self):
        return (f"| {self.name} | {len(self.seen)} | {kinds(self.before)} | {kinds(self.during)} | {kinds(self.after)} "
                f"| {shown(p99(self.before))} | {shown(p99(self.during))} | {shown(p99(self.after))} "
                f"| {self.acknowledged} | {self.lost} | {self.recovery:.1f} s |\n")


ROWS = []


def keep(row):
    """Shows a row, and keeps it where TABLE says."""
    ROWS.append(row)
    print(f"\n{HEAD}{row}", flush=True)
    if place := os.environ.get("TABLE"):
        pathlib.Path(place).write_text(HEAD + "".join(map(str, ROWS)))
