"""What is measured: the host in each isolation, the same work in axum and in Express; measures nothing."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "deploy")]

from cluster import ROOT, TARGET, TRM, Cluster, free_port, get, sign_in  # noqa: E402, F401

SECRETS = {"JWT_SECRET": "a secret of the benchmark alone, for tokens", "API_KEY_SECRET": "a secret of the benchmark, for keys"}


class Subject:
    """A program that serves the routes, and how it is started: on the port that PORT says, or {port} among its words."""

    def __init__(self, name, command, env, patience=60.0):
        self.name, self.command, self.env, self.patience = name, command, env, patience
        self.tells_ready = name.startswith("trm")

    def words(self, port):
        return [str(word).replace("{port}", str(port)) for word in self.command]

    def start(self, cluster, **settings):
        port = free_port()
        env = {**self.env, "PORT": str(port), **settings}
        # None takes a setting away.
        env = {key: str(value) for key, value in env.items() if value is not None}
        process = cluster.run(f"{self.name}-{port}", self.words(port), env)
        cluster.listens(process, port, most=self.patience)
        process.url, process.port = f"http://127.0.0.1:{port}", port
        return process


def sources(text):
    """A manifest's text that may stand anywhere, with the components that were built for the benchmark."""
    return re.sub(r'^source = "target/', f'source = "{TARGET}/', text, flags=re.M)


def manifest(isolation, compiled=None):
    """The manifest with every function in this isolation, in a folder that keeps its artefacts. Nothing is called on a
    schedule: what hands events on would work for whoever wrote them, and only one subject has it. An artefact is known by its
    component's digest wherever it lies: what another one compiled serves this one."""
    folder = ROOT / f"target/bench/{isolation}"
    folder.mkdir(parents=True, exist_ok=True)
    text = sources((ROOT / "spin.toml").read_text())
    text = re.sub(r'^(isolation|schedule) = .*\n', "", text, flags=re.M)
    text = re.sub(r'^(\[component\.[^.\]]+\.tool\.trm\])$', rf'\1\nisolation = "{isolation}"', text, flags=re.M)
    # A function that is granted nothing has no such table yet.
    routed = re.findall(r'^component = "(.*)"$', text, flags=re.M)
    for name in sorted(set(routed)):
        if f"[component.{name}.tool.trm]" not in text:
            text += f'\n[component.{name}.tool.trm]\nisolation = "{isolation}"\n'
    assert text.count(f'isolation = "{isolation}"') == len(set(routed)) > 20, "the manifest's functions are not found"
    file = folder / "spin.toml"
    file.write_text(text)
    if compiled:
        shutil.rmtree(folder / "target/trm", ignore_errors=True)
        shutil.copytree(compiled.parent / "target/trm", folder / "target/trm")
    return file


def subjects(env, data):
    """All of them, by name. `env` says where the stores are."""
    base = {"PATH": os.environ["PATH"], "HOME": "/", "LISTEN_ADDR": "127.0.0.1", "METRICS_PORT": "0",
            "TRM_DATA_DIR": str(data), **SECRETS, **env}
    found, file = {}, None
    for isolation in ("exclusive", "fresh", "shared"):
        file = manifest(isolation, compiled=file)
        subprocess.run([TRM, "build"], env={**base, "TRM_MANIFEST": str(file)}, check=True, stdout=subprocess.DEVNULL)
        found[f"trm {isolation}"] = Subject(f"trm-{isolation}", [TRM, "serve"], {**base, "TRM_MANIFEST": str(file)})
    found["axum"] = Subject("axum", [TARGET / "release/bench-native"], base)
    found["express"] = Subject("express", ["node", HERE / "node/server.mjs"], base)
    return found


def install_node():
    """Express and its drivers, where package.json says which."""
    assert shutil.which("node") and shutil.which("npm"), "the benchmark needs node and npm on the PATH"
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=HERE / "node", check=True)
