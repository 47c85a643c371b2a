"""A deal's products and its other contacts: rows append in Bigin, so a repeat must not double them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.deals import DEAL, deal, sold
from support.rewriting import Rewritten
from support.target import record, records, run_target, schema

from bigin_api import Field
from target_bigin.files.id_map import Target
from target_bigin.links.references import Link
from target_bigin.records.record import Record, Reject, Unresolved
from target_bigin.rows.difference import rows_to_send
from target_bigin.rows.fields import row_fields, undeclared_rows
from target_bigin.settings import LookupSettings, StreamSettings

DEALS = schema(
    "Pipelines",
    "Deal_Name",
    "Sub_Pipeline",
    "Stage",
    "Associated_Products",
    "Secondary_Contacts",
    key=["Deal_Name"],
)
BY_NAME = {"Pipelines": {"lookups": {"Associated_Products": {"match_on": "Product_Name"}}}}


@pytest.fixture
def products(sandbox):
    """Three products by name."""
    return {
        name: sandbox.create("Products", Product_Name=name)
        for name in ("Test Desk", "Test Lamp", "Test Chair")
    }


def rows(*pairs):
    return [{"Product": name, "Quantity": quantity, "List_Price": 10} for name, quantity in pairs]


def write(target, *pairs, **settings):
    sent = record("Pipelines", **DEAL, Associated_Products=rows(*pairs))
    return target([DEALS, sent], **{"streams": BY_NAME, **settings})


def test_products_are_found_by_name_and_written_with_the_deal(sandbox, target, products):
    """What a person knows of a product is its name."""
    run = write(target, ("Test Desk", 2), ("test lamp", 1))

    assert run.error is None
    assert sold(sandbox) == [("Test Desk", 2), ("Test Lamp", 1)]
    assert sandbox.calls("GET /Pipelines/{id}") == 0  # the deal is new


@pytest.mark.parametrize(("trigger", "fired"), [([], 0), (["workflow"], 2)])
def test_rows_fire_what_is_asked_for(sandbox, target, products, trigger, fired):
    """They are a write of their own."""
    run = write(target, ("Test Desk", 2), trigger=trigger)

    assert run.error is None
    assert sandbox.automation()["fired"] == fired


@pytest.mark.parametrize(("times", "calls"), [(1, 2), (20, 4)])
def test_rows_of_a_locked_deal_are_tried_again_and_not_for_ever(sandbox, target, products, times, calls):
    """Somebody has it open; what is there is read before each try."""
    locked = {"code": "RECORD_LOCKED", "details": {}, "message": "locked", "status": "error"}
    sandbox.fault("PUT /Pipelines", status=207, body={"data": [locked]}, times=times)

    run = write(target, ("Test Desk", 2), max_rejects=1)

    assert [each["code"] for each in run.rejects] == (["RECORD_LOCKED"] if times > 1 else [])
    assert sold(sandbox) == ([("Test Desk", 2)] if times == 1 else [])
    assert sandbox.calls("PUT /Pipelines") == calls
    assert sandbox.calls("GET /Pipelines/{id}") == calls - 1


@pytest.mark.parametrize("said", ["rows", {"id": "7"}, [7], [{"id": "7"}, 7]])
def test_rows_that_cannot_be_read_are_not_written_once_more(other, sandbox, tmp_path, said):
    """What is there is not known: the same rows would be appended to themselves."""
    desk = sandbox.create("Products", Product_Name="Desk")
    sent = {**DEAL, "Associated_Products": [{"Product": {"id": desk}, "Quantity": 1, "List_Price": 9}]}
    messages = [DEALS, record("Pipelines", **sent)]
    run_target(other, tmp_path, messages)
    other.rewrite(
        "/Pipelines/[0-9]+",
        lambda _asked, body: [row.update(Associated_Products=said) for row in body["data"]],
    )

    run = run_target(other, tmp_path, messages, max_retries=0)

    assert run.outcomes("Pipelines") == {"rejected": 1}
    assert "are no rows" in run.rejects[0]["message"]
    assert sold(sandbox) == [("Desk", 1)]


def test_a_deal_of_which_nothing_is_shown_has_no_rows(other, sandbox, tmp_path):
    """An answer without content is Bigin's way to say that nothing is there, and no error."""
    sandbox.create("Pipelines", **DEAL)
    desk = sandbox.create("Products", Product_Name="Desk")
    sent = {**DEAL, "Associated_Products": [{"Product": {"id": desk}, "Quantity": 1, "List_Price": 9}]}
    other.answering("/Pipelines/[0-9]+", lambda _asked: Rewritten(204))

    run = run_target(other, tmp_path, [DEALS, record("Pipelines", **sent)])

    assert run.rejects == []
    assert sold(sandbox) == [("Desk", 1)]


