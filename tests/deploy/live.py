"""A real Prometheus beside real hosts: every alert made to fire by its own cause, every dashboard's query answered.

The rules are those of deploy/monitoring with one change: every time in them is a thirtieth.
"""
import json
import re
import signal
import threading
import unittest
import urllib.parse

import yaml

from cluster import Cluster, free_port, get, until
from monitoring import RULES, alerts, expressions
from standin import Pod, StandIn
from traffic import ask

FASTER = 30
# What other exporters say, as deploy/README.md lists them.
FOREIGN = ("container_", "kube_", "mongodb_", "redis_")
JOB = "/api/jobs/650000000300000000000001"
# Each asks for what nobody has asked for before, and what is not there.
COLD = [ask("/api/jobs/66{turn}", fine=[404])]
SECONDS = {"s": 1, "m": 60, "h": 3600}


def faster(text):
    """The rules' text with every duration a thirtieth of what it was, and at least two seconds."""
    def shorter(found):
        seconds = int(found.group(2)) * SECONDS[found.group(3)] / FASTER
        return f"{found.group(1)}{max(2, round(seconds))}s{found.group(4)}"
    text = re.sub(r"(\[)(\d+)([smh])(\])", shorter, text)
    text = re.sub(r"((?:for|interval): )(\d+)([smh])()$", shorter, text, flags=re.M)
    return re.sub(r"interval: \d+s", "interval: 1s", text)


