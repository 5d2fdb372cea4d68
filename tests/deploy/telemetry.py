"""What a host tells of itself, each read by a receiver of the test's own: log lines, spans, exemplars, StatsD."""
import http.server
import json
import socket
import threading
import unittest
import urllib.request

from cluster import Cluster, get, until
from rolling import NEW

TRACE, CALLER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACED = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "r-17"}


class Telemetry(unittest.TestCase):
    def setUp(self):
        self.cluster = self.enterContext(Cluster())

    def collector(self):
        """Where spans may be sent, and what was."""
        batches = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                batches.append((self.path, self.headers["content-type"], body))
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return f"http://127.0.0.1:{server.server_address[1]}", batches

    def test_a_line_names_its_request_its_function_and_its_trace(self):
        manifest = self.cluster.guests(panic="")
        host = self.cluster.host("logs", TRM_MANIFEST=manifest, SLOW_REQUEST_THRESHOLD=0, LOG_LEVEL="debug",
                                 JWT_SECRET="hunter22")
        self.assertEqual(get(f"{host.url}/panic/panic", TRACED)[0], 502)

        def said(words):
            lines = [json.loads(line) for line in host.said().splitlines() if line.startswith("{")]
            return [line for line in lines if words in line["message"]]
        for words in ("SLOW REQUEST", "request failed in the guest"):
            line = until(words, lambda words=words: [one for one in said(words) if one.get("request_id") == "r-17"])[0]
            self.assertEqual((line["trace_id"], line["function"]), (TRACE, "panic"), line)
        self.assertNotIn("hunter22", host.said())

    def test_a_trace_goes_from_the_caller_through_every_part(self):
        endpoint, batches = self.collector()
        self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-spans")
        host = self.cluster.host("spans", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
        self.assertEqual(get(f"{host.url}/api/jobs?limit=1", TRACED)[0], 200)
        self.assertIn(f'# {{trace_id="{TRACE}"}}', get(f"{host.url}/metrics")[1])
        self.assertEqual(host.stop(), 0)
        self.assertEqual({(path, kind) for path, kind, _ in batches}, {("/v1/traces", "application/json")})
        spans = {span["name"]: span for _, _, batch in batches for resource in batch["resourceSpans"]
                 for scope in resource["scopeSpans"] for span in scope["spans"] if span["traceId"] == TRACE}
        whole = spans["GET /api/jobs"]
        self.assertEqual(whole["parentSpanId"], CALLER)
        for part in ("queue", "guest", "sqlite"):
            self.assertEqual(spans[part]["parentSpanId"], whole["spanId"], part)

    def test_business_metrics_reach_the_agent_under_their_prefix(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
            agent.bind(("127.0.0.1", 0))
            agent.settimeout(10)
            self.cluster.sample(TRM_DATA_DIR=self.cluster.folder / "data-statsd")
            host = self.cluster.host("statsd", DD_AGENT_HOST="127.0.0.1", STATSD_PORT=agent.getsockname()[1])
            request = urllib.request.Request(f"{host.url}/api/jobs", json.dumps(NEW).encode(),
                                             {"content-type": "application/json"})
            with urllib.request.urlopen(request) as answer:
                self.assertEqual(answer.status, 201)
            self.assertIn("trm.job.created:1|c|#function:jobs", agent.recv(4096).decode())
