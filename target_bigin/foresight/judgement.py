"""Whether Bigin would take a record, and why not: what is missing, has the wrong form, leads nowhere.

In the order in which fields stand in the metadata; the first fault is told, as Bigin does. Source: FACTS 3
and 5, write.md 2.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from bigin_api.models import Field, Layout
from target_bigin.foresight.questions import STAGE_FIELDS, Questions
from target_bigin.links.references import module_named
from target_bigin.schema.keys import CHECK_FIELDS, unique_fields
from target_bigin.values.checks import DEALS

FILLED_BY_BIGIN = frozenset(("Owner", "Pipeline", "Layout"))  # FACTS 3
ANY_MODULE_FIELDS = ("What_Id", "Parent_Id")  # the module is said beside it
MOST_ROWS, MOST_PARTICIPANTS, MOST_TAGS, MOST_TAG_LENGTH = 100, 50, 10, 25  # write.md 2 and 7
PARTICIPANTS = ["contact", "user", "email"]  # write.md 8
UNKNOWN_ID = "the id given seems to be invalid"

FORMS: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(r"[^\s@,;<>()\"]+@[^\s@,;<>()\"]+\.[^\s@,;<>()\".]+"),
    "phone": re.compile(r"\+?[0-9A-Za-z(][0-9A-Za-z .,;()+/#*-]*"),
    "website": re.compile(
        r"(?:(?:https?|ftp)://)?(?:[\w-]+\.)+[\w-]{2,}(?::\d+)?(?:[/?#]\S*)?", re.IGNORECASE
    ),
}
"""What a text must look like. Bigin has a pattern for each of these and documents none: what any takes."""

DURATION = re.compile(r"\d+:[0-5]\d")

Entry = dict[str, Any]


class NotTaken(Exception):  # noqa: N818 -- an answer, not a fault
    """Bigin would refuse the record."""

    def __init__(self, code: str, field_: str, message: str = "invalid data", **details: Any) -> None:
        super().__init__(code)
        said = {"api_name": field_, **details} if code != "MULTIPLE_OR_MULTI_ERRORS" else details
        self.code = code
        self.field = field_
        self.entry: Entry = {
            "code": code,
            "details": said,
            "message": f"{message}; a dry run foresees it",
            "status": "error",
        }


@dataclass(frozen=True)
class Shape:
    """A module, as its records are judged."""

    module: str
    fields: Mapping[str, Field]
    layouts: Sequence[Layout] = ()

    @cached_property
    def unique(self) -> tuple[str, ...]:
        """What no two records may share."""
        return unique_fields(self.module, self.fields)

    def matched(self, named: Sequence[str]) -> list[str]:
        """By what an upsert finds a record: the list orders, and of the system's field alone it decides.

        That one may be told as unique, too: by it nothing is found that the list does not name.
        """
        system = CHECK_FIELDS.get(self.module, "")
        own = [name for name, each in self.fields.items() if each.is_unique and name != system]
        known = {*own, system}
        return [name for name in dict.fromkeys((*named, *own)) if name in known and name in self.fields]


def require_taken(shape: Shape, body: Mapping[str, Any], record_id: str | None, asked: Questions) -> None:
    """Raises NotTaken. ``record_id`` None: a new record."""
    there = asked.stage_of(record_id) if record_id and _moves(shape, body) else {}
    layout = _layout_of(shape, {**there, **body})
    _require_mandatory(shape, body, layout, is_new=record_id is None)
    for name, described in shape.fields.items():
        if body.get(name) is not None:
            _require_value(shape, described, body, asked)
    if shape.module == DEALS and layout is not None and (record_id is None or _moves(shape, body)):
        _require_stage(layout, {**there, **body})
    duration = body.get("Call_Duration")
    if shape.module == "Calls" and duration and not duration.replace(":", "").strip("0"):
        raise NotTaken("DEPENDENT_MISMATCH", "Call_Duration", "Call Duration can not be zero.")


def require_unique(shape: Shape, body: Mapping[str, Any], record_id: str | None, asked: Questions) -> None:
    """Raises NotTaken for values that another record has."""
    taken = [
        name
        for name in shape.unique
        if body.get(name) is not None
        and set(asked.holders(shape.module, shape.fields[name], body[name])) - {record_id}
    ]
    refused = [NotTaken("DUPLICATE_DATA", name, "another record has this value") for name in taken]
    if len(refused) == 1:
        raise refused[0]
    if refused:
        raise NotTaken("MULTIPLE_OR_MULTI_ERRORS", taken[0], errors=[each.entry for each in refused])


def require_rows(
    name: str, columns: Shape, rows: Sequence[Any], present: Sequence[Mapping[str, Any]], asked: Questions
) -> None:
    """Raises NotTaken for rows of a subform, or of a multi-select lookup, that Bigin would not take."""
    known = {str(each.get("id")) for each in present}
    for row in rows:
        own = row.get("id")
        if own is not None and str(own) not in known:
            raise NotTaken("INVALID_DATA", "id", UNKNOWN_ID)
        if "_delete" in row:
            known.discard(str(own))
            continue
        for column, described in columns.fields.items():
            is_asked = own is None or column in row
            if described.mandatory and is_asked and _is_empty(row.get(column)):
                raise NotTaken("MANDATORY_NOT_FOUND", column, "required field not found")
        for column, described in columns.fields.items():
            if row.get(column) is not None:
                _require_value(columns, described, row, asked)
    if len(known) + sum(row.get("id") is None for row in rows) > MOST_ROWS:
        raise NotTaken("LIMIT_EXCEEDED", name, "count of rows in the subform exceeds the limit")


def require_tags(names: Sequence[str]) -> None:
    """Raises NotTaken for names that are too many or too long."""
    if len(names) > MOST_TAGS:
        raise NotTaken("LIMIT_EXCEEDED", "Tag", "a record has no more than 10 tags")
    if any(len(each) > MOST_TAG_LENGTH for each in names):
        raise NotTaken("INVALID_DATA", "name", maximum_length=MOST_TAG_LENGTH)


def _moves(shape: Shape, body: Mapping[str, Any]) -> bool:
    return shape.module == DEALS and any(name in body for name in STAGE_FIELDS)


def _layout_of(shape: Shape, body: Mapping[str, Any]) -> Layout | None:
    named = body.get("Pipeline") if shape.module == DEALS else body.get("Layout")
    wanted = named.get("id") if isinstance(named, Mapping) else None
    return next((each for each in shape.layouts if each.id == wanted), next(iter(shape.layouts), None))


def _require_mandatory(shape: Shape, body: Mapping[str, Any], layout: Layout | None, *, is_new: bool) -> None:
    """Given where a record is made, and never emptied."""
    required = {each.api_name for each in layout.fields if each.required} if layout else set()
    for name, described in shape.fields.items():
        if name in FILLED_BY_BIGIN or not (is_new or name in body) or not _is_empty(body.get(name)):
            continue
        is_writable = described.creatable if is_new else described.updatable
        if is_writable and (described.mandatory or name in required):
            raise NotTaken("MANDATORY_NOT_FOUND", name, "required field not found")


def _require_value(shape: Shape, described: Field, body: Mapping[str, Any], asked: Questions) -> None:
    name, kind, value = described.api_name, described.data_type, body[described.api_name]
    if isinstance(value, str):
        form = DURATION if name == "Call_Duration" else FORMS.get(kind)
        if form is not None and not form.fullmatch(value.strip()):
            raise NotTaken("INVALID_DATA", name, expected_data_type=kind)
    elif isinstance(value, list):
        _require_few(name, value)
    elif isinstance(value, Mapping) and name in ANY_MODULE_FIELDS:
        _require_parent(name, value, body.get("$se_module"), asked)
    elif isinstance(value, Mapping) and value.get("id"):
        _require_linked(shape, described, value["id"], asked)


def _require_few(name: str, values: Sequence[Any]) -> None:
    if name == "Participants":
        if len(values) > MOST_PARTICIPANTS:
            raise NotTaken("LIMIT_EXCEEDED", name, "Only 50 participants can be added to an event.")
        if any(each["type"] not in PARTICIPANTS for each in values):
            raise NotTaken("INVALID_DATA", "type", supported_values=PARTICIPANTS)
    if name == "Tag":
        require_tags([str(each.get("name", "")) for each in values])


def _require_linked(shape: Shape, described: Field, linked_id: object, asked: Questions) -> None:
    name, kind = described.api_name, described.data_type
    if kind in ("ownerlookup", "userlookup"):
        if not asked.is_user(linked_id):
            raise NotTaken("INVALID_DATA", name, "Non Subordinate User Found")
    elif name in ("Layout", "Pipeline"):
        if shape.layouts and all(each.id != linked_id for each in shape.layouts):
            raise NotTaken("INVALID_DATA", name)
    elif (
        kind == "lookup"
        and described.lookup_module
        and not asked.is_there(described.lookup_module, linked_id)
    ):
        raise NotTaken("INVALID_DATA", name)


def _require_parent(name: str, value: Mapping[str, Any], beside: object, asked: Questions) -> None:
    word = value.get("module") or beside
    if not word:
        raise NotTaken("MANDATORY_NOT_FOUND", "$se_module", "required field not found")
    if not asked.is_there(module_named(word), value.get("id")):
        told = "the related id given seems to be invalid" if name == "Parent_Id" else "invalid data"
        raise NotTaken("INVALID_DATA", name, told)


def _require_stage(layout: Layout, deal: Mapping[str, Any]) -> None:
    subs = {each.actual_value: each for each in layout.sub_pipelines}
    if not subs or deal.get("Sub_Pipeline") is None or deal.get("Stage") is None:
        return  # a layout that lists none, or a deal of which nothing is known
    if deal["Sub_Pipeline"] not in subs:
        message = "Layout doesn't contain the Pipeline"
        raise NotTaken("MAPPING_MISMATCH", "Sub_Pipeline", message, mapped_field="Pipeline")
    stages = subs[deal["Sub_Pipeline"]].maps.get("Stage", ())
    if stages and all(each.actual_value != deal["Stage"] for each in stages):
        message = "Pipeline doesn't contain the Stage"
        raise NotTaken("MAPPING_MISMATCH", "Stage", message, mapped_field="Sub_Pipeline")


def _is_empty(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
