"""A catalog that selects nothing, or what is not there, says so."""

from __future__ import annotations

from typing import Any

import pytest
from support.sandbox import Sandbox
from support.tap import discover, run_tap, select


def test_where_nothing_is_selected_the_run_fails(sandbox: Sandbox) -> None:
    """It would do nothing each night, and nobody would know."""
    catalog = discover(sandbox, modules=["Contacts"])
    for stream in catalog["streams"]:
        stream["metadata"][:] = [{"breadcrumb": [], "metadata": {"selected": False}}]

    run = run_tap(sandbox, catalog=catalog, modules=["Contacts"])

    assert (run.code, run.messages) == (1, [])
    assert "Nothing is selected" in run.log[-1]


def test_what_a_catalog_selects_and_nobody_has_is_told(sandbox: Sandbox) -> None:
    """A field that was misspelt in the catalog would be missed when its column is looked for."""
    catalog = select(discover(sandbox, modules=["Contacts"]), "Contacts", "Tusks")
    for stream in catalog["streams"]:
        selected = {"breadcrumb": ["properties", "Emial"], "metadata": {"selected": True}}
        stream["metadata"].append(selected)
    catalog["streams"].append({**catalog["streams"][0], "tap_stream_id": "Contcts", "stream": "Contcts"})

    run = run_tap(sandbox, catalog=catalog, modules=["Contacts"])

    assert run.code == 0
    assert run.said("Contacts: the catalog selects 'Emial', which there is not, did you mean 'Email'?")
    assert run.said("or the settings leave it out, did you mean 'Contacts'?")


@pytest.mark.parametrize(
    ("catalog", "said"),
    [
        ("{]", "catalog: not JSON"),
        ({"stream": []}, "catalog: expected an object with a list of streams"),
        ({"streams": [{"stream": "Contacts"}]}, "catalog: streams[0]: has no tap_stream_id"),
        ({"streams": [{"tap_stream_id": "Contacts", "schema": []}]}, "catalog: Contacts: schema"),
        (
            {"streams": [{"tap_stream_id": "Contacts", "metadata": {"selected": True}}]},
            "catalog: Contacts: metadata: expected a list",
        ),
        (
            {"streams": [{"tap_stream_id": "Contacts", "metadata": [{"selected": True}]}]},
            "catalog: Contacts: a metadata entry has no breadcrumb",
        ),
    ],
)
def test_a_malformed_catalog_is_named(sandbox: Sandbox, catalog: Any, said: str) -> None:
    """Catalogs are edited by hand."""
    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 1
    assert said in run.log[-1]
    assert not run.said("Traceback")


def test_a_stream_that_is_no_more_is_warned_about(sandbox: Sandbox) -> None:
    """The SDK drops it without a word, and its table would just stop growing."""
    catalog = select(discover(sandbox), "Contacts", "Tasks")
    for stream in catalog["streams"]:
        if stream["tap_stream_id"] == "Tasks":
            stream["tap_stream_id"] = stream["stream"] = "Tusks"

    run = run_tap(sandbox, catalog=catalog)

    assert run.code == 0
    assert run.said("Tusks: selected in the catalog, but there is no such stream")
    assert run.ids("Contacts")
