"""The runbooks' kubectl commands: those that change an object are run by kubectl on the shipped one; all name what is there.

Needs no cluster. What a command does to a running host is seen by runbooks.py.
"""
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

import yaml

from manifests import used
from support import README, objects, one, pods, quantity, run

# How a command spells a kind of the manifests.
KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "resourcequota": "ResourceQuota",
         "hpa": "HorizontalPodAutoscaler", "vpa": "VerticalPodAutoscaler", "job": "Job", "cronjob": "CronJob"}
CHANGES = ("set env", "set resources", "patch")


def commands():
    """Each kubectl command of the page as a list of words, without the remark behind it."""
    for block in re.findall(r"```bash\n(.*?)```", README, re.S):
        for line in re.sub(r"[\\|]\n\s*", " ", block).splitlines():
            for part in re.split(r"\s+#\s.*$|; ", line):
                if part.strip().startswith("kubectl"):
                    yield shlex.split(part.strip())


def claims():
    """The claims that the sets of the base make for their pods, by name."""
    for item in objects("base", "StatefulSet"):
        for claim in item["spec"]["volumeClaimTemplates"]:
            for n in range(item["spec"]["replicas"]):
                name = f"{claim['metadata']['name']}-{item['metadata']['name']}-{n}"
                yield name, {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "spec": claim["spec"],
                             "metadata": {"name": name, "namespace": item["metadata"]["namespace"]}}


def target(words):
    """Kind and name of what a command is about, where it is about one object."""
    for at, word in enumerate(words):
        kind, _, name = word.partition("/")
        if kind in (*KINDS, "pvc"):
            after = words[at + 1] if at + 1 < len(words) and not words[at + 1].startswith("-") else None
            return kind, name or after
    return None, None


class Commands(unittest.TestCase):
    def test_every_command_names_what_the_manifests_hold(self):
        seen, held = 0, {(item["kind"], item["metadata"]["name"]) for item in objects("base")}
        volumes = dict(claims())
        containers = {f"{item['metadata']['name']}-0": [container["name"] for container in template["spec"]["containers"]]
                      for item, template in pods("base") if item["kind"] == "StatefulSet"}
        for words in commands():
            kind, name = target(words)
            with self.subTest(" ".join(words)):
                if kind == "pvc":
                    self.assertIn(name, volumes)
                elif name and (kind, name) != ("job", "restore"):
                    self.assertIn((KINDS[kind], name), held)
                elif words[1] == "exec":
                    pod = next(word for word in words[2:] if not word.startswith("-") and word != "trm")
                    if pod != "POD":
                        self.assertIn(words[words.index("-c") + 1] if "-c" in words[:6] else containers[pod][0], containers[pod])
                else:
                    continue
                seen += 1
        self.assertGreater(seen, 15)

    def changed(self, words, item):
        """What kubectl makes of an object by a command, with no server to ask."""
        words = [word for word in words[1:] if "/" not in word or word.startswith("-")]
        if words[0] == "patch":
            # `patch KIND NAME`; elsewhere they are one word.
            del words[1:3]
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "object.yaml"
            file.write_text(yaml.safe_dump(item))
            said = run("kubectl", *words, "--local", "-f", file, "-o", "yaml")
            file.write_text(said)
            run("kubernetes-validate", "--strict", "-k", "1.32", file)
        return yaml.safe_load(said)

    def test_every_change_is_one_that_kubectl_makes_to_the_shipped_object(self):
        base, seen = {(item["kind"], item["metadata"]["name"]): item for item in objects("base")}, 0
        base |= {("PersistentVolumeClaim", name): claim for name, claim in claims()}
        for words in commands():
            kind, name = target(words)
            if " ".join(words[1:3]) not in CHANGES and words[1] not in CHANGES or "--local" in words:
                continue
            at = ("PersistentVolumeClaim", name) if kind == "pvc" else (KINDS[kind], name)
            with self.subTest(" ".join(words)):
                item = self.changed(words, base[at])
                self.assertNotEqual(item, base[at])
                base[at] = item
                seen += 1
        self.assertGreater(seen, 8)
        # All of them together: what was made larger still fits.
        hard = base["ResourceQuota", "trm-quota"]["spec"]["hard"]
        made = dict(claims())
        for name, value in used([item for (_, called), item in base.items() if called not in made]).items():
            self.assertLessEqual(value, quantity(hard[name]), name)
        (bounds,) = base["LimitRange", "trm-limits"]["spec"]["limits"]
        for item in base.values():
            if item["kind"] in ("Deployment", "StatefulSet") and item["metadata"]["namespace"] == "trm":
                for container in item["spec"]["template"]["spec"]["containers"]:
                    for what, most in bounds["max"].items():
                        self.assertLessEqual(quantity(container["resources"]["limits"][what]), quantity(most))

    def test_a_restore_is_the_job_of_the_backups_told_to_read(self):
        cron = one("base", "CronJob", "mongodb-backup")
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "restore", "namespace": "trm"},
               "spec": cron["spec"]["jobTemplate"]["spec"]}
        (told,) = re.findall(r"(kubectl set env --local -f - -o yaml RESTORE=\S+)", README)
        made = yaml.safe_load(run(*shlex.split(told), input=yaml.safe_dump(job)))
        (container,) = made["spec"]["template"]["spec"]["containers"]
        self.assertIn({"name": "RESTORE", "value": "trm-DATE.archive.gz"}, container["env"])


