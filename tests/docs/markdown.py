"""Reads Markdown files: paragraphs, sentences, words, tables, headings and links. Judges nothing."""
import re

FENCE = re.compile(r"^```.*?^```\s*$", re.M | re.S)
LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^)\s]+)\)")
# A point in a file's name, a version or an abbreviation does not end a sentence.
END = re.compile(r"(?<=[.!?])[)\"”*]*\s+(?=[A-Z`\[\"“(*/0-9])")
ABBREVIATIONS = re.compile(r"\b(e\.g|i\.e|etc|vs|cf)\.\s")


def without_code(text):
    """The text without code blocks and comments."""
    return re.sub(r"<!--.*?-->", "", FENCE.sub("", text), flags=re.S)


def plain(text):
    """A text as a reader sees it: a link is its label, and code in back-ticks is one word. Both may begin a sentence."""
    text = re.sub(r"\[([^\[\]]*)\]\([^)]*\)", lambda link: link[1][:1].upper() + link[1][1:], text)
    text = re.sub(r"`[^`]*`", "Code", text)
    return re.sub(r"[*_]{1,2}(\S(?:.*?\S)?)[*_]{1,2}", r"\1", text)


def words(text):
    """The words of a text; what holds neither a letter nor a digit is none."""
    return [word for word in plain(text).split() if re.search(r"\w", word)]


def sentences(text):
    """The sentences of a paragraph."""
    text = ABBREVIATIONS.sub(r"\1 ", plain(" ".join(text.split())))
    return [part for part in END.split(text) if re.search(r"\w", part)]


def paragraphs(text):
    """The paragraphs, and each item of a list; without headings, tables and code."""
    found, current = [], []

    def finish():
        if current:
            found.append(" ".join(current))
            current.clear()

    for line in without_code(text).splitlines():
        bare = line.strip()
        if not bare or bare.startswith(("#", "|", ">")):
            finish()
        elif re.match(r"([-*]|\d+\.)\s", bare):
            finish()
            current.append(re.sub(r"^([-*]|\d+\.)\s+", "", bare))
        else:
            current.append(bare)
    finish()
    return found


def cells(row):
    """The cells of a table's row; a `|` in back-ticks or after a backslash separates none."""
    row = row.strip().strip("|")
    return [cell.strip() for cell in re.split(r"(?<!\\)\|(?=(?:[^`]*`[^`]*`)*[^`]*$)", row)]


def tables(text):
    """Each table as its rows of cells; the first row is its head."""
    found, current = [], []
    for line in without_code(text).splitlines() + [""]:
        if line.startswith("|"):
            current.append(line)
        elif current:
            found.append([cells(row) for row in current if not re.fullmatch(r"[|\s:-]+", row)])
            current = []
    return found


def anchors(text):
    """The anchors of the headings, as forges make them."""
    found = []
    for heading in re.findall(r"^#{1,6}\s+(.+?)\s*$", without_code(text), re.M):
        label = re.sub(r"\[([^\[\]]*)\]\([^)]*\)", r"\1", heading).lower()
        anchor = re.sub(r"[^\w\- ]", "", label).replace(" ", "-")
        found.append(f"{anchor}-{found.count(anchor)}" if anchor in found else anchor)
    return found


def links(text):
    """The targets of the links outside of code."""
    return LINK.findall(re.sub(r"`[^`]*`", "Code", without_code(text)))
