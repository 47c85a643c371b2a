"""tap-bigin | target-bigin: one organisation into another, empty one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

BIN = Path(sys.executable).parent
MODULES = ("Accounts", "Contacts", "Products")
OF_THE_ORGANISATION = (
    *("id", "Created_Time", "Modified_Time", "Created_By", "Modified_By", "Last_Activity_Time"),
    *("Record_Image", "Unsubscribed_Mode", "Unsubscribed_Time", "Record_Creation_Source_ID__s"),
)
"""Ids, times and what else only Bigin itself fills."""


def settings(url, **more):
    return {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "refresh_token": "sandbox-refresh",
        "api_url": url,
        "accounts_url": url,
        **more,
    }


def comparable(record):
    """What must be the same in both."""
    return {
        name: shown(value)
        for name, value in record.items()
        if name not in OF_THE_ORGANISATION and not name.startswith("$")
    }


def shown(value):
    """A value without the ids in it: a link by the name it shows, tags by theirs."""
    if isinstance(value, dict) and "id" in value:
        return value.get("email") or value.get("name")
    if isinstance(value, list):
        return sorted(json.dumps(shown(each)) for each in value)
    return value


def held(organisation, module):
    """Every record of a module, in an order that both organisations share."""
    records = [comparable(record) for record in organisation.dump(module)]
    return sorted(records, key=lambda each: json.dumps(each, sort_keys=True))


def test_companies_contacts_and_products_arrive_the_same(sandbox, other_sandbox, tmp_path):
    """Every value that can be written survives both ways, and contacts point to the new companies."""
    tap, target = tmp_path / "tap.json", tmp_path / "target.json"
    tap.write_text(json.dumps(settings(sandbox.url, modules=list(MODULES), deleted_records="none")))
    companies = {"Account_Name": {"match_on": "Account_Name", "on_missing": "reject"}}
    target.write_text(
        json.dumps(
            settings(
                other_sandbox.url,
                rejects_path=str(tmp_path / "rejects.jsonl"),
                streams={
                    "Accounts": {"duplicate_check_fields": ["Account_Name"]},
                    "Contacts": {"operation": "insert", "lookups": companies},
                    "Products": {"duplicate_check_fields": ["Product_Name"]},
                },
            )
        )
    )

    ended = subprocess.run(
        f"set -o pipefail; {BIN}/tap-bigin --config {tap} | {BIN}/target-bigin --config {target}",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-4000:]
    for module in MODULES:
        one, other = held(sandbox, module), held(other_sandbox, module)
        assert len(one) > 0
        assert other == one
