"""What the tests of the command share."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click
import pytest
from click.testing import CliRunner, Result
from support.scripted import ScriptedServer

Run = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A server that says what the test wrote down."""
    server = ScriptedServer()
    yield server
    server.close()


@pytest.fixture
def run() -> Run:
    """``run(command, *arguments)``: a subcommand to its end, as on a pipe."""

    def start(command: click.Command, *arguments: object, given: str = "") -> Result:
        result = CliRunner().invoke(command, [str(each) for each in arguments], input=given)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return start
