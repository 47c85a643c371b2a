"""Each example is run from its README, in an empty folder, against sandboxes, and what arrived is compared.

`make examples`. Environments are made in .venv-examples and kept as long as their requirements stay.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from support.sandbox import Sandbox, start_sandbox

from benchmarks.feed import postgresql

EXAMPLES = Path(__file__).resolve().parent
ROOT = EXAMPLES.parent
ENVIRONMENTS = ROOT / ".venv-examples"
OURS = Path(sys.executable).parent
NAMES = ("org1", "org2", "org3")
PATIENCE = 1_200  # seconds for a command: some make their environments first


class Project:
    """An example in a folder of its own. ``block(n)`` runs the README's n-th block of commands."""

    def __init__(self, name: str, folder: Path) -> None:
        shutil.copytree(EXAMPLES, folder / "examples", ignore=shutil.ignore_patterns("__pycache__", "test_*"))
        self.folder = folder / "examples" / name
        self.bin = environment(name)
        readme = (self.folder / "README.md").read_text("utf-8")
        blocks = re.findall(r"```console\n(.*?)```", readme, flags=re.DOTALL)
        self._blocks = [
            [line[2:] for line in block.splitlines() if line.startswith("$ ")] for block in blocks
        ]
        path = (self.bin, *({environment("meltano")} if name in {"airflow", "dagster"} else ()), OURS)
        self.variables = {
            **os.environ,
            "PATH": os.pathsep.join([*map(str, path), os.environ["PATH"]]),
            "XDG_CACHE_HOME": str(folder / "cache"),
            "DLT_DATA_DIR": str(folder / "dlt"),
        }
        for name_ in ("VIRTUAL_ENV", "PYTHONPATH"):
            self.variables.pop(name_, None)

    def block(self, number: int) -> subprocess.CompletedProcess[str]:
        """Run a block; what earlier ones exported still holds."""
        before = [line for block in self._blocks[:number] for line in block if "export " in line]
        lines = [line for line in self._blocks[number] if not line.startswith("pip install")]  # done already
        return self.run("\n".join(["set -e", *before, *lines]))

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run a script as a person would, in the example's folder."""
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self.variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        (self.folder / "said.txt").write_text(ended.stdout + ended.stderr)
        return ended

    def rows(self, database: str, sql: str, *, python: Path | None = None) -> list[list[Any]]:
        """What a warehouse holds, read by the duckdb that wrote it."""
        code = (
            f"import duckdb, json; c = duckdb.connect({database!r}, read_only=True); "
            f"print(json.dumps(c.execute({sql!r}).fetchall(), default=str))"
        )
        python = python or self.bin / "python"
        ended = subprocess.run(
            [python, "-c", code], cwd=self.folder, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stderr
        found: list[list[Any]] = json.loads(ended.stdout)
        return found


def environment(name: str) -> Path:
    """The ``bin`` of an example's environment, made at the first use or when its requirements change."""
    wanted = (EXAMPLES / name / "requirements.txt").read_text("utf-8")
    if name == "meltano":
        wanted += "moto[server]==5.2.5  # a bucket to keep state in\n"
    folder = ENVIRONMENTS / name
    stamp = folder / "requirements.txt"
    if not stamp.exists() or stamp.read_text("utf-8") != wanted:
        subprocess.run([interpreter(name), "-m", "venv", "--clear", str(folder)], check=True)
        stamp.with_suffix(".new").write_text(wanted, "utf-8")
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "-r", str(stamp.with_suffix(".new"))], check=True)
        stamp.with_suffix(".new").replace(stamp)
    return folder / "bin"


def interpreter(name: str) -> str:
    """The Python of an example's environment: PyAirbyte wants one below 3.13."""
    if name != "airbyte" or sys.version_info < (3, 13):
        return sys.executable
    older = filter(None, map(shutil.which, ("python3.12", "python3.11", "python3.10")))
    return next(older, None) or pytest.skip("PyAirbyte wants a Python below 3.13, and there is none.")


