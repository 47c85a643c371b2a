"""``bigin plan``: what the next run would cost, before it is made."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from typing import Any

import click

from bigin_api import SettingsError
from bigin_api.errors import sentence
from bigin_api.run_files.replacing import replace_file
from bigin_api.run_files.run_report import plan_path, report_path
from bigin_api.settings.files import read_file, read_text
from bigin_cli.settings.file import config_option
from bigin_cli.settings.project import settings_of
from bigin_cli.subcommand import Trouble, json_option, subcommand
from bigin_cli.tables import print_table
from tap_bigin.bookmarks import check_state, unwrapped_state
from tap_bigin.outlook.estimates import make_plan
from tap_bigin.tap import TapBigin
from tap_bigin.values.drift import check_catalog

EXAMPLES = """
bigin plan --config tap.json
bigin plan --config tap.json --catalog catalog.json --state state.json --json
"""
SILENT = ("tap-bigin", "singer_sdk")


@subcommand("plan", examples=EXAMPLES)
@config_option("tap-bigin")
@click.option("--catalog", metavar="FILE", help="The catalog that the run would get; default: all streams.")
@click.option("--state", metavar="FILE", help="The state that it would get; default: a first load.")
@json_option("The plan")
def command(config: str | None, catalog: str | None, state: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Say per stream what the next run of tap-bigin would read, how, and for how many credits.

    Finding out costs credits too: what a discovery costs, 1 a module to count it, up to 11 a query with a
    condition to look for its end, and a few more. How long a deleted list is Bigin does not tell: it counts
    as one page. If the settings name a run_report_path, the next report says how far off the plan was.
    """
    settings = settings_of(TapBigin, config)
    with _quiet():
        plan = _plan(settings, _read_catalog(catalog), _read_state(state))
    _keep(settings, plan)
    if as_json:
        click.echo(json.dumps(plan, indent=2))
    else:
        _print(plan)


def _plan(settings: Mapping[str, Any], catalog: Any, state: Any) -> dict[str, Any]:
    errors = TapBigin.config_errors(settings)
    if errors:
        raise SettingsError(sentence(f"Settings: {'; '.join(errors)}"))
    own = {**settings, "credit_budget": None, "api_log_path": None, "run_report_path": None}
    tap = TapBigin(config=own, catalog=catalog, state=state)
    with closing(tap.shared):
        tap.shared.resume_feed(tap.state)
        plan = make_plan(tap.shared, tap.streams.values(), has_catalog=catalog is not None)
    if not plan.streams:
        raise Trouble("Nothing is selected, so the run would read nothing. Check the catalog, or modules.")
    return plan.to_json()


def _read_catalog(path: str | None) -> Any:
    if path is None:
        return None
    catalog = read_file(path, "--catalog")
    check_catalog(catalog)
    return catalog


def _read_state(path: str | None) -> Any:
    """As the tap reads it: an empty file is no state."""
    if path is None or not read_text(path, "--state").strip():
        return None
    state = unwrapped_state(read_file(path, "--state"))
    check_state(state)
    return state


def _keep(settings: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Leave the plan for the report of the next run."""
    now = datetime.now(timezone.utc)
    report = report_path(settings, now)
    if report is not None:
        report.parent.mkdir(parents=True, exist_ok=True)
        kept = {name: plan[name] for name in ("program", "credits", "minutes")}
        replace_file(plan_path(report), json.dumps({**kept, "made": now.isoformat()}).encode())


@contextmanager
def _quiet() -> Iterator[None]:
    """What the tap tells a run's log is no part of a plan, but for warnings: a module that is none."""
    loggers = [logging.getLogger(name) for name in SILENT]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def _print(plan: Mapping[str, Any]) -> None:
    columns = ("stream", "records", "method", "calls", "credits")
    rows = [tuple(each[name] for name in columns) for each in plan["streams"] if each["calls"]]
    metadata = plan["metadata"]["credits"]
    print_table(columns, [*rows, ("(discovery)", None, "metadata", metadata, metadata)])
    free = [each["stream"] for each in plan["streams"] if not each["calls"]]
    if free:
        click.echo(f"\nAt no further cost: {', '.join(free)}")
    left = plan["remaining"]
    told = "" if left is None else f"; {left:,} are left of the day's"
    lasts = f"about {plan['minutes']:g} minutes" if plan["minutes"] >= 1 else "a minute at most"
    click.echo(
        f"\nThis run: {plan['credits']:,} credits, {lasts} at {plan['latency_ms']:,} ms an answer{told}."
    )
    click.echo(
        f"A daily run after it: {plan['daily']['credits']:,} credits. {plan['spent']:,} were spent to plan."
    )
    if left is not None and plan["credits"] > left:
        click.echo("That is more than is left: set credit_budget, and let the next run go on.")
