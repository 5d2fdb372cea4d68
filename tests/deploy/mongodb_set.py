"""MongoDB as k8s/mongodb-deployment.yaml makes it: its containers' own commands, the Job that joins members, its probes.

Each pod is a network of its own with the name that the cluster would give it. Not here: the image's entry point, which
makes the first user; a few lines do what it does.
"""
import os
import re
import subprocess
import unittest

import pymongo

from cluster import Cluster, free_port, until
from nodes import Nodes
from support import README, TOOLS, one, pods

USER, PASSWORD = "trm", "a-password-of-tests"
NAMES = [f"mongodb-{n}" for n in range(5)]
DOMAIN = "mongodb.trm.svc.cluster.local"


class MongoDB(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.nodes = Nodes(*(f"{name}.{DOMAIN}" for name in NAMES))
        cls.addClassCleanup(cls.nodes.close)
        cls.cluster = cluster = cls.enterClassContext(Cluster())
        cls.bin = cluster.folder / "bin"
        cls.bin.mkdir()
        for name, line in (("mongod", f'exec {os.environ["TEST_MONGOD"]} "$@"'),
                           ("docker-entrypoint.sh", 'exec "$@" --dbpath "$DATA"'),
                           ("mongosh", f'exec {TOOLS}/js/node_modules/.bin/mongosh "$@"')):
            (cls.bin / name).write_text(f"#!/bin/sh\n{line}\n")
            (cls.bin / name).chmod(0o755)
        (cls.workload, template), = [(item, template) for item, template in pods("base")
                                     if (item["kind"], item["metadata"]["name"]) == ("StatefulSet", "mongodb")]
        cls.container, cls.first = template["spec"]["containers"][0], template["spec"]["initContainers"][0]
        secret = cluster.folder / "secret"
        secret.mkdir()
        (secret / "keyfile").write_text(one("base", "Secret", "trm-secret")["stringData"]["MONGODB_KEYFILE"])
        cls.start(NAMES[:cls.workload["spec"]["replicas"]])

    @classmethod
    def start(cls, names):
        for name in names:
            folder = cls.cluster.folder / name
            (folder / "keyfile").mkdir(parents=True)
            (folder / "data").mkdir()
            subprocess.run([cls.here(word, folder) for word in cls.first["command"]], check=True)
            if name == NAMES[0]:
                cls.user(folder)
            process = cls.cluster.run(name, [*cls.nodes.inside(f"{name}.{DOMAIN}"), *cls.container["command"],
                                             *(cls.here(word, folder) for word in cls.container["args"])], cls.env(name))
            cls.cluster.listens(process, 27017, cls.nodes.addresses[f"{name}.{DOMAIN}"])

    @classmethod
    def here(cls, word, folder):
        return word.replace("/keyfile/", f"{folder}/keyfile/").replace("/secret/", f"{cls.cluster.folder}/secret/")

    @classmethod
    def env(cls, name, **more):
        given = {entry["name"]: entry.get("value") for entry in cls.container["env"]}
        given.update(MONGO_INITDB_ROOT_USERNAME=USER, MONGO_INITDB_ROOT_PASSWORD=PASSWORD, HOSTNAME=name, CACHE_GB="0.25",
                     DATA=str(cls.cluster.folder / name / "data"), PATH=f"{cls.bin}:{os.environ['PATH']}",
                     HOME=str(cls.cluster.folder))
        return {**given, **more}

    @classmethod
    def user(cls, folder):
        """What the image's entry point does where it has a user's name and no data."""
        port = free_port()
        alone = cls.cluster.run("alone", [os.environ["TEST_MONGOD"], "--port", port, "--bind_ip", "127.0.0.1",
                                          "--dbpath", folder / "data"])
        cls.cluster.listens(alone, port)
        with pymongo.MongoClient("127.0.0.1", port) as client:
            client.admin.command("createUser", USER, pwd=PASSWORD, roles=["root"])
        alone.stop()

    def client(self, name=NAMES[0]):
        client = pymongo.MongoClient(self.nodes.addresses[f"{name}.{DOMAIN}"], 27017, username=USER, password=PASSWORD,
                                     directConnection=True)
        self.addCleanup(client.close)
        return client

    def members(self, count):
        """Runs the Job's container; what it printed."""
        spec = one("base", "Job", "mongodb-init")["spec"]["template"]["spec"]["containers"][0]
        script = self.cluster.folder / "members.js"
        script.write_text(one("base", "ConfigMap", "mongodb-scripts")["data"]["members.js"])
        command = [*self.nodes.inside(f"{NAMES[-1]}.{DOMAIN}"), *spec["command"],
                   *(word.replace("/scripts/members.js", str(script)) for word in spec["args"])]
        env = self.env("job", MEMBERS=str(count), MONGODB_USER=USER, MONGODB_PASSWORD=PASSWORD)
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=200)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def all_of(self, count):
        """The set's configuration, once so many are members and well."""
        def well():
            states = [member["stateStr"] for member in self.client().admin.command("replSetGetStatus")["members"]]
            assert sorted(states) == ["PRIMARY"] + ["SECONDARY"] * (count - 1), states
            return True
        until(f"{count} members are well", well, most=90)
        return self.config()

    def config(self):
        """The set's configuration, without its version: MongoDB itself raises that once a new member may vote."""
        config = self.client().admin.command("replSetGetConfig")["config"]
        del config["version"]
        return config

    def exec(self, name, command):
        """What `kubectl exec` of a member's pod does."""
        return subprocess.run([*self.nodes.inside(f"{name}.{DOMAIN}"), *command], env=self.env(name), capture_output=True,
                              text=True, timeout=100)

    def test_the_job_makes_a_set_and_may_be_run_again_and_for_more(self):
        ready = self.container["readinessProbe"]["exec"]["command"]
        self.assertNotEqual(self.exec(NAMES[1], ready).returncode, 0, "it is ready before it is a member")
        self.members(3)
        made = self.all_of(3)
        self.assertEqual([member["host"] for member in made["members"]], [f"{name}.{DOMAIN}:27017" for name in NAMES[:3]])
        self.assertEqual(self.members(3).strip(), "")
        self.assertEqual(self.config(), made, "the second run changed it")
        for name in NAMES[:3]:
            for probe in ("livenessProbe", "readinessProbe"):
                done = self.exec(name, self.container[probe]["exec"]["command"])
                self.assertEqual(done.returncode, 0, f"{probe} of {name}: {done.stdout}{done.stderr}")
        profile = self.client().trm.command("profile", -1)
        self.assertEqual((profile["was"], profile["slowms"]), (1, 100))
        # Nobody without a password, neither a client nor a runbook.
        bare = pymongo.MongoClient(self.nodes.addresses[f"{NAMES[0]}.{DOMAIN}"], 27017, directConnection=True)
        self.addCleanup(bare.close)
        with self.assertRaises(pymongo.errors.OperationFailure):
            bare.admin.command("serverStatus")
        (line,) = re.findall(r"kubectl exec -it mongodb-0 -n trm -- bash -c '(.*db\.serverStatus\(\)\.connections.*)'", README)
        done = self.exec(NAMES[0], ["bash", "-c", line])
        self.assertIn("available", done.stdout, done.stderr)

        # The runbook of an overloaded database: two more, and the Job again.
        self.start(NAMES[3:])
        self.members(5)
        self.all_of(5)
        written = self.client().trm.jobs.with_options(write_concern=pymongo.WriteConcern("majority", wtimeout=10_000))
        self.assertTrue(written.insert_one({"a": 1}).acknowledged)
