"""The report of a run as JSON: written by tap and target (``run_report_path``), read by people's programs.

Written whole or not at all, and replaced by the next run; ``{time}`` in the path gives a file a run.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timezone
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import Any, Literal

import msgspec

from bigin_api.errors import CreditBudgetReached, SettingsError
from bigin_api.moments import parse_moment, utc_text
from bigin_api.run_files.replacing import replace_file

logger = logging.getLogger(__name__)

SETTING = "run_report_path"
TIME = "{time}"
DISTRIBUTIONS = ("bigin-singer", "singer-sdk")

Outcome = Literal["good", "stopped", "failed"]
"""``stopped``: in good order, by the budget; the next run goes on."""


class Rejects(msgspec.Struct, kw_only=True):
    """Records of a stream that were refused for one reason."""

    kind: str
    code: str
    field: str | None = None
    count: int
    example: str = ""


class StreamRun(msgspec.Struct, kw_only=True):
    """What a run did for one stream. ``outcomes`` are a target's, such as inserted and unchanged."""

    stream: str
    module: str | None = None
    records: int = 0
    counted: int | None = None  # by Bigin, where the tap asked
    outcomes: dict[str, int] = {}
    rejected: int = 0
    rejects: list[Rejects] = []
    calls: int = 0
    credits: int = 0
    planned_credits: int | None = None
    seconds: float = 0.0
    warnings: list[str] = []
    failure: str | None = None
    unfinished: bool = False


class RunReport(msgspec.Struct, kw_only=True):
    """What a run did."""

    program: str
    outcome: Outcome = "good"
    error: str | None = None
    began: str = ""
    ended: str = ""
    seconds: float = 0.0
    records: int = 0
    rejected: int = 0
    rejects_by_code: dict[str, int] = {}
    calls: int = 0
    credits: int = 0
    credits_remaining: int | None = None
    credits_by_endpoint: dict[str, int] = {}
    plan: dict[str, Any] | None = None  # as `bigin plan` told it, with "off": credits spent minus planned
    dry_run: bool = False
    of_the_run: dict[str, int] | None = None  # of a dry run: calls and credits that the run itself would take
    streams: list[StreamRun] = []
    versions: dict[str, str] = {}


class RunFile:
    """Where a run's report goes. Raises SettingsError if nothing can be written there."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.began = datetime.now(timezone.utc)
        self._path = report_path(settings, self.began)
        if self._path is not None:
            try:
                if self._path.exists() and not self._path.is_file():
                    raise SettingsError(f"{SETTING}: {self._path} is no file but a device or a folder.")
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with tempfile.TemporaryFile(dir=self._path.parent):
                    pass
            except OSError as error:
                raise SettingsError(f"{SETTING}: cannot write {self._path} ({error.strerror}).") from None

    @property
    def is_wanted(self) -> bool:
        """Whether the settings name a place."""
        return self._path is not None

    def write(self, report: RunReport) -> None:
        """Put the report in its place. What cannot be written is a warning: the run itself is done."""
        if self._path is None:
            return
        ended = datetime.now(timezone.utc)
        report.began, report.ended = (utc_text(each) for each in (self.began, ended))
        report.seconds = round((ended - self.began).total_seconds(), 1)
        report.records = sum(each.records for each in report.streams)
        report.rejected = sum(each.rejected for each in report.streams)
        for stream in report.streams:
            for each in stream.rejects:
                report.rejects_by_code[each.code] = report.rejects_by_code.get(each.code, 0) + each.count
        report.plan = _take_plan(self._path, report)
        report.versions = versions()
        try:
            replace_file(self._path, msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
        except OSError as error:
            logger.warning("%s: cannot write %s (%s).", SETTING, self._path, error.strerror)


def write_failure(program: str, settings: Mapping[str, Any], error: Exception) -> None:
    """The report of a run that could not begin."""
    with suppress(SettingsError):  # the run ends already, and for another reason
        outcome: Outcome = "stopped" if isinstance(error, CreditBudgetReached) else "failed"
        RunFile(settings).write(RunReport(program=program, outcome=outcome, error=str(error)))


def report_path(settings: Mapping[str, Any], began: datetime) -> Path | None:
    """Where the report of a run that began then goes.

    >>> from bigin_api.moments import parse_moment
    >>> report_path({"run_report_path": "runs/{time}.json"}, parse_moment("2026-05-14T09:53:58Z")).name
    '20260514T095358Z.json'
    """
    given = settings.get(SETTING)
    if given is None or given == "":
        return None
    if not isinstance(given, str):
        raise SettingsError(f"{SETTING}: expected a string, got {type(given).__name__}.")
    if "\0" in given:
        raise SettingsError(f"{SETTING}: {given!r} is no path, it holds a NUL.")
    return Path(given.replace(TIME, began.astimezone(timezone.utc).strftime("%Y%m%dT%H%M%SZ")))


def plan_path(report: Path) -> Path:
    """Where `bigin plan` leaves its forecast for the next run's report: one for all runs of a folder."""
    return report.with_name(".bigin-plan.json")


def read_report(path: Path) -> RunReport:
    """A report of any run. Raises SettingsError that names the file."""
    try:
        report = msgspec.json.decode(path.read_bytes(), type=RunReport)
        if report.began:
            parse_moment(report.began)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}.") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise SettingsError(f"{path} is no report of a run ({error}).") from None
    return report


def versions() -> dict[str, str]:
    """What ran: Python and the distributions that matter."""
    return {"python": python_version(), **{name: version(name) for name in DISTRIBUTIONS}}


def _take_plan(path: Path, report: RunReport) -> dict[str, Any] | None:
    """The forecast that was made for this run, and how far off it was; it serves one run."""
    if report.plan is not None:
        return report.plan
    told = plan_path(path)
    try:
        plan = msgspec.json.decode(told.read_bytes(), type=dict[str, Any])
        credits_ = int(plan["credits"])
    except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return None
    if plan.get("program") != report.program:
        return None
    told.unlink(missing_ok=True)
    return {**plan, "off": report.credits - credits_}
