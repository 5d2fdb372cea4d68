"""Pods' networks on this machine: a namespace and an address each, joined by a bridge, with a name server that knows them.

Touches no network that the machine had before; all of it ends with `close`.
"""
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import threading


def ip(*words):
    subprocess.run(["ip", *map(str, words)], check=True)


class Nodes:
    """One namespace for each name; inside of it `resolv.conf` leads to a server that answers for these names alone."""

    def __init__(self, *names):
        # Another run may have the number that this one would begin with.
        numbers = ((os.getpid() + more) % 250 for more in range(250))
        number = next(n for n in numbers if not pathlib.Path(f"/sys/class/net/trmn{n}").exists())
        # RFC 2544 keeps these addresses for tests: nothing on the Internet has them.
        base, self.stem = f"198.19.{number}.", f"trmn{number}"
        self.bridge, self.router = self.stem, base + "1"
        self.addresses = {name: f"{base}{at + 2}" for at, name in enumerate(names)}
        self.spaces = {name: f"{self.stem}-{at}" for at, name in enumerate(names)}
        ip("link", "add", self.bridge, "type", "bridge")
        ip("address", "add", f"{self.router}/24", "dev", self.bridge)
        ip("link", "set", self.bridge, "up")
        for at, name in enumerate(names):
            space, end = self.spaces[name], f"{self.stem}v{at}"
            ip("netns", "add", space)
            ip("link", "add", end, "type", "veth", "peer", "name", "eth0", "netns", space)
            ip("link", "set", end, "master", self.bridge)
            ip("link", "set", end, "up")
            for device in ("lo", "eth0"):
                ip("-n", space, "link", "set", device, "up")
            ip("-n", space, "address", "add", f"{self.addresses[name]}/24", "dev", "eth0")
            # `ip netns exec` lays what stands here over /etc.
            folder = pathlib.Path("/etc/netns") / space
            folder.mkdir(parents=True)
            (folder / "resolv.conf").write_text(f"nameserver {self.router}\n")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((self.router, 53))
        threading.Thread(target=self.names, daemon=True).start()

    def inside(self, name):
        """The words before a command that run it in a node's network."""
        return ["ip", "netns", "exec", self.spaces[name]]

    def names(self):
        """Answers A for the nodes; all else is not there."""
        while True:
            try:
                asked, client = self.socket.recvfrom(512)
            except OSError:
                return
            labels, at = [], 12
            while length := asked[at]:
                labels.append(asked[at + 1:at + 1 + length].decode())
                at += length + 1
            question, (kind,) = asked[12:at + 5], struct.unpack(">H", asked[at + 1:at + 3])
            address = self.addresses.get(".".join(labels))
            found = b"\xc0\x0c\0\1\0\1\0\0\0\1\0\4" + socket.inet_aton(address) if address and kind == 1 else b""
            flags = 0x8580 if address else 0x8583
            self.socket.sendto(asked[:2] + struct.pack(">HHHHH", flags, 1, bool(found), 0, 0) + question + found, client)

    def close(self):
        """The cables end with the namespaces."""
        self.socket.close()
        for space in self.spaces.values():
            subprocess.run(["ip", "netns", "del", space], check=False)
            shutil.rmtree(f"/etc/netns/{space}", ignore_errors=True)
        subprocess.run(["ip", "link", "del", self.bridge], check=False)
