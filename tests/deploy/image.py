"""The image, built for real by buildah from a base that mmdebstrap makes, and the host run inside of it."""
import json
import os
import pathlib
import shutil
import signal
import unittest
import uuid

from cluster import Cluster, free_port, get, until
from support import DEPLOY, ROOT, run

MOST = 60_000_000


def buildah(*arguments, **more):
    return run("buildah", *arguments, **more)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.cluster = cls.enterClassContext(Cluster())
        cls.scratch = scratch = cls.cluster.folder
        context = f"{scratch}/context"
        # Where images are kept while this runs, apart from any others.
        storage = f"{scratch}/storage"
        os.environ.update(BUILDAH_ISOLATION="chroot", STORAGE_DRIVER="overlay")
        with open(f"{scratch}/storage.conf", "w") as file:
            file.write(f'[storage]\ndriver = "overlay"\ngraphroot = "{storage}"\nrunroot = "{scratch}/run"\n')
        os.environ["CONTAINERS_STORAGE_CONF"] = f"{scratch}/storage.conf"
        base = f"{scratch}/base.tar"
        run("mmdebstrap", "--variant=essential", "--include=ca-certificates,binutils", "bookworm", base)
        container = buildah("from", "scratch").strip()
        buildah("add", container, base, "/")
        buildah("commit", "--rm", container, "localhost/tools")
        # The context: what the recipe's `prebuilt` stage takes.
        os.makedirs(f"{context}/target/release")
        os.makedirs(f"{context}/target/wasm32-wasip2/release")
        shutil.copy(ROOT / "target/release/trm", f"{context}/target/release/")
        for wasm in (ROOT / "target/wasm32-wasip2/release").glob("fn_*.wasm"):
            shutil.copy(wasm, f"{context}/target/wasm32-wasip2/release/")
        shutil.copy(ROOT / "spin.toml", context)
        shutil.copytree(DEPLOY / "docker", f"{context}/deploy/docker")
        cls.tag = f"localhost/trm:{uuid.uuid4().hex[:8]}"
        buildah("bud", "--build-arg", "TOOLS=localhost/tools", "--build-arg", "STAGE=prebuilt", "--target", "production",
                "-f", DEPLOY / "docker/Dockerfile", "-t", cls.tag, context)
        cls.container = buildah("from", cls.tag).strip()
        cls.root = buildah("mount", cls.container).strip()

    @classmethod
    def tearDownClass(cls):
        buildah("umount", cls.container)
        buildah("rm", cls.container)

    def test_it_runs_as_1001_and_starts_the_host(self):
        config = json.loads(buildah("inspect", "--type", "image", self.tag))["OCIv1"]["config"]
        self.assertEqual((config["User"], config["Entrypoint"], config["Cmd"]), ("1001:1001", ["/app/trm"], ["serve"]))

    def test_it_holds_no_shell_and_nothing_that_it_does_not_need(self):
        found = {os.path.join(folder, file)[len(self.root):] for folder, _, files in os.walk(self.root) for file in files}
        programs = {file for file in found if os.access(self.root + file, os.X_OK) and ".so" not in file}
        self.assertEqual(programs, {"/app/trm"})
        self.assertLess(len(found), 100)

    def test_its_functions_are_compiled_for_any_server_and_not_for_this_machine(self):
        with open(f"{self.root}/app/target/trm/index.json") as file:
            entries = json.load(file)["components"].values()
        self.assertGreater(len(entries), 30)
        self.assertEqual({entry["cpu"] for entry in entries}, {"x86-64-v3"})

    def test_its_size_is_within_the_bound(self):
        """What is pushed and pulled: the layers as a registry keeps them."""
        buildah("push", self.tag, f"oci:{self.scratch}/oci")
        blobs = f"{self.scratch}/oci/blobs/sha256"
        pulled = sum(os.path.getsize(f"{blobs}/{blob}") for blob in os.listdir(blobs))
        unpacked = sum(os.lstat(os.path.join(folder, file)).st_size for folder, _, files in os.walk(self.root) for file in files)
        print(f"image: {pulled / 1e6:.1f} MB to pull, {unpacked / 1e6:.1f} MB unpacked ", end="", flush=True)
        self.assertLess(pulled, MOST)

    def test_the_host_serves_from_inside_of_it(self):
        port = free_port()
        env = {"PORT": str(port), "METRICS_PORT": "0", "LISTEN_ADDR": "127.0.0.1", "NODE_ENV": "production",
               "TRM_DATA_DIR": "/data", "JWT_SECRET": "a secret of tests alone, for tokens",
               "API_KEY_SECRET": "a secret of tests alone, for keys"}
        # Its root, its user, /proc and a read-only file system, as a container engine would give them; only /data is writable.
        inside = ["unshare", "--mount", "sh", "-ec",
                  f"mkdir -p {self.root}/proc; mount --bind {self.root} {self.root}; mount -o remount,bind,ro {self.root};"
                  f"mount -t proc proc {self.root}/proc;"
                  f"mount -t tmpfs -o uid=1001,gid=1001 none {self.root}/data;"
                  f"cd /; exec chroot --userspec=1001:1001 {self.root} /app/trm serve"]
        process = self.cluster.run("inside", inside, {**os.environ, **env, "TRM_MANIFEST": "/app/spin.toml"})
        try:
            self.serves(process, port)
            status = open(f"/proc/{process.pid}/status").read()
            self.assertIn("Uid:\t1001", status)
            # Compiled ahead of time: nothing is compiled again, and nothing had to be written.
            self.assertNotIn("cannot be written", process.said())
            self.assertNotIn("compiled again", process.said())
            health = run("chroot", "--userspec=1001:1001", self.root, "/app/trm", "health", env={**os.environ, **env})
            self.assertIn('"status":"ok"', health)
        finally:
            self.assertEqual(process.stop(), 0)

    def test_the_host_serves_under_the_engines_own_profile_and_without_any_capability(self):
        """What `seccompProfile: RuntimeDefault` and `drop: [ALL]` mean; code that is mapped must run under both."""
        port = free_port()
        settings = {"PORT": port, "METRICS_PORT": 0, "LISTEN_ADDR": "127.0.0.1", "TRM_MANIFEST": "/app/spin.toml",
                    "JWT_SECRET": "a secret of tests alone, for tokens", "API_KEY_SECRET": "a secret of tests alone, for keys"}
        given = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
        process = self.cluster.run("confined", ["buildah", "run", "--isolation", "chroot", "--cap-drop", "ALL", *given,
                                                self.container, "/app/trm", "serve"], dict(os.environ))
        try:
            self.serves(process, port)
            host = self.below(process.pid)
            status = dict(line.split(":\t", 1) for line in open(f"/proc/{host}/status").read().splitlines())
            self.assertEqual((status["Uid"].split()[0], status["Seccomp"]), ("1001", "2"))
            self.assertEqual({int(status[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb")}, {0})
            # buildah keeps one within the bound, to become the user: CAP_SETUID, which an engine drops as well.
            self.assertLessEqual(int(status["CapBnd"], 16), 1 << 7)
            os.kill(host, signal.SIGTERM)
            self.assertEqual(process.wait(40), 0, process.said()[-2000:])
        finally:
            process.stop()

    def serves(self, process, port):
        """Waits until the host in a process is ready, and asks it for data."""
        def ready():
            assert process.status() is None, process.said()
            return get(f"http://127.0.0.1:{port}/ready")[0] == 200
        until("the host is ready", ready)
        self.assertEqual(get(f"http://127.0.0.1:{port}/api/jobs?limit=1")[0], 200)

    def below(self, pid):
        """The host among the processes that one has started."""
        if os.readlink(f"/proc/{pid}/exe").endswith("/app/trm"):
            return pid
        # Each thread has children of its own.
        children = " ".join(file.read_text() for file in pathlib.Path(f"/proc/{pid}/task").glob("*/children")).split()
        found = [host for child in children if (host := self.below(int(child)))]
        return found[0] if found else None
