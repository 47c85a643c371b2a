"""What can go wrong, sorted by what the caller does about it.

    BiginError
    ├── SettingsError            stop the run: a setting is missing or malformed
    ├── AuthError                stop the run: the credentials or the token were refused
    ├── CreditBudgetReached      stop in good order: the run has spent what it may
    ├── ClientClosed             stop: the client was closed while a call waited
    ├── TransientError           try again (the client has done so before it lets one through)
    │   ├── RateLimited          429: too many calls at once, or the day's credits are used up
    │   ├── ServerError          5xx, or a body that is cut off
    │   └── ConnectionFailed     no answer: refused, reset, timed out
    ├── Refused                  go on without: Bigin will not do this, however often it is asked
    │   ├── PermissionDenied     skip the module: the token may not do this
    │   │   └── ScopeMissing     ... because its scope lacks it
    │   ├── ModuleUnavailable    skip the module: unknown here, or closed to the API
    │   └── InvalidRequest       our mistake, or an input's: shown as Bigin said it
    │       ├── PageTokenRefused start the chain of pages anew
    │       ├── PaginationLimit  read on by other means
    │       ├── QueryRefused     a COQL query: where it is wrong
    │       └── NotFound         the resource does not exist (bulk jobs; records answer 204)
    ├── BulkJobError             a bulk job gave no result
    │   ├── BulkJobFailed        read or write by other means: Bigin gave the job up
    │   └── BulkJobUnfinished    ask again later: the job is still under way at Bigin
    └── ArchiveRefused           a zip is not what it should be: cut off, damaged or hostile

Codes come from Bigin's answers; a code that the table does not know becomes an InvalidRequest
that shows itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


class BiginError(Exception):
    """Base of all errors. ``code`` and ``details`` are Bigin's own words, where there are any."""

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        status: int | None = None,
        module: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.details: Mapping[str, Any] = details or {}
        self.status = status
        self.module = module


class SettingsError(BiginError):
    """A setting is missing or malformed; the message names it and what it takes."""


class AuthError(BiginError):
    """Credentials or token refused; the message says what to check, data center first."""


class CreditBudgetReached(BiginError):  # noqa: N818 -- an end in good order, not a fault
    """The next call would spend more credits than ``credit_budget`` allows; it was not sent."""


class ClientClosed(BiginError):  # noqa: N818 -- an end in good order, not a fault
    """The client was closed while this call waited for its turn or its next try."""


class TransientError(BiginError):
    """Worth another try. ``may_have_happened`` is False only if Bigin surely did nothing.

    ``retry_after`` is how many seconds the answer asked to wait, None if it did not.
    """

    may_have_happened: bool = True
    retry_after: float | None = None


class RateLimited(TransientError):  # noqa: N818 -- the platform's own word
    """429. The two causes look alike; the message says which one the figures point to."""

    may_have_happened = False


class ServerError(TransientError):
    """5xx, a redirect, or a body that is cut off: the work may have been done."""


class ConnectionFailed(TransientError):  # noqa: N818 -- reads as what happened
    """No answer came. ``may_have_happened`` is False if the request never left."""

    def __init__(self, message: str, *, may_have_happened: bool, **context: Any) -> None:
        super().__init__(message, **context)
        self.may_have_happened = may_have_happened


class Refused(BiginError):  # noqa: N818 -- reads as what happened
    """Bigin will not do this, asked as it was: asking again does not help."""


class PermissionDenied(Refused):
    """The token's user may not do this in this module."""


class ScopeMissing(PermissionDenied):
    """The token was granted without the scope that this call needs."""


class ModuleUnavailable(Refused):
    """The module is unknown in this organisation, or not open to this API."""


class InvalidRequest(Refused):
    """Refused as asked; repeating it does not help."""


class PageTokenRefused(InvalidRequest):
    """A page token is unknown, too old, or bound to other parameters: start the chain anew."""


