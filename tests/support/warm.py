"""The project's commands for a shell: on PATH, and begun by the process that has imported them.

A page of documentation has ten commands, and importing one takes a second. Each script in the folder of
``WarmCommands`` hands arguments, folder, environment and standard streams to this process, which starts the
command as ``support.processes`` does, and ends with its exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import sys
import tempfile
import threading
from importlib.metadata import distribution
from pathlib import Path

from support.processes import start

CLIENT = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([[{name!r}, *sys.argv[1:]], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [asked], [0, 1, 2])
    code = server.recv(1)
sys.exit(code[0] if code else 1)
"""
MOST_BYTES = 1 << 17  # of arguments and environment


class WarmCommands:
    """A folder for PATH with every command of the project, until it is closed."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="warm-"))
        address = str(self.folder / "s")  # short: an address has 104 bytes at most
        for script in distribution("bigin-singer").entry_points:
            path = self.folder / script.name
            path.write_text(CLIENT.format(python=sys.executable, address=address, name=script.name))
            path.chmod(0o755)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(address)
        self._listener.listen()
        threading.Thread(target=self._serve, name="warm", daemon=True).start()

    def close(self) -> None:
        """Take the commands away."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        shutil.rmtree(self.folder)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):  # closed
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=_run, args=(connection,), daemon=True).start()


def _run(connection: socket.socket) -> None:
    """Start what a script asks for, and tell it the exit code."""
    with connection, contextlib.ExitStack() as stack:
        asked, handed, _, _ = socket.recv_fds(connection, MOST_BYTES, 3)
        command, folder, environment = json.loads(asked)
        streams = [
            stack.enter_context(os.fdopen(each, "rb" if each == handed[0] else "wb")) for each in handed
        ]
        names = ("stdin", "stdout", "stderr")
        running = start(*command, cwd=Path(folder), env=environment, **dict(zip(names, streams, strict=True)))
        stack.close()  # the command has its own, and the next of a pipe waits for their end
        code = running.wait()
        connection.sendall(bytes([code if code >= 0 else 128 - code]))
