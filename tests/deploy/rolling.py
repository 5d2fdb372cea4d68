"""nginx as it is deployed, before three real hosts: what it promises, and that replacing each host loses nothing."""
import gzip
import http.client
import json
import signal
import socket
import ssl
import threading
import time
import unittest

import yaml

from cluster import Cluster, free_port, get, metric, sign_in, until
from images import nginx, upstream
from support import DEPLOY
from traffic import ask

COMPANY = "650000000100000000000001"
JOB = "650000000300000000000001"
NEW = {"companyId": COMPANY, "title": "Lock Keeper", "description": "Keeps the locks.",
       "location": {"city": "Lisbon", "country": "PT"},
       "salary": {"min": 3_000_000, "max": 4_000_000, "currency": "EUR"}, "tags": ["water"]}
MIXED = [ask(f"/api/jobs/{JOB}"), ask("/api/jobs", "POST", NEW), ask("/api/jobs?limit=5"), ask("/api/referrals/leaderboard")]


def counting_upstream():
    """A server that reads a request and breaks off; and the methods of what it has read."""
    listener, seen = socket.create_server(("127.0.0.1", 0)), []

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client:
                seen.append(client.recv(65536).split(b" ")[0].decode())
    threading.Thread(target=serve, daemon=True).start()
    return listener, seen


class Scaled(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        redis, mongod = cluster.redis(), cluster.mongod()
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["trm-app"]["environment"]
        cls.settings = {"MONGODB_URI": f"mongodb://127.0.0.1:{mongod.port}/trm", "REDIS_URL": f"redis://127.0.0.1:{redis.port}",
                        "TRM_DRAIN_DELAY": compose["TRM_DRAIN_DELAY"], "TRM_DRAIN_TIMEOUT": compose["TRM_DRAIN_TIMEOUT"]}
        cluster.sample(**cls.settings)
        cls.hosts = [cluster.host(f"{n}", **cls.settings) for n in range(3)]
        cls.plain, cls.tls = free_port(), free_port()
        cls.config = nginx(cluster.folder, cls.servers(), (cls.plain, cls.tls))
        cls.nginx = cluster.run("nginx", ["nginx", "-e", f"{cluster.folder}/start.log", "-c", cls.config,
                                          "-g", "daemon off;"])
        cluster.listens(cls.nginx, cls.tls)

    @classmethod
    def servers(cls):
        return [f"127.0.0.1:{host.port}" for host in cls.hosts]

    def reload(self, servers):
        upstream(self.cluster.folder, servers)
        self.nginx.send_signal(signal.SIGHUP)
        time.sleep(0.5)

    def ask(self, method, path, headers=None, source="127.0.0.99", body=None):
        connection = http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=30, source_address=(source, 0),
                                                 context=ssl._create_unverified_context())
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict((key.lower(), value) for key, value in answer.getheaders()), answer.read()
        finally:
            connection.close()

    def replaced(self, host):
        """The host ends on SIGTERM, and a new one takes its port."""
        self.assertEqual(host.stop(most=40), 0, host.said()[-2000:])
        self.assertNotIn("cut off", host.said())
        host.start()
        until("the new host is ready", lambda: get(f"{host.url}/ready")[0] == 200)

    def test_a_rolling_update_loses_no_request(self):
        """Each host in turn, and nobody tells nginx: it learns from the hosts alone, as with `docker compose restart`."""
        with self.cluster.traffic([("127.0.0.1", self.tls)], MIXED, clients=12, rate=20, token=sign_in(self.hosts[0].url),
                                  certificate=self.cluster.folder / "certs/fullchain.pem") as load:
            until("requests are answered", lambda: load.collect() and len(load.seen) > 100)
            for host in self.hosts:
                self.replaced(host)
            until("the last one is used", lambda: metric(self.hosts[-1].url, "http_requests_total", function="jobs-by-id"))
        self.assertEqual([one for one in load.seen if one.bad], [])
        self.assertEqual({one.status for one in load.seen}, {200, 201})
        self.assertGreater(len(load.seen), 1000)

    def test_plain_http_is_sent_to_tls(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.plain, timeout=10)
        connection.request("GET", "/api/jobs?limit=1")
        answer = connection.getresponse()
        self.assertEqual(answer.status, 308)
        self.assertEqual(answer.headers["location"], "https://127.0.0.1/api/jobs?limit=1")

    def test_answers_are_compressed_for_who_asks(self):
        path = "/api/jobs?limit=20"
        status, headers, body = self.ask("GET", path, {"accept-encoding": "gzip"})
        self.assertEqual((status, headers["content-encoding"]), (200, "gzip"))
        self.assertEqual(len(json.loads(gzip.decompress(body))["data"]), 20)
        self.assertNotIn("content-encoding", self.ask("GET", path)[1])

    def test_metrics_and_administration_are_not_for_the_world(self):
        for method, path in (("GET", "/metrics"), ("POST", "/reload"), ("GET", "/console"), ("POST", "/api/admin/cache/flush")):
            status, headers, _ = self.ask(method, path)
            # By nginx itself: an answer of a host is JSON.
            self.assertEqual((status, headers["content-type"]), (404, "text/html"), path)

    def test_one_client_is_limited_and_another_is_not(self):
        connection = http.client.HTTPSConnection("127.0.0.1", self.tls, timeout=30, source_address=("127.0.0.200", 0),
                                                 context=ssl._create_unverified_context())
        statuses = []
        for _ in range(1000):
            connection.request("GET", f"/api/jobs/{JOB}")
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
            if answer.status == 429:
                break
        self.assertIn(429, statuses)
        self.assertGreater(statuses.count(200), 150)
        self.assertEqual(self.ask("GET", f"/api/jobs/{JOB}", source="127.0.0.201")[0], 200)

    def test_connections_to_the_hosts_are_kept(self):
        before = [metric(host.url, "trm_connections") for host in self.hosts]
        for _ in range(60):
            self.assertEqual(self.ask("GET", f"/api/jobs/{JOB}", source="127.0.0.210")[0], 200)
        after = [metric(host.url, "trm_connections") for host in self.hosts]
        self.assertLess(sum(after) - sum(before), 20)

    def test_a_post_is_never_sent_twice_and_a_get_is(self):
        listener, seen = counting_upstream()
        broken = f"127.0.0.1:{listener.getsockname()[1]}"
        # The only healthy one gets nothing until the broken one has failed.
        self.reload([broken])
        self.assertEqual(self.ask("POST", "/api/jobs", body="{}", source="127.0.0.220")[0], 502)
        self.assertEqual(seen, ["POST"])
        seen.clear()
        time.sleep(2.5)
        self.reload([broken, *self.servers()])
        statuses = [self.ask("GET", f"/api/jobs/{JOB}", source="127.0.0.221")[0] for _ in range(20)]
        self.assertEqual(set(statuses), {200})
        self.assertIn("GET", seen)
        self.reload(self.servers())
        listener.close()
