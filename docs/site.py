"""Put the pages of the site together, in .site/pages: docs/ as it is, and the README beside it.

What a page links to outside of docs/ (a folder of definitions, the Makefile) is no page: such a link becomes
its text.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / ".site" / "pages"
BESIDE = {"README.md": "index.md", "CHANGELOG.md": "", "CONTRIBUTING.md": "", "SECURITY.md": ""}
"""Pages of the repository's root, and what they are called on the site."""
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!https?:|#|mailto:)([^)#]+)(#[^)]*)?\)")


def main() -> None:
    """Write the folder anew."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs", PAGES, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name, called in BESIDE.items():
        _write(ROOT / name, PAGES / (called or name))
    for page in (ROOT / "docs").rglob("*.md"):
        _write(page, PAGES / page.relative_to(ROOT / "docs"))


def _write(source: Path, page: Path) -> None:
    def moved(link: re.Match[str]) -> str:
        text, target, anchor = link[1], (source.parent / link[2]).resolve(), link[3] or ""
        place = _place(target)
        if place is None:
            return text
        return f"[{text}]({_relative(place, page.parent)}{anchor})"

    page.write_text(LINK.sub(moved, source.read_text("utf-8")), "utf-8")


def _place(target: Path) -> Path | None:
    """Where a file of the repository stands on the site; None if it is not there."""
    if target.is_relative_to(ROOT / "docs") and target.is_file():
        return PAGES / target.relative_to(ROOT / "docs")
    name = target.relative_to(ROOT).as_posix()
    return PAGES / (BESIDE[name] or name) if name in BESIDE else None


def _relative(place: Path, folder: Path) -> str:
    up = 0
    while not place.is_relative_to(folder):
        folder, up = folder.parent, up + 1
    return "../" * up + place.relative_to(folder).as_posix()


if __name__ == "__main__":
    main()