@pytest.fixture
def sandboxes() -> Iterator[dict[str, Sandbox]]:
    """Three organisations, each on a sandbox of its own."""
    running = {name: start_sandbox() for name in NAMES}
    handles = {name: Sandbox(each.url) for name, each in running.items()}
    yield handles
    for handle in handles.values():
        handle.close()
    for each in running.values():
        each.stop()
        each.log.unlink()


@pytest.fixture
def one(sandboxes: dict[str, Sandbox]) -> Sandbox:
    """One of them."""
    return sandboxes["org1"]


Make = Callable[[str], Project]


@pytest.fixture
def project(tmp_path: Path, sandboxes: dict[str, Sandbox]) -> Make:
    """``project(name)``: an example in an empty folder, with the settings that its README names."""

    def make(name: str) -> Project:
        made = Project(name, tmp_path)
        (made.folder / "config.json").write_text(json.dumps(sandboxes["org1"].settings_for()))
        made.variables |= {"BIGIN_CLIENT_ID": Sandbox.client_id, "BIGIN_CLIENT_SECRET": Sandbox.client_secret}
        for organisation, sandbox in sandboxes.items():
            made.variables[f"{organisation.upper()}_URL"] = sandbox.url
            made.variables[f"{organisation.upper()}_REFRESH_TOKEN"] = Sandbox.refresh_token
        return made

    return make


def work(sandbox: Sandbox) -> tuple[str, str]:
    """People edit a contact and found a company; gives both ids."""
    sandbox.clock(advance=90)
    edited: str = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "edit", "module": "Contacts", "id": edited, "data": {"Last_Name": "Renamed"}})
    return edited, sandbox.create("Accounts", Account_Name="Newly founded")


def held(sandbox: Sandbox) -> dict[str, list[list[Any]]]:
    """What the organisation holds, as the queries below give it."""
    contacts = sorted([each["id"], each["Last_Name"], each["Email"]] for each in sandbox.dump("Contacts"))
    accounts = sorted([each["id"], each["Account_Name"]] for each in sandbox.dump("Accounts"))
    return {"contacts": contacts, "accounts": accounts, "notes": [[sandbox.count("Notes")]]}


QUERIES = {
    "contacts": "select id, last_name, nullif(email, '') from bigin.contacts order by 1",
    "accounts": "select id, account_name from bigin.accounts order by 1",
    "notes": "select count(*) from bigin.notes",
}


def stored(project: Project, database: str, *, python: Path | None = None) -> dict[str, list[list[Any]]]:
    """What the warehouse holds."""
    return {name: project.rows(database, sql, python=python) for name, sql in QUERIES.items()}


def test_pyairbyte_reads_and_reads_on(project: Make, one: Sandbox) -> None:
    """Without Docker; the second read continues, and the rows are those of the organisation."""
    example = project("airbyte")
    example.block(1)
    first = stored(example, "warehouse.duckdb")
    assert first == held(one)
    work(one)
    before = one.usage()["credits"]

    second = example.block(2)

    assert second.returncode == 0, second.stderr
    assert stored(example, "warehouse.duckdb") == held(one)
    assert re.search(r"read: (\d+) records", second.stdout)
    assert one.usage()["credits"] - before < before
    assert one.usage()["by_endpoint"]["GET /Contacts"]["calls"] <= 5


def test_dlt_loads_and_brings_what_is_new(project: Make, one: Sandbox) -> None:
    """The tap's state is dlt's: stored with the records that it covers."""
    example = project("dlt")
    first = example.block(0)
    assert first.returncode == 0, first.stderr
    assert stored(example, "warehouse.duckdb") == held(one)
    edited, _ = work(one)

    second = example.block(1)

    assert second.returncode == 0, second.stderr
    assert stored(example, "warehouse.duckdb") == held(one)
    (told,) = re.findall(r"- contacts: (\d+) row", second.stdout) or ["0"]
    assert int(told) == 1, edited


def spent(sandboxes: dict[str, Sandbox]) -> dict[str, int]:
    """Credits by organisation."""
    return {name: each.usage()["credits"] for name, each in sandboxes.items()}


