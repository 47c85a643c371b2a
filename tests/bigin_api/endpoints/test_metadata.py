"""Metadata as dataclasses: every oddity of the platform is a row of a table."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from bigin_api import (
    Call,
    CustomView,
    Field,
    Layout,
    Metadata,
    Module,
    PermissionDenied,
    RelatedList,
    Reply,
)

VIEW_ONLY = {"view_type": {"view": True, "edit": False, "create": False, "quick_create": False}}
EDITABLE = {"view_type": {"view": True, "edit": True, "create": True, "quick_create": False}}
CREATE_ONLY = {"view_type": {"view": True, "edit": False, "create": True}}


def profile(permission: str) -> dict[str, str]:
    return {"id": "1", "name": "Standard", "permission_type": permission}


@pytest.mark.parametrize(
    ("name", "raw", "creatable", "updatable"),
    [
        ("Last_Name", EDITABLE, True, True),
        ("Code", CREATE_ONLY, True, False),
        ("Last_Name", {}, False, False),
        ("Owner", {**EDITABLE, "field_read_only": True}, True, True),
        ("Tag", {**VIEW_ONLY, "field_read_only": True}, True, True),
        ("Created_Time", {**VIEW_ONLY, "read_only": False, "field_read_only": False}, False, False),
        ("Modified_By", {**VIEW_ONLY, "read_only": False, "field_read_only": False}, False, False),
        ("Total", {**EDITABLE, "field_read_only": True}, False, False),
        ("Total", {**EDITABLE, "read_only": True}, True, True),
        ("Phone", {**EDITABLE, "profiles": [profile("read_only"), profile("hidden")]}, False, False),
        ("Phone", {**EDITABLE, "profiles": [profile("read_only"), profile("read_write")]}, True, True),
        ("Phone", {**EDITABLE, "profiles": []}, True, True),
        ("Phone", {"view_type": None}, False, False),
        ("Phone", {"operation_type": {"api_create": True, "api_update": False}}, True, False),
        ("Phone", {**VIEW_ONLY, "operation_type": {"api_create": True, "api_update": True}}, False, False),
    ],
)
def test_what_may_be_written(name, raw, creatable, updatable):
    """Bigin drops what may not be written without a word, and three fields say the opposite of what holds."""
    field = Field.from_json({"api_name": name, **raw})

    assert (field.creatable, field.updatable) == (creatable, updatable)


@pytest.mark.parametrize(
    ("unique", "is_unique"),
    [
        ({}, False),
        ({"casesensitive": "0"}, True),
        ({"casesensitive": "1"}, True),
        (None, False),
        ({"casesensitive": None}, False),
        ({"casesensitive": ""}, False),
        ({"brand_new": {}}, False),
    ],
)
def test_unique_is_present_or_not(unique, is_unique):
    """An upsert on a field that is not unique inserts twins without an error."""
    assert Field.from_json({"api_name": "Email", "unique": unique}).is_unique is is_unique


@pytest.mark.parametrize(
    ("raw", "module"),
    [
        (
            {"lookup": {"module": {"api_name": "Accounts", "id": "1", "crypt": False}, "api_name": "x"}},
            "Accounts",
        ),
        ({"lookup": {"module": "Accounts"}}, "Accounts"),
        ({"lookup": {"module": {"api_name": "Deals"}}}, "Pipelines"),
        ({"lookup": {}}, None),
        ({"lookup": {}, "data_type": "lookup", "custom_field": True}, None),
        ({"lookup": None, "data_type": "lookup"}, "Accounts"),
        ({"lookup": {"module": "se_module"}, "data_type": "lookup"}, "Accounts"),
        ({"lookup": {"module": "se_module"}, "data_type": "lookup", "custom_field": True}, None),
        (
            {"multiselectlookup": {"connected_module": "Contacts", "connectedlookup_apiname": "Secondary"}},
            "Contacts",
        ),
    ],
)
def test_a_lookup_names_the_module_it_points_to(raw, module):
    """Older answers give a name, newer ones an object."""
    assert Field.from_json({"api_name": "Account_Name", **raw}).lookup_module == module


def test_an_unknown_data_type_is_kept_as_it_is():
    """New data types appear without notice: they are told, not refused."""
    field = Field.from_json(
        {"api_name": "Vibe", "data_type": "hologram", "json_type": "jsonobject", "brand_new": 1}
    )

    assert (field.data_type, field.json_type, field.raw["brand_new"]) == ("hologram", "jsonobject", 1)


@pytest.mark.parametrize(
    ("raw", "data_type", "json_type"),
    [
        ({"data_type": "Boolean", "json_type": "BOOLEAN"}, "boolean", "boolean"),
        ({"data_type": "TEXT", "json_type": "string"}, "text", "string"),
        ({"data_type": "rrule"}, "RRULE", "jsonobject"),
        ({"data_type": "lookup", "json_type": "integer"}, "lookup", "jsonobject"),
        ({"data_type": "subform", "json_type": "jsonobject"}, "subform", "jsonarray"),
        ({"data_type": "boolean", "json_type": "string"}, "boolean", "boolean"),
        ({"data_type": "currency"}, "currency", "double"),
        ({"data_type": "integer", "json_type": "long"}, "integer", "integer"),
        ({"data_type": "ALARM", "json_type": "string"}, "ALARM", "jsonobject"),
        ({"data_type": "multi_module_lookup", "json_type": None}, "lookup", "jsonobject"),
        ({"data_type": "hologram", "json_type": "long"}, "hologram", None),
    ],
)
def test_types_are_known_in_whatever_words(raw, data_type, json_type):
    """``string`` and words that are no JSON type say nothing against what values are known to be."""
    field = Field.from_json({"api_name": "Odd", **raw})

    assert (field.data_type, field.json_type) == (data_type, json_type)


@pytest.mark.parametrize(
    ("name", "json_type"), [("Stage", "string"), ("Tag", "jsonarray"), ("Layout", "jsonobject")]
)
@pytest.mark.parametrize("told", ["string", "jsonobject", "jsonarray", "integer", None])
def test_what_every_organisation_has_is_what_records_show(name, json_type, told):
    """A deal's stage was to be an object where metadata said so: each deal was refused."""
    field = Field.from_json({"api_name": name, "data_type": "text", "json_type": told})

    assert field.json_type == json_type


