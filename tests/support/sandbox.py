"""A running sandbox in the hands of a test.

sandbox.url                                   http://127.0.0.1:PORT: api_url and accounts_url
sandbox.dump("Contacts")                      every record, as the single-record API shows it, in UTC
sandbox.dump("Contacts", drained=False)       the same while a run goes on: looks wait, unless told so, until
                                              what is under way has landed
sandbox.mutate({"op": "edit", …}, …)          people at work; see bigin_sandbox.control.mutations
sandbox.fault("POST /Contacts", lose_response=True, times=1)
sandbox.clock(advance=3600)
sandbox.reset(size="medium", token_paging="offset")
sandbox.token()                               an access token, for calls made by hand
sandbox.api("GET", "/Contacts", params=…)     such a call
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import requests
import urllib3

READY = re.compile(r"listening on (http://\S+)")
DEADLINE = 30  # seconds, for any single answer


class Sandbox:
    """One organisation on a sandbox process."""

    client_id = "sandbox-client"
    client_secret = "sandbox-secret"
    refresh_token = "sandbox-refresh"
    limited_refresh_token = "sandbox-limited"

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False  # to look for proxies and a .netrc takes half a millisecond a call
        # The controls, some ten calls a test, by what requests stands on: in a third of its time.
        self._controls = urllib3.connection_from_url(url, maxsize=8, retries=False, timeout=DEADLINE)
        self._tokens: dict[str, str] = {}

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()
        self._controls.close()

    # controls

    def drain(self) -> int:
        """Wait until the calls that are under way now are answered; gives how many there were.

        A delayed call still writes when its caller is gone: who looks too soon misses what it doubles.
        """
        return self._control("POST", "drain")["waited_for"]

    def usage(self, *, drained: bool = True) -> dict[str, Any]:
        """Calls, credits, by_endpoint, statuses, most_in_flight."""
        return self._control("GET", "usage", drained=drained)

    def calls(self, endpoint: str, *, drained: bool = True) -> int:
        """How often an endpoint was called, such as `GET /Contacts` or `POST /Contacts/upsert`."""
        entry = self.usage(drained=drained)["by_endpoint"].get(endpoint)
        return entry["calls"] if entry else 0

    def automation(self) -> dict[str, Any]:
        """`fired`, and by module, operation and trigger: what would have run."""
        return self._control("GET", "automation")

    def dump(self, module: str, *, drained: bool = True) -> list[dict[str, Any]]:
        """Every record of a module, oldest first."""
        return self._control("GET", f"dump?module={module}", drained=drained)

    def count(self, module: str, *, drained: bool = True) -> int:
        """How many records a module has."""
        return self._control("GET", f"count?module={module}", drained=drained)["count"]

    def deleted(self, module: str) -> list[dict[str, Any]]:
        """The recycle bin."""
        return self._control("GET", f"deleted?module={module}", drained=True)

    def mutate(self, *wishes: dict[str, Any]) -> list[Any]:
        """People at work."""
        return self._control("POST", "mutate", list(wishes))

    def create(self, module: str, **data: Any) -> str:
        """A new record; gives its id."""
        return self.mutate({"op": "create", "module": module, "data": data})[0]["id"]

    def merge(self, module: str, winner: str, *losers: str, **how: Any) -> None:
        """A merge in Bigin's screen: the losers are deleted for good."""
        self.mutate({"op": "merge", "module": module, "id": winner, "losers": list(losers), **how})

    def submit(self, module: str, record_id: str) -> None:
        """A record comes under approval: lists miss it."""
        self.mutate({"op": "submit", "module": module, "id": record_id})

    def approve(self, module: str, record_id: str) -> None:
        """It is approved, and there again with its old Modified_Time."""
        self.mutate({"op": "approve", "module": module, "id": record_id})

    def change_metadata(self, *wishes: dict[str, Any]) -> list[Any]:
        """Administrators at work."""
        return self._control("POST", "metadata", list(wishes))

    def fault(self, match: str, **how: Any) -> None:
        """Something that is to go wrong."""
        self._control("POST", "faults", [{"match": match, **how}])

    def clear_faults(self) -> None:
        """Nothing is to go wrong any more."""
        self._control("DELETE", "faults")

    def clock(self, **turn: Any) -> str:
        """`advance=seconds`, `set="…Z"`, `freeze=True`; gives the present."""
        return self._control("POST", "clock", turn)["now"] if turn else self._control("GET", "clock")["now"]

    def bulk(self, **wish: Any) -> None:
        """How bulk jobs go, such as `outcome="FAILURE"`; see bigin_sandbox.rules.bulk_jobs."""
        self._control("POST", "bulk", wish)

    def deliveries(self, **troubles: Any) -> dict[str, Any]:
        """What became of notifications, and how they fare: from now on as asked, if so asked."""
        return (
            self._control("POST", "deliveries", troubles) if troubles else self._control("GET", "deliveries")
        )

    def expire_channels(self) -> None:
        """End every notification channel, without a word."""
        self._control("POST", "expire_channels")

    def settings(self, **changes: Any) -> dict[str, Any]:
        """The settings, changed if so asked; the organisation stays."""
        return self._control("POST", "settings", changes) if changes else self._control("GET", "settings")

    def reset(self, **options: Any) -> None:
        """A fresh organisation; settings as at the start but for these."""
        self._tokens.clear()
        self._control("POST", "reset", options)

    def expire_tokens(self) -> None:
        """End every access token."""
        self._control("POST", "expire_tokens")

    def grant_code(self, scope: str, **more: Any) -> str:
        """A grant code for these scopes; `user`, a place among the users, `seconds` that it is good for."""
        return self._control("POST", "code", {"scope": scope, **more})["code"]

    def refresh_token_for(self, scope: str, **more: Any) -> str:
        """A new refresh token for these scopes."""
        code = self.grant_code(scope, **more)
        return self.request_token(grant_type="authorization_code", code=code).json()["refresh_token"]

    def answer_device(self, answer: str = "approve", **more: Any) -> list[str]:
        """A person says yes (or `deny`) to the device that waits; gives the codes answered."""
        return self._control("POST", "device", {"answer": answer, **more})["answered"]

    def devices(self) -> list[dict[str, Any]]:
        """The devices that wait for a person."""
        return self._control("GET", "device")

    def _control(self, method: str, name: str, body: Any = None, *, drained: bool = False) -> Any:
        if drained:
            name += "&drained=1" if "?" in name else "?drained=1"
        content = None if body is None else json.dumps(body).encode()
        answer = self._controls.request(method, f"/_sandbox/{name}", body=content)
        assert answer.status == 200, answer.data.decode()
        return msgspec.json.decode(answer.data)  # of 11,000 records, in a third of json's time

    # the API, by hand

    def request_token(self, **fields: str) -> requests.Response:
        """Ask the accounts server, as a form; `fields` override the usual ones."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            **fields,
        }
        return self._session.post(f"{self.url}/oauth/v2/token", data=form, timeout=DEADLINE)

    def token(self, refresh_token: str | None = None) -> str:
        """An access token, asked for once."""
        wanted = refresh_token or self.refresh_token
        if wanted not in self._tokens:
            self._tokens[wanted] = self.request_token(refresh_token=wanted).json()["access_token"]
        return self._tokens[wanted]

    def forget_tokens(self) -> None:
        """Ask for new ones from now on: the clock has left the old ones behind."""
        self._tokens.clear()

    def api(
        self,
        method: str,
        path: str,
        *,
        base: str = "/bigin/v2",
        refresh_token: str | None = None,
        headers: dict[str, str] | None = None,
        **arguments: Any,
    ) -> requests.Response:
        """One call of the API with a good token, e.g. `api("GET", "/Contacts", params={"fields": "id"})`."""
        signed = {"Authorization": f"Zoho-oauthtoken {self.token(refresh_token)}", **(headers or {})}
        url = f"{self.url}{base}{path}"
        return self._session.request(method, url, headers=signed, timeout=DEADLINE, **arguments)

    def settings_for(self, prefix: str = "", **settings: Any) -> dict[str, Any]:
        """A connector's settings that lead here."""
        here = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "refresh_token": self.refresh_token,
            "api_url": self.url,
            "accounts_url": self.url,
        }
        return {prefix + name: value for name, value in {**here, **settings}.items()}


@dataclass
class SandboxProcess:
    """The command `bigin-sandbox serve` as a process of its own."""

    process: subprocess.Popen[str]
    url: str
    first_line: str
    log: Path

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Stop it with a signal, as an init system does; gives the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(timeout=DEADLINE)
        if self.process.stdout:
            self.process.stdout.close()
        return code


def start_sandbox(*options: str) -> SandboxProcess:
    """Start a sandbox on a free port and wait until it listens."""
    command = [sys.executable, "-m", "bigin_sandbox", "serve", "--port", "0", *options]
    log = Path(tempfile.mkstemp(prefix="bigin-sandbox-", suffix=".log")[1])
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout
    line = process.stdout.readline()
    match = READY.search(line)
    assert match, f"the sandbox did not start: {line!r} {log.read_text()}"
    return SandboxProcess(process, match[1], line.strip(), log)
