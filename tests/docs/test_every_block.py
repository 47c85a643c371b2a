"""No command stands in the docs untried: each block is run by a test, or says why not."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path

import pytest
import yaml
from support.markdown import ROOT, blocks, command_blocks, pages

HERE = Path(__file__).parent
TRIED = {
    page
    for path in HERE.glob("test_*.py")
    for page in re.findall(r'"((?:docs/|README)[^"]*\.md)"', path.read_text())
}


READERS = {"json": json.loads, "yaml": yaml.safe_load}


@pytest.mark.parametrize("page", pages())
def test_each_command_block_is_run_or_says_why_not(page):
    """Run it in tests/docs, or write `<!-- not run: the reason -->` above it."""
    untried = [f"{page}:{block.line}" for block in command_blocks(page) if block.verdict is None]

    assert page in TRIED or not untried


def test_what_is_run_elsewhere_is_there():
    """A reason that names a test names one that exists."""
    named = [
        ROOT / path
        for page in pages()
        for block in command_blocks(page)
        if block.verdict == "run elsewhere"
        for path in re.findall(r"tests/[\w/]+(?:\.py)?", block.reason)
    ]

    assert named
    assert [path for path in named if not path.exists()] == []


READERS = {"json": json.loads, "yaml": yaml.safe_load}


@pytest.mark.parametrize("page", pages())
def test_each_file_that_is_shown_can_be_read(page):
    """JSON, YAML and unit files, as a reader copies them."""
    for block in blocks(page):
        if block.language in READERS:
            READERS[block.language](block.text)
        if block.language == "ini":
            ConfigParser(strict=False).read_string(
                block.text if block.text[0] == "[" else f"[_]\n{block.text}"
            )


def test_the_lines_for_dlt_are_those_of_the_example():
    """`make examples` runs them there."""
    (block,) = (each for each in blocks("docs/how-to/use-it-with-dlt.md") if each.language == "python")

    assert block.text.strip() in (ROOT / "examples/dlt/bigin_to_duckdb.py").read_text("utf-8")


def test_the_site_has_every_page():
    """What is not in its table of contents nobody finds."""
    named = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text("utf-8")))
    there = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}

    assert there <= named
    assert named - there == {"index.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