@pytest.mark.parametrize(
    ("name", "data_type"), [("What_Id", "lookup"), ("Owner", "ownerlookup"), ("Stage", "picklist")]
)
@pytest.mark.parametrize("told", ["text", "bigint", "brand_new", None])
def test_what_every_organisation_has_is_of_its_type(name, data_type, told):
    """As a text, or of a type that nobody knows, no value of it could be sent: a task about a deal was refused."""
    raw = {"api_name": name, "data_type": told, "json_type": "string"}

    assert Field.from_json(raw).data_type == data_type
    assert Field.from_json({**raw, "custom_field": True}).data_type == (told or "unknown")


@pytest.mark.parametrize("length", [0, "0", -1, None])
def test_a_length_of_nothing_is_none(length):
    """At most so many characters would let none pass."""
    assert Field.from_json({"api_name": "Odd", "length": length}).length is None


@pytest.mark.parametrize(
    ("told", "is_true"), [("True", True), (1, True), ("false", False), (0, False), ({}, False)]
)
def test_truths_come_in_whatever_form(told, is_true):
    """With ``"True"`` no module was open: neither side could do anything."""
    assert Module.from_json({"api_name": "Contacts", "api_supported": told}).api_supported is is_true


def test_lengths_may_be_texts_and_stored_values_null():
    """Then a length is no less a limit, and what people see is what is stored."""
    field = Field.from_json(
        {
            "api_name": "Odd",
            "length": "120",
            "pick_list_values": [{"display_value": "Web", "actual_value": None}],
        }
    )

    assert field.length == 120
    assert [each.actual_value for each in field.pick_list_values] == ["Web"]


def test_a_field_with_nothing_but_a_name_is_a_field():
    """Everything but the name may be missing, or be null."""
    keys = ("id", "data_type", "json_type", "length", "profiles", "pick_list_values", "formula", "textarea")

    field = Field.from_json({"api_name": "Odd", **dict.fromkeys(keys)})

    assert field == Field("Odd", data_type="unknown", label="Odd")


def test_the_details_of_a_field_are_read():
    """Lengths, places, labels and values decide what the target may send."""
    field = Field.from_json(
        {
            "api_name": "Lead_Source",
            "id": "6100",
            "field_label": "Source",
            "data_type": "picklist",
            "json_type": "string",
            "length": 120,
            "decimal_place": None,
            "system_mandatory": True,
            "custom_field": True,
            "display_field": True,
            "sortable": True,
            "filterable": True,
            "formula": {"return_type": "double", "expression": "1"},
            "textarea": {"type": "rich_text"},
            "pick_list_values": [
                {"display_value": "Web", "actual_value": "web", "id": "1", "sequence_number": 2},
                {"display_value": "Fair"},
                "nonsense",
            ],
        }
    )

    assert (field.label, field.length, field.decimal_place) == ("Source", 120, None)
    assert field.mandatory
    assert field.is_display_field
    assert (field.formula_return_type, field.may_be_rich_text) == ("double", True)
    assert [(v.actual_value, v.display_value, v.sequence_number) for v in field.pick_list_values] == [
        ("web", "Web", 2),
        ("Fair", "Fair", 0),
    ]


