"""Whether jobs read a stream, what they give of it, and what is asked before that is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from bigin_api import Field, PermissionDenied, ServerError
from tap_bigin.bulk.choice import JobChoice
from tap_bigin.bulk.columns import job_columns
from tap_bigin.planning import Column, JobColumns

EMAIL = Field("Email", "email", "string")
CODE = Field("Code", "text", "string")
TAG = Field("Tag", "text", "jsonarray")
COMPANY = Field("Account_Name", "lookup", "jsonobject", lookup_module="Accounts")
PRODUCT = Field("Product", "lookup", "jsonobject", lookup_module="Products")
ANY = Field("What_Id", "lookup", "jsonobject")
PARENT = Field("Parent", "lookup", "jsonobject", lookup_module="Accounts")
UNKNOWN = Field("Blob", "new_type", "string")
OWNER = Field("Owner", "ownerlookup", "jsonobject")
NAMED = {"Accounts": "Account_Name", "Products": "Product_Name"}


class World:
    """A client and a report that note what they were asked and told."""

    def __init__(self, budget: int | None = None, tags: Any = ()) -> None:
        self.credit_budget = budget
        self.asked: list[str] = []
        self.said: list[str] = []
        self.add_note = self.inform = self.said.append
        self._tags = tags
        self.tags = SimpleNamespace(of_module=self._of_module)
        self.metadata = SimpleNamespace(fields=self._fields)

    def _of_module(self, module: str) -> Any:
        self.asked.append(f"tags of {module}")
        if isinstance(self._tags, Exception):
            raise self._tags
        return self._tags

    def _fields(self, module: str) -> list[Field]:
        self.asked.append(module)
        if module not in NAMED:
            raise PermissionDenied("no") if module == "Closed" else ServerError("broken")
        named = Field(NAMED[module], "text", is_display_field=True)
        return [Field("Other", "text"), named, Field("Another", "text")]


def _choice(
    world: World, *fields: Field, wish: str = "auto", lookups: str = "object", module: str = "Contacts"
) -> JobChoice:
    settings = SimpleNamespace(extraction_method=wish, lookups=lookups)
    return JobChoice(world, module, fields, settings=settings, report=world)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("how", "budget", "expected"),
    [
        ({}, None, (True, [])),
        ({"wish": "list"}, None, (False, [])),
        ({}, 100, (True, [])),
        ({}, 99, (False, ["read by list pages: so small a budget holds no job."])),
        ({"wish": "bulk"}, 1, (True, [])),
        ({"module": "Notes"}, None, (False, [])),
        ({"module": "Notes", "wish": "bulk"}, None, (False, ["read by list pages: Bulk Read does not know this module."])),
    ],
)  # fmt: skip
def test_how_many_records_there_are_is_asked_only_where_a_job_may_pay(how, budget, expected):
    """The count costs a credit, and a job within a small budget would never have its turn."""
    world = World(budget)

    assert (_choice(world, EMAIL, **how).may_pay, world.said) == expected
    assert world.asked == []


@pytest.mark.parametrize(("wish", "expected"), [("auto", False), ("bulk", True)])
def test_where_no_job_gives_what_is_asked_for_it_is_said(wish, expected):
    """Whoever wants jobs has them all the same: the rest is read by ids."""
    world = World()

    assert _choice(world, UNKNOWN, EMAIL, ANY, wish=wish).may_pay is expected
    assert world.said == ([] if expected else ["read by list pages: Bulk Read does not give Blob, What_Id."])


@pytest.mark.parametrize(
    ("records", "wish", "tags", "expected"),
    [
        (9_000, "auto", [], (False, "list pages: 9,000 records cost 47 credits by list, 54 by Bulk Read.")),
        (60_000, "auto", [], (True, "Bulk Read: 60,000 records cost 313 credits by list, 54 by Bulk Read.")),
        (60_000, "auto", [{"name": "vip"}], (False, ("list pages: 60,000 records cost 313 credits by list, 654 by Bulk Read "
                                                    "(of which 600 for Tag: only the list gives it)."))),
        (9_000, "bulk", PermissionDenied("no"), (True, ("Bulk Read: 9,000 records cost 47 credits by list, 144 by Bulk Read "
                                                       "(of which 90 for Tag: only the list gives it)."))),
        (9_000, "bulk", ServerError("broken"), (True, ("Bulk Read: 9,000 records cost 47 credits by list, 144 by Bulk Read "
                                                      "(of which 90 for Tag: only the list gives it)."))),
    ],
)  # fmt: skip
def test_whether_a_module_has_tags_is_asked_only_where_a_job_would_win(records, wish, tags, expected):
    """A module with tags leaves them to the list; what cannot be asked counts as one that has."""
    world = World(tags=tags)
    choice = _choice(world, EMAIL, TAG)

    assert choice.are_cheaper(records, wish=wish) is expected[0]
    assert world.said == [f"read by {expected[1]}"]
    assert world.asked == ([] if records == 9_000 and wish == "auto" else ["tags of Contacts"])


def test_without_a_tag_asked_for_no_tags_are_asked_about():
    """A credit for nothing."""
    world = World()

    assert _choice(world, EMAIL).columns == JobColumns((Column("Email", "text"),))
    assert world.asked == []


def test_lookups_get_their_names_from_the_modules_that_can_be_described():
    """Two of them, which is as many as a job joins; the others are left to the list."""
    closed = Field("Closed", "lookup", "jsonobject", lookup_module="Closed")
    broken = Field("Broken", "lookup", "jsonobject", lookup_module="Broken")
    several = Field("Deals", "multiselectlookup", "jsonarray", lookup_module="Pipelines")
    world = World()

    columns = _choice(world, closed, COMPANY, ANY, EMAIL, broken, PRODUCT, PARENT, several, CODE).columns

    assert columns == JobColumns(
        (
            Column("Account_Name", "link", "Account_Name.Account_Name"),
            Column("Email", "text"),
            Column("Product", "link", "Product.Product_Name"),
            Column("Code", "text"),
        ),
        ("Closed", "What_Id", "Broken", "Parent", "Deals"),
    )
    assert sorted(world.asked) == ["Accounts", "Broken", "Closed", "Products"]


def test_ids_alone_need_no_names():
    """And nobody is asked for any."""
    world = World()

    columns = _choice(world, COMPANY, PRODUCT, PARENT, ANY, OWNER, EMAIL, lookups="id").columns

    links = (Column(name, "id") for name in ("Account_Name", "Product", "Parent", "What_Id", "Owner"))
    assert columns.columns == (*links, Column("Email", "text"))
    assert (columns.left_to_list, world.asked) == ((), [])


def test_a_field_of_several_choices_knows_them():
    """A text of the file that is none of them may be two."""
    moods = Field.from_json(
        {
            "api_name": "Moods",
            "data_type": "multiselectpicklist",
            "json_type": "jsonarray",
            "pick_list_values": [{"actual_value": "Good"}, {"actual_value": "Bad"}],
        }
    )
    mood = Field.from_json(
        {"api_name": "Mood", "data_type": "picklist", "pick_list_values": [{"actual_value": "Good"}]}
    )

    assert job_columns(
        [moods, mood, OWNER, TAG], display_fields={}, flat_lookups=False, untagged=True
    ) == JobColumns(
        (
            Column("Moods", "choices", choices=frozenset(("Good", "Bad"))),
            Column("Mood", "text"),
            Column("Owner", "owner"),
            Column("Tag", "untagged"),
        )
    )
