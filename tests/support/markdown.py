"""The command blocks of a page, in order.

A block that no test of this folder runs has the reason above it, in a comment that nobody sees on the page:

    <!-- not run: wants a domain and a certificate -->
    <!-- run elsewhere: tests/end_to_end/test_meltano_to_warehouse.py -->
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).resolve().parent.parent.parent
COMMANDS = {"console", "cron", "python", "sh", "sql"}
"""What a reader types; `json`, `yaml`, `ini` … are files, `text` is an answer."""
REASON = re.compile(r"<!-- (not run|run elsewhere): (.+?) -->", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: page and line, language, text; the comment above it, if it holds a reason."""

    page: str
    line: int
    language: str
    text: str
    verdict: str | None = None
    reason: str = ""
    below: str = ""  # the `text` block that follows at once

    @property
    def commands(self) -> str:
        """What is typed: in a console block what follows `$ `, its continued lines too."""
        if self.language != "console":
            return self.text
        kept, goes_on = [], False
        for line in self.text.splitlines():
            if goes_on or line.startswith("$ "):
                kept.append(line.removeprefix("$ ") if not goes_on else line)
                goes_on = line.endswith("\\")
        return "\n".join(kept)

    @property
    def answer(self) -> list[str]:
        """What the page says is answered: the other lines of a console block, and a `text` block below."""
        typed = self.commands.splitlines()
        others = [line for line in self.text.splitlines() if line.removeprefix("$ ") not in typed]
        return [line for line in (*others, *self.below.splitlines()) if line.strip()]


def pages() -> list[str]:
    """Every page that people read, as paths from the root; what changed in old versions is none."""
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [path.relative_to(ROOT).as_posix() for path in found]


def blocks(page: str) -> list[Block]:
    """Every fenced block of a page."""
    found: list[Block] = []
    tokens = MarkdownIt().parse((ROOT / page).read_text("utf-8"))
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type != "fence" or not token.map:
            continue
        above = REASON.search(before.content) if before and before.type == "html_block" else None
        verdict, reason = above.groups() if above else (None, "")
        language = token.info.split(" ")[0]
        if language == "text" and before and before.type == "fence":
            found[-1] = replace(found[-1], below=token.content)
        reason = " ".join(reason.split())
        found.append(Block(page, token.map[0] + 1, language, token.content, verdict, reason))
    return found


def command_blocks(page: str) -> list[Block]:
    """Those of them that a reader types."""
    return [block for block in blocks(page) if block.language in COMMANDS]
