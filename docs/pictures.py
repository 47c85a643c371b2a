"""Make the pictures of the docs anew, from what the commands print on a sandbox: docs/pictures."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text
from streams import sandbox

PICTURES = Path(__file__).resolve().parent / "pictures"
BIN = Path(sys.executable).parent
BAD = [
    {"type": "SCHEMA", "stream": "Contacts", "schema": {"properties": {}}, "key_properties": ["Email"]},
    {"type": "RECORD", "stream": "Contacts", "record": {"Email": "ada@lind.example", "Last_Name": "Lind"}},
    {"type": "RECORD", "stream": "Contacts", "record": {"Email": "eva@", "Last_Name": "Berg"}},
    {"type": "RECORD", "stream": "Contacts", "record": {"Email": "otto@berg.example"}},
]
FONTS = re.compile(r"@font-face \{.*?\}", re.DOTALL)  # rich fetches one; a page of ours calls nobody


def main() -> None:
    """Run the commands, and keep what they show."""
    PICTURES.mkdir(exist_ok=True)
    with sandbox(size="small") as url, tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        settings = {
            "client_id": "sandbox-client",
            "client_secret": "sandbox-secret",
            "refresh_token": "sandbox-refresh",
            "api_url": url,
            "accounts_url": url,
            "token_cache_path": "token.json",
            "api_log_path": "api.jsonl",
        }
        for plugin in ("tap", "target"):
            own = {**settings, "run_report_path": f"runs/{plugin}-{{time}}.json"}
            (here / f"{plugin}.json").write_text(json.dumps(own))
        said = _run(here, "bigin", "doctor", "--config", "tap.json")
        _run(here, "tap-bigin", "--config", "tap.json")
        _run(here, "target-bigin", "--config", "target.json", given="\n".join(map(json.dumps, BAD)) + "\n")
        wanted = ["--log", "api.jsonl", "--runs", "runs/*.json", "--rejects", "target-bigin-rejects.jsonl"]
        _run(here, "bigin", "report", *wanted, "-o", str(PICTURES / "report.html"))
    _picture(said, "bigin doctor --config tap.json", PICTURES / "doctor.svg")


def _run(folder: Path, command: str, *arguments: str, given: str = "") -> str:
    ended = subprocess.run(
        [BIN / command, *arguments], cwd=folder, input=given, capture_output=True, text=True, check=False
    )
    return ended.stdout


def _picture(said: str, command: str, path: Path) -> None:
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(Text(f"$ {command}\n{said}"))
    path.write_text(FONTS.sub("", console.export_svg(title="bigin", unique_id="doctor")), "utf-8")


if __name__ == "__main__":
    main()
