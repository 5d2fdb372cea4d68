"""Real processes for the live tests: hosts, databases, nginx, Prometheus, and a load of requests."""
import collections
import http.client
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Where cargo built what is run.
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
TRM = TARGET / "release/trm"


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


class Process:
    """One program, stopped by its own number."""

    def __init__(self, folder, name, command, env=None):
        self.name, self.log = name, pathlib.Path(folder) / f"{name}.log"
        self.command, self.env = [str(part) for part in command], env
        self.child = None
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                          env=self.env, cwd=ROOT)

    def stop(self, how=signal.SIGTERM, most=60):
        """Its exit status."""
        if self.child.poll() is None:
            self.child.send_signal(how)
        try:
            return self.child.wait(most)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise AssertionError(f"{self.name} did not end:\n{self.said()[-2000:]}") from None

    def said(self):
        return self.log.read_text(errors="replace")


class Cluster:
    """What one test class runs; all of it ends with the class."""

    def __init__(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="trm-deploy-")
        self.folder = pathlib.Path(self.scratch.name)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in reversed(self.processes):
            if process.child.poll() is None:
                process.child.kill()
            process.child.wait()
        self.scratch.cleanup()

    def run(self, name, command, env=None):
        process = Process(self.folder, name, command, env)
        self.processes.append(process)
        return process

    def listens(self, process, port, at="127.0.0.1", most=60.0):
        def there():
            assert process.child.poll() is None, f"{process.name} ended:\n{process.said()[-2000:]}"
            socket.create_connection((at, port), 1).close()
            return True
        until(f"{process.name} listens", there, most)

    def redis(self, *options):
        port = free_port()
        process = self.run(f"redis-{port}", ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                                             "--dir", self.folder, *options])
        self.listens(process, port)
        process.port = port
        return process

    def mongod(self, *options, port=None, bind="127.0.0.1"):
        port = port or free_port()
        data = self.folder / f"mongo-{port}"
        data.mkdir(exist_ok=True)
        process = self.run(f"mongod-{port}", [os.environ["TEST_MONGOD"], "--port", port, "--bind_ip", bind,
                                              "--dbpath", data, *(options or ("--replSet", "rs0"))])
        self.listens(process, port)
        # Writes are transactions, which a replica set has only. Who gives options makes the set as well.
        if not options:
            subprocess.run([ROOT / "tests/harness/replica_set.py", str(port)], check=True)
        process.port = port
        return process

    def host(self, name, port=None, ready=True, at="127.0.0.1", before=(), **settings):
        """A `trm serve`, with requests on `port` and metrics on `metrics`; `before` are words before its command."""
        port, metrics = port or free_port(), free_port()
        env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "PORT": str(port),
               "METRICS_PORT": str(metrics), "LISTEN_ADDR": at, "NODE_ENV": "production",
               "JWT_SECRET": "a secret of tests alone, for tokens", "API_KEY_SECRET": "a secret of tests alone, for keys",
               "TRM_MANIFEST": str(ROOT / "spin.toml"), "TRM_DATA_DIR": str(self.folder / f"data-{name}")}
        env.update({key: str(value) for key, value in settings.items()})
        process = self.run(f"host-{name}", [*before, TRM, "serve"], env)
        process.port, process.metrics, process.place = port, metrics, (at, port)
        process.url = f"http://{at}:{port}"
        self.listens(process, port, at)
        if ready:
            until(f"{name} is ready", lambda: get(f"{process.url}/ready")[0] == 200)
        return process

    def sample(self, **settings):
        """Loads the sample data."""
        env = {**os.environ, "TRM_MANIFEST": str(ROOT / "spin.toml"), "TRM_DATA_DIR": str(self.folder / "data-x")}
        env.update({key: str(value) for key, value in settings.items()})
        subprocess.run([TRM, "sample"], env=env, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)

    def guests(self, reach=(), made=None, **settings):
        """A manifest of tests/guests, or of components `made` elsewhere, each at /name, with what stands in its `tool.trm`
        table; they may reach these hosts."""
        text = 'spin_manifest_version = 2\n[application]\nname = "guests"\n'
        for name, table in settings.items():
            wasm = (made or {}).get(name, TARGET / f"wasm32-wasip2/release/guest_{name}.wasm")
            text += (f'[[trigger.http]]\nroute = "/{name}/..."\ncomponent = "{name}"\n[component.{name}]\n'
                     f'source = "{wasm}"\nallowed_outbound_hosts = {json.dumps(list(reach))}\n'
                     f'[component.{name}.tool.trm]\n{table}\n')
        file = self.folder / "guests/spin.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
        return file


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


class Load:
    """Requests from several clients until it is stopped, each client at its own pace and from its own address."""

    def __init__(self, host, port, requests, clients=4, rate=20.0, tls=False, token=None):
        self.token = token
        self.answers, self.failures = collections.Counter(), []
        self.host, self.port, self.requests, self.rate, self.tls = host, port, requests, rate, tls
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.client, args=(n,), daemon=True) for n in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stopping.set()
        for thread in self.threads:
            thread.join(60)

    def connect(self, number):
        source = (f"127.0.0.{number + 2}", 0)
        if self.tls:
            return http.client.HTTPSConnection(self.host, self.port, timeout=30, source_address=source,
                                               context=ssl._create_unverified_context())
        return http.client.HTTPConnection(self.host, self.port, timeout=30, source_address=source)

    def client(self, number):
        connection = self.connect(number)
        turn = number
        while not self.stopping.wait(1 / self.rate):
            method, path, body = self.requests[turn % len(self.requests)]
            path = path(turn) if callable(path) else path
            turn += len(self.threads)
            try:
                headers = {"content-type": "application/json"} if body else {}
                if body and self.token:
                    headers["authorization"] = f"Bearer {self.token}"
                connection.request(method, path, json.dumps(body) if body else None, headers)
                answer = connection.getresponse()
                answer.read()
                self.answers[answer.status] += 1
                if answer.status >= 500:
                    self.failures.append(f"{method} {path}: {answer.status}")
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{method} {path}: {error!r}")
                connection.close()
                connection = self.connect(number)
        connection.close()
