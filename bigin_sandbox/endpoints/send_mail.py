"""A mail to whom a record is about. Source: FACTS 2 (20 credits); write.md 9."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bigin_sandbox.clock import to_text
from bigin_sandbox.http.answers import Answer, invalid_data, invalid_module
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import answer_of, entries_of, sent_records
from bigin_sandbox.rules.writing.refused import expected_type, mandatory_not_found, refused_value
from bigin_sandbox.writer import success_entry

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record

MAIL_CREDITS = 20
MODULES = frozenset({"Contacts", "Pipelines", "Accounts"})


def send_mail(call: ApiCall) -> Answer:
    """`POST /{module}/{id}/actions/send_mail`: the mail is then among the record's e-mails."""
    module = require_module(call)["api_name"]
    if module not in MODULES:
        raise invalid_module(resource_path_index=0)
    parent_id = call.path_params["id"]
    if call.store.get(module, parent_id) is None:
        raise invalid_data("the id given seems to be invalid", resource_path_index=1)

    def send(mail: Record, path: str) -> list[Record]:
        _check(call, mail, path)
        message_id = call.store.new_id()
        call.store.add_email(parent_id, _kept(call, mail, message_id))
        return [success_entry("Your mail has been sent successfully.", {"message_id": message_id})]

    with call.store.transaction():
        return answer_of(entries_of(sent_records(call, most=1), send))


def _check(call: ApiCall, mail: Record, path: str) -> None:
    """A sender who is a user, a recipient and a subject."""
    for name in ("from", "to", "subject"):
        if not mail.get(name):
            raise mandatory_not_found(name, path)
    sender = mail["from"].get("email") if isinstance(mail["from"], dict) else None
    if sender not in {user["email"] for user in call.store.users()}:
        raise refused_value("email", f"{path}.from.email")
    if not isinstance(mail["to"], list) or not all(
        isinstance(to, dict) and to.get("email") for to in mail["to"]
    ):
        raise expected_type("jsonarray", "to", f"{path}.to")


def _kept(call: ApiCall, mail: Record, message_id: str) -> Record:
    return {
        "message_id": message_id,
        "subject": mail["subject"],
        "from": mail["from"],
        "to": mail["to"],
        "cc": mail.get("cc"),
        "time": to_text(call.context.clock.now()),
        "sent": True,
        "read": False,
        "has_attachment": bool(mail.get("attachments")),
        "owner": {"id": call.user_id},
        "source": "crm",
        "status": [{"type": "sent"}],
        "content": mail.get("content"),
    }


ROUTES = [
    Route(
        "POST",
        "/{module}/{id}/actions/send_mail",
        send_mail,
        scopes=("ZohoBigin.send_mail.all.CREATE",),
        credits=MAIL_CREDITS,
    ),
]
