"""Files at a record: upload, delete. Reading them is a related list. Source: FACTS 5; write.md 9."""

from __future__ import annotations

from urllib.parse import urlsplit

from bigin_sandbox.http.answers import Answer, error_body, invalid_data
from bigin_sandbox.http.calls import ApiCall, Route
from bigin_sandbox.render import Renderer
from bigin_sandbox.rules.access.permissions import require_module
from bigin_sandbox.rules.writing.batches import answer_of, sent_ids
from bigin_sandbox.rules.writing.uploads import uploaded
from bigin_sandbox.storage.store import Record
from bigin_sandbox.writer import details_of, success_entry

MODULES = frozenset({"Contacts", "Pipelines", "Accounts", "Products", "Events", "Tasks", "Notes"})


def upload_attachment(call: ApiCall) -> Answer:
    """`POST /{module}/{id}/Attachments`: multipart with one `file`, or `attachmentUrl` (and `title`)."""
    module, parent_id = _parent(call)
    values = {**_content(call), "Parent_Id": {"id": parent_id}, "$se_module": module}
    record = call.store.insert("Attachments", values, user_id=call.user_id)
    details = details_of(Renderer(call.store, zone=call.zone), record)
    return answer_of([success_entry("attachment uploaded successfully", details)])


def delete_attachment(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}/Attachments/{attachment_id}`."""
    _module, parent_id = _parent(call)
    return answer_of([_delete(call, parent_id, call.path_params["attachment_id"])])


def delete_attachments(call: ApiCall) -> Answer:
    """`DELETE /{module}/{id}/Attachments?ids=`."""
    _module, parent_id = _parent(call)
    return answer_of([_delete(call, parent_id, attachment_id) for attachment_id in sent_ids(call)])


def _parent(call: ApiCall) -> tuple[str, str]:
    module, parent_id = require_module(call)["api_name"], call.path_params["id"]
    if module not in MODULES:
        raise invalid_data("the relation name given seems to be invalid", resource_path_index=2)
    if call.store.get(module, parent_id) is None:
        raise invalid_data("the related id given seems to be invalid", resource_path_index=1)
    return module, parent_id


def _content(call: ApiCall) -> Record:
    """What an attachment is: the kept bytes of a file, or a link."""
    link = call.form.get("attachmentUrl", call.params.get("attachmentUrl"))
    if isinstance(link, str) and not call.files:
        if urlsplit(link).scheme not in {"http", "https"}:
            raise invalid_data(param_name="attachmentUrl")
        title = call.form.get("title", call.params.get("title", link))
        return {"File_Name": title, "$type": "Link URL", "$link_url": link}
    first, *others = uploaded(call)
    if others:
        raise invalid_data("only one file can be uploaded", param_name="file")
    file_id = call.store.put_file(first.name, first.content)
    size = str(len(first.content))
    return {"File_Name": first.name, "Size": size, "$file_id": file_id, "$type": "Attachment"}


def _delete(call: ApiCall, parent_id: str, attachment_id: str) -> Record:
    attachment = call.store.get("Attachments", attachment_id)
    if attachment is None or attachment["Parent_Id"]["id"] != parent_id:
        return error_body("INVALID_DATA", "record not deleted", {"id": attachment_id})
    call.store.delete("Attachments", [attachment_id], user_id=call.user_id)
    return success_entry("record deleted", {"id": attachment_id})


_SCOPES = ("ZohoBigin.modules.{module}.READ", "ZohoBigin.modules.attachments.%s")
_CREATE = tuple(scope.replace("%s", "CREATE") for scope in _SCOPES)
_DELETE = tuple(scope.replace("%s", "DELETE") for scope in _SCOPES)
ROUTES = [
    Route("POST", "/{module}/{id}/Attachments", upload_attachment, scopes=_CREATE),
    Route("DELETE", "/{module}/{id}/Attachments", delete_attachments, scopes=_DELETE),
    Route("DELETE", "/{module}/{id}/Attachments/{attachment_id}", delete_attachment, scopes=_DELETE),
]
