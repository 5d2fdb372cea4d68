"""A host that dies, is told to stop, or has no descriptor left, beside another that serves."""
import signal
import socket

from chaos import Chaos
from cluster import get, until


class Hosts(Chaos):
    def again(self, before=()):
        """Starts the first host as whoever watches over it would, with words before its command."""
        self.hosts[0].start(before)
        until("it is ready", lambda: get(f"{self.hosts[0].url}/ready")[0] == 200)

    def test_a_host_killed(self):
        row = self.scenario("One of two hosts killed -9, started again", lambda: self.hosts[0].stop(signal.SIGKILL), self.again)
        self.only_the_first(row)
        self.assertTrue({one.kind for one in row.seen if one.bad} <= {"refused", "reset", "closed"}, row)

    def test_a_host_terminated(self):
        row = self.scenario("One of two hosts terminated, started again", lambda: self.hosts[0].stop(signal.SIGTERM), self.again)
        self.only_the_first(row)
        # What it had taken it has answered: clients are refused, never broken off.
        self.assertTrue({one.kind for one in row.seen if one.bad} <= {"refused"}, row)

    def test_descriptors_exhausted(self):
        self.hosts[0].stop()
        self.again(["prlimit", "--nofile=160:160"])
        crowd = []

        def exhaust():
            for _ in range(400):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", self.hosts[0].port))
                crowd.append(one)

        def release():
            for one in crowd:
                one.close()
        row = self.scenario("A host without descriptors (160, and 400 clients)", exhaust, release, after=8)
        self.only_the_first(row)
        self.assertIsNone(self.hosts[0].status())
        self.assertIn("a connection was not accepted", self.hosts[0].said(), "it had descriptors left")
