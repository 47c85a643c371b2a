"""The house stays in order: no circle, no folder with too many rooms, each folder with its one job."""

from __future__ import annotations

import ast
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
MOST_FILES = {
    "bigin_api": 9,
    "bigin_feed": 9,
    "tap_bigin": 9,
    "target_bigin": 9,
    "bigin_airbyte": 9,
    "bigin_cli": 13,
    "bigin_sandbox": 24,
}
FOLDERS = [
    (package, folder)
    for package in MOST_FILES
    for folder in sorted({each.parent for each in (ROOT / package).rglob("*.py")})
]


@pytest.mark.parametrize("package", MOST_FILES)
def test_no_file_imports_itself_by_a_detour(package):
    """Files in a circle can only be understood all at once; imports for types alone count too."""
    graph = grimp.build_graph(package)

    circles = {
        module
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
        if graph.chain_exists(importer=imported, imported=module)
    }

    assert circles == set()


@pytest.mark.parametrize(("package", "folder"), FOLDERS, ids=[str(f.relative_to(ROOT)) for _, f in FOLDERS])
def test_a_folder_is_a_table_of_contents(package, folder):
    """Few enough files to be read at a glance, and one line that says what they are for."""
    init = folder / "__init__.py"
    said = ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""

    assert len(list(folder.glob("*.py"))) <= MOST_FILES[package]
    assert said.splitlines()[0].endswith("."), f"{init} does not say the folder's one job"
