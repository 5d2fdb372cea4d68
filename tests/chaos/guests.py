"""Functions that loop, flood their log, take all memory or trap, beside one of the same host that does its work."""
import time
import unittest

from cluster import Cluster
from rows import Row, keep
from traffic import ask

GOOD = [ask("/echo/x")]
# Of those that are bad.
FEW = "concurrency = 8\nmemory_mb = 16"


class Neighbours(unittest.TestCase):
    """A `host` with a good function at /echo and bad ones beside it."""

    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())

    def neighbour(self, name, bad, good=GOOD, clients=12, rate=20):
        """The good one alone, beside the bad one, and alone again. The row is of the good one."""
        with self.cluster.traffic([self.host.place], good, clients=4, rate=40) as beside:
            time.sleep(3)
            broken = time.monotonic()
            with self.cluster.traffic([self.host.place], bad, clients=clients, rate=rate) as abuser:
                time.sleep(4)
            mended = time.monotonic()
            time.sleep(2)
        row = Row(name, beside, broken, mended, 0)
        keep(row)
        self.assertEqual([one for one in row.seen if one.bad], [], "the neighbour felt it")
        self.assertGreater(len(row.during), 10)
        self.assertGreater(len(abuser.seen), 20)
        return {one.kind for one in abuser.seen}


class Guests(Neighbours):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        manifest = cls.cluster.guests(echo="", loop=f"timeout_ms = 300\n{FEW}", alloc=f"timeout_ms = 2000\n{FEW}",
                                      panic=f"timeout_ms = 1000\n{FEW}", sleepy=f"timeout_ms = 500\n{FEW}")
        cls.host = cls.cluster.host("guests", TRM_MANIFEST=manifest, NODE_ENV="test")

    def test_a_function_that_loops(self):
        self.assertEqual(self.neighbour("A neighbour loops", [ask("/loop/")]) - {"503"}, {"504"})

    def test_a_function_that_takes_memory(self):
        self.assertEqual(self.neighbour("A neighbour takes all memory it can", [ask("/alloc/")]) - {"503"}, {"507"})

    def test_a_function_that_floods_its_log(self):
        before = len(self.host.said())
        self.assertLessEqual(self.neighbour("A neighbour floods its log", [ask("/panic/flood")]), {"ok", "503", "504"})
        self.assertLess(len(self.host.said()) - before, 8 << 20, "the log is not bounded")

    def test_a_function_that_traps_on_every_second_call(self):
        kinds = self.neighbour("A neighbour traps on every second call", [ask("/panic/panic"), ask("/panic/")])
        self.assertEqual(kinds - {"503"}, {"ok", "502"})

    def test_a_function_that_holds_its_places(self):
        self.assertEqual(self.neighbour("A neighbour waits past its deadline", [ask("/sleepy/")]), {"503", "504"})
