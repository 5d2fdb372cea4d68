"""A constant load of requests, sent and timed by the program `harness`, so that no lock of Python's is part of the times."""
import collections


class Seen(collections.namedtuple("Seen", "begun took port method path status kind")):
    """One request: when and how long, in seconds of time.monotonic(); to whom, and how. Its status is 0 where none came; its
    kind is `ok`, a status that is not right, or what a client sees of a connection: refused, reset, closed (before an answer),
    incomplete (in the middle of one), timeout."""

    @property
    def bad(self):
        return self.kind != "ok"


# What an answer that was right said, where a request is to `hear` something: a header, or the body.
Heard = collections.namedtuple("Heard", "begun ended path word")


def ask(path, method="GET", body=None, **more):
    """A request of a load. `path` is one, or a list of those that are asked in turn; `{turn}` in it is a number that grows, and
    `{acknowledged}` the id of what was created before. Besides: `headers`; the statuses that are `fine`, which are those of
    what exists where nothing is said; what to `hear`, {"header": name} or "body"."""
    return {"path": path, "method": method, "body": body, **more}


class Traffic:
    """Clients that each send a request every so often, whether the last one went well or not, to `places`, hosts and ports.
    What they have seen is there when it is over, and before that as far as it was collected."""

    def __init__(self, harness, places, requests, clients=8, rate=15.0, token=None, certificate=None):
        self.harness = harness
        self.plan = {"places": places, "requests": requests, "clients": clients, "rate": rate, "token": token,
                     "certificate": certificate}
        self.seen, self.acknowledged, self.heard = [], [], []

    def __enter__(self):
        self.number = self.harness.order("load", **self.plan)["number"]
        return self

    def __exit__(self, *_):
        self.harness.order("end", load=self.number)
        self.collect()

    def collect(self):
        """Takes what was seen since the last time; the requests among it."""
        told = self.harness.order("collect", load=self.number)
        seen = [Seen(*one) for one in told["seen"]]
        self.seen += seen
        self.heard += [Heard(*one) for one in told["heard"]]
        self.acknowledged += told["acknowledged"]
        return seen

    def renew(self, token):
        """Has requests carry another token."""
        self.harness.order("token", load=self.number, token=token)
