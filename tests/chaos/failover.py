"""Several Redis servers that change places under load: sentinels replace a master, a cluster moves slots; MongoDB stays well."""
import signal

from chaos import Replicated
from cluster import free_port, metric, sign_in, until
from redis_cli import tell


class Several(Replicated):
    @classmethod
    def serve(cls, redis):
        """Two hosts on Redis at an address."""
        settings = cls.sampled(cls.mongodb(1), redis)
        cls.hosts = [cls.cluster.host(f"{n}", **settings) for n in range(2)]
        cls.token = sign_in(cls.hosts[0].url)

    def followed(self):
        """Each host follows a Redis."""
        for host in self.hosts:
            until("it follows Redis", lambda: metric(f"http://127.0.0.1:{host.metrics}", "trm_cache_l2_connected") == 1, most=10)


class Sentinels(Several):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.master = cls.cluster.redis()
        cls.replica = cls.cluster.redis("--replicaof", "127.0.0.1", cls.master.port)
        cls.ports = [cls.cluster.sentinel(cls.master, quorum=2).port for _ in range(3)]
        for port in cls.ports:
            until("it knows the replica", lambda: "name" in tell(port, "SENTINEL", "REPLICAS", "main"))
            until("it knows the others", lambda: tell(port, "SENTINEL", "CKQUORUM", "main")[0].startswith("OK 3"))
        cls.serve(f"redis+sentinel://{','.join(f'127.0.0.1:{port}' for port in cls.ports)}/main")

    def is_master(self, server):
        named = tell(self.ports[0], "SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
        return int(named[1]) == server.port and tell(server.port, "ROLE")[0] == "master"

    def test_the_master_killed(self):
        row = self.scenario("Redis' master killed behind sentinels, a replica takes its place",
                            lambda: self.master.stop(signal.SIGKILL), self.master.start, during=6)
        self.unharmed(row)
        self.assertTrue(self.is_master(self.replica), "nobody took its place")
        self.followed()
        self.assertTrue(tell(self.replica.port, "KEYS", "*:e:*")[0], "it is not used")


class Resharded(Several):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # A port of one's own for the nodes' talk: the usual one is 10,000 above, where no port may be.
        buses = [free_port() for _ in range(3)]
        cls.nodes = [cls.cluster.redis("--cluster-enabled", "yes", "--cluster-config-file", f"nodes-{bus}.conf",
                                       "--cluster-port", bus) for bus in buses]
        for n, node in enumerate(cls.nodes):
            tell(node.port, "CLUSTER", "ADDSLOTSRANGE", n * 16384 // 3, (n + 1) * 16384 // 3 - 1)
            tell(cls.nodes[0].port, "CLUSTER", "MEET", "127.0.0.1", node.port, buses[n])
        for node in cls.nodes:
            until("the cluster is whole", lambda: cls.whole(node.port))
        cls.serve(f"redis+cluster://{','.join(f'127.0.0.1:{node.port}' for node in cls.nodes)}")

    @classmethod
    def whole(cls, port):
        told = tell(port, "CLUSTER", "INFO")
        return any(line.startswith("cluster_state:ok") for line in told) and len(tell(port, "CLUSTER", "NODES")) == 3

    def slots(self, node):
        """Those that hold keys."""
        return {tell(node.port, "CLUSTER", "KEYSLOT", key)[0] for key in tell(node.port, "KEYS", "*") if key}

    def move(self, slot, origin, to):
        """As the cluster's own tools do it: key by key, while both nodes serve."""
        ids = {node: tell(node.port, "CLUSTER", "MYID")[0] for node in self.nodes}
        tell(to.port, "CLUSTER", "SETSLOT", slot, "IMPORTING", ids[origin])
        tell(origin.port, "CLUSTER", "SETSLOT", slot, "MIGRATING", ids[to])
        while keys := [key for key in tell(origin.port, "CLUSTER", "GETKEYSINSLOT", slot, 5) if key]:
            tell(origin.port, "MIGRATE", "127.0.0.1", to.port, "", 0, 5_000, "KEYS", *keys)
        for node in (to, origin, *self.nodes):
            tell(node.port, "CLUSTER", "SETSLOT", slot, "NODE", ids[to])

    def test_slots_moved(self):
        home = next(node for node in self.nodes if tell(node.port, "KEYS", "*:barriers*") != [""])
        other = next(node for node in self.nodes if node is not home)

        def there():
            for slot in self.slots(home):
                self.move(slot, home, other)

        def back():
            self.assertTrue(tell(other.port, "KEYS", "*:e:*")[0], "what has moved is not used")
            for slot in self.slots(other):
                self.move(slot, other, home)
        self.unharmed(self.scenario("A Redis cluster's slots moved to another node, and back", there, back, during=6))
        self.followed()
        self.assertTrue(tell(home.port, "KEYS", "*:e:*")[0], "what is back is not used")
