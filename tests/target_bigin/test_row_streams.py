"""Streams of rows: which field of which module a stream means, and what becomes of its rows."""

from __future__ import annotations

import pytest
from support.deals import DEAL, sold
from support.target import record, records, schema, state

from bigin_api import Field, Module
from target_bigin.files.id_map import IdMap
from target_bigin.streams.row_stream import find_row_place


def test_streams_that_name_no_rows_go_nowhere(sandbox, target):
    """A company has no list of products, a deal's is another, an e-mail is no row: none is written elsewhere."""
    contact = sandbox.create("Contacts", Last_Name="Berg")
    streams = ("accounts_products", "pipelines_products", "contacts_email", "home_products")
    key = ["parent_id", "id"]

    run = target(
        [
            message
            for stream in streams
            for message in (schema(stream, key=key), record(stream, parent_id=contact, id=contact))
        ],
        max_rejects=len(streams),
    )

    assert [(each["stream"], each["code"]) for each in run.rejects] == [
        (each, "NO_MODULE") for each in streams
    ]


PLACES = {
    "Home": [Field("Rows", "subform")],
    "Contacts": [Field("Email", "email"), Field("Others", "multiselectlookup")],
    "Pipelines": [Field("Deal_Name"), Field("Sold", "subform"), Field("Others", "multiselectlookup")],
}


@pytest.mark.parametrize(
    ("stream", "place"),
    [
        ("Pipelines.Others", "Pipelines.Others"),
        ("pipelines_others", "Pipelines.Others"),
        ("pipelines_sold", "Pipelines.Sold"),
        ("contacts_others", "Contacts.Others"),
        ("Contacts.Products", "Contacts.Products"),
        *dict.fromkeys(
            (
                *("contacts_email", "contactsproducts", "contacts_sold", "pipelines_products"),
                *("pipelines_deal_name", "pipelines_contacts_products", "pipelines_", "xpipelines_sold"),
                *("home_rows", "products", "others"),
            )
        ).items(),
    ],
)
def test_which_rows_a_stream_means(stream, place):
    """Those of a field that holds rows, or of a list of links; of a module that no API has, nobody asks."""
    modules = [Module(each, api_supported=each != "Home") for each in PLACES]

    def fields_of(module):
        assert module != "Home"
        return PLACES[module]

    found = find_row_place(stream, modules, fields_of)

    assert (found and f"{found[0].api_name}.{found[1].api_name}") == place


def row_stream(deal, *products, **more):
    """Rows of a deal as tap-bigin gives them."""
    return records(
        "pipelines_associated_products",
        [
            {"parent_id": deal, "Product": {"id": each}, "Quantity": 1, "List_Price": 9, **more}
            for each in products
        ],
    )


def test_a_row_without_a_parent_costs_itself(sandbox, target):
    """It is nobody's; what stands around it is written together."""
    one, other = (sandbox.create("Products", Product_Name=name) for name in ("Desk", "Lamp"))
    deal = sandbox.create("Pipelines", **DEAL)
    rows_of = schema("pipelines_associated_products", "parent_id", "Product", "Quantity", "List_Price")
    bad = [each for parent in (None, "", True, {"id": deal}, [deal]) for each in row_stream(parent, one)]
    del bad[0]["record"]["parent_id"]
    bad += row_stream(deal, one, _sdc_deleted_at="maybe")

    run = target([rows_of, *row_stream(deal, one), *bad, *row_stream(deal, other)], max_rejects=6)

    assert run.error is None
    assert [each["record"] for each in run.rejects] == [each["record"] for each in bad]
    assert [(each["code"], each["field"]) for each in run.rejects] == [
        *[("KEY_MISSING", "parent_id")] * 5,
        ("INVALID_VALUE", "_sdc_deleted_at"),
    ]
    assert sold(sandbox) == [("Desk", 1), ("Lamp", 1)]
    assert (sandbox.calls("PUT /Pipelines"), sandbox.calls("POST /coql")) == (
        1,
        0,
    )  # ids of Bigin's are known


