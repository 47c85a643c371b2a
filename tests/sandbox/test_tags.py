"""Tags in records, by actions, in settings. FACTS 5 (tags); write.md 7, 9."""

from __future__ import annotations

import pytest
from support.writing import codes, credits_of, insert, read, refusal, send

NOBODY = "6100000000000999999"
CONTACTS = {"module": "Contacts"}


@pytest.fixture(autouse=True)
def empty(sandbox):
    sandbox.reset(size="empty")


def contact(sandbox, *names):
    return insert(sandbox, "Contacts", Last_Name="Berg", Tag=[{"name": name} for name in names])


def tags_of(sandbox, record_id):
    return [tag["name"] for tag in read(sandbox, "Contacts", record_id)["Tag"]]


def known_tags(sandbox):
    answer = sandbox.api("GET", "/settings/tags", params=CONTACTS)
    return {tag["name"]: tag for tag in answer.json()["tags"]} if answer.status_code == 200 else {}


def test_a_record_creates_the_tags_it_names(sandbox):
    """They read back with id and colour; the name's case does not count."""
    first = contact(sandbox, "vip", "hot")
    second = contact(sandbox, "VIP")

    tag = read(sandbox, "Contacts", first)["Tag"][0]
    assert (tag["name"], set(tag)) == ("vip", {"name", "id", "color_code"})
    assert tags_of(sandbox, second) == ["vip"]
    assert set(known_tags(sandbox)) == {"vip", "hot"}


def test_an_update_replaces_the_whole_set(sandbox):
    """Tags that are not named are gone; an empty array removes all."""
    record_id = contact(sandbox, "vip", "hot")

    send(sandbox, "PUT", "/Contacts", {"id": record_id, "Tag": [{"name": "new"}]})
    replaced = tags_of(sandbox, record_id)
    send(sandbox, "PUT", "/Contacts", {"id": record_id, "Tag": []})

    assert replaced == ["new"]
    assert tags_of(sandbox, record_id) == []


def test_a_tag_may_be_given_by_its_id(sandbox):
    """The id wins over the name; an unknown one is refused."""
    contact(sandbox, "vip")
    tag_id = known_tags(sandbox)["vip"]["id"]

    record_id = insert(sandbox, "Contacts", Last_Name="Ek", Tag=[{"id": tag_id, "name": "other"}])

    assert tags_of(sandbox, record_id) == ["vip"]
    assert refusal(sandbox, "Contacts", Last_Name="Ek", Tag=[{"id": NOBODY}])["code"] == "INVALID_DATA"


@pytest.mark.parametrize(
    ("tags", "code", "path"),
    [
        ([{"name": "a" * 26}], "INVALID_DATA", "$.data[0].Tag[0].name"),
        ([{"name": ""}], "INVALID_DATA", "$.data[0].Tag[0].name"),
        (["vip"], "INVALID_DATA", "$.data[0].Tag[0]"),
        ([{"name": f"t{n}"} for n in range(11)], "LIMIT_EXCEEDED", "$.data[0].Tag"),
    ],
)
def test_tags_that_cannot_be_are_refused(sandbox, tags, code, path):
    """At most 25 characters, at most ten of a record, and objects."""
    entry = refusal(sandbox, "Contacts", Last_Name="Berg", Tag=tags)

    assert (entry["code"], entry["details"]["json_path"]) == (code, path)
    assert known_tags(sandbox) == {}


@pytest.mark.parametrize("form", ["body", "query"])
def test_tags_are_added_by_body_and_by_query(sandbox, form):
    """Which of the two the page means is not known."""
    ids = [contact(sandbox, "old"), contact(sandbox)]
    if form == "body":
        how = {"json": {"tags": [{"name": "vip"}, {"name": "hot"}], "ids": ids}}
    else:
        how = {"params": {"ids": ",".join(ids), "tag_names": "vip,hot"}}

    answer = sandbox.api("POST", "/Contacts/actions/add_tags", **how)

    assert answer.status_code == 200
    body = answer.json()
    assert (body["success_count"], body["locked_count"]) == ("2", "0")
    assert [entry["message"] for entry in body["data"]] == ["tags updated successfully"] * 2
    assert [tag["name"] for tag in body["data"][0]["details"]["tags"]] == ["old", "vip", "hot"]
    assert tags_of(sandbox, ids[1]) == ["vip", "hot"]


