"""What the API shows can be written back: no value of a seeded organisation is refused or changed."""

from __future__ import annotations

from datetime import datetime

import pytest
from support.writing import codes, read, send

BATCH = 100
# Filled by the server, or with ids of records that the empty organisation does not have.
OF_THE_RECORD = {
    *(
        "id",
        "Created_Time",
        "Modified_Time",
        "Created_By",
        "Modified_By",
        "Last_Activity_Time",
        "Closed_Time",
    ),
    *("Full_Name", "Number", "Total", "Record_Image", "Record_Creation_Source_ID__s", "Caller_ID", "Margin"),
    *("Credit_Score", "Unsubscribed_Mode", "Unsubscribed_Time", "$se_module"),
}
LINKS = {
    *("Account_Name", "Contact_Name", "Who_Id", "What_Id", "Contact", "Successor", "Company"),
    *("Secondary_Contacts", "Associated_Products", "Products", "Contract_Files", "Photos"),
}
MADE_ANEW = {"Tag", "Participants"}  # with ids of their own


@pytest.mark.parametrize(
    "module",
    [
        "Accounts",
        "Contacts",
        "Products",
        "Pipelines",
        "Tasks",
        "Events",
        "Calls",
        "Subscriptions",
        "Site_Surveys",
    ],
)
def test_what_was_read_is_taken_and_reads_the_same(sandbox, module):
    """A copy of an organisation is made of such writes."""
    sandbox.reset(size="medium")
    seeded = sandbox.dump(module)[:BATCH]
    ignored = OF_THE_RECORD | (LINKS - ({"Account_Name"} if module == "Accounts" else set()))
    records = [_as_written({n: v for n, v in one.items() if n not in ignored}) for one in seeded]
    sandbox.reset(size="empty")

    status, entries = send(sandbox, "POST", f"/{module}", *records)

    assert status == 201, [entry for entry in entries if entry["status"] == "error"][:3]
    assert codes(entries) == ["SUCCESS"] * len(records)
    for sent, entry in zip(records, entries, strict=True):
        copy = read(sandbox, module, entry["details"]["id"])
        assert _comparable(copy, sent) == _comparable(sent, sent)


def _as_written(record):
    """Tags by name: their ids belong to the other organisation."""
    return {**record, "Tag": [{"name": tag["name"]} for tag in record["Tag"]]}


def _comparable(record, sent):
    """Instants by the moment they mean, tags by name, guests by address."""
    compared = {name: record[name] for name in sent if name not in MADE_ANEW}
    compared["Tag"] = sorted(tag["name"] for tag in record.get("Tag") or [])
    compared["Participants"] = [who["participant"] for who in record.get("Participants") or []]
    return {name: _moment(value) for name, value in compared.items()}


def _moment(value):
    if not isinstance(value, str) or len(value) not in (20, 25) or "T" not in value:
        return value
    try:
        return datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp()
    except ValueError:
        return value
