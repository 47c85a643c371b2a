"""Related lists, with their two oddities. FACTS 4, read.md 6.2, 6.5 - 6.7."""

from __future__ import annotations

import pytest


def _related(sandbox, path, **params):
    return sandbox.api("GET", path, params={"fields": "id", **params})


def _most_common(records, lookup):
    ids = [record[lookup]["id"] for record in records if record[lookup]]
    return max(set(ids), key=ids.count)


@pytest.mark.parametrize(
    ("parent", "related", "child", "lookup"),
    [
        ("Accounts", "Contacts", "Contacts", "Account_Name"),
        ("Accounts", "Pipelines", "Pipelines", "Account_Name"),
        ("Contacts", "Pipelines", "Pipelines", "Contact_Name"),
        ("Contacts", "Tasks", "Tasks", "Who_Id"),
        ("Contacts", "Subscriptions", "Subscriptions", "Contact"),
    ],
)
def test_related_records_are_those_that_link_here(sandbox, parent, related, child, lookup):
    """FACTS 4; read.md 6.2: newest id first, `info` without the sort keys."""
    records = sandbox.dump(child)
    parent_id = _most_common(records, lookup)

    body = _related(sandbox, f"/{parent}/{parent_id}/{related}").json()

    expected = [record["id"] for record in records if record[lookup] and record[lookup]["id"] == parent_id]
    assert [record["id"] for record in body["data"]] == sorted(expected, key=int, reverse=True)
    assert "sort_by" not in body["info"]
    assert "sort_order" not in body["info"]


@pytest.mark.parametrize("module", ["Pipelines", "Accounts"])
def test_activities_relate_by_what_id(sandbox, module):
    """FACTS 3: Activities relate through What_Id and `$se_module`."""
    calls = [call for call in sandbox.dump("Calls") if call["$se_module"] == module]
    sandbox.reset(size="medium")
    calls = [call for call in sandbox.dump("Calls") if call["$se_module"] == module]
    parent_id = _most_common(calls, "What_Id")

    body = _related(sandbox, f"/{module}/{parent_id}/Calls").json()

    expected = {call["id"] for call in calls if call["What_Id"]["id"] == parent_id}
    assert {record["id"] for record in body["data"]} == expected


def test_products_of_a_deal_and_deals_of_a_product(sandbox):
    """read.md 6.2: through the deal's subform."""
    deal = next(deal for deal in sandbox.dump("Pipelines") if deal["Associated_Products"])
    product = deal["Associated_Products"][0]["Product"]["id"]

    products = _related(sandbox, f"/Pipelines/{deal['id']}/Products").json()["data"]
    deals = _related(sandbox, f"/Products/{product}/Pipelines").json()["data"]

    assert product in [record["id"] for record in products]
    assert deal["id"] in [record["id"] for record in deals]


def test_products_of_a_contact_are_ties(sandbox):
    """FACTS 5: contact-product links; the seed ties some."""
    contacts = [contact["id"] for contact in sandbox.dump("Contacts")]

    answers = [_related(sandbox, f"/Contacts/{contact}/Products") for contact in contacts[:10]]
    tied = next(number for number, answer in enumerate(answers) if answer.status_code == 200)
    product = answers[tied].json()["data"][0]["id"]
    back = _related(sandbox, f"/Products/{product}/Contacts").json()["data"]

    assert contacts[tied] in [record["id"] for record in back]


def test_related_lists_have_pages_and_tokens(sandbox):
    """FACTS 4: a list as others."""
    company = sandbox.create("Accounts", Account_Name="Crowd")
    wish = {"op": "create", "module": "Contacts", "count": 5, "data": {"Account_Name": {"id": company}}}
    made = [entry["id"] for entry in sandbox.mutate(wish)[0]]
    path = f"/Accounts/{company}/Contacts"

    first = _related(sandbox, path, per_page=3).json()
    second = _related(sandbox, path, per_page=3, page_token=first["info"]["next_page_token"]).json()

    read = [record["id"] for record in [*first["data"], *second["data"]]]
    assert read == made[::-1]
    assert second["info"]["more_records"] is False


