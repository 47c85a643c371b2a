"""A real Meltano in the project's own folder, with state, warehouse and rejects in a folder of the test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from support.sandbox import Sandbox, start_sandbox

ROOT = Path(__file__).resolve().parent.parent.parent
MELTANO = ROOT / ".venv-meltano" / "bin" / "meltano"


@dataclass
class Meltano:
    """Runs Meltano against one sandbox; ``warehouse`` and ``rejects`` are files of this test alone."""

    folder: Path
    environment: dict[str, str] = field(repr=False)
    asked_for_fields: int = 0  # how often the first load did

    @property
    def warehouse(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def rejects(self) -> Path:
        return self.folder / "rejects.jsonl"

    def __call__(
        self, *arguments: str, check: bool = True, **settings: str
    ) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            [str(MELTANO), *arguments],
            cwd=ROOT,
            env={**self.environment, **settings},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check:
            assert ended.returncode == 0, ended.stdout[-3000:] + ended.stderr[-6000:]
        return ended

    def rows(self, query: str) -> list[tuple]:
        """Ask the warehouse."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(query).fetchall()

    def count(self, table: str) -> int:
        return self.rows(f"select count(*) from bigin.{table.lower()}")[0][0]


def credentials(prefix: str, url: str) -> dict[str, str]:
    return {
        f"{prefix}_API_URL": url,
        f"{prefix}_ACCOUNTS_URL": url,
        f"{prefix}_CLIENT_ID": "sandbox-client",
        f"{prefix}_CLIENT_SECRET": "sandbox-secret",
        f"{prefix}_REFRESH_TOKEN": "sandbox-refresh",
    }


@pytest.fixture
def meltano(sandbox, tmp_path):
    return meltano_in(tmp_path, sandbox)


@pytest.fixture(scope="session")
def first_load(sandbox_process, tmp_path_factory):
    """Meltano after a first run, which has loaded a fresh organisation."""
    handle = Sandbox(sandbox_process.url)
    handle.reset()
    run = meltano_in(tmp_path_factory.mktemp("loaded"), handle)
    run("run", "tap-bigin", "target-duckdb")
    run.asked_for_fields = handle.calls("GET /settings/fields")
    handle.close()
    return run


@pytest.fixture
def loaded(first_load, meltano):
    """Meltano after that first run: the organisation of each test is the same as the one it loaded."""
    shutil.copytree(first_load.folder, meltano.folder, dirs_exist_ok=True)
    meltano.asked_for_fields = first_load.asked_for_fields
    return meltano


def meltano_in(folder, sandbox):
    assert MELTANO.exists(), "Run the tests with `make test`: it makes the environment that Meltano lives in."
    # Meltano installs its plugins uncompiled: where nothing may be written, each start compiles the SDK anew.
    others = re.compile(r"(TAP|TARGET|MELTANO)_|PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not others.match(name)}
    return Meltano(
        folder,
        {
            **kept,
            **credentials("TAP_BIGIN", sandbox.url),
            **credentials("TARGET_BIGIN", sandbox.url),
            "TARGET_DUCKDB_PATH": str(folder / "warehouse.duckdb"),
            "TARGET_BIGIN_REJECTS_PATH": str(folder / "rejects.jsonl"),
            "MELTANO_DATABASE_URI": f"sqlite:///{folder / 'meltano.db'}",
            "MELTANO_SEND_ANONYMOUS_USAGE_STATS": "false",
            "MELTANO_CLI_DISABLE_VERSION_CHECK": "true",
            "NO_COLOR": "1",
        },
    )


@pytest.fixture(scope="session")
def other_process():
    running = start_sandbox("--size", "empty")
    yield running
    assert running.stop() == 0
    running.log.unlink()


@pytest.fixture
def other_sandbox(other_process):
    """A second organisation with the same modules and fields, and nothing in it."""
    handle = Sandbox(other_process.url)
    handle.reset(size="empty")
    yield handle
    handle.close()
