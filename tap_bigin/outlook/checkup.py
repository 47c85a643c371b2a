"""What the tap would meet in this organisation: modules that are refused, streams that cannot be made."""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bigin_api import BiginError, Refused, SettingsError
from bigin_api.access.checkup import (
    Checkup,
    check_account,
    check_queries,
    reason_of,
    right_of,
    why_it_ended,
)
from bigin_api.access.scopes import BULK_READ, COQL, SCOPED_MODULES, SETTINGS, module_scopes
from bigin_api.errors import ScopeMissing
from tap_bigin.discovery.definition import ModuleDefinition
from tap_bigin.offer import define_streams
from tap_bigin.run import Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bigin_api import Client
    from tap_bigin.settings import TapSettings

RETRIES = 2  # a question that waits for minutes is not asked twice
GLOB_SIGNS = frozenset("*?[")


@dataclass(frozen=True)
class ModuleCheck:
    """A module, and why it cannot be read, if it cannot."""

    module: str
    readable: bool
    reason: str | None = None
    right: str | None = None  # that the token's user would need, as Bigin calls it
    scope: str | None = None  # that the token would need

    def to_json(self) -> dict[str, Any]:
        """As the keys of ``bigin doctor --json``."""
        return asdict(self)


class QuietRun(Run):
    """A run that makes no streams of the SDK and keeps what it would warn of."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.warnings: list[str] = []
        # Of its own, and of no tree: nothing is printed.
        logger = logging.Logger("tap-bigin", logging.WARNING)  # noqa: LOG001
        logger.addHandler(_Keep(self.warnings))
        super().__init__(config, logger=logger, carried={}, told_before={}, streams=list)

    @cached_property
    def feed(self) -> None:
        """None: what a log tells is no matter here."""


def examine(settings: Mapping[str, Any]) -> Checkup:
    """All that can be found out about a tap with these settings; what ends it early is a problem too."""
    checkup = Checkup()
    with closing(QuietRun({**settings, "max_retries": RETRIES})) as run:
        try:
            check_account(run.client, checkup, purposes=["read"])
            check_tap(run, checkup)
        except BiginError as error:
            checkup.problems.insert(0, why_it_ended(error))
    return checkup


def check_tap(run: QuietRun, checkup: Checkup) -> list[ModuleCheck]:
    """Every module that the settings name, tried. Costs 2 credits a module.

    Raises AuthError and TransientError; what is refused is a problem of the checkup.
    """
    if checkup.lacks(SETTINGS):
        return []
    settings, client = run.settings, run.client
    try:
        definitions = define_streams(run, chosen=None)
    except SettingsError as error:
        checkup.fail(error.message, "mend this setting")
        return []
    names = [each.name for each in definitions if isinstance(each, ModuleDefinition)]
    checked = [
        *(ModuleCheck(name, readable=False, reason=why) for name, why in run.description.refusals.items()),
        *run.calls.map_in_order(lambda name: _try(client, name), names),
    ]
    _judge_modules(checked, settings, client, checkup)
    for line in run.warnings:
        if (
            not any(line.startswith(f"{each.module}:") for each in checked)
            and "matches no module" not in line
        ):
            checkup.warn(line, "mend the setting, or leave it out")
    readable = [each.module for each in checked if each.readable]
    _check_feed(settings, checkup)
    if readable:
        check_queries(client, checkup, readable[0])
    _judge_methods(settings, checkup)
    return checked


def _check_feed(settings: TapSettings, checkup: Checkup) -> None:
    if settings.feed_log is None:
        return
    from bigin_feed.log import FeedLog  # noqa: PLC0415 -- SQLAlchemy takes a while to import

    try:
        FeedLog(settings.feed_log, read_only=True).close()
    except SettingsError as unusable:
        checkup.fail(unusable.message, "start bigin feed serve, which makes a log, or mend feed_log")


def _try(client: Client, module: str) -> ModuleCheck:
    try:
        client.labelled(module).records.page(module, ["id"], per_page=1)
    except ScopeMissing as refused:
        scope = module_scopes([module] if module in SCOPED_MODULES else [], "READ")[0]
        return ModuleCheck(module, readable=False, reason=reason_of(refused), scope=scope)
    except Refused as refused:
        return ModuleCheck(module, readable=False, reason=reason_of(refused), right=right_of(refused) or None)
    return ModuleCheck(module, readable=True)


def _judge_modules(
    checked: list[ModuleCheck], settings: TapSettings, client: Client, checkup: Checkup
) -> None:
    """A refused module is an error if it is named, else a warning; so is a name that no module has."""
    for each in checked:
        if not each.readable:
            tell = checkup.fail if each.module in settings.modules else checkup.warn
            tell(f"{each.module} cannot be read. {each.reason or ''}".strip(), _remedy(each))
    found = {each.module for each in checked}
    offered = [each.api_name for each in client.metadata.modules()]
    for name in settings.modules:
        if not GLOB_SIGNS & set(name) and name not in found:
            alike = get_close_matches(name, offered, n=1)
            hint = f"did you mean {alike[0]}?" if alike else f"it has {', '.join(sorted(found)) or 'none'}"
            checkup.fail(f"modules: there is no module {name!r} that could be read.", hint)
    if not any(each.readable for each in checked):
        checkup.fail("No module can be read.", "check modules, the scopes and the rights of the token's user")


def _remedy(module: ModuleCheck) -> str:
    """What makes a module readable."""
    if module.scope is not None:
        return f"run `bigin auth` again for the scope {module.scope}, or leave the module out of modules"
    right = module.right or "to view it"
    return (
        f"give the token's user the right {right} (Settings > Profiles), or leave the module out of modules"
    )


def _judge_methods(settings: TapSettings, checkup: Checkup) -> None:
    """What the settings ask for and the scopes do not allow."""
    if checkup.lacks(BULK_READ) and settings.extraction_method == "bulk":
        checkup.fail("extraction_method is bulk, and Bulk Read is not allowed.", "set it to auto")
    if checkup.lacks(COQL) and settings.queries:
        checkup.fail("queries are set, and COQL is not allowed.", "run `bigin auth` again for the scope")


class _Keep(logging.Handler):
    def __init__(self, into: list[str]) -> None:
        super().__init__()
        self._into = into

    def emit(self, record: logging.LogRecord) -> None:
        self._into.append(record.getMessage())
