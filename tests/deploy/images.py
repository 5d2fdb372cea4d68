"""The image's recipe and the configurations of the programs around the host, as those programs read them."""
import grp
import os
import pathlib
import pwd
import tempfile
import unittest

from support import DEPLOY, one, run


def certificate(folder):
    """A key and a certificate for localhost. It is its own authority, but none for others: what an authority signs with must
    not be what a server shows."""
    folder = pathlib.Path(folder)
    config, key, chain = folder / "openssl.conf", folder / "privkey.pem", folder / "fullchain.pem"
    config.write_text("[req]\ndistinguished_name = name\n[name]\n")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
        "-config", config, "-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE",
        "-keyout", key, "-out", chain)
    return key, chain


def nginx(folder, servers, ports=(8080, 8443)):
    """deploy/nginx as it stands, in a folder of the test's own, before these servers and on these ports."""
    folder = pathlib.Path(folder)
    (folder / "certs").mkdir(exist_ok=True)
    certificate(folder / "certs")
    text = (DEPLOY / "nginx/nginx.conf").read_text()
    for old, new in (("listen 8080;", f"listen 127.0.0.1:{ports[0]};"),
                     ("listen 8443 ", f"listen 127.0.0.1:{ports[1]} "), ("/tmp/", f"{folder}/"),
                     ("/dev/stderr", f"{folder}/error.log")):
        assert old in text, f"nginx.conf holds no {old!r}"
        text = text.replace(old, new)
    # As root its workers would be nobody, who may not keep bodies in this folder or cannot reach it.
    user, group = pwd.getpwuid(os.getuid()).pw_name, grp.getgrgid(os.getgid()).gr_name
    (folder / "nginx.conf").write_text(f"user {user} {group};\n{text}")
    upstream(folder, servers)
    return folder / "nginx.conf"


def upstream(folder, servers):
    """Writes upstream.conf with these servers, each with the options that the file gives."""
    (line,) = [line for line in (DEPLOY / "nginx/upstream.conf").read_text().splitlines() if line.startswith("server")]
    lines = [line.replace("trm-app:3000", server) for server in servers]
    (pathlib.Path(folder) / "upstream.conf").write_text("\n".join(lines) + "\n")


class Images(unittest.TestCase):
    def test_the_dockerfile_has_no_fault(self):
        run("hadolint", DEPLOY / "docker/Dockerfile")

    def test_a_fault_in_a_dockerfile_is_found(self):
        self.assertIn("DL3002", run("hadolint", "-", input="FROM debian:12\nUSER root\n", ok=False))

    def test_the_final_image_is_made_of_nothing_and_runs_as_1001(self):
        final = (DEPLOY / "docker/Dockerfile").read_text().split("FROM scratch AS production")[1]
        self.assertIn("USER 1001:1001", final)
        self.assertNotIn("RUN ", final)
        self.assertNotIn("FROM ", final)

    def test_scripts_of_the_image_parse(self):
        for script in (DEPLOY / "docker").glob("*.sh"):
            run("sh", "-n", script)
            self.assertTrue(os.access(script, os.X_OK))


class Proxies(unittest.TestCase):
    def test_nginx_takes_its_configuration(self):
        with tempfile.TemporaryDirectory() as folder:
            run("nginx", "-t", "-e", f"{folder}/start.log", "-c", nginx(folder, ["127.0.0.1:1"]))

    def test_haproxy_takes_its_configuration(self):
        config = one("base", "ConfigMap", "redis-proxy")["data"]["haproxy.cfg"]
        with tempfile.NamedTemporaryFile("w", suffix=".cfg") as file:
            file.write(config)
            file.flush()
            run("haproxy", "-c", "-f", file.name, env={**os.environ, "REDIS_PASSWORD": "x"})
