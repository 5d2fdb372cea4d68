"""Redis as k8s/redis-deployment.yaml makes it: its start script, sentinels and proxy, run by the programs themselves.

Each pod is a network of its own with the name that the cluster would give it; only folders are other ones.
"""
import functools
import signal
import socket
import subprocess
import threading
import time
import unittest

from cluster import Cluster, get, until
from nodes import Nodes
from support import one

PASSWORD = "a-password-of-tests"
NAMES = [f"redis-{n}" for n in range(3)]
DOMAIN = "redis-nodes.trm.svc.cluster.local"


# Three seconds until a master counts as dead, one for the election, one for the proxy: five. An election that nobody
# wins is held again after ten more.
FAILOVER = 25


def tell(address, *words, port=6379, password=PASSWORD, lines=None):
    """What redis-cli prints, of one command or of several on one connection; no answer in time is an error, not nothing."""
    command = ["timeout", "5", "redis-cli", "-h", address, "-p", str(port), *words]
    env = {"PATH": "/usr/bin:/bin"} | ({"REDISCLI_AUTH": password} if password else {})
    done = subprocess.run(command, capture_output=True, text=True, env=env, input=lines)
    assert done.returncode == 0 and not done.stderr and done.stdout, (
        f"redis-cli {' '.join(words) or lines!r} at {address}:{port} ended with {done.returncode}: "
        f"{done.stdout.strip()} {done.stderr.strip()}")
    return done.stdout.strip()


def probe(role):
    """The command by which the cluster asks whether this container is ready."""
    containers = one("base", "StatefulSet", "redis")["spec"]["template"]["spec"]["containers"]
    (found,) = [container for container in containers if container["name"] == {"server": "redis"}.get(role, role)]
    return found["readinessProbe"]["exec"]["command"]


class Pod:
    """One server and the sentinel beside it, each in folders of its own, as the pod's containers have them."""

    def __init__(self, cluster, nodes, name):
        self.name, self.address = name, nodes.addresses[f"{name}.{DOMAIN}"]
        self.folder = cluster.folder / name
        self.inside = nodes.inside(f"{name}.{DOMAIN}")
        self.start = {}
        for role in ("server", "sentinel"):
            folder = self.folder / role
            for part in ("config", "run", "data"):
                (folder / part).mkdir(parents=True)
            for file, text in one("base", "ConfigMap", "redis-config")["data"].items():
                for inside, here in (("/run/redis", "run"), ("/config", "config"), ("dir /data", "data")):
                    text = text.replace(inside, f"dir {folder / here}" if inside == "dir /data" else str(folder / here))
                (folder / "config" / file).write_text(text)
            env = {"PATH": "/usr/bin:/bin", "HOSTNAME": name, "REDIS_PASSWORD": PASSWORD}
            command = [*self.inside, "sh", folder / "config/start.sh", role]
            self.start[role] = cluster.run(f"{name}-{role}", command, env)

    def tell(self, *words, port=6379):
        return tell(self.address, *words, port=port)

    def role(self):
        return self.tell("ROLE").partition("\n")[0]

    def replicas(self, field):
        """What its sentinel says in this field of each replica."""
        lines = self.tell("SENTINEL", "replicas", "trm", port=26379).splitlines()
        return sorted(value for name, value in zip(lines, lines[1:]) if name == field)

    def ready(self):
        env = {"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": PASSWORD}
        for role in self.start:
            done = subprocess.run([*self.inside, "timeout", "5", *probe(role)], capture_output=True, text=True, env=env)
            assert done.returncode == 0, f"{role} of {self.name} is not ready: {done.stdout} {done.stderr}"
        return True

    def end(self):
        """As a pod ends: its containers are told at one time."""
        for process in self.start.values():
            process.send_signal(signal.SIGTERM)
        for process in self.start.values():
            process.stop()

    def begin(self):
        """Starts what does not run."""
        for process in self.start.values():
            if process.status() is not None:
                process.start()


