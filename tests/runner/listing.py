"""Shows the parts: for a terminal, and as the table of tests/README.md. Runs nothing."""
import textwrap

from needs import NEEDS, Condition, Program
from parts import SETS, of
from times import spoken
from tools import Cargo, Mongod, Npm, RustTarget, Venv


def label(name):
    """A need in the words of someone who has to provide it."""
    need = NEEDS[name]
    if isinstance(need, Condition):
        return name.replace("-", " ")
    if isinstance(need, Program):
        return ", ".join(need.packages)
    words = {Venv: "pip packages", Npm: "npm packages", Cargo: f"cargo install {' '.join(need.packages)}", Mongod: "mongod",
             RustTarget: need.folder}
    return words[type(need)]


def labels(part):
    """What a part needs beside Rust and Python, each once, in an order that is the same for all parts."""
    order = list(NEEDS)
    return list(dict.fromkeys(label(name) for name in sorted(part.needs, key=order.index)))


def sections():
    """The sets, and the build steps after the first of them."""
    yield "default", SETS["default"], of("default")
    yield "build", "steps that run by themselves before the parts that need them", of("build")
    yield from ((name, SETS[name], of(name)) for name in SETS if name != "default")


def terminal(last):
    """The text of `./tests/run list`; `last` holds the seconds of earlier runs."""
    lines = []
    for name, what, parts in sections():
        lines += ["", f"{name}: {what}"]
        for part in parts:
            took = f"{spoken(last[part.name])} last time" if part.name in last else "not run yet"
            first = f", first {spoken(part.seconds + part.first)}" if part.first else ""
            lines.append(f"  {part.name:<14} {took:<22} {part.what}")
            needs = f"about {spoken(part.seconds)}{first}; needs {', '.join(labels(part)) or 'nothing more'}"
            lines += textwrap.wrap(needs, 100, initial_indent=" " * 40, subsequent_indent=" " * 40)
    return "\n".join(lines[1:])


def markdown():
    """The tables of tests/README.md."""
    lines = []
    for name, what, parts in sections():
        lines += [f"### {name}", "", f"{what[0].upper()}{what[1:]}.", "", "| Part | Proves | Needs | Built | First time |", "|---|---|---|--:|--:|"]
        lines += [f"| `{part.name}` | {part.what} | {', '.join(labels(part)) or '–'} | {spoken(part.seconds)} |"
                  f" {spoken(part.seconds + part.first)} |" for part in parts]
        lines.append("")
    return "\n".join(lines)
