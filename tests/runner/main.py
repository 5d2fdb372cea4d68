"""`./tests/run`: reads its arguments and chooses the parts; run.py runs them."""
import argparse
import difflib
import os
import pathlib
import signal
import sys
import tempfile

import listing
import times
from install import Refused
from parts import BY_NAME, CARGO, PARTS, SETS, STORES, TESTS, Part, of, with_builds
from run import Run

USAGE = """./tests/run                    runs the default set
./tests/run all                default set and the rest
./tests/run PART|SET …         only these parts, and the build steps that they need
./tests/run cargo FILTER…      of cargo's tests those whose names match, with servers: ./tests/run cargo story
./tests/run list               every part, what it needs and how long it took last time"""


def words(arguments):
    parser = argparse.ArgumentParser(prog="./tests/run", usage=USAGE, description=f"Sets: {', '.join(SETS)}. See tests/README.md.")
    parser.add_argument("--yes", action="store_true", help="install missing system packages without asking, as with CI=true")
    parser.add_argument("--without", metavar="PART,…", default="", help="leave these parts out")
    parser.add_argument("--within", metavar="MINUTES", type=float, help="of the set `rest`, run what fits into this time")
    parser.add_argument("parts", nargs="*", metavar="PART", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def unknown(name):
    """The complaint about a name that is none."""
    near = difflib.get_close_matches(name, [*BY_NAME, *SETS], 1)
    return Refused(f"unknown part: {name}{f' (did you mean {near[0]}?)' if near else ''}\nparts: {' '.join(BY_NAME)}\n"
                   f"sets: {' '.join(SETS)} all\ncargo's tests by name: ./tests/run cargo {name}")


def chosen(names, without):
    """The parts that are asked for, in the order in which they run."""
    found = set()
    for name in names or ["default"]:
        if name == "all":
            found |= {part.name for part in of("default") + of("rest")}
        elif name in SETS:
            found |= {part.name for part in of(name)}
        elif name in BY_NAME:
            found.add(name)
        else:
            raise unknown(name)
    for name in filter(None, without.split(",")):
        if name not in BY_NAME:
            raise unknown(name)
        found.discard(name)
    if not found:
        raise Refused("no part is left to run")
    return [part for part in PARTS if part.name in found]


def matching(filters):
    """The part that runs those of cargo's tests whose names match."""
    return Part("cargo", "default", f"cargo's tests that match {' '.join(filters)}", (*CARGO, "test", "--", *filters), 120,
                needs=STORES, after=TESTS, servers=True)


def plan(arguments):
    """The parts to run, and the options."""
    # What follows `cargo` is cargo's.
    at = arguments.index("cargo") if "cargo" in arguments else len(arguments)
    options, filters = words(arguments[:at]), arguments[at + 1:]
    if at == len(arguments):
        return with_builds(chosen(options.parts, options.without)), options
    if options.parts or not filters:
        raise Refused("cargo takes filters and no part, for example: ./tests/run cargo story")
    return [*with_builds([matching(filters)]), matching(filters)], options


def main():
    arguments = sys.argv[1:]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        if arguments[:1] == ["list"]:
            print(listing.markdown() if arguments[1:] == ["--markdown"] else listing.terminal(times.load()), flush=True)
            return 0
        parts, options = plan(arguments)
        with tempfile.TemporaryDirectory(prefix="trm-tests-", ignore_cleanup_errors=True) as folder:
            return Run(parts, options, pathlib.Path(folder)).all()
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whatever else is written at the end goes nowhere as well.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