def load_with_a_failure(example: Project, sandboxes: dict[str, Sandbox], first: int, again: int) -> None:
    """One of three fails: the others finish, a rerun takes only that one, and nobody pays twice."""
    sandboxes["org2"].fault("GET /Contacts", status=500, times=1_000)
    failed = example.block(first)
    assert failed.returncode != 0
    after_first = spent(sandboxes)
    for name in ("org1", "org3"):
        assert stored(example, f"output/{name}.duckdb", python=OURS / "python") == held(sandboxes[name])
    sandboxes["org2"].clear_faults()

    mended = example.block(again)

    assert mended.returncode == 0, mended.stdout + mended.stderr
    cost = {name: credits_ - after_first[name] for name, credits_ in spent(sandboxes).items()}
    assert (cost["org1"], cost["org3"]) == (0, 0)
    assert 0 < cost["org2"] < after_first["org1"]
    assert stored(example, "output/org2.duckdb", python=OURS / "python") == held(sandboxes["org2"])


def test_meltano_runs_three_organisations(project: Make, sandboxes: dict[str, Sandbox]) -> None:
    """An inherited plugin each, side by side in one project."""
    example = project("meltano")
    assert example.block(0).returncode == 0

    load_with_a_failure(example, sandboxes, 1, 2)


def test_meltano_keeps_state_in_a_folder_a_database_and_a_bucket(
    project: Make, one: Sandbox, tmp_path: Path
) -> None:
    """Machines that share an organisation share its state."""
    example = project("meltano")
    assert example.block(0).returncode == 0
    pair = "meltano run tap-bigin--org1 target-duckdb--org1"
    with postgresql() as address, bucket(example.bin) as s3:
        backends = {
            "folder": {"MELTANO_STATE_BACKEND_URI": f"file://{tmp_path / 'state'}"},
            "PostgreSQL": {"MELTANO_DATABASE_URI": address.replace("postgresql:", "postgresql+psycopg:", 1)},
            "S3": {"MELTANO_STATE_BACKEND_URI": "s3://bigin/state", **s3},
        }
        for name, variables in backends.items():
            settings = " ".join(f"{key}='{value}'" for key, value in variables.items())
            shutil.rmtree(example.folder / "output", ignore_errors=True)
            (example.folder / "output").mkdir()
            start = one.usage()["credits"]
            first = example.run(f"{settings} {pair}")
            middle = one.usage()["credits"]
            # Another machine: nothing but the state is left.
            shutil.rmtree(example.folder / ".meltano" / "run", ignore_errors=True)
            second = example.run(f"{settings} {pair} && {settings} meltano state list")
            end = one.usage()["credits"]

            assert (first.returncode, second.returncode) == (0, 0), (name, first.stderr, second.stderr)
            assert "prod:tap-bigin--org1-to-target-duckdb--org1" in second.stdout + second.stderr
            assert end - middle < middle - start, name
            rows = example.rows(
                "output/org1.duckdb", "select count(*) from bigin.contacts", python=OURS / "python"
            )
            assert rows == [[one.count("Contacts")]], name


def test_dagster_has_a_partition_an_organisation(project: Make, sandboxes: dict[str, Sandbox]) -> None:
    """Three at a time; what is not materialized is taken again."""
    load_with_a_failure(project("dagster"), sandboxes, 0, 1)


def test_airflow_maps_a_task_an_organisation(project: Make, sandboxes: dict[str, Sandbox]) -> None:
    """dag.test() says 0 whatever became of the run; the script does not."""
    load_with_a_failure(project("airflow"), sandboxes, 0, 1)


@contextmanager
def bucket(environment_bin: Path) -> Iterator[dict[str, str]]:
    """A bucket on a local S3, as Meltano is told of it."""
    from support.feed import free_port

    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [str(environment_bin / "python"), "-m", "moto.server", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            _until_it_answers(port)
            made = urllib.request.Request(f"{address}/bigin", method="PUT")
            urllib.request.urlopen(made, timeout=9).close()
            yield {
                "MELTANO_STATE_BACKEND_S3_AWS_ACCESS_KEY_ID": "key",
                "MELTANO_STATE_BACKEND_S3_AWS_SECRET_ACCESS_KEY": "secret",
                "MELTANO_STATE_BACKEND_S3_ENDPOINT_URL": address,
            }
        finally:
            server.terminate()


def _until_it_answers(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("moto did not start")