def test_over_write_drops_the_tags_that_are_not_named(sandbox):
    """Off unless asked for."""
    record_id = contact(sandbox, "old")
    body = {"tags": [{"name": "vip", "color_code": "#F17574"}], "over_write": True}

    sandbox.api("POST", f"/Contacts/{record_id}/actions/add_tags", json=body)

    assert tags_of(sandbox, record_id) == ["vip"]
    assert known_tags(sandbox)["vip"]["color_code"] == "#F17574"


@pytest.mark.parametrize("form", ["body", "query"])
def test_tags_are_removed_by_query_and_by_body(sandbox, form):
    """The query is Bigin's; a tag that is not there is no error."""
    record_id = contact(sandbox, "vip", "hot")
    if form == "body":
        how = {"json": {"tags": [{"name": "vip"}, {"name": "none"}], "ids": [record_id]}}
    else:
        how = {"params": {"ids": record_id, "tag_names": "VIP,none"}}

    answer = sandbox.api("POST", "/Contacts/actions/remove_tags", **how)

    assert answer.status_code == 200
    assert tags_of(sandbox, record_id) == ["hot"]


def test_one_record_is_tagged_by_its_address(sandbox):
    """Without ids."""
    record_id = contact(sandbox, "vip")

    sandbox.api("POST", f"/Contacts/{record_id}/actions/add_tags", params={"tag_names": "hot"})
    sandbox.api("POST", f"/Contacts/{record_id}/actions/remove_tags", params={"tag_names": "vip"})

    assert tags_of(sandbox, record_id) == ["hot"]


def test_an_unknown_id_among_the_tagged_is_an_entry(sandbox):
    """The others are tagged all the same."""
    record_id = contact(sandbox)
    body = {"tags": [{"name": "vip"}], "ids": [NOBODY, record_id]}

    answer = sandbox.api("POST", "/Contacts/actions/add_tags", json=body)

    assert answer.status_code == 207
    assert codes(answer.json()["data"]) == ["INVALID_DATA", "SUCCESS"]
    assert answer.json()["success_count"] == "1"


