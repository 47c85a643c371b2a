"""Links by what a person knows: a company's name, an owner's e-mail."""

from __future__ import annotations

import json
import threading

import pytest
from support.target import record, records, run_target, schema

CONTACTS = schema("Contacts", "Last_Name", "Email", "Account_Name", "Owner", key=["Email"])
ACCOUNTS = schema("Accounts", "Account_Name", key=["Account_Name"])


def by_name(on_missing="reject", **more):
    """The setting that finds a contact's company by its name."""
    how = {"match_on": "Account_Name", "on_missing": on_missing, **more}
    return {"Contacts": {"lookups": {"Account_Name": how}}}


def person(number, **more):
    return {"Last_Name": f"Berg {number}", "Email": f"berg{number}@example.org", **more}


def company_of(sandbox):
    """Whom each of our contacts works for, by the contact's number."""
    return {
        int(found["Last_Name"].split()[1]): (found["Account_Name"] or {}).get("name")
        for found in sandbox.dump("Contacts")
        if (found["Email"] or "").startswith("berg")
    }


def coql_calls(sandbox):
    return sandbox.calls("POST /coql")


def test_a_company_is_found_by_its_name_whatever_its_case(sandbox, target):
    """People write names as they like; Bigin compares them without case and outer blanks, so do we."""
    sandbox.create("Accounts", Account_Name="Nordlicht GmbH")
    people = [person(1, Account_Name="Nordlicht GmbH"), person(2, Account_Name="  NORDLICHT gmbh ")]

    run = target([CONTACTS, *records("Contacts", people)], streams=by_name())

    assert run.error is None
    assert company_of(sandbox) == {1: "Nordlicht GmbH", 2: "Nordlicht GmbH"}


def test_names_are_looked_up_fifty_a_credit_and_once_each(sandbox, target):
    """500 contacts of 120 companies: three questions, not 500."""
    names = [f"Company {n}" for n in range(120)]
    for name in names:
        sandbox.create("Accounts", Account_Name=name)
    people = [person(n, Account_Name=names[n % 120]) for n in range(500)]

    run = target([CONTACTS, *records("Contacts", people)], streams=by_name())

    assert run.error is None
    assert coql_calls(sandbox) == 3
    assert company_of(sandbox) == {n: names[n % 120] for n in range(500)}


def test_a_link_that_can_mean_no_record_is_rejected_whatever_is_missing_may_do(sandbox, target):
    """Left empty it would be lost without a word: this is no company that may come one day."""
    run = target(
        [CONTACTS, record("Contacts", **person(1, Account_Name={"id": "ACME"}))], streams=by_name("null")
    )

    assert [each["code"] for each in run.rejects] == ["NOT_AN_ID"]
    assert company_of(sandbox) == {}


def test_an_unknown_company_rejects_the_record_and_says_why(sandbox, target):
    """Never by bare name: Bigin would make the company without a word."""
    before = sandbox.count("Accounts")

    run = target([CONTACTS, record("Contacts", **person(1, Account_Name="Nobody Ltd"))], streams=by_name())

    assert sandbox.count("Accounts") == before
    (reject,) = run.rejects
    assert (reject["kind"], reject["code"], reject["field"]) == (
        "unmatched",
        "LOOKUP_NOT_FOUND",
        "Account_Name",
    )
    assert "'Nobody Ltd'" in reject["message"]


def test_a_name_without_a_setting_is_refused_with_the_setting_that_helps(sandbox, target):
    """A bare text in a lookup is either a mistake or a wish that was not expressed."""
    before = sandbox.count("Accounts")

    run = target([CONTACTS, record("Contacts", **person(1, Account_Name="Nobody Ltd"))])

    assert sandbox.count("Accounts") == before
    (reject,) = run.rejects
    assert reject["kind"] == "invalid"
    assert "lookups" in reject["message"]


def test_missing_companies_are_created_once_however_many_ask(sandbox, target):
    """A thousand contacts of the same three new companies must make three companies."""
    before = sandbox.count("Accounts")
    names = ["Alpha AG", "Beta AG", "Gamma AG"]
    people = [person(n, Account_Name=names[n % 3] if n % 2 else names[n % 3].upper()) for n in range(1000)]

    run = target(
        [CONTACTS, *records("Contacts", people)], streams=by_name("create"), max_concurrent_requests=10
    )

    assert run.error is None
    assert sandbox.count("Accounts") == before + 3
    assert {name.casefold() for name in company_of(sandbox).values()} == {name.casefold() for name in names}


