"""The same components under `wasmtime serve` and `spin up`, where those are on the PATH, and why not; measures nothing."""
import os
import re
import shutil
import subprocess

from subjects import ROOT, SECRETS, TARGET, Subject, sources
from work import Work

# A real route that asks no store: all that its component imports is WASI, so every host of it can serve it.
OPENAPI = "/api/openapi.yaml"
COMPONENT = TARGET / "wasm32-wasip2/release/fn_openapi.wasm"
# What Spin serves: these functions, each composed with the platform component over Spin's own SQLite.
UNDER_SPIN = ("auth-login", "jobs", "jobs-by-id", "openapi")
# Spin compiles what it has not in its cache before it listens.
SPIN_STARTS = 300.0


def openapi():
    return Work([OPENAPI], {"cache-control": "no-cache, no-store"})


def subjects(folder):
    """By name, and by name why another is not among them."""
    found, missing = {}, {}
    for name, of in (("wasmtime serve", _wasmtime), ("spin up", _spin)):
        told = of(folder)
        (missing if isinstance(told, str) else found)[name] = told
    return found, missing


def _version(program):
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(int(part) for part in re.search(r"(\d+)\.(\d+)", said).groups())


def _wasmtime(folder):
    program = shutil.which("wasmtime")
    if not program:
        return "not on the PATH"
    if _version(program) < (46, 0):
        return "the one on the PATH is too old for WASI 0.3"
    # Compiled ahead of time, as `trm build` does it for our host.
    compiled = folder / "openapi.cwasm"
    subprocess.run([program, "compile", "-O", "pooling-allocator=y", COMPONENT, "-o", compiled], check=True)
    words = [program, "serve", "-S", "cli,p3", "--allow-precompiled", "--addr", "127.0.0.1:{port}", compiled]
    return Subject("wasmtime-serve", words, {"PATH": os.environ["PATH"], "HOME": "/"})


def _spin(folder):
    program = shutil.which("spin")
    if not program:
        return "not on the PATH"
    if _version(program) < (4, 1):
        return "the one on the PATH is older than 4.1, and has no WASI 0.3"
    file = folder / "spin/spin.toml"
    file.parent.mkdir()
    file.write_text(manifest())
    env = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"],
           **{f"SPIN_VARIABLE_{name}": value for name, value in SECRETS.items()}}
    words = [program, "up", "--from", file, "--listen", "127.0.0.1:{port}", "--state-dir", folder / "spin/state",
             "--env", "TRM_SAMPLE=on"]
    return Subject("spin-up", words, env, SPIN_STARTS)


def manifest():
    """The manifest, of these functions and what they depend on."""
    text = sources((ROOT / "spin.toml").read_text())
    head, blocks = text.split("[[trigger.http]]", 1)
    triggers = re.findall(r'^route = .*\ncomponent = "(.*)"\n', blocks, flags=re.M)
    assert set(UNDER_SPIN) <= set(triggers), "the manifest's triggers are not found"
    kept = [head]
    for block in re.split(r"^(?=\[\[trigger\.http\]\]$|\[component\.[^.\]]+\]$)", "[[trigger.http]]" + blocks, flags=re.M):
        named = re.match(r'\[component\.([^.\]]+)\]|\[\[trigger\.http\]\]\nroute = .*\ncomponent = "(.*)"', block)
        if named and (named[1] or named[2]) in (*UNDER_SPIN, "platform"):
            kept.append(block)
    return "".join(kept)
