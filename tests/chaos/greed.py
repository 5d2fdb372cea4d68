"""Functions that take handles, tables, the stack, connections or time without end, beside one that does its work."""
import os
import socket

from binary import growing
from cluster import until
from guests import FEW, Neighbours
from market import built
from traffic import ask

# As many as a service has to which nobody gave more.
DESCRIPTORS = 1_024
# A connection for each request: who has one already does not see that there is no descriptor for others.
FRESH = [ask("/echo/x", headers={"connection": "close"})]

# What a client sees of an answer that is broken off.
BROKEN = {"incomplete", "reset"}


class Greed(Neighbours):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # Takes connections and never answers.
        silent = cls.enterClassContext(socket.create_server(("127.0.0.1", 0), backlog=20_000))
        cls.address = f"127.0.0.1:{silent.getsockname()[1]}"
        tables = cls.cluster.folder / "tables.wasm"
        tables.write_bytes(growing(built("guest_echo_p2"), "#handle"))
        limits = f"timeout_ms = 500\n{FEW}"
        manifest = cls.cluster.guests(reach=[f"http://{cls.address}"], made={"tables": tables},
                                      echo="", greedy=limits, tables=limits)
        cls.host = cls.cluster.host("greed", before=["prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"],
                                    TRM_MANIFEST=manifest, NODE_ENV="test")

    def setUp(self):
        self.before = self.descriptors()

    def tearDown(self):
        self.assertIsNone(self.host.status(), self.host.said()[-2000:])
        until("descriptors are where they were", lambda: self.descriptors() <= self.before + 4, most=20)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.host.pid}/fd"))

    def test_a_function_that_takes_handles(self):
        # On a busy machine its deadline may come before the last handle.
        kinds = self.neighbour("A neighbour takes all handles it can", [ask("/greedy/handles")]) - {"503", "504"}
        self.assertEqual(kinds, {"502"})
        self.assertIn("resource table has no free keys", self.host.said())

    def test_a_function_that_grows_its_table(self):
        # It is told that there is no more, and answers.
        self.assertEqual(self.neighbour("A neighbour grows its table while it can", [ask("/tables/")]) - {"503"}, {"ok"})

    def test_a_function_that_takes_the_stack(self):
        self.assertEqual(self.neighbour("A neighbour calls itself without end", [ask("/greedy/stack")]) - {"503"}, {"502"})
        self.assertIn("call stack exhausted", self.host.said())

    def test_a_function_that_opens_thousands_of_requests(self):
        bad = [ask(f"/greedy/requests/{self.address}")]
        kinds = self.neighbour("A neighbour has 9,900 outbound requests under way at a time", bad, good=FRESH)
        self.assertEqual(kinds - {"503"}, {"504"})
        self.assertNotIn("a connection was not accepted", self.host.said(), "it took the descriptors of others")

    def test_a_function_that_never_reads_its_body(self):
        bad = [ask("/greedy/unread", "POST", "x" * 900_000)]
        self.assertEqual(self.neighbour("A neighbour never reads the bodies it is sent", bad) - {"503"}, {"ok"})

    def test_a_function_that_answers_without_end(self):
        kinds = self.neighbour("A neighbour answers without end", [ask("/greedy/endless")], clients=8)
        self.assertIn("incomplete", kinds)
        self.assertLessEqual(kinds, BROKEN | {"503"}, "what is broken off looks whole")

    def test_a_function_that_traps_in_the_middle_of_an_answer(self):
        # A cache may keep it: what is kept is the whole answer or none.
        kinds = self.neighbour("A neighbour traps in the middle of its answers", [ask("/greedy/half")])
        self.assertLessEqual(kinds, BROKEN | {"502", "503"}, "half an answer looks whole")
