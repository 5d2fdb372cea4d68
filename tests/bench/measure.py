"""One measurement of one running subject; compares and writes nothing."""
import re
import signal
import socket
import statistics
import subprocess
import time

from subjects import free_port, get


def flat_out(url, work, connections, seconds, folder):
    """Requests a second and how many were answered, closed loop; every answer must be a success."""
    lines = []
    if work.body:
        lines += ['wrk.method = "POST"', f"wrk.body = [==[{work.body}]==]", 'wrk.headers["content-type"] = "application/json"']
    # One path needs no function, which would cost the generator more than the request.
    if len(work.paths) > 1:
        paths = ",".join(f'"{path}"' for path in work.paths)
        lines += [f"local paths = {{{paths}}}", "local n = 0",
                  "request = function() n = n % #paths + 1 return wrk.format(nil, paths[n]) end"]
    script = folder / "work.lua"
    script.write_text("\n".join(lines) + "\n")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *_headers(work), "-s", str(script), f"{url}{work.paths[0]}"]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "Non-2xx" not in said and "Socket errors" not in said, said
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), int(re.search(r"(\d+) requests in", said).group(1))


def at_rate(url, work, rate, connections, seconds, folder):
    """Percentiles of the answer's time, in seconds, at a fixed rate; late requests wait in line."""
    log, paths, body = folder / "h2load.tsv", folder / "h2load.paths", folder / "h2load.body"
    log.unlink(missing_ok=True)
    paths.write_text("".join(f"{url}{path}\n" for path in work.paths))
    each = max(1, round(rate / connections))
    command = ["h2load", "--h1", "-t1", f"-c{connections}", f"-D{seconds}", f"--rps={each}", f"--log-file={log}", "-i", paths]
    if work.body:
        body.write_text(work.body)
        command += ["-d", body, "-H", "content-type: application/json"]
    subprocess.run([*command, *_headers(work)], check=True, capture_output=True)
    took = []
    for line in log.read_text().splitlines():
        _, status, micros = line.split("\t")
        assert status == str(work.status), line
        took.append(int(micros) * 1e-6)
    took.sort()
    at = {name: took[int(len(took) * share)] for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))}
    return {"rate": each * connections, "samples": len(took), **at}


def _headers(work):
    return [part for name, value in work.headers.items() for part in ("-H", f"{name}: {value}")]


def first_answer(subject, cluster, path):
    """Seconds from the start of the process to its open port, to the first byte of its first answer and, where it
    tells it, to ready with all functions."""
    port = free_port()
    process = cluster.run(f"first-{subject.name}", subject.words(port), {**subject.env, "PORT": str(port)})
    try:
        while True:
            try:
                stream = socket.create_connection(("127.0.0.1", port), 10)
                break
            except OSError:
                assert time.monotonic() - process.began < 30, process.said()[-2000:]
                time.sleep(0.0002)
        told = {"port": time.monotonic() - process.began}
        with stream:
            stream.settimeout(30)
            stream.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".encode())
            answer = stream.recv(65536)
        told["answer"] = time.monotonic() - process.began
        assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
        if subject.tells_ready:
            while get(f"http://127.0.0.1:{port}/ready")[0] != 200:
                assert time.monotonic() - process.began < 30, process.said()[-2000:]
                time.sleep(0.001)
            told["ready"] = time.monotonic() - process.began
        return told
    finally:
        # A host would let its clients go first; `spin up` has a child of its own, which ends only where it is asked to end itself.
        process.stop(signal.SIGKILL if subject.tells_ready else signal.SIGTERM)


def resident(process):
    """Bytes of memory that a process holds, and those of them that are its own."""
    status = open(f"/proc/{process.pid}/status").read()
    size = {key: int(value) * 1024 for key, value in re.findall(r"(VmRSS|RssAnon):\s+(\d+) kB", status)}
    return size["VmRSS"], size["RssAnon"]


def median(values):
    return statistics.median(values)