@pytest.mark.parametrize(
    ("path", "index"),
    [
        ("/Contacts/{id}/Nonsense", 2),
        ("/Contacts/{id}/Contacts", 2),
        ("/Contacts/6100000000000999999/Notes", 1),
    ],
)
def test_wrong_relations_and_parents_are_told_by_their_place(sandbox, path, index):
    """FACTS 4: 400 INVALID_DATA with resource_path_index."""
    contact = sandbox.dump("Contacts")[0]["id"]

    answer = _related(sandbox, path.format(id=contact))

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
    assert answer.json()["details"] == {"resource_path_index": index}


def test_related_lists_need_fields_and_may_be_empty(sandbox):
    """FACTS 4: `fields` is required; 204 if there is none."""
    company = sandbox.create("Accounts", Account_Name="Lonely")

    without = sandbox.api("GET", f"/Accounts/{company}/Contacts")
    empty = _related(sandbox, f"/Accounts/{company}/Contacts")

    assert without.json()["details"] == {"param_name": "fields"}
    assert (empty.status_code, empty.content) == (204, b"")


def test_notes_name_their_parent(sandbox):
    """read.md 6.5: `Parent_Id: {module: {api_name, id}, name, id}`; GET /Notes lists all at once."""
    listed = _related(sandbox, "/Notes", fields="Note_Content,Parent_Id").json()["data"]
    note = listed[0]
    parent = note["Parent_Id"]

    of_one = _related(sandbox, f"/{parent['module']['api_name']}/{parent['id']}/Notes").json()["data"]

    assert len(listed) == sandbox.count("Notes")
    assert set(parent) == {"module", "name", "id"}
    assert note["id"] in [record["id"] for record in of_one]


def test_attachments_have_a_size_in_digits_and_bytes(sandbox):
    """read.md 6.6: `Size` is a string; the file itself is a download."""
    attachment = sandbox.dump("Attachments")[0]
    parent = attachment["Parent_Id"]
    path = f"/{parent['module']['api_name']}/{parent['id']}/Attachments"

    listed = _related(sandbox, path, fields="File_Name,Size,$file_id").json()["data"]
    file = sandbox.api("GET", f"{path}/{attachment['id']}")

    record = next(record for record in listed if record["id"] == attachment["id"])
    assert record["Size"] == str(len(file.content))
    assert record["$file_id"].isdecimal()
    assert file.headers["content-type"] == "application/x-download"
    assert record["File_Name"] in file.headers["content-disposition"]


def test_emails_come_ten_at_a_time_under_a_key_of_their_own(sandbox):
    """FACTS 4 [Z]: `{"Emails": […], "info": {per_page: 10, …}}`, paged by `index`."""
    contact = sandbox.dump("Contacts")[0]["id"]
    path = f"/Contacts/{contact}/Emails"

    first = sandbox.api("GET", path).json()
    second = sandbox.api("GET", path, params={"index": first["info"]["next_index"]}).json()
    third = sandbox.api("GET", path, params={"index": second["info"]["next_index"]}).json()

    assert [len(body["Emails"]) for body in (first, second, third)] == [10, 10, 3]
    assert [body["info"]["more_records"] for body in (first, second, third)] == [True, True, False]
    assert set(first["info"]) == {"per_page", "count", "next_index", "prev_index", "more_records"}
    assert len({email["message_id"] for body in (first, second, third) for email in body["Emails"]}) == 23
    assert "content" not in first["Emails"][0]
    single = sandbox.api("GET", f"{path}/{first['Emails'][0]['message_id']}").json()
    assert single["Emails"][0]["content"].startswith("<p>")


def test_a_record_without_emails_is_204(sandbox):
    """FACTS 4: an empty list has no body."""
    contact = sandbox.create("Contacts", Last_Name="Silent")

    assert sandbox.api("GET", f"/Contacts/{contact}/Emails").status_code == 204


@pytest.mark.parametrize(
    ("wanted", "status"), [("sent_from_crm", 200), ("drafts", 204), ("user_emails", 204), ("other", 400)]
)
def test_emails_are_listed_by_type(sandbox, wanted, status):
    """FACTS 6b [Z]: four words; all that a fresh organisation has were sent from it."""
    contact = sandbox.dump("Contacts")[0]["id"]

    answer = sandbox.api("GET", f"/Contacts/{contact}/Emails", params={"type": wanted})

    assert answer.status_code == status