def names_of(expression):
    """The names of metrics in a query: words before a `{`, `[` or an operator that are neither functions nor labels."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^]]*\]', " ", expression)
    bare = re.sub(r"\b(by|on|ignoring|without|group_left|group_right)\s*\([^)]*\)", " ", bare)
    return {word for word in re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\()\b", bare)
            if ("_" in word or ":" in word) and not re.search(rf"\b{re.escape(word)}\s*\(", bare)}


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        cls.redis, cls.mongod = cluster.redis(), cluster.mongod()
        stores = {"MONGODB_URI": f"mongodb://127.0.0.1:{cls.mongod.port}/trm",
                  "REDIS_URL": f"redis://127.0.0.1:{cls.redis.port}"}
        cluster.sample(**stores)
        cls.app = cluster.host("app", CIRCUIT_BREAKER_RESET_TIMEOUT=60000, **stores)
        manifest = cluster.guests(echo="", panic="", loop="timeout_ms = 500", sleepy="timeout_ms = 2500\nconcurrency = 8")
        cls.guests = cluster.host("guests", TRM_MANIFEST=manifest)
        cls.third = cluster.host("third", TRM_MANIFEST=manifest)
        cls.pods = [Pod("trm-app-0", cls.app), Pod("trm-app-1", cls.guests), Pod("trm-app-2", cls.third)]
        cls.standin = StandIn(cls.pods, most=4, redis=cls.redis.port, mongodb=cls.mongod.port)
        cls.addClassCleanup(cls.standin.close)
        rules = cluster.folder / "rules"
        rules.mkdir()
        for name in ("recording.yml", "alerts.yml"):
            (rules / name).write_text(faster((RULES / name).read_text()))
        config = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
                  "rule_files": [f"{rules}/*.yml"],
                  "scrape_configs": [
                      {"job_name": "trm", "static_configs": [
                          {"targets": [f"127.0.0.1:{host.metrics}" for host in (cls.app, cls.guests, cls.third)]}]},
                      {"job_name": "standin", "honor_labels": True, "scrape_timeout": "1s",
                       "static_configs": [{"targets": [f"127.0.0.1:{cls.standin.port}"]}]}]}
        file = cluster.folder / "prometheus.yml"
        file.write_text(yaml.safe_dump(config))
        port = free_port()
        prometheus = cluster.run("prometheus", [
            "prometheus", f"--config.file={file}", f"--storage.tsdb.path={cluster.folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage"])
        cluster.listens(prometheus, port)
        cls.prometheus = f"http://127.0.0.1:{port}"
        until("Prometheus reaches every target",
              lambda: len(cls.ask("up == 1")) == 4)

    @classmethod
    def ask(cls, expression):
        status, text = get(f"{cls.prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
        assert status == 200, text
        return json.loads(text)["data"]["result"]

    @classmethod
    def firing(cls):
        return {one["metric"]["alertname"] for one in cls.ask('ALERTS{alertstate="firing"}')}

    def load(self, host, requests, **how):
        return self.cluster.traffic([host.place], requests, **how)

    def fires(self, *names, most=60):
        def all_of_them():
            missing = set(names) - self.firing()
            assert not missing, f"silent: {missing}"
            return True
        until(f"{names} fire", all_of_them, most, pause=0.5)

    def test_everything_that_is_asked_for_is_exported_answered_and_alerted_on(self):
        # Well: many hits, all answered.
        with self.load(self.app, [ask(JOB), ask("/api/jobs?limit=2")], clients=4, rate=25), \
                self.load(self.guests, [ask("/echo/")], clients=2, rate=20):
            until("rates are known", lambda: self.ask("trm:http_request_duration_seconds:p95_5m > 0"))
            until("hits prevail", lambda: self.ask("trm:cache_hits:ratio5m > 0.9"))
            with self.subTest("nothing fires where all is well"):
                self.assertEqual(self.firing() - {"TRMHPAAtMax"}, set())

        # Ill, each in its own way: panics, waits past a deadline, more than the bound, a burnt processor,
        # a cache that is asked for what it does not have, pods at their limits, and no more pods to have.
        self.pods[1].cpu, self.pods[1].memory = 0.05, self.pods[1].stat()[1]
        self.standin.most = 3
        with self.load(self.guests, [ask("/panic/panic"), ask("/loop/")], clients=6, rate=20), \
                self.load(self.guests, [ask("/sleepy/")], clients=24, rate=20), \
                self.load(self.app, COLD, clients=4, rate=20):
            self.fires("TRMHighErrorRate", "TRMFunctionTraps", "TRMSaturated", "TRMHighCPUUsage",
                       "TRMHighMemoryUsage", "TRMHPAAtMax", "TRMLowCacheHitRate", most=90)
            # Two deadlines of 2.5 s for each quick failure.
            with self.subTest("dashboards"):
                empty = [of for of, expression in expressions() if not self.ask(expression)]
                self.assertEqual(empty, [])
            with self.subTest("names"):
                self.names_are_exported()
        with self.load(self.guests, [ask("/sleepy/")], clients=6, rate=50):
            self.fires("TRMHighLatency", most=60)

        # A pod that ends again and again.
        for _ in range(4):
            self.third.stop(signal.SIGKILL)
            self.third.start()
            self.pods[2].restarts += 1
            until("it is there again", lambda: get(f"{self.third.url}/health")[0] == 200)
            threading.Event().wait(2)
        self.fires("TRMPodCrashLooping")

        # The databases go.
        self.mongod.stop(signal.SIGKILL)
        self.redis.stop(signal.SIGKILL)
        with self.load(self.app, COLD, clients=4, rate=20):
            self.fires("TRMDatabaseConnectionErrors", "TRMBreakerOpen", "TRMPodNotReady")

        # Everything goes.
        for host in (self.app, self.guests, self.third):
            host.stop(signal.SIGKILL)
        self.fires("TRMDown")
        fired = {one["metric"]["alertname"] for one in self.ask('last_over_time(ALERTS{alertstate="firing"}[30m])')}
        self.assertEqual({alert["alert"] for alert in alerts()} - fired, set(), "never fired")

    def names_are_exported(self):
        """Every metric that rules and dashboards name is exported by a running host, or by who is said to."""
        recorded, asked = set(), dict(expressions())
        for file in ("recording.yml", "alerts.yml"):
            for group in yaml.safe_load((RULES / file).read_text())["groups"]:
                for rule in group["rules"]:
                    asked[rule.get("record") or rule["alert"]] = rule["expr"]
                    recorded.add(rule.get("record"))
        wanted = set().union(*(names_of(expression) for expression in asked.values())) - recorded
        self.assertGreater(len(wanted), 25, wanted)
        exported = set()
        for host in (self.app, self.guests):
            for line in get(f"http://127.0.0.1:{host.metrics}/metrics")[1].splitlines():
                if not line.startswith("#"):
                    exported.add(re.split(r"[{ ]", line)[0])
        self.assertEqual({name for name in wanted - exported if not name.startswith(FOREIGN)}, set())