def test_a_company_that_cannot_be_created_rejects_those_who_name_it(sandbox, target):
    """The reason is Bigin's own, and other records are not touched."""
    too_long = "x" * 201
    people = [person(1, Account_Name=too_long), person(2, Account_Name="Alpha AG")]

    run = target([CONTACTS, *records("Contacts", people)], streams=by_name("create"))

    assert company_of(sandbox) == {2: "Alpha AG"}
    (reject,) = run.rejects
    assert reject["record"]["Email"] == "berg1@example.org"
    assert "could not be created" in reject["message"]


def test_a_missing_company_may_be_left_empty(sandbox, target):
    """Some would rather have the person without the company than not at all."""
    run = target(
        [CONTACTS, record("Contacts", **person(1, Account_Name="Nobody Ltd"))], streams=by_name("null")
    )

    assert run.error is None
    assert company_of(sandbox) == {1: None}


@pytest.mark.parametrize(("on_ambiguous", "linked"), [("reject", {}), ("null", {1: None})])
def test_two_people_of_one_name_are_never_guessed(sandbox, target, on_ambiguous, linked):
    """Last names repeat: a deal must not land at whichever Berg came first."""
    for _ in range(2):
        sandbox.create("Contacts", Last_Name="Twin")
    how = {"match_on": "Last_Name", "on_ambiguous": on_ambiguous}
    deals = schema("Pipelines", "Deal_Name", "Sub_Pipeline", "Stage", "Contact_Name", key=["Deal_Name"])
    deal = {
        "Deal_Name": "Deal 1",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": "Twin",
    }

    run = target(
        [deals, record("Pipelines", **deal)], streams={"Pipelines": {"lookups": {"Contact_Name": how}}}
    )

    written = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Deal 1"]
    assert [each["Contact_Name"] for each in written] == list(linked.values())
    assert [reject["code"] for reject in run.rejects] == ([] if linked else ["LOOKUP_AMBIGUOUS"])


def test_owners_are_found_by_e_mail_with_one_question(sandbox, target):
    """Owner by e-mail has no evidence in Bigin: the users are read once and the id is sent."""
    users = sandbox.api("GET", "/users", params={"type": "AllUsers"}).json()["users"]
    active = next(user for user in users if user["status"] == "active" and user["email"])
    people = [person(n, Owner=active["email"].upper()) for n in range(250)]

    run = target([CONTACTS, *records("Contacts", people)])

    assert run.error is None
    owners = {
        each["Owner"]["id"] for each in sandbox.dump("Contacts") if (each["Email"] or "").startswith("berg")
    }
    assert owners == {active["id"]}
    assert sandbox.calls("GET /users") == 2  # one of them is the test's own


@pytest.mark.parametrize(("on_missing", "kinds"), [("reject", ["unmatched"]), ("null", [])])
def test_an_unknown_owner_rejects_the_record_or_keeps_the_owner_that_bigin_gives(
    sandbox, target, on_missing, kinds
):
    """A record always has an owner; null would be refused, so it is left out."""
    settings = {"Contacts": {"lookups": {"Owner": {"match_on": "email", "on_missing": on_missing}}}}

    run = target([CONTACTS, record("Contacts", **person(1, Owner="nobody@example.org"))], streams=settings)

    assert [reject["kind"] for reject in run.rejects] == kinds
    assert len(company_of(sandbox)) == 1 - len(kinds)


def test_what_an_activity_is_about_is_sent_with_the_word_for_its_module(sandbox, target):
    """What_Id without $se_module is refused, and the word for deals is Deals."""
    deal = sandbox.dump("Pipelines")[0]
    company = sandbox.dump("Accounts")[0]
    contact = sandbox.dump("Contacts")[0]
    tasks = schema("Tasks", "Subject", "What_Id", "$se_module", "Who_Id")
    rows = [
        {"Subject": "T1", "What_Id": deal["id"], "$se_module": "Pipelines", "Who_Id": contact["id"]},
        {"Subject": "T2", "What_Id": {"id": company["id"]}, "$se_module": "Accounts"},
        {"Subject": "T3", "What_Id": {"id": deal["id"]}},
    ]

    run = target([tasks, *records("Tasks", rows)], default_operation="insert")

    assert run.error is None

    assert run.rejects == []
    about = {each["Subject"]: each for each in sandbox.dump("Tasks") if each["Subject"] in ("T1", "T2", "T3")}
    assert about["T1"]["What_Id"]["id"] == deal["id"] == about["T3"]["What_Id"]["id"]
    assert about["T2"]["What_Id"]["id"] == company["id"]
    assert about["T1"]["Who_Id"]["id"] == contact["id"]


