"""Pages by number, pages by token, and what a token means while people edit. FACTS 4."""

from __future__ import annotations

import pytest
from support.sandbox import Sandbox

IMPORT = {"op": "create", "module": "Contacts", "count": 2_100, "data": {"Last_Name": "Guest {n}"}}


def _page(sandbox, **params):
    answer = sandbox.api("GET", "/Contacts", params={"fields": "Last_Name", "per_page": 200, **params})
    assert answer.status_code == 200, answer.text
    return answer.json()


def _chain(sandbox, between=lambda: None, **params):
    """Ids of all records, by token from page to page; `between` runs after the first page."""
    body = _page(sandbox, **params)
    ids = [record["id"] for record in body["data"]]
    between()
    while body["info"]["more_records"]:
        body = _page(sandbox, **params, page_token=body["info"]["next_page_token"])
        ids += [record["id"] for record in body["data"]]
    return ids


def _ids(sandbox: Sandbox, module="Contacts"):
    return [record["id"] for record in sandbox.dump(module)]


def test_info_tells_of_pages(sandbox):
    """FACTS 4: the token is 256 hex characters, there from page 1, null on the last; it lasts 24 hours."""
    sandbox.clock(set="2026-03-28T12:00:00Z", freeze=True)
    number = sandbox.count("Contacts")

    first = _page(sandbox, per_page=30)["info"]
    second = _page(sandbox, per_page=number - 30, page_token=None, page=1)["info"]
    last = _page(sandbox, per_page=number)["info"]

    assert (first["count"], first["page"], first["more_records"]) == (30, 1, True)
    assert len(first["next_page_token"]) == 256
    assert int(first["next_page_token"], 16) >= 0
    assert first["previous_page_token"] is None
    assert first["page_token_expiry"] == "2026-03-29T14:00:00+02:00"  # a day later, and an hour of spring
    assert second["more_records"] is True
    assert (last["more_records"], last["next_page_token"], last["page_token_expiry"]) == (False, None, None)