def test_a_module_without_tags_is_refused(sandbox):
    """Notes have none; it was a fault of the server."""
    body = {"tags": [{"name": "vip"}], "ids": [NOBODY]}

    answer = sandbox.api("POST", "/Notes/actions/add_tags", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_MODULE")


def test_tagging_moves_no_modified_time_and_fires_nothing(sandbox):
    """The harsher reading: a reader by Modified_Time misses it."""
    sandbox.clock(set="2026-03-01T10:00:00Z", freeze=True)
    record_id = sandbox.create("Contacts", Last_Name="Berg")
    before = read(sandbox, "Contacts", record_id)["Modified_Time"]
    sandbox.clock(advance=60)

    sandbox.api("POST", f"/Contacts/{record_id}/actions/add_tags", json={"tags": [{"name": "vip"}]})

    assert tags_of(sandbox, record_id) == ["vip"]
    assert read(sandbox, "Contacts", record_id)["Modified_Time"] == before
    assert sandbox.automation()["fired"] == 0


@pytest.mark.parametrize(("records", "price"), [(1, 1), (50, 1), (51, 2), (500, 10)])
def test_fifty_tagged_records_cost_one_credit(sandbox, records, price):
    """Rounded up, and paid also for ids of nobody."""
    sandbox.api(
        "POST", "/Contacts/actions/add_tags", json={"tags": [{"name": "a"}], "ids": [NOBODY] * records}
    )

    assert credits_of(sandbox, "POST /Contacts/actions/add_tags") == price


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tags": [{"name": "a"}], "ids": [NOBODY] * 501}, "LIMIT_EXCEEDED"),
        ({"tags": [{"name": "a"}]}, "REQUIRED_PARAM_MISSING"),
        ({"ids": [NOBODY]}, "REQUIRED_PARAM_MISSING"),
        ({"tags": [{"name": "a" * 26}], "ids": [NOBODY]}, "INVALID_DATA"),
    ],
)
def test_a_call_that_cannot_tag_is_refused_flat(sandbox, body, code):
    """More than 500, no ids, no tags, no name."""
    answer = sandbox.api("POST", "/Contacts/actions/add_tags", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_the_eleventh_tag_of_a_record_is_refused(sandbox):
    """What it has counts."""
    record_id = contact(sandbox, *(f"t{n}" for n in range(10)))

    answer = sandbox.api("POST", f"/Contacts/{record_id}/actions/add_tags", params={"tag_names": "more"})

    assert (answer.status_code, codes(answer.json()["data"])) == (400, ["LIMIT_EXCEEDED"])
    assert len(tags_of(sandbox, record_id)) == 10


def test_tags_are_created_in_settings(sandbox):
    """201, and a name that is taken is refused with the tag that has it."""
    first = sandbox.api("POST", "/settings/tags", params=CONTACTS, json={"tags": [{"name": "vip"}]})
    again = sandbox.api(
        "POST", "/settings/tags", params=CONTACTS, json={"tags": [{"name": "VIP"}, {"name": "hot"}]}
    )

    assert first.status_code == 201
    (entry,) = first.json()["tags"]
    assert entry["message"] == "tags created successfully"
    assert entry["details"]["id"] == known_tags(sandbox)["vip"]["id"]
    assert again.status_code == 207
    assert codes(again.json()["tags"]) == ["DUPLICATE_DATA", "SUCCESS"]
    assert again.json()["tags"][0]["details"]["id"] == entry["details"]["id"]


@pytest.mark.parametrize("address", ["/settings/tags", "/settings/tags/{id}"])
def test_a_renamed_tag_shows_in_every_record(sandbox, address):
    """Both `id` and `name` are needed in the body."""
    record_id = contact(sandbox, "vip")
    tag_id = known_tags(sandbox)["vip"]["id"]
    path = address.format(id=tag_id)

    nameless = sandbox.api("PUT", path, params=CONTACTS, json={"tags": [{"id": tag_id}]})
    renamed = sandbox.api("PUT", path, params=CONTACTS, json={"tags": [{"id": tag_id, "name": "gold"}]})

    assert codes(nameless.json()["tags"]) == ["MANDATORY_NOT_FOUND"]
    assert renamed.status_code == 200
    assert tags_of(sandbox, record_id) == ["gold"]


def test_a_deleted_tag_leaves_every_record(sandbox):
    """And may be deleted once."""
    record_id = contact(sandbox, "vip", "hot")
    tag_id = known_tags(sandbox)["vip"]["id"]

    first = sandbox.api("DELETE", f"/settings/tags/{tag_id}")
    again = sandbox.api("DELETE", f"/settings/tags/{tag_id}")

    assert (first.status_code, again.status_code) == (200, 400)
    assert tags_of(sandbox, record_id) == ["hot"]


def test_settings_of_tags_need_a_module(sandbox):
    """Tags belong to a module."""
    without = sandbox.api("POST", "/settings/tags", json={"tags": [{"name": "vip"}]})
    unknown = sandbox.api("POST", "/settings/tags", params={"module": "X"}, json={"tags": [{"name": "vip"}]})

    assert without.json()["code"] == "REQUIRED_PARAM_MISSING"
    assert (unknown.json()["code"], unknown.json()["details"]) == ("INVALID_MODULE", {"param_name": "module"})
