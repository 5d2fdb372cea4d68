"""A constant load whose every request is kept with its time, and the row of a table that it comes to; breaks nothing."""
import collections
import http.client
import json
import os
import pathlib
import threading
import time

HEAD = ("| Scenario | Requests | Failed before | Failed during | Failed after | p99 before | during | after "
        "| Writes acknowledged | Lost | Well again after |\n|---|--:|--:|---|---|--:|--:|--:|--:|--:|--:|\n")


class Seen(collections.namedtuple("Seen", "begun took port method kind")):
    """One request: when, how long, to whom, how, and `ok`, a status, or the name of what broke."""

    @property
    def bad(self):
        return self.kind != "ok"


class Heard(collections.namedtuple("Heard", "begun ended word")):
    """Something that an answer said of who gave it, and when that was."""


class Traffic:
    """Clients that each send a request every so often, whether the last one went well or not: a method, a path, a body, and
    headers where it has its own. What `hear` finds in an answer that is well is kept with its times."""

    def __init__(self, places, requests, clients=8, rate=15.0, token=None, fine=(200, 201, 304, 404), hear=None):
        self.places, self.requests, self.rate, self.token, self.fine = places, requests, rate, token, fine
        self.seen, self.acknowledged, self.heard, self.hear = [], [], [], hear
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.client, args=(n,), daemon=True) for n in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(40)
            assert not thread.is_alive(), "a request never ended"

    def client(self, number):
        place, connection, turn = self.places[number % len(self.places)], None, number
        due = time.monotonic()
        while not self.stopping.wait(max(0, due - time.monotonic())):
            due = max(due + 1 / self.rate, time.monotonic() - 1)
            method, path, body, *own = self.requests[turn % len(self.requests)]
            path, turn = path(turn) if callable(path) else path, turn + len(self.threads) + 1
            began = time.monotonic()
            try:
                connection = connection or http.client.HTTPConnection(*place, timeout=20)
                headers = {"content-type": "application/json"} if body else {}
                headers.update(*own)
                if method != "GET":
                    headers["authorization"] = f"Bearer {self.token}"
                connection.request(method, path, json.dumps(body) if body else None, headers)
                answer = connection.getresponse()
                text = answer.read()
                kind = "ok" if answer.status in self.fine else str(answer.status)
                if method == "POST" and answer.status == 201:
                    self.acknowledged.append(json.loads(text)["id"])
                if self.hear and kind == "ok" and (word := self.hear(path, answer, text)):
                    self.heard.append(Heard(began, time.monotonic(), word))
                if answer.will_close:
                    connection.close()
                    connection = None
            except (OSError, http.client.HTTPException) as error:
                kind = type(error).__name__
                connection.close()
                connection = None
            self.seen.append(Seen(began, time.monotonic() - began, place[1], method, kind))


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