def test_a_deal_that_is_deleted_needs_no_rows(sandbox, target, products):
    """A source may tell them with the deletion: they would be refused, for there is no deal any more."""
    write(target, ("Test Desk", 2))
    gone = record(
        "Pipelines",
        **DEAL,
        Associated_Products=rows(("Test Lamp", 1)),
        _sdc_deleted_at="2026-05-14T00:00:00Z",
    )

    run = target([DEALS, gone], streams=BY_NAME, deletes="delete")

    assert run.outcomes("Pipelines") == {"deleted": 1}


def test_rows_are_written_in_the_order_in_which_they_came(sandbox, target, products):
    """An offer lists its products in the order in which somebody put them."""
    names = ["Test Lamp", "Test Desk", "Test Chair"]

    write(target, *((name, 1) for name in names))

    assert [row["Product"]["name"] for row in deal(sandbox)["Associated_Products"]] == names


def test_the_same_deal_again_doubles_nothing(sandbox, target, products):
    """Rows without an id append each time: what is there is read first."""
    write(target, ("Test Desk", 2), ("Test Lamp", 1))
    before = deal(sandbox)["Associated_Products"]

    run = write(target, ("Test Desk", 2), ("Test Lamp", 1))

    assert run.error is None
    assert deal(sandbox)["Associated_Products"] == before


def test_rows_of_two_records_of_one_deal_are_all_written(sandbox, target, products):
    """The later one says all that the earlier one said of the deal, but not its rows: neither is left out."""
    sent = [
        record("Pipelines", **DEAL, Associated_Products=rows(pair))
        for pair in (("Test Desk", 2), ("Test Lamp", 1))
    ]

    run = target([DEALS, *sent], streams=BY_NAME)

    assert run.error is None
    assert sold(sandbox) == [("Test Desk", 2), ("Test Lamp", 1)]


def test_a_changed_row_keeps_its_id_and_a_new_one_is_added(sandbox, target, products):
    """Rows are the same if they sell the same product."""
    write(target, ("Test Desk", 2), ("Test Lamp", 1))
    ids = {row["Product"]["name"]: row["id"] for row in deal(sandbox)["Associated_Products"]}

    run = write(target, ("Test Desk", 5), ("Test Chair", 4))

    assert run.error is None
    assert sold(sandbox) == [("Test Chair", 4), ("Test Desk", 5), ("Test Lamp", 1)]
    after = {row["Product"]["name"]: row["id"] for row in deal(sandbox)["Associated_Products"]}
    assert after | ids == after


def test_other_rows_go_only_if_that_is_asked_for(sandbox, target, products):
    """replace_rows: the record's rows are all there shall be."""
    write(target, ("Test Desk", 2), ("Test Lamp", 1))

    run = write(
        target, ("Test Lamp", 1), streams={"Pipelines": {**BY_NAME["Pipelines"], "replace_rows": True}}
    )

    assert run.error is None
    assert sold(sandbox) == [("Test Lamp", 1)]


