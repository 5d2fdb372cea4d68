"""A machine that fails its host: a disk that fills up, a clock that is set, a process that is killed over its own database."""
import base64
import contextlib
import json
import pathlib
import signal
import sqlite3
import subprocess
import tempfile
import time
import urllib.request

import bson

from chaos import JOB, Replicated, Scenario
from cluster import get, sign_in, until

HOUR = 3_600


class Embedded(Scenario):
    """One host whose documents are in SQLite, on a small disk of its own."""

    @classmethod
    def setUpClass(cls):
        # The disk goes last, since the host keeps files open on it.
        cls.disk = pathlib.Path(cls.enterClassContext(tempfile.TemporaryDirectory(prefix="trm-disk-")))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "trm-disk", cls.disk], check=True)
        cls.addClassCleanup(subprocess.run, ["umount", cls.disk], check=True)
        super().setUpClass()
        settings = {"TRM_DATA_DIR": cls.disk / "data"}
        cls.cluster.sample(**settings)
        cls.hosts = [cls.cluster.host("alone", **settings)]
        cls.token = sign_in(cls.hosts[0].url)

    def database(self):
        file = self.disk / "data/documents.sqlite"
        return contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True))

    def kept(self, acknowledged):
        """As another process reads the file."""
        with self.database() as database:
            self.assertEqual(database.execute("PRAGMA integrity_check").fetchall(), [("ok",)])
            there = {str(bson.decode(raw)["_id"]) for raw, in database.execute("SELECT raw FROM c_jobs")}
        return len(there & set(acknowledged))

    def test_disk_full(self):
        ballast = self.disk / "ballast"

        def fill():
            with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
                for size in (1 << 20, 4_096):
                    with contextlib.suppress(OSError):
                        while True:
                            file.write(bytes(size))
        row = self.scenario("SQLite's disk is full", fill, ballast.unlink)
        self.harmed(row, {"503", "507"})
        self.assertEqual({one.method for one in row.seen if one.bad}, {"POST"}, "reads need no room")

    def test_killed(self):
        def again():
            self.hosts[0].start()
            until("it is ready", lambda: get(f"{self.hosts[0].url}/ready")[0] == 200)
        row = self.scenario("The only host killed -9 over SQLite, started again",
                            lambda: self.hosts[0].stop(signal.SIGKILL), again)
        self.harmed(row, {"refused", "reset", "closed"})


class Clock(Replicated):
    """Two hosts, of which the first believes a clock that is set while it runs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.clock = cls.cluster.folder / "clock"
        cls.clock.write_text("+0")
        library = next(pathlib.Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
        # As where a clock is set: time that is only counted goes on, and so do the times of files.
        faked = {"LD_PRELOAD": library, "FAKETIME_TIMESTAMP_FILE": cls.clock, "FAKETIME_CACHE_DURATION": 1,
                 "FAKETIME_DONT_FAKE_MONOTONIC": 1, "NO_FAKE_STAT": 1}
        redis = cls.cluster.redis()
        settings = cls.sampled(cls.mongodb(1), f"redis://127.0.0.1:{redis.port}")
        cls.hosts = [cls.cluster.host("stepped", **settings, **faked), cls.cluster.host("right", **settings)]
        cls.token = sign_in(cls.hosts[1].url)

    def step(self, seconds):
        """Sets the clock, which is waited for."""
        self.clock.write_text(f"{seconds:+d}")

        def is_set():
            # By what it signs: hyper keeps its `Date` until the clock has passed it again.
            claims = sign_in(self.hosts[0].url).split(".")[1]
            return abs(json.loads(base64.urlsafe_b64decode(claims + "=="))["iat"] - time.time() - seconds) < 5
        until(f"the clock is {seconds} seconds off", is_set, most=10)

    def test_back(self):
        def back():
            # One that the load does not ask for.
            page, began = f"{self.hosts[0].url}{JOB.format(99)}", time.monotonic()
            get(page), get(page)
            time.sleep(3)
            self.step(-HOUR)
            with urllib.request.urlopen(page, timeout=10) as answer:
                if "hit" in answer.headers["cache-status"]:
                    self.assertGreaterEqual(int(answer.headers["age"]), time.monotonic() - began - 2, "it grew younger")
        self.unharmed(self.scenario("A host's clock set back by an hour, and forward again",
                                    back, lambda: self.step(0), after=8))

    def test_forward(self):
        def forward():
            self.step(HOUR)
            # What it signs now is good for itself, and for one whose clock is right.
            own = sign_in(self.hosts[0].url)
            for host in self.hosts:
                self.assertEqual(get(f"{host.url}/api/users/me", {"authorization": f"Bearer {own}"})[0], 200)
        row = self.scenario("A host's clock set forward by an hour, and back again", forward, lambda: self.step(0), after=8)
        self.only_the_first(row)
        # Tokens live a quarter of an hour: it takes them to be over, and says so.
        self.harmed(row, {"401"})
