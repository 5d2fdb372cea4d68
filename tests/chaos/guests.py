"""Functions that loop, flood their log, take all memory or trap, beside one of the same host that does its work."""
import time
import unittest

from cluster import Cluster
from traffic import Row, Traffic, keep

GOOD = [("GET", "/echo/x", None)]


class Guests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        few = "concurrency = 8\nmemory_mb = 16"
        manifest = cls.cluster.guests(echo="", loop=f"timeout_ms = 300\n{few}", alloc=f"timeout_ms = 2000\n{few}",
                                      panic=f"timeout_ms = 1000\n{few}", sleepy=f"timeout_ms = 500\n{few}")
        cls.host = cls.cluster.host("guests", TRM_MANIFEST=manifest, NODE_ENV="test")

    def neighbour(self, name, paths):
        """The good one alone, beside the bad one, and alone again. The row is of the good one."""
        bad = [("GET", path, None) for path in paths]
        with Traffic([self.host.place], GOOD, clients=4, rate=40) as good:
            time.sleep(3)
            broken = time.monotonic()
            with Traffic([self.host.place], bad, clients=12, rate=20) as abuser:
                time.sleep(4)
            mended = time.monotonic()
            time.sleep(2)
        row = Row(name, good, broken, mended, 0)
        keep(row)
        self.assertEqual([one for one in row.seen if one.bad], [], "the neighbour felt it")
        self.assertGreater(len(row.during), 10)
        self.assertGreater(len(abuser.seen), 20)
        return {one.kind for one in abuser.seen}

    def test_a_function_that_loops(self):
        self.assertEqual(self.neighbour("A neighbour loops", ["/loop/"]) - {"503"}, {"504"})

    def test_a_function_that_takes_memory(self):
        self.assertEqual(self.neighbour("A neighbour takes all memory it can", ["/alloc/"]) - {"503"}, {"507"})

    def test_a_function_that_floods_its_log(self):
        before = len(self.host.said())
        self.assertLessEqual(self.neighbour("A neighbour floods its log", ["/panic/flood"]), {"ok", "503", "504"})
        self.assertLess(len(self.host.said()) - before, 8 << 20, "the log is not bounded")

    def test_a_function_that_traps_on_every_second_call(self):
        kinds = self.neighbour("A neighbour traps on every second call", ["/panic/panic", "/panic/"])
        self.assertEqual(kinds - {"503"}, {"ok", "502"})

    def test_a_function_that_holds_its_places(self):
        self.assertEqual(self.neighbour("A neighbour waits past its deadline", ["/sleepy/"]), {"503", "504"})


if __name__ == "__main__":
    unittest.main()