def test_a_row_that_is_to_go_and_is_not_there_is_not_added(sandbox, target, products):
    """Whoever said a second time that it goes had it back."""
    write(target, ("Test Desk", 2), ("Test Lamp", 1))
    going = {**rows(("Test Lamp", 1))[0], "_delete": None}
    sent = record("Pipelines", **DEAL, Associated_Products=[going])

    for _ in range(2):
        run = target([DEALS, sent], streams=BY_NAME)
        assert run.error is None
        assert sold(sandbox) == [("Test Desk", 2)]


@pytest.mark.parametrize("calls", ["PUT /Pipelines", "POST /Pipelines/upsert"])
def test_a_lost_answer_doubles_no_row(sandbox, target, products, calls):
    """The rows were written, the answer never came: what is there is read, and nothing is left to send."""
    sandbox.fault(calls, lose_response=True, times=1)

    run = write(target, ("Test Desk", 2), ("Test Lamp", 1))

    assert run.error is None
    assert sold(sandbox) == [("Test Desk", 2), ("Test Lamp", 1)]


def test_many_deals_with_rows_and_lost_answers(sandbox, target, products):
    """Every answer may be lost: of forty deals each has its two rows once."""
    deals = [
        record(
            "Pipelines",
            **{**DEAL, "Deal_Name": f"Roof {n}"},
            Associated_Products=rows(("Test Desk", n + 1), ("Test Lamp", 1)),
        )
        for n in range(40)
    ]
    sandbox.fault("PUT /Pipelines", lose_response=True, times=3)

    run = target([DEALS, *deals], streams=BY_NAME)

    assert run.error is None
    written = {
        each["Deal_Name"]: sorted(
            (row["Product"]["name"], row["Quantity"]) for row in each["Associated_Products"]
        )
        for each in sandbox.dump("Pipelines")
        if each["Deal_Name"].startswith("Roof")
    }
    assert written == {f"Roof {n}": [("Test Desk", n + 1), ("Test Lamp", 1)] for n in range(40)}
    used = sandbox.usage()["by_endpoint"]["PUT /Pipelines"]
    assert (used["calls"], used["credits"]) == (4, 4)


class Metadata:
    """Of a subform that says more of each product sold than the standard one does."""

    def rows_module(self, field):
        return field.api_name if field.data_type == "subform" else None

    def fields(self, module):
        if module == "Plain":
            return [Field("Remark", "text", "string", updatable=True)]
        assert module == "Sold"
        link = {"data_type": "lookup", "json_type": "jsonobject", "updatable": True}
        return [
            Field("Supplier", **link, lookup_module="Accounts"),
            Field("Product", **link, lookup_module="Products", mandatory=True),
            Field("Quantity", "double", "double", updatable=True),
            Field("Remark", "text", "string", updatable=True, length=9),
            Field("Code", "text", "string", creatable=True),
            Field("Total", "double", "double"),
        ]


def row_field(name, **settings):
    """Of products sold, or of others: contacts, of whom a row holds nothing but the link."""
    fields = {
        "Sold": Field("Sold", "subform"),
        "Plain": Field("Plain", "subform"),  # its rows link to nothing, by which they would be known
        "Others": Field("Others", "multiselectlookup", lookup_module="Contacts", linking_lookup="Contact"),
        "Bare": Field("Bare", "multiselectlookup", lookup_module="Contacts"),
        "Deal_Name": Field("Deal_Name"),
    }
    found = row_fields(fields, StreamSettings("Pipelines", **settings), Metadata())
    assert found.keys() == {"Sold", "Others", "Bare"}
    return found[name]


SOLD = row_field("Sold")
ROW, ONE = "6100000000000451010", "6100000000000451011"
BY_VALUE = {"lookups": {"Sold": LookupSettings("Product_Name"), "Others": LookupSettings("Email")}}


