"""`GET /{module}/{id}/{related_list}`, with its two oddities, Emails and Attachments.

Source: FACTS 4, read.md 6.2, 6.5 - 6.7.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bigin_sandbox.http.answers import (
    Answer,
    file_answer,
    invalid_data,
    json_answer,
    no_content,
    pattern_not_matched,
    scope_mismatch,
)
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import renderer_for, shown_to
from bigin_sandbox.rules.access.permissions import allowed_module, grants, require_module
from bigin_sandbox.rules.reading.listing import fetch, list_answer, selected
from bigin_sandbox.rules.reading.paging import read_page
from bigin_sandbox.rules.reading.read_fields import required_fields
from bigin_sandbox.storage.database import CONTACTS_PRODUCTS
from bigin_sandbox.storage.selection import Selection

EMAILS_PER_ANSWER = 10
SENT = "sent_from_crm"
EMAIL_TYPES = (SENT, "scheduled_in_crm", "drafts", "user_emails")
NOT_IN_A_LIST_OF_EMAILS = "content"

# (parent, related list) -> child's lookup to the parent; for any parent where the first is None
LOOKUPS: dict[tuple[str | None, str], str] = {
    (None, "Notes"): "Parent_Id",
    (None, "Attachments"): "Parent_Id",
    ("Contacts", "Pipelines"): "Contact_Name",
    ("Contacts", "Tasks"): "Who_Id",
    ("Contacts", "Events"): "Who_Id",
    ("Contacts", "Calls"): "Who_Id",
    ("Contacts", "Subscriptions"): "Contact",
    ("Accounts", "Contacts"): "Account_Name",
    ("Accounts", "Pipelines"): "Account_Name",
    (None, "Tasks"): "What_Id",
    (None, "Events"): "What_Id",
    (None, "Calls"): "What_Id",
    ("Products", "Pipelines"): "Associated_Products",
}


def list_related(call: ApiCall) -> Answer:
    """The records of a related list, a page at a time; 204 if there is none."""
    parent, parent_id, related = _address(call)
    if related["module"] is None:
        _require_scope(call, "emails")
        return _list_emails(call, parent_id)
    child = related["module"]["api_name"]
    _require_scope(call, child)
    allowed_module(call, child, resource_path_index=2)
    fields = required_fields(call)
    page = read_page(call)
    selection = _belonging(call, parent, parent_id, related["api_name"], selected(call, child))
    records = fetch(call, child, selection, page)
    return list_answer(
        call, child, records, fields=fields, page=page, selection=selection, with_sorting=False
    )


def _require_scope(call: ApiCall, family: str) -> None:
    """The parent's scope is the route's; what it relates to has one of its own (read.md 1.6, FACTS 6a)."""
    if call.token and not grants(call.token.scopes, f"ZohoBigin.modules.{family}.READ"):
        raise scope_mismatch()


def _address(call: ApiCall) -> tuple[str, str, dict[str, Any]]:
    """Module and id of the parent, and the related list; each refused by its place in the path."""
    parent = require_module(call)["api_name"]
    parent_id, wanted = call.path_params["id"], call.path_params["related_list"]
    related = next((item for item in call.store.related_lists(parent) if item["api_name"] == wanted), None)
    if related is None:
        raise invalid_data("the relation name given seems to be invalid", resource_path_index=2)
    if call.store.module_of(parent_id) != parent:
        raise invalid_data("the related id given seems to be invalid", resource_path_index=1)
    return parent, parent_id, related


def _belonging(call: ApiCall, parent: str, parent_id: str, related: str, selection: Selection) -> Selection:
    lookup = LOOKUPS.get((parent, related)) or LOOKUPS.get((None, related))
    if lookup:
        return replace(selection, holding=(lookup, parent_id))
    ids = _tied(call, parent, parent_id, related)
    wanted = ids if selection.ids is None else [one for one in ids if one in selection.ids]
    return replace(selection, ids=tuple(wanted))


def _tied(call: ApiCall, parent: str, parent_id: str, related: str) -> list[str]:
    """Ids of related records that no lookup of theirs leads to."""
    if (parent, related) == ("Contacts", "Products"):
        return call.store.linked(CONTACTS_PRODUCTS, one=parent_id)
    if (parent, related) == ("Products", "Contacts"):
        return call.store.linked(CONTACTS_PRODUCTS, other=parent_id)
    deal = call.store.get("Pipelines", parent_id) or {}
    field, column = {
        "Products": ("Associated_Products", "Product"),
        "Secondary_Contacts": ("Secondary_Contacts", "Secondary_Contacts"),
    }[related]
    return [row[column]["id"] for row in deal.get(field) or [] if row.get(column)]


def _list_emails(call: ApiCall, parent_id: str) -> Answer:
    """Ten at a time, under a key of their own, paged by `index`."""
    emails = [email for email in call.store.emails(parent_id) if _is_wanted(call, email)]
    start = _index(call, len(emails))
    shown = emails[start : start + EMAILS_PER_ANSWER]
    if not shown:
        return no_content()
    following = start + EMAILS_PER_ANSWER
    more_records = following < len(emails)
    info = {
        "per_page": EMAILS_PER_ANSWER,
        "count": len(shown),
        "next_index": str(following) if more_records else None,
        "prev_index": str(max(0, start - EMAILS_PER_ANSWER)),
        "more_records": more_records,
    }
    listed = [{k: v for k, v in email.items() if k != NOT_IN_A_LIST_OF_EMAILS} for email in shown]
    return json_answer({"Emails": [_email(call, email) for email in listed], "info": info})


def _is_wanted(call: ApiCall, email: dict[str, Any]) -> bool:
    """`type` chooses among the e-mails (FACTS 6b); all that were sent here were sent from Bigin."""
    wanted = call.params.get("type")
    if wanted not in {None, *EMAIL_TYPES}:
        raise pattern_not_matched("type")
    return wanted in {None, SENT} and email["sent"] is True


def _index(call: ApiCall, end: int) -> int:
    text = call.params.get("index", "0")
    if not text.isdecimal() or int(text) > end:
        raise invalid_data(param_name="index")
    return int(text)


def _email(call: ApiCall, email: dict[str, Any]) -> dict[str, Any]:
    owner = renderer_for(call).user(email["owner"], with_email=False)
    shown: dict[str, Any] = shown_to(call, {**email, "owner": owner})
    return shown


def get_related(call: ApiCall) -> Answer:
    """One e-mail with its text, or the bytes of one attachment."""
    _parent, parent_id, related = _address(call)
    if related["api_name"] == "Attachments":
        _require_scope(call, "Attachments")
        return _download(call, parent_id)
    if related["api_name"] != "Emails":
        raise invalid_data("the relation name given seems to be invalid", resource_path_index=2)
    _require_scope(call, "emails")
    for email in call.store.emails(parent_id):
        if email["message_id"] == call.path_params["related_id"]:
            return json_answer({"Emails": [_email(call, email)]})
    return no_content()


def _download(call: ApiCall, parent_id: str) -> Answer:
    attachment = call.store.get("Attachments", call.path_params["related_id"])
    if attachment is None or attachment["Parent_Id"]["id"] != parent_id:
        return no_content()
    if "$file_id" not in attachment:  # a link: read.md 6.6
        raise invalid_data("a link cannot be downloaded", resource_path_index=3)
    name, content = call.store.get_file(attachment["$file_id"]) or (attachment["File_Name"], b"")
    return file_answer(content, name)


_SCOPES = ("ZohoBigin.modules.{module}.READ",)

ROUTES = [
    Route("GET", "/{module}/{id}/{related_list}", list_related, scopes=_SCOPES),
    Route("GET", "/{module}/{id}/{related_list}/{related_id}", get_related, scopes=_SCOPES),
]
