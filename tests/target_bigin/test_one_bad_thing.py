"""One bad thing costs itself: a call refused for the sake of one is cut until that one is alone."""

from __future__ import annotations

import io

import pytest
from support.rewriting import Rewritten
from support.target import lines, read_rejects, records, run_target, schema, settings_of, state

from target_bigin.target import TargetBigin

CONTACTS = schema("Contacts", "Last_Name", key=["Email"])
POISON = "Union Select"
HASTY = {"max_retries": 0, "request_timeout": 1}
BLOCKED = Rewritten(403, b"<html><h1>Blocked</h1></html>", {"Content-Type": "text/html"})
REFUSALS = {
    "403 of a proxy": BLOCKED,
    "413 of a proxy": Rewritten(413, b"<html>Too large</html>", {"Content-Type": "text/html"}),
    "403 without a word": Rewritten(403, b"", {"Content-Type": "text/html"}),
    "403 in Bigin's words": Rewritten.of({"code": "NO_PERMISSION", "status": "error", "message": "no"}, 403),
    "403 in JSON of another": Rewritten.of({"error": "blocked"}, 403),
    "400 of an unknown code": Rewritten.of({"code": "ODD", "status": "error", "message": "odd"}, 400),
    "400 of a query": Rewritten.of({"code": "INVALID_QUERY", "status": "error", "message": "bad"}, 400),
    "200 with one error": Rewritten.of(
        {"data": [{"code": "ODD", "status": "error", "message": "odd", "details": {}}]}, 200
    ),
}


FAILURES = {
    "500 in Bigin's words": Rewritten.of({"code": "INTERNAL_ERROR", "status": "error", "message": "no"}, 500),
    "500 without a word": Rewritten(500, b"", {"Content-Type": "text/html"}),
    "502 of a proxy": Rewritten(502, b"<html>Bad gateway</html>", {"Content-Type": "text/html"}),
    "200 without a word": Rewritten(200, b"", {"Content-Type": "text/html"}),
    "200 that is cut off": Rewritten(200, b'{"data": [', {"Content-Type": "application/json"}),
    "no answer": Rewritten(0),
}


@pytest.fixture
def target(other, tmp_path):
    """``target(messages, **settings)`` writes to the other Bigin."""
    return lambda messages, **settings: run_target(other, tmp_path, messages, max_rejects=99, **settings)


def refuse(other, path, refusal, *, poison=lambda: POISON):
    """Refuse every call of a path that holds the poison, in its body or its address."""

    def answer(asked):
        sent = asked.target.encode() + asked.body
        return refusal if poison().encode() in sent else None

    other.answering(path, answer)


def people(count, *, bad=17):
    return [
        {"Last_Name": POISON if n == bad else f"Berg {n}", "Email": f"berg{n}@example.org"}
        for n in range(count)
    ]


def bad_one(sandbox, module="Contacts", name="Last_Name"):
    """The id of the record that is to be refused."""
    return next((each["id"] for each in sandbox.dump(module) if each[name] == POISON), "nobody")


@pytest.mark.parametrize("bad", [0, 17])
@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_record_that_is_refused_takes_no_other_along(other, sandbox, target, refusal, bad):
    """Whoever refuses, in whatever words: 29 of 30 are written, and the 30th is told."""
    refuse(other, "/Contacts/upsert", refusal)

    run = target([CONTACTS, *records("Contacts", people(30, bad=bad))])

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["record"]["Last_Name"] == POISON


@pytest.mark.parametrize(
    ("failure", "operation"),
    [*((each, "upsert") for each in FAILURES), ("500 in Bigin's words", "insert"), ("no answer", "insert")],
)
def test_a_record_at_which_bigin_fails_takes_no_other_along(other, sandbox, target, failure, operation):
    """A 500 for the sake of one looks like a Bigin that is down; the others go through."""
    refuse(other, "/Contacts(/upsert)?", FAILURES[failure])

    run = target(
        [CONTACTS, *records("Contacts", people(30)), state("end")],
        **HASTY,
        default_operation=operation,
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["record"]["Last_Name"] == POISON
    assert sandbox.count("Contacts") == 29
    assert run.states == ["end"]
    assert len(other.asked("/Contacts(/upsert)?")) < 30


def test_what_bigin_failed_at_may_have_been_done(other, sandbox, target):
    """It is asked for before any part is sent again: nothing is doubled."""

    def fail(asked, answer):
        if POISON.encode() in asked.body:
            answer.status, answer.body = 500, b"<html>"

    other.changing("/Tasks", fail)
    rows = [{"Subject": POISON if n == 3 else f"Call {n}"} for n in range(20)]

    run = target([schema("Tasks", "Subject"), *records("Tasks", rows)], **HASTY, default_operation="insert")

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 20}
    assert sandbox.count("Tasks") == 20