def test_a_row_that_cannot_be_read_costs_itself(sandbox, target):
    """Null stands for what was lost: it must not be written with the others."""
    one, other = (sandbox.create("Products", Product_Name=name) for name in ("Desk", "Lamp"))
    deal = sandbox.create("Pipelines", **DEAL)
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=["parent_id"])
    bad = row_stream(deal, one, Discount=float("nan"))

    run = target([rows_of, *row_stream(deal, one), *bad, *row_stream(deal, other)], max_rejects=1)

    assert run.error is None
    assert [(each["code"], each["field"]) for each in run.rejects] == [("UNREADABLE_VALUE", "Discount")]
    assert sold(sandbox) == [("Desk", 1), ("Lamp", 1)]


def test_rows_that_say_what_was_written_last_are_not_even_read(sandbox, cached):
    """That they are all of them is news where others are to go."""
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(3)]
    deal = sandbox.create("Pipelines", **DEAL)
    stream = "pipelines_associated_products"
    rows_of = schema(stream, "Product", "Quantity", "List_Price", key=["parent_id"])
    all_of_them, some = row_stream(deal, *desks), row_stream(deal, *desks[:2])
    outcomes, reads = [], []
    for rows, ending, replaces in (
        (all_of_them, [], False),
        (all_of_them, [state(1)], False),
        (some, [], True),
        (some, [], True),
        (some, [state(1)], True),
        (some, [state(1)], True),
    ):
        run = cached([rows_of, *rows, *ending], streams={stream: {"replace_rows": replaces}})
        assert run.error is None
        assert bool(run.said("none of its other rows are removed")) is (replaces and not ending)
        outcomes.append([*run.outcomes(stream)])
        reads.append(sandbox.calls("GET /Pipelines/{id}"))

    assert outcomes == [["updated"], ["unchanged"], ["unchanged"], ["unchanged"], ["updated"], ["unchanged"]]
    assert reads == [1, 1, 2, 2, 3, 3]
    assert len(sold(sandbox)) == 2


def test_rows_of_a_parent_that_was_made_anew_are_written_again(sandbox, cached, tmp_path):
    """The source's deal is another one in Bigin since: its rows are those that were written last, elsewhere."""
    desk = sandbox.create("Products", Product_Name="Desk")
    stream, kept = "pipelines_associated_products", tmp_path / "ids.jsonl"
    rows_of = schema(stream, "Product", "Quantity", "List_Price", key=["parent_id"])
    deals = [sandbox.create("Pipelines", **{**DEAL, "Deal_Name": name}) for name in ("Roof", "Wall")]
    for deal in deals:
        copies = IdMap(kept)
        copies.remember("products", "Products", "P1", desk)
        copies.remember("deals", "Pipelines", "D1", deal)
        copies.close()
        run = cached(
            [rows_of, *row_stream("D1", "P1")], streams={"*": {"ids": "source"}}, id_map_path=str(kept)
        )
        assert run.outcomes(stream) == {"updated": 1}

    rows = {each["id"]: each["Associated_Products"] for each in sandbox.dump("Pipelines")}
    assert [len(rows[deal]) for deal in deals] == [1, 1]


@pytest.mark.parametrize(("ids", "code"), [("bigin", "NOT_AN_ID"), ("source", "LOOKUP_NOT_FOUND")])
def test_rows_of_what_is_no_deal_are_told_so_and_cost_no_call(sandbox, target, ids, code):
    """A number of the source's own means no deal here, unless the source's deals came, too."""
    desk = sandbox.create("Products", Product_Name="Desk")
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=["parent_id"])

    run = target([rows_of, *row_stream("D-17", desk)], streams={"*": {"ids": ids}})

    assert [each["code"] for each in run.rejects] == [code]
    assert "D-17" in run.rejects[0]["message"]
    assert sandbox.calls("GET /Pipelines/{id}") == 0


@pytest.mark.parametrize("is_whole", [True, False])
def test_an_input_that_is_cut_off_among_rows_removes_no_others(sandbox, target, is_whole):
    """The source died after two of three rows: without a STATE after them nobody knows that these are all."""
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(3)]
    deal = sandbox.create("Pipelines", **DEAL)
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=["parent_id"])
    replacing = {"streams": {"pipelines_associated_products": {"replace_rows": True}}}
    target([rows_of, *row_stream(deal, *desks), state(1)], **replacing)

    run = target([rows_of, *row_stream(deal, *desks[:2]), *([state(2)] if is_whole else [])], **replacing)

    assert run.error is None
    assert run.outcomes("pipelines_associated_products") == {"updated" if is_whole else "unchanged": 2}
    assert len(sold(sandbox)) == (2 if is_whole else 3)
    assert bool(run.said("none of its other rows are removed")) is not is_whole


