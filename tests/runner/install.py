#!/usr/bin/env python3
"""Provides what tests need. Asks before it installs system packages on a person's machine.

    tests/runner/install.py [--yes] NEED…      the needs are listed in needs.py

With `--yes`, or where CI=true, it does not ask. Ends with 2, and says what to do, where it may not or cannot install."""
import os
import shlex
import shutil
import subprocess
import sys

from needs import NEEDS, Condition, Program, closure, missing, quiet, spelt
from tools import Tool

# Programs are wanted, not services that Debian would start with them; a policy that is there already stays.
INSTALL = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\\nexit 101\\n' >"$policy"
  chmod +x "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt-get install --yes -q --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
"""


class Refused(Exception):
    """What is missing and what the user can do."""


def packages(programs):
    return sorted({package for name in programs for package in NEEDS[name].packages})


def command(programs, prefix=""):
    """What a person would type."""
    return f"{prefix}apt-get update && {prefix}apt-get install --no-install-recommends {shlex.join(packages(programs))}"


def consent(names, yes):
    """The programs to install, after the user has agreed; refuses if nobody can be asked or nothing may be installed."""
    programs = missing(names, Program)
    if not programs:
        return []
    listed = f"These Debian packages are missing: {' '.join(packages(programs))}"
    if not shutil.which("apt-get"):
        raise Refused(f"{listed}\nThis machine has no apt-get. Install these programs: "
                      + " ".join(file for name in programs for file in NEEDS[name].files))
    root = os.geteuid() == 0
    if not root and not quiet("sudo", "-n", "true"):
        raise Refused(f"{listed}\nInstalling them needs root. Run this, then start the tests again:\n"
                      f"  {command(programs, 'sudo ')}")
    shown = command(programs, "" if root else "sudo ")
    if yes or os.environ.get("CI") == "true":
        print(f"installing: {shown}", file=sys.stderr)
        return programs
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise Refused(f"{listed}\nNobody can be asked here. Run this, or start the tests with --yes:\n  {shown}")
    print(f"{listed}\nThe tests would run this, and keep Debian from starting them as services:\n  {shown}", file=sys.stderr)
    print("Install them now? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise Refused("Nothing was installed.")
    return programs


def install(programs):
    """Installs the packages of these programs."""
    prefix = [] if os.geteuid() == 0 else ["sudo", "-n"]
    subprocess.run([*prefix, "sh", "-c", INSTALL, "sh", *packages(programs)], check=True, stdin=subprocess.DEVNULL,
                   stdout=sys.stderr, timeout=1200)


def provide(names, yes):
    """Asks, installs, fetches; afterwards all of it is there."""
    lacking = missing(names, Condition)
    if lacking:
        raise Refused(f"This is missing: {', '.join(map(spelt, lacking))}")
    programs = consent(names, yes)
    if programs:
        install(programs)
    for name in closure(names):
        if isinstance(NEEDS[name], Tool):
            NEEDS[name].ensure()
    still = missing(names, Program)
    if still:
        raise Refused(f"After installing {' '.join(packages(still))} these are still missing: {' '.join(still)}")


def main():
    names = [word for word in sys.argv[1:] if word != "--yes"]
    unknown = [name for name in names if name not in NEEDS]
    if unknown or not names:
        sys.exit(f"unknown needs: {' '.join(unknown) or 'none given'}. There are: {' '.join(NEEDS)}")
    try:
        provide(names, "--yes" in sys.argv[1:])
    except Refused as refused:
        print(refused, file=sys.stderr)
        sys.exit(2)
    except subprocess.SubprocessError as failed:
        sys.exit(f"cannot provide {' '.join(names)}: {failed}")


if __name__ == "__main__":
    main()