class Watch:
    """Sees whether two servers lead at one time, for as long as it is open: writes to one of them would be lost."""

    def __init__(self, pods):
        self.pods, self.seen, self.looks, self.over = pods, [], 0, threading.Event()
        self.thread = threading.Thread(target=self.look)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def look(self):
        while not self.over.wait(0.05):
            leading = [pod.name for pod in self.pods if self.leads(pod)]
            self.looks += 1
            if len(leading) > 1:
                self.seen.append(leading)

    def leads(self, pod):
        try:
            with socket.create_connection((pod.address, 6379), 1) as connection:
                connection.sendall(f"AUTH {PASSWORD}\r\nROLE\r\n".encode())
                said = b""
                while b"master" not in said and b"slave" not in said and (got := connection.recv(4096)):
                    said += got
                return b"master" in said
        except OSError:
            return False


def from_a_settled_set(test):
    """Begins with a whole set, and tells with a failure what its programs said last.

    Sentinels that did not run for two seconds mistrust their clocks and do nothing for thirty, in the middle of a failover
    too. A test in which this machine stood still so long says nothing, and is held again.
    """
    @functools.wraps(test)
    def run(self, more=3):
        tilts = self.tilts()
        try:
            self.settle()
            with Watch(self.pods) as self.watch:
                test(self)
        except AssertionError as error:
            if more and self.tilts() > tilts:
                print("Sentinels stood still for seconds; once more: ", end="", flush=True)
                return run(self, more - 1)
            said = [f"{process.name}: {line[:200]}" for process in self.cluster.processes
                    for line in process.said().splitlines()[-40:]]
            raise AssertionError("\n".join([str(error), *said])) from error
    return run


