"""What a host tells of one request, by every way out that it has: spans over HTTP and HTTPS, logs, exemplars, StatsD."""
import http.server
import json
import queue
import re
import socket
import ssl
import threading
import unittest
import urllib.request

from cluster import Cluster, get, sign_in, until
from images import certificate

JOB = "/api/jobs/650000000300000000000001"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Collector:
    """Takes OTLP's POSTs, in clear or by TLS, and keeps their spans."""

    def __init__(self, certificate=None):
        spans = self.spans = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                if self.path == "/v1/traces":
                    for resource in body["resourceSpans"]:
                        for scope in resource["scopeSpans"]:
                            spans.extend(scope["spans"])
                self.send_response(200)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Telemetry(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        cls.key, cls.certificate = certificate(cluster.folder)

    def collector(self, **how):
        collector = Collector(**how)
        self.addCleanup(collector.close)
        return collector

    def host(self, name, **settings):
        host = self.cluster.host(name, OTEL_BSP_SCHEDULE_DELAY=200, **settings)
        self.addCleanup(host.stop)
        return host

    def ask(self, host, path=JOB):
        headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        self.assertEqual(get(host.url + path, headers)[0], 200)

    def followed(self, collector):
        """The spans of the caller's trace: the request's, and those below it."""
        def arrived():
            ours = [span for span in collector.spans if span["traceId"] == TRACE]
            root = [span for span in ours if span.get("parentSpanId") == PARENT]
            return (root[0], ours) if root and len(ours) > 2 else None
        root, ours = until("the spans arrive", arrived, most=20)
        self.assertTrue(all(span["parentSpanId"] == root["spanId"] for span in ours if span is not root))
        return root, ours

    def test_spans_follow_the_callers_trace_in_clear(self):
        collector = self.collector()
        self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-clear")
        host = self.host("clear", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.port}",
                         SLOW_REQUEST_THRESHOLD=0)
        self.ask(host)
        root, ours = self.followed(collector)
        self.assertEqual(root["kind"], 2)
        self.assertTrue({"queue", "guest", "sqlite"} <= {span["name"].split(" ")[0] for span in ours}, ours)

        # The same trace stands on the line of the log and beside the bucket of the histogram.
        line = json.loads(until("it is logged", lambda: next(
            (line for line in host.said().splitlines() if TRACE in line), None)))
        self.assertIn("request_id", json.dumps(line))
        open_metrics = {"accept": "application/openmetrics-text; version=1.0.0"}
        text = get(f"{host.url}/metrics", open_metrics)[1]
        self.assertRegex(text, rf'http_request_duration_seconds_bucket\{{.*\}} \d+ # \{{.*{TRACE}.*\}}')

    def test_spans_go_by_tls_to_whom_the_authorities_trust(self):
        collector = self.collector(certificate=(self.certificate, self.key))
        self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-tls")
        endpoint = f"https://localhost:{collector.port}"
        host = self.host("tls", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, SSL_CERT_FILE=self.certificate)
        self.ask(host)
        self.followed(collector)

    def test_spans_do_not_go_to_whom_nobody_trusts(self):
        collector = self.collector(certificate=(self.certificate, self.key))
        self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-untrusted")
        host = self.host("untrusted", OTEL_EXPORTER_OTLP_ENDPOINT=f"https://localhost:{collector.port}")
        self.ask(host)
        until("it is refused", lambda: "spans were not sent" in host.said())
        self.assertEqual(collector.spans, [])

    def test_business_metrics_go_to_an_agent_by_the_names_of_the_document(self):
        agent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(agent.close)
        agent.bind(("127.0.0.1", 0))
        agent.settimeout(1)
        said = queue.SimpleQueue()

        def listen():
            while True:
                try:
                    said.put(agent.recv(65536).decode())
                except TimeoutError:
                    continue
                except OSError:
                    return
        threading.Thread(target=listen, daemon=True).start()
        self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-statsd")
        host = self.host("statsd", STATSD_HOST="127.0.0.1", STATSD_PORT=agent.getsockname()[1])
        job = json.loads(get(f"{host.url}/api/jobs?limit=1")[1])["data"][0]["id"]
        body = json.dumps({"jobId": job, "candidate": {"name": "Cal", "email": "cal@new.example"}})
        request = urllib.request.Request(f"{host.url}/api/referrals", body.encode(), {
            "content-type": "application/json", "authorization": f"Bearer {sign_in(host.url)}"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertEqual(answer.status, 201)
        heard = set()

        def all_heard():
            while not said.empty():
                heard.update(re.findall(r"trm\.[a-z_.]+", said.get()))
            return "trm.referral.created" in heard
        until("the referral is counted", all_heard, most=30)
