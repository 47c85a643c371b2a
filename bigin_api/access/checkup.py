"""Whose account this is, and whether its token may do what a purpose needs.

Each scope is tried by the cheapest call that needs it, 1 credit each; ``ZohoFiles.files.ALL`` alone is not,
since only an upload would tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal

from bigin_api.access.scopes import BULK, BULK_READ, COQL, NEEDED, NOTIFICATIONS, ORG, SETTINGS, USERS
from bigin_api.endpoints.coql import by_id_query
from bigin_api.errors import REMEDIES, BiginError, Refused, ScopeMissing
from bigin_api.http.calls import Call
from bigin_api.json_values import integer, mapping, text

if TYPE_CHECKING:
    from bigin_api.access.scopes import Purpose, Scope
    from bigin_api.client import Client

CLOCK_TOLERANCE = 90.0  # seconds between this machine's clock and Bigin's
FREE_CREDITS, PAID_CREDITS, CREDITS_PER_USER, MOST_CREDITS = 5_000, 50_000, 250, 100_000  # api-limits, a day
FEW_CREDITS = 500
GRANT_ANEW = "run `bigin auth` again: a token keeps the scopes that it was granted with"

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """Something that is not as it should be. An ``error`` is what the configured run would fail of."""

    severity: Severity
    what: str
    do: str


@dataclass
class Account:
    """Who is asked, and as whom."""

    organization: str | None = None
    user: str | None = None
    profile: str | None = None
    edition: str | None = None
    credits_a_day: int | None = None
    credits_remaining: int | None = None  # Bigin tells it once half of the day's credits are used
    clock_seconds: float | None = None  # this machine's clock minus Bigin's
    missing_scopes: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As the keys of ``bigin doctor --json``."""
        return asdict(self)


@dataclass
class Checkup:
    """What was found out."""

    account: Account = field(default_factory=Account)
    problems: list[Problem] = field(default_factory=list)

    def warn(self, what: str, do: str) -> None:
        """Something that the run goes on without."""
        self._add(Problem("warning", what, do))

    def fail(self, what: str, do: str) -> None:
        """Something that the run fails of."""
        self._add(Problem("error", what, do))

    def lacks(self, scope: Scope) -> bool:
        """Whether a scope was found missing."""
        return scope.name in self.account.missing_scopes

    def _add(self, problem: Problem) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def check_account(client: Client, checkup: Checkup, *, purposes: Iterable[Purpose]) -> None:
    """Fill in the account, and name each missing scope with what it costs.

    Raises AuthError and TransientError: without an answer there is nothing to check.
    """
    account = checkup.account
    wanted = {scope.name: scope for purpose in purposes for scope in NEEDED[purpose]}
    told: dict[str, Any] = {}
    for scope in wanted.values():
        probe = PROBES.get(scope.name)
        if probe is None:
            continue
        try:
            told[scope.name] = probe(client)
        except ScopeMissing:
            account.missing_scopes.append(scope.name)
        except Refused:
            continue  # the scope is there; what the user may not do is another question
        if account.clock_seconds is None and client.server_time is not None:
            account.clock_seconds = round(
                (datetime.now(timezone.utc) - client.server_time).total_seconds(), 1
            )
    _read_organization(account, told.get(ORG.name))
    _read_user(account, told.get(USERS.name))
    account.credits_remaining = client.spent().remaining
    for scope in wanted.values():
        if scope.name in account.missing_scopes:
            tell = checkup.fail if scope.name in (SETTINGS.name, NOTIFICATIONS.name) else checkup.warn
            tell(_costs(scope), GRANT_ANEW)
    _judge_clock(checkup)
    _judge_credits(checkup)


def check_queries(client: Client, checkup: Checkup, module: str) -> None:
    """Try COQL on a module that may be read: a query needs the module's scope too."""
    try:
        client.coql.query(by_id_query(module, ["id"], limit=1), module=module)
    except ScopeMissing:
        checkup.account.missing_scopes.append(COQL.name)
        checkup.warn(_costs(COQL), GRANT_ANEW)
    except Refused as refused:
        checkup.warn(f"Queries are refused: {refused.message}", f"It costs {COQL.loses}.")


def reason_of(refused: Refused) -> str:
    """What Bigin said, without the module's name and the remedy, which a problem has of its own."""
    said = refused.message.removesuffix(REMEDIES.get(type(refused), "")).strip()
    return said.removeprefix(f"{refused.module}: ")


