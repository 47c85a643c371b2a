"""The command ``bigin``: its table of contents, and what it says when something is missing."""

from __future__ import annotations

import sys

import click
import pytest
from support.command import run_command

import bigin_cli.main as cli


def run(*arguments):
    return run_command(lambda: cli.main(list(arguments)))


@pytest.fixture
def subcommand(monkeypatch, tmp_path):
    """``subcommand(source, extra=…)``: the only subcommand, ``try``, made from a module's source."""

    def make(source, extra=None):
        (tmp_path / "tried_command.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, "tried_command", raising=False)
        table = {"try": cli.Subcommand("tried_command:command", "Try it.", extra=extra)}
        monkeypatch.setattr(cli, "SUBCOMMANDS", table)

    return make


def test_each_subcommand_listed_can_be_loaded():
    """A name in the help that does not run is worse than none."""
    for name, each in cli.SUBCOMMANDS.items():
        if each.exists:
            assert isinstance(each.load(), click.Command), name


def test_help_lists_what_there_is_and_imports_none_of_it(subcommand):
    """Help answers at once, also where an extra is missing."""
    subcommand("raise AssertionError")

    ended = run("--help")

    assert ended.code == 0
    assert "try" in ended.out
    assert "Try it." in ended.out


def test_a_subcommand_whose_module_is_not_there_is_unknown(monkeypatch):
    """Wrong use: exit code 2."""
    monkeypatch.setattr(cli, "SUBCOMMANDS", {"auth": cli.Subcommand("bigin_cli.not_there:command", "None.")})

    assert run("auth").code == 2
    assert "\n  auth" not in run("--help").out


@pytest.mark.parametrize(
    "source",
    [
        "import not_installed_at_all",
        "import click\n@click.command()\ndef command():\n    import not_installed_at_all\n",
    ],
)
def test_a_missing_extra_is_one_line_with_the_install_command(subcommand, source):
    """Whether it is missed at the import or when the command runs."""
    subcommand(source, extra="feed")

    ended = run("try")

    assert ended.code == 1
    assert ended.said == (
        "Error: bigin try: not_installed_at_all is not installed; "
        "pip install 'bigin-singer[feed]' brings it.\n"
    )


def test_an_error_of_ours_is_one_line(subcommand):
    """What a person can act on, without a traceback."""
    subcommand(
        "import click\nfrom bigin_api import SettingsError\n"
        "@click.command()\ndef command():\n    raise SettingsError('client_id is missing.')\n"
    )

    ended = run("try")

    assert (ended.code, ended.said) == (1, "Error: client_id is missing.\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lgo"], "did you mean 'log'?"),
        (["quite-another"], "there are auth, doctor"),
        (["--verson"], "--version"),
    ],
)
def test_a_wrong_subcommand_or_option_is_one_line(arguments, words):
    """Nobody reads a usage to find a slip of the pen."""
    ended = run(*arguments)

    assert ended.code == 2
    assert ended.said.count("\n") == 1
    assert ended.said.startswith("bigin: ")
    assert words in ended.said
