"""What the organisation says about itself, oddities included. FACTS 3."""

from __future__ import annotations

import pytest


def _fields(sandbox, module):
    answer = sandbox.api("GET", "/settings/fields", params={"module": module})
    return {field["api_name"]: field for field in answer.json()["fields"]}


@pytest.mark.parametrize(
    ("api_name", "expected"),
    [
        ("Contacts", {"api_supported": True, "visible": True, "generated_type": "default"}),
        ("Accounts", {"singular_label": "Company", "plural_label": "Companies"}),
        ("Social", {"api_supported": False}),
        ("Notes", {"api_supported": True, "visible": False}),
        ("Attachments", {"api_supported": True, "visible": False, "editable": False}),
        ("Associated_Products", {"generated_type": "subform", "module_name": "LinkingModule1"}),
        ("Subscriptions", {"generated_type": "custom", "module_name": "CustomModule1"}),
        ("Subscriptions_X_Products", {"generated_type": "linking"}),
        ("Home", {"generated_type": "web", "api_supported": False}),
    ],
)
def test_modules_are_listed_with_their_oddities(sandbox, api_name, expected):
    """FACTS 3: `api_supported` decides what can be read, neither `visible` nor `generated_type`."""
    modules = sandbox.api("GET", "/settings/modules").json()["modules"]

    module = next(module for module in modules if module["api_name"] == api_name)

    assert {key: module[key] for key in expected} == expected


def test_a_subform_names_its_parent(sandbox):
    """FACTS 3: `parent_module` of Associated_Products is Pipelines."""
    module = sandbox.api("GET", "/settings/modules/Associated_Products").json()["modules"][0]

    assert module["parent_module"]["api_name"] == "Pipelines"


def test_an_unknown_module_is_refused(sandbox):
    """read.md 3: in the query `param_name`, in the path `resource_path_index`, absent REQUIRED_PARAM_MISSING."""
    in_query = sandbox.api("GET", "/settings/fields", params={"module": "Nope"})
    in_path = sandbox.api("GET", "/settings/modules/Nope")
    absent = sandbox.api("GET", "/settings/fields")

    assert (in_query.status_code, in_query.json()["code"]) == (400, "INVALID_MODULE")
    assert in_query.json()["details"] == {"param_name": "module"}
    assert in_path.json()["code"] == "INVALID_MODULE"
    assert absent.json()["code"] == "REQUIRED_PARAM_MISSING"
    assert absent.json()["details"] == {"param_name": "module"}


@pytest.mark.parametrize("what", ["fields", "layouts", "custom_views", "related_lists", "tags"])
def test_a_module_without_any_answers_204(sandbox, what):
    """FACTS 3: 204 where there is none."""
    answer = sandbox.api("GET", f"/settings/{what}", params={"module": "Home"})

    assert (answer.status_code, answer.content) == (204, b"")


@pytest.mark.parametrize(
    ("module", "name"),
    [("Contacts", "Email"), ("Accounts", "Account_Name"), ("Products", "Product_Name")],
)
def test_unique_fields_say_so_with_a_string(sandbox, module, name):
    """FACTS 3: present means unique; `casesensitive` is "0", a string. The three of FACTS 5."""
    fields = _fields(sandbox, module)

    assert fields[name]["unique"] == {"casesensitive": "0"}
    assert [other for other, field in fields.items() if field["unique"]] == [name]


def test_id_is_not_among_the_fields(sandbox):
    """FACTS 3: and there is no `operation_type`."""
    fields = _fields(sandbox, "Contacts")

    assert "id" not in fields
    assert all("operation_type" not in field for field in fields.values())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Owner", {"field_read_only": True, "create": True, "edit": True}),
        ("Tag", {"data_type": "text", "json_type": "jsonarray", "create": False, "edit": False}),
        ("Created_Time", {"read_only": False, "field_read_only": False, "create": False, "edit": False}),
        ("Modified_Time", {"read_only": False, "field_read_only": False, "create": False, "edit": False}),
        ("Created_By", {"read_only": False, "field_read_only": False, "create": False, "edit": False}),
        ("Modified_By", {"read_only": False, "field_read_only": False, "create": False, "edit": False}),
        ("First_Name", {"view": False, "create": True}),
        ("Last_Name", {"view": False, "system_mandatory": True}),
        ("Full_Name", {"display_field": True, "field_read_only": True}),
        ("Email", {"length": 100, "data_type": "email"}),
        ("Phone", {"length": 50}),
        ("Mobile", {"length": 30}),
        ("Description", {"length": 32000, "sortable": False, "filterable": False}),
        ("Record_Creation_Source_ID__s", {"data_type": "bigint", "json_type": "string"}),
    ],
)
def test_fields_of_contacts_mislead_as_they_do(sandbox, name, expected):
    """FACTS 3, Three oddities; lengths as seen live."""
    field = _fields(sandbox, "Contacts")[name]

    flat = {**field, **field["view_type"]}
    assert {key: flat[key] for key in expected} == expected