def right_of(refused: Refused) -> str:
    """The rights that Bigin says are needed, '' where it names none.

    >>> right_of(Refused("x", details={"permissions": ["Crm_Implied_View_Payroll"]}))
    'Crm_Implied_View_Payroll'
    """
    named = refused.details.get("permissions")
    return ", ".join(map(str, named)) if isinstance(named, list) else ""


def why_it_ended(error: BiginError) -> Problem:
    """What ended the check itself, as a problem: the remedy after the last colon, where there is one.

    >>> why_it_ended(BiginError("x refused the credentials: check data_center first.")).do
    'check data_center first'
    """
    what, _, do = error.message.rstrip(".").rpartition(": ")
    if not what:
        what, do = do, "mend this first, then ask again"
    return Problem("error", f"{what}.", do)


def verdict(problems: Iterable[Problem]) -> str:
    """One sentence, and the next step.

    >>> verdict([])
    'All is well: the configured run can begin.'
    >>> verdict([Problem("error", "x", "y"), Problem("warning", "z", "w")])
    'The configured run would fail: 1 error, 1 warning. First: y.'
    """
    found = list(problems)
    errors = [each for each in found if each.severity == "error"]
    warnings = len(found) - len(errors)
    told = f"{warnings} warning{'s' if warnings != 1 else ''}"
    if errors:
        count = f"{len(errors)} error{'s' if len(errors) != 1 else ''}"
        first = errors[0].do
        end = "" if first.endswith(("?", ".")) else "."
        return f"The configured run would fail: {count}, {told}. First: {first}{end}"
    if warnings:
        return f"The configured run can begin, with {told}."
    return "All is well: the configured run can begin."


def daily_credits(license_details: Mapping[str, Any]) -> int:
    """Credits in 24 hours, by the edition and its users. Source: api-limits.

    >>> daily_credits({"paid": False}), daily_credits({"paid": True, "users_license_purchased": 8})
    (5000, 52000)
    """
    if license_details.get("paid") is not True and not text(license_details.get("trial_type")):
        return FREE_CREDITS
    users = integer(license_details.get("users_license_purchased")) or 0
    return min(PAID_CREDITS + CREDITS_PER_USER * users, MOST_CREDITS)


def _costs(scope: Scope) -> str:
    return f"The scope {scope.name} is missing. It costs {scope.loses}."


def _channels(client: Client) -> object:
    return client.send(Call("GET", "/actions/watch", endpoint="notifications"))


PROBES: Mapping[str, Callable[[Client], object]] = {
    SETTINGS.name: lambda client: client.metadata.modules(),
    ORG.name: lambda client: client.organization.get(),
    USERS.name: lambda client: client.organization.users_page(kind="CurrentUser").records,
    BULK_READ.name: lambda client: client.bulk_read.status("1"),  # there is no such job: that is an answer
    BULK.name: lambda client: client.bulk_read.status("1"),
    NOTIFICATIONS.name: _channels,
}


def _read_organization(account: Account, organization: object) -> None:
    found = mapping(organization)
    if not found:
        return
    details = mapping(found.get("license_details"))
    account.organization = text(found.get("company_name"))
    account.edition = text(details.get("trial_type")) or text(details.get("paid_type"))
    account.credits_a_day = daily_credits(details)


def _read_user(account: Account, users: object) -> None:
    user = mapping(users[0]) if isinstance(users, list) and users else {}
    account.user = text(user.get("email")) or text(user.get("full_name"))
    account.profile = text(mapping(user.get("profile")).get("name"))


def _judge_clock(checkup: Checkup) -> None:
    seconds = checkup.account.clock_seconds
    if seconds is not None and abs(seconds) > CLOCK_TOLERANCE:
        way = "ahead of" if seconds > 0 else "behind"
        checkup.warn(
            f"This machine's clock is {abs(seconds):,.0f} seconds {way} Bigin's.",
            "let the system keep its time (NTP); runs go by Bigin's clock, logs by this one",
        )


def _judge_credits(checkup: Checkup) -> None:
    remaining = checkup.account.credits_remaining
    if remaining is not None and remaining < FEW_CREDITS:
        checkup.warn(
            f"{remaining:,} credits are left of the day's.",
            "wait: they come back over 24 hours; see `bigin log`",
        )
