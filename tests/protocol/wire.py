"""Bytes on sockets and what came back, and a host whose memory and descriptors are watched; knows no rule of HTTP."""
import contextlib
import gc
import os
import pathlib
import re
import socket
import ssl
import time
import unittest

from cluster import Cluster, free_port, get, until
from images import nginx

# 256 instances of one function, its concurrency, each keep what they touched up to half a MiB.
MEMORY = 128 << 20


def connect(port, tls=False, small=False, timeout=40):
    """A connection; a small one takes in next to nothing that is not read."""
    plain = socket.socket()
    plain.settimeout(timeout)
    if small:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    plain.connect(("127.0.0.1", port))
    if not tls:
        return plain
    context = ssl._create_unverified_context()
    return context.wrap_socket(plain)


def rest(connection):
    """All that still comes, until the end or the connection's time is over."""
    seen = b""
    with contextlib.suppress(OSError):
        while got := connection.recv(1 << 16):
            seen += got
    return seen


def exchange(port, sent, tls=False, timeout=3):
    """What is answered to these bytes until the other side ends it, or says nothing more."""
    with connect(port, tls, timeout=timeout) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(sent)
        return rest(connection)


def statuses(answer):
    """The status of each answer in the bytes."""
    return [int(found) for found in re.findall(rb"HTTP/1\.[01] (\d{3}) ", answer)]


def resident(pid):
    """The bytes of memory of a process."""
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    """The open descriptors of a process."""
    return len(os.listdir(f"/proc/{pid}/fd"))


class Abuse(unittest.TestCase):
    """A host with guests of tests/guests and one with the marketplace behind nginx; each test leaves both as they were."""

    GUESTS = {"echo": "max_body_kb = 64", "panic": "", "sleepy": "timeout_ms = 1000\nconcurrency = 64"}
    BEHIND = False

    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        manifest = cluster.guests(**cls.GUESTS)
        cls.host = cluster.host("guests", TRM_MANIFEST=manifest, NODE_ENV="test", LOG_LEVEL="warn")
        cls.port = cls.host.port
        if cls.BEHIND:
            cls.plain, cls.tls = free_port(), free_port()
            config = nginx(cluster.folder, [f"127.0.0.1:{cls.port}"], (cls.plain, cls.tls))
            front = cluster.run("nginx", ["nginx", "-e", f"{cluster.folder}/start.log", "-c", config, "-g", "daemon off;"])
            cluster.listens(front, cls.tls)
        # Code and pools that the first requests bring in are no growth.
        for _ in range(50):
            get(f"{cls.host.url}/echo/warm")

    def setUp(self):
        pid = self.host.pid
        self.before = resident(pid), descriptors(pid)

    def tearDown(self):
        pid = self.host.pid
        self.assertIsNone(self.host.status(), self.host.said()[-2000:])
        until("it serves", lambda: get(f"{self.host.url}/echo/after")[0] == 200, most=20)
        gc.collect()
        until("descriptors are where they were", lambda: descriptors(pid) <= self.before[1] + 4, most=75)
        grown = resident(pid) - self.before[0]
        self.assertLess(grown, MEMORY, f"{grown >> 20} MiB more than before")
        self.assertNotIn("panicked at", self.host.said().replace("asked to panic", ""))

    def answers(self, sent, *, port=None, tls=False, timeout=3):
        return statuses(exchange(port or self.port, sent, tls, timeout))

    def still_serves(self):
        """Others are answered at once while the abuse goes on."""
        began = time.monotonic()
        self.assertEqual(get(f"{self.host.url}/echo/meanwhile")[0], 200)
        self.assertLess(time.monotonic() - began, 5)
