"""``bigin doctor``: would the configured run work, and if not, what is to be done?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import click
from singer_sdk.plugin_base import PluginBase

from bigin_api import BiginError, Client, SettingsError
from bigin_api.access.checkup import Checkup, check_account, verdict, why_it_ended
from bigin_api.access.scopes import Purpose
from bigin_api.errors import sentence
from bigin_api.settings.files import read_settings
from bigin_cli.settings.file import config_option
from bigin_cli.settings.project import settings_around, settings_of
from bigin_cli.subcommand import NEEDS_A_PERSON, WrongUse, json_option, subcommand
from bigin_cli.tables import print_table
from tap_bigin.outlook.checkup import QuietRun, check_tap
from tap_bigin.settings import OF_THE_TARGET
from tap_bigin.tap import TapBigin
from target_bigin.checkup import check_target
from target_bigin.settings import TargetSettings
from target_bigin.settings_schema import OF_THE_TAP
from target_bigin.target import TargetBigin

EXAMPLES = """
bigin doctor --config tap.json
bigin doctor --config target.json --for target --json
meltano invoke bigin:doctor
"""
EXIT_CODES = "0 the configured run can begin, 1 it would fail, 2 wrong use"
PLUGINS: Mapping[str, type[PluginBase]] = {"tap": TapBigin, "target": TargetBigin}
PURPOSES: Mapping[str, Purpose] = {"tap": "read", "target": "write", "feed": "feed"}


@subcommand("doctor", examples=EXAMPLES, exit_codes=EXIT_CODES)
@config_option("tap-bigin, target-bigin or the feed")
@click.option(
    "--for",
    "programs",
    type=click.Choice(list(PURPOSES)),
    multiple=True,
    help="Whose settings these are; may be repeated. Default: told by the settings.",
)
@json_option("The findings")
@click.pass_context
def command(
    ctx: click.Context,
    config: str | None,
    programs: tuple[str, ...],
    as_json: bool,  # noqa: FBT001
) -> None:
    """Check settings, token and rights before a run does, and say what to mend.

    Tells whose account this is, its edition and credits, missing scopes and what each costs, modules that
    are refused, and for each stream of a target by what its records are known. Reads only; costs some
    credits: a few, and 2 a module for a tap or a stream for a target.
    """
    checkup = Checkup()
    found: dict[str, Any] = {}
    settings: dict[str, Any] = {}
    try:
        for asked, settings in _settings(config, programs):
            found |= _check(settings, asked, checkup)
    except SettingsError as error:
        if not as_json:
            raise
        checkup.fail(error.message, "name settings that can be read")  # who reads findings finds one
    result = {**_result(checkup, found), "data_center": settings.get("data_center") or "us"}
    if as_json:
        click.echo(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        _print(result)
    if not result["ok"]:
        ctx.exit(NEEDS_A_PERSON)


def _settings(config: str | None, programs: Sequence[str]) -> Iterator[tuple[Sequence[str], dict[str, Any]]]:
    """Programs, with the settings that they share: one file, or each its own in a project."""
    if config is not None:
        settings = read_settings(config)
        yield programs or _programs(settings), settings
        return
    around = {name: settings_around(plugin) for name, plugin in PLUGINS.items()}
    for name in programs or [name for name, settings in around.items() if settings] or ["tap"]:
        if name not in PLUGINS:
            raise WrongUse("--config FILE is missing: the feed has settings of its own.")
        yield [name], around[name] or settings_of(PLUGINS[name], None)


def _programs(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """Whose settings they look like; those of both if one file serves both."""
    target = bool(OF_THE_TARGET & settings.keys())
    tap = bool(OF_THE_TAP & settings.keys()) or not target
    if {"feed_log", "public_url"} & settings.keys():
        return ("feed",)
    return tuple(name for name, is_meant in (("tap", tap), ("target", target)) if is_meant)


def _check(settings: Mapping[str, Any], programs: Sequence[str], checkup: Checkup) -> dict[str, Any]:
    """Whatever can be found out; what ends it early is a problem too."""
    errors: list[str] = []
    if "tap" in programs:
        errors += TapBigin.config_errors(settings)
    if "target" in programs:
        errors += [each for each in TargetBigin.config_errors(settings) if each not in errors]
    for error in errors:
        checkup.fail(sentence(f"Settings: {error}"), "mend this setting")
    if errors:
        return {}
    found: dict[str, Any] = {}
    try:
        _ask({**settings, "max_retries": 2}, programs, checkup, found)
    except SettingsError as error:
        checkup.fail(error.message, "mend this setting")
    except BiginError as error:
        checkup.problems.insert(0, why_it_ended(error))
    return found


def _ask(
    settings: Mapping[str, Any], programs: Sequence[str], checkup: Checkup, found: dict[str, Any]
) -> None:
    with closing(QuietRun(settings)) as run:
        client: Client = run.client
        try:
            check_account(client, checkup, purposes=[PURPOSES[each] for each in programs])
            if "tap" in programs:
                found["modules"] = [each.to_json() for each in check_tap(run, checkup)]
            if "target" in programs:
                own = TargetSettings.from_mapping(settings)
                found["streams"] = [each.to_json() for each in check_target(client, own, checkup)]
        finally:
            found["credits_spent"] = client.spent().credits


def _result(checkup: Checkup, found: Mapping[str, Any]) -> dict[str, Any]:
    problems = sorted(checkup.problems, key=lambda each: each.severity)  # errors first
    return {
        "ok": not any(each.severity == "error" for each in problems),
        "verdict": verdict(problems),
        "problems": [{"severity": each.severity, "what": each.what, "do": each.do} for each in problems],
        **checkup.account.to_json(),
        **found,
    }


def _print(result: Mapping[str, Any]) -> None:
    facts = {
        "organization": result["organization"],
        "data center": result["data_center"],
        "edition": result["edition"],
        "token of": _both(result["user"], result["profile"]),
        "credits": _credits(result),
        "clock": _clock(result["clock_seconds"]),
    }
    for name, value in facts.items():
        if value:
            click.echo(f"{name:<13} {value}")
    if result.get("modules"):
        readable = [each["module"] for each in result["modules"] if each["readable"]]
        click.echo(f"{'modules':<13} {len(readable)} can be read: {', '.join(readable)}")
    if result.get("streams"):
        click.echo()
        columns = ("stream", "module", "key", "unique", "duplicates", "goes nowhere")
        print_table(columns, (_stream_row(each) for each in result["streams"]))
    for problem in result["problems"]:
        click.echo(f"\n{problem['severity'].upper()}  {problem['what']}\n  → {problem['do']}")
    click.echo(f"\n{result['verdict']}")


def _stream_row(stream: Mapping[str, Any]) -> tuple[Any, ...]:
    counted = stream["duplicates"]
    return (
        stream["stream"],
        stream["module"],
        ", ".join(stream["key"]),
        "yes" if stream["unique"] else "no",
        "" if counted is None else str(counted),
        ", ".join(stream["nowhere"]),
    )


def _both(first: str | None, second: str | None) -> str | None:
    return f"{first} ({second})" if first and second else first


def _credits(result: Mapping[str, Any]) -> str | None:
    remaining, a_day = result["credits_remaining"], result["credits_a_day"]
    if remaining is not None:
        return f"{remaining:,} left" + (f" of {a_day:,} in 24 hours" if a_day else "")
    return f"more than half of {a_day:,} in 24 hours left" if a_day else None


def _clock(seconds: float | None) -> str | None:
    return (
        None
        if seconds is None
        else f"{abs(seconds):,.0f} s {'ahead of' if seconds >= 0 else 'behind'} Bigin's"
    )
