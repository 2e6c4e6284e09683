"""An HTTP server on this machine that serves one file, as badly as it is told to."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Told:
    """How one request is answered. ``cut``: bytes after which the connection ends. ``code``: instead of the file.
    ``declared``: another Content-Length; -1 for none. ``stall``: seconds before the bytes. ``extent``: another
    Content-Range."""

    cut: int | None = None
    code: int = 0
    ranges: bool = True
    data: bytes | None = None
    declared: int | None = None
    stall: float = 0.0
    location: str = ""
    extent: str = ""


@dataclass
class Server:
    """``told``: for the requests to come, one each; after those, all is well. ``asked``: (path, Range) of each."""

    data: bytes
    url: str = ""
    told: list[Told] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def ranges(self) -> list[str]:
        return [each for _, each in self.asked]

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range", "")
        self.asked.append((handler.path, wanted))
        told = self.told.pop(0) if self.told else Told()
        if told.code:
            handler.send_response(told.code)
            if told.location:
                handler.send_header("Location", told.location)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        whole = self.data if told.data is None else told.data
        start = int(found[1]) if told.ranges and (found := re.fullmatch(r"bytes=(\d+)-", wanted)) else 0
        if start and start >= len(whole):
            handler.send_error(416)
            return
        body = whole[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", told.extent or f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        if told.declared != -1:
            handler.send_header("Content-Length", str(len(body) if told.declared is None else told.declared))
        handler.end_headers()
        time.sleep(told.stall)
        handler.wfile.write(body if told.cut is None else body[: max(told.cut - start, 0)])


@contextlib.contextmanager
def serving(data: bytes) -> Iterator[Server]:
    server = Server(data)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                server.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listening.server_port}"
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
