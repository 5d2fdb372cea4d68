"""Facts that the documents state, read from the code: variables, limits, errors, dependencies. Judges nothing."""
import pathlib
import re
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]

STATUS = {
    "BAD_REQUEST": 400, "UNAUTHORIZED": 401, "FORBIDDEN": 403, "NOT_FOUND": 404, "METHOD_NOT_ALLOWED": 405,
    "REQUEST_TIMEOUT": 408, "CONFLICT": 409, "PAYLOAD_TOO_LARGE": 413, "UNPROCESSABLE_ENTITY": 422,
    "TOO_MANY_REQUESTS": 429, "INTERNAL_SERVER_ERROR": 500, "NOT_IMPLEMENTED": 501, "BAD_GATEWAY": 502,
    "SERVICE_UNAVAILABLE": 503, "GATEWAY_TIMEOUT": 504, "INSUFFICIENT_STORAGE": 507,
}
UNITS = {"": 1, "bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "ms": 1, "s": 1000, "h": 3_600_000}


def read(path):
    """The text of a file of the repository."""
    return (ROOT / path).read_text()


def number(expression):
    """The value of a Rust constant: a number, a product, a shift, or a Duration in milliseconds."""
    duration = re.search(r"Duration::from_(secs|millis)\((.+)\)$", expression.strip())
    value = {"secs": 1000, "millis": 1}[duration[1]] if duration else 1
    shifted, _, by = (duration[2] if duration else expression).replace("_", "").partition("<<")
    for factor in shifted.split("*"):
        value *= int(float(factor))
    return value << int(by or 0)


def constant(path, name):
    """The value of a constant, or of a field of a default; in bytes where the name says KIB."""
    text = read(path)
    found = re.search(rf"\bconst {name}: [\w:]+ = ([^;]+);", text) or re.search(rf"\b{name}: (\d[^,\n]*),\n", text)
    if not found:
        raise LookupError(f"{path} has no {name}")
    return number(found[1]) * (1 << 10 if name.endswith("_KIB") else 1)


def quantity(text):
    """A documented quantity, such as `1,000`, `16 MiB` or `24 h`."""
    value, unit = re.fullmatch(r"([\d,]+)\s*(\w*)", text).groups()
    return int(value.replace(",", "")) * UNITS[unit]


def settings():
    """The settings of a manifest block with their defaults and ranges."""
    text = read("host/policy/src/manifest/block.rs")
    ranges = {name: (number(least), number(most)) for name, least, most
              in re.findall(r'\("(\w+)", \w+(?: as u64)?, ([\d_]+), ([\d_]+)\)', text)}
    return {name: (number(re.search(rf"\n\s+{name}: ([\d_]+),\n", text)[1]), *bounds) for name, bounds in ranges.items()}


def host_errors():
    """The statuses of the errors that the host answers with."""
    arms = re.findall(r"Self::(\w+)(?: \{ \.\. \})? => StatusCode::(\w+),", read("host/runtime/src/error.rs"))
    return {name: STATUS[status] for name, status in arms}


def constructors():
    """The statuses of the constructors of the SDK's problems."""
    text = read("shared/sdk/src/problem.rs").split("impl From<")[0]
    found = {}
    for name, body in re.findall(r"pub fn (\w+)\([^{]*?\) -> Self \{(.*?)\n    \}\n", text, re.S):
        status = re.search(r"StatusCode::(\w+)", body)
        through = re.search(r"Self::(\w+)\(", body)
        if status:
            found[name] = STATUS[status[1]]
        elif through and through[1] in found:
            found[name] = found[through[1]]
    return found


def capability_errors():
    """The statuses that the SDK gives the errors of capabilities: interface, error, status."""
    text, known = read("shared/sdk/src/problem.rs"), constructors()
    found = set()
    for interface, body in re.findall(r"impl From<crate::(\w+)::Error> for Problem \{(.*?)\n\}\n", text, re.S):
        arms = re.findall(r"\n            ([A-Z][\w: |(_)]*?|other)( if [^=]+)? => (.*?)(?=\n            (?:[A-Z]|other|//)|\n        \})", body, re.S)
        for pattern, guard, result in arms:
            status = re.search(r"StatusCode::(\w+)", result)
            status = STATUS[status[1]] if status else known[re.search(r"Self::(\w+)", result)[1]]
            names = re.findall(r"Error::(\w+)", pattern) or ["any other"]
            found |= {(interface, f"{name} for a cursor" if guard else name, status) for name in names}
        if not arms:
            found.add((interface, "any other", known[re.search(r"Self::(\w+)", body)[1]]))
    return found


def commands():
    """The commands of `trm` that its help lists."""
    (body,) = re.findall(r"enum Command \{(.*?)\n\}", read("host/cli/src/arguments.rs"), re.S)
    return {name.lower() for hidden, name in re.findall(r"(hide = true\)\]\n)?    ([A-Z]\w+)\(", body) if not hidden}


# Where the host reads its settings.
SETTINGS = ("host/server/src/config.rs", "host/server/src/env.rs")


def variables():
    """The names of all environment variables that the host reads, and those of the application."""
    shown = re.compile(r'"((?:[A-Z][A-Z0-9]*_)+[A-Z0-9]+|PORT)"')
    sources = [*(ROOT / path for path in SETTINGS), *(ROOT / "host/cli/src").rglob("*.rs")]
    names = {name for path in sources for name in shown.findall(path.read_text())}
    application = tomllib.loads(read("spin.toml"))["variables"]
    return names | {name.upper() for name in application}


def defaults():
    """The defaults of variables, as far as the configuration names one; the application's from the manifest."""
    text = "".join(map(read, SETTINGS))
    found = {name: value.replace("_", "") for name, value
             in re.findall(r'\(\s*"([A-Z][A-Z0-9_]+)",\s*"?([\w.]+)"?[,)]', text) if not value.startswith("default")}
    for name, declared in tomllib.loads(read("spin.toml"))["variables"].items():
        if re.fullmatch(r"\w+", declared.get("default", "")):
            found[name.upper()] = declared["default"]
    return found


def dependencies():
    """What each crate of host/ and shared/ depends on through all crates of the workspace, by its folder."""
    manifests = [*ROOT.glob("host/*/Cargo.toml"), *ROOT.glob("shared/*/Cargo.toml")]
    tables = {path.parent: tomllib.loads(path.read_text()) for path in manifests}
    direct = {table["package"]["name"]: set(table.get("dependencies", {})) for table in tables.values()}

    def closure(name, seen):
        for one in direct.get(name, ()):
            if one not in seen:
                seen.add(one)
                closure(one, seen)
        return seen

    return {str(folder.relative_to(ROOT)): closure(table["package"]["name"], set()) for folder, table in tables.items()}
