"""The image, built for real by buildah from a base that mmdebstrap makes, and the host run inside of it."""
import json
import os
import shutil
import tempfile
import unittest
import uuid

from cluster import Process, free_port, get, until
from support import DEPLOY, ROOT, run

MOST = 60_000_000


def buildah(*arguments, **more):
    return run("buildah", *arguments, **more)


class Image(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        scratch = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="trm-image-"))
        cls.scratch, context = scratch, f"{scratch}/context"
        # Where images are kept while this runs, apart from any others.
        storage = f"{scratch}/storage"
        os.environ.update(BUILDAH_ISOLATION="chroot", STORAGE_DRIVER="vfs")
        with open(f"{scratch}/storage.conf", "w") as file:
            file.write(f'[storage]\ndriver = "vfs"\ngraphroot = "{storage}"\nrunroot = "{scratch}/run"\n')
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
                  f"exec chroot --userspec=1001:1001 {self.root} /bin/env /app/trm serve"]
        inside[-1] = inside[-1].replace("/bin/env /app/trm serve", "/app/trm serve").replace("exec chroot", "cd /; exec chroot")
        process = Process(self.scratch, "inside", inside, {**os.environ, **env, "TRM_MANIFEST": "/app/spin.toml"})
        try:
            def ready():
                assert process.child.poll() is None, process.said()
                return get(f"http://127.0.0.1:{port}/ready")[0] == 200
            until("the host is ready", ready)
            self.assertEqual(get(f"http://127.0.0.1:{port}/api/jobs?limit=1")[0], 200)
            status = open(f"/proc/{process.child.pid}/status").read()
            self.assertIn("Uid:\t1001", status)
            # Compiled ahead of time, and not for this machine alone: nothing is compiled again, and nothing had to be written.
            self.assertNotIn("cannot be written", process.said())
            self.assertNotIn("compiled again", process.said())
            health = run("chroot", "--userspec=1001:1001", self.root, "/app/trm", "health", env={**os.environ, **env})
            self.assertIn('"status":"ok"', health)
        finally:
            self.assertEqual(process.stop(), 0)
