"""What a run writes or creates is known at once to the records that look for it, without a question."""

from __future__ import annotations

import pytest
from support.target import record, records, schema

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])
DEALS = schema("Pipelines", "Sub_Pipeline", "Stage", "Contact_Name", key=["Deal_Name"])


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def deal(number, contact):
    return {
        "Deal_Name": f"Deal {number}",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": contact,
    }


def by(field, on_missing="reject"):
    """The setting that finds a deal's contact by this field."""
    return {
        "Pipelines": {"lookups": {"Contact_Name": {"match_on": field, "on_missing": on_missing}}},
    }


def one_after_the_other(*portions):
    """Between portions so many other records that what one has asked for is answered when the next is read."""
    messages = [DEALS, CONTACTS]
    for number, portion in enumerate(portions):
        padding = [{"Last_Name": "Padding", "Email": f"{number}.{n}@example.org"} for n in range(100)]
        messages += [*portion, *records("Contacts", padding)]
    return messages, {"batch_size": 10, "max_concurrent_requests": 1}


def test_nobody_is_asked_for_a_record_that_the_run_wrote_itself(sandbox, target):
    """It is known by its unique fields: a question would be a credit for nothing."""
    ann = record("Contacts", Last_Name="Ek", Email="ann@example.org")
    messages, settings = one_after_the_other([ann], [record("Pipelines", **deal(1, "Ann@example.org"))])

    run = target(messages, **settings, streams=by("Email"))

    assert run.error is None
    assert [each["Contact_Name"]["name"] for each in sandbox.dump("Pipelines")] == ["Ek"]
    assert sandbox.calls("POST /coql") == 0


@pytest.mark.parametrize("parent_first", [True, False])
def test_a_dry_run_misses_no_parent_that_would_have_been_written(target, parent_first):
    """Bigin cannot be asked for it: only the run itself knows that it would be there."""
    pair = [
        record("Contacts", Last_Name="Ek", Email="ann@example.org"),
        record("Pipelines", **deal(1, "ann@example.org")),
    ]

    run = target(
        [DEALS, CONTACTS, *(pair if parent_first else reversed(pair))], streams=by("Email"), dry_run=True
    )

    assert run.error is None
    assert run.outcomes("Pipelines") == {"inserted": 1}


@pytest.mark.parametrize("parent_first", [True, False])
def test_nobody_is_created_whom_the_same_pipe_brings(sandbox, target, parent_first):
    """Who was asked for before he was sent is looked for once more: else there would be two of him."""
    pair = [record("Contacts", Last_Name="Ek", Email="ann@example.org"), record("Pipelines", **deal(1, "Ek"))]

    run = target(
        [DEALS, CONTACTS, *(pair if parent_first else reversed(pair))], streams=by("Last_Name", "create")
    )

    assert run.error is None
    (contact,) = sandbox.dump("Contacts")
    assert [each["Contact_Name"]["id"] for each in sandbox.dump("Pipelines")] == [contact["id"]]


def test_a_parent_that_was_created_is_not_created_again(sandbox, target):
    """Nobody had the name when it was asked for: who comes later must know that it was made since."""
    deals = [record("Pipelines", **deal(n, f"Unheard {n}")) for n in range(100)]
    messages, settings = one_after_the_other(deals, [record("Pipelines", **deal(100, "Unheard 7"))])

    run = target(messages, **settings, streams=by("Last_Name", "create"))

    assert run.error is None
    made = [each["Last_Name"] for each in sandbox.dump("Contacts") if each["Last_Name"] != "Padding"]
    assert sorted(made) == sorted(f"Unheard {n}" for n in range(100))


def test_a_name_that_was_one_mans_is_two_mens_when_the_run_writes_another(sandbox, target):
    """What was found before holds no longer, and the deal must not land at the first of them."""
    for n in range(50):
        sandbox.create("Contacts", Last_Name=f"Berg {n}")
    deals = [record("Pipelines", **deal(n, f"Berg {n}")) for n in range(50)]
    messages, settings = one_after_the_other(
        deals,
        [record("Contacts", Last_Name="Berg 7", Email="berg7@example.org")],
        [record("Pipelines", **deal(50, "Berg 7"))],
    )

    run = target(messages, **settings, streams=by("Last_Name"), max_rejects=1)

    assert [each["code"] for each in run.rejects] == ["LOOKUP_AMBIGUOUS"]
    assert run.outcomes("Pipelines") == {"inserted": 50, "unmatched": 1}
