"""HTTP as the receiver lets it in: heads that are too big or too slow end their connection.

httptools bounds neither, and whoever finds the port could fill the memory with them.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD = 64 * 1024  # bytes until the head of a request is complete
HEAD_SECONDS = 10.0


class GuardedProtocol(HttpToolsProtocol):
    """A connection whose requests have small heads that come soon."""

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for a head."""
        super().connection_made(transport)
        self._received = 0
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Count what comes before a head is complete."""
        self._received += len(data)
        super().data_received(data)
        if self._deadline is not None and self._received > MAX_HEAD:
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """The head is there: the body has its own bounds."""
        self._head_came()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The next head may come, whenever it likes to begin."""
        self._received = 0
        super().on_message_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing to wait for any more."""
        self._head_came()
        super().connection_lost(exc)

    def _expect_head(self) -> None:
        self._deadline: asyncio.TimerHandle | None = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _head_came(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
