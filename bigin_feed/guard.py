"""HTTP as the receiver lets it in: a request that is too slow, or has too big a head, ends its connection.

httptools bounds neither, and whoever finds the port could fill the memory with them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024  # bytes until the head of a request is complete
REQUEST_SECONDS = 20.0  # until head and body are there


class GuardedProtocol(HttpToolsProtocol):
    """A connection whose requests come soon and have small heads."""

    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _is_in_head = True
    _is_whole = False  # nothing of a next request has come

    def connection_made(self, transport: Any) -> None:
        """A request is to come soon."""
        super().connection_made(transport)
        self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def data_received(self, data: bytes) -> None:
        """Count what comes before a head is complete, and wait for the rest of a request only so long."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._is_in_head and self._head_bytes > MAX_HEAD:
            self.transport.abort()
        if self._is_whole:
            self._stop_waiting()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def on_message_begin(self) -> None:
        """A request has begun, on a connection that may have had others."""
        self._is_whole = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._is_in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The whole request is there; the next one may take its time to begin."""
        self._is_in_head, self._is_whole, self._head_bytes = True, True, 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._stop_waiting()
        super().connection_lost(exc)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
