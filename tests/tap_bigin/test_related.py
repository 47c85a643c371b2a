"""Related lists as streams: every parent's records, e-mails, notes, the rows inside a record."""

from __future__ import annotations

import json

import pytest
from support.processes import PIPE, start
from support.rewriting import OtherBigin
from support.tap import read_messages, run_tap, tap_command

from tap_bigin.tap import TapBigin


def pairs(run, stream):
    return sorted((each["parent_id"], each["id"]) for each in run.records[stream])


def test_emails_of_every_contact_arrive(sandbox):
    """E-mails have an envelope of their own and come ten at a time."""
    run = run_tap(sandbox, modules=["Contacts"], related_lists=["Contacts.Emails"])

    run.validate()
    parents = {parent for parent, _ in pairs(run, "contacts_emails")}
    most = max(sum(parent == each for each, _ in pairs(run, "contacts_emails")) for parent in parents)
    assert most > 10
    for parent in parents:
        shown = []
        index = "0"
        while index is not None:
            body = sandbox.api("GET", f"/Contacts/{parent}/Emails", params={"index": index}).json()
            shown += [each["message_id"] for each in body["Emails"]]
            index = body["info"]["next_index"] if body["info"]["more_records"] else None
        assert sorted(shown) == [each for owner, each in pairs(run, "contacts_emails") if owner == parent]


def test_rows_of_deals_arrive_as_they_are_in_the_record(sandbox):
    """The products of a deal come only with the record read singly, 1 credit each."""
    run = run_tap(
        sandbox,
        modules=["Pipelines"],
        related_lists=["Pipelines.Associated_Products"],
        deleted_records="none",
    )

    run.validate()
    there = sorted(
        (deal["id"], row["id"], row["Product"]["id"], row["Quantity"])
        for deal in sandbox.dump("Pipelines")
        for row in deal["Associated_Products"] or []
    )
    assert there == sorted(
        (each["parent_id"], each["id"], each["Product"]["id"], each["Quantity"])
        for each in run.records["pipelines_associated_products"]
    )
    assert sandbox.calls("GET /Pipelines/{id}") == sandbox.count("Pipelines")


@pytest.mark.parametrize("is_null", [True, False])
def test_a_record_that_shows_no_field_of_rows_has_none(sandbox, is_null):
    """A profile may hide it, and of a deal without products Bigin may say null: that is no row left out."""
    other, field = OtherBigin(sandbox), "Associated_Products"

    def change(_, body):
        for each in body["data"]:
            each.pop(field)
            each.update({field: None} if is_null else {})

    other.rewrite("/Pipelines/[0-9]+", change)

    run = run_tap(other, modules=["Pipelines"], related_lists=[f"Pipelines.{field}"], deleted_records="none")
    other.close()

    assert run.code == 0
    assert not run.records["pipelines_associated_products"]
    assert not run.said("left out")


def test_multi_select_lookups_arrive_as_links(sandbox):
    """A list leaves them out; each is a row with an id of its own and a link."""
    run = run_tap(sandbox, modules=["Subscriptions"], related_lists=["Subscriptions.Products"])

    run.validate()
    there = sorted(
        (each["id"], row["id"], row["Products"]["id"])
        for each in sandbox.dump("Subscriptions")
        for row in each["Products"] or []
    )
    assert there
    assert there == sorted(
        (each["parent_id"], each["id"], each["Products"]["id"])
        for each in run.records["subscriptions_products"]
    )


def test_glob_gives_a_stream_for_each_module_that_has_the_list(sandbox):
    """Notes of contacts, companies, deals and all others that have notes."""
    run = run_tap(sandbox, modules=["Contacts", "Accounts", "Pipelines", "Calls"], related_lists=["*.Notes"])

    run.validate()
    held = {
        (stream.removesuffix("_notes"), *pair)
        for stream in run.schemas
        if stream.endswith("_notes")
        for pair in pairs(run, stream)
    }
    there = {
        (note["Parent_Id"]["module"]["api_name"].lower(), note["Parent_Id"]["id"], note["id"])
        for note in sandbox.dump("Notes")
    }
    assert held == {each for each in there if each[0] in ("contacts", "accounts", "pipelines", "calls")}
    assert held


