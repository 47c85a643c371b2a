"""A mail from a record. FACTS 2 (20 credits); write.md 9."""

from __future__ import annotations

import pytest
from support.writing import credits_of, insert, send

MAIL = {
    "from": {"user_name": "Ann Ek", "email": "ann.ek@example.org"},
    "to": [{"user_name": "Eva", "email": "eva@example.com"}],
    "subject": "Offer",
    "content": "<p>Hello</p>",
    "mail_format": "html",
}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def test_a_mail_is_sent_for_20_credits_and_kept_with_the_record(sandbox):
    """The dearest of single calls."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    status, entries = send(sandbox, "POST", f"/Contacts/{record_id}/actions/send_mail", MAIL)

    assert (status, entries[0]["message"]) == (200, "Your mail has been sent successfully.")
    emails = sandbox.api("GET", f"/Contacts/{record_id}/Emails").json()["Emails"]
    assert [mail["message_id"] for mail in emails] == [entries[0]["details"]["message_id"]]
    assert credits_of(sandbox, "POST /Contacts/{id}/actions/send_mail") == 20


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"subject": ""}, "MANDATORY_NOT_FOUND"),
        ({"to": []}, "MANDATORY_NOT_FOUND"),
        ({"to": "eva@example.com"}, "INVALID_DATA"),
        ({"from": {"email": "stranger@example.org"}}, "INVALID_DATA"),
    ],
)
def test_a_mail_without_sender_recipient_or_subject_is_refused(sandbox, change, code):
    """The sender must be a user of the organisation."""
    record_id = insert(sandbox, "Contacts", Last_Name="Berg")

    status, entries = send(sandbox, "POST", f"/Contacts/{record_id}/actions/send_mail", {**MAIL, **change})

    assert (status, entries[0]["code"]) == (400, code)
    assert sandbox.api("GET", f"/Contacts/{record_id}/Emails").status_code == 204
