"""A TCP proxy that delays what passes, or cuts a connection in the middle of an answer; understands nothing of it."""
import contextlib
import random
import socket
import threading
import time


class Proxy:
    """Leads from a port of its own to `target`. `delay` in seconds each way; `cut` is the chance that an answer ends early."""

    def __init__(self, target):
        self.target, self.delay, self.cut = target, 0.0, 0.0
        self.chance = random.Random(1)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                try:
                    server = socket.create_connection(("127.0.0.1", self.target))
                except OSError:
                    client.close()
                    continue
                for ends in ((client, server, False), (server, client, True)):
                    threading.Thread(target=self.carry, args=ends, daemon=True).start()

    def carry(self, origin, to, answers):
        with contextlib.suppress(OSError):
            while part := origin.recv(1 << 16):
                time.sleep(self.delay)
                if answers and self.chance.random() < self.cut:
                    to.sendall(part[:len(part) // 2])
                    break
                to.sendall(part)
        for end in (origin, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.listener.close()
