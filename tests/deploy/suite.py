"""Runs the tests of a folder and prints how many passed, in the form of cargo's own closing line."""
import importlib
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
DEPLOY = ["manifests", "commands", "monitoring", "images", "scaling", "telemetry", "runbooks", "rolling", "redis_set"]
# Of each folder: what is run where nothing is named, and what is besides run under `all`.
SUITES = {"deploy": (DEPLOY, ["mongodb_set", "live", "image"]),
          "protocol": (["http1", "http2", "slow", "load"], []),
          "chaos": (["short"], [])}

if __name__ == "__main__":
    of, asked = ("deploy", sys.argv[1:]) if sys.argv[1:2] != ["--of"] else (sys.argv[2], sys.argv[3:])
    sys.path[:0] = [str(HERE), str(HERE.parent / of)]
    quick, more = SUITES[of]
    names = {"": quick, "all": quick + more}.get(" ".join(asked), asked)
    loader = unittest.defaultTestLoader
    tests = unittest.TestSuite(loader.loadTestsFromModule(importlib.import_module(name)) for name in names)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    bad = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    good = max(0, result.testsRun - bad)  # A class that could not be set up ran none of its tests.
    word = "FAILED" if bad or not result.testsRun else "ok"
    print(f"test result: {word}. {good} passed; {bad} failed; 0 ignored; {of} {' '.join(names)}")
    sys.exit(word != "ok")
