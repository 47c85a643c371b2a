"""``bigin feed``: the receiver, and the command that runs when something has come."""

from __future__ import annotations

import json
import logging
import math
import os
import signal
import sys
from collections.abc import Collection, Mapping
from datetime import datetime, timezone
from typing import Any

import click

from bigin_api import Client
from bigin_api.moments import parse_moment, utc_text
from bigin_cli.subcommand import Group, Trouble, subcommand
from bigin_feed.log import FeedLog
from bigin_feed.settings import ENV_PREFIX, FEED_SETTINGS, FeedSettings, read_settings

SILENT_SECONDS = 60.0  # a heartbeat older than that is none

LOG = click.option(
    "--log",
    "log_url",
    metavar="URL",
    envvar=f"{ENV_PREFIX}FEED_LOG",
    default=FEED_SETTINGS["feed_log"]["default"],
    show_default=True,
    help="The feed's log.",
)
CONFIG = click.option(
    "--config", metavar="FILE", help=f"Settings as JSON; those of the environment ({ENV_PREFIX}*) go first."
)


EXAMPLES = """
bigin feed serve --config feed.json
bigin feed run --log sqlite:///bigin-feed.sqlite -- meltano run tap-bigin target-postgres
bigin feed status
"""


@click.command(cls=Group, examples=EXAMPLES)
def command() -> None:
    """Be told of changes within seconds: a receiver of Bigin's notifications, and who acts on them."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")


@subcommand(
    "feed serve",
    examples="""
    bigin feed serve --config feed.json
    BIGIN_FEED_FEED_LOG=postgresql://feed@db/crm bigin feed serve --config feed.json --port 8000
    """,
)
@CONFIG
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=8686, show_default=True, help="Port; 0 for a free one."
)
def serve(config: str | None, host: str, port: int) -> None:
    """Receive notifications into the log, and keep the channel open."""
    from bigin_feed.serving import serve as serve_feed  # noqa: PLC0415 -- brings the extra's web framework

    try:
        serve_feed(_settings(config), host=host, port=port, say=_say)
    except OSError as error:
        raise Trouble(f"cannot listen on {host}:{port}: {error.strerror}.") from error


def _finite(_context: click.Context, _option: click.Parameter, seconds: float) -> float:
    if not math.isfinite(seconds):  # a range lets nan and inf pass
        raise click.BadParameter(f"{seconds} is no number of seconds.")
    return seconds


@subcommand(
    "feed run",
    context_settings={"ignore_unknown_options": True},
    examples="""
    bigin feed run --log sqlite:///bigin-feed.sqlite -- meltano run tap-bigin target-postgres
    bigin feed run -- 'tap-bigin --config tap.json --state state.json | ./load.sh'
    """,
)
@LOG
@click.option(
    "--at-most-every", type=click.FloatRange(0), default=2.0, callback=_finite, show_default=True,
    metavar="SECONDS",
    help="From the start of one run to that of the next.",
)  # fmt: skip
@click.option(
    "--at-least-every", type=click.FloatRange(1), default=3600.0, callback=_finite, show_default=True,
    metavar="SECONDS",
    help="Also if nothing has come: for the sweep.",
)  # fmt: skip
@click.argument("run", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND …")
def run(log_url: str, at_most_every: float, at_least_every: float, run: tuple[str, ...]) -> None:
    """Run a command as soon as something has come. One text with blanks is a pipe for the shell.

    SIGTERM waits for the run that is under way; a second one ends it.
    """
    from bigin_feed.supervisor import Pace, Supervisor  # noqa: PLC0415 -- only this subcommand needs it

    with FeedLog(log_url, read_only=True) as log:
        supervisor = Supervisor(log, run, Pace(at_most_every, at_least_every))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda _number, _frame: supervisor.stop())
        supervisor.run()


@subcommand("feed status", examples="bigin feed status --log sqlite:///bigin-feed.sqlite")
@LOG
@click.option("--secrets", is_flag=True, help="Show the addresses' secret and the channel's token, too.")
def status(log_url: str, *, secrets: bool) -> None:
    """Say how far the log is, until when the channel is open, and what was missed."""
    with FeedLog(log_url, read_only=True) as log:
        state, kept, silences = log.state(), log.kept(), log.silences(last=5)
    now = datetime.now(timezone.utc)
    age = (now - parse_moment(state.heartbeat)).total_seconds()
    _say(f"log        {state.id}, head {state.head:,}, begins after {state.pruned:,}")
    _say(f"heartbeat  {state.heartbeat}, {age:,.0f} s ago")
    _say(f"channel    {_of_channel(kept.get('channel'), now)}")
    if age > SILENT_SECONDS:
        _say("           Nothing is received: start bigin feed serve; where it runs, its messages say why.")
    for each in silences:
        _say(f"silence    {each.begun} to {each.ended}: {each.why}")
    if secrets and "feed" in kept:
        _say(f"secret     {kept['feed']['secret']}  (/notify/<secret>, /hook/<secret>/<module>)")
        _say(f"token      {kept['feed']['token']}")
        _say(f"channel    {kept['feed']['channel_id']}")


@subcommand("feed position", examples="bigin feed position --at 2026-05-14T09:53:58Z")
@LOG
@click.option("--at", required=True, metavar="TIME", help="Such as 2026-05-14T09:53:58Z.")
def position(log_url: str, at: str) -> None:
    """Give the state from which the tap reads again what came since a time."""
    try:
        moment = utc_text(parse_moment(at), timespec="milliseconds")
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint="--at") from error
    with FeedLog(log_url, read_only=True) as log:
        state, found = log.state(), log.position_at(moment)
    if found <= state.pruned:
        click.echo(f"The log begins after {state.pruned:,}: only a sweep brings what was before.", err=True)
        found = state.pruned
    _say(json.dumps({"feed": {"log": state.id, "position": found}}))


@subcommand("feed stop-channels", examples="bigin feed stop-channels --config feed.json")
@CONFIG
def stop_channels(config: str | None) -> None:
    """End the channel at Bigin; bigin feed serve opens it again."""
    from bigin_feed.channels import Channel  # noqa: PLC0415 -- only this subcommand needs it

    settings = _settings(config)
    with FeedLog(settings.feed_log) as log, Client(settings.client) as client:
        Channel(client, log, settings.public_url, settings.modules).stop()
        log.keep({"channel": {"expires": None, "modules": list(settings.modules)}})
    _say("bigin feed: the channel is ended.")


for _each in (serve, run, status, position, stop_channels):
    command.add_command(_each, (_each.name or "").removeprefix("feed "))


def _of_channel(kept: Mapping[str, Any] | None, now: datetime) -> str:
    """Until when it is open; or that it is not, and what opens it."""
    if not kept:
        return "none yet: bigin feed serve opens it"
    modules = ", ".join(kept["modules"])
    if kept["expires"] is None:
        return f"ended, it was stopped; bigin feed serve opens it again: {modules}"
    if parse_moment(kept["expires"]) <= now:
        return (
            f"EXPIRED {kept['expires']}, Bigin tells of nothing; bigin feed serve opens it again: {modules}"
        )
    return f"until {kept['expires']}: {modules}"


def _settings(path: str | None) -> FeedSettings:
    return FeedSettings.from_mapping(read_settings(path, os.environ, sister=_of_tap_and_target))


def _of_tap_and_target() -> Collection[str]:
    """The settings that one file may hold for the tap and the target."""
    from tap_bigin.settings import CONFIG_SCHEMA  # noqa: PLC0415 -- the SDK takes a second to import
    from target_bigin.settings_schema import TARGET_SETTINGS  # noqa: PLC0415

    return {*CONFIG_SCHEMA["properties"], *TARGET_SETTINGS}


def _say(line: str) -> None:
    """A line of the result, at once."""
    click.echo(line)
    sys.stdout.flush()
