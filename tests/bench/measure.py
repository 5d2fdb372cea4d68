"""One measurement of one running subject; compares and writes nothing."""
import re
import socket
import statistics
import subprocess
import time

UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


def flat_out(url, paths, header, connections, seconds, folder):
    """Requests a second, closed loop; every answer must be a 200."""
    script = folder / "paths.lua"
    lines = ",".join(f'"{path}"' for path in paths)
    script.write_text(f'local paths = {{{lines}}}\nlocal n = 0\nrequest = function() n = n % #paths + 1\n'
                      'return wrk.format(nil, paths[n]) end\n')
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["-H", header] if header else []
    # One path needs no script, which would cost the generator more than the request.
    command += [f"{url}{paths[0]}"] if len(paths) == 1 else ["-s", str(script), url]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1))


def at_rate(url, path, header, rate, connections, seconds, folder):
    """The 50th and 99th percentile of the answer's time, in seconds, at a fixed rate; late requests wait in line."""
    log = folder / "h2load.tsv"
    log.unlink(missing_ok=True)
    each = max(1, round(rate / connections))
    command = ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", f"--rps={each}", f"--log-file={log}"]
    command += ["-H", header] if header else []
    subprocess.run([*command, f"{url}{path}"], check=True, capture_output=True)
    took = []
    for line in log.read_text().splitlines():
        _, status, micros = line.split("\t")
        assert status == "200", line
        took.append(int(micros) * 1e-6)
    took.sort()
    return took[len(took) // 2], took[int(len(took) * 0.99)]


def first_answer(subject, cluster, path):
    """Seconds from the start of the process to the first byte of its first answer, and to the open port."""
    from cluster import Process, free_port
    port = free_port()
    began = time.perf_counter()
    process = Process(cluster.folder, f"first-{subject.name}", subject.command, {**subject.env, "PORT": str(port)})
    try:
        while True:
            try:
                stream = socket.create_connection(("127.0.0.1", port), 10)
                break
            except OSError:
                assert process.child.poll() is None, process.said()[-2000:]
                assert time.perf_counter() - began < 30, process.said()[-2000:]
                time.sleep(0.0002)
        opened = time.perf_counter() - began
        with stream:
            stream.settimeout(30)
            stream.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".encode())
            answer = stream.recv(65536)
        took = time.perf_counter() - began
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        return took, opened
    finally:
        process.child.kill()
        process.child.wait()


def resident(process):
    """Bytes of memory that a process holds, and those of them that are its own."""
    status = open(f"/proc/{process.child.pid}/status").read()
    size = {key: int(value) * 1024 for key, value in re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", status)}
    return size["VmRSS"], size["RssAnon"]


def median(values):
    return statistics.median(values)
