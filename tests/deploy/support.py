"""What the tests of deploy/ share: where things are, and how a tool is run."""
import functools
import os
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
README = (DEPLOY / "README.md").read_text()
TOOLS = pathlib.Path(os.environ["TRM_TOOLS"])


def run(*command, ok=True, **more):
    """The tool's output; a tool that is missing or fails is a failure of the test, with what it said."""
    done = subprocess.run([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=600, cwd=more.pop("cwd", ROOT), **more)
    if ok and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}")
    return done.stdout


@functools.cache
def rendered(name):
    """The text of the base, or of an overlay."""
    folder = DEPLOY / ("k8s" if name == "base" else f"overlays/{name}")
    return run("kubectl", "kustomize", folder)


def objects(name, kind=None):
    """The objects of a rendering, of one kind or of all."""
    found = [item for item in yaml.safe_load_all(rendered(name)) if item]
    return [item for item in found if kind in (None, item["kind"])]


def one(name, kind, called):
    """The object of a rendering that has this kind and name."""
    (found,) = [item for item in objects(name, kind) if item["metadata"]["name"] == called]
    return found


def pods(name):
    """Each workload of a rendering, with its pod's specification."""
    yield from workloads(objects(name))


def workloads(items):
    """Each of the objects that makes pods, with its pod's specification."""
    for item in items:
        spec = item.get("spec", {})
        if item["kind"] == "CronJob":
            spec = spec["jobTemplate"]["spec"]
        if item["kind"] in ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob"):
            yield item, spec["template"]


def environment(name):
    """The host's environment in a rendering, as a pod gets it; a secret that this rendering does not hold is None."""
    (container,) = one(name, "Deployment", "trm-app")["spec"]["template"]["spec"]["containers"]
    given = {}
    for source in container["envFrom"]:
        given |= one(name, "ConfigMap", source["configMapRef"]["name"])["data"]
    secrets = {secret["metadata"]["name"]: secret["stringData"] for secret in objects(name, "Secret")}
    for entry in container["env"]:
        at = entry.get("valueFrom", {}).get("secretKeyRef")
        value = secrets.get(at["name"], {}).get(at["key"]) if at else entry["value"]
        if value is not None or not at.get("optional"):
            given[entry["name"]] = value
    return given


UNITS = {"": 1, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def quantity(text):
    """A Kubernetes quantity as a number."""
    text = str(text)
    unit = text.lstrip("0123456789.")
    return float(text[: len(text) - len(unit)]) * UNITS[unit]
