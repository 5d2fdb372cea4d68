"""The rules of deploy/monitoring as the operator's PrometheusRule in deploy/k8s/monitoring.yaml.

`--write` puts them there; without it, a difference is a failure. The rules themselves stand in one place.
"""
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "deploy/k8s/monitoring.yaml"
HEAD = """\
# Scraping and alerting in the Prometheus operator's words. The PrometheusRule below is written by
# `tests/deploy/rules.py --write` from deploy/monitoring/rules; a test keeps them equal.
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: trm-app
  namespace: trm
spec:
  selector:
    matchLabels:
      app.kubernetes.io/name: trm
      app.kubernetes.io/component: app
  jobLabel: app.kubernetes.io/name
  endpoints:
    - port: metrics
      path: /metrics
      interval: 15s
      scrapeTimeout: 10s
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  name: databases
  namespace: trm
spec:
  selector:
    matchExpressions:
      - key: app.kubernetes.io/name
        operator: In
        values:
          - mongodb
          - redis
  endpoints:
    - port: metrics
      interval: 30s
---
"""


def wanted() -> str:
    groups = []
    for name in ("recording", "alerts"):
        text = (ROOT / f"deploy/monitoring/rules/{name}.yml").read_text()
        groups += yaml.safe_load(text)["groups"]
    rule = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "trm", "namespace": "trm"},
        "spec": {"groups": groups},
    }
    return HEAD + yaml.safe_dump(rule, sort_keys=False, width=100, allow_unicode=True)


if __name__ == "__main__":
    if "--write" in sys.argv:
        TARGET.write_text(wanted())
    elif TARGET.read_text() != wanted():
        sys.exit("deploy/k8s/monitoring.yaml is not what the rules say; run tests/deploy/rules.py --write")
