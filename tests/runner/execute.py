"""Runs one part: shows and keeps its output, stops it after its time, counts its tests."""
import contextlib
import dataclasses
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / "target/test-logs"
# What cargo prints after each test program, and what our other suites print at their end.
RESULT = re.compile(rb"^test result: \S+ (\d+) passed; (\d+) failed", re.M)
# A part that is told to stop has this many seconds to stop what it has started.
GRACE = 10
# What is running now, and whether the whole run is being broken off.
running, stopped = set(), threading.Event()


@dataclasses.dataclass
class Outcome:
    """What became of a part."""
    passed: int
    failed: int
    seconds: float
    # Why it failed, where its output does not say so.
    reason: str = ""


def stop_group(child, grace):
    """Ends what is left of a part and of its children, by the part's own process group."""
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 0)):
        try:
            os.killpg(child.pid, number)
        except ProcessLookupError:
            return
        try:
            child.wait(wait)
        except subprocess.TimeoutExpired:
            pass


def stop_all():
    """Ends whatever runs, and lets nothing start after it."""
    stopped.set()
    for child in list(running):
        stop_group(child, GRACE)


def run(name, command, timeout, env, counts=True, shown=True):
    """Runs it. Where it `counts` it is a test: a run that printed no result is one test, one that ran none has failed."""
    LOGS.mkdir(parents=True, exist_ok=True)
    began, timed_out, output = time.monotonic(), False, bytearray()
    with open(LOGS / f"{name}.log", "wb") as log:
        try:
            child = subprocess.Popen([str(word) for word in command], cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)
        except OSError as error:
            return Outcome(0, 1, 0, f"{command[0]} does not start: {error}")
        running.add(child)
        if stopped.is_set():
            stop_group(child, 0)

        def copy():
            for chunk in iter(lambda: child.stdout.read1(65536), b""):
                output.extend(chunk)
                log.write(chunk)
                log.flush()
                # Where nobody reads any more, the part may still write.
                with contextlib.suppress(BrokenPipeError):
                    if shown:
                        sys.stdout.buffer.write(chunk)
                        sys.stdout.buffer.flush()
        copying = threading.Thread(target=copy, daemon=True)
        copying.start()
        try:
            child.wait(max(1, timeout))
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            stop_group(child, GRACE if child.returncode is None else 0)
            running.discard(child)
        copying.join(GRACE)
        # Whoever left the part's process group may still hold the pipe.
        if not copying.is_alive():
            child.stdout.close()
    seconds = time.monotonic() - began
    return judge(bytes(output), child.wait(), timed_out, seconds, timeout, counts)


def judge(output, status, timed_out, seconds, timeout, counts):
    """The counts of a part, by what it printed and how it ended."""
    results = RESULT.findall(output)
    passed, failed = (sum(int(result[at]) for result in results) for at in (0, 1))
    if timed_out:
        return Outcome(passed, failed + 1, seconds, f"stopped after {timeout:.0f} s")
    if status != 0:
        return Outcome(passed, max(1, failed), seconds, f"exit status {status}")
    if failed:
        return Outcome(passed, failed, seconds, "failed tests, though the exit status is 0")
    if not counts:
        return Outcome(0, 0, seconds)
    if results and not passed:
        return Outcome(0, 1, seconds, "ran no test")
    return Outcome(passed or 1, 0, seconds)