def test_page_numbers_end_at_2000_records(sandbox):
    """FACTS 4, 7.3: beyond, DISCRETE_PAGINATION_LIMIT_EXCEEDED; the token of page 10 goes on there."""
    sandbox.mutate(IMPORT)
    everything = sorted(_ids(sandbox), key=int, reverse=True)

    tenth = _page(sandbox, page=10)
    beyond = sandbox.api("GET", "/Contacts", params={"fields": "id", "page": 11})
    eleventh = _page(sandbox, page_token=tenth["info"]["next_page_token"])

    assert (beyond.status_code, beyond.json()["code"]) == (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
    assert beyond.json()["details"] == {"limit": 2000}
    assert [record["id"] for record in eleventh["data"]] == everything[2000:2200]
    assert eleventh["info"]["page"] == 11


def test_a_chain_of_tokens_reads_everything_once(sandbox):
    """FACTS 4: in the order of the first page."""
    assert _chain(sandbox, per_page=7) == sorted(_ids(sandbox), key=int, reverse=True)


@pytest.mark.parametrize("changed", [{"per_page": 8}, {"fields": "id"}, {"sort_order": "asc"}, {"more": "1"}])
def test_a_token_is_bound_to_its_parameters(sandbox, changed):
    """FACTS 4: with any other parameter changed (also per_page) TOKEN_BOUND_DATA_MISMATCH."""
    token = _page(sandbox, per_page=7)["info"]["next_page_token"]
    params = {"fields": "Last_Name", "per_page": 7, "page_token": token, **changed}

    answer = sandbox.api("GET", "/Contacts", params=params)

    assert (answer.status_code, answer.json()["code"]) == (400, "TOKEN_BOUND_DATA_MISMATCH")
    assert answer.json()["details"] == {"param_name": "page_token"}


def test_a_token_is_bound_to_its_user_and_module(sandbox):
    """FACTS 4: another user's is INVALID_DATA, as an unknown one."""
    params = {"fields": "Last_Name", "per_page": 7}
    token = sandbox.api("GET", "/Contacts", params=params).json()["info"]["next_page_token"]
    with_token = {"params": {**params, "page_token": token}}

    others = sandbox.api("GET", "/Contacts", refresh_token="sandbox-limited", **with_token)
    unknown = sandbox.api("GET", "/Contacts", params={**params, "page_token": "ab" * 128})
    elsewhere = sandbox.api("GET", "/Accounts", **with_token)

    assert (others.json()["code"], unknown.json()["code"]) == ("INVALID_DATA", "INVALID_DATA")
    assert others.json()["details"] == {"param_name": "page_token"}
    assert elsewhere.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"


def test_a_token_lasts_a_day(sandbox):
    """FACTS 4: older than 24 h EXPIRED_VALUE."""
    params = {"fields": "Last_Name", "per_page": 7}
    token = sandbox.api("GET", "/Contacts", params=params).json()["info"]["next_page_token"]
    sandbox.clock(advance=24 * 3600 + 1)
    sandbox._tokens.clear()

    answer = sandbox.api("GET", "/Contacts", params={**params, "page_token": token})

    assert (answer.status_code, answer.json()["code"]) == (400, "EXPIRED_VALUE")


def test_a_token_excludes_a_page_number(sandbox):
    """FACTS 4: AMBIGUITY_DURING_PROCESSING."""
    answer = sandbox.api("GET", "/Contacts", params={"fields": "id", "page": 2, "page_token": "ab"})

    assert answer.json()["code"] == "AMBIGUITY_DURING_PROCESSING"


def test_a_previous_token_leads_back(sandbox):
    """FACTS 4: `previous_page_token`."""
    first = _page(sandbox, per_page=5)
    second = _page(sandbox, per_page=5, page_token=first["info"]["next_page_token"])

    again = _page(sandbox, per_page=5, page_token=second["info"]["previous_page_token"])

    assert again["data"] == first["data"]


def test_keyset_tokens_do_not_mind_what_happens_meanwhile(sandbox):
    """FACTS 4 [A], one reading: what was there from first to last is read once."""
    ids = _ids(sandbox)

    def meanwhile():
        sandbox.mutate({"op": "delete", "module": "Contacts", "ids": ids[-3:]})

    read = _chain(sandbox, meanwhile, per_page=10)

    assert read == sorted(ids, key=int, reverse=True)


def test_offset_tokens_skip_what_moves_up(sandbox):
    """FACTS 4 [A], the other reading, 7.5: three deletions on the first page, three records never read."""
    sandbox.settings(token_paging="offset")
    ids = sorted(_ids(sandbox), key=int, reverse=True)

    def meanwhile():
        sandbox.mutate({"op": "delete", "module": "Contacts", "ids": ids[:3]})

    read = _chain(sandbox, meanwhile, per_page=10)

    assert sorted(set(ids) - set(read), key=int, reverse=True) == ids[10:13]


def test_offset_tokens_repeat_what_moves_back(sandbox):
    """FACTS 4 [A], 7.5: two new records, and two are read twice."""
    sandbox.settings(token_paging="offset")

    def meanwhile():
        sandbox.create("Contacts", Last_Name="New")
        sandbox.create("Contacts", Last_Name="New")

    read = _chain(sandbox, meanwhile, per_page=10)

    assert len(read) - len(set(read)) == 2


def test_equal_times_come_in_no_order_that_holds(sandbox):
    """FACTS 4 [A], 7.6: a reader that pages through a bulk import by time loses records."""
    sandbox.settings(token_paging="offset")
    sandbox.mutate({**IMPORT, "count": 300})
    params = {"sort_by": "Modified_Time", "per_page": 100}

    first = [record["id"] for record in _page(sandbox, **params)["data"]]
    again = [record["id"] for record in _page(sandbox, **params)["data"]]
    read = _chain(sandbox, **params)

    assert first != again
    assert set(read) < set(_ids(sandbox))


def test_keyset_tokens_hold_among_equal_times(sandbox):
    """FACTS 4 [A]: under the other reading a chain by time is whole."""
    sandbox.mutate({**IMPORT, "count": 300})

    read = _chain(sandbox, sort_by="Modified_Time", per_page=100)

    assert sorted(read, key=int) == _ids(sandbox)


@pytest.mark.parametrize(
    ("ims", "second", "expected"),
    [
        ("exclusive", 0, 304),
        ("exclusive", -1, 200),
        ("inclusive", 0, 200),
        ("inclusive", 1, 304),
        ("ignored", 1, 200),
    ],
)
def test_if_modified_since_has_three_readings(sandbox, ims, second, expected):
    """FACTS 4: exclusive unless told otherwise; 304 with an empty body where nothing is newer."""
    sandbox.settings(ims=ims)
    sandbox.clock(set="2026-05-14T09:53:58Z", freeze=True)
    contact = sandbox.create("Contacts", Last_Name="Edited")
    since = f"2026-05-14T12:53:{58 + second}+03:00"

    answer = sandbox.api(
        "GET", "/Contacts", params={"fields": "Last_Name"}, headers={"If-Modified-Since": since}
    )

    assert answer.status_code == expected
    if expected == 304:
        assert answer.content == b""
    elif ims != "ignored":
        assert [record["id"] for record in answer.json()["data"]] == [contact]


def test_a_time_without_offset_is_refused(sandbox):
    """FACTS 4: ISO 8601 with an offset."""
    answer = sandbox.api(
        "GET", "/Contacts", params={"fields": "id"}, headers={"If-Modified-Since": "2026-05-14"}
    )

    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")
