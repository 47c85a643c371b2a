"""The controls that tests work with: bigin_sandbox.control.controls and bigin_sandbox.control.mutations."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import requests


def test_controls_are_neither_counted_nor_guarded(sandbox):
    """A test that looks must not change what it looks at."""
    sandbox.dump("Contacts")
    sandbox.mutate({"op": "create", "module": "Contacts", "data": {"Last_Name": "X"}})

    usage = sandbox.usage()

    assert (usage["calls"], usage["credits"]) == (0, 0)


def test_a_count_is_that_of_the_dump(sandbox):
    """Thousands of records need not travel to be counted."""
    sandbox.create("Contacts", Last_Name="Berg")

    assert sandbox.count("Contacts") == len(sandbox.dump("Contacts")) > 0


def test_a_dump_shows_whole_records_in_utc(sandbox):
    """Tests compare it with what a connector read: subforms included, oldest first."""
    deals = sandbox.dump("Pipelines")
    read = sandbox.api("GET", f"/Pipelines/{deals[0]['id']}").json()["data"][0]

    assert [deal["id"] for deal in deals] == sorted((deal["id"] for deal in deals), key=int)
    assert set(deals[0]) == set(read)
    assert deals[0]["Modified_Time"].endswith("+00:00")


def test_people_create_edit_delete_and_restore(sandbox):
    """Each wish answers with the id and the time it moved to."""
    sandbox.clock(set="2026-07-01T10:00:00Z", freeze=True)
    data = {"Last_Name": "Berg", "Tag": [{"name": "vip"}], "Unsubscribed_Time": "2026-06-01T12:00:00+02:00"}
    (made,) = sandbox.mutate({"op": "create", "module": "Contacts", "data": data})
    sandbox.clock(advance=5)
    (edited, gone) = sandbox.mutate(
        {"op": "edit", "module": "Contacts", "id": made["id"], "data": {"Title": "CEO", "Tag": []}},
        {"op": "delete", "module": "Contacts", "id": made["id"]},
    )
    in_bin = made["id"] in [entry["id"] for entry in sandbox.deleted("Contacts")]
    sandbox.mutate({"op": "restore", "module": "Contacts", "id": made["id"]})

    contact = sandbox.dump("Contacts")[-1]
    assert made["Modified_Time"] == "2026-07-01T10:00:00Z"
    assert (edited["Modified_Time"], gone["id"]) == ("2026-07-01T10:00:05Z", made["id"])
    assert in_bin
    assert (contact["id"], contact["Title"], contact["Tag"]) == (made["id"], "CEO", [])
    assert contact["Modified_Time"] == "2026-07-01T10:00:05+00:00"
    assert contact["Unsubscribed_Time"] == "2026-06-01T10:00:00+00:00"


def test_many_records_in_one_second(sandbox):
    """FACTS 7.6: a bulk import gives thousands of records the same second."""
    wish = {"op": "create", "module": "Contacts", "count": 500, "data": {"Email": "g{n}@example.com"}}

    made = sandbox.mutate(wish)[0]

    contacts = sandbox.dump("Contacts")[-500:]
    assert len({contact["Modified_Time"] for contact in contacts}) == 1
    assert [contact["id"] for contact in contacts] == [entry["id"] for entry in made]
    assert contacts[-1]["Email"] == "g500@example.com"


def test_everything_may_be_edited_at_once(sandbox):
    """A mass update: the whole module moves."""
    sandbox.mutate({"op": "edit", "module": "Accounts", "data": {"Billing_City": "Oslo"}})

    assert {company["Billing_City"] for company in sandbox.dump("Accounts")} == {"Oslo"}


@pytest.mark.parametrize(
    "wish",
    [
        {"op": "edit", "module": "Contacts", "id": "1", "data": {}},
        {"op": "delete", "module": "Contacts", "id": "1"},
        {"op": "restore", "module": "Contacts", "id": "1"},
        {"op": "dance", "module": "Contacts"},
        {"op": "create", "module": "Contacts", "data": {"Unsubscribed_Time": "yesterday"}},
    ],
)
def test_a_wish_that_cannot_be_done_does_nothing(sandbox, wish):
    """A test that asks for nonsense must hear of it, and find the organisation as it was."""
    before = sandbox.count("Contacts")
    good = {"op": "create", "module": "Contacts", "data": {"Last_Name": "Berg"}}

    answer = requests.post(f"{sandbox.url}/_sandbox/mutate", json=[good, wish], timeout=9)

    assert answer.status_code == 400
    assert answer.json()["error"]
    assert sandbox.count("Contacts") == before


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "takes a list of objects"),
        ({"op": "create"}, "takes a list of objects"),
        ([1], "an object with an op of create"),
        ([{"op": "dance"}], "an object with an op of create"),
        ([{"op": "create"}], "create: the name of a module is missing"),
        ([{"op": "create", "module": "Contcts"}], "there is no module 'Contcts'"),
        ([{"op": "create", "module": "Contacts", "data": []}], "data is to be an object"),
        ([{"op": "edit", "module": "Contacts", "id": "1", "data": 5}], "data is to be an object"),
    ],
)
def test_a_wish_of_the_wrong_shape_is_answered_with_what_it_lacks(sandbox, body, words):
    """Whoever writes one by hand sees what is wrong, not which of the sandbox's lines met it."""
    answer = requests.post(f"{sandbox.url}/_sandbox/mutate", json=body, timeout=9)

    assert answer.status_code == 400
    assert words in answer.json()["error"]


