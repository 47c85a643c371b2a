"""What an endpoint is given and what a route declares: the sandbox's inner contract.

    def get_record(call: ApiCall) -> Answer: ...

    ROUTES = [Route("GET", "/{module}/{id}", get_record, scopes=("ZohoBigin.modules.{module}.READ",))]

Endpoints are plain functions, run one at a time on the event loop; waiting is the pipeline's business.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from bigin_sandbox.http.answers import Answer, invalid_body

if TYPE_CHECKING:
    from bigin_sandbox.clock import Clock
    from bigin_sandbox.settings import Settings
    from bigin_sandbox.storage.store import Store

Part = TypeVar("Part")


@dataclass
class Context:
    """One organisation at work: what endpoints share. A reset makes a new one."""

    store: Store
    clock: Clock
    settings: Settings
    parts: dict[type[Any], Any] = field(default_factory=dict)

    def part(self, kind: type[Part]) -> Part:
        """This organisation's one object of a class, made as `kind(context)` when first asked for.

        So an endpoint family keeps what is no record: bulk jobs, channels, page tokens.
        """
        if kind not in self.parts:
            self.parts[kind] = kind(self)  # type: ignore[call-arg]
        made: Part = self.parts[kind]
        return made


@dataclass(frozen=True)
class UploadedFile:
    """A file from a multipart body."""

    name: str
    content: bytes
    content_type: str


@dataclass(frozen=True)
class AccessToken:
    """A live access token: whose, and what it may do."""

    value: str
    user_id: str
    scopes: frozenset[str]  # lower case
    refresh_token: str
    issued: float
    expires: float


@dataclass
class ApiCall:
    """One request, read and let in: the token lives, the scopes suffice, the credits are paid."""

    context: Context
    method: str
    path: str  # as it came: "/bigin/v2/Contacts/610…"
    url: str  # scheme, host and path, as the caller reached us
    path_params: Mapping[str, str]
    params: Mapping[str, str]  # the query string; the first of several
    headers: Mapping[str, str]  # lower-case names
    content: bytes
    form: Mapping[str, str | UploadedFile]  # a form body, urlencoded or multipart
    files: Sequence[UploadedFile] = ()  # those of a multipart body, several of one name too
    token: AccessToken | None = None  # None on the accounts server only

    @property
    def store(self) -> Store:
        """The organisation."""
        return self.context.store

    @property
    def base_url(self) -> str:
        """Scheme and host as the caller reached us."""
        return self.url[: len(self.url) - len(self.path)]

    @cached_property
    def user(self) -> dict[str, Any]:
        """The token's user, as `/users` prints one."""
        user = self.store.user(self.token.user_id) if self.token else None
        if user is None:
            raise LookupError("this call has no user")
        return user

    @property
    def user_id(self) -> str:
        """The token's user."""
        return str(self.user["id"])

    @property
    def zone(self) -> str:
        """Time zone in which this caller is shown instants."""
        return str(self.user["time_zone"])

    @cached_property
    def json(self) -> Any:
        """The body, whatever its Content-Type says.

        Raises Refusal (400 INVALID_DATA "body") if it is no JSON.
        """
        try:
            return msgspec.json.decode(self.content)
        except msgspec.DecodeError:
            raise invalid_body() from None

    def json_object(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        if not isinstance(self.json, dict):
            raise invalid_body()
        return self.json


Endpoint = Callable[[ApiCall], Answer]


@dataclass(frozen=True)
class Route:
    """An address of the API: what answers there, what it costs and what it asks for.

    `path` is below `/bigin/v2`, unless `base` says otherwise. `{module}` in a scope is the module of the
    address; scopes must all be there. `credits` may be computed from the call (before it is let in, so
    mind a body that is no JSON: `call.json` may refuse, which then costs 1). `sub_concurrency` likewise
    says whether the call belongs to the class that has a limit of its own.
    """

    method: str
    path: str
    endpoint: Endpoint
    scopes: tuple[str, ...] = ()
    credits: int | Callable[[ApiCall], int] = 1
    sub_concurrency: bool | Callable[[ApiCall], bool] = False
    base: str = "/bigin/v2"
    needs_token: bool = True


def credits_of(route: Route, call: ApiCall) -> int:
    """What a call costs."""
    return route.credits(call) if callable(route.credits) else route.credits


def is_sub_concurrent(route: Route, call: ApiCall) -> bool:
    """Whether a call counts against the sub-concurrency limit."""
    return route.sub_concurrency(call) if callable(route.sub_concurrency) else route.sub_concurrency
