"""How long each part took last time, in target/test-times.json, which git ignores."""
import json
import pathlib

FILE = pathlib.Path(__file__).resolve().parents[2] / "target/test-times.json"


def load():
    """Seconds by name. A file that cannot be read is none: the estimates are used instead."""
    try:
        return {name: float(seconds) for name, seconds in json.loads(FILE.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def keep(name, seconds):
    """Keeps one duration, and those of all other parts."""
    FILE.parent.mkdir(parents=True, exist_ok=True)
    written = FILE.with_suffix(".new")
    written.write_text(json.dumps({**load(), name: round(seconds, 1)}, indent=1, sort_keys=True) + "\n")
    written.replace(FILE)


def spoken(seconds):
    """A duration as a person reads it."""
    seconds = round(seconds)
    if seconds < 90:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds >= 600 or seconds % 60 == 0 else f"{seconds // 60} min {seconds % 60} s"
