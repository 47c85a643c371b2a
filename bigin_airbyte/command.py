"""The command ``source-bigin``: spec, check, discover and read, as Airbyte calls them.

All that is said goes to standard output, as messages. 0: something could be told or read, and streams that
failed have said so. 1: nothing could be. 2: wrong use.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import click

from bigin_airbyte import messages
from bigin_airbyte.catalog import airbyte_catalog
from bigin_airbyte.reading import read as read_streams
from bigin_airbyte.spec import specification, with_token_cache
from bigin_airbyte.writer import AirbyteWriter
from bigin_api.access.checkup import Problem, verdict
from bigin_api.errors import BiginError, sentence
from bigin_api.settings.files import read_file, read_settings
from tap_bigin.outlook.checkup import examine
from tap_bigin.report import fault
from tap_bigin.singer.ending import Terminated
from tap_bigin.tap import TapBigin

FAILED = 1
_config = click.option("--config", metavar="FILE", required=True, help="The settings, as JSON.")


class _Source(click.Group):
    """Commands whose every end is a message."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        ctx.obj = writer = AirbyteWriter()
        _log_to(writer)
        with _told_errors(writer):
            return super().invoke(ctx)


@click.group(cls=_Source, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bigin-singer")
def main() -> None:
    """Bigin by Zoho CRM as an Airbyte source."""


@main.command()
@click.pass_obj
def spec(writer: AirbyteWriter) -> None:
    """Tell the settings."""
    writer.tell({"type": "SPEC", "spec": specification()})


@main.command()
@_config
@click.pass_obj
def check(writer: AirbyteWriter, config: str) -> None:
    """Tell whether a sync with these settings could begin, as `bigin doctor` does."""
    try:
        problems = _problems(with_token_cache(read_settings(config)))
    except BiginError as error:
        problems = [Problem("error", error.message, error.message)]
    errors = [each for each in problems if each.severity == "error"]
    for problem in problems:
        level = logging.ERROR if problem in errors else logging.WARNING
        logging.getLogger("tap-bigin").log(level, "%s", _in_words(problem))
    told = " ".join([verdict(problems), *map(_in_words, errors)])
    writer.tell(messages.connection_status(told if errors else None))


def _problems(settings: dict[str, Any]) -> list[Problem]:
    wrong = TapBigin.config_errors(settings)
    if wrong:
        return [Problem("error", sentence(f"Settings: {each}"), "mend this setting") for each in wrong]
    return examine(settings).problems


def _in_words(problem: Problem) -> str:
    return problem.what if problem.what == problem.do else f"{problem.what} → {problem.do}."


@main.command()
@_config
@click.pass_obj
def discover(writer: AirbyteWriter, config: str) -> None:
    """Tell the streams."""
    tap = TapBigin(config=with_token_cache(read_settings(config)), message_writer=writer)
    with closing(tap.shared):
        writer.tell({"type": "CATALOG", "catalog": airbyte_catalog(tap.catalog_dict)})


@main.command()
@_config
@click.option("--catalog", metavar="FILE", required=True, help="The configured streams, as JSON.")
@click.option("--state", metavar="FILE", help="The states of the sync before, as a JSON list.")
@click.pass_obj
def read(writer: AirbyteWriter, config: str, catalog: str, state: str | None) -> None:
    """Tell the records of the configured streams, from where the state says."""
    settings = with_token_cache(read_settings(config))
    given = None if state is None else read_file(state, "--state")
    if not read_streams(settings, read_file(catalog, "--catalog"), given, writer):
        sys.exit(FAILED)


@contextmanager
def _told_errors(writer: AirbyteWriter) -> Iterator[None]:
    """Turn what ends a command into its last message and its exit code."""
    try:
        yield
    except (click.exceptions.Exit, click.ClickException):
        raise
    except Terminated as ended:
        _end_by_signal(ended.args[0])
    except BrokenPipeError:
        os._exit(FAILED)  # nobody reads any more, and nobody hears why
    except Exception as error:  # Airbyte sees messages, no tracebacks
        logging.getLogger("tap-bigin").debug("What ended it:", exc_info=True)
        writer.tell(messages.error_trace(error if isinstance(error, BiginError) else fault(error)))
        sys.exit(FAILED)


def _end_by_signal(number: int) -> None:
    """End as if the signal had not been caught: callers tell a stop from a failure by it."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


class _Log(logging.Handler):
    def __init__(self, writer: AirbyteWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.tell_log(record)


def _log_to(writer: AirbyteWriter) -> None:
    logging.basicConfig(level=os.environ.get("LOGLEVEL", "INFO").upper(), handlers=[_Log(writer)], force=True)
    logging.captureWarnings(capture=True)