class Backups(unittest.TestCase):
    """The script of the backups, with programs in MongoDB's place that write down how they were called."""

    def setUp(self):
        folder = self.enterContext(tempfile.TemporaryDirectory())
        self.folder = pathlib.Path(folder)
        self.backups, self.calls = self.folder / "backups", self.folder / "calls"
        self.backups.mkdir()
        for name, does in (("mongodump", "echo dumped >"), ("mongorestore", "cat ")):
            program = self.folder / name
            program.write_text(f'#!/bin/sh\necho {name} "$@" >>{self.calls}\nfor word; do case $word in --archive=*) '
                               f'{does}"${{word#--archive=}}";; esac; done\nexit "${{FAILS:-0}}"\n')
            program.chmod(0o755)
        (container,) = one("base", "CronJob", "mongodb-backup")["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
        folders = {"/tmp/": f"{self.folder}/", "/backups/": f"{self.backups}/"}
        script = re.sub("/(tmp|backups)/", lambda at: folders[at[0]], container["args"][0])
        self.command = [*container["command"], script]

    def backup(self, **env):
        return subprocess.run(self.command, env={"PATH": f"{self.folder}:{os.environ['PATH']}", "MONGODB_USER": "trm",
                                                 "MONGODB_PASSWORD": "a password", **env}, capture_output=True, text=True)

    def test_the_newest_seven_are_kept_and_only_whole_ones(self):
        for day in range(1, 10):
            old = self.backups / f"trm-2026010{day}T000000Z.archive.gz"
            old.write_text("old")
            os.utime(old, (day, day))
        done = self.backup()
        self.assertEqual(done.returncode, 0, done.stderr)
        kept = sorted(file.name for file in self.backups.iterdir())
        self.assertEqual((len(kept), kept[0]), (7, "trm-20260104T000000Z.archive.gz"))
        self.assertNotEqual(self.backup(FAILS="1").returncode, 0)
        after = sorted(file.name for file in self.backups.iterdir() if not file.name.endswith(".part"))
        self.assertEqual(after, kept)
        self.assertNotIn("a password", self.calls.read_text())

    def test_what_is_named_is_read_back_and_nothing_is_dumped(self):
        (self.backups / "trm-x.archive.gz").write_text("what was kept")
        done = self.backup(RESTORE="trm-x.archive.gz")
        self.assertEqual((done.returncode, done.stdout), (0, "what was kept"), done.stderr)
        self.assertNotIn("mongodump", self.calls.read_text())
        self.assertNotEqual(self.backup(RESTORE="trm-none.archive.gz", FAILS="1").returncode, 0)