def test_an_id_of_bigin_that_is_nowhere_is_told_at_once(sandbox, target):
    """No record of the pipe gets an id that is known before: to wait and ask again costs credits for nothing."""
    messages = [
        schema("Tasks", "Subject", "What_Id"),
        record("Tasks", Subject="T1", What_Id={"id": "6100000000000999999"}),
    ]

    run = target(messages, default_operation="insert", max_rejects=1)

    assert [each["code"] for each in run.rejects] == ["LOOKUP_NOT_FOUND"]
    assert coql_calls(sandbox) == 3  # one a module that it may be of


def test_a_deal_may_be_named_in_an_activity(sandbox, target):
    """With module and match_on, What_Id takes what a person knows."""
    deal = sandbox.create(
        "Pipelines", Deal_Name="Roof of the station", Sub_Pipeline="Inbound", Stage="Qualification"
    )
    settings = {"Tasks": {"lookups": {"What_Id": {"match_on": "Deal_Name", "module": "Pipelines"}}}}

    run = target(
        [schema("Tasks", "Subject", "What_Id"), record("Tasks", Subject="T1", What_Id="roof of the station")],
        default_operation="insert",
        streams=settings,
    )

    assert run.rejects == []
    (task,) = [each for each in sandbox.dump("Tasks") if each["Subject"] == "T1"]
    assert task["What_Id"]["id"] == deal


def test_nothing_is_created_where_it_could_be_one_of_several_modules(sandbox, target):
    """A job's number may be a company's, a deal's or a product's; which, the record says or nobody."""
    code = {"api_name": "Code", "data_type": "text"}
    modules = ("Accounts", "Contacts", "Pipelines", "Products")
    sandbox.change_metadata(*({"op": "add_field", "module": each, "field": code} for each in modules))
    before = [sandbox.count(each) for each in modules]

    run = target(
        [schema("Tasks", "Subject", "What_Id"), record("Tasks", Subject="T1", What_Id="J-1")],
        default_operation="insert",
        streams={"Tasks": {"lookups": {"What_Id": {"match_on": "Code", "on_missing": "create"}}}},
        max_rejects=1,
    )

    assert [each["code"] for each in run.rejects] == ["LOOKUP_NOT_FOUND"]
    assert [sandbox.count(each) for each in modules] == before


def test_a_field_that_cannot_be_searched_is_named_before_anything_is_written(sandbox, target):
    """COQL neither filters multi-line text nor knows fields that are not there."""
    wrong = [("Description", "Accounts"), ("Nickname", "Accounts")]
    for name, module in wrong:
        settings = {"Contacts": {"lookups": {"Account_Name": {"match_on": name}}}}

        run = target([CONTACTS, record("Contacts", **person(1, Account_Name="x"))], streams=settings)

        assert name in str(run.error)
        assert module in str(run.error)
    assert company_of(sandbox) == {}


def test_a_lookup_of_a_field_that_is_not_there_is_named_before_anything_is_written(sandbox, target):
    """A slip of the pen in the settings must not leave the links of every record out."""
    settings = {"Contacts": {"lookups": {"Acount_Name": {"match_on": "Account_Name"}}}}

    run = target([CONTACTS, record("Contacts", **person(1, Account_Name="x"))], streams=settings)

    said = "streams.Contacts.lookups: Contacts has no field 'Acount_Name', did you mean 'Account_Name'?"
    assert str(run.error) == said
    assert company_of(sandbox) == {}