def test_rows_are_all_of_their_parents_once_those_of_another_come(sandbox, target):
    """Of the last one a STATE in their midst says nothing of those behind it."""
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(3)]
    deals = [sandbox.create("Pipelines", **{**DEAL, "Deal_Name": name}) for name in ("Roof", "Wall")]
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=["parent_id"])
    target([rows_of, *(row for deal in deals for row in row_stream(deal, *desks))])
    rows = [row for deal in deals for row in row_stream(deal, *desks[:2])]

    run = target(
        [rows_of, *rows[:3], state(1), rows[3]],
        streams={"pipelines_associated_products": {"replace_rows": True}},
    )

    assert run.error is None
    sold_in = {each["id"]: len(each["Associated_Products"] or ()) for each in sandbox.dump("Pipelines")}
    assert [sold_in[deal] for deal in deals] == [2, 3]


@pytest.mark.parametrize("between", ["a row of another", "another schema"])
def test_rows_of_a_parent_that_come_in_two_parts_do_not_remove_each_other(sandbox, target, between):
    """Each part is not all of them."""
    desks = [sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(4)]
    deal, other = (sandbox.create("Pipelines", **{**DEAL, "Deal_Name": name}) for name in ("Roof", "Wall"))
    properties = ["Product", "Quantity", "List_Price"]
    rows_of = schema("pipelines_associated_products", *properties, key=["parent_id"])
    longer = schema("pipelines_associated_products", *properties, "Discount", key=["parent_id"])
    apart = row_stream(other, desks[0]) if between == "a row of another" else [longer]

    run = target(
        [rows_of, *row_stream(deal, *desks[:2]), *apart, *row_stream(deal, *desks[2:]), state(1)],
        streams={"pipelines_associated_products": {"replace_rows": True}},
    )

    assert run.error is None
    sold_in = {each["Deal_Name"]: len(each["Associated_Products"]) for each in sandbox.dump("Pipelines")}
    assert sold_in["Roof"] == 4


def test_a_row_that_comes_again_after_those_of_another_parent_is_the_same_row(sandbox, target):
    """Two writes side by side would each find nothing there, and add it."""
    desk = sandbox.create("Products", Product_Name="Desk")
    roof, wall = (sandbox.create("Pipelines", **{**DEAL, "Deal_Name": name}) for name in ("Roof", "Wall"))
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=["parent_id"])

    run = target(
        [
            rows_of,
            *row_stream(roof, desk, Quantity=1),
            *row_stream(wall, desk, Quantity=5),
            *row_stream(roof, desk, Quantity=2),
            *row_stream(wall, desk, Quantity=5),
        ]
    )

    assert run.error is None
    assert sold(sandbox) == [("Desk", 2)]


@pytest.mark.parametrize("key", [["parent_id", "Product"], ["parent_id"]])
def test_a_refused_row_is_replaced_by_a_later_one_of_its_key_alone(sandbox, target, tmp_path, key):
    """Sent again, it would take back the newer row's values; but another row of its deal is another row."""
    first, second = (sandbox.create("Products", Product_Name=f"Desk {n}") for n in range(2))
    deal = sandbox.create("Pipelines", **DEAL)
    rows_of = schema("pipelines_associated_products", "Product", "Quantity", "List_Price", key=key)
    replaced = tmp_path / "rejects.replaced.jsonl"

    run = target([rows_of, *row_stream(deal, first, Quantity="many"), *row_stream(deal, second)])
    target([rows_of, *row_stream(deal, second)])
    is_taken_for_another = replaced.exists()
    target([rows_of, *row_stream(deal, first)])

    (reject,) = run.rejects
    assert reject["module"] == "Pipelines.Associated_Products"
    assert reject["key_properties"] == (key if "Product" in key else [])
    assert not is_taken_for_another
    assert replaced.exists() is ("Product" in key)
    assert len(sold(sandbox)) == 2