def test_modules_say_what_they_are():
    """api_supported decides what can be read; the rest describes."""
    module = Module.from_json(
        {
            "api_name": "Associated_Products",
            "module_name": "LinkingModule1",
            "generated_type": "subform",
            "parent_module": {"api_name": "Pipelines", "id": "1"},
            "api_supported": True,
            "viewable": True,
            "creatable": "yes",
        }
    )

    assert (module.parent_module, module.generated_type, module.module_name) == (
        "Pipelines",
        "subform",
        "LinkingModule1",
    )
    assert (module.api_supported, module.creatable) == (True, False)


def test_a_layout_of_pipelines_holds_sub_pipelines_and_their_stages():
    """Only there is it said which stages belong to which sub-pipeline, and in what order."""
    layout = Layout.from_json(
        {
            "id": "6100",
            "name": "Sales",
            "sections": [
                {"fields": [{"api_name": "Deal_Name", "required": True}]},
                {
                    "fields": [
                        {
                            "api_name": "Sub_Pipeline",
                            "pick_list_values": [
                                {
                                    "display_value": "New business",
                                    "maps": [
                                        {
                                            "api_name": "Stage",
                                            "pick_list_values": [
                                                {"display_value": "Met"},
                                                {"display_value": "Won"},
                                            ],
                                        }
                                    ],
                                }
                            ],
                        }
                    ]
                },
            ],
        }
    )

    (sub_pipeline,) = layout.sub_pipelines
    assert [stage.actual_value for stage in sub_pipeline.maps["Stage"]] == ["Met", "Won"]
    assert layout.field("Deal_Name").required
    assert layout.field("Nope") is None
    assert Layout.from_json({"sections": None}).sub_pipelines == ()


def test_views_and_related_lists_are_read():
    """Ids to read by, and the module behind a list, where there is one."""
    assert CustomView.from_json({"id": 17, "name": "All", "x": 1}) == CustomView("17", "All")
    assert RelatedList.from_json({"api_name": "Notes", "module": {"api_name": "Notes"}}).module == "Notes"
    assert RelatedList.from_json({"api_name": "Emails", "module": None}).module is None


def test_the_organisations_own_modules_and_fields_are_found(bigin):
    """Nothing is known beforehand: custom modules and fields stand beside Bigin's own."""
    modules = {each.api_name: each for each in bigin.metadata.modules()}

    assert {"Contacts", "Accounts", "Pipelines", "Products", "Notes"} <= modules.keys()
    assert any(each.generated_type == "custom" for each in modules.values())
    assert any(not each.api_supported for each in modules.values())
    fields = {each.api_name: each for each in bigin.metadata.fields("Contacts")}
    assert "id" not in fields
    assert fields["Email"].is_unique
    assert fields["Account_Name"].lookup_module == "Accounts"
    assert fields["Last_Name"].mandatory
    assert fields["Owner"].creatable
    assert not fields["Created_Time"].creatable
    assert fields["Tag"].json_type == "jsonarray"


def test_pipelines_tell_their_stages(bigin):
    """A deal's stage is checked before it is sent: Bigin refuses one that is not its sub-pipeline's."""
    layouts = bigin.metadata.layouts("Pipelines")

    assert all(each.id for each in layouts)
    assert all(sub.maps["Stage"] for each in layouts for sub in each.sub_pipelines)


@pytest.mark.parametrize(
    ("told", "expected", "calls"),
    [
        ("LinkingModule1", "Associated_Products", 1),
        ("Associated_Products", "Associated_Products", 1),
        ("Shared", "Shared", 1),  # an api_name goes before another module's module_name
        ("LinkingModule9", "LinkingModule9", 1),
        (None, None, 0),
    ],
)
def test_the_rows_of_a_subform_are_of_the_module_that_either_name_tells(told, expected, calls):
    """Metadata tell now the one, now the other, and COQL takes the api_name alone."""
    rows = [
        ("Associated_Products", "LinkingModule1"),
        ("Shared", "X"),
        ("Other", "Shared"),
        ("Shared2", "Shared"),
    ]
    asked = []

    class Sender:
        def send(self, call: Call) -> Reply:
            asked.append(call)
            return Reply(200, {"modules": [{"api_name": name, "module_name": other} for name, other in rows]})

    field = Field("Rows", "subform", "jsonarray", rows_module=told)

    assert Metadata(Sender()).rows_module(field) == expected
    assert len(asked) == calls