SLIPS = [
    ("clock", 5, "clock takes an object with some of set, advance, freeze, date_ahead"),
    ("clock", {"set": 5}, "clock: 'set' takes a text or null, not a whole number"),
    ("clock", {"set": "yesterday"}, "not an instant such as 2026-03-29T00:59:50Z: 'yesterday'"),
    ("clock", {"advance": "x"}, "clock: 'advance' takes a number, not a text"),
    ("clock", {"frozen": True}, "clock takes no 'frozen'"),
    ("clock", {"advance": 1e300}, "no year from 1970 to 9999"),
    ("clock", {"advance": 60, "date_ahead": -1e12}, "no year from 1970 to 9999"),
    ("clock", {"freeze": "no"}, "clock: 'freeze' takes true or false or null, not a text"),
    ("faults", {}, "faults takes a list of objects"),
    ("faults", [{}], "a fault needs 'match', such as 'GET /Contacts'"),
    ("faults", [{"match": "GET"}], "a method and a path, such as 'GET /Contacts': 'GET'"),
    ("faults", [{"match": "GET /x", "tims": 2}], "a fault takes no 'tims', but some of match"),
    ("faults", [{"match": "GET /x", "status": "500"}], "'status' takes a whole number or null, not a text"),
    ("faults", [{"match": "GET /x", "status": 9999}], "'status' is from 200 to 599"),
    ("faults", [{"match": "GET /x"}, {"match": "GET /x", "times": 0}], "'times' is 1 or more"),
    ("faults", [{"match": "GET /x", "mutate": [5]}], "'mutate[0]' takes an object"),
    ("reset", [], "settings are an object, not []"),
    ("reset", {"seed": "x"}, "seed takes a whole number, not 'x'"),
    ("reset", {"sise": "small"}, "did you mean 'size'?"),
    ("settings", {"latency_ms": None}, "latency_ms takes a whole number, not None"),
    ("metadata", {}, "metadata takes a list of objects"),
    ("metadata", [{"op": "add"}], "an op is one of add_field"),
    ("metadata", [{"op": "add_field"}], "add_field: the name of a module is missing"),
    ("metadata", [{"op": "set_field", "module": "Contcts"}], "there is no module 'Contcts'"),
    ("metadata", [{"op": "add_field", "module": "Tasks", "field": "A"}], "an object with an api_name"),
    ("metadata", [{"op": "set_module", "module": "Tasks"}], "set_module: data is to be an object"),
    ("bulk", {"outcome": "X"}, "'outcome' is one of FAILED, FAILURE"),
    ("bulk", {"outcome": "FAILURE", "times": "x"}, "'times' takes a whole number or null"),
    ("bulk", {"outcome": "FAILURE", "operation": "reads"}, "'operation' is one of read, write"),
    ("deliveries", {"lose": "x"}, "'lose' takes a number, not a text"),
    ("deliveries", {"silent": "Tasks"}, "'silent' takes a list, not a text"),
    ("code", {"user": "x"}, "'user' takes a whole number, not a text"),
    ("device", 5, "device takes an object with some of answer"),
    ("device", {"answer": "approve"}, "no device waits"),
    ("mutate", [{"op": "delete", "module": "Tasks", "id": 5}], "'id' is to be an id as text, not 5"),
    ("mutate", [{"op": "merge", "module": "Tasks", "id": "5"}], "merge: 'losers' is missing"),
    ("mutate", [{"op": "create", "module": "Tasks", "count": "x"}], "'count' is to be a whole number"),
    ("mutate", [{"op": "create", "module": "Tasks", "user": 7}], "the organisation has no user 7"),
    (
        "mutate",
        [{"op": "create", "module": "Tasks", "data": {"Tag": "vip"}}],
        'a list such as [{"name": "vip"}]',
    ),
    (
        "mutate",
        [{"op": "create", "module": "Notes", "data": {"Parent_Id": "7"}}],
        'Parent_Id: a link such as {"id": "…"}, not \'7\'',
    ),
]