class Redis(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nodes = Nodes(*(f"{name}.{DOMAIN}" for name in NAMES), "proxy")
        cls.addClassCleanup(cls.nodes.close)
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        # One after another, as a StatefulSet begins.
        cls.pods = []
        for name in NAMES:
            pod = Pod(cluster, cls.nodes, name)
            cls.pods.append(pod)
            until(f"{name} is ready", pod.ready)
        # From the first moment: of a master that is dead a sentinel learns nothing more.
        cls.known = [pod.replicas("name") for pod in cls.pods]
        config = cluster.folder / "haproxy.cfg"
        config.write_text(one("base", "ConfigMap", "redis-proxy")["data"]["haproxy.cfg"])
        cluster.run("proxy", [*cls.nodes.inside("proxy"), "haproxy", "-db", "-f", config],
                    {"PATH": "/usr/sbin:/usr/bin:/bin", "REDIS_PASSWORD": PASSWORD})
        cls.proxy = cls.nodes.addresses["proxy"]

    def settle(self):
        """Whatever the test before left: all of it runs, and two servers follow one."""
        for pod in self.pods:
            pod.begin()
        self.master = until("three servers have one master", self.settled, most=90)
        until("the proxy is ready", lambda: get(f"http://{self.proxy}:8080/health", timeout=2)[0] == 200, most=20)

    def settled(self):
        """The one master, which two replicas follow, known to each sentinel with the two replicas and the two others."""
        masters = [pod for pod in self.pods if pod.ready() and pod.role() == "master"]
        assert len(masters) == 1, [(pod.name, pod.role()) for pod in self.pods]
        state = masters[0].tell("INFO", "replication")
        assert state.count("state=online") == 2, state
        for pod in self.pods:
            named = pod.tell("SENTINEL", "get-master-addr-by-name", "trm", port=26379).partition("\n")[0]
            assert named == f"{masters[0].name}.{DOMAIN}", (pod.name, named)
            assert pod.tell("SENTINEL", "ckquorum", "trm", port=26379).startswith("OK 3"), pod.name
            assert "sentinel_tilt:0" in pod.tell("INFO", "sentinel", port=26379), f"{pod.name} mistrusts its clock"
            assert pod.replicas("flags") == ["slave", "slave"], (pod.name, pod.replicas("flags"))
        return masters[0]

    def tilts(self):
        """How often a sentinel found that it had not run."""
        return sum(pod.start["sentinel"].said().count("+tilt") for pod in self.pods)

    def through_the_proxy(self, *words):
        return tell(self.proxy, *words)

    def write(self, key, value):
        """Written, and confirmed by a replica: that much a failover must not lose."""
        said = tell(self.proxy, lines=f"SET {key} {value}\nWAIT 1 2000\n").splitlines()
        assert said[0] == "OK" and int(said[-1]) >= 1, said
        return True

    def again(self, began, what, key, value):
        """Waits until writes are taken again, which is soon."""
        until(f"writes are taken again after {what}", lambda: self.write(key, value), most=60)
        took = time.monotonic() - began
        print(f"Redis takes writes again {took:.1f} s after {what} ", end="", flush=True)
        self.assertLess(took, FAILOVER, what)

    def kept(self, **values):
        """All of it is there, all servers follow one, and never did two lead."""
        for key, value in values.items():
            self.assertEqual(self.through_the_proxy("GET", key), value, key)
        master = until("two servers follow one", self.settled, most=90)
        for pod in self.pods:
            until(f"{pod.name} has a copy", lambda: {key: pod.tell("GET", key) for key in values} == values, most=10)
        self.assertEqual(self.watch.seen, [], "two servers led at one time")
        self.assertGreater(self.watch.looks, 10)
        return master

    @from_a_settled_set
    def test_a_master_is_killed_and_then_a_whole_pod_replaced(self):
        self.assertEqual(self.known, [[f"{name}.{DOMAIN}:6379" for name in NAMES[1:]]] * 3)
        # Nobody without the password.
        self.assertIn("NOAUTH", tell(self.proxy, "GET", "kept", password=None))
        until("it takes writes", lambda: self.write("kept", "1"), most=20)
        began = time.monotonic()
        self.master.start["server"].stop(signal.SIGKILL)
        # A replica of nobody is not ready, or an update would go on to the next pod.
        replica = next(pod for pod in self.pods if pod is not self.master)
        until("it has no master", lambda: "master_link_status:down" in replica.tell("INFO", "replication"), most=2)
        with self.assertRaisesRegex(AssertionError, f"server of {replica.name} is not ready"):
            replica.ready()
        self.again(began, "its master was killed", "after", "2")
        self.assertEqual(self.through_the_proxy("GET", "kept"), "1")

        # The former master's pod starts by the same script, and follows.
        self.master.begin()
        second = self.kept(kept="1", after="2")
        self.assertNotEqual(second.name, self.master.name)

        # Its sentinel has forgotten everything, and learns who leads from the others.
        began = time.monotonic()
        second.end()
        self.again(began, "its master's pod ended", "third", "3")
        second.begin()
        self.assertNotEqual(self.kept(kept="1", after="2", third="3").name, second.name)

    @from_a_settled_set
    def test_a_master_that_crashes_and_is_started_at_once_does_not_lead_beside_another(self):
        until("it takes writes", lambda: self.write("kept", "a"), most=20)
        # Before the sentinels have noticed, and while they choose another.
        for pause in (0, 3.3):
            master = until("two servers follow one", self.settled, most=90)
            began = time.monotonic()
            master.start["server"].stop(signal.SIGKILL)
            time.sleep(pause)
            master.begin()
            self.again(began, "its master crashed", "after", f"b{pause}")
            # Its file may lack the last writes, where a disk is slow; a replica has all that it confirmed.
            self.assertNotEqual(self.kept(kept="a", after=f"b{pause}").name, master.name)

    @from_a_settled_set
    def test_a_master_ends_while_a_replica_has_no_copy(self):
        until("it takes writes", lambda: self.write("kept", "x"), most=20)
        replica = next(pod for pod in self.pods if pod is not self.master)
        replica.start["server"].stop(signal.SIGKILL)
        replica.start["server"].start()
        began = time.monotonic()
        self.master.end()
        self.assertLess(time.monotonic() - began, 3, "it still leads when the sentinels choose another")
        self.again(began, "its master's pod ended", "after", "y")
        self.master.begin()
        self.kept(kept="x", after="y")

    @from_a_settled_set
    def test_what_was_written_survives_all_of_them(self):
        until("it takes writes", lambda: self.write("durable", "yes"), most=20)
        time.sleep(1.5)  # appendfsync everysec
        began = time.monotonic()
        for pod in self.pods:
            pod.start["server"].stop(signal.SIGKILL)
        for pod in self.pods:
            pod.begin()
        self.again(began, "all of its servers were killed", "after", "all")
        self.kept(durable="yes", after="all")
