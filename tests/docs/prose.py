#!/usr/bin/env python3
"""Measures words, sentences and paragraphs of the documents, and holds them to limits.   tests/docs/prose.py [file …]"""
import dataclasses
import pathlib
import statistics
import sys

import markdown

ROOT = pathlib.Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Limits:
    """What a document may measure."""
    median_sentence: int = 20
    longest_sentence: int = 40
    longest_paragraph: int = 90
    words: int = 3000


STRICT = {"median_sentence": 18, "longest_sentence": 35, "longest_paragraph": 60}
LIMITS = {
    "README.md": Limits(**STRICT),
    "ARCHITECTURE.md": Limits(**STRICT, words=1800),
    "SECURITY.md": Limits(**STRICT),
    "CONTRIBUTING.md": Limits(**STRICT),
    "host/docs/README.md": Limits(**STRICT),
    "host/docs/glossary.md": Limits(**STRICT),
    "host/docs/reference.md": Limits(**STRICT),
    "functions/README.md": Limits(),
    "deploy/README.md": Limits(),
    "shared/platform/README.md": Limits(),
}
# A decision is one page.
DECISION = Limits(words=600)


@dataclasses.dataclass(frozen=True)
class Measured:
    """A document's figures. The median is of paragraphs alone; cells of tables count for the longest sentence."""
    words: int
    sentences: int
    median_sentence: float
    longest_sentence: int
    longest_paragraph: int
    longest: str


def measure(text):
    """The figures of a text."""
    paragraphs = markdown.paragraphs(text)
    prose = [sentence for paragraph in paragraphs for sentence in markdown.sentences(paragraph)]
    cells = [cell for table in markdown.tables(text) for row in table for cell in row]
    all_sentences = prose + [sentence for cell in cells for sentence in markdown.sentences(cell)]
    longest = max(all_sentences, key=lambda sentence: len(markdown.words(sentence)), default="")
    lengths = [len(markdown.words(sentence)) for sentence in prose]
    return Measured(
        words=sum(lengths) + sum(len(markdown.words(cell)) for cell in cells),
        sentences=len(prose),
        median_sentence=statistics.median(lengths) if lengths else 0,
        longest_sentence=len(markdown.words(longest)),
        longest_paragraph=max((len(markdown.words(paragraph)) for paragraph in paragraphs), default=0),
        longest=longest,
    )


def excesses(measured, limits):
    """Each limit that is exceeded, as text."""
    found = []
    for field in dataclasses.fields(limits):
        value, limit = getattr(measured, field.name), getattr(limits, field.name)
        if value > limit:
            shown = f": {measured.longest}" if field.name == "longest_sentence" else ""
            found.append(f"{field.name.replace('_', ' ')} is {value:g}, the limit is {limit}{shown}")
    return found


def documents():
    """Every document with limits, by its path."""
    decisions = sorted((ROOT / "host/docs/decisions").glob("[0-9]*.md"))
    return LIMITS | {str(path.relative_to(ROOT)): DECISION for path in decisions}


def main(asked):
    """Prints a row for each document; the exit status says whether all are within their limits."""
    known, failed = documents(), False
    print(f"{'document':<52} {'words':>6} {'sentences':>9} {'median':>6} {'longest':>7} {'paragraph':>9}")
    for name in asked or known:
        measured = measure((ROOT / name).read_text())
        print(f"{name:<52} {measured.words:>6} {measured.sentences:>9} {measured.median_sentence:>6g} "
              f"{measured.longest_sentence:>7} {measured.longest_paragraph:>9}")
        for excess in excesses(measured, known.get(name, Limits())):
            failed = True
            print(f"  {excess}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
