"""A host that dies, is told to stop, or has no descriptor left, beside another that serves."""
import signal
import socket
import unittest

from chaos import Chaos
from cluster import get, until


class Hosts(Chaos):
    def again(self):
        """Starts the first host as whoever watches over it would."""
        self.hosts[0].start()
        until("it is ready", lambda: get(f"{self.hosts[0].url}/ready")[0] == 200)

    def test_a_host_killed(self):
        row = self.scenario("One of two hosts killed -9, started again", lambda: self.hosts[0].stop(signal.SIGKILL), self.again)
        self.only_the_first(row)
        self.assertTrue({one.kind for one in row.seen if one.bad} <=
                        {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected", "BrokenPipeError"})

    def test_a_host_terminated(self):
        row = self.scenario("One of two hosts terminated, started again", lambda: self.hosts[0].stop(signal.SIGTERM), self.again)
        self.only_the_first(row)
        # What it had taken it has answered: clients are refused, never broken off.
        self.assertTrue({one.kind for one in row.seen if one.bad} <= {"ConnectionRefusedError"}, row)

    def test_descriptors_exhausted(self):
        self.hosts[0].stop()
        command = self.hosts[0].command
        self.hosts[0].command = ["prlimit", "--nofile=160:160", *command]
        self.addCleanup(setattr, self.hosts[0], "command", command)
        self.again()
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
        self.assertIsNone(self.hosts[0].child.poll())
        self.assertIn("a connection was not accepted", self.hosts[0].said(), "it had descriptors left")


if __name__ == "__main__":
    unittest.main()
