"""Clients that are slow on purpose: at the head, at the body, at reading; many at a time, beside one that is not."""
import contextlib
import socket
import threading
import time

from wire import Abuse, connect, exchange, statuses

MANY = 200
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def ended(connection, most):
    """What came, and whether the other side ended the connection in time."""
    connection.settimeout(0.5)
    seen, end = b"", time.monotonic() + most
    while time.monotonic() < end:
        try:
            got = connection.recv(1 << 16)
        except TimeoutError:
            continue
        except OSError:
            return seen, True
        if not got:
            return seen, True
        seen += got
    return seen, False


def drip(connection, parts, pause):
    """Sends a part at a time until the other side has had enough."""
    with contextlib.suppress(OSError):
        for part in parts:
            connection.sendall(part)
            time.sleep(pause)


class Slow(Abuse):
    """The host's bounds (15 s for a head, 10 s for a body, 30 s for a client that does not read) run side by side."""

    def kinds(self):
        """Each kind: what it sends at first, what it drips, within how long it must be ended, and with which statuses."""
        head = b"GET /echo/slow HTTP/1.1\r\nHost: a\r\n"
        body = b"POST /echo/slow HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n"
        chunked = b"POST /echo/slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        return {
            "nothing": (b"", [], 25, []),
            "half a preface of HTTP/2": (PREFACE[:10], [], 25, []),
            "a preface and no more": (PREFACE + b"\0\0\0\x04\0\0\0\0\0", [], 25, []),
            "a head in drops": (head, [b"X: y\r\n"] * 40, 25, []),
            "a body in drops": (body, [b"x"] * 40, 25, [408]),
            "chunks in drops": (chunked, [b"1\r\nx\r\n"] * 40, 25, [408]),
        }

    def test_every_slow_sender_is_ended_in_time_and_nobody_else_waits(self):
        outcomes, threads = [], []

        def one(name, first, drops, most, wanted):
            with connect(self.port) as connection:
                with contextlib.suppress(OSError):
                    connection.sendall(first)
                dripping = threading.Thread(target=drip, args=(connection, drops, 0.7))
                dripping.start()
                seen, over = ended(connection, most)
                outcomes.append((name, over, statuses(seen), wanted))
            dripping.join()
        for name, (first, drops, most, wanted) in self.kinds().items():
            for _ in range(MANY // len(self.kinds())):
                threads.append(threading.Thread(target=one, args=(name, first, drops, most, wanted)))
        for thread in threads:
            thread.start()
        for _ in range(20):
            self.still_serves()
            time.sleep(0.2)
        for thread in threads:
            thread.join()
        for name, over, got, wanted in outcomes:
            self.assertTrue(over, f"{name} was not ended")
            self.assertEqual(got, wanted, name)

    def test_a_client_that_does_not_read_is_given_up(self):
        request = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
        connections = [connect(self.port, small=True) for _ in range(20)]
        for connection in connections:
            connection.settimeout(1)
            # As many as the host takes before it has nowhere to put the answers.
            with contextlib.suppress(OSError):
                connection.sendall(request * 4_000)
        self.still_serves()
        time.sleep(35)
        for connection in connections:
            connection.settimeout(20)
            with self.assertRaises(OSError, msg="it still takes requests"):
                for _ in range(200):
                    connection.sendall(request * 1_000)
            connection.close()

    def test_a_client_that_goes_away_at_any_moment_costs_nothing(self):
        whole = b"POST /echo/gone HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"
        for cut in range(0, len(whole), 3):
            for how in (socket.SHUT_WR, None):
                with connect(self.port) as connection:
                    connection.sendall(whole[:cut])
                    if how is not None:
                        connection.shutdown(how)
                    else:
                        # A reset instead of an end.
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.still_serves()
        for _ in range(100):
            with connect(self.port) as connection:
                connection.sendall(b"GET /sleepy/ HTTP/1.1\r\nHost: a\r\n\r\n")
        # The places of those that went away are free again within their deadline.
        time.sleep(2)
        answer = exchange(self.port, b"GET /sleepy/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", timeout=5)
        self.assertEqual(statuses(answer), [504])
