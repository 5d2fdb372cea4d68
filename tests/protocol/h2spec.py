"""h2spec, the public conformance suite of HTTP/2 and HPACK, against a host in clear.

The program is in no package, so this is run by name, where it is on the PATH; RESULTS.md says how it is built.
"""
import shutil
import subprocess
import xml.etree.ElementTree

from cluster import until
from wire import Abuse, connect

# Cases of the suite; another number of them is another suite than the one whose results are written down.
CASES = 147
# What fails, and is left so: one port speaks both versions, so what is no preface of HTTP/2 is a request of HTTP/1.1, refused
# in its words (the second test). RFC 9113, section 3.4, asks for the connection's end and lets GOAWAY be left out.
KNOWN = {"http2/3.5: Sends invalid connection preface"}


class Conformance(Abuse):
    @classmethod
    def setUpClass(cls):
        cls.program = shutil.which("h2spec")
        assert cls.program, "no program h2spec is on the PATH; tests/protocol/RESULTS.md says how to build one"
        super().setUpClass()

    def failures(self):
        """Each case that failed, by section and description, with what was wanted and what came."""
        report = self.cluster.folder / "h2spec.xml"
        command = [self.program, "--host", "127.0.0.1", "--path", "/echo/h2spec", "--strict", "--timeout", "3",
                   "--junit-report", str(report), "--port", str(self.port)]
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

    def test_the_host_passes_every_case_but_what_is_listed(self):
        failed = self.failures()
        self.assertEqual({name: failed[name] for name in failed if name not in KNOWN}, {})
        self.assertEqual(KNOWN - failed.keys(), set(), "these pass now")

    def test_what_is_no_preface_is_refused_and_the_connection_ends(self):
        self.assertEqual(self.answers(b"INVALID CONNECTION PREFACE\r\n\r\n"), [400])
        with connect(self.port, timeout=5) as connection:
            connection.sendall(b"INVALID CONNECTION PREFACE\r\n\r\n")
            # Its end, not the five seconds'.
            self.assertTrue(until("it ends", lambda: connection.recv(1 << 16) == b"", most=5))
