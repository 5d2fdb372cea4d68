#!/usr/bin/env python3
"""Makes the mongod on a port of 127.0.0.1 a replica set of one node, and waits until it takes writes.

Speaks MongoDB's own protocol (OP_MSG), so that no shell of MongoDB is needed. Safe to repeat: a set that was
initiated already is only waited for.
"""
import socket
import struct
import sys
import time


def bson(value):
    body = b""
    for name, item in value.items():
        name = name.encode() + b"\0"
        if isinstance(item, str):
            text = item.encode() + b"\0"
            body += b"\x02" + name + struct.pack("<i", len(text)) + text
        elif isinstance(item, int):
            body += b"\x10" + name + struct.pack("<i", item)
        elif isinstance(item, list):
            body += b"\x04" + name + bson({str(at): each for at, each in enumerate(item)})
        else:
            body += b"\x03" + name + bson(item)
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def ask(port, command):
    message = struct.pack("<iB", 0, 0) + bson({**command, "$db": "admin"})
    with socket.create_connection(("127.0.0.1", port), timeout=10) as server:
        server.sendall(struct.pack("<iiii", len(message) + 16, 1, 0, 2013) + message)
        answer = b""
        while len(answer) < 4 or len(answer) < struct.unpack("<i", answer[:4])[0]:
            part = server.recv(65536)
            if not part:
                raise OSError("the server hung up")
            answer += part
    return answer


def main():
    port = int(sys.argv[1])
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    begun = ask(port, {"replSetInitiate": {"_id": "rs0", "members": [member]}})
    if b"codeName" in begun and b"AlreadyInitialized" not in begun:
        sys.exit(f"replica_set.py: {begun!r}")
    end = time.monotonic() + 30
    # A boolean true of this name is one byte of 1 after it.
    while b"isWritablePrimary\0\x01" not in ask(port, {"hello": 1}):
        if time.monotonic() > end:
            sys.exit(f"replica_set.py: the mongod on port {port} is no primary after 30 s")
        time.sleep(0.05)


main()