@pytest.mark.parametrize(
    "refusal", [{"status": 403}, {"status": 400, "body": {"code": "INVALID_MODULE", "status": "error"}}]
)
def test_run_by_a_token_that_may_not_list_notes_reads_them_by_parent(sandbox, refusal):
    """The list of all notes is refused to users who are no administrators; each parent shows its own."""
    sandbox.fault("GET /Notes", times=None, **refusal)

    run = run_tap(sandbox, modules=["Contacts", "Notes"], related_lists=["Contacts.Notes"])

    assert run.code == 0
    assert run.said("Notes: skipped")
    there = {
        (each["Parent_Id"]["id"], each["id"])
        for each in sandbox.dump("Notes")
        if each["Parent_Id"]["module"]["api_name"] == "Contacts"
    }
    assert set(pairs(run, "contacts_notes")) == there


def test_notes_come_from_one_list_and_then_only_those_that_changed(sandbox):
    """Notes tell their parent: all of them cost a credit for 200, not one a parent."""
    settings = {"modules": ["Contacts"], "related_lists": ["Contacts.Notes", "Contacts.Attachments"]}
    first = run_tap(sandbox, **settings)
    contact = sandbox.dump("Contacts")[0]["id"]
    sandbox.clock(advance=10)
    answer = sandbox.api("POST", f"/Contacts/{contact}/Notes", json={"data": [{"Note_Content": "Called"}]})
    new = answer.json()["data"][0]["details"]["id"]

    second = run_tap(sandbox, state=first.state, **settings)

    assert sandbox.calls("GET /Contacts/{id}/{related_list}") == 0
    assert pairs(second, "contacts_notes") == [(contact, new)]
    there = {
        (each["Parent_Id"]["id"], each["id"])
        for each in sandbox.dump("Notes")
        if each["Parent_Id"]["module"]["api_name"] == "Contacts"
    }
    assert {*pairs(first, "contacts_notes"), (contact, new)} == there
    assert first.records["contacts_attachments"]
    first.validate()


def test_list_longer_than_a_page_is_read_to_its_end(sandbox):
    """200 records a page, for related lists too."""
    company = sandbox.dump("Accounts")[0]["id"]
    sandbox.mutate(
        {"op": "create", "module": "Contacts", "count": 450, "data": {"Account_Name": {"id": company}}}
    )

    run = run_tap(sandbox, modules=["Accounts"], related_lists=["Accounts.Contacts"])

    there = {
        (each["Account_Name"]["id"], each["id"]) for each in sandbox.dump("Contacts") if each["Account_Name"]
    }
    assert set(pairs(run, "accounts_contacts")) == there
    run.validate()


def _a_wide_list(sandbox):
    """A company with three contacts, of which one call cannot ask for all fields."""
    for number in range(60):
        described = {"api_name": f"F{number}", "data_type": "text", "json_type": "string", "length": 99}
        sandbox.change_metadata({"op": "add_field", "module": "Contacts", "field": described})
    company = sandbox.create("Accounts", Account_Name="Wide")
    data = {"Account_Name": {"id": company}, "F59": "old", "Title": "old"}
    contacts = [sandbox.create("Contacts", **data) for _ in range(3)]
    sandbox.clock(advance=60)
    return company, contacts


@pytest.mark.parametrize("op", ["delete", "edit", "create"])
def test_a_wide_list_that_changes_between_two_calls_gives_no_half_of_a_record(sandbox, op):
    """Who had left it meanwhile came with nulls in the fields of the second call."""
    company, contacts = _a_wide_list(sandbox)
    data = {"Account_Name": {"id": company}, "F59": "new", "Title": "new"}
    change = {"op": op, "module": "Contacts", **({"id": contacts[1]} if op != "create" else {}), "data": data}
    sandbox.fault(f"GET /Accounts/{company}/Contacts", after=1, mutate=[change])

    run = run_tap(sandbox, modules=["Accounts"], related_lists=["Accounts.Contacts"], deleted_records="none")

    told = {each["id"]: each for each in run.records["accounts_contacts"] if each["parent_id"] == company}
    there = [each for each in sandbox.dump("Contacts") if (each["Account_Name"] or {}).get("id") == company]
    assert {each["id"]: (each["F59"], each["Title"]) for each in told.values()} == {
        each["id"]: (each["F59"], each["Title"]) for each in there
    }
    assert sandbox.calls("GET /Accounts/{id}/{related_list}") == 2 * (sandbox.count("Accounts") + 1)
    assert run.code == 0
    assert not run.said("left out")