@pytest.mark.parametrize(
    ("field", "settings", "given", "row"),
    [
        (
            "Sold",
            {},
            {"id": ROW, "Product": {"id": ONE, "name": "Desk"}, "Quantity": "2", "Remark": None, "Code": "a"},
            {"id": ROW, "Product": {"id": ONE}, "Quantity": 2, "Remark": None, "Code": "a"},
        ),
        ("Sold", {}, {"id": ROW, "_delete": None}, {"id": ROW, "_delete": None}),
        ("Sold", {}, {"id": "row 1", "Quantity": 2, "Total": 20, "Odd": 1}, {"Quantity": 2}),
        ("Sold", {"truncate": True}, {"Remark": "much too long"}, {"Remark": "much too "}),
        ("Sold", BY_VALUE, "Desk", {"Product": Unresolved("Desk")}),
        ("Sold", {"ids": "source"}, {"id": ROW, "Product": "D1"}, {"Product": Unresolved("D1")}),
        ("Others", {}, {"id": ONE, "name": "Ann"}, {"Contact": {"id": ONE}}),
        ("Others", {}, {"id": ROW, "Contact": {"id": ONE}}, {"id": ROW, "Contact": {"id": ONE}}),
        ("Others", {}, {"Contact": None}, {"Contact": None}),
        ("Others", {}, {}, {}),
        ("Bare", {}, {"id": ONE, "name": "Ann"}, {"Bare": {"id": ONE}}),
        ("Others", BY_VALUE, "ann@x.org", {"Contact": Unresolved("ann@x.org")}),
        ("Others", {"ids": "source"}, {"id": "A1"}, {"Contact": Unresolved({"id": "A1", "name": None})}),
    ],
)
def test_a_row_says_what_its_columns_take_and_which_row_it_is(field, settings, given, row):
    """The id of a row that is but a link is that of what it links to; a row of the source has none here."""
    assert row_field(field, **settings).clean(given) == row


@pytest.mark.parametrize(("field", "given"), [("Sold", "Desk"), ("Sold", 7), ("Others", ["x"])])
def test_what_is_no_row_is_refused(field, given):
    """A name is one where the field is set to be found by names."""
    with pytest.raises(Reject):
        row_field(field).clean(given)


def test_clean_rows_take_the_place_of_what_was_given_and_then_their_links():
    """Those that are known already are not looked for."""
    record = Record(1, "deals", {})
    given = [{"Product": "Desk", "Supplier": "ACME", "Quantity": "2"}, {"Product": None}, "Lamp"]

    pending = list(row_field("Sold", **BY_VALUE).read(record, given))
    before = [dict(row) for row in record.body["Sold"]]
    for number, link in enumerate(pending):
        link.put(Target("Any", str(number)))

    assert before == [
        {"Supplier": Unresolved("ACME"), "Product": Unresolved("Desk"), "Quantity": 2},
        {"Product": None},
        {"Product": Unresolved("Lamp")},
    ]
    assert record.body["Sold"] == [
        {"Supplier": {"id": "0"}, "Product": {"id": "1"}, "Quantity": 2},
        {"Product": None},
        {"Product": {"id": "2"}},
    ]


def test_rows_that_the_schema_does_not_list_are_refused():
    """They would be appended at each run, unseen."""
    fields = {name: Field(name, name) for name in ("subform", "multiselectlookup", "text", "lookup")}

    refused = undeclared_rows(fields)

    assert refused.keys() == {"subform", "multiselectlookup"}
    for refuse in refused.values():
        with pytest.raises(Reject, match="UNDECLARED_ROWS"):
            refuse(Record(1, "deals", {}), [{"id": "7"}])


def test_each_link_of_a_row_is_looked_for_where_it_points():
    """As the field that holds the rows is set to find them; without the one by which it is known a row is none."""
    sold, others = (row_field(each, **BY_VALUE).links for each in ("Sold", "Others"))
    how = {"by_source": False, "how": LookupSettings("Product_Name")}

    assert sold == {
        "Supplier": Link("Sold", ("Accounts",), **how),
        "Product": Link("Sold", ("Products",), **how, must_be_there=True),
    }
    how["how"] = LookupSettings("Email")
    assert others == {"Contact": Link("Others", ("Contacts",), **how, must_be_there=True)}


