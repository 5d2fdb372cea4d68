"""Prometheus' rules, Alertmanager's routes and Grafana's dashboards, read by the programs that will read them."""
import json
import re
import tempfile
import unittest

import yaml

import rules
from support import DEPLOY, ROOT, run

MONITORING = DEPLOY / "monitoring"
RULES = MONITORING / "rules"
DOCUMENT = {
    "TRMHighErrorRate": "critical", "TRMPodCrashLooping": "critical", "TRMPodNotReady": "critical",
    "TRMDatabaseConnectionErrors": "critical", "TRMHighLatency": "warning", "TRMHighMemoryUsage": "warning",
    "TRMHighCPUUsage": "warning", "TRMHPAAtMax": "warning",
}


def alerts():
    groups = yaml.safe_load((RULES / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboards():
    for file in sorted((MONITORING / "grafana/dashboards").glob("*.json")):
        yield file.name, json.loads(file.read_text())


def expressions():
    """Every query of every dashboard, with its name."""
    for name, dashboard in dashboards():
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                yield f"{name}: {panel['title']}", target["expr"]


class Rules(unittest.TestCase):
    def test_prometheus_takes_its_configuration_and_rules(self):
        run("promtool", "check", "config", MONITORING / "prometheus.yml")

    def test_every_alert_fires_and_is_silent_as_it_should(self):
        run("promtool", "test", "rules", ROOT / "tests/deploy/alerts.test.yml")

    def test_every_alert_is_tested_both_ways(self):
        names = [test["name"] for test in
                 yaml.safe_load((ROOT / "tests/deploy/alerts.test.yml").read_text())["tests"]]
        for alert in alerts():
            self.assertTrue(any(name.startswith(f"{alert['alert']} fires") for name in names), alert["alert"])
            self.assertTrue(any(name.startswith(f"{alert['alert']} is silent") for name in names), alert["alert"])

    def test_every_alert_of_the_document_is_there_with_its_severity(self):
        severities = {alert["alert"]: alert["labels"]["severity"] for alert in alerts()}
        for name, severity in DOCUMENT.items():
            self.assertEqual(severities[name], severity)

    def test_every_alert_leads_to_a_runbook_that_exists(self):
        headings = re.findall(r"^#+ (.+)$", (DEPLOY / "README.md").read_text(), re.M)
        anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
        for alert in alerts():
            page, anchor = alert["annotations"]["runbook_url"].split("#")
            self.assertTrue(page.endswith("/deploy/README.md"))
            self.assertIn(anchor, anchors)

    def test_the_operator_is_told_the_same_rules(self):
        self.assertEqual(rules.TARGET.read_text(), rules.wanted())


class Routes(unittest.TestCase):
    def test_alertmanager_takes_its_configuration(self):
        run("amtool", "check-config", MONITORING / "alertmanager.yml")

    def test_critical_alerts_page_and_warnings_go_to_slack(self):
        for severity, receivers in (("critical", "page,slack"), ("warning", "slack")):
            run("amtool", "config", "routes", "test", f"--config.file={MONITORING / 'alertmanager.yml'}",
                f"--verify.receivers={receivers}", f"severity={severity}", "alertname=TRMAny")


class Dashboards(unittest.TestCase):
    def test_every_query_is_promql(self):
        asked = list(expressions())
        self.assertGreater(len(asked), 30)
        group = {"name": "dashboards", "rules": [
            {"record": f"query:{n}", "expr": expression, "labels": {"of": of}} for n, (of, expression) in enumerate(asked)]}
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [group]}, file)
            file.flush()
            run("promtool", "check", "rules", file.name)

    def test_panels_have_titles_queries_and_the_provisioned_source(self):
        source = yaml.safe_load((MONITORING / "grafana/provisioning/datasources/prometheus.yml").read_text())
        uid = source["datasources"][0]["uid"]
        seen = set()
        for name, dashboard in dashboards():
            self.assertNotIn(dashboard["uid"], seen)
            seen.add(dashboard["uid"])
            for panel in dashboard["panels"]:
                self.assertTrue(panel["title"], name)
                if panel["type"] != "row":
                    self.assertEqual(panel["datasource"]["uid"], uid)
                    self.assertTrue(panel["targets"])

    def test_grafana_finds_the_folder_of_the_document(self):
        provider = yaml.safe_load((MONITORING / "grafana/provisioning/dashboards/trm.yml").read_text())["providers"][0]
        self.assertEqual((provider["folder"], provider["options"]["path"]), ("TRM", "/var/lib/grafana/dashboards/trm"))
        mounts = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["grafana"]["volumes"]
        self.assertTrue(any(mount.split(":")[1] == provider["options"]["path"] for mount in mounts))
