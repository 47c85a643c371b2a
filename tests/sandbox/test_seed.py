"""The made-up organisation: plausible, and the same for the same seed."""

from __future__ import annotations

from collections import Counter

import pytest

from bigin_sandbox.clock import Clock
from bigin_sandbox.control.administration import change_metadata
from bigin_sandbox.control.mutations import mutate
from bigin_sandbox.sandbox import Sandbox
from bigin_sandbox.seed.seeding import seed_organisation
from bigin_sandbox.settings import Settings
from bigin_sandbox.storage.store import Store

MODULES = (
    "Contacts",
    "Accounts",
    "Pipelines",
    "Products",
    "Tasks",
    "Events",
    "Calls",
    "Notes",
    "Subscriptions",
)


@pytest.fixture
def seeded():
    stores = []

    def seed(**settings):
        store = Store(":memory:", Clock())
        stores.append(store)
        seed_organisation(store, Settings().changed(settings))
        return store

    yield seed
    for store in stores:
        store.close()


def _everything(store):
    return [list(store.iterate(module["api_name"])) for module in store.modules()]


def test_one_seed_is_one_organisation(seeded):
    """A failure can be looked at again; another seed is another organisation."""
    once, again, other = (seeded(seed=number, size="small") for number in (3, 3, 4))

    assert _everything(once) == _everything(again)
    assert _everything(once) != _everything(other)


@pytest.mark.parametrize(("size", "number"), [("empty", 0), ("small", 200), ("medium", 2_000), ("777", 777)])
def test_a_size_is_a_number_of_records(seeded, size, number):
    """`--size`: names, or as many records as asked for."""
    store = seeded(size=size)

    assert store.total() == number
    assert len(store.users()) == 7


def test_a_large_one_meets_both_walls(seeded):
    """FACTS 7.3, 7.4: more than 2,000 records in a module of more than 50 fields."""
    store = seeded(size="large")

    assert store.total() == 12_000
    assert store.count("Site_Surveys") > 2_000
    assert len(store.fields("Site_Surveys")) > 50


def test_more_custom_modules_share_the_records(seeded):
    """For whoever measures many streams."""
    store = seeded(size="medium", custom_modules=20)

    assert store.total() == 2_000
    assert min(store.count(f"Register_{number:02d}") for number in range(1, 21)) > 10


def test_values_are_plausible(seeded):
    """Stages belong to their sub-pipeline, unique values are unique, links lead somewhere."""
    store = seeded(size="medium")

    deals = list(store.iterate("Pipelines"))
    layouts = {layout["id"]: layout for layout in store.layouts("Pipelines")}
    for deal in deals:
        fields = {
            field["api_name"]: field for field in layouts[deal["Pipeline"]["id"]]["sections"][0]["fields"]
        }
        subs = {value["actual_value"]: value for value in fields["Sub_Pipeline"]["pick_list_values"]}
        stages = subs[deal["Sub_Pipeline"]]["maps"][0]["pick_list_values"]
        assert deal["Stage"] in [stage["actual_value"] for stage in stages]
    for module in MODULES:
        for name in store.unique_fields(module):
            values = [record[name].casefold() for record in store.iterate(module) if name in record]
            assert len(values) == len(set(values))
    contacts = list(store.iterate("Contacts"))
    assert all(store.get("Accounts", one["Account_Name"]["id"]) for one in contacts if "Account_Name" in one)
    assert any("Account_Name" not in one for one in contacts)


def test_an_import_left_its_second_on_many_records(seeded):
    """FACTS 7.6."""
    store = seeded(size="medium")

    times = Counter(record["Modified_Time"] for record in store.iterate("Contacts"))

    assert times.most_common(1)[0][1] > 100


def test_ids_grow_with_time_within_a_module(seeded):
    """An order by id is an order by creation."""
    store = seeded(size="medium")

    for module in MODULES:
        oldest_first = sorted(store.iterate(module), key=lambda record: int(record["id"]))
        created = [record["Created_Time"] for record in oldest_first]
        assert created == sorted(created)


def test_no_id_is_given_twice(seeded):
    """Records, tags and subform rows share one sequence."""
    store = seeded(size="small")
    ids = [record["id"] for records in _everything(store) for record in records]
    ids += [tag["id"] for module in store.modules() for tag in store.tags(module["api_name"])]
    rows = [row["id"] for deal in store.iterate("Pipelines") for row in deal.get("Associated_Products", [])]

    ids += [*rows, store.new_id(), store.new_id()]

    assert len(ids) == len(set(ids))


def _dump(store):
    copy = store.copy()
    lines = list(copy.iterdump())
    copy.close()
    return lines


@pytest.mark.parametrize("size", ["empty", "small"])
def test_a_reset_gives_the_same_organisation_as_a_new_start(seeded, size):
    """A reset takes a copy that was kept: nothing of what was done since may be in it, nor anything lack."""
    sandbox = Sandbox(Settings().changed({"size": size}))
    for seed in (1, 2, 1):
        contact = {"Last_Name": "Berg", "Tag": [{"name": "new"}]}
        mutate(sandbox.store, [{"op": "create", "module": "Contacts", "data": contact}])
        mutate(sandbox.store, [{"op": "edit", "module": "Accounts", "data": {"Phone": "1"}}])
        change_metadata(sandbox.store, [{"op": "remove_field", "module": "Contacts", "field": "Title"}])

        sandbox.reset({"seed": seed})

        fresh = seeded(seed=seed, size=size)
        assert _dump(sandbox.store) == _dump(fresh)
        assert sandbox.store.fields("Contacts") == fresh.fields("Contacts")
    sandbox.close()
