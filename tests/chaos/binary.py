"""Changes a component where it lies, in WebAssembly's binary format, into what no compiler makes; runs none."""
# The first data of what Rust builds lies behind the stack: `i32.const 1048576`, and the same with a place that no memory has.
DATA, NOWHERE = b"\x00\x41\x80\x80\xc0\x00\x0b", b"\x00\x41\xff\xff\xff\x3f\x0b"
# Grows the table by 1,000 elements until that is refused: loop, ref.null, i32.const, table.grow, i32.const -1, i32.ne, br_if.
GROW = b"\x03\x40" b"\xd0\x70" b"\x41\xe8\x07" b"\xfc\x0f\x00" b"\x41\x7f" b"\x47" b"\x0d\x00" b"\x0b"
# Traps where the table has fewer than 1,000 elements then, or more than 100,000: table.size, i32.const, a comparison, if.
BOUNDED = (b"\xfc\x10\x00" b"\x41\xe8\x07" b"\x49" b"\x04\x40\x00\x0b"
           b"\xfc\x10\x00" b"\x41\xa0\x8d\x06" b"\x4b" b"\x04\x40\x00\x0b")
CUSTOM, MODULE, IMPORTS, TABLES, EXPORTS, CODE = 0, 1, 2, 4, 7, 10
FUNCTION = 0


def number(data, at):
    """An unsigned LEB128, and where it ends."""
    value = shift = 0
    while True:
        byte, at = data[at], at + 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


def written(value):
    """An unsigned LEB128."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def sized(data):
    return written(len(data)) + data


def sections(data):
    """The parts of a module or a component, behind its preamble of eight bytes."""
    at = 8
    while at < len(data):
        kind, (size, begin) = data[at], number(data, at + 1)
        yield kind, data[begin:begin + size]
        at = begin + size


def whole(preamble, parts):
    return preamble[:8] + b"".join(bytes([kind]) + sized(part) for kind, part in parts)


def tagged(component, tag):
    """The same component with another digest: a custom section more, which nobody reads."""
    return component + bytes([CUSTOM]) + sized(sized(b"version") + str(tag).encode())


def trapping(component):
    """Whole and well-typed, and every instance traps while it is made, for its data lies outside of its memory."""
    assert DATA in component, "it is not built as it was"
    return component.replace(DATA, NOWHERE, 1)


def growing(component, export):
    """The same, where a function that its largest module exports begins by growing the table for as long as that is allowed;
    it traps where nothing was, or where there was no end in sight."""
    parts = list(sections(component))
    at = max((len(part), at) for at, (kind, part) in enumerate(parts) if kind == MODULE)[1]
    module = dict(sections(parts[at][1]))
    changed = {TABLES: growable(module[TABLES]),
               CODE: prefixed(module[CODE], exported(module[EXPORTS], export) - imported(module[IMPORTS]), GROW + BOUNDED)}
    parts[at] = MODULE, whole(parts[at][1], [(kind, changed.get(kind, part) if kind != CUSTOM else part)
                                             for kind, part in sections(parts[at][1])])
    return whole(component, parts)


def growable(tables):
    """One table of functions, without a most."""
    count, at = number(tables, 0)
    assert (count, tables[at]) == (1, 0x70), "it has one table, of functions"
    least, _ = number(tables, at + 2)
    return b"\x01\x70\x00" + written(least)


def imported(imports):
    """How many functions are imported."""
    count, at = number(imports, 0)
    functions = 0
    for _ in range(count):
        for _ in ("module", "name"):
            size, at = number(imports, at)
            at += size
        assert imports[at] == FUNCTION, "only functions are imported"
        functions += 1
        _, at = number(imports, at + 1)
    return functions


def exported(exports, wanted):
    """The index of the function whose exported name ends so."""
    count, at = number(exports, 0)
    for _ in range(count):
        size, at = number(exports, at)
        name, kind = exports[at:at + size].decode(), exports[at + size]
        index, at = number(exports, at + size + 1)
        if kind == FUNCTION and name.endswith(wanted):
            return index
    raise AssertionError(f"no function {wanted} is exported")


def prefixed(code, which, instructions):
    """The bodies, of which one begins with other instructions."""
    count, at = number(code, 0)
    bodies = []
    for place in range(count):
        size, begin = number(code, at)
        body, at = code[begin:begin + size], begin + size
        if place == which:
            groups, behind = number(body, 0)
            for _ in range(groups):
                _, behind = number(body, behind)
                behind += 1
            body = body[:behind] + instructions + body[behind:]
        bodies.append(sized(body))
    return written(count) + b"".join(bodies)
