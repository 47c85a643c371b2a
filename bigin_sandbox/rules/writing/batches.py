"""What one write call may hold, and the HTTP status of what became of it. Source: FACTS 5."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from bigin_sandbox.http.answers import Answer, Refusal, json_answer, limit_exceeded, required_param_missing
from bigin_sandbox.http.calls import ApiCall
from bigin_sandbox.rules.writing.refused import RecordRefused, expected_type

Record = dict[str, Any]

MOST_RECORDS = 100  # insert, update, upsert, delete: FACTS 5
TOO_MANY = "count of records in your request exceeds the limit"


def sent_records(call: ApiCall, *, key: str = "data", most: int = MOST_RECORDS) -> list[Any]:
    """The records of a body. Raises Refusal if there are none or too many: then nothing is written."""
    body = call.json_object()
    if key not in body:
        raise Refusal(400, "MANDATORY_NOT_FOUND", "required field not found", {"api_name": key})
    records = body[key]
    if not isinstance(records, list) or not records:
        raise Refusal(
            400, "INVALID_DATA", "invalid data", {"expected_data_type": "jsonarray", "api_name": key}
        )
    if len(records) > most:
        details = {"maximum_length": most, "api_name": key}
        raise Refusal(400, "LIMIT_EXCEEDED", TOO_MANY, details, wrapped=True)
    return records


def sent_ids(call: ApiCall, *, most: int = MOST_RECORDS) -> list[str]:
    """The ids of the query. Raises Refusal if there are none or too many."""
    ids = [record_id.strip() for record_id in call.params.get("ids", "").split(",") if record_id.strip()]
    if not ids:
        raise required_param_missing("ids")
    if len(ids) > most:
        raise limit_exceeded(TOO_MANY, param_name="ids", maximum_length=most)
    return ids


def entries_of(
    records: Iterable[Any], write: Callable[[Record, str], list[Record]], *, key: str = "data"
) -> list[Record]:
    """One entry for each record in the order sent, a refused one's telling why.

    `write` is given the record and its json_path, and gives its entry (several where it recurs).
    """
    entries: list[Record] = []
    for place, record in enumerate(records):
        path = f"$.{key}[{place}]"
        try:
            if not isinstance(record, dict):
                raise expected_type("jsonobject", key, path)
            entries += write(record, path)
        except RecordRefused as refused:
            entries.append(refused.entry)
    return entries


def answer_of(entries: list[Record], *, good: int = 200, key: str = "data", **more: Any) -> Answer:
    """All good: `good`; mixed: 207; all bad: 400, or 412 where all had been modified meanwhile.

    `more` stands in the body beside the entries.
    """
    failed = [entry["code"] for entry in entries if entry["status"] == "error"]
    if not failed:
        status = good
    elif len(failed) < len(entries):
        status = 207
    else:
        status = 412 if set(failed) == {"ALREADY_MODIFIED"} else 400
    return json_answer({key: entries, **more}, status)
