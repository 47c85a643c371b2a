"""What Bigin sends by itself: notifications and callbacks, as POSTs of JSON.

Sent once, in order, by a thread of its own; a receiver that is down misses them (FACTS 6). They never
leave this machine: an address that is not its own is accepted and left alone. Notifications suffer what
`troubles` asks for, callbacks do not.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address
from threading import Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from bigin_sandbox.telling.troubles import Troubles

if TYPE_CHECKING:
    from collections.abc import Callable

    from bigin_sandbox.http.calls import Context

TIMEOUT = 5  # seconds
HELD = 1.0  # seconds until a POST that waits to be overtaken goes out all the same


class Deliveries:
    """The postman of one organisation."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._organisation = context.store.org()
        self._postman = ThreadPoolExecutor(max_workers=1)
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._held: list[Callable[[], None]] = []
        self.troubles = Troubles()

    def send(self, url: str, body: Any) -> None:
        """Send it soon, whatever becomes of it."""
        if is_local(url):
            self._count("posts", 1)
            self._count("waiting", 1)
            self._post(url, msgspec.json.encode(body))

    def tell(self, url: str, body: Any) -> None:
        """Send a notification, unless its troubles say otherwise."""
        if not is_local(url):
            return
        self._count("posts", 1)
        if self.troubles.happens(self.troubles.lose):
            self._count("lost", 1)
            return
        copies = 2 if self.troubles.happens(self.troubles.double) else 1
        self._count("doubled", copies - 1)
        for _ in range(copies):
            self._tell_once(url, msgspec.json.encode(body))

    def counts(self) -> dict[str, int]:
        """`posts` by what became of them; `waiting` are those still to be answered."""
        names = ("posts", "lost", "doubled", "reordered", "delivered", "refused", "failed", "waiting")
        with self._lock:
            return {name: self._counts[name] for name in names}

    def _tell_once(self, url: str, content: bytes) -> None:
        self._count("waiting", 1)
        post = partial(self._post, url, content)
        if self.troubles.happens(self.troubles.reorder):
            self._count("reordered", 1)
            self._held.append(post)
            asyncio.get_running_loop().call_later(HELD, self._release)
            return
        delay = self.troubles.delay()
        if delay:
            asyncio.get_running_loop().call_later(delay, post)
        else:
            post()
        self._release()

    def _release(self) -> None:
        held, self._held = self._held, []
        for post in held:
            post()

    def _post(self, url: str, content: bytes) -> None:
        if self._context.store.org() is not self._organisation:  # reset meanwhile: nobody's news any more
            return
        self._postman.submit(self._deliver, url, content)

    def _deliver(self, url: str, content: bytes) -> None:
        try:
            status = _post(url, content)
        except (OSError, HTTPException):  # not retried: FACTS 6
            outcome = "failed"
        else:
            outcome = "delivered" if status < 300 else "refused"
        self._count(outcome, 1)
        self._count("waiting", -1)

    def _count(self, name: str, number: int) -> None:
        with self._lock:
            self._counts[name] += number


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


def _post(url: str, content: bytes) -> int:
    """Send it; gives the status of the answer."""
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection = HTTPConnection(parts.hostname or "", parts.port or 80, timeout=TIMEOUT)
    try:
        connection.request("POST", target, content, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()