def test_rows_are_known_by_the_link_that_each_must_have():
    """Another link, such as a supplier, may be the same in many rows: one would be taken for another."""
    assert SOLD.by == "Product"


def test_a_text_of_a_row_that_differs_in_case_alone_is_written():
    """It is what somebody corrected; only keys are compared without case."""
    there = [{"id": "1", "Product": {"id": "7"}, "Remark": "din a4"}]

    same, other = (
        rows_to_send(
            there,
            [{"Product": {"id": "7"}, "Remark": said}],
            by="Product",
            alike=SOLD.alike,
            remove_others=False,
        )
        for said in ("din a4 ", "DIN A4")
    )

    assert (same, other) == ([], [{"id": "1", "Remark": "DIN A4"}])


def sold_row(product, **more):
    return {"Product": product and {"id": product}, **more}


@pytest.mark.parametrize(
    ("wanted", "sent"),
    [
        ([{"id": "2", "Quantity": 5}], [{"id": "2", "Quantity": 5}]),
        ([{"id": 2, **sold_row("7")}], [{"id": "2", **sold_row("7")}]),
        ([{"id": "9", **sold_row("8", Quantity=1)}], []),
        ([{"id": "9", **sold_row("3")}], [sold_row("3")]),
        ([{"id": "1", "_delete": None}], [{"id": "1", "_delete": None}]),
        ([sold_row("8", _delete=None)], [{"id": "2", "_delete": None}]),
        ([sold_row("3", _delete=None)], []),
        ([sold_row(None, Quantity=1)], [sold_row(None, Quantity=1)]),
        ([sold_row("9", Quantity=5)], []),  # of several the one that needs no change
        (
            [sold_row("3"), sold_row("7", Quantity=2), sold_row("4"), {"Product": "8", "Quantity": 3}],
            [sold_row("3"), {"id": "1", "Quantity": 2}, sold_row("4"), {"id": "2", "Quantity": 3}],
        ),
        (
            [sold_row("7", Quantity=4), sold_row("7", Quantity=1)],
            [{"id": "1", "Quantity": 4}, sold_row("7", Quantity=1)],
        ),
    ],
)
def test_which_row_is_meant_and_what_is_sent_of_it(wanted, sent):
    """By its id, or else by what it links to; without one of them it is a new one."""
    there = [
        {"id": "1", **sold_row("7", Quantity=1)},
        {"id": "2", **sold_row("8", Quantity=1)},
        {"id": "3", "Product": None, "Quantity": 1},
        *({"id": str(n), **sold_row("9", Quantity=n)} for n in (4, 5, 6)),
    ]

    assert rows_to_send(there, wanted, by="Product", alike=SOLD.alike, remove_others=False) == sent


def test_an_unknown_product_rejects_the_deal(sandbox, target, products):
    """Half a deal would be worse than none: it is rejected before anything is written."""
    run = write(target, ("Test Desk", 2), ("No such thing", 1))

    assert [(reject["kind"], reject["field"]) for reject in run.rejects] == [
        ("unmatched", "Associated_Products")
    ]
    assert not [each for each in sandbox.dump("Pipelines") if each["Deal_Name"] == "Roof"]


def test_a_product_that_cannot_be_looked_for_is_told_with_the_field_of_its_lookup(sandbox, target):
    """The column of the row is no key of ``lookups``."""
    run = write(target, ({"id": "desk"}, 2))

    (reject,) = run.rejects
    assert "lookups (Associated_Products)" in reject["message"]


def test_a_refused_row_is_told_though_the_deal_is_written(sandbox, target, products):
    """A row without its quantity is Bigin's to refuse; the record's fate is told once."""
    run = target(
        [DEALS, record("Pipelines", **DEAL, Associated_Products=[{"Product": "Test Desk"}])], streams=BY_NAME
    )

    (reject,) = run.rejects
    assert (reject["code"], reject["field"]) == ("MANDATORY_NOT_FOUND", "Quantity")
    assert "the record was written, but not its rows" in reject["message"]
    assert deal(sandbox)


