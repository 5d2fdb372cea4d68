#!/usr/bin/env python3
"""Tests of the documents: prose within its limits, links that lead somewhere, tables that agree with the code."""
import pathlib
import posixpath
import re
import sys
import unittest

import facts
import markdown
import prose
import sizes

ROOT = pathlib.Path(__file__).resolve().parents[2]
unittest.TestCase.maxDiff = None
# Read from the environment, but not settings of the host: cargo's own, a mark of the tests, a secret that is only redacted.
NOT_SETTINGS = re.compile(r"CARGO_\w+|TRM_BUILT|DD_API_KEY")


def texts():
    """Every document of the repository by its path; files that git ignores are none."""
    skipped = {"target", "node_modules", ".git", "corpus", "venv", "py"}
    paths = (path for path in ROOT.rglob("*.md") if not skipped & set(path.relative_to(ROOT).parts))
    return {str(path.relative_to(ROOT)): path.read_text() for path in paths}


def table(path, head):
    """The rows of the document's table with this head."""
    found = [rows[1:] for rows in markdown.tables(facts.read(path)) if rows[0] == head]
    assert len(found) == 1, f"{path} has {len(found)} tables of {head}"
    return found[0]


def code(cell):
    """The first text in back-ticks of a cell."""
    return re.search(r"`([^`]+)`", cell)[1]


def broken_links(documents, exists):
    """Each link that leads to no file, or to no heading of a document."""
    found = []
    for name, text in documents.items():
        for link in markdown.links(text):
            if re.match(r"[a-z]+:", link):
                continue
            path, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
            if not exists(target):
                found.append(f"{name}: {link}")
            elif anchor and target in documents and anchor not in markdown.anchors(documents[target]):
                found.append(f"{name}: {link} has no such heading")
    return found


class Prose(unittest.TestCase):
    def test_every_document_is_within_its_limits(self):
        for name, limits in prose.documents().items():
            with self.subTest(name):
                self.assertEqual(prose.excesses(prose.measure(facts.read(name)), limits), [])

    def test_sentences_and_paragraphs_are_measured(self):
        text = "# Head\n\nOne `a.b` two. [Three](x.md) four five.\nSix\n\n- Seven eight, e.g. nine.\n\n```\nnot this one.\n```\n\n| a | b c d e f g |\n|---|---|\n"
        measured = prose.measure(text)
        self.assertEqual((measured.sentences, measured.median_sentence, measured.longest_paragraph), (4, 3, 7))
        self.assertEqual((measured.longest_sentence, measured.words), (6, 18))
        self.assertEqual(len(prose.excesses(measured, prose.Limits(2, 5, 6, 17))), 4)


class Links(unittest.TestCase):
    def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(self):
        self.assertEqual(broken_links(texts(), lambda path: (ROOT / path).exists()), [])

    def test_a_broken_link_is_found(self):
        documents = {"a/b.md": "[x](../c.md#no) [y](d.md) [z](#here) [w](https://example.org)\n\n# Here\n", "c.md": "# Yes\n"}
        found = broken_links(documents, lambda path: path in documents)
        self.assertEqual(found, ["a/b.md: ../c.md#no has no such heading", "a/b.md: d.md"])

    def test_every_decision_is_in_the_index(self):
        folder = ROOT / "host/docs/decisions"
        linked = markdown.links((folder / "README.md").read_text())
        self.assertEqual(sorted(linked), sorted(path.name for path in folder.glob("[0-9]*.md")))

    def test_every_decision_has_its_sections(self):
        expected = ["context", "decision", "alternatives", "measurements", "code-and-tests"]
        for path in (ROOT / "host/docs/decisions").glob("[0-9]*.md"):
            with self.subTest(path.name):
                self.assertEqual(markdown.anchors(path.read_text())[1:], expected)
                self.assertTrue(path.read_text().startswith(f"# {path.name[:3]}. "))


class Readme(unittest.TestCase):
    def test_it_lists_every_command_and_no_other(self):
        listed = [code(row[0]) for row in table("README.md", ["Command", "What it does"])]
        self.assertEqual(sorted(listed), sorted(f"trm {name}" for name in facts.commands()))

    def test_it_lists_every_variable_and_no_other(self):
        listed = {code(row[0]) for row in table("README.md", ["Variable", "Default", "Meaning"])}
        known = {name for name in facts.variables() if not NOT_SETTINGS.fullmatch(name)}
        self.assertEqual(listed - {"SPIN_VARIABLE_<NAME>"}, known)

    def test_its_defaults_are_those_of_the_code(self):
        listed = {code(name): default.split(" ")[0] for name, default, _ in table("README.md", ["Variable", "Default", "Meaning"])}
        known = facts.defaults()
        self.assertGreater(len(known), 25)
        self.assertEqual({name: listed[name] for name in known}, known)


