"""Bodies that explode or trickle: refused at the limit, in bounded memory, while others are answered (R07)."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path

from benchmarks.harness import percentile
from tests.torture.clients import batch
from tests.torture.conftest import Site
from tests.torture.report import Torture
from tests.torture.server import EVENTS, HOST, Answer, Server, sent_headers

MB = 2**20
MOST_MEMORY_MB = 64
SLOW_CALLERS = 40


def bomb(inflated: int) -> bytes:
    """Return gzip of so many zero bytes, a thousandth as long, without making them: one block, many times over."""
    packer = zlib.compressobj(9, wbits=31)
    head = packer.compress(b"\0") + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MB)) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + block * (inflated // MB)


GOOD = gzip.compress(b"[]" + b" " * 1_000)
BOMBS = [
    ("1 GB in 1 MB", bomb(1024 * MB), (413, "body-too-large")),
    ("9 GB in 9 MB", bomb(9 * 1024 * MB), (413, "body-too-large")),
    ("a byte beyond the limit", gzip.compress(b" " * (10 * MB + 1)), (413, "body-too-large")),
    ("a bomb in a bomb", gzip.compress(bomb(1024 * MB)), (400, "not-utf-8")),
    ("four bombs in one another", gzip.compress(gzip.compress(gzip.compress(bomb(64 * MB)))), (400, "not-utf-8")),
    ("cut off", GOOD[:-9], (400, "bad-gzip")),
    ("of a wrong length", GOOD[:-4] + b"\xff\xff\xff\x7f", (400, "bad-gzip")),
    ("of a wrong checksum", GOOD[:-8] + bytes(8), (400, "bad-gzip")),
    ("with something behind", GOOD + b"more", (400, "bad-gzip")),
    ("two in a row", GOOD * 2, (400, "bad-gzip")),
    ("no gzip", b"[]", (400, "bad-gzip")),
]  # fmt: skip


def test_bombs_are_refused_in_bounded_memory_while_others_are_answered(site: Site, torture: Torture) -> None:
    server, rounds = site.server, torture.size(2, 50)
    warm_up(server)
    alone = Others(server, f"calm-{torture.seed}")
    with alone.posting():
        time.sleep(torture.size(1.0, 10.0))
    idle = {pid: memory(pid, "VmRSS") for pid in server.workers()}
    for pid in idle:
        Path(f"/proc/{pid}/clear_refs").write_text("5")

    beside = Others(server, f"bombed-{torture.seed}")
    with beside.posting():
        for name, body, refusal in BOMBS * rounds:
            answer = server.post(body, content_encoding="gzip")
            assert (answer.status, answer.said["code"]) == refusal, name

    assert server.workers() == list(idle)
    assert beside.failed == []
    peak = max(memory(pid, "VmHWM") - before for pid, before in idle.items())
    assert peak < MOST_MEMORY_MB
    waits = [percentile(others.waits, 0.99) * 1000 for others in (alone, beside)]
    torture.found(
        f"R07 gzip bombs of up to 1,000 : 1, {len(BOMBS) * rounds}",
        f"all refused; {peak:.0f} MB above idle; others' p99 {waits[0]:.0f} ms before, {waits[1]:.0f} ms during",
    )


def test_a_body_shorter_than_it_was_said_to_be_holds_nobody_up(site: Site) -> None:
    for _ in range(SLOW_CALLERS):
        begin_to_post(site.server, length=500).close()

    assert site.server.post(b"[]", timeout=5).status == 200


def test_callers_of_one_byte_a_second_hold_nobody_up(site: Site, torture: Torture) -> None:
    slow = [begin_to_post(site.server, length=500) for _ in range(SLOW_CALLERS)]
    try:
        waits = []
        for number in range(torture.size(3, 30)):
            for connection in slow:
                connection.sendall(b" ")
            begun = time.monotonic()
            assert site.server.post(batch(f"slow-{torture.seed}-{number}"), timeout=2).status == 200
            waits.append(time.monotonic() - begun)
            time.sleep(max(0.0, begun + 1 - time.monotonic()))
    finally:
        for connection in slow:
            connection.close()
        site.server.await_answer()

    torture.found(
        f"R07 bodies of 1 byte a second, {SLOW_CALLERS} callers",
        f"others answered in {max(waits) * 1000:.0f} ms at most",
    )


def warm_up(server: Server) -> None:
    """Let every thread have answered once."""
    for _ in range(40):
        server.post(b"[]")


class Others:
    """A caller who has nothing to do with it."""

    def __init__(self, server: Server, run: str) -> None:
        self.waits: list[float] = []
        self.failed: list[str] = []
        self._server, self._run = server, run
        self._over = threading.Event()

    @contextmanager
    def posting(self) -> Iterator[None]:
        """Post while the block runs."""
        thread = threading.Thread(target=self._post, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._over.set()
            thread.join()

    def _post(self) -> None:
        while not self._over.wait(0.01):
            begun = time.monotonic()
            answer = self._asked(batch(f"{self._run}-{len(self.waits)}"))
            self.waits.append(time.monotonic() - begun)
            if answer is None or answer.status != 200:
                self.failed.append(repr(answer))

    def _asked(self, body: bytes) -> Answer | None:
        with suppress(OSError, HTTPException):
            return self._server.post(body)
        return None


def begin_to_post(server: Server, *, length: int) -> socket.socket:
    """Open a connection, say how long the body will be, and send one byte of it."""
    connection = socket.create_connection((HOST, server.port), timeout=5)
    headers = {**sent_headers(server.key), "Host": "localhost", "Content-Length": str(length)}
    lines = [f"POST {EVENTS} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", "["]
    connection.sendall("\r\n".join(lines).encode())
    return connection


def memory(pid: int, name: str) -> float:
    """Return a figure of a process's memory in MB: VmRSS now, VmHWM at its most."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) / 1024
