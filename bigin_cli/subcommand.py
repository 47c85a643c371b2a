"""What every subcommand has: help with an example, --version, exit codes, and one line for each mistake.

0  good
1  something needs a person
2  wrong use
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from importlib.metadata import version
from typing import Any, TypeVar

import click

from bigin_api import BiginError

NEEDS_A_PERSON, WRONG_USE = 1, 2
EXIT_CODES = "0 good, 1 something needs a person, 2 wrong use"
DISTRIBUTION = "bigin-singer"
JSON_FLAG = "--json"
WHOLE = 200  # characters of a sentence in a list of commands

Decorated = TypeVar("Decorated", bound=Callable[..., Any])


class Trouble(click.ClickException):
    """What ends a command: one line on stderr, and exit code 1."""

    exit_code = NEEDS_A_PERSON

    def __init__(self, message: str, *, command: str = "bigin") -> None:
        super().__init__(" ".join(message.split()))
        self.command = command

    def show(self, file: Any = None) -> None:
        """Print it."""
        click.echo(f"{self.command}: {self.format_message()}", file=file, err=file is None)


class WrongUse(Trouble):
    """The same for arguments that cannot be meant: exit code 2."""

    exit_code = WRONG_USE


class Explained(click.Command):
    """A command whose help ends with examples as they are typed, and with its exit codes."""

    def __init__(self, *args: Any, examples: str = "", exit_codes: str = EXIT_CODES, **more: Any) -> None:
        super().__init__(*args, **more)
        self.examples = examples
        self.exit_codes = exit_codes
        self.params.append(_version_option())

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """The examples and the exit codes."""
        with formatter.section("Examples"):
            for line in self.examples.strip().splitlines():
                formatter.write(f"  {line.strip()}\n")
        with formatter.section("Exit codes"):
            formatter.write(f"  {self.exit_codes}\n")


class Group(Explained, click.Group):
    """A group in which a subcommand or an option that is none is one line, with the one that was meant."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The subcommands, each with its first sentence in whole."""
        if rows := self.rows(ctx):
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def rows(self, ctx: click.Context) -> list[tuple[str, str]]:
        """Name and purpose of each subcommand."""
        found = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        return [(name, each.get_short_help_str(WHOLE)) for name, each in found if each is not None]

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the options before the subcommand. Raises WrongUse."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.NoSuchOption as error:
            command = f"bigin {info_name}" if parent else "bigin"
            raise WrongUse(f"{error.format_message()} See `{command} --help`.", command=command) from None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the subcommand. Raises WrongUse."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            names = self.list_commands(ctx)
            alike = get_close_matches(args[0], names, n=1, cutoff=0.5)
            hint = f"did you mean {alike[0]!r}?" if alike else f"there are {', '.join(names)}."
            command = f"bigin {ctx.info_name}" if ctx.parent else "bigin"
            raise WrongUse(f"There is no subcommand {args[0]!r}, {hint}", command=command) from None


class Command(Explained):
    """A subcommand whose every end is one clear line; with ``--json`` stdout is one document all the same."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the arguments."""
        as_json = JSON_FLAG in args and any(JSON_FLAG in each.opts for each in self.params)
        with one_line(f"bigin {self.name}", as_json=as_json):
            return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run."""
        with one_line(f"bigin {self.name}", as_json=bool(ctx.params.get("as_json"))):
            return super().invoke(ctx)


def subcommand(
    name: str, *, examples: str, exit_codes: str = EXIT_CODES, **settings: Any
) -> Callable[[Callable[..., Any]], Command]:
    """A decorator that makes a function a subcommand."""
    return click.command(name, cls=Command, examples=examples, exit_codes=exit_codes, **settings)


def passed_on(name: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """A decorator for a subcommand that reads its arguments itself, ``--help`` among them."""

    def make(function: Callable[..., Any]) -> Command:
        given = click.argument("arguments", nargs=-1, type=click.UNPROCESSED)(function)
        known: dict[str, Any] = {"ignore_unknown_options": True, "allow_interspersed_args": False}
        return click.command(name, cls=Command, add_help_option=False, context_settings=known, **settings)(
            given
        )

    return make


def json_option(what: str) -> Callable[[Decorated], Decorated]:
    """The flag ``--json``: the parameter ``as_json``."""
    about = f'{what} as JSON; of an error, {{"ok": false, "error": "…"}}.'
    return click.option(JSON_FLAG, "as_json", is_flag=True, help=about)


@contextmanager
def one_line(name: str, *, as_json: bool = False) -> Iterator[None]:
    """Turn what a person can mend into one line that says how, and into an exit code.

    ``as_json`` says it on stdout, too: a program that reads a document there must not find nothing.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except (click.ClickException, BiginError, OSError) as error:
        trouble = _trouble(error, name)
        trouble.command = name
        if as_json:
            click.echo(json.dumps({"ok": False, "error": trouble.message}, ensure_ascii=False))
        raise trouble from None


def _trouble(error: click.ClickException | BiginError | OSError, name: str) -> Trouble:
    if isinstance(error, Trouble):
        return error
    if isinstance(error, click.UsageError):
        return WrongUse(f"{error.format_message()} See `{name} --help`.")
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Trouble(f"{where}{error.strerror or type(error).__name__}.")
    return Trouble(error.message if isinstance(error, BiginError) else error.format_message())


def _version_option() -> click.Option:
    def show(ctx: click.Context, _param: click.Parameter, value: bool) -> None:  # noqa: FBT001
        if value and not ctx.resilient_parsing:
            click.echo(f"bigin {version(DISTRIBUTION)}")
            ctx.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=show,
        help="Print the version.",
    )
