"""What Bigin sends by itself: notifications and callbacks, as POSTs of JSON.

Sent once, in order, by a thread of its own; a receiver that is down misses them (FACTS 6). They never
leave this machine: an address that is not its own is accepted and left alone.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

if TYPE_CHECKING:
    from bigin_sandbox.http.calls import Context

TIMEOUT = 5  # seconds


class Deliveries:
    """The postman of one organisation."""

    def __init__(self, _context: Context) -> None:
        self._postman = ThreadPoolExecutor(max_workers=1)

    def send(self, url: str, body: Any) -> None:
        """Send it soon, whatever becomes of it."""
        if is_local(url):
            self._postman.submit(_post, url, msgspec.json.encode(body))


def is_local(url: str) -> bool:
    """Whether an address is plain HTTP on this machine.

    >>> is_local("http://127.0.0.1:9000/hook"), is_local("http://hooks.example.org/hook")
    (True, False)
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _post(url: str, content: bytes) -> None:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    with suppress(OSError, HTTPException):  # not retried: FACTS 6
        connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
        connection.request("POST", target, content, {"Content-Type": "application/json"})
        connection.getresponse().read()
        connection.close()