def test_the_pipeline_says_bigint_and_is_an_object(sandbox):
    """FACTS 3, Metadata types that mislead."""
    field = _fields(sandbox, "Pipelines")["Pipeline"]
    deal = sandbox.dump("Pipelines")[0]

    assert field["data_type"] == "bigint"
    assert set(deal["Pipeline"]) == {"name", "id"}


def test_every_data_type_occurs_somewhere(sandbox):
    """FACTS 3, Data types: also one that nobody has heard of, and autonumbers, formulas, files."""
    modules = [
        module["api_name"]
        for module in sandbox.api("GET", "/settings/modules").json()["modules"]
        if module["api_supported"] and module["generated_type"] != "linking"
    ]
    found = {field["data_type"] for module in modules for field in _fields(sandbox, module).values()}

    documented = {
        *("text", "textarea", "email", "phone", "website", "picklist", "multiselectpicklist", "integer"),
        *("bigint", "autonumber", "double", "currency", "percent", "boolean", "date", "datetime", "lookup"),
        *("ownerlookup", "userlookup", "multiselectlookup", "subform", "fileupload", "imageupload"),
        *("profileimage", "formula", "RRULE", "ALARM", "event_reminder"),
    }
    assert documented <= found
    assert found - documented == {"geolocation"}


def test_lookups_name_their_module(sandbox):
    """FACTS 3: `lookup: {api_name, display_label, id, module: {api_name, id, crypt}}`."""
    lookup = _fields(sandbox, "Contacts")["Account_Name"]["lookup"]
    several = _fields(sandbox, "Subscriptions")["Products"]["multiselectlookup"]

    assert lookup["module"]["api_name"] == "Accounts"
    assert set(lookup) == {"api_name", "display_label", "id", "module"}
    assert several["connected_module"]["api_name"] == "Products"
    assert several["linking_module"]["api_name"] == "Subscriptions_X_Products"


def test_profiles_may_hide_a_field(sandbox):
    """FACTS 3: permission_type read_write, read_only, hidden; a hidden field never comes back."""
    field = _fields(sandbox, "Subscriptions")["Margin"]
    answer = sandbox.api("GET", "/Subscriptions", params={"fields": "Name,Margin"})

    permissions = {profile["name"]: profile["permission_type"] for profile in field["profiles"]}
    assert permissions["Administrator"] == "hidden"
    assert set(answer.json()["data"][0]) == {"id", "Name"}


def test_a_module_has_more_fields_than_one_call_takes(sandbox):
    """FACTS 7.4, 50-field wall."""
    assert len(_fields(sandbox, "Site_Surveys")) > 60


def test_layouts_of_pipelines_are_the_team_pipelines(sandbox):
    """FACTS 3: id = pipeline_id; only there does each sub-pipeline `maps` its stages, in order."""
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]
    deal = sandbox.dump("Pipelines")[0]

    layout = next(layout for layout in layouts if layout["id"] == deal["Pipeline"]["id"])
    fields = {field["api_name"]: field for field in layout["sections"][0]["fields"]}
    subs = {value["actual_value"]: value for value in fields["Sub_Pipeline"]["pick_list_values"]}
    (mapped,) = subs[deal["Sub_Pipeline"]]["maps"]
    stages = mapped["pick_list_values"]
    assert [layout["name"] for layout in layouts] == ["Sales Pipeline", "Partner Onboarding"]
    assert layout["name"] == deal["Pipeline"]["name"]
    assert mapped["api_name"] == "Stage"
    assert deal["Stage"] in [stage["actual_value"] for stage in stages]
    assert [stage["sequence_number"] for stage in stages] == list(range(1, len(stages) + 1))


def test_a_layout_may_require_more_than_the_field(sandbox):
    """FACTS 3: a layout's field may be `required` where the field is not `system_mandatory`."""
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]

    required = [
        field["required"]
        for layout in layouts
        for field in layout["sections"][0]["fields"]
        if field["api_name"] == "Closing_Date"
    ]
    assert required == [False, True]
    assert not _fields(sandbox, "Pipelines")["Closing_Date"]["system_mandatory"]


def test_only_a_single_view_shows_its_criteria(sandbox):
    """read.md 3.5."""
    params = {"module": "Contacts"}
    listed = sandbox.api("GET", "/settings/custom_views", params=params).json()
    view = next(view for view in listed["custom_views"] if not view["system_defined"])

    single = sandbox.api("GET", f"/settings/custom_views/{view['id']}", params=params).json()

    assert "criteria" not in view
    assert single["custom_views"][0]["criteria"]["field"]["api_name"] == "Account_Name"
    assert listed["info"]["count"] == len(listed["custom_views"])


