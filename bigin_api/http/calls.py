"""A call is a value: what is asked of Bigin, what it answered, and who carries both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol
from urllib.parse import quote

from bigin_api.errors import InvalidRequest, ServerError
from bigin_api.json_values import integer, mapping, says
from bigin_api.limits import CREDITS_PER_CALL

if TYPE_CHECKING:
    from datetime import datetime

Api = Literal["rest", "bulk", "upload", "root"]
"""``rest`` is /bigin/v2, ``bulk`` /bigin/bulk/v2, ``upload`` the content host's /bigin/v2.

``root`` has no base: for addresses that Bigin itself gives, such as that of a bulk write's result.
"""


@dataclass(frozen=True)
class Call:
    """One request to Bigin, described and not yet sent.

    ``path`` begins after the API's base (``/Contacts/upsert``). ``endpoint`` is the name under
    which the meter and the reports count it; ``label`` the stream on whose behalf it is made.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    json: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    upload: tuple[str, BinaryIO, str] | None = None  # file name, content, media type
    api: Api = "rest"
    host: str | None = None  # https://… where Bigin's answer named another one: Zoho's alone are called
    endpoint: str = "other"
    module: str | None = None
    label: str = ""
    credits: int = CREDITS_PER_CALL  # charged for each attempt, also for a failed one
    records: int = 0  # how many records it carries
    repeatable: bool = True  # False for an insert: find out its fate first
    answers_records: bool = False  # a 4xx may hold one verdict a record
    urgent: bool = False  # others wait for it: it goes before calls that nothing hangs on

    @property
    def what(self) -> str:
        """Method and path, for messages: never parameters, which may hold values of records."""
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class Reply:
    """What Bigin answered. ``body`` is None for 204 and 304, whose bodies are empty."""

    status: int
    body: Any = None
    server_time: datetime | None = None  # the `Date` header: the only clock to trust
    credits_remaining: int | None = None  # shown once half of the day's credits are used
    header: Mapping[str, str] = field(default_factory=dict, repr=False)
    damaged: tuple[str, ...] = ()  # where values were that no JSON or UTF-8 can say: they are null

    @property
    def not_modified(self) -> bool:
        """Nothing newer than If-Modified-Since."""
        return self.status == 304  # noqa: PLR2004

    def rows(self, key: str = "data") -> list[dict[str, Any]]:
        """The records in the envelope, [] where there is no body, or null and the word that no more follow.

        Raises ServerError for a body without that list: a fault is never an empty page.
        """
        if self.body is None:
            return []
        found = self.body.get(key)
        if found is None and key in self.body and (key != "data" or self._has_none):
            return []
        if not isinstance(found, list):
            raise ServerError(f"HTTP {self.status}: the answer holds no list {key!r}.", status=self.status)
        return found

    @property
    def _has_none(self) -> bool:
        """Whether it says itself that it is the last page, and without a record."""
        more = self.info.get("more_records")
        return (more is False or says(more, "false")) and integer(self.info.get("count")) in (None, 0)

    @property
    def info(self) -> Mapping[str, Any]:
        """The page's own description, {} where there is none."""
        return mapping(mapping(self.body).get("info"))


class Sender(Protocol):
    """What carries a call to Bigin: the client, or a test's stand-in."""

    def send(self, call: Call) -> Reply:
        """The answer to a call. Raises BiginError."""

    def download(self, call: Call, into: BinaryIO) -> Reply:
        """Write the answer's body into a file as it comes; the reply has no body."""


def path_of(*parts: object) -> str:
    """A path of names and ids, each quoted, so that none leads elsewhere than it says.

    Raises InvalidRequest for a part that no path can hold.

    >>> path_of("Contacts", "17/../actions", "Notes")
    '/Contacts/17%2F..%2Factions/Notes'
    """
    names = [str(each) for each in parts]
    for name in names:
        if name in ("", ".", ".."):
            raise InvalidRequest(f"{name!r} is neither a name nor an id.")
    return "".join(f"/{quote(each, safe='', errors='replace')}" for each in names)


def given(**params: object) -> dict[str, str]:
    """Parameters as text, without those that are None.

    >>> given(page=2, cvid=None)
    {'page': '2'}
    """
    return {name: str(value) for name, value in params.items() if value is not None}


def listed(values: Iterable[object]) -> str:
    """Names or ids as one parameter, joined by commas.

    Raises InvalidRequest for an empty one and for one with a comma: it would be taken for two.
    """
    names = [str(each) for each in values]
    for name in names:
        if not name or "," in name:
            raise InvalidRequest(f"{name[:100]!r} cannot stand in a list of names or ids.")
    return ",".join(names)