class Architecture(unittest.TestCase):
    def test_every_crate_has_an_entry_with_one_invariant(self):
        parts = re.split(r"^### \[([\w/-]+)\].*$", facts.read("ARCHITECTURE.md"), flags=re.M)[1:]
        entries = dict(zip(parts[::2], parts[1::2]))
        self.assertEqual(sorted(entries), sorted(facts.dependencies()))
        for name, text in entries.items():
            self.assertEqual(text.count("**Invariant:**"), 1, name)

    def test_no_crate_depends_on_what_it_must_not(self):
        parts = re.split(r"^### \[([\w/-]+)\].*$", facts.read("ARCHITECTURE.md"), flags=re.M)[1:]
        known, seen = facts.dependencies(), 0
        for name, text in zip(parts[::2], parts[1::2]):
            for line in re.findall(r"^\*\*Must not depend on:\*\* (.*)$", text, re.M):
                forbidden = set(re.findall(r"`([^`]+)`", line))
                self.assertEqual(forbidden & known[name], set(), name)
                seen += len(forbidden)
        self.assertGreater(seen, 30)
        self.assertIn("wasmtime", known["host/server"])

    def test_no_crate_depends_on_the_command_line(self):
        self.assertEqual([name for name, all_of in facts.dependencies().items() if "trm-cli" in all_of], [])


class Security(unittest.TestCase):
    def test_every_threat_has_its_weakness_a_mitigation_and_a_test(self):
        tables = [rows for rows in markdown.tables(facts.read("SECURITY.md")) if rows[0] == ["Threat", "Mitigation", "Test"]]
        self.assertEqual(len(tables), 3)
        for row in (row for rows in tables for row in rows[1:]):
            self.assertRegex(row[0], r"\(CWE-\d+(, CWE-\d+)*\)$")
            self.assertTrue(row[1], row)
            self.assertRegex(row[2], r"^`\w+`(, `\w+`)*$")

    def test_the_terms_of_the_field_are_found(self):
        text = facts.read("SECURITY.md").lower()
        for term in ["ssrf", "dns rebinding", "request smuggling", "slowloris", "rapid reset", "nosql injection", "mass assignment",
                     "user enumeration", "cache poisoning", "sandbox escape", "noisy neighbour", "csrf", "timing", "path traversal",
                     "denial of service", "brute force", "sql injection", "load shedding", "residual risk"]:
            self.assertIn(term, text)


class Reference(unittest.TestCase):
    PATH = "host/docs/reference.md"

    def test_the_settings_of_a_block_are_those_of_the_code(self):
        rows = table(self.PATH, ["Setting", "Default", "Range"])
        listed = {code(name): (facts.quantity(default), *map(facts.quantity, bounds.split(" to "))) for name, default, bounds in rows}
        self.assertEqual(listed, facts.settings())

    def test_the_fixed_limits_are_those_of_the_code(self):
        rows = table(self.PATH, ["What", "Limit", "In the code"])
        self.assertGreater(len(rows), 40)
        for what, limit, place in rows:
            with self.subTest(what):
                name, link = re.fullmatch(r"\[`(\w+)`\]\((.+)\)", place).groups()
                path = posixpath.normpath(posixpath.join(posixpath.dirname(self.PATH), link))
                self.assertEqual(facts.quantity(limit), facts.constant(path, name))

    def test_the_hosts_errors_are_those_of_the_code(self):
        rows = table(self.PATH, ["Error", "Status", "Reason"])
        self.assertEqual({code(name): int(status) for name, status, _ in rows}, facts.host_errors())

    def test_the_capabilities_errors_are_those_of_the_code(self):
        rows = table(self.PATH, ["Interface", "Error", "Status"])
        self.assertEqual({(one, error.replace("`", ""), int(status)) for one, error, status in rows}, facts.capability_errors())

    def test_the_constructors_of_problems_are_those_of_the_code(self):
        rows = table(self.PATH, ["Constructor of `Problem`", "Status", "Use"])
        self.assertEqual({code(name): int(status) for name, status, _ in rows}, facts.constructors())

    def test_the_sizes_are_of_the_measured_functions(self):
        measured = {path.stem for path in (ROOT / "tests/docs/sizes/examples").glob("*.rs")}
        self.assertEqual(set(sizes.table(facts.read(self.PATH))), measured)

    def test_a_size_that_has_grown_is_found(self):
        self.assertEqual(sizes.differences({"a": 109, "b": 5}, {"a": 100, "b": 14}), [])
        self.assertEqual(len(sizes.differences({"a": 121, "b": 5}, {"a": 100, "b": 16, "c": 1})), 3)


if __name__ == "__main__":
    result = unittest.TextTestRunner(verbosity=1).run(unittest.defaultTestLoader.loadTestsFromModule(sys.modules["__main__"]))
    bad = len(result.failures) + len(result.errors) + len(result.skipped)
    word = "ok" if result.wasSuccessful() and result.testsRun and not bad else "FAILED"
    print(f"test result: {word}. {max(0, result.testsRun - bad)} passed; {bad} failed; documents")
    sys.exit(word != "ok")
