"""Functions exchanged every second under load, with versions in between that are broken; breaks no store and no host."""
import collections
import json
import pathlib
import signal
import subprocess
import time

from binary import tagged, trapping
from chaos import JOB, JOBS, NEW, RANKING, Replicated
from cluster import TRM, get, metric, sign_in, until
from market import Market, built
from traffic import ask

GUEST = "/swapped/x"
# Asked past the edge: answered by whoever serves the function now, not by a cache before it. Only the version with the SDK
# knows revisions.
PAST = ask([JOB.format(job) for job in range(91, 100)], headers={"cache-control": "no-cache, no-store"}, hear={"header": "etag"})
LOAD = [ask(JOBS), ask("/api/jobs", "POST", NEW), PAST, ask(GUEST, hear="body"), ask(RANKING)]

CLIENTS = 8
# Bytes by which what a host holds goes up and down while it compiles.
MEMORY = 64 << 20

# When new versions were put into place, since when they serve, and what they are heard to be.
Turn = collections.namedtuple("Turn", "begun since words")
Held = collections.namedtuple("Held", "instances memory resident mapped")


def who(heard):
    """Which version of which function gave an answer."""
    if heard.path == GUEST:
        return "swapped", "calm" if heard.word == '"calm"' else "echo"
    return "jobs-by-id", "sdk" if heard.word else "wasi"


class Swaps(Replicated):
    """One host of the whole marketplace. Its job route changes between the SDK's component, the same under another digest, and
    one on WASI 0.2, which is entered by another door; a route beside it between guests."""
    TURNS = 24

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        sdk, wasi, calm, cls.echo = map(built, ("fn_jobs_by_id", "guest_wasi02", "guest_panic", "guest_echo"))
        cls.good = {"jobs-by-id": [("wasi", wasi), ("sdk", tagged(sdk, "other")), ("sdk", sdk)],
                    # The last one is new each time, so that the host compiles it while it serves.
                    "swapped": [("calm", calm), ("echo", tagged(cls.echo, "other")), ("calm", calm), ("echo", None)]}
        # What is put in between, in whose place, and what its refusal says.
        cls.broken = [("jobs-by-id", sdk[:len(sdk) // 2], "is not a component"),
                      ("jobs-by-id", trapping(sdk), "out of bounds memory access"),
                      ("swapped", trapping(cls.echo), "out of bounds memory access"),
                      ("swapped", bytes(range(256)), "is not a component"),
                      ("swapped", sdk, "grants")]
        cls.market = Market(cls.cluster.folder / "market")
        cls.market.swaps("jobs-by-id", sdk, '"wasi02:*", ')
        cls.market.adds("swapped", cls.echo)
        known = [version for versions in cls.good.values() for _, version in versions if version]
        cls.market.compile([*known, trapping(sdk), trapping(cls.echo)])
        redis = cls.cluster.redis()
        settings = cls.sampled(cls.mongodb(1), f"redis://127.0.0.1:{redis.port}", TRM_MANIFEST=cls.market.manifest)
        cls.hosts = [cls.cluster.host("swapping", **settings)]
        cls.token = sign_in(cls.hosts[0].url)

    def outcomes(self):
        """What the host's log says of each reload."""
        lines = [line for line in self.hosts[0].said().splitlines() if "reloaded" in line]
        return [json.loads(line)["message"] for line in lines]

    def tell(self, how):
        """Has the host read its manifest again, by a signal or as an operator. What came of it."""
        before = len(self.outcomes())
        if how == "signal":
            self.hosts[0].send_signal(signal.SIGHUP)
        else:
            asked = subprocess.run([TRM, "admin", "reload"], env=self.hosts[0].env, capture_output=True, text=True, timeout=60)
        said = until("it says what came of it", lambda: self.outcomes()[before:], pause=0.02)[0]
        if how == "operator":
            self.assertEqual(asked.returncode == 0, said.startswith("reloaded"), asked)
        return said

    def turn(self, turn):
        """A broken version, which must be refused, then a good one of each function, which must serve."""
        first, second = ("signal", "operator") if turn % 2 else ("operator", "signal")
        name, broken, why = self.broken[turn % len(self.broken)]
        self.market.put(name, broken)
        refused = self.tell(first)
        for part in ("not reloaded, the old versions serve on", f'"{name}"', why):
            self.assertIn(part, refused)
        good = {name: versions[turn % len(versions)] for name, versions in self.good.items()}
        begun = time.monotonic()
        for name, (_, component) in good.items():
            self.market.put(name, component or tagged(self.echo, turn))
        self.assertEqual(self.tell(second), "reloaded: jobs-by-id, swapped")
        turn = Turn(begun, time.monotonic(), {name: word for name, (word, _) in good.items()})
        until("each has answered", lambda: self.heard(turn) == turn.words, pause=0.05)
        return turn

    def heard(self, turn, end=float("inf")):
        """Who answered what was asked since a turn's versions serve, up to an end; all of them where they are several."""
        words = collections.defaultdict(set)
        self.traffic.collect()
        for one in self.traffic.heard:
            if turn.since <= one.begun and one.ended <= end:
                name, word = who(one)
                words[name].add(word)
        return {name: found.pop() if len(found) == 1 else found for name, found in words.items()}

    def held(self):
        """What the host holds: instances and memory of the functions that are swapped, memory, code that is mapped."""
        url, pid = f"http://127.0.0.1:{self.hosts[0].metrics}", self.hosts[0].pid
        sums = {name: sum(metric(url, name, function=function) for function in self.good)
                for name in ("trm_instances", "trm_function_memory_bytes")}
        maps = pathlib.Path(f"/proc/{pid}/maps").read_text().splitlines()
        return Held(sums["trm_instances"], sums["trm_function_memory_bytes"], metric(url, "process_resident_memory_bytes"),
                    len({line.split()[-1] for line in maps if ".cwasm" in line}))

    def test_swapped_every_second(self):
        for path in (GUEST, JOB.format(1)):
            self.assertEqual(get(f"{self.hosts[0].url}{path}")[0], 200)
        turns, held, before = [], [], self.held()

        def swap():
            for turn in range(self.TURNS):
                began = time.monotonic()
                turns.append(self.turn(turn))
                held.append(self.held())
                time.sleep(max(0, began + 1 - time.monotonic()))
        row = self.scenario("Two functions swapped every second, a broken version put in before each", swap, lambda: None,
                            during=0, requests=LOAD, clients=CLIENTS)
        self.unharmed(row)
        self.served(turns)
        self.drained(before, held)

    def served(self, turns):
        """While versions were the ones to serve, nobody else answered."""
        for turn, after in zip(turns, [*turns[1:], None]):
            self.assertEqual(self.heard(turn, after.begun if after else float("inf")), turn.words)

    def drained(self, before, held):
        """Versions that serve no more hold nothing, and so the host holds no more the longer it is done."""
        # An instance that nobody asks is kept for 10 seconds, so that as many versions may have one for each client.
        self.assertLess(max(one.instances for one in held), 2 * 10 * CLIENTS)
        first, last = (max(one.resident for one in half) for half in (held[:len(held) // 2], held[len(held) // 2:]))
        self.assertLess(last, first + MEMORY)
        self.assertLess(max(one.mapped for one in held), before.mapped + 10, "old code stays mapped")
        until("no instance is left", lambda: self.held().instances == self.held().memory == 0, most=20)
        self.assertLessEqual(self.held().mapped, before.mapped)
