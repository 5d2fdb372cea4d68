"""h2spec, the public conformance suite of HTTP/2 and HPACK, against a host in clear and through nginx by TLS.

The program is in no package, so this is run by name, where it is on the PATH; RESULTS.md says how it is built.
"""
import shutil
import subprocess
import unittest
import xml.etree.ElementTree

from wire import Abuse, exchange, statuses

# Cases of the suite; another number of them is another suite than the one whose results are written down.
CASES = 146
# What fails, and why that is left so; what is mended must leave this list as well.
HOST = {}
NGINX = {}


class Suite(Abuse):
    def failures(self, *target):
        """Each case that failed, by section and description, with what was wanted and what came."""
        program = shutil.which("h2spec")
        self.assertIsNotNone(program, "no program h2spec is on the PATH; tests/protocol/RESULTS.md says how to build one")
        report = self.cluster.folder / "h2spec.xml"
        command = [program, "--host", "127.0.0.1", "--path", "/echo/h2spec", "--strict", "--timeout", "3",
                   "--junit-report", report, *map(str, target)]
        said = subprocess.run(command, timeout=500, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout
        cases, failed = 0, {}
        for suite in xml.etree.ElementTree.parse(report).iter("testsuite"):
            for case in suite.iter("testcase"):
                cases += 1
                self.assertIsNone(case.find("skipped"), said)
                fault = case.find("failure") if case.find("failure") is not None else case.find("error")
                if fault is not None:
                    failed[f"{suite.get('package')}: {case.get('classname')}"] = " ".join(" ".join(fault.itertext()).split())
        self.assertEqual(cases, CASES, said)
        print(f"h2spec: {cases - len(failed)} of {cases} pass ", end="", flush=True)
        return failed

    def conforms(self, known, *target):
        failed = self.failures(*target)
        self.assertEqual({name: failed[name] for name in failed if name not in known}, {})
        self.assertEqual(known.keys() - failed.keys(), set(), "these pass now")


class Direct(Suite):
    def test_the_host_conforms(self):
        self.conforms(HOST, "--port", self.port)


class Behind(Suite):
    BEHIND = True

    def test_nginx_before_it_conforms(self):
        self.conforms(NGINX, "--port", self.tls, "--tls", "--insecure")


if __name__ == "__main__":
    unittest.main()
