"""Redis as k8s/redis-deployment.yaml makes it: its start script, sentinels and proxy, run by the programs themselves.

Each pod is a network of its own with the name that the cluster would give it; only folders are other ones.
"""
import signal
import socket
import subprocess
import threading
import time
import unittest

from cluster import Cluster, Process, get, until
from nodes import Nodes
from support import one

PASSWORD = "a-password-of-tests"
NAMES = [f"redis-{n}" for n in range(3)]
DOMAIN = "redis-nodes.trm.svc.cluster.local"


def tell(address, *words, port=6379, password=PASSWORD):
    """What redis-cli prints; nothing where nobody answers in time."""
    command = ["timeout", "5", "redis-cli", "-h", address, "-p", str(port), *words]
    env = {"PATH": "/usr/bin:/bin", "REDISCLI_AUTH": password}
    return subprocess.run(command, capture_output=True, text=True, env=env).stdout.strip()


class Pod:
    """One server and the sentinel beside it, each in folders of its own, as the pod's containers have them."""

    def __init__(self, cluster, nodes, name):
        self.name, self.address = name, nodes.addresses[f"{name}.{DOMAIN}"]
        self.folder = cluster.folder / name
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
            command = [*nodes.inside(f"{name}.{DOMAIN}"), "sh", folder / "config/start.sh", role]
            self.start[role] = cluster.run(f"{name}-{role}", command, env)

    def tell(self, *words, port=6379):
        return tell(self.address, *words, port=port)

    def role(self):
        return self.tell("ROLE").partition("\n")[0]


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
            until(f"{name} answers", lambda: pod.tell("PING") == "PONG" and pod.tell("PING", port=26379) == "PONG")
        config = cluster.folder / "haproxy.cfg"
        config.write_text(one("base", "ConfigMap", "redis-proxy")["data"]["haproxy.cfg"])
        cluster.run("proxy", [*cls.nodes.inside("proxy"), "haproxy", "-db", "-f", config],
                    {"PATH": "/usr/sbin:/usr/bin:/bin", "REDIS_PASSWORD": PASSWORD})
        cls.proxy = cls.nodes.addresses["proxy"]

    def through_the_proxy(self, *words):
        return tell(self.proxy, *words)

    def settled(self, replicas):
        """One master, which so many follow, known to each sentinel with the two others."""
        masters = [pod for pod in self.pods if pod.role() == "master"]
        assert len(masters) == 1, [(pod.name, pod.role()) for pod in self.pods]
        assert f"connected_slaves:{replicas}" in masters[0].tell("INFO", "replication"), masters[0].tell("INFO", "replication")
        for pod in self.pods:
            named = pod.tell("SENTINEL", "get-master-addr-by-name", "trm", port=26379).partition("\n")[0]
            assert named == f"{masters[0].name}.{DOMAIN}", (pod.name, named)
            assert pod.tell("SENTINEL", "ckquorum", "trm", port=26379).startswith("OK 3"), pod.name
        return masters[0]

    def test_one_master_at_any_time_whatever_is_killed_or_restarted(self):
        master = until("three servers have one master", lambda: self.settled(2), most=40)
        self.assertEqual(master.name, "redis-0")
        until("the proxy is ready", lambda: get(f"http://{self.proxy}:8080/health", timeout=2)[0] == 200, most=20)
        # Not before a replica has confirmed something (`min-replicas-to-write`).
        until("it takes writes", lambda: self.through_the_proxy("SET", "kept", "1") == "OK", most=60)
        # Nobody without the password.
        self.assertIn("NOAUTH", tell(self.proxy, "GET", "kept", password=""))

        watch = self.enterContext(Watch(self.pods))
        master.start["server"].stop(signal.SIGKILL)
        began = time.monotonic()
        def another():
            assert self.through_the_proxy("SET", "after", "2") == "OK"
            return True
        until("the proxy leads to a new master", another, most=60)
        print(f"Redis takes writes again {time.monotonic() - began:.1f} s after its master was killed ", end="", flush=True)
        self.assertEqual(self.through_the_proxy("GET", "kept"), "1")

        # The former master's pod starts by the same script, and follows.
        master.start["server"].start()
        after = until("the former master follows", lambda: self.settled(2), most=60)
        self.assertNotEqual(after.name, master.name)
        self.assertEqual(master.role(), "slave")

        # A whole pod is replaced: its sentinel has forgotten everything, and learns who leads from the others.
        for process in after.start.values():
            process.stop(signal.SIGTERM)
        until("the proxy leads to another", another, most=60)
        for process in after.start.values():
            process.start()
        last = until("it follows", lambda: self.settled(2), most=90)
        self.assertNotEqual(last.name, after.name)
        self.assertEqual(self.through_the_proxy("GET", "after"), "2")

        self.assertEqual(watch.seen, [], "two servers led at one time")
        self.assertGreater(watch.looks, 50)

    def test_what_was_written_survives_all_of_them(self):
        until("three servers have one master", lambda: self.settled(2), most=90)
        until("it takes writes", lambda: self.through_the_proxy("SET", "durable", "yes") == "OK", most=60)
        time.sleep(1.5)  # appendfsync everysec
        for pod in self.pods:
            pod.start["server"].stop(signal.SIGKILL)
        for pod in self.pods:
            pod.start["server"].start()
        until("it is there again", lambda: self.through_the_proxy("GET", "durable") == "yes", most=60)
        until("one master leads", lambda: self.settled(2), most=60)


if __name__ == "__main__":
    unittest.main()