def test_an_entry_too_many_about_rows_is_laid_at_nobodys_door(other, sandbox, tmp_path):
    """Entry by entry the second deal would be told the first one's fault, though its rows are written."""
    desk = sandbox.create("Products", Product_Name="Desk")
    other.saying_twice("/Pipelines")
    row = {"Product": {"id": desk}, "List_Price": 9}
    deals = [
        {**DEAL, "Deal_Name": "Roof", "Associated_Products": [row]},
        {**DEAL, "Deal_Name": "Wall", "Associated_Products": [{**row, "Quantity": 1}]},
    ]

    run = run_target(other, tmp_path, [DEALS, *records("Pipelines", deals)], max_rejects=1)

    assert [(each["code"], each["record"]["Deal_Name"]) for each in run.rejects] == [
        ("MANDATORY_NOT_FOUND", "Roof")
    ]
    sold_in = {
        each["Deal_Name"]: len(each["Associated_Products"] or ()) for each in sandbox.dump("Pipelines")
    }
    assert sold_in == {"Roof": 0, "Wall": 1}


def test_other_contacts_are_linked_once(sandbox, target):
    """Secondary_Contacts take ids, and a repeat adds nobody."""
    one, two = (sandbox.create("Contacts", Last_Name=f"Berg {n}") for n in range(2))
    for linked in ([one], [one, {"id": two}]):
        run = target([DEALS, record("Pipelines", **DEAL, Secondary_Contacts=linked)])
        assert run.error is None

    found = [row["Secondary_Contacts"]["id"] for row in deal(sandbox)["Secondary_Contacts"]]
    assert found == [one, two]


def test_unchanged_deals_with_rows_are_not_even_read(sandbox, target, products, tmp_path):
    """The rows are part of what was last written."""
    cache = {"unchanged_cache_path": str(tmp_path / "written.sqlite")}
    write(target, ("Test Desk", 2), **cache)
    before = sandbox.calls("GET /Pipelines/{id}")

    same = write(target, ("Test Desk", 2), **cache)
    other = write(target, ("Test Desk", 3), **cache)

    assert same.outcomes("Pipelines") == {"unchanged": 1}
    assert other.outcomes("Pipelines") == {"updated": 1}
    assert sandbox.calls("GET /Pipelines/{id}") == before + 1
    assert sold(sandbox) == [("Test Desk", 3)]


ROW = st.builds(
    lambda product, quantity: {"Product": {"id": str(product)}, "Quantity": quantity},
    st.integers(1, 4),
    st.integers(1, 3),
)


@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6), st.booleans())
def test_after_what_is_sent_nothing_is_left_to_send(present, wanted, remove_others):
    """Whatever is there and whatever is wanted: one write makes it so, and a repeat sends nothing."""
    there = [{"id": f"r{n}", **row} for n, row in enumerate(present)]

    sent = rows_to_send(there, wanted, by="Product", alike=SOLD.alike, remove_others=remove_others)
    after = as_bigin_would(there, sent)

    assert rows_to_send(after, wanted, by="Product", alike=SOLD.alike, remove_others=remove_others) == []
    if remove_others:
        assert sorted(map(plain, after)) == sorted(map(plain, wanted))


def as_bigin_would(there, sent):
    """Rows without an id are appended, those with one are changed or removed."""
    rows_by_id = {row["id"]: dict(row) for row in there}
    for number, row in enumerate(sent):
        if "id" not in row:
            rows_by_id[f"new{number}"] = {"id": f"new{number}", **row}
        elif "_delete" in row:
            del rows_by_id[row["id"]]
        else:
            rows_by_id[row["id"]] |= row
    return list(rows_by_id.values())


def plain(row):
    return row["Product"]["id"], row["Quantity"]
