"""The command ``bigin``: its table of contents, and what it says when something is missing."""

from __future__ import annotations

import sys

import click
import pytest
from support.command import run_command

import bigin_cli
import bigin_cli.main as cli


def run(*arguments):
    return run_command(lambda: cli.main(list(arguments)))


@pytest.fixture
def subcommand(monkeypatch, tmp_path):
    """``subcommand(source)``: the only subcommand, ``tried``, made from a module's source."""

    def make(source):
        (tmp_path / "tried.py").write_text(source)
        monkeypatch.setattr(bigin_cli, "__path__", [str(tmp_path)])
        monkeypatch.delitem(sys.modules, "bigin_cli.tried", raising=False)
        monkeypatch.setattr(cli, "SUBCOMMANDS", {"tried": "Try it."})
        monkeypatch.setattr(cli, "EXTRAS", ("tried",))

    return make


def test_each_subcommand_listed_can_be_loaded():
    """A name in the help that does not run is worse than none."""
    for name in cli.SUBCOMMANDS:
        assert isinstance(cli.load(name), click.Command), name


def test_help_lists_what_there_is_and_imports_none_of_it(subcommand):
    """Help answers at once, also where an extra is missing."""
    subcommand("raise AssertionError")

    ended = run("--help")

    assert ended.code == 0
    assert "tried" in ended.out
    assert "Try it." in ended.out


@pytest.mark.parametrize(
    "source",
    [
        "import not_installed_at_all",
        "import click\n@click.command()\ndef command():\n    import not_installed_at_all\n",
    ],
)
def test_a_missing_extra_is_one_line_with_the_install_command(subcommand, source):
    """Whether it is missed at the import or when the command runs."""
    subcommand(source)

    ended = run("tried")

    assert ended.code == 1
    assert ended.said == (
        "Error: bigin tried: not_installed_at_all is not installed; "
        "pip install 'bigin-singer[tried]' brings it.\n"
    )


def test_an_error_of_ours_is_one_line(subcommand):
    """What a person can act on, without a traceback."""
    subcommand(
        "from bigin_api import SettingsError\nfrom bigin_cli.subcommand import subcommand\n"
        "@subcommand('tried', examples='bigin tried')\n"
        "def command():\n    raise SettingsError('client_id is missing.')\n"
    )

    ended = run("tried")

    assert (ended.code, ended.said) == (1, "bigin tried: client_id is missing.\n")


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