@pytest.mark.parametrize(("control", "body", "words"), SLIPS, ids=[f"{c} {b}" for c, b, _ in SLIPS])
def test_a_slip_of_the_pen_is_told_in_plain_words_and_changes_nothing(sandbox, control, body, words):
    """Python's own words ("'int' object is not iterable") tell nobody what to write instead."""
    before = sandbox.settings(), sandbox.count("Tasks")
    sandbox.clock(set="2026-03-29T00:59:58Z", freeze=True)

    answer = requests.post(f"{sandbox.url}/_sandbox/{control}", json=body, timeout=9)

    assert answer.status_code == 400
    assert words in answer.json()["error"]
    assert sandbox.clock() == "2026-03-29T00:59:58Z"
    assert (sandbox.settings(), sandbox.count("Tasks")) == before
    assert requests.get(f"{sandbox.url}/_sandbox/faults", timeout=9).json() == []


@pytest.mark.parametrize("control", ["dump", "count", "deleted"])
def test_a_module_that_is_none_is_told(sandbox, control):
    """An empty list would pass for a module without records."""
    for query, words in (("", "name of a module is missing"), ("?module=Contcts", "no module 'Contcts'")):
        answer = requests.get(f"{sandbox.url}/_sandbox/{control}{query}", timeout=9)

        assert answer.status_code == 400
        assert words in answer.json()["error"]


def test_a_body_that_is_no_json_is_told(sandbox):
    """With the quotes of a shell gone, it mostly is none."""
    answer = requests.post(f"{sandbox.url}/_sandbox/clock", data=b"{advance: 5}", timeout=9)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the body is no JSON")


def test_the_clock_is_set_advanced_and_frozen(sandbox):
    """Time is an argument of every test that needs it: no test sleeps."""
    assert sandbox.clock(set="2026-03-29T00:59:58Z", freeze=True) == "2026-03-29T00:59:58Z"
    assert sandbox.clock() == "2026-03-29T00:59:58Z"
    assert sandbox.clock(advance=62) == "2026-03-29T01:01:00Z"

    contact = sandbox.create("Contacts", Last_Name="Spring")

    read = sandbox.api("GET", f"/Contacts/{contact}").json()["data"][0]
    assert read["Created_Time"] == "2026-03-29T03:01:00+02:00"  # an hour was skipped in Stockholm


