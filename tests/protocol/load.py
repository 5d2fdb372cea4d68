"""Many connections, and more requests than a function can answer; every figure is compared with one of the same run."""
import collections
import contextlib
import resource
import selectors
import socket
import statistics
import time

from cluster import until
from wire import MEMORY, Abuse, descriptors, resident

CONNECTIONS = 10_000
WAIT_MS, PLACES = 40, 16
REQUEST = b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n"


class Crowd:
    """Connections that are all open at one time, driven from one thread."""

    def __init__(self, port):
        self.port, self.selector = port, selectors.DefaultSelector()
        # Those that have been idle for longest come first.
        self.idle, self.began = collections.deque(), {}
        self.answers, self.ended = [], 0

    def open(self, count):
        """Has so many connections, opening those that are missing: the host ends one that asks nothing for a while."""
        for at in range(count - len(self.idle) - len(self.began)):
            one = socket.socket()
            # An address of the loopback has 28,000 ports; several have enough.
            one.bind((f"127.0.1.{at % 8 + 1}", 0))
            one.connect(("127.0.0.1", self.port))
            one.setblocking(False)
            self.selector.register(one, selectors.EVENT_READ)
            self.idle.append(one)

    def ask(self, path, count):
        for _ in range(min(count, len(self.idle))):
            one = self.idle.popleft()
            self.began[one] = time.monotonic()
            # One that the host ends at this moment is seen by `take`.
            with contextlib.suppress(OSError):
                one.send(REQUEST % path)

    def take(self, most):
        """Answers that have come within so many seconds: status and how long each took. An answer here is one packet."""
        for key, _ in self.selector.select(most):
            one, got = key.fileobj, b""
            with contextlib.suppress(OSError):
                got = one.recv(1 << 16)
            began = self.began.pop(one, None)
            if got and began:
                self.answers.append((int(got[9:12]), time.monotonic() - began))
                self.idle.append(one)
                continue
            self.selector.unregister(one)
            one.close()
            if began is None:
                self.idle.remove(one)
            else:
                self.ended += 1

    def settle(self, most=60):
        end = time.monotonic() + most
        while self.began and time.monotonic() < end:
            self.take(0.1)
        assert not self.began, f"{len(self.began)} of them were not answered"

    def statuses(self):
        return collections.Counter(status for status, _ in self.answers)

    def close(self):
        for one in [*self.idle, *self.began]:
            one.close()
        self.selector.close()


class Load(Abuse):
    GUESTS = {"echo": "", "panic": "", "sleepy": f"timeout_ms = 5000\nconcurrency = {PLACES}"}

    @classmethod
    def setUpClass(cls):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        needed = CONNECTIONS + 500
        assert hard == resource.RLIM_INFINITY or hard >= needed, f"ulimit -Hn is {hard}, and {needed} are needed"
        # The host is started with the same bound.
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
        super().setUpClass()

    def test_ten_thousand_connections_are_served_and_leave_nothing_behind(self):
        pid = self.host.pid
        self.crowd(pid)
        until("all of them are gone", lambda: descriptors(pid) <= self.before[1] + 4)
        # An allocator keeps much of what the first crowd took, and most of that is enough for the second.
        first = resident(pid) - self.before[0]
        self.before = resident(pid) + first // 2 - MEMORY, self.before[1]
        self.crowd(pid)

    def crowd(self, pid):
        """Ten thousand connections that are all open and all asking, and what each costs."""
        crowd = Crowd(self.port)
        before = resident(pid)
        # Each is asked again and again, in turns, since the host ends one that asks nothing for a while.
        while len(crowd.idle) + len(crowd.began) < CONNECTIONS:
            crowd.open(min(len(crowd.idle) + len(crowd.began) + 250, CONNECTIONS))
            crowd.ask(b"/panic/", 500)
            crowd.take(0)
        for _ in range(2 * CONNECTIONS // 500):
            crowd.open(CONNECTIONS)
            crowd.ask(b"/panic/", 500)
            crowd.take(0)
        self.assertGreater(descriptors(pid), CONNECTIONS * 0.99)
        crowd.settle()
        each = (resident(pid) - before) / CONNECTIONS
        print(f"{CONNECTIONS} connections: {crowd.statuses()}, {each / 1024:.1f} KiB each", flush=True)
        # A function runs 256 at one time; all others are told to come again.
        self.assertGreater(sum(crowd.statuses().values()), 2 * CONNECTIONS)
        self.assertLess(crowd.ended, CONNECTIONS / 100, "ended while they asked")
        self.assertTrue(set(crowd.statuses()) <= {200, 503}, crowd.statuses())
        self.assertLess(each, 64 * 1024)
        self.still_serves()
        crowd.close()

    def goodput(self, crowd, seconds, rate=None):
        """200s a second; at a rate, or as fast as one more is asked for each that was answered."""
        crowd.answers.clear()
        crowd.open(600)
        path = b"/sleepy/%d" % WAIT_MS
        began, asked = time.monotonic(), 0
        while (gone := time.monotonic() - began) < seconds:
            due = PLACES - len(crowd.began) if rate is None else int(gone * rate) - asked
            before = len(crowd.began)
            crowd.open(600)
            crowd.ask(path, max(due, 0))
            asked += len(crowd.began) - before
            crowd.take(0.002)
        crowd.settle()
        return crowd.statuses()[200] / (time.monotonic() - began), asked / seconds

    def test_five_times_what_a_function_can_do_costs_less_than_a_tenth_of_it(self):
        crowd = Crowd(self.port)
        # In turns, so that what else the machine does touches both.
        most, flooded, offered, quick, slow = [], [], [], [], []
        for _ in range(3):
            most.append(self.goodput(crowd, 2)[0])
            self.assertEqual(set(crowd.statuses()), {200})
            good, rate = self.goodput(crowd, 2, rate=5 * most[-1])
            flooded.append(good)
            offered.append(rate / most[-1])
            self.assertTrue(set(crowd.statuses()) <= {200, 503}, crowd.statuses())
            quick += [took for status, took in crowd.answers if status == 503]
            slow += [took for status, took in crowd.answers if status == 200]
        ratio = statistics.median(flooded) / statistics.median(most)
        print(f"goodput at {statistics.median(offered):.1f} times the maximum: {ratio:.2f} of it; a 503 after "
              f"{statistics.median(quick) / statistics.median(slow):.3f} of a good answer's time", flush=True)
        self.assertGreater(statistics.median(offered), 4)
        self.assertGreater(ratio, 0.9)
        self.assertLess(statistics.median(quick), statistics.median(slow) / 2)
        crowd.close()