def test_related_lists_number_themselves_in_strings(sandbox):
    """read.md 3.6: `sequence_number` is a string, `module` null for e-mails."""
    answer = sandbox.api("GET", "/settings/related_lists", params={"module": "Contacts"})

    lists = {item["api_name"]: item for item in answer.json()["related_lists"]}
    assert lists["Notes"]["sequence_number"] == "1"
    assert lists["Emails"]["module"] is None
    assert lists["Pipelines"]["module"]["api_name"] == "Pipelines"


def test_tags_know_how_many_records_have_them(sandbox):
    """read.md 3.7: the count is a string; `info` has count and allowed_count."""
    sandbox.create("Contacts", Last_Name="Tagged", Tag=[{"name": "only once"}])
    listed = sandbox.api("GET", "/settings/tags", params={"module": "Contacts"}).json()
    tag = next(tag for tag in listed["tags"] if tag["name"] == "only once")

    path = f"/settings/tags/{tag['id']}/actions/records_count"
    answer = sandbox.api("GET", path, params={"module": "Contacts"})

    assert answer.json() == {"count": "1"}
    assert listed["info"]["count"] == len(listed["tags"])
    assert tag["created_by"]["name"] == "Luis Ortega"


def test_users_come_in_pages(sandbox):
    """FACTS 3: `/users?type=AllUsers`, paged; keys of mixed case are real."""
    params = {"type": "AllUsers", "per_page": 4}
    first = sandbox.api("GET", "/users", params=params).json()
    second = sandbox.api("GET", "/users", params={**params, "page": 2}).json()
    beyond = sandbox.api("GET", "/users", params={**params, "page": 3})

    assert first["info"] == {"per_page": 4, "count": 4, "page": 1, "more_records": True}
    assert second["info"]["more_records"] is False
    assert {"created_time", "Modified_Time", "time_zone"} <= set(second["users"][0])
    assert beyond.status_code == 204


def test_a_user_has_a_theme_with_tabs(sandbox):
    """read.md 3.7 [L]: `theme{}`; its keys are those of the platform's schema."""
    theme = sandbox.api("GET", "/users").json()["users"][0]["theme"]

    assert theme.keys() == {"normal_tab", "selected_tab", "new_background", "background", "screen", "type"}
    assert theme["normal_tab"].keys() == theme["selected_tab"].keys() == {"font_color", "background"}


@pytest.mark.parametrize(
    ("wanted", "number"), [("AllUsers", 7), ("ActiveUsers", 6), ("AdminUsers", 2), ("CurrentUser", 1)]
)
def test_users_are_listed_by_type(sandbox, wanted, number):
    """read.md 3.7."""
    assert len(sandbox.api("GET", "/users", params={"type": wanted}).json()["users"]) == number


def test_the_organisation_describes_itself(sandbox):
    """FACTS 3: /org, roles, profiles, one user; `zgid` is what an upload names in X-CRM-ORG."""
    org = sandbox.api("GET", "/org").json()["org"][0]
    roles = sandbox.api("GET", "/settings/roles").json()["roles"]
    profiles = sandbox.api("GET", "/settings/profiles").json()["profiles"]
    user = sandbox.api("GET", "/users", params={"type": "CurrentUser"}).json()["users"][0]
    same = sandbox.api("GET", f"/users/{user['id']}").json()["users"][0]

    assert org["zgid"].isdecimal()
    assert roles[1]["reporting_to"] == {"name": "CEO", "id": roles[0]["id"]}
    assert [profile["name"] for profile in profiles] == ["Administrator", "Standard", "Finance"]
    assert same == user


def test_metadata_changes_while_people_work(sandbox):
    """A field disappears between discovery and run, a pick list grows, a module closes."""
    values = [*_fields(sandbox, "Tasks")["Priority"]["pick_list_values"]]
    sandbox.change_metadata(
        {"op": "remove_field", "module": "Contacts", "field": "Title"},
        {"op": "add_field", "module": "Contacts", "field": {"api_name": "Shoe_Size", "data_type": "text"}},
        {
            "op": "set_field",
            "module": "Tasks",
            "field": "Priority",
            "data": {"pick_list_values": [*values, {**values[0], "actual_value": "Someday"}]},
        },
        {"op": "close_module", "module": "Products"},
    )

    fields = _fields(sandbox, "Contacts")
    assert "Title" not in fields
    assert fields["Shoe_Size"]["data_type"] == "text"
    assert _fields(sandbox, "Tasks")["Priority"]["pick_list_values"][-1]["actual_value"] == "Someday"
    assert sandbox.api("GET", "/Products", params={"fields": "id"}).status_code == 403


