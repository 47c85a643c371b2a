"""An address on this machine, for what a sandbox sends by itself: notifications and callbacks."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from queue import Empty, Queue
from typing import Any

PATIENCE = 5  # seconds until something that should arrive counts as lost
SILENCE = 0.3  # seconds after which nothing is expected any more


class Receiver:
    """A server on a free port that keeps what it is sent."""

    def __init__(self) -> None:
        self._arrived: Queue[Any] = Queue()
        arrived = self._arrived

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                """Keep the body."""
                arrived.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def next(self) -> Any:
        """The next body to arrive."""
        return self._arrived.get(timeout=PATIENCE)

    def is_silent(self) -> bool:
        """Whether nothing arrives for a while."""
        try:
            self._arrived.get(timeout=SILENCE)
        except Empty:
            return True
        return False

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
