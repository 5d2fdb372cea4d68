"""The commands of deploy/README.md's runbooks, each on a live host: the variable set as `kubectl set env` sets it."""
import json
import re
import time
import unittest

import pymongo

from cluster import TRM, Cluster, free_port, get, metric, until
from support import README, ROOT, environment, one, run

JOB = "/api/jobs/650000000300000000000001"


def set_by(runbook):
    """The variables that a runbook's `kubectl set env` lines set."""
    (section,) = re.findall(rf"^### {re.escape(runbook)}\n(.*?)(?=^##)", README, re.S | re.M)
    return dict(re.findall(r"kubectl set env deployment/trm-app (\w+)=(\S+)", section))


def lines_of(runbook):
    """A runbook's commands, without what is said beside them."""
    (section,) = re.findall(rf"^### {re.escape(runbook)}\n(.*?)(?=^##)", README, re.S | re.M)
    blocks = re.findall(r"```bash\n(.*?)```", section, re.S)
    return [re.sub(r"\s+# .*$", "", line) for block in blocks for line in block.splitlines()]


class Runbooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        cls.redis = cluster.redis()
        # A primary and a secondary.
        ports = [free_port(), free_port()]
        for port in ports:
            cluster.mongod("--replSet", "rs0", port=port)
        members = [{"_id": n, "host": f"127.0.0.1:{port}", "priority": 2 - 2 * n} for n, port in enumerate(ports)]
        cls.members = [pymongo.MongoClient("127.0.0.1", port, directConnection=True) for port in ports]
        for member in cls.members:
            cls.addClassCleanup(member.close)
        cls.members[0].admin.command("replSetInitiate", {"_id": "rs0", "members": members})
        until("there is a primary", lambda: cls.members[0].admin.command("hello")["isWritablePrimary"])
        until("there is a secondary", lambda: cls.members[1].admin.command("hello")["secondary"])
        base = one("base", "ConfigMap", "trm-config")["data"]
        kept = {name: base[name] for name in base if name.startswith(("CACHE_", "MONGODB_", "CIRCUIT_", "LOG_"))}
        cls.settings = {**kept, "REDIS_HOST": "127.0.0.1", "REDIS_PORT": cls.redis.port, "MONGODB_URI":
                        f"mongodb://127.0.0.1:{ports[0]},127.0.0.1:{ports[1]}/trm?replicaSet=rs0"}
        cluster.sample(**cls.settings)
        until("the secondary has the data", lambda: cls.members[1].trm.jobs.with_options(
            read_preference=pymongo.ReadPreference.SECONDARY).count_documents({}) > 0)

    def host(self, name, **changed):
        host = self.cluster.host(name, **{**self.settings, **changed})
        self.addCleanup(host.stop)
        return host

    def test_stale_data_is_thrown_away_on_every_pod_by_each_command(self):
        pods = [self.host(name) for name in ("pod", "other")]
        commands = [line for line in lines_of("Stale data") if "port-forward" not in line]
        self.assertEqual(len(commands), 5)
        in_the_pod = {**pods[0].env, "TRM": str(TRM)}
        for command in commands:
            for pod in pods:
                # Twice: the second is answered from L1.
                for _ in range(2):
                    self.assertEqual(get(f"{pod.url}/api/jobs?limit=3")[0], 200)
            before = metric(pods[1].url, "trm_cache_fills_total")
            self.assertEqual(get(f"{pods[1].url}/api/jobs?limit=3")[0], 200)
            self.assertEqual(metric(pods[1].url, "trm_cache_fills_total"), before, "it was not cached")
            # What `kubectl` and `port-forward` would do.
            here = command.replace("kubectl exec -n trm POD -- /app/trm", '"$TRM"')
            run("bash", "-euc", here.replace("localhost:3000", f"127.0.0.1:{pods[0].port}"), env=in_the_pod)

            def computed_again():
                self.assertEqual(get(f"{pods[1].url}/api/jobs?limit=3")[0], 200)
                return metric(pods[1].url, "trm_cache_fills_total") > before
            until(f"another pod has thrown it away after {command}", computed_again, most=10)

    def test_a_longer_time_to_live_keeps_answers_longer(self):
        (name, value), = set_by("High traffic surge").items()
        self.assertEqual(name, "CACHE_L1_TTL")
        fills = {}
        for label, ttl in (("short", "1"), ("long", value)):
            # Without L2: a value that L1 has lost is computed again.
            host = self.host(f"ttl-{label}", CACHE_L1_TTL=ttl, CACHE_L2_TTL=value, REDIS_PORT=free_port())
            self.assertEqual(get(host.url + JOB)[0], 200)
            time.sleep(1.5)
            self.assertEqual(get(host.url + JOB)[0], 200)
            fills[label] = metric(host.url, "trm_cache_fills_total")
        self.assertGreater(fills["short"], fills["long"])

    def reads_of_the_secondary(self, name, **changed):
        host = self.host(name, REDIS_PORT=free_port(), **changed)
        def read():
            return self.members[1].admin.command("serverStatus")["opcounters"]["query"]
        before = read()
        for n in range(20):
            self.assertEqual(get(f"{host.url}/api/jobs?limit={n + 1}")[0], 200)
        return read() - before

    def test_reads_go_to_the_secondary(self):
        changed = set_by("Database overload")
        self.assertEqual(changed, {"MONGODB_READ_PREFERENCE": "secondaryPreferred"})
        before = self.reads_of_the_secondary("primary")
        after = self.reads_of_the_secondary("secondary", **changed)
        self.assertGreater(after, before + 10)

    def test_redis_can_be_bypassed(self):
        changed = set_by("Cache failure")
        self.assertEqual(changed, {"REDIS_HOST": "localhost"})
        host = self.host("bypass", REDIS_PORT=free_port(), **changed)
        for _ in range(10):
            self.assertEqual(get(host.url + JOB)[0], 200)
        health = json.loads(get(f"{host.url}/api/health/cache")[1])
        self.assertFalse(health["l2"]["connected"])
        self.assertIn(health["l2"]["circuitBreaker"], ("OPEN", "HALF_OPEN", "CLOSED"))
        self.assertGreater(metric(host.url, "trm_cache_hits_total", tier="l1"), 5)

    def test_the_pool_can_be_enlarged(self):
        changed = set_by("Connection pool exhausted")
        self.assertEqual(changed, {"MONGODB_MAX_POOL_SIZE": "100"})
        host = self.host("pool", **changed)
        self.assertEqual(metric(host.url, "trm_pool_connections", state="limit"), 100)
        get(f"{host.url}/api/jobs?limit=1")
        self.assertGreaterEqual(metric(host.url, "trm_pool_connections", state="open"), 1)

    def test_the_cache_can_be_made_smaller(self):
        changed = set_by("Memory")
        self.assertEqual(changed, {"CACHE_L1_MAX_SIZE_MB": "25"})
        host = self.host("small", **changed)
        self.assertEqual(get(host.url + JOB)[0], 200)

    def test_a_host_starts_in_the_environment_that_the_deployment_gives_it(self):
        env = environment("base")
        redis = self.cluster.redis("--requirepass", env["REDIS_PASSWORD"])
        # What a cluster's names and ports are here; all else as a pod has it, and nothing more.
        port, metrics = free_port(), free_port()
        env.update(PORT=port, METRICS_PORT=metrics, LISTEN_ADDR="127.0.0.1", MONGODB_URI=self.settings["MONGODB_URI"],
                   REDIS_HOST="127.0.0.1", REDIS_PORT=redis.port, STATSD_HOST="127.0.0.1",
                   OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{free_port()}", TRM_DATA_DIR=self.cluster.folder / "data-pod",
                   TRM_MANIFEST=ROOT / "spin.toml")
        env = {name: str(value) for name, value in env.items()}
        host = self.cluster.run("as-deployed", [TRM, "serve"], env)
        self.addCleanup(host.stop)
        self.cluster.listens(host, port)
        until("it is ready", lambda: get(f"http://127.0.0.1:{port}/ready")[0] == 200)
        until("it follows Redis", lambda: metric(f"http://127.0.0.1:{metrics}", "trm_cache_l2_connected") == 1)
        # `kubectl exec POD -- /app/trm admin key` needs the secret as well.
        self.assertIn("trm_operator_", run(TRM, "admin", "key", env=env))

    def test_metrics_are_on_9090_and_health_tells_the_breaker(self):
        host = self.host("diagnosis")
        self.assertEqual(get(f"http://127.0.0.1:{host.metrics}/metrics")[0], 200)
        self.assertEqual(json.loads(get(f"{host.url}/api/health/cache")[1])["l2"]["circuitBreaker"], "CLOSED")

    def test_slow_requests_are_found_in_the_log(self):
        host = self.host("slow", SLOW_REQUEST_THRESHOLD=0)
        get(host.url + JOB)
        until("the line is written", lambda: "SLOW REQUEST" in host.said())
