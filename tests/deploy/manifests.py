"""The Kubernetes manifests and the compose files: their schemas, a policy scan, and the numbers that must agree."""
import collections
import json
import re
import tempfile
import tomllib
import unittest

import yaml

from support import DEPLOY, ROOT, TOOLS, environment, objects, one, pods, quantity, rendered, run, workloads

RENDERINGS = ("base", "dev", "production", "keda")
CUSTOM = ("monitoring.coreos.com/", "keda.sh/", "autoscaling.k8s.io/", "external-secrets.io/")
FILES = ("namespace configmap secret app-deployment service ingress hpa mongodb-deployment redis-deployment "
         "monitoring").split()
# The groups of controllers that a namespace of a cluster brings itself.
ABSENT = {"monitoring", "ingress-nginx", "kube-system"}


def used(items):
    """What these objects take of the quota at most: every pod that the autoscaler may have, a surge, five members of MongoDB."""
    (scaler,) = [item for item in items if item["kind"] == "HorizontalPodAutoscaler"]
    most, total = scaler["spec"]["maxReplicas"], collections.Counter()
    total["persistentvolumeclaims"] = len([item for item in items if item["kind"] == "PersistentVolumeClaim"])
    for item, template in workloads(items):
        if item["metadata"]["namespace"] != "trm":
            continue
        count = item["spec"].get("replicas", 1)
        if item["metadata"]["name"] == "trm-app":
            surge = int(item["spec"]["strategy"]["rollingUpdate"]["maxSurge"].rstrip("%"))
            count = most + -(-most * surge // 100)
        if item["metadata"]["name"] == "mongodb":
            count = 5  # the runbook scales it to five
        if item["kind"] == "StatefulSet":
            total["persistentvolumeclaims"] += count * len(item["spec"]["volumeClaimTemplates"])
        total["pods"] += count
        for container in template["spec"]["containers"]:
            for side in ("requests", "limits"):
                for what in ("cpu", "memory"):
                    total[f"{side}.{what}"] += count * quantity(container["resources"][side][what])
    return total


class Schemas(unittest.TestCase):
    def test_every_file_of_the_document_is_there_and_in_the_base(self):
        listed = yaml.safe_load((DEPLOY / "k8s/kustomization.yaml").read_text())["resources"]
        for name in FILES:
            self.assertIn(f"{name}.yaml", listed)

    def test_every_file_is_in_a_kustomization(self):
        for folder in [DEPLOY / "k8s", *(DEPLOY / "overlays").iterdir()]:
            listed = (folder / "kustomization.yaml").read_text()
            for file in folder.glob("*.yaml"):
                if file.name != "kustomization.yaml":
                    self.assertIn(file.name, listed, f"{file} is in no kustomization")

    def strictly(self, version):
        with tempfile.TemporaryDirectory() as folder:
            for name in RENDERINGS:
                file = f"{folder}/{name}.yaml"
                with open(file, "w") as to:
                    to.write(rendered(name))
                said = run("kubernetes-validate", "--strict", "-k", version, file)
                # A kind without a schema is only warned of; custom ones are checked by the next test.
                for line in said.splitlines():
                    if line.startswith("WARN"):
                        self.assertTrue(any(f"version {group}" in line for group in CUSTOM), line)
                self.assertIn("INFO", said)

    def test_every_object_fits_kubernetes_1_32(self):
        self.strictly("1.32")

    def test_every_object_fits_kubernetes_1_37(self):
        self.strictly("1.37")

    def test_a_misspelt_field_is_found(self):
        text = rendered("base").replace("maxReplicas: 20", "maxReplica: 20")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            self.assertIn("maxReplica", run("kubernetes-validate", "--strict", file.name, ok=False))

    def custom(self, change=lambda item: None, ok=True):
        items = [item for name in RENDERINGS for item in objects(name) if item["apiVersion"].startswith(CUSTOM)]
        for item in items:
            change(item)
        self.assertGreater(len(items), 10)
        return run("node", ROOT / "tests/deploy/crds.mjs", TOOLS / "js", input=json.dumps(items), ok=ok)

    def test_every_custom_resource_fits_its_operator(self):
        said = self.custom()
        for kind in ("ServiceMonitor", "PrometheusRule", "VerticalPodAutoscaler", "ScaledObject", "ExternalSecret"):
            self.assertIn(f"ok {kind}/", said)

    def test_a_wrong_custom_resource_is_found(self):
        def spoil(item):
            if item["kind"] == "ScaledObject":
                item["spec"]["maxReplicaCount"] = "many"
        self.assertIn("not ok ScaledObject", self.custom(spoil, ok=False))

    def test_the_compose_files_fit_the_specification(self):
        for name in ("compose.yaml", "compose.scale.yaml"):
            run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", DEPLOY / name)

    def test_scripts_inside_manifests_parse(self):
        scripts = one("base", "ConfigMap", "redis-config")["data"]["start.sh"]
        run("sh", "-n", input=scripts)
        run("node", "--check", "--input-type=commonjs", "-", input=one(
            "base", "ConfigMap", "mongodb-scripts")["data"]["members.js"])


class Policy(unittest.TestCase):
    def scan(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(text)
            file.flush()
            said = run(TOOLS / "checkov/bin/checkov", "-f", file.name, "--framework", "kubernetes",
                       "--skip-download", "-o", "json", ok=False)
        return json.loads(said[said.index("{"):])

    def test_the_policy_scan_is_clean_and_every_skip_says_why(self):
        report = self.scan(rendered("production"))
        failed = [f"{check['check_id']} {check['resource']}" for check in report["results"]["failed_checks"]]
        self.assertEqual(failed, [])
        self.assertGreater(report["summary"]["passed"], 500)
        for check in report["results"]["skipped_checks"]:
            self.assertGreater(len(check["check_result"]["suppress_comment"]), 10, check["check_id"])

    def test_the_scan_finds_a_container_that_may_gain_privileges(self):
        report = self.scan(rendered("production").replace("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true"))
        self.assertIn("CKV_K8S_20", {check["check_id"] for check in report["results"]["failed_checks"]})

    def test_pods_of_the_restricted_namespace_are_restricted(self):
        for item, template in pods("base"):
            if item["metadata"]["namespace"] != "trm":
                continue
            spec = template["spec"]
            self.assertTrue(spec["securityContext"]["runAsNonRoot"])
            self.assertEqual(spec["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            for container in spec["containers"] + spec.get("initContainers", []):
                context = container["securityContext"]
                self.assertEqual(context["capabilities"], {"drop": ["ALL"]}, container["name"])
                self.assertFalse(context["allowPrivilegeEscalation"])
                self.assertTrue(context["readOnlyRootFilesystem"])
            for volume in spec.get("volumes", []):
                self.assertNotIn("hostPath", volume)

    def test_production_carries_no_secret_and_the_base_only_placeholders(self):
        self.assertEqual(objects("production", "Secret"), [])
        for secret in objects("base", "Secret"):
            for name, value in secret["stringData"].items():
                if name not in ("MONGODB_USER", "MONGODB_KEYFILE"):
                    self.assertIn("change-me", value, name)


class Numbers(unittest.TestCase):
    def test_the_autoscaler_is_the_documents(self):
        spec = one("base", "HorizontalPodAutoscaler", "trm-app-hpa")["spec"]
        self.assertEqual((spec["minReplicas"], spec["maxReplicas"]), (3, 20))
        targets = {}
        for metric in spec["metrics"]:
            of = metric.get("resource") or metric["pods"]
            name = of.get("name") or of["metric"]["name"]
            targets[name] = of["target"].get("averageUtilization") or of["target"]["averageValue"]
        self.assertEqual(targets, {"cpu": 70, "memory": 80, "http_requests_per_second": "1000"})
        up, down = spec["behavior"]["scaleUp"], spec["behavior"]["scaleDown"]
        self.assertEqual(up["stabilizationWindowSeconds"], 0)
        self.assertEqual([(rule["type"], rule["value"], rule["periodSeconds"]) for rule in up["policies"]],
                         [("Percent", 100, 15), ("Pods", 4, 15)])
        self.assertEqual(down["stabilizationWindowSeconds"], 300)
        self.assertEqual([(rule["type"], rule["value"], rule["periodSeconds"]) for rule in down["policies"]],
                         [("Percent", 10, 60)])

    def test_only_the_autoscaler_says_how_many_pods_there_are(self):
        for name in ("base", "production", "keda"):
            self.assertNotIn("replicas", one(name, "Deployment", "trm-app")["spec"])

    def test_keda_takes_the_autoscalers_place_with_its_numbers(self):
        self.assertEqual(objects("keda", "HorizontalPodAutoscaler"), [])
        hpa = one("base", "HorizontalPodAutoscaler", "trm-app-hpa")["spec"]
        spec = one("keda", "ScaledObject", "trm-app")["spec"]
        self.assertEqual((spec["minReplicaCount"], spec["maxReplicaCount"]), (hpa["minReplicas"], hpa["maxReplicas"]))
        config = spec["advanced"]["horizontalPodAutoscalerConfig"]
        self.assertEqual(config["behavior"], hpa["behavior"])
        triggers = {trigger["type"]: trigger["metadata"] for trigger in spec["triggers"]}
        self.assertEqual(triggers["cpu"]["value"], "70")
        self.assertEqual(triggers["memory"]["value"], "80")
        self.assertEqual(triggers["prometheus"]["threshold"], "1000")
        self.assertEqual(triggers["prometheus"]["ignoreNullValues"], "false")

    def test_the_recommender_changes_nothing(self):
        spec = one("base", "VerticalPodAutoscaler", "trm-app")["spec"]
        self.assertEqual(spec["updatePolicy"]["updateMode"], "Off")

    def test_every_container_asks_for_and_is_bounded_in_cpu_and_memory(self):
        for name in RENDERINGS:
            for item, template in pods(name):
                spec = template["spec"]
                for container in spec["containers"] + spec.get("initContainers", []):
                    for side in ("requests", "limits"):
                        self.assertEqual(set(container["resources"][side]), {"cpu", "memory"},
                                         f"{item['metadata']['name']}/{container['name']}")

    def test_the_quota_holds_every_pod_and_a_surge(self):
        hard = one("base", "ResourceQuota", "trm-quota")["spec"]["hard"]
        for name, value in used(objects("base")).items():
            self.assertLessEqual(value, quantity(hard[name]), name)

    def test_a_pod_has_the_time_to_drain(self):
        pod = one("base", "Deployment", "trm-app")["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        settings = one("base", "ConfigMap", "trm-config")["data"]
        sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        delay, drain = int(settings["TRM_DRAIN_DELAY"]) / 1000, int(settings["TRM_DRAIN_TIMEOUT"]) / 1000
        self.assertLess(sleep + delay + drain + 5, pod["terminationGracePeriodSeconds"])
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["trm-app"]
        delay = int(compose["environment"]["TRM_DRAIN_DELAY"]) / 1000
        drain = int(compose["environment"]["TRM_DRAIN_TIMEOUT"]) / 1000
        self.assertLess(delay + drain + 5, int(compose["stop_grace_period"].rstrip("s")))
        nginx = (DEPLOY / "nginx/nginx.conf").read_text()
        upstream = re.search(r"upstream trm \{.*?\n  \}", nginx, re.S).group()
        idle = int(re.search(r"keepalive_timeout (\d+)s;", upstream).group(1))
        self.assertLess(idle, delay, "nginx would reuse a connection that a draining host closes")

    def test_no_disruption_budget_blocks_a_drain(self):
        labels = [template["metadata"]["labels"] for _, template in pods("base")]
        for budget in objects("base", "PodDisruptionBudget"):
            self.assertEqual(budget["spec"]["maxUnavailable"], 1)
            wanted = budget["spec"]["selector"]["matchLabels"].items()
            self.assertTrue(any(wanted <= had.items() for had in labels), budget["metadata"]["name"])

    def test_every_service_leads_to_pods_and_their_ports(self):
        templates = [template for _, template in pods("base")]
        for service in objects("base", "Service"):
            wanted = service["spec"]["selector"].items()
            found = [one for one in templates if wanted <= one["metadata"]["labels"].items()]
            self.assertEqual(len(found), 1, service["metadata"]["name"])
            ports = [port for container in found[0]["spec"]["containers"] for port in container.get("ports", [])]
            for port in service["spec"]["ports"]:
                target = port.get("targetPort", port["port"])
                self.assertTrue(any(target in (have["name"], have["containerPort"]) for have in ports), port)

    def test_every_value_that_the_application_requires_reaches_every_host(self):
        declared = tomllib.loads((ROOT / "spin.toml").read_text())["variables"]
        required = {name.upper() for name, how in declared.items() if how.get("required")}
        self.assertGreater(len(required), 1)
        for name in RENDERINGS:
            self.assertLessEqual(required, set(environment(name)), name)
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["trm-app"]["environment"]
        self.assertLessEqual(required, set(compose))

    def test_every_secret_is_read_and_nothing_reads_one_that_is_not_there(self):
        held = {(secret["metadata"]["name"], key) for secret in objects("base", "Secret") for key in secret["stringData"]}
        read, needed = set(), set()
        for _, template in pods("base"):
            spec = template["spec"]
            for container in spec["containers"] + spec.get("initContainers", []):
                for entry in container.get("env", []):
                    if at := entry.get("valueFrom", {}).get("secretKeyRef"):
                        read.add((at["name"], at["key"]))
                        needed |= set() if at.get("optional") else {(at["name"], at["key"])}
            for volume in spec.get("volumes", []):
                if at := volume.get("secret"):
                    read |= {(at["secretName"], item["key"]) for item in at["items"]}
        self.assertLessEqual(held, read)
        self.assertLessEqual(needed, held)

    def test_every_setting_is_one_that_the_host_reads(self):
        # The help shows exactly what the host reads: host/cli/src/settings/table_tests.rs.
        shown = run(ROOT / "target/release/trm", "serve", "--help")
        read = {name for names in re.findall(r"\[env: ([^]]+)]", shown) for name in names.split(" or ")}
        self.assertGreater(len(read), 30, shown)
        variables = tomllib.loads((ROOT / "spin.toml").read_text())["variables"]
        known = read | {name.upper() for name in variables}
        compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["trm-app"]["environment"]
        for where, names in [*((name, environment(name)) for name in RENDERINGS), ("compose.yaml", compose)]:
            self.assertGreater(len(names), 5, where)
            self.assertEqual(set(names) - known, set(), f"{where} sets what nothing reads")

    def test_network_policies_let_through_what_is_needed_and_deny_the_rest(self):
        policies = {item["metadata"]["name"]: item["spec"] for item in objects("base", "NetworkPolicy")}
        deny = policies["default-deny"]
        self.assertEqual((deny["podSelector"], deny["policyTypes"]), ({}, ["Ingress", "Egress"]))
        self.assertNotIn("ingress", deny)
        app = policies["trm-network-policy"]
        sources = {(rule["from"][0]["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"],
                    rule["ports"][0]["port"]) for rule in app["ingress"]}
        self.assertEqual(sources, {("ingress-nginx", 3000), ("monitoring", 9090)})
        own = {name for _, template in pods("base") for name in [template["metadata"]["labels"]["app.kubernetes.io/name"]]}
        for name, policy in policies.items():
            for rule in policy.get("ingress", []) + policy.get("egress", []):
                for peer in rule.get("from", []) + rule.get("to", []):
                    for label, value in peer.get("podSelector", {}).get("matchLabels", {}).items():
                        self.assertIn(value, own | {"kube-dns"}, f"{name} names pods {label}={value} that do not exist")
        self.assertEqual({rule["ports"][0]["port"] for rule in policies["dns"]["egress"]}, {53})