@pytest.mark.parametrize("body", [b"{}", b"<html>Bad request</html>"], ids=["empty", "of a proxy"])
def test_an_insert_that_is_refused_without_a_word_of_bigins_may_have_been_done(other, sandbox, target, body):
    """What says no code is no judgement: it is asked for before anything is sent again."""
    before, refused = sandbox.count("Tasks"), []

    def refuse_once(asked, answer):
        if asked.method == "POST" and not refused:
            refused.append(asked)
            answer.status, answer.body = 400, body

    other.changing("/Tasks", refuse_once)
    rows = [{"Subject": f"Call {n}"} for n in range(8)]

    run = target([schema("Tasks", "Subject"), *records("Tasks", rows)], default_operation="insert", **HASTY)

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 8}
    assert sandbox.count("Tasks") == before + 8


@pytest.mark.parametrize("count", [1, 30])
@pytest.mark.parametrize("operation", ["upsert", "insert"])
def test_a_bigin_that_is_down_ends_the_run_soon(other, target, count, operation):
    """Nothing goes through, so nobody is to blame: nothing is rejected, and no state goes out."""
    refuse(other, "/Contacts(/upsert)?", FAILURES["502 of a proxy"], poison=lambda: "Last_Name")

    run = target(
        [CONTACTS, *records("Contacts", people(count)), state("end")],
        **HASTY,
        default_operation=operation,
    )

    assert "HTTP 502" in str(run.error)
    assert (run.rejects, run.states) == ([], [])
    assert len(other.asked("/Contacts(/upsert)?")) < 12


def test_a_record_that_had_a_call_of_its_own_is_to_blame_if_others_go_through(other, target):
    """The thirtieth of calls of ten and nine: what went through before tells that the kind works."""
    refuse(other, "/Contacts/upsert", FAILURES["502 of a proxy"])

    run = target([CONTACTS, *records("Contacts", people(21, bad=20)), state("end")], **HASTY, batch_size=10)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 20, "rejected": 1}


@pytest.mark.parametrize("operation", ["insert", "update", "delete"])
def test_whatever_is_done_with_the_records(other, sandbox, target, operation):
    """An insert, too: what is refused as a whole was not done."""
    sandbox.settings(count_lag_seconds=0)
    rows = people(30)
    if operation != "insert":
        rows = [{"id": sandbox.create("Contacts", **row), **row} for row in rows]
    refuse(other, "/Contacts", BLOCKED, poison=lambda: bad_one(sandbox) if operation == "delete" else POISON)

    run = target(
        [schema("Contacts", "id", "Last_Name", key=["Email"]), *records("Contacts", rows)],
        default_operation=operation,
        streams={"Contacts": {"allow_mass_delete": True}},
    )

    done = {"insert": "inserted", "update": "updated", "delete": "deleted"}[operation]
    assert run.error is None
    assert run.outcomes("Contacts") == {done: 29, "rejected": 1}


LOOKUP_REFUSALS = {
    each: refusal for each, refusal in {**REFUSALS, **FAILURES}.items() if not each.startswith("200 with")
}


@pytest.mark.parametrize("refusal", LOOKUP_REFUSALS.values(), ids=LOOKUP_REFUSALS)
def test_a_lookup_value_that_is_refused_costs_its_record(other, sandbox, target, refusal):
    """Fifty values share a question: the other 49 are found, and the run goes on."""
    refuse(other, "/coql", refusal)
    for n in range(60):
        sandbox.create("Accounts", Account_Name=f"Acme {n}")
    rows = people(60, bad=-1)
    for n, row in enumerate(rows):
        row["Account_Name"] = POISON if n == 30 else f"Acme {n}"

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": {"Account_Name": {"match_on": "Account_Name"}}}},
        **HASTY,
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 59, "rejected": 1}
    assert len([each for each in sandbox.dump("Contacts") if each["Account_Name"]]) == 59


def test_a_key_that_is_refused_costs_its_record(other, sandbox, target):
    """By an external key each record is looked for before it is written."""
    refuse(other, "/coql", BLOCKED)
    rows = [{"Subject": POISON if n == 3 else f"Call {n}"} for n in range(30)]

    run = target(
        [schema("Tasks", key=["Subject"]), *records("Tasks", rows)],
        streams={"Tasks": {"external_key": "Subject"}},
    )

    assert run.error is None
    assert run.outcomes("Tasks") == {"inserted": 29, "rejected": 1}


