"""A host in a network of its own, cut off from its stores without a word; touches no network that the machine had before."""
import os
import subprocess

from chaos import Replicated
from cluster import metric, sign_in, until


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Network:
    """The host's namespace, the way of its clients, and a router between it and the stores, which drops what it is told to."""

    def __init__(self, number):
        # RFC 2544 keeps these addresses for tests: nothing on the Internet has them.
        base, stem = f"198.18.{number}.", f"trm{number}"
        self.mongodb, self.redis, self.host = base + "1", base + "2", base + "129"
        self.space, self.router = f"{stem}-host", f"{stem}-router"
        for space in (self.space, self.router):
            ip("netns", "add", space)
            ip("-n", space, "link", "set", "lo", "up")
        self.cable((None, f"{stem}s", self.mongodb), (self.router, f"{stem}t", base + "62"))
        self.cable((self.router, f"{stem}r", base + "126"), (self.space, f"{stem}h", base + "65"))
        self.cable((None, f"{stem}c", base + "190"), (self.space, f"{stem}d", self.host))
        ip("address", "add", f"{self.redis}/26", "dev", f"{stem}s")
        ip("route", "add", f"{base}64/26", "via", base + "62")
        ip("-n", self.space, "route", "add", f"{base}0/26", "via", base + "126")
        ip("netns", "exec", self.router, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")

    def cable(self, *ends):
        """A cable between two namespaces; none is the machine's."""
        ip("link", "add", ends[0][1], "type", "veth", "peer", "name", ends[1][1])
        for space, name, address in ends:
            if space:
                ip("link", "set", name, "netns", space)
            inside = ("-n", space) if space else ()
            ip(*inside, "address", "add", f"{address}/26", "dev", name)
            ip(*inside, "link", "set", name, "up")

    def cut(self, address):
        """Packets to it and from it vanish, as in a network that has failed: nobody is told."""
        for way in ("to", "from"):
            ip("-n", self.router, "rule", "add", way, address, "blackhole")

    def join(self, address):
        for way in ("to", "from"):
            ip("-n", self.router, "rule", "del", way, address, "blackhole")

    def close(self):
        """Its cables end with the namespaces."""
        for space in (self.space, self.router):
            subprocess.run(["ip", "netns", "del", space], check=False)


class Partition(Replicated):
    @classmethod
    def setUpClass(cls):
        # Another run at the same time has another number.
        cls.network = network = Network(os.getpid() % 250)
        cls.addClassCleanup(network.close)
        super().setUpClass()
        redis = cls.cluster.redis("--bind", "127.0.0.1", network.redis, "--protected-mode", "no")
        settings = cls.sampled(cls.mongodb(3, network.mongodb), f"redis://{network.redis}:{redis.port}")
        inside = ("ip", "netns", "exec", network.space)
        cls.hosts = [cls.cluster.host("cut", at=network.host, before=inside, **settings), cls.cluster.host("whole", **settings)]
        cls.token = sign_in(cls.hosts[0].url)

    def follows(self, connected):
        """Whether the host in the namespace follows Redis."""
        def holds():
            url = f"http://{self.network.host}:{self.hosts[0].metrics}"
            return metric(url, "trm_cache_l2_connected") == connected
        until(f"it follows Redis: {connected}", holds, most=15)

    def cut(self, name, addresses, **times):
        def fault():
            for address in addresses:
                self.network.cut(address)

        def mend():
            if self.network.redis in addresses:
                self.follows(0)
            for address in addresses:
                self.network.join(address)
        return self.scenario(name, fault, mend, **times)

    def test_from_redis(self):
        self.unharmed(self.cut("A host cut off from Redis", [self.network.redis]))
        self.follows(1)

    def test_from_mongodb(self):
        row = self.cut("A host cut off from MongoDB", [self.network.mongodb], during=16, after=12)
        self.only_the_first(row)
        self.harmed(row, {"503", "504"})

    def test_from_all_stores(self):
        row = self.cut("A host cut off from MongoDB and Redis", [self.network.mongodb, self.network.redis], during=8, after=20)
        self.only_the_first(row)
        self.harmed(row, {"503", "504"})
        self.follows(1)