def field_of(sandbox, module, name):
    """A field as /settings/fields tells it, and as the layouts do."""
    fields = sandbox.api("GET", "/settings/fields", params={"module": module}).json()["fields"]
    layouts = sandbox.api("GET", "/settings/layouts", params={"module": module}).json()["layouts"]
    placed = [field for layout in layouts for section in layout["sections"] for field in section["fields"]]
    (told,) = (field for field in fields if field["api_name"] == name)
    return told, [field for field in placed if field["api_name"] == name]


@pytest.mark.parametrize(("module", "name"), [("Tasks", "What_Id"), ("Notes", "Parent_Id")])
def test_a_lookup_to_any_module_may_name_one_that_is_none(sandbox, module, name):
    """FACTS 7.21 [LC]: `se_module` stands for any module, and COQL does not know it."""
    sandbox.settings(any_module_lookups="se_module")

    field, placed = field_of(sandbox, module, name)

    for told in (field, *placed):
        assert (told["data_type"], told["multi_module_lookup"]) == ("lookup", {})
        assert told["lookup"] == {"api_name": None, "module": {"api_name": "se_module", "id": None}}
    query = {"select_query": "select id from se_module where id is not null"}
    answer = sandbox.api("POST", "/coql", json=query)
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_QUERY")


def test_a_task_is_written_alike_however_its_lookup_is_told(sandbox):
    """Metadata mislead, values do not."""
    sandbox.settings(any_module_lookups="se_module")
    company = sandbox.create("Accounts", Account_Name="Nordlys")

    sent = {"Subject": "A", "What_Id": {"id": company}, "$se_module": "Accounts"}
    task = sandbox.api("POST", "/Tasks", json={"data": [sent]}).json()["data"][0]["details"]["id"]

    read = sandbox.api("GET", f"/Tasks/{task}").json()["data"][0]
    assert read["What_Id"] == {"name": "Nordlys", "id": company}


@pytest.mark.parametrize("json_type", ["jsonobject", "string", "absent"])
def test_the_json_type_of_pipeline_is_not_known(sandbox, json_type):
    """FACTS 7.21 [A]: whatever it says, a deal takes and shows `{"id", "name"}`."""
    sandbox.settings(pipeline_json_type=json_type)

    field, placed = field_of(sandbox, "Pipelines", "Pipeline")

    assert {told.get("json_type", "absent") for told in (field, *placed)} == {json_type}
    (_, partners) = sandbox.api("GET", "/settings/layouts", params={"module": "Pipelines"}).json()["layouts"]
    sent = {"Deal_Name": "A", "Sub_Pipeline": "Resellers", "Stage": "Live", "Closing_Date": "2026-12-01"}
    answer = sandbox.api(
        "POST", "/Pipelines", json={"data": [{**sent, "Pipeline": {"id": partners["id"]}}]}
    ).json()
    read = sandbox.api("GET", f"/Pipelines/{answer['data'][0]['details']['id']}").json()["data"][0]
    assert read["Pipeline"] == {"name": "Partner Onboarding", "id": partners["id"]}


SETTINGS_LISTS = [
    ("/settings/custom_views", {"module": "Contacts"}, 3, {"default"}),
    ("/settings/tags", {"module": "Contacts"}, 6, {"allowed_count"}),
    ("/settings/roles", {}, 2, set()),
    ("/settings/profiles", {}, 3, set()),
    ("/users", {}, 7, set()),
]


@pytest.mark.parametrize(("path", "params", "number", "more"), SETTINGS_LISTS)
def test_settings_lists_say_whether_there_are_more(sandbox, path, params, number, more):
    """FACTS 7.25: views, tags, roles, profiles and users carry `info`."""
    body = sandbox.api("GET", path, params=params).json()

    info = body["info"]
    assert info.keys() == {"per_page", "count", "page", "more_records", *more}
    assert (info["count"], info["page"], info["more_records"]) == (number, 1, False)


@pytest.mark.parametrize("settings_list", SETTINGS_LISTS)
@pytest.mark.parametrize("how", ["asked", "unasked"])
def test_settings_lists_may_come_in_pages(sandbox, settings_list, how):
    """FACTS 7.25: whoever reads the first page alone misses the rest; the setting makes pages unasked."""
    path, params, number, _ = settings_list
    asked = {"per_page": 2} if how == "asked" else {}
    sandbox.settings(most_settings_per_page=2 if how == "unasked" else 200)
    whole, pages, page = set(), 0, 1
    while page:
        answer = sandbox.api("GET", path, params={**params, **asked, "page": page})
        key = next(iter(answer.json()))
        whole |= {item["id"] for item in answer.json()[key]}
        pages += 1
        page = page + 1 if answer.json()["info"]["more_records"] else 0

    assert (len(whole), pages) == (number, -(-number // 2))
    beyond = sandbox.api("GET", path, params={**params, **asked, "page": pages + 1})
    assert beyond.status_code == 204
