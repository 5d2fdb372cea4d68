"""One command to a Redis, over a socket of its own; keeps no connection."""
import socket


def tell(port, *words):
    """The first line of the answer; an error is one."""
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        said = "".join(f"${len(word.encode())}\r\n{word}\r\n" for word in words)
        connection.sendall(f"*{len(words)}\r\n{said}".encode())
        line = connection.makefile().readline().strip()
    assert not line.startswith("-"), line
    return line