def test_a_company_that_is_refused_costs_those_who_name_it(other, sandbox, target):
    """A hundred companies are made by one call."""
    refuse(other, "/Accounts(/upsert)?", BLOCKED)
    rows = people(30, bad=-1)
    for n, row in enumerate(rows):
        row["Account_Name"] = POISON if n in (3, 4) else f"Acme {n}"
    lookups = {"Account_Name": {"match_on": "Account_Name", "on_missing": "create"}}

    run = target(
        [schema("Contacts", "Last_Name", "Account_Name", key=["Email"]), *records("Contacts", rows)],
        streams={"Contacts": {"lookups": lookups}},
    )

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 28, "rejected": 2}
    assert sandbox.count("Accounts") == 28


def test_a_tag_that_is_refused_is_told_of_its_record(other, sandbox, target):
    """Five hundred share a call; that the record itself was written is said."""
    refuse(other, "/Contacts/actions/add_tags", BLOCKED, poison=lambda: bad_one(sandbox))

    run = target([CONTACTS, *records("Contacts", people(30))], streams={"Contacts": {"tags": ["vip"]}})

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 29, "rejected": 1}
    assert run.rejects[0]["message"].startswith("the record was written, but not its tags")
    assert len([each for each in sandbox.dump("Contacts") if each["Tag"]]) == 29


def test_rows_that_cannot_be_read_cost_their_record(other, sandbox, target):
    """The rows of ten deals are read one by one and written by one call."""
    desk = sandbox.create("Products", Product_Name="Desk")
    deals = [
        {"Deal_Name": POISON if n == 3 else f"Deal {n}", "Sub_Pipeline": "Inbound", "Stage": "Qualification"}
        for n in range(8)
    ]
    for deal in deals:
        sandbox.create("Pipelines", **deal)
        deal["Associated_Products"] = [{"Product": {"id": desk}, "Quantity": 1, "List_Price": 9}]
    refuse(other, "/Pipelines/[0-9]+", BLOCKED, poison=lambda: bad_one(sandbox, "Pipelines", "Deal_Name"))

    run = target([schema("Pipelines", *deals[0], key=["Deal_Name"]), *records("Pipelines", deals)])

    assert run.error is None
    assert run.outcomes("Pipelines") == {"updated": 7, "rejected": 1}


def test_a_deletion_that_is_refused_costs_itself(other, sandbox, target, tmp_path):
    """Of entries of ``deleted_records``, and of what a new version lacks."""
    settings = {"deletes": "delete", "id_map_path": str(tmp_path / "ids.jsonl")}
    allowed = {"allow_mass_delete": True}
    active = [{"type": "ACTIVATE_VERSION", "stream": "Contacts", "version": n} for n in (1, 2)]
    target([CONTACTS, *records("Contacts", people(30)), active[0]], **settings)
    refuse(other, "/Contacts", BLOCKED, poison=lambda: bad_one(sandbox))
    gone = [{"module": "Contacts", "id": each["id"]} for each in sandbox.dump("Contacts")]
    some = [each for each in gone if each["id"] == bad_one(sandbox)] + gone[:9]

    run = target(
        [schema("deleted_records", key=["module", "id"]), *records("deleted_records", some)],
        streams={"deleted_records": allowed},
        **settings,
    )
    version = target(
        [CONTACTS, *records("Contacts", people(1)), active[1]], streams={"*": allowed}, **settings
    )

    assert (run.error, version.error) == (None, None)
    assert run.outcomes("deleted_records") == {"deleted": 9, "rejected": 1}
    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} == {POISON, "Berg 0"}


@pytest.mark.parametrize("replaces", [False, True])
def test_a_row_of_a_deal_that_is_refused_costs_itself(other, sandbox, target, replaces):
    """Its rows share a write; only where they replace what is there, half of them would be worse than none."""
    deal = sandbox.create(
        "Pipelines",
        Deal_Name="Roof",
        Sub_Pipeline="Inbound",
        Stage="Qualification",
        Closing_Date="2026-12-01",
    )
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(5)]
    rows = [{"parent_id": deal, "Product": {"id": each}, "Quantity": 1, "List_Price": 9} for each in desks]
    rows[1]["Product"] = {"id": "6100000000000999999"}
    rows[3]["Quantity"] = "many"

    run = target(
        [
            schema("pipelines_associated_products", *rows[0], key=["parent_id", "Product"]),
            *records("pipelines_associated_products", rows),
        ],
        streams={"pipelines_associated_products": {"replace_rows": replaces}},
    )

    assert run.error is None
    (written,) = sandbox.dump("Pipelines")
    if replaces:
        assert len(run.rejects) == 5
        assert not written["Associated_Products"]
    else:
        assert [each["record"] for each in run.rejects] == [rows[1], rows[3]]
        assert len(written["Associated_Products"]) == 3


