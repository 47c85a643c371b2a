"""Tags: how they are named, and what the set of a record becomes. Source: FACTS 5; write.md 7, 9.

A record holds tags as `[{"id"}]`. A caller writes `[{"name"}]` or `[{"id"}]`; the id wins.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from bigin_sandbox.clock import to_text
from bigin_sandbox.rules.values.ids import id_given
from bigin_sandbox.rules.values.values import is_empty
from bigin_sandbox.rules.writing.refused import expected_type, refused_value, too_long, too_many

if TYPE_CHECKING:
    from bigin_sandbox.storage.store import Record, Store

MOST_CHARACTERS = 25  # write.md 7
MOST_TAGS_OF_A_RECORD = 10  # write.md 7


def accepted_tags(store: Store, module: str, sent: Any, *, path: str, at: str) -> list[Record]:
    """The sent tags, each as `{"id"}` where it is known and as `{"name"}` where it is to be created.

    `path` is where the record stands (`$.data[0]`), `at` where its tags do (`$.data[0].Tag`).
    """
    if not isinstance(sent, list):
        raise expected_type("jsonarray", "Tag", at)
    if len(sent) > MOST_TAGS_OF_A_RECORD:
        raise too_many(MOST_TAGS_OF_A_RECORD, "Tag", path, "a record has no more than 10 tags")
    return [_accepted_tag(store, module, tag, f"{at}[{place}]") for place, tag in enumerate(sent)]


def _accepted_tag(store: Store, module: str, sent: Any, at: str) -> Record:
    if not isinstance(sent, dict):
        raise expected_type("jsonobject", "Tag", at)
    if "id" in sent:
        tag_id = id_given(sent["id"])
        if tag_id is None or store.tag(module, tag_id) is None:
            raise refused_value("id", f"{at}.id", "the id given seems to be invalid")
        return {"id": tag_id}
    return {**sent, "name": checked_name(sent.get("name"), f"{at}.name")}


def checked_name(name: Any, at: str) -> str:
    """A tag's name: a text of at most 25 characters."""
    if not isinstance(name, str) or is_empty(name):
        raise expected_type("text", "name", at)
    if len(name) > MOST_CHARACTERS:
        raise too_long(MOST_CHARACTERS, "name", at)
    return name.strip()


def ids_of_tags(store: Store, module: str, tags: Iterable[Record], *, user_id: str) -> list[Record]:
    """`[{"id"}]` for accepted tags, each once; unknown names are created (FACTS 5)."""
    ids = (_id_of_tag(store, module, tag, user_id=user_id) for tag in tags)
    return [{"id": tag_id} for tag_id in dict.fromkeys(ids)]


def _id_of_tag(store: Store, module: str, tag: Record, *, user_id: str) -> str:
    if "id" in tag:
        return str(tag["id"])
    known = {known["name"].casefold(): known["id"] for known in store.tags(module)}
    if tag["name"].casefold() in known:
        return str(known[tag["name"].casefold()])
    return str(create_tag(store, module, tag, user_id=user_id)["id"])


def create_tag(store: Store, module: str, tag: Record, *, user_id: str) -> Record:
    """A new tag of this name, and colour if one is given."""
    tag_id = store.tag_ids(module, [tag["name"]], user_id=user_id)[0]
    return change_tag(store, module, tag_id, tag, user_id=user_id)


def change_tag(store: Store, module: str, tag_id: str, sent: Record, *, user_id: str) -> Record:
    """Give a tag the name and the colour that were sent; gives the tag."""
    given = {key: sent[key] for key in ("name", "color_code") if key in sent}
    touched = {"modified_time": to_text(store.clock.now()), "modified_by": {"id": user_id}}
    tags = [tag | given | touched if tag["id"] == tag_id else tag for tag in store.tags(module)]
    store.put_metadata("tags", tags, owner=module)
    return next(tag for tag in tags if tag["id"] == tag_id)


def added(present: list[Record], tags: list[Record], *, over_write: bool) -> list[Record]:
    """The set after add_tags.

    >>> added([{"id": "1"}], [{"id": "2"}, {"id": "1"}], over_write=False)
    [{'id': '1'}, {'id': '2'}]
    >>> added([{"id": "1"}], [{"id": "2"}], over_write=True)
    [{'id': '2'}]
    """
    return tags if over_write else [*present, *(tag for tag in tags if tag not in present)]
