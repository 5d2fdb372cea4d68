"""Tools at fixed versions that the tests fetch into target/ by cargo, npm, pip or rustup. Needs no root."""
import dataclasses
import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target"


def run(*command, **more):
    """Runs a command that must succeed. What it says goes to stderr, so that a script may print a path on stdout."""
    subprocess.run([str(word) for word in command], check=True, stdin=subprocess.DEVNULL, stdout=sys.stderr, timeout=900, **more)


@dataclasses.dataclass(frozen=True)
class Tool:
    """Packages in a folder below target/. A stamp beside them says which versions are there."""
    folder: str
    packages: tuple
    # Names in needs.NEEDS that must be there to fetch it.
    needs = ()

    @property
    def to(self):
        return TARGET / self.folder

    def there(self):
        stamp = self.to / "packages"
        return stamp.is_file() and stamp.read_text() == " ".join(self.packages)

    def ensure(self):
        """Fetches it unless it is there. Two runs at one time fetch it once."""
        self.to.parent.mkdir(parents=True, exist_ok=True)
        with open(f"{self.to}.lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not self.there():
                shutil.rmtree(self.to, ignore_errors=True)
                self.to.mkdir()
                self.fetch()
                (self.to / "packages").write_text(" ".join(self.packages))


class Venv(Tool):
    """Python packages in an environment of their own."""
    needs = ("venv",)

    def fetch(self):
        run(sys.executable, "-m", "venv", self.to)
        run(self.to / "bin/pip", "install", "--quiet", "--disable-pip-version-check", *self.packages)


@dataclasses.dataclass(frozen=True)
class Npm(Tool):
    """Packages of npm. A package whose checksum is given is compared with it before it is unpacked."""
    sha1: str = ""
    needs = ("node",)

    def fetch(self):
        packages = self.packages
        if self.sha1:
            run("npm", "pack", "--silent", *packages, cwd=self.to)
            (archive,) = self.to.glob("*.tgz")
            found = hashlib.sha1(archive.read_bytes()).hexdigest()
            if found != self.sha1:
                sys.exit(f"{archive.name} has SHA-1 {found}, expected {self.sha1}")
            packages = (archive,)
        run("npm", "install", "--prefix", self.to, "--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--no-save", *packages)


class Cargo(Tool):
    """A program that cargo compiles."""
    needs = ("rust",)

    def fetch(self):
        with tempfile.TemporaryDirectory(dir=self.to) as build:
            run("cargo", "install", "--quiet", "--debug", "--locked", "--root", self.to, *self.packages,
                env={**os.environ, "CARGO_TARGET_DIR": build})


class RustTarget(Tool):
    """The standard library for a compiler target, in the toolchain."""
    needs = ("rust",)

    def there(self):
        try:
            root = subprocess.run(["rustc", "--print", "sysroot"], cwd=ROOT, capture_output=True, text=True, timeout=60,
                                  check=True).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return False
        return (pathlib.Path(root) / "lib/rustlib" / self.folder).is_dir()

    def ensure(self):
        if not self.there():
            run("rustup", "target", "add", self.folder, cwd=ROOT)


class Mongod(Tool):
    """A mongod that runs here: the machine's own, or one that mongod.sh keeps in a cache of the user's."""
    needs = ("node",)
    SCRIPT = ROOT / "tests/harness/mongod.sh"

    def there(self):
        return subprocess.run([self.SCRIPT, "--offline"], capture_output=True, timeout=60, check=False).returncode == 0

    def ensure(self):
        run(self.SCRIPT)
