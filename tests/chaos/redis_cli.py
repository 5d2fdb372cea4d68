"""One command to a Redis, by its own client; keeps no connection."""
import subprocess


def tell(port, *words):
    """What it answers, in lines; an error of Redis is one here."""
    command = ["redis-cli", "-e", "-p", *map(str, (port, *words))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=10)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout.split("\n")[:-1]
