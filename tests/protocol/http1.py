"""HTTP/1.1 that is malformed, oversized or meant to be read in two ways, to a host and through nginx."""

from wire import Abuse, connect, exchange, rest, statuses

# What a smuggled request would be answered: a path that only it asks for.
HIDDEN = b"GET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


def post(*headers, body=b"", path=b"/echo/front", version=b"1.1"):
    lines = [b"POST " + path + b" HTTP/" + version, b"Host: a", *headers, b"", b""]
    return b"\r\n".join(lines) + body


# Each is one request by one reading and two by another. A server that takes it must take it by the reading of RFC 9112
# (section 6.3), in which what is hidden is a body; none may be answered as two.
PAIRS = {
    "CL.TE": post(b"Content-Length: %d" % (5 + len(HIDDEN)), b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN),
    "TE.CL": post(b"Transfer-Encoding: chunked", b"Content-Length: 4",
                  body=b"%x\r\n" % len(HIDDEN) + HIDDEN + b"\r\n0\r\n\r\n"),
    "two lengths": post(b"Content-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a list of lengths": post(b"Content-Length: 0, %d" % len(HIDDEN), body=HIDDEN),
    "a signed length": post(b"Content-Length: +%d" % len(HIDDEN), body=HIDDEN),
    "a negative length": post(b"Content-Length: -1", body=HIDDEN),
    "a hexadecimal length": post(b"Content-Length: 0x%x" % len(HIDDEN), body=HIDDEN),
    "a length beyond 64 bits": post(b"Content-Length: 18446744073709551617", body=HIDDEN),
    "space before the colon": post(b"Transfer-Encoding : chunked", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a folded header": post(b"Transfer-Encoding:\r\n chunked", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a coding of another name": post(b"Transfer-Encoding: xchunked", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "chunked twice": post(b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity", body=b"0\r\n\r\n" + HIDDEN),
    "chunked is not the last": post(b"Transfer-Encoding: chunked, gzip", body=b"0\r\n\r\n" + HIDDEN),
    "chunked under HTTP/1.0": post(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n" + HIDDEN, version=b"1.0"),
    "a NUL in a header": post(b"X-A: b\0c", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a lone CR in a header": post(b"X-A: b\rContent-Length: 0", b"Content-Length: %d" % len(HIDDEN), body=HIDDEN),
    "a chunk size with a sign": post(b"Transfer-Encoding: chunked", body=b"+0\r\n\r\n" + HIDDEN),
    "a chunk size in 17 digits": post(b"Transfer-Encoding: chunked", body=b"10000000000000000\r\n" + HIDDEN),
    "a chunk that is longer than it says": post(b"Transfer-Encoding: chunked", body=b"1\r\nabc\r\n0\r\n\r\n" + HIDDEN),
    "a chunk size ended by a lone LF": post(b"Transfer-Encoding: chunked", body=b"1\nA\n0\n\n" + HIDDEN),
    "bare LF in the head, with a length": post(b"Content-Length: %d" % len(HIDDEN), body=HIDDEN).replace(b"\r\n", b"\n", 3),
}

MALFORMED = {
    "no host": b"GET /echo/ HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /echo/ HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "a space in the target": b"GET /echo/a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "a NUL in the target": b"GET /echo/\0 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a header without a colon": b"GET /echo/ HTTP/1.1\r\nHost: a\r\nbroken\r\n\r\n",
    "a header without a name": b"GET /echo/ HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
    "a version that is none": b"GET /echo/ HTTP/9.9\r\nHost: a\r\n\r\n",
    "no version": b"GET /echo/\r\n\r\n",
    "no method": b" /echo/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method of other bytes": b"G\xc3\x84T /echo/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "bytes of TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "a target that is no URI": b"GET http://[::1 HTTP/1.1\r\nHost: a\r\n\r\n",
}

OVERSIZED = {
    "a target of 100 kB": (b"GET /echo/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", {400, 414, 431}),
    "a header of 1 MB": (b"GET /echo/ HTTP/1.1\r\nHost: a\r\nX: " + b"a" * (1 << 20) + b"\r\n\r\n", {400, 431}),
    "5,000 headers": (b"GET /echo/ HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 5_000 + b"\r\n", {400, 431}),
    "a method of 1 MB": (b"G" * (1 << 20) + b" /echo/ HTTP/1.1\r\nHost: a\r\n\r\n", {400, 414, 431}),
    "a body over the bound": (post(b"Content-Length: 100000", body=bytes(100_000)), {413}),
    "a length of 2^63": (post(b"Content-Length: 9223372036854775807", body=b"x"), {400, 413}),
    "a chunk of 2^60": (post(b"Transfer-Encoding: chunked", body=b"1000000000000000\r\nx"), {400, 408, 413}),
    "a chunk extension of 1 MB": (post(b"Transfer-Encoding: chunked", body=b"1;" + b"e" * (1 << 20) + b"\r\nA\r\n0\r\n\r\n"), {400, 408, 413}),
    "trailers of 1 MB": (post(b"Transfer-Encoding: chunked", body=b"1\r\nA\r\n0\r\nT: " + b"t" * (1 << 20) + b"\r\n\r\n"), {200, 400, 408, 413, 431}),
}


class Direct(Abuse):
    def pair(self, name, sent, **where):
        answer = exchange(where.pop("port", self.port), sent, **where)
        self.assertNotIn(b"/echo/smuggled", answer, name)
        # A connection that ends without a word is an answer to what is no HTTP.
        self.assertLessEqual(len([status for status in statuses(answer) if status < 400]), 1, f"{name}: {answer[:300]}")
        return answer

    def test_no_request_is_read_as_two(self):
        for name, sent in PAIRS.items():
            with self.subTest(name):
                self.pair(name, sent)

    def test_a_request_with_two_lengths_or_codings_is_refused_and_its_connection_ends(self):
        for name in ("two lengths", "a list of lengths", "a signed length", "a length beyond 64 bits",
                     "a coding of another name", "chunked under HTTP/1.0", "space before the colon"):
            with self.subTest(name):
                self.assertEqual(self.answers(PAIRS[name] + HIDDEN), [400])
        for name in ("CL.TE", "TE.CL"):
            with self.subTest(name):
                # The coding rules, and the connection ends with the answer (RFC 9112, section 6.3).
                self.assertEqual(self.answers(PAIRS[name] + HIDDEN * 3), [200])

    def test_what_is_malformed_is_refused(self):
        for name, sent in MALFORMED.items():
            with self.subTest(name):
                self.assertIn(self.answers(sent + HIDDEN, timeout=1), ([400], [505], []), name)

    def test_what_is_oversized_is_refused_within_its_bound(self):
        for name, (sent, allowed) in OVERSIZED.items():
            with self.subTest(name):
                got = exchange(self.port, sent, timeout=12)
                self.assertLessEqual(len(statuses(got)), 1)
                # A client that still writes when it is refused may lose the answer to a reset, never get a good one.
                self.assertTrue(set(statuses(got)) <= allowed, f"{name}: {got[:200]}")

    def test_paths_are_asked_for_as_they_are_and_lead_nowhere_else(self):
        for path in (b"/echo/../health", b"/echo/%2e%2e/health", b"/echo/..%2fhealth", b"/echo/%00", b"/echo/%ff%fe",
                     b"/echo/%c0%ae%c0%ae/", b"/echo/%", b"/echo/%zz", b"/echo//", b"/echo/;x", b"/echo/\xff\xfe",
                     b"/echo/?a=%ff&b=%00&%=%", b"/echo/?" + b"a=1&" * 2_000):
            with self.subTest(path[:40]):
                answer = exchange(self.port, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                self.assertIn(statuses(answer), ([200], [400]), answer[:200])
                self.assertNotIn(b'"status":"ok"', answer)
        for path in (b"/..%2f..%2fetc/passwd", b"/../../etc/passwd", b"/%2e%2e/spin.toml", b"//etc/passwd", b"/./echo/x"):
            with self.subTest(path):
                answer = exchange(self.port, b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                self.assertEqual(statuses(answer), [404], answer[:200])

    def test_requests_in_one_packet_are_answered_in_order(self):
        many = b"".join(b"GET /echo/%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(200))
        last = b"GET /echo/last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
        answer = exchange(self.port, many + last, timeout=15)
        self.assertEqual(statuses(answer), [200] * 201)
        found = [answer.find(b"/echo/%d 0\n" % n) for n in range(200)]
        self.assertEqual(found, sorted(found))
        self.assertNotIn(-1, found)

    def test_a_client_that_expects_to_be_asked_is_asked_or_refused(self):
        with connect(self.port) as connection:
            connection.sendall(post(b"Expect: 100-continue", b"Content-Length: 3", b"Connection: close"))
            self.assertEqual(statuses(connection.recv(100)), [100])
            connection.sendall(b"abc")
            self.assertEqual(statuses(rest(connection)), [200])

    def test_header_injection_by_a_value_that_comes_back_is_impossible(self):
        answer = exchange(self.port, b"GET /echo/%0d%0aX-Evil:%201 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        head = answer.partition(b"\r\n\r\n")[0]
        self.assertNotIn(b"X-Evil", head)

    def test_endpoints_of_the_host_are_as_strict(self):
        for sent in (b"GET /health HTTP/1.1\r\n\r\n", b"GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"):
            self.assertEqual(self.answers(sent), [400])


class Behind(Abuse):
    """The same through nginx, where a pair would poison the connection that other clients' requests share."""

    BEHIND = True

    def test_no_pair_reaches_the_next_client(self):
        for name, sent in PAIRS.items():
            with self.subTest(name):
                # Where nginx reads two requests it sends on two; a third that only the host reads would go astray.
                exchange(self.tls, sent, tls=True)
                for _ in range(3):
                    again = exchange(self.tls, b"GET /echo/victim HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", tls=True)
                    self.assertEqual(statuses(again), [200], again[:200])
                    self.assertIn(b"/echo/victim", again)

    def test_what_is_malformed_or_oversized_is_refused(self):
        for name, sent in {**MALFORMED, **{name: sent for name, (sent, _) in OVERSIZED.items()}}.items():
            # These nginx mends or drops, and the host never sees them.
            if name in ("trailers of 1 MB", "a header without a colon", "a chunk extension of 1 MB"):
                continue
            with self.subTest(name):
                got = statuses(exchange(self.tls, sent, tls=True, timeout=2))
                self.assertTrue(set(got) <= {400, 408, 413, 414, 431, 505}, f"{name}: {got}")

    def test_traversal_does_not_reach_what_nginx_keeps_from_the_world(self):
        for path in ("/metrics", "/echo/../metrics", "/echo/%2e%2e/metrics", "//metrics", "/./metrics", "/%6detrics",
                     "/api/admin/cache/flush", "/api//admin/cache/flush", "/api/x/../admin/cache/flush", "/api/%61dmin/x"):
            with self.subTest(path):
                answer = exchange(self.tls, f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), tls=True)
                self.assertNotIn(b"trm_connections", answer)
                self.assertNotEqual(statuses(answer), [200], path)
