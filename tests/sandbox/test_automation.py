"""What would have run because of a write: `trigger`, and only that, says so. FACTS 5."""

from __future__ import annotations

import pytest
from support.writing import send

ALL = {"workflow", "approval", "blueprint", "pathfinder", "orchestration"}
BERG = {"Last_Name": "Berg", "Email": "eva@example.org"}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


@pytest.mark.parametrize(
    ("body", "fired"),
    [
        ({}, ALL),
        ({"trigger": None}, ALL),
        ({"trigger": []}, set()),
        ({"trigger": ["workflow"]}, {"workflow"}),
        ({"trigger": ["sunshine"]}, set()),
    ],
)
def test_automation_runs_unless_trigger_says_otherwise(sandbox, body, fired):
    """Absent means all, an empty list none, an unknown word nothing."""
    send(sandbox, "POST", "/Contacts", BERG, **body)

    ran = sandbox.automation()["by_module"].get("Contacts", {}).get("insert", {})
    assert ran == dict.fromkeys(fired, 1)


def test_a_repeated_upsert_fires_again(sandbox):
    """Once as an insert, once as an update."""
    for _ in range(2):
        send(
            sandbox, "POST", "/Contacts/upsert", BERG, duplicate_check_fields=["Email"], trigger=["workflow"]
        )

    assert sandbox.automation() == {
        "fired": 2,
        "by_module": {"Contacts": {"insert": {"workflow": 1}, "update": {"workflow": 1}}},
    }


def test_a_refused_record_fires_nothing(sandbox):
    """Nothing was written."""
    send(sandbox, "POST", "/Contacts", {"Title": "Chief"})

    assert sandbox.automation() == {"fired": 0, "by_module": {}}


@pytest.mark.parametrize(
    ("body", "api_name"),
    [
        ({"trigger": "workflow"}, "trigger"),
        ({"apply_feature_execution": "layout_rules"}, "apply_feature_execution"),
        ({"apply_feature_execution": [{"name": "magic"}]}, "name"),
    ],
)
def test_a_switch_that_cannot_be_refuses_the_call(sandbox, body, api_name):
    """Flat, and nothing is written."""
    status, answer = send(sandbox, "POST", "/Contacts", BERG, **body)

    assert (status, answer["code"], answer["details"]["api_name"]) == (400, "INVALID_DATA", api_name)
    assert sandbox.count("Contacts") == 0


def test_a_known_feature_is_taken(sandbox):
    """Integrators send it with upserts."""
    features = [{"name": "layout_rules"}]

    assert send(sandbox, "POST", "/Contacts/upsert", BERG, apply_feature_execution=features)[0] == 200