def test_a_reset_makes_everything_anew(sandbox):
    """Every test begins alike: records, clock, tokens, counters, faults, settings."""
    before = sandbox.dump("Contacts")
    sandbox.api("GET", "/Contacts", params={"fields": "id"})
    sandbox.mutate({"op": "edit", "module": "Contacts", "data": {"Title": "Boss"}})
    sandbox.change_metadata({"op": "remove_field", "module": "Contacts", "field": "Title"})
    sandbox.clock(set="2030-01-01T00:00:00Z", freeze=True)
    sandbox.fault("GET /Contacts", status=500)
    sandbox.settings(ims="ignored", latency_ms=1)
    token = sandbox.token()

    sandbox.reset()

    signed = {"Authorization": f"Zoho-oauthtoken {token}"}
    answer = requests.get(f"{sandbox.url}/bigin/v2/Contacts?fields=id", headers=signed, timeout=9)
    assert answer.status_code == 401
    assert sandbox.dump("Contacts") == before
    assert sandbox.clock() < "2030"
    assert (sandbox.settings()["ims"], sandbox.settings()["latency_ms"]) == ("exclusive", 0)
    assert sandbox.usage()["credits"] == 0
    assert sandbox.api("GET", "/Contacts", params={"fields": "id"}).status_code == 200


def test_a_reset_takes_the_options_of_serve(sandbox):
    """One process serves all sizes, editions and readings."""
    sandbox.reset(size="empty", token_paging="offset", edition="free", custom_modules=2)

    modules = sandbox.api("GET", "/settings/modules").json()["modules"]
    assert sandbox.count("Contacts") == 0
    assert {"Register_01", "Register_02"} <= {module["api_name"] for module in modules}
    assert sandbox.usage()["credits_limit"] == 5_000
    assert sandbox.settings()["token_paging"] == "offset"


@pytest.mark.parametrize(
    "options", [{"size": "huge"}, {"token_paging": "snapshot"}, {"ims": "maybe"}, {"speed": 9}]
)
def test_a_reset_refuses_what_it_does_not_know(sandbox, options):
    """A misspelt option must not pass for a tested one."""
    answer = requests.post(f"{sandbox.url}/_sandbox/reset", json=options, timeout=9)

    assert answer.status_code == 400
    assert next(iter(options)) in answer.json()["error"]


def test_tokens_expire_on_demand(sandbox):
    """The first INVALID_TOKEN in the middle of a run, without waiting an hour."""
    sandbox.token()

    sandbox.expire_tokens()

    assert sandbox.api("GET", "/Contacts", params={"fields": "id"}).status_code == 401


class LateCall(threading.Thread):
    """An insert that the sandbox delays, made in a thread of its own; `answer` stays None if it is cut."""

    def __init__(self, sandbox):
        super().__init__()
        self._url = f"{sandbox.url}/bigin/v2/Contacts"
        self._headers = {"Authorization": f"Zoho-oauthtoken {sandbox.token()}"}
        self.answer = None
        sandbox.fault("POST /Contacts", delay_ms=500)
        self.start()
        while not sandbox.usage(drained=False)["most_in_flight"]:
            assert self.is_alive()

    def run(self):
        body = {"data": [{"Last_Name": "Late"}]}
        try:
            self.answer = requests.post(self._url, json=body, headers=self._headers, timeout=9)
        except requests.ConnectionError:
            self.answer = None


def last_names(sandbox, **how):
    return {contact["Last_Name"] for contact in sandbox.dump("Contacts", **how)}


def test_a_look_waits_for_the_calls_under_way(sandbox):
    """What is looked at before a delayed call lands is not what the organisation comes to hold."""
    call = LateCall(sandbox)

    too_soon, in_time = last_names(sandbox, drained=False), last_names(sandbox)

    call.join()
    assert call.answer.status_code == 201
    assert "Late" not in too_soon
    assert "Late" in in_time
    assert sandbox.drain() == 0


def test_a_reset_cuts_the_calls_under_way(sandbox):
    """A call that one test left behind must neither write nor count in the next."""
    call = LateCall(sandbox)

    sandbox.reset()

    assert sandbox.drain() == 1
    call.join()
    assert call.answer is None
    assert "Late" not in last_names(sandbox)
    assert sandbox.usage()["calls"] == 0


def test_every_setting_is_documented(sandbox):
    """In the options of `serve` or on the sandbox's page."""
    page = (Path(__file__).parents[2] / "docs" / "explanation" / "the-sandbox.md").read_text("utf-8")
    options = {"seed", "size", "custom_modules", "edition", "latency_ms"}

    assert {name for name in sandbox.settings() if f"`{name}`" not in page} <= options
