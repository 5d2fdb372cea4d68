#!/usr/bin/env python3
"""Tests of the test runner: the table of parts, counting, time-outs, budgets, and asking before anything is installed."""
import contextlib
import io
import os
import pathlib
import pty
import re
import subprocess
import sys
import tempfile
import time
import unittest
from unittest import mock

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE))

import execute  # noqa: E402
import listing  # noqa: E402
import main  # noqa: E402
import times  # noqa: E402
from install import Refused  # noqa: E402
from needs import NEEDS, Condition  # noqa: E402
from parts import BY_NAME, NICE, PARTS, SETS, Part, of, with_builds  # noqa: E402
from run import Run  # noqa: E402

# Apart from the logs of real parts.
execute.LOGS /= "selftest"


def started(*arguments, env=None, **more):
    """`./tests/run` with these arguments: its status and all that it said."""
    done = subprocess.run([ROOT / "tests/run", *arguments], env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False, **more)
    return done.returncode, done.stdout


def gone(pid):
    """Whether a process has ended; an orphan may wait a moment for whoever adopted it."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


class Table(unittest.TestCase):
    def test_every_part_is_complete(self):
        self.assertEqual(len(BY_NAME), len(PARTS))
        for part in PARTS:
            self.assertIn(part.part_of, (*SETS, "build"), part.name)
            self.assertLessEqual(set(part.needs), set(NEEDS), part.name)
            program = part.command[len(NICE) if part.command[:len(NICE)] == NICE else 0]
            self.assertTrue((ROOT / program).is_file() or program.startswith("target/"), part.name)
            self.assertTrue(all(BY_NAME[name].part_of == "build" for name in part.after), part.name)
            self.assertTrue(not part.servers or "host" in part.after and {"redis", "mongod"} <= set(part.needs), part.name)
            if part.beside:
                other = BY_NAME[part.beside]
                self.assertEqual((other.part_of, other.beside), (part.part_of, ""), part.name)
                self.assertLess(PARTS.index(other), PARTS.index(part), part.name)
            self.assertGreaterEqual(part.timeout, 2 * (part.seconds + part.first), part.name)

    def test_build_steps_come_before_what_needs_them(self):
        for part in PARTS:
            found = with_builds([part])
            self.assertEqual(found[-1], part)
            self.assertEqual({one.name for one in found[:-1]}, set(part.after))
            self.assertEqual(found, sorted(found, key=PARTS.index))

    def test_the_default_set_fits_into_its_time(self):
        parts = with_builds(of("default"))

        def whole(seconds):
            """The seconds of all parts; those that run beside another count as far as they take longer than it."""
            others = {part.name: sum(map(seconds, (one for one in parts if one.beside == part.name))) for part in parts}
            return sum(max(seconds(part), others[part.name]) for part in parts if not part.beside)
        self.assertLessEqual(whole(lambda part: part.seconds), 12 * 60)
        self.assertLessEqual(whole(lambda part: part.seconds + part.first), 25 * 60)

    def test_every_script_of_a_suite_belongs_to_a_part(self):
        run = {word for part in PARTS for word in part.command}
        scripts = {str(file.relative_to(ROOT)) for file in ROOT.glob("tests/*/run")}
        self.assertEqual(scripts - run, {"tests/bench/run"}, "the benchmark asserts nothing; each other script is a part")

    def test_the_readme_has_the_table_that_list_shows(self):
        readme = (ROOT / "tests/README.md").read_text()
        table = re.search(r"<!-- parts -->\n(.*)<!-- /parts -->", readme, re.S)
        self.assertEqual(table[1].strip(), listing.markdown().strip(), "./tests/run list --markdown prints it")
        shown = started("list")[1]
        for part in PARTS:
            self.assertIn(f"  {part.name} ", shown)
            self.assertIn(part.what, shown)

    def test_all_packages_of_the_workspace_are_tested(self):
        def members(folder):
            for file in ROOT.glob(f"{folder}/Cargo.toml"):
                yield re.search(r'^name = "([^"]+)"', file.read_text(), re.M)[1]
        expected = {name for folder in ("host/*", "shared/*", "tests", "tests/bench/native") for name in members(folder)}
        listed = set(re.findall(r"--package (\S+)", (ROOT / "tests/packages").read_text().replace(")", " ")))
        self.assertEqual(listed, expected | {"'fn-*'"})

    def test_only_the_runner_installs(self):
        bad = []
        for file in ROOT.glob("tests/**/*"):
            name = str(file.relative_to(ROOT))
            if file.is_file() and file.suffix in ("", ".py", ".sh", ".mjs") and not name.startswith("tests/runner/"):
                with contextlib.suppress(UnicodeDecodeError):
                    if re.search(r"apt-get|pip install|bin/pip|npm install|cargo install", file.read_text()):
                        bad.append(name)
        self.assertEqual(bad, [])


class Choosing(unittest.TestCase):
    def names(self, *arguments):
        return [part.name for part in main.plan(list(arguments))[0]]

    def test_sets_and_parts(self):
        self.assertEqual(self.names(), [part.name for part in with_builds(of("default"))])
        self.assertEqual(self.names("all"), [part.name for part in with_builds(of("default") + of("rest"))])
        self.assertEqual(self.names("fmt"), ["fmt"])
        self.assertIn("host", self.names("console"))
        self.assertNotIn("chaos", self.names("--without", "chaos,deploy"))

    def test_cargo_takes_filters(self):
        parts, _ = main.plan(["--yes", "cargo", "story", "--exact"])
        self.assertEqual(parts[-1].command[1:], ("test", "--", "story", "--exact"))
        self.assertTrue(parts[-1].servers)

    def test_an_unknown_name_is_refused_with_the_names_that_there_are(self):
        status, said = started("consol")
        self.assertEqual(status, 2)
        for word in ("unknown part: consol", "did you mean console?", *BY_NAME, *SETS):
            self.assertIn(word, said)
        self.assertEqual(started("--without", "nothing")[0], 2)
        self.assertEqual(started("cargo")[0], 2)


class Executing(unittest.TestCase):
    def outcome(self, script, timeout=60, **more):
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            return execute.run("selftest", ["sh", "-c", script], timeout, dict(os.environ), **more)

    def counts(self, script, **more):
        outcome = self.outcome(script, **more)
        return outcome.passed, outcome.failed

    def test_results_are_added_up(self):
        one, two = (f"echo 'test result: ok. {passed} passed; 0 failed; 1 ignored'; " for passed in (3, 4))
        self.assertEqual(self.counts(one + two), (7, 0))
        self.assertEqual(self.counts("true"), (1, 0))
        self.assertEqual(self.counts("true", counts=False), (0, 0))

    def test_whatever_fails_counts_as_failed(self):
        self.assertEqual(self.counts("exit 3"), (0, 1))
        self.assertEqual(self.counts("exit 3", counts=False), (0, 1))
        self.assertEqual(self.counts("echo 'test result: ok. 2 passed; 0 failed'; exit 1"), (2, 1))
        self.assertEqual(self.counts("echo 'test result: FAILED. 2 passed; 2 failed'; exit 1"), (2, 2))
        self.assertEqual(self.counts("echo 'test result: FAILED. 2 passed; 2 failed'"), (2, 2))
        self.assertEqual(self.counts("echo 'test result: ok. 0 passed; 0 failed'"), (0, 1))
        with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())):
            self.assertEqual(execute.run("selftest", ["/nothing/there"], 5, {}).failed, 1)

    def test_a_part_that_takes_too_long_has_failed_and_leaves_nothing_running(self):
        with tempfile.TemporaryDirectory() as folder:
            outcome = self.outcome(f"sleep 300 & echo $! >{folder}/pid; wait", timeout=1)
            self.assertEqual((outcome.passed, outcome.failed), (0, 1))
            self.assertIn("stopped after 1 s", outcome.reason)
            child = int(pathlib.Path(folder, "pid").read_text())
        self.assertTrue(gone(child))


def fake(name, script, part_of="default", **more):
    return Part(name, part_of, name, ("sh", "-c", script), more.pop("seconds", 1), **more)


class Running(unittest.TestCase):
    def ran(self, *parts, within=None, env=None, last=None):
        """The status, and what was said."""
        options = main.words([] if within is None else ["--within", str(within)])
        said = io.TextIOWrapper(io.BytesIO(), write_through=True)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said), \
                mock.patch.object(times, "FILE", pathlib.Path(folder, "times.json")), mock.patch.dict(os.environ, env or {"CI": "true"}):
            for name, seconds in (last or {}).items():
                times.keep(name, seconds)
            status = Run(list(parts), options, pathlib.Path(folder)).all()
            self.kept = times.load()
        return status, said.buffer.getvalue().decode()

    def test_the_last_line_counts(self):
        status, said = self.ran(fake("one", "echo 'test result: ok. 3 passed; 0 failed'"), fake("two", "exit 1"))
        self.assertEqual(status, 1)
        self.assertEqual(said.splitlines()[-1], "3 passed, 1 failed")
        self.assertEqual(self.ran(fake("one", "true"))[0], 0)
        self.assertEqual(set(self.kept), {"one"})

    def test_what_needs_a_broken_build_is_not_run_and_has_failed(self):
        status, said = self.ran(fake("build", "exit 1", "build"), fake("one", "echo ran", after=("build",)))
        self.assertEqual(status, 1)
        self.assertIn("one FAILED: not run: build failed", said)
        self.assertNotIn("\nran\n", said)
        self.assertEqual(said.splitlines()[-1], "0 passed, 2 failed")

    def test_a_part_may_run_beside_another(self):
        with tempfile.TemporaryDirectory() as folder:
            # Each waits for what the other writes.
            meet = "echo {0}; touch {2}/{0}; for _ in $(seq 300); do [ -e {2}/{1} ] && exit 0; sleep 0.1; done; exit 1"
            parts = [fake("one", meet.format("one", "two", folder)), fake("between", "true"),
                     fake("two", meet.format("two", "one", folder), beside="one")]
            status, said = self.ran(*parts)
        self.assertEqual((status, said.splitlines()[-1]), (0, "3 passed, 0 failed"))
        self.assertIn("== two: two (beside one)\ntwo\n", said)
        # Alone it runs in its place, and its failure counts.
        self.assertEqual(self.ran(fake("two", "exit 1", beside="one"))[1].splitlines()[-1], "0 passed, 1 failed")
        said = self.ran(fake("one", "true"), fake("two", "echo why; exit 1", beside="one"))[1]
        self.assertIn("why\n\n== two FAILED: exit status 1", said)

    def test_a_run_that_is_broken_off_leaves_nothing_running(self):
        with tempfile.TemporaryDirectory() as folder:
            code = ("import pathlib, sys, main, parts, run, selftest; one = selftest.fake('one', f'sleep 300 & echo $! >{sys.argv[1]}/one; wait')\n"
                    "two = selftest.fake('two', f'sleep 300 & echo $! >{sys.argv[1]}/two; wait', beside='one')\n"
                    "main.plan = lambda _: ([one, two], main.words([])); sys.exit(main.main())")
            child = subprocess.Popen([sys.executable, "-c", code, folder], env={**os.environ, "PYTHONPATH": str(HERE), "CI": "true"},
                                     stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            files = [pathlib.Path(folder, name) for name in ("one", "two")]
            end = time.monotonic() + 30
            while not all(file.exists() and file.read_text() for file in files):
                self.assertLess(time.monotonic(), end, "the parts do not start")
                time.sleep(0.05)
            child.terminate()
            self.assertEqual(child.wait(30), 143)
            for file in files:
                self.assertTrue(gone(int(file.read_text())))

    def test_a_run_without_a_test_has_failed(self):
        self.assertEqual(self.ran(fake("late", "true", "rest", seconds=100), within=1)[0], 1)

    def test_the_rest_runs_as_far_as_the_budget_reaches(self):
        parts = [fake("long", "true", "rest", seconds=3000), fake("short", "true", "rest"), fake("one", "true")]
        _, said = self.ran(*parts, within=10)
        self.assertIn("left out: long: takes about 50 min; 10 min of 10 min are left", said)
        self.assertEqual(said.splitlines()[-1], "2 passed, 0 failed")
        # What it took last time is known better than what was estimated.
        self.assertEqual(self.ran(*parts, within=10, last={"long": 5})[1].splitlines()[-1], "3 passed, 0 failed")
        self.assertEqual(self.ran(*parts)[1].splitlines()[-1], "3 passed, 0 failed")

    def test_a_missing_need_is_said_and_never_skipped(self):
        absent = {"absent": Condition(lambda: False, "wait for it")}
        parts = [fake("one", "true", needs=("absent",)), fake("two", "true"), fake("late", "true", "rest", needs=("absent",))]
        with mock.patch.dict(NEEDS, absent):
            status, said = self.ran(*parts, within=10)
            self.assertEqual(status, 1)
            self.assertIn("one FAILED: not run: it needs absent (wait for it)", said)
            self.assertIn("left out: late: needs absent (wait for it)", said)
            # A person is told before anything runs.
            with self.assertRaisesRegex(Refused, r"(?s)one: absent \(wait for it\).*--without one,late"):
                self.ran(*parts, env={"CI": "false"})


class Installing(unittest.TestCase):
    """Against a machine without redis-server, whose apt-get only writes down what it is told."""

    def setUp(self):
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.told = pathlib.Path(self.folder, "told")
        for name, script in (("apt-get", f'echo "$@" >>{self.told}; touch {self.folder}/redis-server {self.folder}/redis-cli; '
                                         f'chmod +x {self.folder}/redis-*'), ("sudo", "exit 1")):
            file = pathlib.Path(self.folder, name)
            file.write_text(f"#!/bin/sh\n{script}\n")
            file.chmod(0o755)
        for name in ("sh", "touch", "chmod", "rm", "printf"):
            os.symlink(f"/bin/{name}" if os.path.exists(f"/bin/{name}") else f"/usr/bin/{name}", f"{self.folder}/{name}")
        # The real machine may have redis-server, and the real policy is left alone.
        self.code = (f"import needs, os; needs.PATH = {self.folder!r}; os.geteuid = lambda: int(os.environ.get('USER_ID', 0)); "
                     f"import install; install.INSTALL = install.INSTALL.replace('/usr/sbin', {self.folder!r}); install.main()")
        self.env = {"PATH": self.folder, "PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1"}

    def install(self, *words, **env):
        done = subprocess.run([sys.executable, "-c", self.code, *words, "redis"], env={**self.env, **env}, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return done.returncode, done.stdout, self.told.read_text() if self.told.exists() else ""

    def asked(self, answer):
        """The same on a terminal, where a person answers."""
        near, far = pty.openpty()
        try:
            with subprocess.Popen([sys.executable, "-c", self.code, "redis"], env=self.env, stdin=far, stdout=far, stderr=far) as child:
                os.write(near, f"{answer}\n".encode())
                status = child.wait(60)
            return status, os.read(near, 65536).decode(), self.told.read_text() if self.told.exists() else ""
        finally:
            os.close(near)
            os.close(far)

    def test_a_person_is_asked_and_may_refuse(self):
        status, said, told = self.asked("n")
        self.assertEqual((status, told), (2, ""))
        self.assertIn("apt-get update && apt-get install --no-install-recommends redis-server", said)
        self.assertIn("[y/N]", said)
        status, said, told = self.asked("y")
        self.assertEqual(status, 0, said)
        self.assertRegex(told, r"update -q\ninstall --yes .* redis-server\n")

    def test_nobody_is_asked_with_yes_or_in_ci(self):
        self.assertEqual(self.install(CI="")[0::2], (2, ""))
        self.assertIn("--yes", self.install(CI="")[1])
        for words, env in ((("--yes",), {}), ((), {"CI": "true"})):
            self.told.unlink(missing_ok=True)
            for name in ("redis-server", "redis-cli"):
                pathlib.Path(self.folder, name).unlink(missing_ok=True)
            status, said, told = self.install(*words, **env)
            self.assertEqual(status, 0, said)
            self.assertIn("redis-server", told)

    def test_who_may_not_install_is_told_the_command(self):
        status, said, told = self.install("--yes", USER_ID="1000")
        self.assertEqual((status, told), (2, ""))
        self.assertIn("sudo apt-get update && sudo apt-get install --no-install-recommends redis-server", said)


if __name__ == "__main__":
    result = unittest.main(exit=False, verbosity=2, argv=sys.argv).result
    bad = len(result.failures) + len(result.errors)
    print(f"test result: {'FAILED' if bad else 'ok'}. {result.testsRun - bad} passed; {bad} failed; {len(result.skipped)} ignored; runner")
    sys.exit(bad > 0)