class PaginationLimit(InvalidRequest):
    """Beyond 2,000 records by page, or 100,000 by token."""


class QueryRefused(InvalidRequest):
    """A COQL query was refused; ``details`` have its line and column, from 1, where Bigin gives them."""


class NotFound(InvalidRequest):
    """The resource does not exist: a bulk job or its result that is gone."""


class BulkJobError(BiginError):
    """A bulk job gave no result; Bigin knows it by ``job_id``."""

    def __init__(self, message: str, *, job_id: str, **context: Any) -> None:
        super().__init__(message, **context)
        self.job_id = job_id


class BulkJobFailed(BulkJobError):  # noqa: N818 -- reads as what happened
    """A bulk job ended badly; ``code`` is Bigin's reason. Its credits are spent."""


class BulkJobUnfinished(BulkJobError):  # noqa: N818 -- reads as what happened
    """A bulk job took longer than the caller's patience. It goes on: ask again by its id."""


class ArchiveRefused(BiginError):  # noqa: N818 -- reads as what happened
    """A downloaded zip is cut off, damaged, or nothing that should be unpacked."""


CODE_TO_ERROR: Mapping[str, type[BiginError]] = {
    "INVALID_TOKEN": AuthError,
    "AUTHENTICATION_FAILURE": AuthError,
    "OAUTH_SCOPE_MISMATCH": ScopeMissing,
    "NO_PERMISSION": PermissionDenied,
    "AUTHORIZATION_FAILED": PermissionDenied,
    "INVALID_MODULE": ModuleUnavailable,
    "NOT_SUPPORTED": ModuleUnavailable,
    "API_NOT_SUPPORTED": ModuleUnavailable,
    "FEATURE_NOT_SUPPORTED": ModuleUnavailable,
    "MODULE_NOT_SUPPORTED": ModuleUnavailable,
    "MODULE_NOT_AVAILABLE": ModuleUnavailable,
    "TOO_MANY_REQUESTS": RateLimited,
    "INTERNAL_ERROR": ServerError,
    "INTERNAL_SERVER_ERROR": ServerError,
    "TOKEN_BOUND_DATA_MISMATCH": PageTokenRefused,
    "EXPIRED_VALUE": PageTokenRefused,
    "DISCRETE_PAGINATION_LIMIT_EXCEEDED": PaginationLimit,
    "PAGINATION_LIMIT_EXCEEDED": PaginationLimit,
    "SYNTAX_ERROR": QueryRefused,
    "INVALID_QUERY": QueryRefused,
    "RESOURCE_NOT_FOUND": NotFound,
    "FORBIDDEN": NotFound,  # of a result's link alone: "Link not valid"
}

REMEDIES: Mapping[type[BiginError], str] = {
    ScopeMissing: "Grant the scope and make a new refresh token.",
    PermissionDenied: "Give the token's user this right in Bigin (Settings > Profiles).",
    AuthError: "Check data_center first: a token of one data center is unknown in another.",
    ModuleUnavailable: "Check the module's api_name and that the edition opens it to the API.",
}
"""What to do, appended to what was seen."""


def did_you_mean(name: str, known: Iterable[str], *, otherwise: str = "") -> str:
    """What follows an error about a name: the one that was meant, if one is like it in any case.

    >>> did_you_mean("contcts", ["Accounts", "Contacts"]), did_you_mean("x", ["Accounts"], otherwise=".")
    (", did you mean 'Contacts'?", '.')
    """
    by_case = {each.casefold(): each for each in known}
    alike = get_close_matches(name.casefold(), by_case, n=1)
    return f", did you mean {by_case[alike[0]]!r}?" if alike else otherwise


def sentence(text: str) -> str:
    """The text with a full stop, unless a sentence ends there already.

    >>> sentence("there is none"), sentence("did you mean 'modules'?")
    ('there is none.', "did you mean 'modules'?")
    """
    return text if text.endswith((".", "?")) else f"{text}."
