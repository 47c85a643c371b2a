"""What is checked or brought into form when a record's fields are seen together. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from bigin_api.models import Layout, PickListValue
from target_bigin.records.record import Fields, Reject
from target_bigin.values.text import fold

DEALS = "Pipelines"

_REMINDER, _START = "Remind_At", "Start_DateTime"


def check_stage(pipelines: Sequence[Layout], body: Fields, *, foreign_ids: bool = False) -> None:
    """Bring a deal's Pipeline, Sub_Pipeline and Stage into the form that is stored.

    ``pipelines``: the Team Pipelines, which are the layouts of Pipelines. A deal's stage lies in its
    sub-pipeline, and the sub-pipeline in its Team Pipeline, whose layout alone lists its stages. Bigin
    refuses what does not fit (MAPPING_MISMATCH), so what one call can tell is checked before anything is
    sent; a Stage without its Sub_Pipeline is left to Bigin. A Sub_Pipeline that lies in one Team Pipeline
    alone brings that one along. Raises Reject. Source: FACTS 3.
    """
    if not pipelines:
        return
    layout = _pipeline_of(pipelines, body.get("Pipeline"), foreign_ids=foreign_ids)
    if layout is not None:
        body["Pipeline"] = {"id": layout.id}
    written = body.get("Sub_Pipeline")
    if written is None:
        return
    among = [layout] if layout is not None else pipelines
    fitting = [(each, sub) for each in among if (sub := _find(written, each.sub_pipelines))]
    if not fitting:
        where = f"Team Pipeline {layout.display_label!r}" if layout else "any Team Pipeline"
        known = [sub.actual_value for each in among for sub in each.sub_pipelines]
        raise _mismatch("Sub_Pipeline", f"{written!r} is not in {where}: {_list(known)}.")
    body["Sub_Pipeline"] = fitting[0][1].actual_value
    if layout is None and len(fitting) == 1:
        body["Pipeline"] = {"id": fitting[0][0].id}
    if body.get("Stage") is not None:
        body["Stage"] = _stage(body["Stage"], [sub for _, sub in fitting])


def _pipeline_of(pipelines: Sequence[Layout], written: object, *, foreign_ids: bool) -> Layout | None:
    if not isinstance(written, dict):
        return None
    if not foreign_ids:
        for layout in pipelines:
            if layout.id == written.get("id"):
                return layout
    name = fold(written.get("name") or "")
    for layout in pipelines:
        if name and name in (fold(layout.name), fold(layout.display_label)):
            return layout
    shown = written.get("name") or written.get("id")
    known = [each.display_label for each in pipelines]
    raise _mismatch("Pipeline", f"there is no Team Pipeline {shown!r}: {_list(known)}.")


def bring_together(body: Fields) -> None:
    """Turn an event's reminder from a moment into minutes before its start; without a start it is dropped.

    >>> body = {"Remind_At": "2026-05-14T06:45:00+00:00", "Start_DateTime": "2026-05-14T07:00:00+00:00"}
    >>> bring_together(body)
    >>> body["Remind_At"]
    [{'unit': 15, 'period': 'minutes'}]
    """
    moment = body.get(_REMINDER)
    if not isinstance(moment, str):
        return
    start = body.get(_START)
    if start is None:
        del body[_REMINDER]
        return
    before = datetime.fromisoformat(start) - datetime.fromisoformat(moment)
    minutes = max(0, round(before.total_seconds() / 60))
    for period, length in (("days", 1440), ("hours", 60), ("minutes", 1)):
        if minutes and minutes % length == 0:
            body[_REMINDER] = [{"unit": minutes // length, "period": period}]
            return
    body[_REMINDER] = [{"unit": 0, "period": "minutes"}]


def _stage(written: str, subs: Sequence[PickListValue]) -> str:
    """As it is stored. Where a sub-pipeline does not list its stages, Bigin is the judge."""
    for sub in subs:
        found = _find(written, sub.maps.get("Stage", ()))
        if found:
            return found.actual_value
    if not all(sub.maps.get("Stage") for sub in subs):
        return written
    known = [stage.actual_value for sub in subs for stage in sub.maps.get("Stage", ())]
    raise _mismatch("Stage", f"{written!r} is not a stage of {subs[0].actual_value!r}: {_list(known)}.")


def _find(written: str, values: Iterable[PickListValue]) -> PickListValue | None:
    """By what is stored, else by its label, in any case."""
    known = list(values)
    wanted = fold(written)
    for text_of in (attrgetter("actual_value"), attrgetter("display_value")):
        for value in known:
            if fold(text_of(value)) == wanted:
                return value
    return None


def _mismatch(field: str, message: str) -> Reject:
    return Reject("invalid", "STAGE_MISMATCH", message, field)


def _list(known: Iterable[str]) -> str:
    return "it knows " + ", ".join(dict.fromkeys(known))
