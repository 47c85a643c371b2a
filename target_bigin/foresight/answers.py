"""Bigin's answers to calls that write, as it is known to give them, from what it has and this run would do.

Each call is judged as often as questions are open: what is not known yet counts as not there, then is asked
for, all that the call needs of one field together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from bigin_api import Labelled, Metadata
from bigin_api.errors import InvalidRequest, ModuleUnavailable, ServerError
from bigin_api.http.calls import Call, Reply
from bigin_api.limits import MAX_IDS_PER_CALL
from bigin_api.models import Field
from target_bigin.deletions.brake import COMPANIES, CONTACTS, contacts_of
from target_bigin.foresight.judgement import (
    MOST_TAGS,
    UNKNOWN_ID,
    Entry,
    NotTaken,
    Shape,
    require_rows,
    require_tags,
    require_taken,
    require_unique,
)
from target_bigin.foresight.questions import STAGE_FIELDS, Kept, Questions
from target_bigin.records.forecast import Forecast
from target_bigin.values.converters import APPENDING_TYPES
from target_bigin.values.sameness import compared_as

Body = Mapping[str, Any]
T = TypeVar("T")

RIGHTS = {"insert": "creatable", "upsert": "creatable", "update": "editable", "delete": "deletable"}
WRITTEN_AS_FILES = "Attachments"  # FACTS 5

Found = tuple[str | None, str | None]
"""The record that a write means, None for a new one, and the field by which an upsert found it."""


class Answers:
    """Of one dry run, for all threads."""

    def __init__(self, client: Labelled, forecast: Forecast) -> None:
        self._client = client
        self._forecast = forecast
        self._kept = Kept(client)
        self._metadata = Metadata(client)  # what the run itself asks it pays itself, whenever that is
        self._shapes: dict[str, Shape] = {}
        self._answers: Mapping[str, Callable[[Call], list[Entry]]] = {
            **dict.fromkeys(("insert", "update", "upsert"), self._write),
            "delete": self._delete,
            "tags": self._tag,
            "related": self._link,
        }

    def answer(self, call: Call) -> Reply | None:
        """What Bigin would answer; None for a question, which it is asked.

        Raises InvalidRequest, as for a call that Bigin would refuse as a whole.
        """
        if call.endpoint == "record" and call.method == "GET":
            return self._record(call)
        if call.method == "GET" or call.endpoint == "coql":
            return None
        answer = self._answers.get(call.endpoint)
        if answer is None:
            raise InvalidRequest(f"{call.what}: a dry run does not write.", module=call.module)
        return Reply(200, {"data": answer(call)})

    def amended(self, call: Call, reply: Reply) -> Reply:
        """Bigin's answer, with what this run would have written since."""
        if call.endpoint != "record" or reply.body is None:
            return reply
        with self._forecast.lock:
            rows = [{**each, **self._rows_of(call, each)} for each in reply.rows()]
        return Reply(reply.status, {**reply.body, "data": rows})

    def shape_of(self, module: str) -> Shape:
        """The module, as its records are judged."""
        if module not in self._shapes:
            fields = {each.api_name: each for each in self._client.metadata.fields(module)}
            layouts = self._kept.once(lambda: self._metadata.layouts(module))
            self._shapes[module] = Shape(module, fields, layouts or ())
        return self._shapes[module]

    def judged(self, judges: Sequence[Callable[[Questions], T]]) -> Iterator[T]:
        """What each judgement comes to once nothing is left to ask; each is made several times.

        One after the other, as Bigin goes through a call: what one changes, the next knows.
        """
        asked = Questions(self._forecast, self._kept)
        self._settled(judges, asked)  # what all of them ask is asked together
        for judge in judges:
            yield from self._settled([judge], asked)

    def _are_there(self, records: Iterable[tuple[str, str]]) -> Iterator[bool]:
        """Whether the records of these modules and ids are there, one after the other."""
        asked = [partial(Questions.is_there, module=module, record_id=each) for module, each in records]
        return self.judged(asked)

    def _settled(self, judges: Sequence[Callable[[Questions], T]], asked: Questions) -> list[T]:
        while True:
            with self._forecast.lock:
                verdicts = [judge(asked) for judge in judges]
            if not asked.ask():
                return verdicts

    def verdict(
        self,
        shape: Shape,
        body: Body,
        asked: Questions,
        *,
        matched: Sequence[str] = (),
        record_id: str | None = None,
    ) -> Found | NotTaken:
        """How a record would end; ``matched``: by what an upsert would find it."""
        try:
            by = None
            if record_id is None:
                record_id, by = _found(shape, body, matched, asked)
            elif not asked.is_there(shape.module, record_id):
                return NotTaken("INVALID_DATA", "id", UNKNOWN_ID)
            require_taken(shape, body, record_id, asked)
            for name, described in shape.fields.items():
                if described.data_type in APPENDING_TYPES and body.get(name):
                    present = self._forecast.kept.get(record_id or "", {}).get(name, ())
                    require_rows(name, self._columns(described), body[name], present, asked)
            require_unique(shape, body, record_id, asked)
        except NotTaken as refused:
            return refused
        return record_id, by

    def carry_out(self, shape: Shape, body: Body, found: str | None) -> str:
        """Remember what a record would be from now on; gives its id, which a new one gets here."""
        with self._forecast.lock:
            record_id = found or self._forecast.make()
            searched = {*self._forecast.searched, *shape.unique, *shape.matched(list(body))}
            forms = {
                name: None if body[name] is None else compared_as(shape.fields[name])(body[name])
                for name in searched & body.keys() & shape.fields.keys()
            }
            self._forecast.write(shape.module, record_id, forms)
            kept = {name: body[name] for name in ("Tag", *STAGE_FIELDS) if name in body}
            for name, described in shape.fields.items():
                if described.data_type in APPENDING_TYPES and name in body:
                    present = self._forecast.kept.get(record_id, {}).get(name) or ()
                    kept[name] = self._merged(present, body[name] or ())
            if kept:
                self._forecast.kept.setdefault(record_id, {}).update(kept)
            if shape.module == CONTACTS and "Account_Name" in body:
                self._forecast.companies[record_id] = (body["Account_Name"] or {}).get("id")
        return record_id

    def _require_open(self, call: Call) -> None:
        """Raises ModuleUnavailable for what is no module, or one that this user may not write to."""
        named, right = call.module, RIGHTS[call.endpoint]
        module = next((each for each in self._client.metadata.modules() if each.api_name == named), None)
        if module is None or named == WRITTEN_AS_FILES or not getattr(module, right):
            told = f"{named}: the token's user has no such module that is {right}."
            raise ModuleUnavailable(told, code="INVALID_MODULE", module=named)

    def _write(self, call: Call) -> list[Entry]:
        self._require_open(call)
        said: Any = call.json
        shape = self.shape_of(str(call.module))
        matched = shape.matched(said.get("duplicate_check_fields") or ()) if call.endpoint == "upsert" else ()

        verdicts = self.judged(
            [
                partial(self.verdict, shape, body, matched=matched, record_id=body.get("id"))
                for body in said["data"]
            ]
        )
        return [
            self._entry(shape, body, verdict) for body, verdict in zip(said["data"], verdicts, strict=True)
        ]

    def _entry(self, shape: Shape, body: Body, verdict: Found | NotTaken) -> Entry:
        if isinstance(verdict, NotTaken):
            return verdict.entry
        found, matched = verdict
        return {
            "code": "SUCCESS",
            "action": "update" if found else "insert",
            "duplicate_field": matched,
            "details": {"id": self.carry_out(shape, body, found)},
            "message": "record updated" if found else "record added",
            "status": "success",
        }

    def _delete(self, call: Call) -> list[Entry]:
        self._require_open(call)
        module, ids = str(call.module), call.params["ids"].split(",")
        entries = []
        for each, is_there in zip(ids, self._are_there((module, each) for each in ids), strict=True):
            entries.append(_done(each) if is_there else _not_done(each, "record not deleted"))
            with self._forecast.lock:
                self._forecast.gone.add(each)  # a second time it is not there
        if module == COMPANIES:
            along = self._kept.once(lambda: contacts_of(self._client, ids, self._forecast))
            with self._forecast.lock:
                self._forecast.gone.update(along or ())
        return entries

    def _tag(self, call: Call) -> list[Entry]:
        said: Any = call.json
        module, ids, names = str(call.module), said["ids"], [each["name"] for each in said["tags"]]
        if "Tag" not in self.shape_of(module).fields:
            raise InvalidRequest(f"{module} has no tags.", code="INVALID_MODULE", module=module)
        try:
            require_tags(names)
        except NotTaken as refused:
            said = f"{module}: {refused.entry['message']}."
            raise InvalidRequest(said, code=refused.code, module=module) from None
        there = list(self._are_there((module, each) for each in ids))
        present = self._tags_of(module, ids)
        entries = []
        for each, is_there in zip(ids, there, strict=True):
            if not is_there:
                entries.append(_not_done(each, UNKNOWN_ID))
            elif len({*present.get(each, ()), *(name.casefold() for name in names)}) > MOST_TAGS:
                entries.append(NotTaken("LIMIT_EXCEEDED", "Tag", "a record has no more than 10 tags").entry)
            else:
                entries.append(_done(each))
        return entries

    def _tags_of(self, module: str, ids: Sequence[str]) -> dict[str, set[str]]:
        with self._forecast.lock:
            kept = {each: self._forecast.kept.get(each, {}).get("Tag") for each in ids}
            asked = [each for each, tags in kept.items() if tags is None and not self._forecast.is_made(each)]
        for start in range(0, len(asked), MAX_IDS_PER_CALL):
            some = asked[start : start + MAX_IDS_PER_CALL]
            rows = self._kept.once(partial(self._client.records.by_ids, module, some, ["Tag"]))
            kept.update((str(row["id"]), row.get("Tag")) for row in rows or ())
        return {each: {str(tag.get("name")).casefold() for tag in tags or ()} for each, tags in kept.items()}

    def _link(self, call: Call) -> list[Entry]:
        _, parent, listed, linked = call.path.strip("/").split("/")
        there = list(self._are_there([(str(call.module), parent), (listed, linked)]))
        if not there[0]:
            # No refusal: a server error, seen live.
            told = f"{call.module}: {call.what}: HTTP 500 INTERNAL_ERROR, as a dry run foresees it."
            raise ServerError(told, status=500, code="INTERNAL_ERROR", module=call.module)
        return [_done(linked) if there[1] else _not_done(linked, "the related id given seems to be invalid")]

    def _record(self, call: Call) -> Reply | None:
        record_id = call.path.rpartition("/")[2]
        with self._forecast.lock:
            if record_id in self._forecast.gone:
                return Reply(204)
            if not self._forecast.is_made(record_id):
                return None
            return Reply(200, {"data": [{"id": record_id, **self._forecast.kept.get(record_id, {})}]})

    def _rows_of(self, call: Call, row: Body) -> dict[str, Any]:
        """The rows as this run would have left them; those that are read here first are kept."""
        kept = self._forecast.kept.setdefault(str(row.get("id")), {})
        found: dict[str, Any] = {}
        for name in call.params.get("fields", "").split(","):
            if isinstance(row.get(name), list):
                rows: Any = kept.setdefault(name, row[name])
                found[name] = [self._without_gone(each) for each in rows]
        return found

    def _without_gone(self, row: Body) -> Body:
        """A row as it is once what it links to is deleted."""
        return {
            name: None if isinstance(value, Mapping) and value.get("id") in self._forecast.gone else value
            for name, value in row.items()
        }

    def _columns(self, described: Field) -> Shape:
        rows_of = self._client.metadata.rows_module(described)
        if rows_of is None:  # a multi-select lookup: one column, the link
            name = described.linking_lookup or described.api_name
            column = Field(name, "lookup", lookup_module=described.lookup_module, mandatory=True)
            return Shape(described.api_name, {name: column})
        fields = self._client.metadata.fields(rows_of)
        return Shape(rows_of, {each.api_name: each for each in fields if each.creatable or each.updatable})

    def _merged(self, present: Sequence[Body], sent: Sequence[Body]) -> list[Body]:
        rows = {str(each.get("id")): each for each in present}
        for row in sent:
            own = str(row["id"]) if row.get("id") is not None else self._forecast.make()
            if "_delete" in row:
                rows.pop(own, None)
            else:
                rows[own] = {**rows.get(own, {}), **row, "id": own}
        return list(rows.values())


def _found(shape: Shape, body: Body, matched: Sequence[str], asked: Questions) -> Found:
    """The record that an upsert means, and by which field. Raises NotTaken where there are several."""
    for name in matched:
        if body.get(name) is None:
            continue
        holders = asked.holders(shape.module, shape.fields[name], body[name])
        if len(holders) > 1:
            raise NotTaken("DUPLICATE_DATA", name, f"{len(holders)} records have this value")
        if holders:
            return holders[0], name
    return None, None


def _done(record_id: str) -> Entry:
    return {"code": "SUCCESS", "details": {"id": record_id}, "message": "", "status": "success"}


def _not_done(record_id: str, message: str) -> Entry:
    return {"code": "INVALID_DATA", "details": {"id": record_id}, "message": message, "status": "error"}
