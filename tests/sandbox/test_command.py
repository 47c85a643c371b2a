"""The command `bigin-sandbox serve` as a process."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys

import pytest
from support.processes import run
from support.sandbox import Sandbox, start_sandbox

SERVE = [sys.executable, "-m", "bigin_sandbox", "serve"]


def _run(*options):
    return run("bigin-sandbox", "serve", *options)


def test_one_line_says_where_it_listens():
    """Whoever starts it waits for this line and reads the port from it."""
    running = start_sandbox("--size", "small", "--seed", "7")

    code = running.stop()

    address = f"listening on {running.url}"
    assert running.first_line == f"bigin-sandbox: {address} (organisation of 200 records, seed 7)"
    assert (code, running.log.read_text()) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_when_told_to(number):
    """No traceback at the end of a demo, whichever signal ended it."""
    running = start_sandbox("--size", "empty")

    code = running.stop(number)

    assert (code, running.log.read_text()) == (0, "")


def test_a_taken_port_is_one_clear_line():
    """Not a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = _run("--port", str(port))

    assert ended.returncode == 1
    assert ended.stderr == f"bigin-sandbox: cannot listen on 127.0.0.1:{port}: Address already in use\n"


@pytest.mark.parametrize("options", [["--size", "huge"], ["--ims", "maybe"], ["--token-paging", "x"]])
def test_wrong_options_are_named(options):
    """As a command does: exit code 2."""
    ended = _run(*options)

    assert ended.returncode == 2
    assert options[0] in ended.stderr


def test_any_setting_can_be_given_at_the_start():
    """Those without an option of their own too; a reset comes back to them."""
    running = start_sandbox("--set", "device_consent=approve", "--set", "visibility_delay_seconds=1.5")
    handle = Sandbox(running.url)

    handle.settings(device_consent="deny")
    handle.reset()

    settings = handle.settings()
    handle.close()
    running.stop()
    assert (settings["device_consent"], settings["visibility_delay_seconds"]) == ("approve", 1.5)


@pytest.mark.parametrize(
    ("given", "why"),
    [("pace=9", "unknown setting 'pace'"), ("location=mars", "location is one of"), ("ims", "NAME=VALUE")],
)
def test_a_setting_that_is_none_is_named(given, why):
    """Exit code 2, as for every wrong option."""
    ended = _run("--set", given)

    assert (ended.returncode, why in ended.stderr) == (2, True)


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=b"])
def test_a_client_that_goes_away_in_mid_request_is_no_error(content_type):
    """Programs get killed; what the sandbox writes to stderr is kept for what is wrong with itself."""
    running = start_sandbox("--size", "empty")
    port = int(running.url.rsplit(":", 1)[1])
    head = f"POST /bigin/v2/Contacts HTTP/1.1\r\nHost: x\r\nContent-Type: {content_type}\r\n"

    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f'{head}Content-Length: 1000\r\n\r\n{{"data": ['.encode())
    handle = Sandbox(running.url)
    contacts = handle.count("Contacts")
    handle.close()
    code = running.stop()

    assert (contacts, code, running.log.read_text()) == (0, 0, "")


def test_a_file_keeps_the_organisation(tmp_path):
    """`--db FILE`: what was written is there after a restart."""
    file = str(tmp_path / "bigin.db")
    first = start_sandbox("--db", file, "--size", "small")
    handle = Sandbox(first.url)
    contact = handle.create("Contacts", Last_Name="Kept")
    handle.close()
    first.stop()

    second = start_sandbox("--db", file)
    handle = Sandbox(second.url)
    kept = handle.dump("Contacts")[-1]
    handle.close()
    second.stop()

    assert (kept["id"], kept["Last_Name"]) == (contact, "Kept")
    assert second.first_line.endswith(f"(organisation of 201 records, kept in {file})")


def test_a_file_that_is_no_database_is_one_clear_line(tmp_path):
    """Not a traceback, and the file stays what it was."""
    file = tmp_path / "notes.txt"
    file.write_text("not a database, but long enough to be looked at" * 50)

    ended = _run("--port", "0", "--db", str(file))

    assert ended.returncode == 1
    assert ended.stderr == f"bigin-sandbox: cannot use {file}: file is not a database\n"
    assert file.read_text().startswith("not a database")


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """The extra `sandbox` may be missing: one line, no traceback."""
    hide = "import importlib.util as u; f = u.find_spec; "
    hide += "u.find_spec = lambda name, *a: None if name == 'uvicorn' else f(name, *a); "
    code = hide + "from bigin_sandbox.__main__ import main; raise SystemExit(main(['serve']))"

    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )

    assert ended.returncode == 1
    assert ended.stderr == (
        "bigin-sandbox: uvicorn not installed; pip install 'bigin-singer[sandbox]' brings it\n"
    )
