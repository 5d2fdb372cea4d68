"""One run of some parts: provides what they need, runs them in order, says what became of each."""
import os
import pathlib
import subprocess
import sys
import threading
import time

import execute
import install
import times
from needs import NEEDS, PATH, Condition, missing, spelt
from servers import Servers, mongod

ROOT = pathlib.Path(__file__).resolve().parents[2]
# After the budget of --within has run out, what still runs is stopped when this many seconds have passed.
OVERTIME = 300
# A part fits into what is left of the budget if this many times its estimate does.
MARGIN = 1.5


class Run:
    """One run of some parts."""

    def __init__(self, parts, options, folder):
        self.parts, self.options, self.last = parts, options, times.load()
        self.tests = [part for part in parts if part.part_of != "build"]
        self.built = (ROOT / "target/release/trm").is_file()
        self.began, self.outcomes, self.left_out = time.monotonic(), {}, []
        self.servers, self.installing, self.lock = Servers(), None, threading.Lock()
        self.env = {name: value for name, value in os.environ.items() if name not in ("REDIS_URL", "MONGODB_URI")}
        self.env.update(PATH=PATH, TMPDIR=str(folder), CARGO_TARGET_DIR=str(ROOT / "target"), PYTHONDONTWRITEBYTECODE="1",
                        TRM_BUILT="1")

    def elapsed(self):
        return time.monotonic() - self.began

    def estimate(self, part):
        """Seconds that a part will probably take."""
        return self.last.get(part.name, part.seconds if self.built and part.part_of != "rest" else part.seconds + part.first)

    def introduce(self):
        """What will happen and how long it takes, before anything does."""
        builds = " ".join(part.name for part in self.parts if part.part_of == "build")
        whole = max(1, round(sum(map(self.estimate, self.parts)) / 60))
        number = f"{len(self.tests)} part{'s' if len(self.tests) != 1 else ''}"
        print(f"Tests of TRM: {number}, about {whole} min on two cores"
              + (". Nothing is built yet; later runs are faster." if builds and not self.built else "."))
        if builds:
            print(f"  compiles:  {builds}")
        print(f"  then runs: {' '.join(part.name for part in self.tests) or 'nothing more'}")
        if any(part.servers for part in self.tests):
            print("It starts its own Redis and MongoDB on free loopback ports and stops them at the end.")
        print(f"./tests/run list says what each part needs. Output is kept in {execute.LOGS.relative_to(ROOT)}.", flush=True)

    def provide(self):
        """Asks once for all parts; what is missing is then fetched while the compiler runs."""
        possible = []
        for part in self.parts:
            lacking = missing(part.needs, Condition)
            if not lacking:
                possible += [name for name in part.needs if name not in possible]
            elif os.environ.get("CI") != "true":
                raise install.Refused(self.complaint())
        install.consent(possible, self.options.yes)
        # The compiler needs it at once.
        if "wasm" in possible:
            NEEDS["wasm"].ensure()
        if possible:
            execute.LOGS.mkdir(parents=True, exist_ok=True)
            with open(execute.LOGS / "install.log", "wb") as log:
                self.installing = subprocess.Popen(
                    [sys.executable, ROOT / "tests/runner/install.py", "--yes", *possible], stdin=subprocess.DEVNULL, stdout=log,
                    stderr=subprocess.STDOUT, start_new_session=True)

    def complaint(self):
        """What is missing for which parts, and how to run the others."""
        lacking = {part.name: missing(part.needs, Condition) for part in self.parts}
        lines = [f"  {name}: {', '.join(map(spelt, found))}" for name, found in lacking.items() if found]
        without = ",".join(name for name, found in lacking.items() if found)
        return "\n".join(["These parts cannot run here:", *lines, "To run the others: ./tests/run "
                          + " ".join([*self.options.parts, "--without", without])])

    def installed(self):
        """Waits until what was missing has been fetched."""
        if self.installing is None:
            return
        try:
            status = self.installing.wait(1800)
        finally:
            execute.stop_group(self.installing, execute.GRACE)
            self.installing = None
        if status != 0:
            print((execute.LOGS / "install.log").read_text(errors="replace")[-3000:], flush=True)

    def obstacle(self, part):
        """Why a part cannot run, if so."""
        broken = [name for name in part.after if name in self.outcomes and self.outcomes[name].failed]
        if broken:
            return f"not run: {broken[0]} failed"
        if missing(part.needs, object):
            self.installed()
            lacking = missing(part.needs, object)
            if lacking:
                return f"not run: it needs {', '.join(map(spelt, lacking))}"
        if self.timeout(part) <= 0:
            return "not run: the time is up"
        return None

    def skip(self, part):
        """Why a part of the rest is left out of a run with a budget, if so."""
        if part.part_of != "rest" or self.options.within is None:
            return None
        lacking = missing(part.needs, Condition)
        if lacking:
            return f"needs {', '.join(map(spelt, lacking))}"
        left, wanted = self.options.within * 60 - self.elapsed(), self.estimate(part)
        if wanted * MARGIN > left:
            return f"takes about {times.spoken(wanted)}; {times.spoken(max(0, left))} of {self.options.within:g} min are left"
        return None

    def timeout(self, part):
        if self.options.within is None:
            return part.timeout
        return min(part.timeout, self.options.within * 60 + OVERTIME - self.elapsed())

    def environment(self, part):
        """What the part finds its servers by."""
        found = dict(self.env)
        if "mongod" in part.needs:
            found["TEST_MONGOD"] = mongod()
        if part.servers:
            found.update(self.servers.start(self.env))
        return found

    def one(self, part, beside=""):
        """Runs one part, unless it is left out. The output of one that runs beside another is shown at its end."""
        reason = self.skip(part)
        if reason:
            self.left_out.append((part.name, reason))
            return
        if not beside:
            print(f"\n== {part.name}: {part.what} (after {times.spoken(self.elapsed())})", flush=True)
        outcome = None
        try:
            with self.lock:
                reason = self.obstacle(part)
                env = None if reason else self.environment(part)
            if not reason:
                outcome = execute.run(part.name, part.command, self.timeout(part), env, part.part_of != "build", shown=not beside)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            reason = f"not run: {error}"
        outcome = outcome or execute.Outcome(0, 1, 0, reason)
        with self.lock:
            self.outcomes[part.name] = outcome
            if beside:
                print(f"\n== {part.name}: {part.what} (beside {beside})")
                if outcome.seconds:
                    print((execute.LOGS / f"{part.name}.log").read_text(errors="replace"))
            if outcome.failed:
                print(f"== {part.name} FAILED: {outcome.reason}", flush=True)
            else:
                times.keep(part.name, outcome.seconds)

    def with_others(self, part):
        """Runs a part, and meanwhile those that may run beside it, one after the other."""
        others = [other for other in self.parts if other.beside == part.name]

        def follow():
            for other in others:
                if not execute.stopped.is_set():
                    self.one(other, beside=part.name)
        lane = threading.Thread(target=follow)
        lane.start()
        try:
            self.one(part)
        except BaseException:
            execute.stop_all()
            raise
        finally:
            lane.join()
        lost = [other.name for other in others if other.name not in {*self.outcomes, *dict(self.left_out)}]
        if lost:
            raise RuntimeError(f"the runner failed in {' '.join(lost)}")

    def summary(self):
        """A line for each part, what was left out, and the line that counts."""
        print("\n== summary")
        for name, outcome in self.outcomes.items():
            print(f"{'FAILED' if outcome.failed else 'ok':<7} {name:<14} {times.spoken(outcome.seconds):>12}  "
                  f"{outcome.passed} passed, {outcome.failed} failed{f'  ({outcome.reason})' if outcome.reason else ''}")
        for name, reason in self.left_out:
            print(f"left out: {name}: {reason}")
        bad = [name for name, outcome in self.outcomes.items() if outcome.failed]
        if bad:
            print(f"output of what failed: {' '.join(f'target/test-logs/{name}.log' for name in bad)}")
        passed = sum(outcome.passed for outcome in self.outcomes.values())
        failed = sum(outcome.failed for outcome in self.outcomes.values())
        print(f"{times.spoken(self.elapsed())} in all\n\n{passed} passed, {failed} failed", flush=True)
        return 1 if failed or (self.tests and not passed) else 0

    def all(self):
        """Runs all parts; the status to end with."""
        self.introduce()
        self.provide()
        names = {part.name for part in self.parts}
        try:
            for part in self.parts:
                if part.beside not in names:
                    self.with_others(part)
        finally:
            self.servers.stop()
            if self.installing is not None:
                execute.stop_group(self.installing, execute.GRACE)
        return self.summary()