def test_of_a_wide_list_that_never_rests_what_agrees_is_emitted(sandbox):
    """The next run asks for all of it again."""
    company, contacts = _a_wide_list(sandbox)
    other = OtherBigin(sandbox)

    def change(asked, content):
        if "F59" in asked.query["fields"]:
            content["data"] = [each for each in content["data"] if each["id"] != contacts[1]]

    other.rewrite(f"/Accounts/{company}/Contacts", change)

    run = run_tap(other, modules=["Accounts"], related_lists=["Accounts.Contacts"], deleted_records="none")
    other.close()

    told = [each for each in run.records["accounts_contacts"] if each["parent_id"] == company]
    assert sorted(each["id"] for each in told) == [contacts[0], contacts[2]]
    assert {each["F59"] for each in told} == {"old"}
    assert len(other.asked(f"/Accounts/{company}/Contacts")) == 6
    assert run.said(f"parent {company}: records that changed while they were read were left out.")


def test_parent_deleted_meanwhile_is_passed_over(sandbox):
    """Parents are listed before their lists are read: one of them may be gone by then."""
    gone = sandbox.dump("Contacts")[5]["id"]
    sandbox.fault(
        "GET /Contacts/*/Calls", after=2, mutate=[{"op": "delete", "module": "Contacts", "id": gone}]
    )

    run = run_tap(sandbox, modules=["Contacts"], related_lists=["Contacts.Calls"], max_concurrent_requests=1)

    assert run.code == 0
    assert gone not in {parent for parent, _ in pairs(run, "contacts_calls")}


def test_what_ten_parents_have_is_handed_on(sandbox):
    """A credit each: fifty were waited for, and a run that was killed had paid for all of them in vain."""
    settings = sandbox.settings_for(modules=["Contacts"], related_lists=["Contacts.Emails"])
    tap = TapBigin(config=settings)
    parents = sorted(each["id"] for each in sandbox.dump("Contacts"))

    batches = list(tap.streams["contacts_emails"].read({}))

    tap.shared.close()
    assert len(batches) >= len(parents) // 10
    reached = [each.state["pass"].get("after", "0") for each in batches[:-1]]
    assert reached == sorted(reached)
    # Twenty at most are asked at once, so the state is never more than so many behind.
    assert int(reached[-1]) >= int(parents[-30])


def test_pages_of_long_lists_are_handed_on_as_they_come(sandbox):
    """All parents' lists were read whole before the first was written: a run that was killed had paid for all."""
    sandbox.settings(most_per_page=2)
    for company in sandbox.dump("Accounts")[:6]:
        wish = {
            "op": "create",
            "module": "Contacts",
            "count": 7,
            "data": {"Account_Name": {"id": company["id"]}},
        }
        sandbox.mutate(wish)
    settings = sandbox.settings_for(modules=["Accounts"], related_lists=["Accounts.Contacts"])
    tap = TapBigin(config=settings)
    paid, handed_on = 0, 0

    for batch in tap.streams["accounts_contacts"].read({}):
        handed_on += batch.count
        paid = sandbox.calls("GET /Accounts/{id}/{related_list}", drained=False) * 2
        assert handed_on >= paid - 2 * (20 + 10) - 2

    tap.shared.close()
    assert handed_on


def test_list_that_is_begun_goes_before_new_ones(sandbox, tmp_path):
    """The state stands at the first parent whose list has not ended: behind it all was paid for twice."""
    sandbox.reset(size="empty", most_per_page=2)
    wish = {"op": "create", "module": "Accounts", "count": 100, "data": {"Account_Name": "A{n}"}}
    long, *_ = sorted((each["id"] for each in sandbox.mutate(wish)[0]), key=int)
    linked = {"Last_Name": "P{n}", "Account_Name": {"id": long}}
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 20, "data": linked})

    run, paths = _one_call_at_a_time(sandbox, tmp_path)

    assert len(run.records["accounts_contacts"]) == 20
    asked = [path for path in paths if path.endswith("/Contacts")]
    its_own = [at for at, path in enumerate(asked) if long in path]
    assert len(asked) == 109
    assert len(its_own) == 10
    assert its_own[-1] < 50  # each of its pages waited for twenty others


