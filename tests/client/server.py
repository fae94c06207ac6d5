"""A server on loopback that takes events as Meterbook does, and misbehaves as it is told."""

import gzip
import json
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer
from threading import Condition, Thread
from time import monotonic
from typing import Any

Event = dict[str, Any]
PATIENCE = 20.0


@dataclass(frozen=True)
class Say:
    """An answer other than that the events are taken."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def content(self) -> bytes:
        if self.body is not None:
            return self.body
        return json.dumps({"status": self.status, "code": self.code, "detail": "Said so."}).encode()


@dataclass(frozen=True)
class Lose:
    """The events are taken, and the answer is lost."""


Rule = Callable[[Sequence[Event]], Say | Lose | None]


def always(said: Say | None) -> Rule:
    """Answer every post alike; with None the events are taken."""

    def rule(_: Sequence[Event]) -> Say | None:
        return said

    return rule


class Server(ThreadingHTTPServer):
    """Answers by `script`, post after post, then by `rule`, and else takes the events."""

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.script: deque[Say | Lose] = deque()
        self.rule: Rule = always(None)
        self.details: dict[str, Event] = {}
        self.taken: list[Event] = []
        self.posts: list[tuple[float, list[str]]] = []
        self.headers: dict[str, str] = {}
        self.changed = Condition()
        self._thread = Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def ids(self) -> list[str]:
        """The ids taken, in order, however often."""
        with self.changed:
            return [event["id"] for event in self.taken]

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Wait until the server has seen what makes it so."""
        with self.changed:
            assert self.changed.wait_for(is_so, PATIENCE), f"posts: {self.posts}"

    def wait_for(self, ids: Iterable[str]) -> None:
        """Wait until all the ids are taken."""
        wanted = set(ids)
        self.wait(lambda: wanted <= {event["id"] for event in self.taken})

    def answer(self, events: list[Event]) -> Say | Lose | bytes:
        with self.changed:
            self.posts.append((monotonic(), [event["id"] for event in events]))
            said = self.script.popleft() if self.script else self.rule(events)
            if not isinstance(said, Say):
                self.taken += events
            self.changed.notify_all()
            return said or json.dumps(self._account(events)).encode()

    def stop(self) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is no news."""

    def _account(self, events: list[Event]) -> Event:
        details = [
            {"index": index, "id": event["id"], **self.details[event["id"]]}
            for index, event in enumerate(events)
            if event["id"] in self.details
        ]
        return {"received": len(events), "counted": len(events) - len(details), "details": details}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = PATIENCE

    def do_POST(self) -> None:
        server: BaseServer = self.server
        assert isinstance(server, Server)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.headers = {**self.headers, "path": self.path}
        said = server.answer(json.loads(gzip.decompress(body))["events"])
        if isinstance(said, Lose):
            self.close_connection = True
            return
        status, headers, content = (
            (said.status, said.headers, said.content()) if isinstance(said, Say) else (200, {}, said)
        )
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""
