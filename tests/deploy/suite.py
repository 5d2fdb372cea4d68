"""Runs the tests of this folder and prints how many passed, in the form of cargo's own closing line."""
import importlib
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

if __name__ == "__main__":
    quick = ["manifests", "monitoring", "images", "scaling"]
    names = {"": quick, "all": quick + ["runbooks", "rolling", "live", "image"]}.get(" ".join(sys.argv[1:]), sys.argv[1:])
    loader = unittest.defaultTestLoader
    tests = unittest.TestSuite(loader.loadTestsFromModule(importlib.import_module(name)) for name in names)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(tests)
    bad = len(result.failures) + len(result.errors) + len(result.skipped) + len(result.unexpectedSuccesses)
    word = "FAILED" if bad or not result.testsRun else "ok"
    print(f"test result: {word}. {result.testsRun - bad} passed; {bad} failed; 0 ignored; deploy {' '.join(names)}")
    sys.exit(word != "ok")