def test_a_link_to_a_product_that_is_refused_costs_itself(other, sandbox, target):
    """A contact's products are linked one by one; those after the refused one were left out."""
    ann = sandbox.create("Contacts", Last_Name="Ann")
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(5)]
    refuse(other, f"/Contacts/{ann}/Products/.*", BLOCKED, poison=lambda: desks[1])

    run = target(
        [
            schema("contacts_products", key=["parent_id", "id"]),
            *records("contacts_products", [{"parent_id": ann, "id": each} for each in desks]),
        ]
    )

    assert run.error is None
    assert run.outcomes("contacts_products") == {"updated": 4, "rejected": 1}
    assert [each["record"]["id"] for each in run.rejects] == [desks[1]]


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        ("pipelines_associated_products", "Pipelines: GET /settings/fields: HTTP 403"),
        ("home_products", "this organisation has no module 'home_products'"),  # no API has its fields
    ],
)
def test_a_module_whose_rows_may_not_be_seen_costs_those_rows(other, sandbox, target, stream, says):
    """Its fields tell which of them are rows: who may not see them still writes everything else."""
    refusal = {"code": "NO_PERMISSION", "details": {}, "message": "no", "status": "error"}
    other.answering(
        "/settings/fields",
        lambda asked: Rewritten.of(refusal, 403) if asked.query["module"] != "Accounts" else None,
    )

    run = target(
        [
            schema(stream, key=["parent_id", "id"]),
            *records(stream, [{"parent_id": "1", "id": "2"}]),
            schema("Accounts", key=["Account_Name"]),
            *records("Accounts", [{"Account_Name": "Acme"}]),
        ]
    )

    assert run.error is None
    assert [(each["stream"], each["code"]) for each in run.rejects] == [(stream, "NO_MODULE")]
    assert run.rejects[0]["message"].startswith(says)
    assert run.outcomes("Accounts") == {"inserted": 1}


SPOILED = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "half a character": rb'"\ud800"',
    "no UTF-8": b'"\xff"',
    "5,001 digits": b"1" + b"0" * 5000,
    "101 levels": b"[" * 101 + b"]" * 101,
    "100,000 levels": b'{"a":' * 100_000 + b"{}" + b"}" * 100_000,
}


@pytest.mark.parametrize("mapped", [False, True], ids=["plain", "with a stream map"])
@pytest.mark.parametrize("value", SPOILED.values(), ids=SPOILED)
def test_a_value_that_no_json_holds_costs_its_record(sandbox, tmp_path, value, mapped):
    """Python's json writes NaN and halves of characters; a line of it cost all others, at each run anew."""
    maps = {"stream_maps": {"Contacts": {"Title": "'Dr'"}}} if mapped else {}
    rows = records("Contacts", people(3, bad=-1))
    before = lines([schema("Contacts", "Last_Name", "Description", key=["Email"]), *rows[:1]]).encode()
    bad = (
        b'{"type":"RECORD","stream":"Contacts","record":{"Email":"x@example.org","Description":%s}}\n' % value
    )
    messages = tmp_path / "messages"
    messages.write_bytes(before + bad + lines([*rows[1:], state(1)]).encode())
    config = settings_of(sandbox, tmp_path, max_rejects=1, **maps)
    target = TargetBigin(config=config)

    with messages.open(encoding="utf-8") as source:
        target.listen(source)

    (reject,) = read_rejects(config)
    assert (reject["kind"], reject["code"], reject["field"]) == ("invalid", "UNREADABLE_VALUE", "Description")
    assert reject["record"] == {"Email": "x@example.org", "Description": None}
    assert target.engine.ledger.accounts["Contacts"].outcomes["inserted"] == 3


