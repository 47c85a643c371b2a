"""Values with quotes and backslashes mean themselves, wherever a query carries them."""

from __future__ import annotations

import pytest
from support.target import record, schema

NAMES = ["O'Brien-7", "back\\slash", "a\\'b", "'", "''"]


@pytest.mark.parametrize("name", NAMES)
def test_a_key_with_a_quote_is_found_again(sandbox, target, name):
    """Never found, it would be inserted again by each run."""
    messages = [schema("Tasks", "Subject", key=["Subject"]), record("Tasks", Subject=name)]
    settings = {"streams": {"Tasks": {"external_key": "Subject"}}}

    first = target(messages, **settings)
    second = target(messages, **settings)

    assert first.outcomes("Tasks") == {"inserted": 1}
    assert second.outcomes("Tasks") == {"updated": 1}


@pytest.mark.parametrize("name", NAMES)
def test_a_company_with_a_quote_is_found_by_its_name(sandbox, target, name):
    """And a query that is broken by it takes all that share the question along."""
    company = sandbox.create("Accounts", Account_Name=name)

    run = target(
        [
            schema("Contacts", "Last_Name", "Email", "Account_Name", key=["Email"]),
            record("Contacts", Last_Name="Berg", Email="berg@example.org", Account_Name=name),
        ],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}}},
    )

    assert run.error is None
    (contact,) = [each for each in sandbox.dump("Contacts") if each["Email"] == "berg@example.org"]
    assert contact["Account_Name"]["id"] == company
