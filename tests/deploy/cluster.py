"""What the program `harness` starts for a test: hosts, databases, any other program, and loads; starts nothing itself."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from traffic import Traffic

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where cargo built what is run.
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
# The profile of the host and the functions: the measurements use `production`.
PROFILE = os.environ.get("TRM_PROFILE", "release")
TRM = TARGET / PROFILE / "trm"
# It is built as every other program of the tests, also where a benchmark looks for others elsewhere.
HARNESS = ROOT / "target/release/harness"


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, holds, most=60.0, pause=0.1):
    """Waits until something holds; its last error is told if it never does."""
    end, last = time.monotonic() + most, None
    while time.monotonic() < end:
        try:
            got = holds()
            if got:
                return got
        except (OSError, AssertionError, KeyError, ValueError, http.client.HTTPException) as error:
            last = error
        time.sleep(pause)
    raise AssertionError(f"not within {most:.0f} s: {what} ({last})")


def get(url, headers=None, timeout=10):
    """The status and the body of a GET; every status is an answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=timeout) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


class Harness:
    """The program, to which each order is a line and each answer as well. It ends when its input does, with all it started."""

    def __init__(self):
        # A session of its own: what ends a test's process group leaves the harness the time to stop everything.
        self.child = subprocess.Popen([HARNESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
                                      start_new_session=True)
        self.turn = threading.Lock()
        self.folder = pathlib.Path(self.answer()["folder"])

    def answer(self):
        line = self.child.stdout.readline()
        assert line, f"the harness ended with {self.child.wait()}"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def order(self, do, **words):
        """Has it do something; what came of it."""
        with self.turn:
            self.child.stdin.write(json.dumps({"do": do, **words}, default=str) + "\n")
            self.child.stdin.flush()
            return self.answer()

    def close(self):
        self.child.stdin.close()
        self.child.wait()
        self.child.stdout.close()


class Process:
    """One program: its `pid`, its `log`, when it `began` by time.monotonic(); `port`, `metrics`, `url` and `env` of a host."""

    def __init__(self, harness, name, told):
        self.harness, self.name = harness, name
        self.__dict__.update(told)
        self.log = pathlib.Path(self.log)

    def order(self, do, **words):
        return self.harness.order(do, process=self.number, **words)

    def start(self, before=()):
        """Starts it once more, with other words before its command."""
        self.pid = self.order("start", before=before)["pid"]

    def send_signal(self, which):
        self.order("signal", signal=which)

    def status(self):
        """Its exit status, or minus the signal that ended it; None while it runs."""
        return self.order("status")["status"]

    def wait(self, most=60):
        """Its exit status, once it has ended. A process that does not end in time is killed, which is an error."""
        return self.order("stop", most=most)["status"]

    def stop(self, how=signal.SIGTERM, most=60):
        """The same after a signal."""
        return self.order("stop", signal=how, most=most)["status"]

    def said(self):
        return self.log.read_text(errors="replace")


class Proxy:
    """A TCP proxy on a `port` of its own."""

    def __init__(self, harness, number, port):
        self.harness, self.number, self.port = harness, number, port

    def disturb(self, **how):
        """`delay` in milliseconds each way; how many of a thousand answers are `broken` off in their middle. Else it mends."""
        self.harness.order("disturb", proxy=self.number, **how)


class Cluster:
    """What one test class runs; all of it ends with the class."""

    def __init__(self):
        self.harness, self.processes = Harness(), []
        self.folder = self.harness.folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.harness.close()

    def process(self, name, do, /, **words):
        process = Process(self.harness, name, self.harness.order(do, **words))
        self.processes.append(process)
        return process

    def run(self, name, command, env=None):
        return self.process(name, "run", name=name, command=texts(command), env=env and values(env))

    def listens(self, process, port, at="127.0.0.1", most=60.0):
        process.order("listens", address=f"{at}:{port}", most=most)

    def redis(self, *options):
        return self.process("redis", "redis", options=texts(options))

    def sentinel(self, master, quorum):
        """One that follows a Redis under the name `main`; so many must agree."""
        return self.process("sentinel", "sentinel", master=master.port, quorum=quorum)

    def mongod(self, *options, port=None, bind="127.0.0.1"):
        """A replica set of one node. Whoever gives options makes the set as well."""
        return self.process("mongod", "mongod", options=texts(options), port=port, bind=bind)

    def host(self, name, ready=True, at="127.0.0.1", before=(), **settings):
        """A `trm serve`, with requests on `port` and metrics on `metrics`; `before` are words before its command."""
        host = self.process(name, "host", name=name, at=at, ready=ready, before=texts(before), settings=values(settings))
        host.place = (at, host.port)
        return host

    def sample(self, **settings):
        """Loads the sample data."""
        self.harness.order("sample", settings=values(settings))

    def guests(self, reach=(), made=None, **settings):
        """A manifest of tests/guests, or of components `made` elsewhere, each at /name, with what stands in its `tool.trm`
        table; they may reach these hosts."""
        answer = self.harness.order("guests", guests=settings, outbound=texts(reach), made=values(made or {}))
        return pathlib.Path(answer["manifest"])

    def proxy(self, server):
        """In front of a server."""
        answer = self.harness.order("proxy", to=server.port)
        return Proxy(self.harness, **answer)

    def traffic(self, *what, **how):
        return Traffic(self.harness, *what, **how)


def texts(words):
    return [str(word) for word in words]


def values(settings):
    return {name: str(value) for name, value in settings.items()}


def metric(url, name, **labels):
    """The sum of a metric's series that have these labels."""
    total, found = 0.0, False
    for line in get(f"{url}/metrics")[1].splitlines():
        series, _, rest = line.partition(" ")
        if series.partition("{")[0] == name and all(f'{key}="{value}"' in series for key, value in labels.items()):
            total, found = total + float(rest.split()[0]), True
    if not found:
        raise KeyError(f"{name} {labels} is not exported")
    return total


def sign_in(url):
    """An admin's token, by the account of the sample data."""
    body = json.dumps({"email": "admin@demo.example", "password": "demo-password"}).encode()
    request = urllib.request.Request(f"{url}/api/auth/login", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["accessToken"]
