"""Redis and MongoDB, broken in each way that they break, under two hosts that serve; moves neither to another place."""
import json
import signal
import time

from chaos import Chaos
from cluster import get, metric, until
from redis_cli import tell
from rows import p99


class Stores(Chaos):
    def test_redis_killed(self):
        self.unharmed(self.scenario("Redis killed, started again", lambda: self.redis.stop(signal.SIGKILL), self.redis.start))

    def test_redis_paused(self):
        self.unharmed(self.scenario("Redis paused (SIGSTOP)", lambda: self.redis.send_signal(signal.SIGSTOP),
                                    lambda: self.redis.send_signal(signal.SIGCONT)))

    def test_redis_full(self):
        def full():
            tell(self.redis.port, "CONFIG", "SET", "maxmemory", "1")

        def room():
            tell(self.redis.port, "CONFIG", "SET", "maxmemory", "0")
        self.unharmed(self.scenario("Redis full (maxmemory, noeviction)", full, room))

    def test_redis_slow(self):
        self.unharmed(self.scenario("Redis slow (150 ms each way)", lambda: self.proxy.disturb(delay=150),
                                    self.proxy.disturb))

    def test_redis_cut_mid_reply(self):
        self.unharmed(self.scenario("Redis cut off in the middle of answers", lambda: self.proxy.disturb(broken=200),
                                    self.proxy.disturb))

    def test_mongod_killed(self):
        primary = self.primary()
        self.scenario("MongoDB's primary killed, started again", lambda: primary.stop(signal.SIGKILL), primary.start,
                      during=8, after=12)

    def test_mongod_paused(self):
        primary = self.primary()
        self.scenario("MongoDB's primary paused (SIGSTOP)", lambda: primary.send_signal(signal.SIGSTOP),
                      lambda: primary.send_signal(signal.SIGCONT), during=8, after=15)

    def test_mongod_stepped_down(self):
        self.scenario("MongoDB's primary steps down", lambda: self.client.admin.command("replSetStepDown", 10, force=True),
                      lambda: None, during=6, after=10)

    def test_every_mongod_killed(self):
        def kill():
            for mongod in self.mongods:
                mongod.stop(signal.SIGKILL)

        def start():
            for mongod in self.mongods:
                mongod.start()
        row = self.scenario("All of MongoDB killed, started again", kill, start, during=6, after=25)
        # Refused quickly and with a status, never left waiting.
        self.assertTrue({one.kind for one in row.during if one.bad} <= {"503", "504"}, row.name)
        time.sleep(1)


class Minute(Chaos):
    """Redis away for long: the cache in memory and the store carry the load."""
    RESET = 2.0
    MORE = {"CIRCUIT_BREAKER_RESET_TIMEOUT": int(RESET * 1_000)}

    def closed(self):
        tiers = [json.loads(get(f"{host.url}/api/health/cache")[1])["l2"] for host in self.hosts]
        return all(tier["connected"] and tier["circuitBreaker"] == "CLOSED" for tier in tiers)

    def test_redis_stopped(self):
        took = []

        def start():
            self.redis.start()
            began = time.monotonic()
            until("both hosts have Redis again", self.closed, pause=0.05)
            took.append(time.monotonic() - began)
        row = self.scenario("Redis stopped for a minute", lambda: self.redis.stop(signal.SIGKILL), start, during=60, before=10)
        self.unharmed(row)
        self.assertLessEqual(p99(row.during), 2 * p99(row.before), row)
        self.assertLessEqual(took[0], self.RESET + 1, "it was not had again within the breaker's time and a moment")


class Pool(Chaos):
    """Hosts with two connections to MongoDB each, for more clients than those can serve while it is slow."""
    MORE = {"MONGODB_MAX_POOL_SIZE": 2, "MONGODB_MIN_POOL_SIZE": 0}

    def calls(self, mode, **how):
        """Has MongoDB take its time for the hosts' calls, and for nobody else's."""
        asked = {"failCommands": ["find", "insert", "aggregate", "commitTransaction"], "appName": "trm", **how}
        self.client.admin.command({"configureFailPoint": "failCommand", "mode": mode, "data": asked})

    def test_exhausted(self):
        def slow():
            self.calls("alwaysOn", blockConnection=True, blockTimeMS=500)
            for host in self.hosts:
                url = f"http://127.0.0.1:{host.metrics}"
                until("requests wait for a connection", lambda: metric(url, "trm_pool_connections", state="waiting") > 4)
                self.assertLessEqual(metric(url, "trm_pool_connections", state="open"), 2)
        row = self.scenario("MongoDB slow (500 ms a call), its pools of 2 connections exhausted", slow, lambda: self.calls("off"),
                            during=8, after=10, clients=64, rate=2.5)
        self.harmed(row, {"503", "504"})
        self.assertTrue([one for one in row.during if not one.bad], "nothing was served")
        self.assertLess(max(one.took for one in row.seen), 6, "somebody waited for longer than the deadline of 5 seconds")