@pytest.mark.parametrize("record", [b"null", b"[]", b'"x"', b"[" * 200 + b"]" * 200], ids=range(4))
def test_a_record_that_is_none_costs_itself(sandbox, target, record):
    """It ended the run, at each run anew."""
    rows = records("Contacts", people(2, bad=-1))
    line = b'{"type":"RECORD","stream":"Contacts","record":%s}\n' % record
    sent = lines([schema("Contacts", "Last_Name", key=["Email"]), rows[0]]) + line.decode()

    run = target(sent + lines([rows[1], state(1)]))

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 2, "invalid": 1}
    assert run.states == [1]


def test_a_stream_map_that_fails_for_one_record_costs_that_record(sandbox, target):
    """A blank name where the map wants a text ended the run as a fault that nobody foresaw."""
    rows = [{"Email": f"{n}@example.org", "Last_Name": name} for n, name in enumerate(["a", None, "c"])]
    maps = {"Contacts": {"Last_Name": "Last_Name.upper()"}}
    sent = [schema("Contacts", "Last_Name", key=["Email"]), *records("Contacts", rows), state(1)]

    run = target(sent, stream_maps=maps)

    assert run.error is None
    assert [(each["code"], each["record"]) for each in run.rejects] == [("STREAM_MAP", rows[1])]
    assert {each["Last_Name"] for each in sandbox.dump("Contacts")} >= {"A", "C"}
    assert run.states == [1]


def test_a_stream_map_that_is_none_is_a_setting_to_mend(target):
    """It was told as what nobody foresaw."""
    maps = {"Contacts": {"Last_Name": "Last_Name +"}}

    run = target([schema("Contacts", "Last_Name", key=["Email"])], stream_maps=maps)

    assert str(run.error) == "stream_maps: Failed to parse expression Last_Name +."


def test_what_lies_too_deep_beside_a_record_costs_nothing(sandbox, target):
    """Some taps say more in a message than the specification has."""
    deep = "[" * 500 + "]" * 500
    line = (
        '{"type":"RECORD","more":%s,"stream":"Contacts","record":{"Email":"x@example.org","Last_Name":"X"}}\n'
    )

    run = target(lines([schema("Contacts", "Last_Name", key=["Email"])]) + line % deep)

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 1}


def test_a_schema_with_a_value_that_no_json_holds_is_told(sandbox, target):
    """A default of NaN, as a data frame has it, ended the run before the first record."""
    line = (
        '{"type":"SCHEMA","stream":"Contacts","key_properties":["Email"],"schema":{"properties":'
        '{"Email":{"type":"string"},"Last_Name":{"type":"string","default":NaN}}}}\n'
    )

    run = target(line + lines(records("Contacts", people(1, bad=-1))))

    assert run.error is None
    assert run.outcomes("Contacts") == {"inserted": 1}
    assert run.said("line 1: no JSON holds what came for schema: properties: Last_Name: default; it is null.")


@pytest.mark.parametrize(
    "value",
    [
        '{"a": NaN, "b": [-Infinity, 1E400, 10000000000000001.50], "a": {"value": "}, {"}}',
        "NaN",
        r'"half \ud800 of a character"',
        '{"deep": ' + "[" * 5_000 + "]" * 5_000 + "}",
        "[" * 101 + "]" * 101,
        "1" + "0" * 5_000,
    ],
    ids=range(6),
)
@pytest.mark.parametrize("before", ['"value": 1, ', '"more": {"value": 2}, ', ""], ids=range(3))
def test_a_state_leaves_exactly_as_it_came(sandbox, tmp_path, capsys, value, before):
    """Whatever is in it is the tap's own affair; it ended the run, and every run after it."""
    line = '{"type": "STATE", ' + before + '"value" : ' + value + ' , "last": {"value": 3}}\n'

    TargetBigin(config=settings_of(sandbox, tmp_path)).listen(io.StringIO(line))

    assert capsys.readouterr().out == value + "\n"


def test_text_that_another_encoding_wrote_in_two_halves_is_whole(sandbox, target, tmp_path):
    """CESU-8, as Java and Oracle write it: nothing of it is lost."""
    line = b'{"type":"RECORD","stream":"Contacts","record":{"Last_Name":"\xed\xa0\xbd\xed\xb8\x80","Email":"x@example.org"}}\n'
    messages = tmp_path / "messages"
    messages.write_bytes(lines([schema("Contacts", "Last_Name", key=["Email"])]).encode() + line)

    with messages.open(encoding="utf-8", errors="surrogateescape") as source:
        TargetBigin(config=settings_of(sandbox, tmp_path)).listen(source)

    assert [each["Last_Name"] for each in sandbox.dump("Contacts") if each["Email"] == "x@example.org"] == [
        "😀"
    ]