def test_next_parents_are_asked_for_before_their_lists(sandbox, tmp_path):
    """Twenty calls went before, and what they brought was not handed on until all of them had come."""
    sandbox.reset(size="empty")
    wish = {"op": "create", "module": "Accounts", "count": 210, "data": {"Account_Name": "A{n}"}}
    sandbox.mutate(wish)

    _, paths = _one_call_at_a_time(sandbox, tmp_path)

    asked = [path for path in paths if path == "/coql" or path.endswith("/Contacts")]
    first, second = (at for at, path in enumerate(asked) if path == "/coql")
    assert first == 0
    assert 180 < second < 190


def _one_call_at_a_time(sandbox, tmp_path):
    """A run of the contacts of companies, and the paths that it asked for, in their order."""
    log = tmp_path / "calls.jsonl"
    settings = {"modules": ["Accounts"], "related_lists": ["Accounts.Contacts"], "api_log_path": str(log)}
    run = run_tap(sandbox, max_concurrent_requests=1, **settings)
    assert run.code == 0
    return run, [json.loads(line)["path"] for line in log.read_text().splitlines()]


def test_killed_run_goes_on_after_the_last_parent_written(sandbox, tmp_path):
    """A thousand parents are a thousand credits: what is written is not paid for again."""
    sandbox.settings(
        most_per_page=50, latency_ms=60
    )  # so that the contacts end, and the state is told, amid their calls
    contact = sandbox.dump("Contacts")[0]["id"]
    sandbox.mutate({"op": "create", "module": "Contacts", "count": 300, "data": {"Last_Name": "Person {n}"}})
    parents = sandbox.count("Contacts")
    settings = {"modules": ["Contacts"], "related_lists": ["Contacts.Calls"]}
    sandbox.mutate({"op": "create", "module": "Calls", "count": 3, "data": {"Who_Id": {"id": contact}}})
    command = tap_command(sandbox, tmp_path, **settings)
    lines = []
    with start(*command, stdout=PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            lines.append(line)
            if '"contacts_calls"' in line and '"after"' in line:
                break
        running.terminate()
        lines += running.stdout.readlines()
    killed = read_messages("".join(lines))
    state = next(each["value"] for each in reversed(killed) if each["type"] == "STATE")
    assert state["bookmarks"]["contacts_calls"]["pass"]["after"]
    before = sandbox.calls("GET /Contacts/{id}/{related_list}")
    sandbox.settings(latency_ms=0)

    run = run_tap(sandbox, state=state, **settings)

    assert run.code == 0
    assert 0 < sandbox.calls("GET /Contacts/{id}/{related_list}") - before < parents


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("Contacts", "no module and list"),
        ("Contacts.Emials", "Contacts.Emails"),
        ("Contatcs.Emails", "matches nothing"),
    ],
)
def test_name_that_is_not_there_is_refused_with_those_that_are(sandbox, wanted, words):
    """A misspelt list would be an empty table for ever."""
    run = run_tap(sandbox, modules=["Contacts"], related_lists=[wanted])

    assert run.code == 1
    assert "related_lists" in run.log[-1]
    assert words in run.log[-1]


def test_relation_that_is_hidden_is_skipped_with_a_warning(sandbox):
    """One list that Bigin does not show must not fail the run."""
    sandbox.fault(
        "GET /Contacts/*/Calls",
        status=400,
        body={
            "code": "INVALID_DATA",
            "details": {"resource_path_index": 2},
            "message": "the relation name given seems to be invalid",
            "status": "error",
        },
        times=None,
    )

    run = run_tap(sandbox, modules=["Contacts"], related_lists=["Contacts.Calls", "Contacts.Notes"])

    assert run.code == 0
    assert run.said("contacts_calls: skipped")
    assert run.records["contacts_notes"]
