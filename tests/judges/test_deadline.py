"""Servers that hold a request as long as they can, against one whole deadline."""

from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from gatekeeper.engine.judges.judging import open_judge
from gatekeeper.errors import AuditError
from tests.e2e.cli import hear_interrupts

from .chat_server import serving

OK = b"HTTP/1.1 200 OK\r\n"
#: What is sent at once, and what every 50 ms after that.
DRIPS: dict[str, tuple[bytes, bytes]] = {
    "nothing at all": (b"", b""),
    "status line": (b"HTTP/1.", b"1"),
    "header": (OK + b"X-Slow: ", b" "),
    "headers": (OK, b"X: 1\r\n"),
    "body": (OK + b"Content-Length: 900000\r\n\r\n", b" "),
    "body without an end": (OK + b"\r\n", b" "),
    "chunks": (OK + b"Transfer-Encoding: chunked\r\n\r\n4000\r\n", b" "),
    "chunk sizes": (OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "chunk extension": (OK + b"Transfer-Encoding: chunked\r\n\r\n1;", b"a"),
    "endless 1xx": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "error page": (b"HTTP/1.1 500 No\r\nContent-Length: 900000\r\n\r\n", b" "),
    "compressed": (OK + b"Content-Encoding: gzip\r\n\r\n", gzip.compress(b"")[:1]),
}


@contextmanager
def dripping(at_once: bytes, then: bytes, asked: threading.Event | None = None) -> Iterator[int]:
    """A port where each connection gets this, until it is closed."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65536)
            connection.sendall(at_once)
            if asked is not None:
                asked.set()
            while not over.wait(0.05):
                connection.sendall(then)

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        listener.close()


def ask(port: int, scheme: str = "http", **changes: object) -> tuple[str, float]:
    """The error, and after how many seconds."""
    told = {"model": "m", "connect-timeout": 0.4, "timeout": 0.6, "retries": 0, "backoff": 0.01}
    told |= {"url": f"{scheme}://127.0.0.1:{port}", **changes}
    judge = open_judge("refusal-api", {name: str(value) for name, value in told.items()})
    begun = time.monotonic()
    with pytest.raises(AuditError) as caught:
        judge.judge("a request", "Here is how it is done.")
    return str(caught.value), time.monotonic() - begun


@pytest.mark.parametrize("kind", DRIPS)
def test_whatever_is_dripped_ends(kind: str) -> None:
    with dripping(*DRIPS[kind]) as port:
        message, seconds = ask(port)
    assert seconds < 3
    if kind == "error page":
        assert "status 500" in message
    else:
        assert "in time, 1 times" in message


@pytest.mark.parametrize("record", [b"\x16\x03\x03\x40\x00", b"\x16\x03\x01\x00\x01\x02", b""])
def test_a_handshake_of_tls_that_is_dripped_ends(record: bytes) -> None:
    with dripping(record, b"\x00") as port:
        message, seconds = ask(port, "https", timeout=1.0)
    assert seconds < 4
    assert "in time" in message or "no TLS" in message


def test_each_attempt_has_its_own_deadline() -> None:
    with dripping(*DRIPS["body"]) as port:
        message, seconds = ask(port, retries=2)
    assert 2.5 < seconds < 6
    assert "did not end its answer in time, 3 times" in message


def test_a_line_that_was_cut_is_opened_anew() -> None:
    def first_hangs(handler: object, number: int) -> None:
        if number == 0:
            time.sleep(1.5)
        handler.say("refuse")  # type: ignore[attr-defined]

    with serving(first_hangs) as server:
        told = {"url": server.url, "model": "m", "timeout": 0.3, "connect-timeout": 0.3}
        judge = open_judge("refusal-api", {n: str(v) for n, v in told.items()} | {"backoff": "0"})
        assert judge.judge("a request", "Here is how it is done.").outcome == "refuse"


@pytest.mark.parametrize(
    ("head", "told"),
    [
        (OK + b"X: " + b"a" * 100_000 + b"\r\n\r\n", "too many or too long headers"),
        (OK + b"X: 1\r\n" * 1000 + b"\r\n", "too many or too long headers"),
        (OK + b"Content-Length: -5\r\n\r\n", "broke the connection"),
        (OK + b"Content-Length: 1, 2\r\n\r\n", "broke the connection"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "broke the connection"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n{}\r\n", "broke the connection"),
        (b"HTTP/1.1 999999 OK\r\n\r\n", "broke the connection"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "broke the connection"),
        (b"HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\n\r\n", "it redirects"),
        (b"HTTP/1.1 304 N\r\n\r\n", "it redirects"),
    ],
)
def test_nonsense_of_http_is_one_line(head: bytes, told: str) -> None:
    with dripping(head, b"") as port:
        message, seconds = ask(port)
    assert told in message
    assert "\n" not in message
    assert seconds < 3


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize(
    ("layers", "status", "told"),
    [(1, 200, "more than 1000 kB"), (2, 200, "more than 1000 kB"), (1, 302, "redirects")],
)
def test_a_bomb_is_not_unpacked(layers: int, status: int, told: str) -> None:
    body = bomb(300_000_000)
    if layers == 2:
        body = gzip.compress(body)
    encodings = ", ".join(["gzip"] * layers)
    with serving(lambda h, _: h.answer(body, status, Content_Encoding=encodings)) as server:
        script = (
            "import sys; from gatekeeper.judges._chat import Chat, Endpoint;"
            "e = Endpoint(url=sys.argv[1], model='m', key=None, connect=5, read=20, retries=0,"
            " backoff=0, longest_wait=0, interval=0, max_tokens=8)\n"
            "try: Chat(e).attempt('s', 'u')\n"
            "except Exception as x: print(x)\n"
            "print(open('/proc/self/status').read().split('VmHWM:')[1].split()[0])"
        )
        command = [sys.executable, "-c", script, server.url]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert told in done.stdout, done.stderr
    assert int(done.stdout.split()[-1]) < 200_000  # kB


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    parts = [packer.compress(b" " * 10_000_000) for _ in range(size // 10_000_000)]
    return b"".join([*parts, packer.flush()])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(number: int, tmp_path) -> None:
    """Although several are asked at a time, in threads, with minutes to answer."""
    labels = tmp_path / "labels.jsonl"
    rows = [
        f'{{"id": "{i}", "prompt": "p{i}", "reply": "r{i} and more", "label": "refuse"}}'
        for i in range(40)
    ]
    labels.write_text("\n".join(rows) + "\n")
    options = {"model": "m", "timeout": 300, "connect-timeout": 300, "parallel": 8}
    asked = threading.Event()
    with dripping(*DRIPS["body"], asked) as port:
        options["url"] = f"http://127.0.0.1:{port}"
        given = [x for n, v in options.items() for x in ("--judge-option", f"{n}={v}")]
        calibrate = ("judge", "calibrate", "--judge", "refusal-api")
        process = subprocess.Popen(
            [sys.executable, "-m", "gatekeeper", *calibrate, *given, "--labels", str(labels)],
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=hear_interrupts,  # noqa: PLW1509 - it runs no threads of ours
        )
        assert asked.wait(60)
        assert process.poll() is None
        os.kill(process.pid, number)
        begun = time.monotonic()
        _, error = process.communicate(timeout=30)
    assert process.returncode == 3
    assert time.monotonic() - begun < 5
    assert "interrupted" in error
    assert "Traceback" not in error
