"""The Redis and the MongoDB that all parts share, on free loopback ports. Servers that the user names are used instead."""
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
# It stops what it has started when its input ends, also where this runner is killed.
HARNESS = ROOT / "target/release/harness"


def mongod():
    """The path of a mongod that runs here."""
    found = subprocess.run([ROOT / "tests/harness/mongod.sh"], stdout=subprocess.PIPE, text=True, timeout=900, check=True)
    return found.stdout.strip()


class Servers:
    """Started when the first part needs them."""

    def __init__(self):
        self.child, self.env = None, {}

    def start(self, env):
        """The environment that tells a test where they are."""
        if not self.env:
            redis, mongo = os.environ.get("REDIS_URL"), os.environ.get("MONGODB_URI")
            if not (redis and mongo):
                self.child = subprocess.Popen([HARNESS], cwd=ROOT, env={**env, "TEST_MONGOD": mongod()}, text=True,
                                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
                self.answer()
            self.env = {"TEST_REDIS_URL": redis or f"redis://127.0.0.1:{self.order('redis')['port']}",
                        "TEST_MONGODB_URI": mongo or f"mongodb://127.0.0.1:{self.order('mongod')['port']}/trm"}
        return self.env

    def order(self, what):
        self.child.stdin.write(json.dumps({"do": what}) + "\n")
        self.child.stdin.flush()
        return self.answer()

    def answer(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError(f"the harness has ended with {self.child.wait()}")
        answer = json.loads(line)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def stop(self):
        if self.child is not None:
            self.child.stdin.close()
            self.child.stdout.close()
            self.child.wait(60)
        self.child, self.env = None, {}
