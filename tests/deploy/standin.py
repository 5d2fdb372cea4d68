"""Serves what kube-state-metrics, cAdvisor and the databases' exporters would say of processes on this machine.

None of those can run here: there is no cluster. Each value is read from the real thing when it is scraped: memory
and processor time from /proc, readiness from GET /ready, restarts from whoever restarts, connections from MongoDB,
memory from Redis. Only the limits are made up, by the test that wants them passed.
"""
import os
import http.server
import pathlib
import socket
import threading

import pymongo

from cluster import get

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Pod:
    """A host, seen as a pod."""

    def __init__(self, name, process, cpu=64.0, memory=2**40):
        self.name, self.process, self.cpu, self.memory, self.restarts = name, process, cpu, memory, 0

    def stat(self):
        try:
            text = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text()
        except OSError:
            return 0.0, 0
        fields = text.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[21]) * PAGE

    def ready(self):
        try:
            return int(get(f"{self.process.url}/ready", timeout=3)[0] == 200)
        except OSError:
            return 0


class StandIn:
    """The exporters of some pods, on a port of its own."""

    def __init__(self, pods, most, redis=None, mongodb=None):
        self.pods, self.most, self.redis, self.mongodb = pods, most, redis, mongodb
        exporter = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                text = exporter.text().encode()
                try:
                    self.send_response(200)
                    self.send_header("content-type", "text/plain; version=0.0.4")
                    self.end_headers()
                    self.wfile.write(text)
                except ConnectionError:
                    pass  # The scrape was given up.

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def text(self):
        lines = []

        def say(name, value, **labels):
            inside = ",".join(f'{key}="{text}"' for key, text in {"namespace": "trm", **labels}.items())
            lines.append(f"{name}{{{inside}}} {value}")

        running = 0
        for pod in self.pods:
            of = {"pod": pod.name, "container": "trm-app"}
            cpu, memory = pod.stat()
            running += memory > 0
            say("container_cpu_usage_seconds_total", cpu, **of)
            say("container_memory_working_set_bytes", memory, **of)
            say("kube_pod_container_resource_limits", pod.cpu, resource="cpu", **of)
            say("kube_pod_container_resource_limits", pod.memory, resource="memory", **of)
            say("kube_pod_container_status_restarts_total", pod.restarts, **of)
            say("kube_pod_status_ready", pod.ready(), pod=pod.name, condition="true")
            say("kube_pod_status_phase", 1, pod=pod.name, phase="Running")
        scaler = {"horizontalpodautoscaler": "trm-app-hpa"}
        say("kube_horizontalpodautoscaler_status_current_replicas", running, **scaler)
        say("kube_horizontalpodautoscaler_spec_max_replicas", self.most, **scaler)
        if self.mongodb:
            try:
                with pymongo.MongoClient("127.0.0.1", self.mongodb, serverSelectionTimeoutMS=500) as client:
                    for state, count in client.admin.command("serverStatus")["connections"].items():
                        if isinstance(count, (int, float)):
                            say("mongodb_connections", count, state=state)
            except pymongo.errors.PyMongoError:
                pass  # An exporter whose database is away says nothing of it either.
        if self.redis:
            try:
                with socket.create_connection(("127.0.0.1", self.redis), 1) as connection:
                    connection.sendall(b"INFO memory\r\n")
                    said = connection.recv(65536).decode()
                used = next(line for line in said.splitlines() if line.startswith("used_memory:"))
                say("redis_memory_used_bytes", used.partition(":")[2])
            except OSError:
                pass
        return "\n".join(lines) + "\n"
