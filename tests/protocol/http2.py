"""HTTP/2 with prior knowledge, abused: resets, CONTINUATION, HPACK, windows, streams, frames that must not be."""
import contextlib
import struct
import time

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from hpack import Decoder, Encoder

from cluster import until
from wire import Abuse, connect

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, END_HEADERS = 1, 4
GET = [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", "/echo/h2")]


def frame(kind, flags, stream, payload=b"", length=None):
    length = len(payload) if length is None else length
    return struct.pack(">I", length)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def headers(stream, block, flags=END_STREAM | END_HEADERS):
    return frame(HEADERS, flags, stream, block)


def block(fields=GET, **options):
    return Encoder().encode(fields, **options)


class Raw:
    """A connection on which frames are written as they are given, and read until the host says goodbye."""

    def __init__(self, port, settings=b""):
        self.connection = connect(port, timeout=10)
        self.send(PREFACE + frame(SETTINGS, 0, 0, settings) + frame(SETTINGS, 1, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def send(self, sent):
        """Whether it could be sent: an abuser may have been shown the door."""
        try:
            self.connection.sendall(sent)
        except OSError:
            return False
        return True

    def frames(self, most=10):
        """Each frame that comes: kind, stream, payload."""
        seen, end = b"", time.monotonic() + most
        while time.monotonic() < end:
            while len(seen) >= 9 and len(seen) >= 9 + int.from_bytes(seen[:3]):
                length = int.from_bytes(seen[:3])
                yield seen[3], int.from_bytes(seen[5:9]) & 0x7FFFFFFF, seen[9:9 + length]
                seen = seen[9 + length:]
            self.connection.settimeout(max(0.05, end - time.monotonic()))
            try:
                got = self.connection.recv(1 << 16)
            except OSError:
                return
            if not got:
                return
            seen += got

    def goodbye(self, most=10):
        """The error code of the host's GOAWAY, or "ended"."""
        for kind, _, payload in self.frames(most):
            if kind == GOAWAY:
                return int.from_bytes(payload[4:8])
        self.connection.settimeout(0.2)
        try:
            return "ended" if self.connection.recv(1) == b"" else "open"
        except TimeoutError:
            return "open"
        except OSError:
            return "ended"


class Client:
    """A well-behaved client by the kept library."""

    def __init__(self, port):
        self.socket = connect(port, timeout=20)
        self.h2 = H2Connection(H2Configuration(client_side=True))
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        self.socket.sendall(self.h2.data_to_send())

    def get(self, path="/echo/h2", count=1):
        """The statuses of so many requests at one time."""
        streams = {}
        for _ in range(count):
            stream = self.h2.get_next_available_stream_id()
            self.h2.send_headers(stream, [(":method", "GET"), (":scheme", "http"), (":authority", "a"), (":path", path)],
                                 end_stream=True)
            streams[stream] = None
        self.flush()
        open_streams = set(streams)
        while open_streams:
            got = self.socket.recv(1 << 16)
            assert got, "the connection ended"
            for event in self.h2.receive_data(got):
                if isinstance(event, ResponseReceived):
                    streams[event.stream_id] = int(dict(event.headers)[b":status"])
                elif isinstance(event, DataReceived):
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, (StreamEnded, StreamReset)):
                    open_streams.discard(event.stream_id)
                elif isinstance(event, ConnectionTerminated):
                    raise AssertionError(f"goodbye: {event.error_code}")
            self.flush()
        return list(streams.values())


class Http2(Abuse):
    GUESTS = {**Abuse.GUESTS, "echo": "max_body_kb = 64\ntimeout_ms = 3000\nconcurrency = 128"}

    def test_a_good_client_is_served_up_to_its_streams(self):
        client = Client(self.port)
        self.assertEqual(client.get(), [200])
        self.assertEqual(client.get(count=90), [200] * 90)
        self.assertEqual(client.h2.remote_settings.max_concurrent_streams, 200)
        self.assertLessEqual(client.h2.remote_settings[SettingCodes.MAX_HEADER_LIST_SIZE], 1 << 16)
        client.socket.close()

    def test_rapid_reset_is_ended_and_starts_no_flood_of_work(self):
        good = Client(self.port)
        for path in ("/echo/reset", "/sleepy/"):
            request = block(GET[:3] + [(":path", path)])
            with Raw(self.port) as raw:
                sent = 0
                for stream in range(1, 200_001, 2):
                    if not raw.send(headers(stream, request) + frame(RST, 0, stream, struct.pack(">I", 8))):
                        break
                    sent += 1
                    if sent % 5_000 == 0:
                        self.assertEqual(good.get(), [200])
                answer = raw.goodbye()
            self.assertIn(answer, (ErrorCodes.ENHANCE_YOUR_CALM, "ended"), path)
            self.assertLess(sent, 100_000, "nothing ended it")
        good.socket.close()

    def test_a_flood_of_continuation_is_ended(self):
        with Raw(self.port) as raw:
            raw.send(frame(HEADERS, END_STREAM, 1, block()))
            sent = 0
            filler = Encoder().encode([("x", "y" * 100)], huffman=False)
            while sent < 50_000 and raw.send(frame(CONTINUATION, 0, 1, filler)):
                sent += 1
            self.assertLess(sent, 50_000)
            self.assertIn(raw.goodbye(), (ErrorCodes.ENHANCE_YOUR_CALM, ErrorCodes.PROTOCOL_ERROR,
                                          ErrorCodes.COMPRESSION_ERROR, "ended"))
        with Raw(self.port) as raw:
            raw.send(frame(HEADERS, END_STREAM, 1, block()))
            sent = 0
            while sent < 200_000 and raw.send(frame(CONTINUATION, 0, 1)):
                sent += 1
            self.assertLess(sent, 200_000, "empty ones")

    def test_a_bomb_of_hpack_is_refused(self):
        # A header of 4,000 bytes is put in the table once and then named by one byte a time.
        big = Encoder().encode([("bomb", "b" * 3_900)], huffman=False)
        named = bytes([0x80 | 62])
        with Raw(self.port) as raw:
            raw.send(headers(1, block()[:0] + Encoder().encode(GET) + big))
            for stream in range(3, 101, 2):
                raw.send(headers(stream, Encoder().encode(GET)[:0] + bytes([0x82, 0x86, 0x84]) + named * 12_000))
            answers = [(kind, stream) for kind, stream, _ in raw.frames(4)]
            refused = {stream for kind, stream in answers if kind in (RST, HEADERS)}
            self.assertTrue(len(refused) > 5 or GOAWAY in {kind for kind, _ in answers}, answers)
        with Raw(self.port) as raw:
            raw.send(headers(1, b"\x3f\xff\xff\xff\xff\xff\xff\xff\x7f" + block()))
            self.assertIn(raw.goodbye(), (ErrorCodes.COMPRESSION_ERROR, ErrorCodes.PROTOCOL_ERROR, "ended"), "a table of 2^50 bytes")
        with Raw(self.port) as raw:
            raw.send(headers(1, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"))
            self.assertIn(raw.goodbye(), (ErrorCodes.COMPRESSION_ERROR, ErrorCodes.PROTOCOL_ERROR, "ended"), "an index without end")

    def test_headers_over_the_bound_are_431_or_reset(self):
        with Raw(self.port) as raw:
            large = Encoder().encode(GET + [(f"x-{n}", "v" * 1_000) for n in range(100)], huffman=False)
            parts = [large[at:at + 16_000] for at in range(0, len(large), 16_000)]
            raw.send(frame(HEADERS, END_STREAM, 1, parts[0]))
            for number, part in enumerate(parts[1:], 2):
                raw.send(frame(CONTINUATION, END_HEADERS if number == len(parts) else 0, 1, part))
            for kind, stream, payload in raw.frames(4):
                if stream == 1 and kind == HEADERS:
                    self.assertEqual(Decoder().decode(payload)[0], (":status", "431"))
                    break
                if kind in (RST, GOAWAY):
                    break
            else:
                self.fail("it was neither refused nor reset")

    def test_frames_that_must_not_be_end_the_connection(self):
        settings = frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 1 << 31))
        bad = {
            "DATA on stream 0": frame(DATA, 0, 0, b"x"),
            "DATA on an idle stream": frame(DATA, 0, 5, b"x"),
            "HEADERS on stream 0": headers(0, block()),
            "HEADERS on an even stream": headers(2, block()),
            "a stream that goes back": headers(5, block()) + headers(3, block()),
            "CONTINUATION without HEADERS": frame(CONTINUATION, END_HEADERS, 1, block()),
            "another frame between HEADERS and CONTINUATION": frame(HEADERS, 0, 1, block()) + frame(PING, 0, 0, bytes(8)),
            "SETTINGS on a stream": frame(SETTINGS, 0, 1),
            "SETTINGS of 5 bytes": frame(SETTINGS, 0, 0, bytes(5)),
            "a window of 2^31": settings,
            "PING of 7 bytes": frame(PING, 0, 0, bytes(7)),
            "PUSH_PROMISE by a client": frame(PUSH, END_HEADERS, 1, bytes(4) + block()),
            "WINDOW_UPDATE of zero": frame(WINDOW, 0, 0, bytes(4)),
            "windows beyond 2^31": frame(WINDOW, 0, 0, struct.pack(">I", (1 << 31) - 1)) * 2,
            "a frame of 16 MB": frame(DATA, 0, 1, b"", length=(1 << 24) - 1) + bytes(1 << 16),
            "RST_STREAM on an idle stream": frame(RST, 0, 7, bytes(4)),
            "RST_STREAM of 3 bytes": headers(1, block()) + frame(RST, 0, 1, bytes(3)),
            "padding longer than the frame": frame(HEADERS, END_HEADERS | END_STREAM | 8, 1, b"\xff" + block()),
        }
        for name, sent in bad.items():
            with self.subTest(name), Raw(self.port) as raw:
                raw.send(sent)
                code = raw.goodbye(3)
                self.assertNotIn(code, ("open", 0), name)

    def test_requests_that_are_malformed_are_never_served(self):
        bad = {
            "no path": GET[:3],
            "no method": GET[1:],
            "two paths": GET + [(":path", "/echo/other")],
            "a pseudo-header after the others": GET[:3] + [("x", "y"), (":path", "/echo/h2")],
            "an unknown pseudo-header": GET + [(":evil", "1")],
            "a name in capitals": GET + [("X-Capital", "1")],
            "Connection": GET + [("connection", "close")],
            "Transfer-Encoding": GET + [("transfer-encoding", "chunked")],
            "a line break in a value": GET + [("x", "a\r\nb: c")],
            "a length that is not the body's": GET + [("content-length", "7")],
        }
        for name, fields in bad.items():
            with self.subTest(name), Raw(self.port) as raw:
                raw.send(headers(1, block(fields)))
                served = [payload for kind, stream, payload in raw.frames(1) if (kind, stream) == (HEADERS, 1) and payload[:1] == b"\x88"]
                self.assertEqual(served, [], "it was served")

    def test_floods_of_small_frames_leave_others_alone(self):
        good = Client(self.port)
        floods = {
            "PING": frame(PING, 0, 0, bytes(8)),
            "SETTINGS": frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 65535)),
            "PRIORITY": frame(PRIORITY, 0, 1, bytes([0, 0, 0, 3, 1])),
            "WINDOW_UPDATE": frame(WINDOW, 0, 0, struct.pack(">I", 1)),
        }
        for name, one in floods.items():
            with self.subTest(name), Raw(self.port) as raw:
                raw.connection.settimeout(1)
                for _ in range(100):
                    if not raw.send(one * 1_000):
                        break
                self.assertEqual(good.get(), [200])
        with self.subTest("empty DATA"), Raw(self.port) as raw:
            raw.connection.settimeout(1)
            raw.send(frame(HEADERS, END_HEADERS, 1, block([(":method", "POST"), *GET[1:]])))
            for _ in range(100):
                if not raw.send(frame(DATA, 0, 1) * 1_000):
                    break
            self.assertEqual(good.get(), [200])
        good.socket.close()

    def test_a_client_with_a_window_of_nothing_holds_its_places_no_longer_than_the_deadline(self):
        good = Client(self.port)
        raws = [Raw(self.port, struct.pack(">HI", 4, 0)) for _ in range(20)]
        for raw in raws:
            for stream in range(1, 401, 2):
                raw.send(headers(stream, block()))
        # Meanwhile the function may be full, which another is not.
        self.assertEqual(good.get("/panic/"), [200])
        until("the places are free again", lambda: good.get() == [200], most=15)
        for raw in raws:
            raw.connection.close()
        good.socket.close()

    def test_more_streams_than_allowed_are_refused(self):
        with Raw(self.port) as raw:
            request = block(GET[:3] + [(":path", "/sleepy/")])
            for stream in range(1, 2 * 500, 2):
                raw.send(headers(stream, request))
            refused = 0
            with contextlib.suppress(OSError):
                for kind, _, payload in raw.frames(4):
                    refused += kind == RST and int.from_bytes(payload) == ErrorCodes.REFUSED_STREAM
            self.assertGreaterEqual(refused, 200)