def test_a_lost_answer_makes_no_second_company(sandbox, target):
    """The company was made, the answer never came: the repeat finds it."""
    before = sandbox.count("Accounts")
    sandbox.fault("POST /Accounts/upsert", lose_response=True, times=1)

    run = target(
        [CONTACTS, record("Contacts", **person(1, Account_Name="Alpha AG"))], streams=by_name("create")
    )

    assert run.error is None
    assert sandbox.count("Accounts") == before + 1
    assert company_of(sandbox) == {1: "Alpha AG"}


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_record_is_made_once_where_nothing_is_unique(sandbox, target, is_lost):
    """Contacts by last name: after a lost answer what is there is read before the insert is repeated."""
    before = sandbox.count("Contacts")
    if is_lost:
        sandbox.fault("POST /Contacts", lose_response=True, times=1)
    deals = schema("Pipelines", "Deal_Name", "Sub_Pipeline", "Stage", "Contact_Name", key=["Deal_Name"])
    deal = {
        "Deal_Name": "Deal 1",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": "Unheard",
    }
    how = {"match_on": "Last_Name", "on_missing": "create"}

    run = target(
        [deals, record("Pipelines", **deal)], streams={"Pipelines": {"lookups": {"Contact_Name": how}}}
    )

    assert run.error is None
    assert sandbox.count("Contacts") == before + 1
    (made,) = [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Deal 1"]
    assert made["Contact_Name"]["name"] == "Unheard"


def test_a_record_that_bigin_makes_late_is_made_once(other, sandbox, tmp_path):
    """The connection broke, and the contact was there a second after it was looked for."""
    late = []

    def cut(asked):
        if asked.method != "POST" or late:
            return
        late.append(threading.Timer(2, other.forward, [asked]))
        late[0].start()
        raise ConnectionResetError

    other.answering("/Contacts", cut)
    sent = {
        "Deal_Name": "Deal 1",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": "Late",
    }
    how = {"match_on": "Last_Name", "on_missing": "create"}

    run = run_target(
        other,
        tmp_path,
        [schema("Pipelines", *sent, key=["Deal_Name"]), record("Pipelines", **sent)],
        streams={"Pipelines": {"lookups": {"Contact_Name": how}}},
        request_timeout=5,
    )

    late[0].join()
    assert run.error is None
    assert [each["Last_Name"] for each in sandbox.dump("Contacts")] == ["Late"]


def test_a_parent_that_a_colleague_enters_meanwhile_is_found(other, sandbox, tmp_path):
    """A child that was looked for too early waits for the pipe; at its end Bigin is asked once more."""
    entered = []

    def enter_after(asked):
        answer = other.forward(asked)
        if not entered:
            entered.append(sandbox.create("Accounts", Account_Name="Later AG"))
        return answer

    other.answering("/coql", enter_after)

    run = run_target(
        other,
        tmp_path,
        [CONTACTS, record("Contacts", **person(1, Account_Name="Later AG")), ACCOUNTS],
        streams=by_name(),
    )

    assert run.error is None
    assert company_of(sandbox) == {1: "Later AG"}


def test_what_is_made_for_a_link_triggers_what_was_asked_for(other, tmp_path):
    """A welcome mail to a company is no less due if a contact brought it."""
    triggers = []

    def note(asked):
        if asked.method == "POST":
            triggers.append(json.loads(asked.body)["trigger"])

    other.answering("/Accounts.*", note)

    run = run_target(
        other,
        tmp_path,
        [CONTACTS, record("Contacts", **person(1, Account_Name="New AG"))],
        streams=by_name("create"),
        trigger=["workflow"],
    )

    assert (run.error, triggers) == (None, [["workflow"]])


def test_an_ambiguous_value_is_not_forgotten_when_the_run_writes_another(sandbox, target):
    """Two Bergs in Bigin, a third in the pipe: whoever names Berg is still ambiguous."""
    for _ in range(2):
        sandbox.create("Contacts", Last_Name="Twin")
    deals = schema("Pipelines", "Deal_Name", "Sub_Pipeline", "Stage", "Contact_Name", key=["Deal_Name"])
    deal = {
        "Deal_Name": "Deal 1",
        "Sub_Pipeline": "Inbound",
        "Stage": "Qualification",
        "Contact_Name": "Twin",
    }

    run = target(
        [
            CONTACTS,
            *records("Contacts", [person(n) for n in range(100)]),
            record("Contacts", Last_Name="Twin", Email="twin@example.org"),
            deals,
            record("Pipelines", **deal),
        ],
        streams={"Pipelines": {"lookups": {"Contact_Name": {"match_on": "Last_Name"}}}},
    )

    assert [reject["code"] for reject in run.rejects] == ["LOOKUP_AMBIGUOUS"]


def test_dry_run_creates_nothing_and_resolves_all_the_same(sandbox, target):
    """It tells what would have been done: a parent that would have been written is no missing parent."""
    before = sandbox.count("Accounts")

    run = target(
        [
            CONTACTS,
            record("Contacts", **person(1, Account_Name="Alpha AG")),
            record("Contacts", **person(2, Account_Name="Beta AG")),
            ACCOUNTS,
            record("Accounts", Account_Name="Beta AG"),
        ],
        streams=by_name("create"),
        dry_run=True,
    )

    assert run.error is None
    assert sandbox.count("Accounts") == before
    assert run.accounts["Contacts"].rejected == 0
