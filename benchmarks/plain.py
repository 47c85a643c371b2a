"""What a straightforward script would do: one call at a time, page by page, nothing clever.

``python -m benchmarks.plain read URL`` and ``python -m benchmarks.plain upsert URL RECORDS``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import requests


class Plain:
    """One session, one token, one call at a time."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.session = requests.Session()
        answer = self.session.post(
            f"{url}/oauth/v2/token",
            data={
                "grant_type": "refresh_token",
                "client_id": "sandbox-client",
                "client_secret": "sandbox-secret",
                "refresh_token": "sandbox-refresh",
            },
        )
        self.session.headers["Authorization"] = f"Zoho-oauthtoken {answer.json()['access_token']}"

    def get(self, path: str, **params: str) -> Any:
        answer = self.session.get(f"{self.url}/bigin/v2{path}", params=params)
        return answer.json() if answer.status_code == 200 else {}

    def read_all(self) -> int:
        """Every record of every readable module: metadata, then pages until there is no more."""
        return sum(
            self.read(module["api_name"])
            for module in self.get("/settings/modules")["modules"]
            if module["api_supported"] and module["generated_type"] in ("default", "custom")
        )

    def read(self, module: str) -> int:
        names = [each["api_name"] for each in self.get("/settings/fields", module=module).get("fields", [])]
        chunks = [names[start : start + 50] for start in range(0, len(names), 50)]
        return max((self.read_fields(module, ",".join(chunk)) for chunk in chunks), default=0)

    def read_fields(self, module: str, fields: str) -> int:
        read, token = 0, {}
        while True:
            page = self.get(f"/{module}", fields=fields, **token)
            for record in page.get("data", ()):
                sys.stdout.write(json.dumps(record) + "\n")
                read += 1
            if not page.get("info", {}).get("more_records"):
                return read
            token = {"page_token": page["info"]["next_page_token"]}

    def upsert(self, records: int) -> None:
        """So many contacts, a hundred a call."""
        for start in range(0, records, 100):
            data = [
                {"Last_Name": f"Person {number}", "Email": f"person{number}@example.org"}
                for number in range(start, min(start + 100, records))
            ]
            body = {"data": data, "duplicate_check_fields": ["Email"], "trigger": []}
            self.session.post(f"{self.url}/bigin/v2/Contacts/upsert", json=body).raise_for_status()


if __name__ == "__main__":
    plain = Plain(sys.argv[2])
    if sys.argv[1] == "read":
        plain.read_all()
    else:
        plain.upsert(int(sys.argv[3]))