def test_the_rest_of_the_settings_is_read(bigin):
    """Views, related lists, roles, profiles and tags."""
    assert bigin.metadata.custom_views("Contacts")
    assert "Notes" in {each.api_name for each in bigin.metadata.related_lists("Contacts")}
    assert bigin.metadata.roles()[0]["name"]
    assert bigin.metadata.profiles()[0]["name"]
    assert bigin.metadata.module("Nope") is None
    assert bigin.metadata.module("Contacts").api_name == "Contacts"
    assert bigin.metadata.field("Contacts", "Email").data_type == "email"
    assert bigin.metadata.field("Contacts", "Nope") is None


def test_each_thing_is_asked_for_once_whatever_threads_want_it(bigin, sandbox):
    """Twenty streams ask for the same modules: each answer is a credit."""
    with ThreadPoolExecutor(20) as pool:
        for each in [pool.submit(bigin.metadata.fields, "Contacts") for _ in range(40)]:
            each.result()

    assert sandbox.calls("GET /settings/fields") == 1


def test_what_was_forgotten_is_asked_anew(bigin, sandbox):
    """A field that an administrator added is seen by the next discovery."""
    bigin.metadata.fields("Contacts")
    bigin.metadata.fields("Accounts")
    sandbox.change_metadata(
        {"op": "add_field", "module": "Contacts", "field": {"api_name": "Shoe_Size", "data_type": "integer"}}
    )

    bigin.metadata.forget("Contacts")

    assert bigin.metadata.field("Contacts", "Shoe_Size").data_type == "integer"
    bigin.metadata.fields("Accounts")
    assert sandbox.calls("GET /settings/fields") == 3
    bigin.metadata.forget()
    bigin.metadata.fields("Accounts")
    assert sandbox.calls("GET /settings/fields") == 4


def test_what_is_assumed_costs_nothing_until_all_of_it_is_wanted(bigin, sandbox):
    """Whoever was told the fields a moment ago need not ask; whoever needs every key still does."""
    bigin.metadata.assume("Contacts", [Field("Email", "email", "string")])

    assert [each.api_name for each in bigin.metadata.fields("Contacts")] == ["Email"]
    assert bigin.metadata.field("Contacts", "Last_Name") is None
    assert sandbox.calls("GET /settings/fields") == 0
    assert len(bigin.metadata.complete_fields("Contacts")) > 1
    assert sandbox.calls("GET /settings/fields") == 1

    bigin.metadata.forget("Contacts")

    assert bigin.metadata.field("Contacts", "Last_Name")
    bigin.metadata.assume("Contacts", [])
    bigin.metadata.forget()
    assert bigin.metadata.fields("Contacts")


def test_what_an_earlier_client_was_answered_need_not_be_asked(bigin, sandbox):
    """A run every five minutes with a feed would else pay for the same metadata each time, refusals too."""
    views = bigin.metadata.custom_views("Contacts")
    sandbox.fault("GET /settings/layouts", status=403)
    with pytest.raises(PermissionDenied):
        bigin.metadata.layouts("Contacts")
    answered = bigin.metadata.answered()

    bigin.metadata.forget()
    bigin.metadata.recall(answered)

    assert bigin.metadata.recalls
    assert bigin.metadata.custom_views("Contacts") == views
    with pytest.raises(PermissionDenied):
        bigin.metadata.layouts("Contacts")
    assert sandbox.calls("GET /settings/custom_views") == sandbox.calls("GET /settings/layouts") == 1


def test_an_answer_that_failed_is_not_kept(bigin, sandbox):
    """A refusal today is no reason not to ask again."""
    sandbox.fault("GET /settings/fields", status=403)

    with pytest.raises(PermissionDenied, match="Contacts"):
        bigin.metadata.fields("Contacts")

    assert bigin.metadata.fields("Contacts")


def test_metadata_of_two_modules_are_fetched_side_by_side():
    """One slow answer must not hold up the discovery of all other modules."""
    both_are_asked = threading.Barrier(2, timeout=30)

    class Slow:
        def send(self, _call: Call) -> Reply:
            both_are_asked.wait()
            return Reply(200, {"fields": [{"api_name": "Email"}]})

    metadata = Metadata(Slow())
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(metadata.fields, ["Contacts", "Accounts"]))

    assert [fields[0].api_name for fields in found] == ["Email", "Email"]


def test_lists_of_the_settings_come_in_pages(bigin, sandbox):
    """Whatever their number, all of them are read, each one once."""
    whole = [
        bigin.metadata.custom_views("Contacts"),
        bigin.metadata.roles(),
        bigin.tags.of_module("Contacts"),
    ]
    sandbox.reset(most_settings_per_page=1)
    bigin.metadata.forget()

    paged = [
        bigin.metadata.custom_views("Contacts"),
        bigin.metadata.roles(),
        bigin.tags.of_module("Contacts"),
    ]

    assert paged == whole
    assert all(len(entries) > 1 for entries in whole)
